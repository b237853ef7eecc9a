from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from review_runs import HEIGHT, WIDTH, make_run, write_video

from murid.errors import SourceError
from murid.pipeline import crossing_clips
from murid.pipeline.crossing_clips import write_crossing_clips
from murid.pipeline.run import Run
from murid.review.report_crossings import list_report_crossings
from murid.store import AnimalName, RunDirectory
from murid.video import open_source


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def crossings(path):
    return list_report_crossings(RunDirectory.open(path))


def read_clip(folder, crossing):
    return list(open_source(folder / crossing.clip).iterate())


def test_clips_are_those_of_the_review_at_half_speed(path, crossings, tmp_path):
    calls = []
    listed = write_crossing_clips(
        Run.open(path), crossings, tmp_path, 2, report=lambda *call: calls.append(call)
    )
    assert [crossing.clip for crossing in listed] == [
        "report_clips/crossing-1-3-60-66.mp4",
        f"report_clips/crossing-{crossings[1].id}.mp4",
        None,
    ]
    assert [replace(crossing, clip=None) for crossing in listed] == crossings
    assert calls == [("clips", 1, 2), ("clips", 2, 2)]
    clip = open_source(tmp_path / listed[0].clip)
    # Frames 34 to 90: both animals have other crossings before and after.
    assert clip.info.n_frames == 57
    assert clip.info.fps == pytest.approx(10)
    # The first frame is frame 34 of the run, as it is drawn in the annotated video.
    whole = open_source(Run.open(path).annotate(tmp_path / "whole.mp4"))
    drawn = np.stack([frame.image for frame in whole.iterate()]).astype(int)
    first = next(iter(clip.iterate())).image
    assert first.shape == (HEIGHT, WIDTH, 3)
    differences = np.abs(drawn[:, -12:] - first[-12:]).mean(axis=(1, 2, 3))
    assert differences.argmin() == 34


def test_large_frames_are_made_smaller_and_long_crossings_faster(
    path, crossings, tmp_path, monkeypatch
):
    monkeypatch.setattr(crossing_clips, "MAX_SIDE_PX", 80)
    monkeypatch.setattr(crossing_clips, "MAX_CLIP_S", 3.0)
    listed = write_crossing_clips(Run.open(path), crossings, tmp_path, 1)
    clip = open_source(tmp_path / listed[0].clip)
    assert (clip.info.width, clip.info.height) == (80, 60)
    # 87 frames at 10 a second are longer than three seconds: every third frame.
    assert clip.info.n_frames == 29
    assert clip.info.fps == pytest.approx(10)


def test_clips_of_an_earlier_report_are_replaced_and_nothing_else(path, crossings, tmp_path):
    folder = tmp_path / "report_clips"
    write_crossing_clips(Run.open(path), crossings, tmp_path, 3)
    (folder / "mine.mp4").write_text("mine")
    write_crossing_clips(Run.open(path), crossings, tmp_path, 1)
    names = {found.name for found in folder.iterdir()}
    assert names == {"crossing-1-3-60-66.mp4", "mine.mp4"}


def test_another_video_is_refused_before_anything_changes(path, crossings, tmp_path):
    write_crossing_clips(Run.open(path), crossings, tmp_path, 1)
    other = write_video(tmp_path / "other.mp4", n_animals=2)
    with pytest.raises(SourceError, match="fingerprint: expected the video that was tracked"):
        write_crossing_clips(Run.open(path), crossings, tmp_path, 2, source=other)
    assert len(list((tmp_path / "report_clips").iterdir())) == 1


def test_a_run_without_crossings_has_no_folder(path, tmp_path):
    assert write_crossing_clips(Run.open(path), [], tmp_path, 5) == []
    assert list(tmp_path.iterdir()) == []


def test_names_are_drawn(tmp_path):
    path = make_run(tmp_path)
    images = []
    for names in ({}, {1: "Ada", 3: "Cleo"}):
        with RunDirectory.open(path, writable=True) as run:
            run.identities.write_names({i: AnimalName(name) for i, name in names.items()})
        listed = list_report_crossings(RunDirectory.open(path))
        written = write_crossing_clips(Run.open(path), listed, tmp_path, 1)
        images.append(read_clip(tmp_path, written[0])[0].image.astype(int))
    (before, after), *_ = pairwise(images)
    assert np.abs(before - after).max() > 100
