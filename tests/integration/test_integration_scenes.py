"""The commands `murid scenes` and `murid compose` on real files."""

import configparser

import cv2
import numpy as np
import pytest

from murid.cli import run as murid_cli
from murid.datasets.mot_text import read_mot
from murid.errors import ConfigError, SourceError
from murid.synthetic.compose_solos import compose_videos
from murid.video import VideoWriter, open_source

SIZE = (240, 320)


@pytest.fixture(scope="module")
def solo(tmp_path_factory):
    """Video of a dark ellipse that moves over a plain floor for six seconds."""
    return write_video(tmp_path_factory.mktemp("solo") / "solo.mp4", make_path(150), SIZE)


def make_path(n_frames, seed=0):
    """Positions ``(n, 2)`` of an animal on a closed path."""
    t = np.arange(n_frames) / 25
    return np.column_stack([160 + 90 * np.sin(0.9 * t + seed), 120 + 60 * np.cos(1.3 * t + seed)])


def write_video(path, positions, size, fps=25.0, shake=0, grain=9):
    floor = np.full((*size, 3), 198 - grain, np.uint8)
    floor += np.random.default_rng(1).integers(0, grain, floor.shape, np.uint8)
    with VideoWriter(path, fps, size[1], size[0]) as video_writer:
        for k, (x, y) in enumerate(positions):
            image = np.roll(floor, (shake * k, 2 * shake * k), (0, 1))
            ahead = positions[min(k + 1, len(positions) - 1)] - positions[k - 1 if k else 0]
            angle = float(np.degrees(np.arctan2(ahead[1], ahead[0])))
            cv2.ellipse(
                image, (round(x), round(y)), (24, 11), angle, 0, 360, (35, 33, 31), -1, cv2.LINE_AA
            )
            video_writer.write(image)
    return path


def read_rows(directory):
    return np.loadtxt(directory / "gt" / "gt.txt", delimiter=",", ndmin=2)


