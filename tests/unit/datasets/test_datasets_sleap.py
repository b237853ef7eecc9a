import numpy as np
import pytest

from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import read_dataset

sleap_io = pytest.importorskip("sleap_io")


@pytest.fixture
def project(tmp_path, write_video):
    """Project of a video of five frames, kept under a path of another machine."""
    write_video(tmp_path / "cage.mp4")
    skeleton = sleap_io.Skeleton(["nose", "hip", "tail_tip"])
    one, two = sleap_io.Track("one"), sleap_io.Track("two")
    video = sleap_io.Video(filename=r"C:\lab\cage.mp4", open_backend=False)

    def predict(points, track):
        return sleap_io.PredictedInstance.from_numpy(
            np.array(points, float), skeleton=skeleton, track=track, score=0.5
        )

    def label(points, track, **more):
        return sleap_io.Instance.from_numpy(
            np.array(points, float), skeleton=skeleton, track=track, **more
        )

    replaced = predict([[9, 9], [19, 19], [40, 40]], None)
    instances = {
        0: [
            label([[10, 10], [20, 30], [60, 40]], one),
            label([[30, 10], [40, 12], [np.nan, np.nan]], two),
        ],
        3: [label([[10, 10], [20, 30], [60, 40]], one), predict([[1, 1], [2, 2], [3, 3]], one)],
        4: [replaced, label([[10, 11], [20, 30], [60, 40]], None, from_predicted=replaced)],
        2: [
            predict([[1, 1], [3, 3], [9, 9]], two),
            label([[10, 10], [np.nan, np.nan], [60, 40]], one),
        ],
    }
    frames = [
        sleap_io.LabeledFrame(video=video, frame_idx=k, instances=i) for k, i in instances.items()
    ]
    sleap_io.Labels(frames, tracks=[one, two]).save(str(tmp_path / "cage.slp"), verbose=False)
    return tmp_path / "cage.slp"


def test_user_instances_replace_predictions(project):
    for path in (project, project.parent):
        (sequence,), problems = read_dataset([path], ReadOptions(margin=0))
        assert problems == []
        assert (sequence.name, sequence.is_recording, sequence.video) == (
            "cage",
            True,
            project.with_suffix(".mp4"),
        )
        assert sequence.frames.tolist() == [0, 2, 3, 4]
        assert sequence.frame_offsets.tolist() == [0, 2, 3, 4, 5]
        assert sequence.boxes.tolist() == [
            [10, 10, 20, 30],
            [30, 10, 40, 12],
            [1, 1, 3, 3],
            [10, 10, 20, 30],
            [10, 11, 20, 30],
        ]
        assert sequence.track_ids.tolist() == [0, 1, 1, 0, -1]
        assert sequence.complete.tolist() == [True, False, False, False]


def test_points_can_be_chosen(project):
    (sequence,), _ = read_dataset([project], ReadOptions(margin=0, exclude_keypoints=("hip",)))
    assert sequence.boxes[0].tolist() == [10, 10, 60, 40]


def test_missing_video(project):
    project.with_suffix(".mp4").unlink()
    sequences, problems = read_dataset([project])
    assert sequences == []
    assert [p.field for p in problems] == ["images", "data set"]


def test_file_that_is_not_a_project(tmp_path):
    (tmp_path / "a.slp").write_text("text")
    sequences, problems = read_dataset([tmp_path / "a.slp"])
    assert sequences == []
    assert "a.slp: file: expected a SLEAP project, got " in str(problems[0])


@pytest.mark.data
def test_real_proofread_file(data_dir):
    """Boxes of poses lie on the animals, though where points are missing they are smaller."""
    from murid.core.boxes import compute_areas, compute_intersections

    place = data_dir / "rodents" / "sleapmot-2mice-homecage"
    (poses,), problems = read_dataset([place / "proofread.slp"])
    (truth,), _ = read_dataset([place])
    assert problems == []
    assert (poses.n_frames, len(poses)) == (97, 173)
    assert (~poses.complete).sum() == 20
    assert poses.video == place / "video.mp4"
    inside = [
        (compute_intersections(a.boxes, b.boxes).max(axis=1) / compute_areas(a.boxes)).tolist()
        for a, b in zip(poses, truth, strict=True)
        if len(a)
    ]
    assert np.median(np.concatenate(inside)) > 0.6
