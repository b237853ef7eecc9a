"""Training packages of SLEAP: their images are read from the file."""

import json

import cv2
import numpy as np
import pytest

from murid.cli import run as murid_cli
from murid.datasets.embedded_images import iterate_embedded_images, read_embedded_frames
from murid.datasets.images import iterate_images
from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import read_dataset
from murid.errors import SourceError

sleap_io = pytest.importorskip("sleap_io")

FRAMES = (3, 7, 12)


def make_image(number, is_grey):
    """An image with its number as its colour."""
    colour = (10 * number,) * 3 if is_grey else (200, 10 * number, 5)
    return np.full((48, 64, 3), colour, np.uint8)


@pytest.fixture(params=[True, False], ids=["grey", "colour"])
def package(request, tmp_path):
    """Package of two videos, whose labelled frames are sparse; the videos are gone."""
    frames = []
    skeleton = sleap_io.Skeleton(["nose", "hip"])
    points = np.array([[10, 10], [30, 20]], float)
    for name in ("one", "two"):
        images = []
        for number in range(20):
            image = make_image(number + (name == "two"), request.param)
            images.append(str(tmp_path / f"{name}-{number:02d}.png"))
            cv2.imwrite(images[-1], image[..., ::-1])
        video = sleap_io.Video.from_filename(images)
        for number in FRAMES:
            instance = sleap_io.Instance.from_numpy(points, skeleton=skeleton)
            frames.append(
                sleap_io.LabeledFrame(video=video, frame_idx=number, instances=[instance])
            )
    guess = sleap_io.PredictedInstance.from_numpy(points, skeleton=skeleton)
    frames.append(sleap_io.LabeledFrame(video=frames[0].video, frame_idx=15, instances=[guess]))
    (tmp_path / "set").mkdir()
    labels = sleap_io.Labels(frames)
    labels.save(str(tmp_path / "set" / "labels.pkg.slp"), embed="user", verbose=False)
    for image in tmp_path.glob("*.png"):
        image.unlink()
    return (tmp_path / "set" / "labels.pkg.slp"), request.param


def test_images_are_those_of_their_frames(package):
    path, is_grey = package
    for place in (path, path.parent):
        sequences, problems = read_dataset([place])
        assert problems == []
        for shift, sequence in enumerate(sequences):
            assert sequence.frames.tolist() == list(FRAMES)
            assert sequence.sizes.tolist() == [[64, 48]] * 3
            images = list(iterate_images(sequence, [0, 2]))
            for image, number in zip(images, (3, 12), strict=True):
                assert image.tolist() == make_image(number + shift, is_grey).tolist()
    assert "1 predicted frame without an image in the package left out" in sequences[0].notes[0]


def test_packages_convert_without_their_videos(package, tmp_path, capsys):
    path, is_grey = package
    renamed = path.rename(path.with_name("mice.slp"))
    out = tmp_path / "coco"
    assert murid_cli(["convert", str(renamed), "--to", "coco", "--out", str(out)]) == 0
    content = json.loads((out / "annotations.json").read_text())
    assert [image["frame_id"] for image in content["images"]] == [*FRAMES, *FRAMES]
    image = cv2.imread(str(out / content["images"][1]["file_name"]))[..., ::-1]
    assert np.abs(image - make_image(7, is_grey).astype(float)).max() < 4


def test_what_is_not_there(package, tmp_path):
    path, _ = package
    assert read_embedded_frames(path, "video0/video") == dict.fromkeys(FRAMES, (64, 48))
    assert read_embedded_frames(path, "video9/video") is None
    (tmp_path / "a.slp").write_text("text")
    assert read_embedded_frames(tmp_path / "a.slp", "video0/video") is None
    with pytest.raises(SourceError, match="video0/video, frame 4: expected an image"):
        next(iterate_embedded_images(path, "video0/video", [4]))
    with pytest.raises(SourceError, match=r"a\.slp: video0/video, frame 4: expected"):
        next(iterate_embedded_images(tmp_path / "a.slp", "video0/video", [4]))


def test_options_of_keypoints_hold(package):
    path, _ = package
    (sequence, _), problems = read_dataset([path], ReadOptions(margin=0))
    assert problems == []
    assert sequence.boxes[0].tolist() == [10, 10, 30, 20]
