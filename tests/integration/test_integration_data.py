"""``murid convert`` and ``murid info`` on labelled data."""

import json

import cv2
import numpy as np
import pytest

from murid.cli import EXIT_ERROR
from murid.cli import run as murid_cli
from murid.datasets.images import iterate_images
from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import read_dataset
from murid.pipeline.run import Run
from murid.video import UnreadableFrame, open_source


def murid(capsys, *arguments, code=0):
    assert murid_cli([str(a) for a in arguments]) == code
    return capsys.readouterr()


@pytest.fixture
def cage(clip, tmp_path):
    """The synthetic clip and its truth as a MOT sequence."""
    root = tmp_path / "cage"
    (root / "gt").mkdir(parents=True)
    (root / "gt" / "gt.txt").write_text((clip.parent / "gt.txt").read_text())
    (root / "cage.mp4").write_bytes(clip.read_bytes())
    return root


def read(path, **options):
    (sequence,), problems = read_dataset([path], ReadOptions(**options))
    assert problems == []
    return sequence


def test_formats_round_trip(cage, tmp_path, capsys):
    """A video becomes images and goes through every format; only YOLO drops the identities."""
    truth = read(cage)
    murid(capsys, "convert", cage, "--to", "coco", "--out", tmp_path / "coco")
    murid(capsys, "convert", tmp_path / "coco", "--to", "mot", "--out", tmp_path / "mot")
    murid(
        capsys,
        "convert",
        tmp_path / "mot",
        "--to",
        "yolo",
        "--out",
        tmp_path / "yolo",
        "--images",
        "link",
    )
    murid(capsys, "convert", tmp_path / "yolo", "--to", "mot", "--out", tmp_path / "again")
    for name in ("coco", "mot", "yolo", "again"):
        sequence = read(tmp_path / name)
        assert (sequence.name, sequence.n_frames) == ("cage", 90)
        assert sequence.frame_offsets.tolist() == truth.frame_offsets.tolist()
        assert sequence.boxes == pytest.approx(truth.boxes, abs=2e-3)
        known = truth.track_ids if name in ("coco", "mot") else np.full(len(truth), -1)
        assert sequence.track_ids.tolist() == known.tolist()
    linked = read(tmp_path / "yolo").image_paths[0]
    assert linked.is_symlink()
    assert cv2.imread(str(linked)).shape == (240, 320, 3)


def test_images_belong_to_their_frames(clip, tmp_path, capsys):
    """Frames of a gap in the labels are left out, and MOT counts what is left anew."""
    (tmp_path / "cage.json").write_text("{}")
    for name in ("a", "b"):
        murid(capsys, "convert", clip.parent / "gt.txt", "--to", "coco", "--out", tmp_path / name)
    content = json.loads((tmp_path / "a" / "annotations.json").read_text())
    content["images"] = [image for image in content["images"] if image["frame_id"] in (3, 80)]
    kept = {image["id"] for image in content["images"]}
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] in kept]
    (tmp_path / "a" / "annotations.json").write_text(json.dumps(content))
    said = murid(capsys, "convert", tmp_path / "a", "--to", "mot", "--out", tmp_path / "mot")
    assert "images are numbered anew" in said.err
    sequence = read(tmp_path / "mot")
    assert sequence.frames.tolist() == [0, 1]
    expected = tmp_path / "b" / "images" / "gt" / "000081.jpg"
    assert sequence.image_paths[1].read_bytes() == expected.read_bytes()


def test_runs_convert_to_datasets(tracked, tmp_path, capsys):
    said = murid(
        capsys, "convert", tracked, "--to", "mot", "--out", tmp_path / "mot", "--images", "none"
    ).out
    tracks = Run.open(tracked).tracks()
    assert f"1 sequence, 90 frames, {(tracks.track_ids >= 0).sum()} boxes" in said
    assert not (tmp_path / "mot" / "cage" / "img1").exists()
    sequence = read(tmp_path / "mot" / "cage", require_images=False)
    assert sequence.boxes == pytest.approx(tracks.detections.boxes[tracks.track_ids >= 0], abs=1e-3)


def test_all_problems_are_listed_and_can_be_skipped(cage, tmp_path, capsys):
    rows = (cage / "gt" / "gt.txt").read_text().splitlines()
    (cage / "gt" / "gt.txt").write_text(
        "\n".join([*rows, rows[0], "500,1,5,5,9,9,1", "2,9,5,5,0,9,1"])
    )
    command = ["convert", cage, "--to", "coco", "--out", tmp_path / "coco"]
    err = murid(capsys, *command, code=EXIT_ERROR).err
    assert "got 3 problems" in err
    for k, word in ((1, "each id once"), (2, "which has 90"), (3, "above 0")):
        assert any(f"line {len(rows) + k}" in line and word in line for line in err.splitlines())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cage"]
    said = murid(capsys, *command, "--skip-bad")
    assert "left out 3 " in said.err
    assert f"90 frames, {len(rows)} boxes" in said.out