def run_murid(capsys, *arguments):
    code = murid_cli([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_scenes_writes_a_readable_sequence(tmp_path, capsys):
    code, out, err = run_murid(
        capsys,
        "scenes",
        "--scenario",
        "crowd-20",
        "--seconds",
        0.4,
        "--seed",
        3,
        "--masks",
        "--out",
        tmp_path / "a",
    )
    assert code == 0, err
    assert "20 animals, 12 frames" in out
    assert open_source(tmp_path / "a" / "video.mp4").info.n_frames == 12
    truth = read_mot(tmp_path / "a" / "gt" / "gt.txt", n_frames=12)
    assert set(truth.ids.tolist()) == set(range(1, 21))
    parser = configparser.ConfigParser()
    parser.read(tmp_path / "a" / "seqinfo.ini")
    assert dict(parser["Sequence"]) == {
        "name": "crowd-20",
        "framerate": "30",
        "seqlength": "12",
        "imwidth": "640",
        "imheight": "480",
    }
    labels = cv2.imread(str(tmp_path / "a" / "masks" / "000012.png"), cv2.IMREAD_UNCHANGED)
    last = read_rows(tmp_path / "a")[-20:]
    assert set(np.unique(labels)) - {0} >= set(last[last[:, 0] == 12, 1].astype(int))


def test_scenes_is_reproducible_by_its_seed(tmp_path, capsys):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        options = (
            "--scenario",
            "shelter-4",
            "--seconds",
            0.2,
            "--seed",
            seed,
            "--out",
            tmp_path / name,
        )
        assert run_murid(capsys, "scenes", *options)[0] == 0
    assert (tmp_path / "a" / "gt" / "gt.txt").read_text() == (
        tmp_path / "b" / "gt" / "gt.txt"
    ).read_text()
    assert (tmp_path / "a" / "gt" / "gt.txt").read_text() != (
        tmp_path / "c" / "gt" / "gt.txt"
    ).read_text()


def test_unknown_scenario_is_wrong_usage(tmp_path, capsys):
    assert run_murid(capsys, "scenes", "--scenario", "zoo-9", "--out", tmp_path / "a")[0] == 2
    assert not (tmp_path / "a").exists()


def test_compose_several_animals_from_one_solo(solo, tmp_path, capsys):
    out = tmp_path / "composed"
    code, printed, err = run_murid(
        capsys, "compose", solo, "--animals", 3, "--seconds", 2, "--masks", "--out", out
    )
    assert code == 0, err
    assert "50 frames of 320x240" in printed
    assert open_source(out / "video.mp4").info.n_frames == 50
    rows = read_rows(out)
    assert set(rows[:, 1]) == {1, 2, 3}
    assert np.bincount(rows[:, 0].astype(int)).max() == 3
    whole = rows[rows[:, 8] == 1]
    assert np.median(whole[:, 4:6].max(axis=1)) == pytest.approx(46, abs=8)
    labels = cv2.imread(str(out / "masks" / "000010.png"), cv2.IMREAD_UNCHANGED)
    for _, track_id, x, y, w, h, *_ in whole[whole[:, 0] == 10]:
        ys, xs = np.nonzero(labels == track_id)
        np.testing.assert_allclose(
            [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1], [x, y, w, h]
        )


def test_composed_animals_are_where_the_ground_truth_says(solo, tmp_path):
    out = tmp_path / "composed"
    compose_videos([solo], out, animals=2, seconds=1.6, recolour=False)
    rows = read_rows(out)
    for frame in open_source(out / "video.mp4").iterate():
        dark = frame.image.max(axis=2) < 90
        inside = np.zeros_like(dark)
        for x, y, w, h in rows[rows[:, 0] == frame.index + 1][:, 2:6].astype(int):
            assert dark[y : y + h, x : x + w].mean() > 0.3
            inside[y - 3 : y + h + 3, x - 3 : x + w + 3] = True
        assert not (dark & ~inside).any()


def test_compose_is_reproducible_and_takes_an_animal_from_each_solo(solo, tmp_path):
    other = write_video(tmp_path / "other.mp4", make_path(120, seed=2), SIZE)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        compose_videos([solo, other], tmp_path / name, seconds=1, seed=seed)
    assert set(read_rows(tmp_path / "a")[:, 1]) == {1, 2}
    assert (tmp_path / "a" / "gt" / "gt.txt").read_text() == (
        tmp_path / "b" / "gt" / "gt.txt"
    ).read_text()
    assert (tmp_path / "a" / "gt" / "gt.txt").read_text() != (
        tmp_path / "c" / "gt" / "gt.txt"
    ).read_text()


def test_compose_in_another_arena(solo, tmp_path):
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((*SIZE, 3), 120, np.uint8))
    compose_videos([solo], tmp_path / "out", arena=tmp_path / "empty.png", animals=2, seconds=1)
    image = next(iter(open_source(tmp_path / "out" / "video.mp4").iterate())).image
    assert np.median(image) == pytest.approx(120, abs=4)


def test_compose_refuses_unusable_videos(solo, tmp_path):
    still = write_video(tmp_path / "empty.mp4", np.full((60, 2), -100.0), SIZE)
    small = write_video(tmp_path / "small.mp4", make_path(60) / 2, (120, 160))
    slow = write_video(tmp_path / "slow.mp4", make_path(60), SIZE, fps=10)
    moving = write_video(tmp_path / "moving.mp4", make_path(60), SIZE, shake=3, grain=150)
    cases = [
        ([still], {}, r"empty.mp4: animal: .*found in 0 of"),
        ([solo, small], {}, r"small.mp4: size: expected 320x240 .* got 160x120"),
        ([solo, slow], {}, r"slow.mp4: frame rate: expected about 25"),
        (
            [solo],
            {"seconds": 30.0},
            r"solo.mp4: frames: expected at least 750 after the first 0, got 150",
        ),
        ([solo], {"skip_frames": 140}, r"solo.mp4: frames"),
        ([solo], {"arena": small}, r"small.mp4: size"),
        ([tmp_path / "none.mp4"], {}, r"none.mp4"),
        ([moving], {}, r"moving.mp4: (camera|animal)"),
    ]
    for solos, options, message in cases:
        with pytest.raises(SourceError, match=message):
            compose_videos(solos, tmp_path / "out", **({"seconds": 1.0} | options))
    for options in ({"animals": 0}, {"seconds": 0.0}, {"skip_frames": -1}):
        with pytest.raises(ConfigError):
            compose_videos([solo], tmp_path / "out", **options)
    with pytest.raises(ConfigError, match="solos"):
        compose_videos([], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.data
@pytest.mark.parametrize(("clip", "skip"), [("openfield-1mouse", 0), ("tracktor-1mouse", 500)])
def test_compose_from_real_solos(clip, skip, data_dir, tmp_path):
    video = data_dir / "rodents" / clip / "video.mp4"
    compose_videos([video], tmp_path / "out", animals=2, seconds=2, skip_frames=skip)
    rows = read_rows(tmp_path / "out")
    assert set(rows[:, 1]) == {1, 2}
    assert len(rows) > 0.9 * 2 * 60
    for track_id in (1, 2):
        own = rows[rows[:, 1] == track_id]
        centres = own[:, 2:4] + own[:, 4:6] / 2
        length = np.median(own[:, 4:6].max(axis=1))
        assert np.linalg.norm(np.diff(centres, axis=0), axis=1).max() < 0.6 * length
        assert np.median(own[:, 4:6].min(axis=1)) > 0.3 * length
