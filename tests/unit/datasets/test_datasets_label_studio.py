"""Exports of Label Studio in the structure of its documentation of tasks."""

import json

import pytest

from murid.datasets.registry import read_dataset, recognise_data


def make_rectangle(x, y, width, height, rotation=0, **changes):
    value = {"x": x, "y": y, "width": width, "height": height, "rotation": rotation}
    result = {
        "original_width": 200,
        "original_height": 100,
        "image_rotation": 0,
        "value": value | {"rectanglelabels": ["mouse"]},
        "id": "a1",
        "from_name": "label",
        "to_name": "image",
        "type": "rectanglelabels",
    }
    return result | changes


def make_task(media, *results, key="image", **changes):
    annotation = {"id": 1, "was_cancelled": False, "result": list(results)} | changes
    return {"id": 1, "annotations": [annotation], "data": {key: f"/data/upload/3/{media}"}}


def write(path, *tasks):
    path.write_text(json.dumps(list(tasks)))
    return path


def read(path):
    sequences, problems = read_dataset([path])
    assert problems == []
    return sequences


def test_rectangles_and_polygons_of_images(tmp_path, write_images):
    write_images(tmp_path / "images", "a.png", "b.png", "c.png", size=(200, 100))
    polygon = make_rectangle(0, 0, 0, 0, type="polygonlabels")
    polygon["value"] = {"points": [[10, 20], [30, 22], [20, 40]], "polygonlabels": ["rat"]}
    keypoint = make_rectangle(1, 1, 0, 0, type="keypointlabels")
    tasks = [
        make_task("0a1b2c3d-a.png", make_rectangle(10, 20, 30, 40), keypoint),
        make_task("b.png", polygon, make_rectangle(50, 50, 10, 10, rotation=90)),
        make_task("c.png", make_rectangle(1, 1, 5, 5), was_cancelled=True),
    ]
    path = write(tmp_path / "project.json", *tasks)
    for place in (path, tmp_path):
        assert recognise_data(place).name == "labelstudio"
        (sequence,) = read(place)
        assert (sequence.name, sequence.is_recording) == ("project", False)
        assert [image.name for image in sequence.image_paths] == ["a.png", "b.png"]
        assert sequence.boxes[:2].tolist() == [[20, 20, 80, 60], [20, 20, 60, 40]]
        # Turned about its upper left corner, at 100, 50: 20 wide and 10 high.
        assert sequence.boxes[2].tolist() == pytest.approx([90, 50, 100, 70])
        names = [sequence.class_names[k] for k in sequence.class_ids]
        assert names == ["mouse", "rat", "mouse"]
        assert sequence.notes == (
            "project.json: 1 task without a finished annotation left out",
            "project.json: left out 1 result without a rectangle or polygon",
        )


def test_rectangles_of_videos(tmp_path, write_video):
    """Keyframes count from 1; the animal is hidden after one that is not enabled."""
    write_video(tmp_path / "cage.mp4", 9, size=(200, 100))

    def make_keyframe(frame, x, enabled=True):
        place = {"x": x, "y": 10, "width": 10, "height": 20, "rotation": 0, "time": frame / 25}
        return {"frame": frame, "enabled": enabled} | place

    def make_track(*keyframes):
        value = {"framesCount": 9, "duration": 0.36, "sequence": keyframes, "labels": ["mouse"]}
        names = {"from_name": "box", "to_name": "video", "type": "videorectangle"}
        return {"value": value, "id": "b2"} | names

    tracks = [
        make_track(make_keyframe(1, 10), make_keyframe(3, 20, enabled=False), make_keyframe(8, 30)),
        make_track(make_keyframe(7, 50)),
    ]
    path = write(tmp_path / "project.json", make_task("0a1b2c3d-cage.mp4", *tracks, key="video"))
    (sequence,) = read(path)
    assert (sequence.name, sequence.is_recording) == ("cage", True)
    assert sequence.frames.tolist() == list(range(9))
    frames = sequence.frames[sequence.frame_numbers]
    lefts = {
        track_id: dict(
            zip(
                frames[sequence.track_ids == track_id].tolist(),
                sequence.boxes[sequence.track_ids == track_id, 0].tolist(),
                strict=True,
            )
        )
        for track_id in (0, 1)
    }
    assert lefts[0] == {0: 20, 1: 30, 2: 40, 7: 60, 8: 60}
    assert lefts[1] == {6: 100, 7: 100, 8: 100}
    (tmp_path / "cage.mp4").unlink()
    _, problems = read_dataset([path])
    assert problems[0].field == "video"


def test_problems(tmp_path, write_images):
    write_images(tmp_path, "a.png", size=(200, 100))
    bad = make_rectangle(10, 20, "x", 40)
    path = write(tmp_path / "a.json", make_task("a.png", bad, make_rectangle(1, 1, 5, 5)))
    (sequence,), problems = read_dataset([path])
    assert [(p.location, p.field) for p in problems] == [("[0], result[0]", "value")]
    assert sequence.complete.tolist() == [False]


@pytest.mark.parametrize("annotations", [3, [3], [{"result": 3}], [{"result": [3]}], None])
def test_tasks_of_another_structure(tmp_path, write_images, annotations):
    write_images(tmp_path, "a.png", "b.png", size=(200, 100))
    tasks = [make_task("a.png", make_rectangle(1, 1, 5, 5)), {"annotations": annotations}]
    (sequence,), _ = read_dataset([write(tmp_path / "a.json", *tasks)])
    assert len(sequence) == 1
