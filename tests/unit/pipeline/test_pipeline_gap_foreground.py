"""Foreground of the frames in gaps, from a video and stored."""

from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from murid.core.progress import no_progress
from murid.core.types import Detections
from murid.pipeline.gap_foreground import GapForeground, _to_mask, _to_runs
from murid.store import RunDirectory
from murid.video import open_source

N_FRAMES = 30
SIZE = (160, 120)


def make_box(frame):
    return np.array([4 * frame, 40, 4 * frame + 40, 60], np.float32)


@contextmanager
def make_run(tmp_path, damaged=None):
    """A run of images in which a dark animal moves to the right; one image may be damaged."""
    folder = tmp_path / "frames"
    folder.mkdir()
    width, height = SIZE
    for frame in range(N_FRAMES):
        image = np.full((height, width, 3), 180, np.uint8)
        left, top, right, bottom = make_box(frame).astype(int)
        image[top:bottom, left:right] = 40
        cv2.imwrite(str(folder / f"{frame:03d}.png"), image)
    if damaged is not None:
        (folder / f"{damaged:03d}.png").write_bytes(b"no image")
    source = open_source(folder)
    with RunDirectory.create(
        tmp_path / "run.murid",
        source=folder,
        fingerprint=source.compute_fingerprint(),
        config={"detection": {}, "tracking": {}},
        detector="test",
        video=source.info.describe(),
    ) as run:
        with run.detections.write() as writer:
            for frame in range(N_FRAMES):
                found = Detections(make_box(frame)[None], np.ones(1, np.float32))
                writer.add(frame, frame / 30, found)
        run.detections.finish()
        yield run


@pytest.fixture
def run(tmp_path):
    with make_run(tmp_path) as run:
        yield run


def open_foreground(run, report=no_progress):
    return GapForeground(run, run.detections.read(embeddings=False), report)


def read(foreground, *frames):
    return {found.frame: found for found in foreground.read(np.array(frames))}


def test_foreground_is_where_the_animal_is(run):
    reports = []
    foreground = open_foreground(run, lambda *report: reports.append(report))
    found = read(foreground, 10, 20)
    assert reports == [("gaps", 1, 2), ("gaps", 2, 2)]
    for frame, own in found.items():
        rows, columns = np.nonzero(own.mask)
        width, height = own.cell_px
        left, top, right, bottom = make_box(frame)
        assert columns.min() * width == pytest.approx(left, abs=2)
        assert (columns.max() + 1) * width == pytest.approx(right, abs=2)
        assert rows.min() * height == pytest.approx(top, abs=2)
        assert (rows.max() + 1) * height == pytest.approx(bottom, abs=2)
    assert foreground.describe_unknown() == []


def test_stored_foreground_needs_no_video(run):
    foreground = open_foreground(run)
    first = read(foreground, 10, 20)
    foreground.store()
    for path in (run.path.parent / "frames").iterdir():
        path.unlink()
    again = open_foreground(run)
    second = read(again, 10, 20)
    assert second.keys() == {10, 20}
    for frame, own in second.items():
        np.testing.assert_array_equal(own.mask, first[frame].mask)
        assert own.cell_px == first[frame].cell_px
    assert again.describe_unknown() == []
    # Other frames are not known, and a note says so.
    assert read(again, 10, 11, 12).keys() == {10}
    (note,) = again.describe_unknown()
    assert note == "boxes in gaps are interpolated in 2 frames, since the video cannot be read"


def test_frames_that_cannot_be_decoded_are_not_read_again(tmp_path):
    with make_run(tmp_path, damaged=7) as run:
        foreground = open_foreground(run)
        assert read(foreground, 6, 7).keys() == {6}
        foreground.store()
        assert read(open_foreground(run, pytest.fail), 6, 7).keys() == {6}


def test_another_video_is_not_read(run):
    (run.path.parent / "frames" / "000.png").unlink()
    foreground = open_foreground(run, pytest.fail)
    assert read(foreground, 6, 7) == {}
    assert len(foreground.describe_unknown()) == 1


def test_more_frames_are_added_to_those_that_are_stored(run):
    for frames in ((3, 4), (4, 5)):
        foreground = open_foreground(run)
        assert read(foreground, *frames).keys() == set(frames)
        foreground.store()
    assert read(open_foreground(run, pytest.fail), 3, 4, 5).keys() == {3, 4, 5}


def test_runs_and_masks_are_the_same():
    rng = np.random.default_rng(0)
    for density in (0.0, 0.3, 1.0):
        mask = rng.random((9, 14)) < density
        np.testing.assert_array_equal(_to_mask(_to_runs(mask), mask.shape), mask)
