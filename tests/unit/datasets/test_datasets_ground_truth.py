"""Ground truth in formats that list labelled frames, those without animals too."""

import json

import numpy as np
import pytest

from murid.datasets.ground_truth import read_ground_truth_boxes
from murid.errors import FormatError
from murid.evaluation import evaluate

BOXES = {1: [50, 60, 80, 40], 2: [400, 300, 60, 60]}
N_FRAMES = 100


@pytest.fixture
def result(tmp_path):
    """MOT rows of two animals that stand still, in all frames."""
    lines = [
        f"{t},{i},{x},{y},{w},{h},1,-1,-1,-1\n"
        for t in range(1, N_FRAMES + 1)
        for i, (x, y, w, h) in BOXES.items()
    ]
    (tmp_path / "result.txt").write_text("".join(lines))
    return tmp_path / "result.txt"


def write_coco(path, frames, animals=(1, 2), **changes):
    """COCO-video with images of some frames; `changes` of each annotation."""
    images = [
        {
            "id": k,
            "file_name": f"{f}.png",
            "video_id": 1,
            "frame_id": f,
            "width": 640,
            "height": 480,
        }
        for k, f in enumerate(frames)
    ]
    annotations = [
        {"id": 1, "image_id": k, "category_id": 1, "bbox": BOXES[i], "track_id": i} | changes
        for k in range(len(frames))
        for i in animals
    ]
    categories = [{"id": 1, "name": "mouse"}]
    videos = [{"id": 1, "name": "cage", "fps": 25}]
    content = {
        "images": images,
        "annotations": annotations,
        "categories": categories,
        "videos": videos,
    }
    path.write_text(json.dumps(content))
    return content


def test_listed_frames_are_scored(result, tmp_path):
    """Consecutive frames, so that a MOT file would count as dense; two of them are empty."""
    path = tmp_path / "labels.json"
    content = write_coco(path, range(10, 30))
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] < 18]
    path.write_text(json.dumps(content))
    evaluation = evaluate(result, path)
    assert list(evaluation.sequences) == ["cage"]
    scores = evaluation.combined
    assert (scores.n_frames, scores.false_positives, scores.false_negatives) == (20, 4, 0)
    assert "cage: scored on the 20 labelled frames of 100" in evaluation.notes[0]
    assert scores.switches_per_animal_hour == 0
    empty = evaluate(result, path, all_frames=True).combined
    assert (empty.n_frames, empty.false_positives) == (100, 4 + 2 * 80)


def test_images_of_a_task_that_nobody_has_labelled_are_not_scored(result, tmp_path):
    """Annotation tools write all images of a task, also those without labels."""
    path = tmp_path / "labels.json"
    content = write_coco(path, range(N_FRAMES))
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] % 30 == 0]
    path.write_text(json.dumps(content))
    evaluation = evaluate(result, path)
    assert (evaluation.combined.mota, evaluation.combined.n_frames) == (pytest.approx(100), 4)
    assert "cage: scored on the 4 labelled frames of 100" in evaluation.notes[0]
    assert evaluate(result, path, all_frames=True).combined.false_positives == 2 * 96
    assert evaluate(result, path, all_frames=False).combined.n_frames == 4


def test_chosen_images_without_animals_are_scored(result, tmp_path):
    path = tmp_path / "labels.json"
    content = write_coco(path, range(0, N_FRAMES, 10))
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] % 2 == 0]
    path.write_text(json.dumps(content))
    scores = evaluate(result, path).combined
    assert (scores.n_frames, scores.false_positives) == (10, 10)


def test_frames_with_unlabelled_animals_are_not_scored(result, tmp_path):
    path = tmp_path / "labels.json"
    content = write_coco(path, range(0, 100, 10))
    content["annotations"].append({**content["annotations"][0], "track_id": 9, "iscrowd": 1})
    content["annotations"][-1].pop("track_id")
    path.write_text(json.dumps(content))
    evaluation = evaluate(result, path)
    assert evaluation.combined.n_frames == 9
    assert evaluation.combined.mota == pytest.approx(100)
    assert "1 frame in which not all animals are labelled not scored" in evaluation.notes[0]