def test_existing_and_partial_outputs_are_refused(cage, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    err = murid(
        capsys, "convert", cage, "--to", "mot", "--out", tmp_path / "out", code=EXIT_ERROR
    ).err
    assert "an empty directory" in err
    (cage / "cage.mp4").unlink()
    command = ["convert", cage, "--to", "yolo", "--out", tmp_path / "yolo", "--images", "none"]
    assert "their size" in murid(capsys, *command, code=EXIT_ERROR).err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cage", "out"]


def test_skipping_invalid_labels_keeps_the_others(cage, tmp_path, capsys):
    (cage / "gt" / "gt.txt").write_text("1,1,5,5,0,9,1\n")
    command = ["convert", cage, "--to", "coco", "--out", tmp_path / "coco", "--skip-bad"]
    assert "at least one labelled animal" in murid(capsys, *command, code=EXIT_ERROR).err


def test_info_counts_labels_and_draws_them(cage, tmp_path, capsys):
    with (cage / "gt" / "gt.txt").open("a") as file:
        file.write("2,9,5,5,0,9,1\n")
    printed = murid(capsys, "info", cage, "--sheet", tmp_path / "sheet.png", code=EXIT_ERROR)
    assert "expected none with problems, got 1 problem, listed above" in printed.err
    said = printed.out
    assert "320x240" in said
    assert "problems  1" in said
    assert "a width and a height above 0" in said
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape == (3 * (360 + 24), 4 * 480, 3)
    facts = json.loads(murid(capsys, "info", cage, "--json", code=EXIT_ERROR).out)
    assert (facts["n_frames"], facts["n_ids"], facts["n_incomplete"]) == (90, 3, 1)
    assert facts["classes"] == {"animal": facts["n_boxes"]}
    assert len(facts["problems"]) == 1


def test_info_draws_boxes_where_they_are(tmp_path, capsys):
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((240, 480, 3), np.uint8))
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    murid(capsys, "info", tmp_path, "--sheet", tmp_path / "sheet.png")
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    coloured = np.argwhere(sheet[:240].max(axis=2) > 100)
    assert coloured.max(axis=0) == pytest.approx([180, 360], abs=3)
    assert coloured[:, 1].min() == pytest.approx(120, abs=3)


def test_info_draws_runs(tracked, tmp_path, capsys):
    said = murid(capsys, "info", tracked, "--sheet", tmp_path / "sheet.jpg").out
    assert "made by murid" in said
    assert cv2.imread(str(tmp_path / "sheet.jpg")) is not None


def test_info_without_images_draws_nothing(cage, tmp_path, capsys):
    assert (
        "sheet.xyz"
        in murid(capsys, "info", cage, "--sheet", tmp_path / "sheet.xyz", code=EXIT_ERROR).err
    )
    (cage / "cage.mp4").unlink()
    assert (
        "images"
        in murid(capsys, "info", cage, "--sheet", tmp_path / "sheet.png", code=EXIT_ERROR).err
    )
    assert not list(tmp_path.glob("sheet*"))


@pytest.mark.data
def test_real_data_sets(data_dir, tmp_path, capsys):
    place = data_dir / "rodents" / "sleapmot-2mice-homecage" / "proofread.slp"
    poses = data_dir / "rodents" / "openfield-1mouse" / "labeled"
    said = murid(
        capsys,
        "convert",
        place,
        poses,
        "--to",
        "yolo",
        "--out",
        tmp_path / "yolo",
        "--images",
        "link",
    ).out
    assert "2 sequences, 213 frames, 289 boxes" in said
    assert (
        "problems  none"
        in murid(capsys, "info", tmp_path / "yolo", "--sheet", tmp_path / "sheet.png").out
    )


def test_a_gap_in_the_images_keeps_the_numbers(tmp_path, capsys):
    root = tmp_path / "gap"
    (root / "img1").mkdir(parents=True)
    (root / "gt").mkdir()
    numbers = [*range(1, 6), *range(9, 13)]
    for number in numbers:
        cv2.imwrite(str(root / "img1" / f"{number:06d}.png"), np.full((48, 64), number, np.uint8))
    rows = [f"{number},1,{number},5,9,9,1,1,1\n" for number in numbers]
    (root / "gt" / "gt.txt").write_text("".join(rows))
    source = open_source(root)
    assert source.info.n_frames == 12
    shown = {frame.index for frame in source.iterate() if not isinstance(frame, UnreadableFrame)}
    assert shown == {number - 1 for number in numbers}
    murid(capsys, "info", root)
    for name in ("mot", "coco"):
        out = tmp_path / name
        murid(capsys, "convert", root, "--to", name, "--out", out)
        sequence = read(out)
        assert set(sequence.frames.tolist()) == shown
        assert sequence.boxes[:, 0].tolist() == pytest.approx(numbers)
        images = iterate_images(sequence, range(len(numbers)))
        for number, image in zip(numbers, images, strict=True):
            assert abs(image.mean() - number) < 1


@pytest.mark.parametrize("is_counted_by_number", [True, False])
def test_images_that_start_with_a_later_number_are_scored(tmp_path, capsys, is_counted_by_number):
    root = tmp_path / "late"
    (root / "img1").mkdir(parents=True)
    (root / "gt").mkdir()
    rows = []
    numbers = [*range(101, 111), *range(113, 131)]
    for number in numbers:
        left = 20 + 3 * (number - 101)
        image = np.full((120, 200, 3), 200, np.uint8)
        cv2.ellipse(image, (left + 15, 60), (15, 8), 0, 0, 360, (20, 20, 20), -1)
        cv2.imwrite(str(root / "img1" / f"{number:06d}.png"), image)
        frame = number if is_counted_by_number else number - 100
        rows.append(f"{frame},1,{left},52,31,17,1,1,1\n")
    (root / "gt" / "gt.txt").write_text("".join(rows))
    seqinfo = root / "seqinfo.ini"
    if not is_counted_by_number:
        seqinfo.write_text("[Sequence]\nimDir=img1\nseqLength=30\nimWidth=200\nimHeight=120\n")
    run = tmp_path / "late.murid"
    murid(capsys, "track", root, "--animals", 1, "--detector", "background", "--out", run)
    result = murid(capsys, "evaluate", run, root, "--json")
    scores = json.loads(result.out)["combined"]
    assert scores["mota"] > 90
