import numpy as np
import pytest
from store_runs import write_frames, write_identities, write_tracks

from murid.evaluation import evaluate
from murid.store import RunDirectory

N_FRAMES = 16
# The frame that `write_frames` cannot decode.
UNREADABLE = 12


@pytest.fixture
def run(tmp_path):
    """Run in which animal 3 is interpolated in every frame, also in one without an image."""
    fingerprint = {"width": 200, "height": 200, "fps": 30.0}
    with RunDirectory.create(
        tmp_path / "cage.murid",
        source=tmp_path / "cage",
        fingerprint=fingerprint,
        config={},
        detector="any",
    ) as run:
        write_frames(run, N_FRAMES)
        run.detections.finish()
        write_tracks(run)
        write_identities(run)
        return run.path


def write_truth(path, run, frames):
    """The boxes of the run in some frames, as ground truth."""
    tracks = RunDirectory.open(run).read_tracks()
    boxes = tracks.detections.boxes
    lines = [
        f"{t + 1},{i},{x0},{y0},{x1 - x0},{y1 - y0},1,1,1\n"
        for t, i, (x0, y0, x1, y1) in zip(
            tracks.detections.frame_numbers.tolist(),
            tracks.track_ids.tolist(),
            boxes.astype(np.float64).tolist(),
            strict=True,
        )
        if t in frames
    ]
    path.write_text("".join(lines))
    return path


def test_frames_without_an_image_are_not_scored(run, tmp_path):
    """Nobody can label a frame that has no image, so an interpolated box in it is no mistake."""
    readable = [t for t in range(N_FRAMES) if t != UNREADABLE]
    evaluation = evaluate(run, write_truth(tmp_path / "gt.txt", run, readable))
    assert evaluation.combined.mota == pytest.approx(100)
    assert (evaluation.combined.n_frames, evaluation.combined.false_positives) == (15, 0)
    assert evaluation.notes[0] == (
        "gt: 1 of 16 frames have neither an image nor labels, and are not scored"
    )


def test_labels_of_frames_without_an_image_are_scored(run, tmp_path):
    evaluation = evaluate(run, write_truth(tmp_path / "gt.txt", run, range(N_FRAMES)))
    assert evaluation.combined.mota == pytest.approx(100)
    assert evaluation.combined.n_frames == N_FRAMES
    assert evaluation.notes == (
        "gt: 1 frame without an image has labels; does the ground truth count the images, instead "
        "of the frames?",
    )


def test_detections_of_unlabelled_frames_are_not_scored(run, tmp_path):
    evaluation = evaluate(run, write_truth(tmp_path / "gt.txt", run, range(0, N_FRAMES, 3)))
    (scored,) = evaluation.details
    assert scored.pair.n_frames == N_FRAMES
    assert scored.pair.n_scored_frames == len(range(0, N_FRAMES, 3))
    assert set(scored.pair.detections.frames.tolist()) <= set(range(0, N_FRAMES, 3))
    assert evaluation.combined.false_positives == 0