def test_projects_of_sleap(result, tmp_path):
    sleap_io = pytest.importorskip("sleap_io")
    skeleton = sleap_io.Skeleton(["nose", "tail_base"])
    video = sleap_io.Video(filename="/lab/cage.mp4", open_backend=False)
    tracks = {i: sleap_io.Track(f"animal {i}") for i in BOXES}
    frames = []
    for t in range(0, N_FRAMES, 25):
        instances = []
        for i, (x, y, w, h) in BOXES.items():
            points = np.array([[x, y], [x + w, y + h]], float)
            instance = sleap_io.Instance.from_numpy(points, skeleton=skeleton, track=tracks[i])
            instances.append(instance)
        frames.append(sleap_io.LabeledFrame(video=video, frame_idx=t, instances=instances))
    labels = sleap_io.Labels(frames, tracks=list(tracks.values()))
    labels.save(str(tmp_path / "labels.slp"), verbose=False)
    scores = evaluate(result, tmp_path / "labels.slp").combined
    assert (scores.n_frames, scores.mota, scores.idf1) == (
        4,
        pytest.approx(100),
        pytest.approx(100),
    )


def test_tracks_of_cvat(result, tmp_path):
    tracks = "".join(
        f'<track id="{i}" label="mouse">'
        + "".join(
            f'<box frame="{t}" outside="0" xtl="{x}" ytl="{y}" xbr="{x + w}" ybr="{y + h}"/>'
            for t in range(0, N_FRAMES, 20)
        )
        + "</track>"
        for i, (x, y, w, h) in BOXES.items()
    )
    meta = "<meta><task><size>5</size><frame_filter>step=20</frame_filter></task></meta>"
    (tmp_path / "annotations.xml").write_text(f"<annotations>{meta}{tracks}</annotations>")
    scores = evaluate(result, tmp_path / "annotations.xml").combined
    assert (scores.n_frames, scores.mota) == (5, pytest.approx(100))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"track_id": -1}, "track_id: expected the identity of the animal in every label"),
        ({"category_id": 7}, "category_id: expected the id of one of the categories"),
    ],
)
def test_labels_that_cannot_be_scored(result, tmp_path, changes, message):
    write_coco(tmp_path / "labels.json", range(0, 100, 50), animals=(1,), **changes)
    with pytest.raises(FormatError, match=message):
        evaluate(result, tmp_path / "labels.json")


def test_labels_without_frame_numbers(result, tmp_path, write_images):
    content = write_coco(tmp_path / "labels.json", range(0, 100, 50))
    for image in content["images"]:
        del image["video_id"]
    (tmp_path / "labels.json").write_text(json.dumps(content))
    with pytest.raises(FormatError, match="with the number of each frame in it, got labels"):
        evaluate(result, tmp_path / "labels.json")
    write_images(tmp_path / "set" / "images", "a.png")
    (tmp_path / "set" / "labels").mkdir()
    with pytest.raises(FormatError, match="got yolo labels, which do not number the frames"):
        evaluate(result, tmp_path / "set")


def test_frames_beyond_the_video(result, tmp_path):
    write_coco(tmp_path / "labels.json", range(0, 100, 50))
    with pytest.raises(FormatError, match=r"cage, frame: expected frames .* 0 to 39"):
        evaluate(result, tmp_path / "labels.json", n_frames=40)


def test_ground_truth_is_read_by_suffix(tmp_path):
    (tmp_path / "gt.txt").write_text("1,1,0,0,5,5,1\n")
    assert read_ground_truth_boxes(tmp_path / "gt.txt", n_frames=1).ids.tolist() == [1]
    with pytest.raises(FormatError, match="from 1 to 0"):
        read_ground_truth_boxes(tmp_path / "gt.txt", n_frames=0)
    with pytest.raises(
        FormatError, match=r"gt.csv: suffix: expected .txt, a format of ground truth, got '.csv'"
    ):
        read_ground_truth_boxes(tmp_path / "gt.csv")
