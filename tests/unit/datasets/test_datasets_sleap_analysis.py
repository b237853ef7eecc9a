import numpy as np
import pytest

from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import read_dataset, recognise_data

h5py = pytest.importorskip("h5py")
sleap_io = pytest.importorskip("sleap_io")

NODES = ("nose", "hip", "tail_base")


def make_points():
    """Two tracks of three nodes in four frames ``(frame, track, node, xy)``.

    The second track is missing in frame 1, and has one node only in frame 3; frame 2 is empty.
    """
    points = np.zeros((4, 2, 3, 2))
    points[:, 0] = [[10, 10], [20, 30], [30, 20]]
    points[:, 1] = [[40, 10], [50, 12], [60, 40]]
    points[1, 1] = np.nan
    points[2] = np.nan
    points[3, 1, 1:] = np.nan
    return points


def write(path, axes, **attributes):
    """Write the arrays that SLEAP writes, with the axes of ``tracks`` in another order."""
    points = make_points()
    with h5py.File(path, "w") as file:
        file["tracks"] = points.transpose(axes)
        file["track_occupancy"] = np.isfinite(points[..., 0]).any(axis=2).astype(np.uint8)
        file["track_names"] = [b"white", b"black"]
        file["node_names"] = [name.encode() for name in NODES]
        file["video_path"] = "C:\\lab\\cage.mp4"
        file["instance_scores"] = np.zeros((2, 4))
        file.attrs.update(attributes)
    return path


def check(path):
    (sequence,), problems = read_dataset([path], ReadOptions(margin=0))
    assert problems == []
    assert (sequence.is_recording, sequence.video) == (True, path.parent / "cage.mp4")
    assert sequence.frames.tolist() == [0, 1, 3]
    assert sequence.frame_offsets.tolist() == [0, 2, 3, 4]
    assert sequence.track_ids.tolist() == [0, 1, 0, 0]
    assert sequence.boxes[:2].tolist() == [[10, 10, 30, 30], [40, 10, 60, 40]]
    assert sequence.complete.tolist() == [True, False, False]
    assert "1 animal with fewer than two visible keypoints" in sequence.notes[0]
    return sequence


@pytest.mark.parametrize(
    ("axes", "attributes"),
    [
        ((1, 3, 2, 0), {}),  # for MATLAB, as SLEAP does by default
        ((0, 2, 3, 1), {"transpose": False}),
        ((0, 2, 3, 1), {}),
        ((0, 1, 2, 3), {}),
    ],
)
def test_every_order_of_axes(tmp_path, write_video, axes, attributes):
    write_video(tmp_path / "cage.mp4")
    assert check(write(tmp_path / "cage.analysis.h5", axes, **attributes)).name == "cage"


@pytest.mark.parametrize("preset", ["matlab", "standard"])
def test_files_of_sleap_io(tmp_path, write_video, preset):
    write_video(tmp_path / "cage.mp4")
    skeleton = sleap_io.Skeleton(list(NODES))
    tracks = [sleap_io.Track("white"), sleap_io.Track("black")]
    video = sleap_io.Video(filename=str(tmp_path / "cage.mp4"))
    frames = []
    for k, points in enumerate(make_points()):
        instances = [
            sleap_io.PredictedInstance.from_numpy(animal, skeleton=skeleton, track=track, score=0.9)
            for animal, track in zip(points, tracks, strict=True)
            if np.isfinite(animal).any()
        ]
        frames.append(sleap_io.LabeledFrame(video=video, frame_idx=k, instances=instances))
    labels = sleap_io.Labels(frames, tracks=tracks)
    path = tmp_path / "labels.v001.000_cage.analysis.h5"
    sleap_io.save_analysis_h5(labels, str(path), preset=preset)
    assert check(path).name == "cage"
    assert recognise_data(tmp_path).name == "sleap"


def test_other_shapes_are_refused(tmp_path):
    path = write(tmp_path / "a.h5", (1, 3, 2, 0))
    with h5py.File(path, "r+") as file:
        del file["node_names"]
        file["node_names"] = [b"nose"]
    _, (problem, _) = read_dataset([path])
    assert problem.field == "tracks"
    assert "1 nodes" in problem.expected
    assert problem.got == "(2, 2, 3, 4)"
