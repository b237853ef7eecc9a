import shutil
from dataclasses import replace

import numpy as np
import pytest

from murid.errors import ConfigError, FormatError
from murid.paper import rendered_images
from murid.paper.benchmark_data import make_benchmark_data, read_training
from murid.video import open_source


def read_rows(path):
    return [line.split(",") for line in path.read_text().splitlines()]


@pytest.fixture
def archive(data, tmp_path):
    """Return an archive in the layout of AnimalTrack with two test and one training sequence."""
    root = tmp_path / "AnimalTrack"
    (root / "gt_all").mkdir(parents=True)
    (root / "videos_all").mkdir()
    for name, scenario in {"deer_1": "coats-4", "pig_2": "huddle-6", "pig_5": "huddle-6"}.items():
        source = data.truths[0].root / scenario
        shutil.copy(source / "gt" / "gt.txt", root / "gt_all" / f"{name}_gt.txt")
        shutil.copy(source / "video.mp4", root / "videos_all" / f"{name}.mp4")
    return root


def test_scenarios_are_rendered_once(data, tiny, tmp_path):
    assert [r.name for r in data.recordings] == ["coats-4", "huddle-6"]
    assert [r.n_frames for r in data.recordings] == [8, 6]
    video = data.recordings[0].video
    info = open_source(video).info
    assert (info.width, info.height) == (128, 96)
    before = video.stat().st_mtime_ns
    again = make_benchmark_data(tiny, data.directory)
    assert video.stat().st_mtime_ns == before
    assert again.evaluated_on == data.evaluated_on


def test_other_sequences_are_another_configuration(data, tiny):
    longer = make_benchmark_data(replace(tiny, scenarios=("coats-4",)), data.directory)
    assert longer.evaluated_on != data.evaluated_on
    assert longer.evaluated_on["sequences"]["coats-4"] == data.evaluated_on["sequences"]["coats-4"]


def test_given_sequences_are_cut_and_evaluated_beside_the_scenarios(data, tiny, tmp_path):
    given = tmp_path / "cage"
    shutil.copytree(data.truths[0].root / "coats-4", given)
    both = make_benchmark_data(replace(tiny, max_frames=3), data.directory, data=[given])
    assert [r.name for r in both.recordings] == ["coats-4", "huddle-6", "cage"]
    assert both.recordings[-1].n_frames == 3
    rows = read_rows(both.truths[1].root / "cage" / "gt" / "gt.txt")
    assert {row[0] for row in rows} == {"1", "2", "3"}
    whole = make_benchmark_data(replace(tiny, max_frames=None), data.directory, data=[given])
    assert whole.recordings[-1].n_frames == 8


def test_animaltrack_is_evaluated_on_its_test_split(archive, tiny, tmp_path):
    data = make_benchmark_data(
        replace(tiny, max_frames=None), tmp_path / "out", animaltrack=archive
    )
    assert {r.name for r in data.recordings} == {"deer_1", "pig_2"}
    assert data.evaluated_on["protocol"] == "animaltrack"
    assert not (tmp_path / "out").exists()
    one = make_benchmark_data(replace(tiny, max_sequences=1), tmp_path / "out", animaltrack=archive)
    assert [r.name for r in one.recordings] == ["deer_1"]


def test_animaltrack_is_trained_on_its_training_split(archive, tiny, tmp_path):
    assert [s.name for s in read_training(archive, tiny)[0]] == ["pig_5"]
    few, problems = read_training(archive, replace(tiny, max_images=3))
    assert not problems
    np.testing.assert_array_equal(few[0].frames, [0, 2, 5])
    assert few[0].frame_offsets[-1] == len(few[0].boxes)
    data = make_benchmark_data(replace(tiny, max_images=5), tmp_path / "out", animaltrack=archive)
    learnt = data.training_data
    assert (len(learnt.labelled), len(learnt.held_out)) == (4, 1)
    assert min(learnt.labelled[0].identities) == 0
    assert data.adapt_config(tiny.train).synthetic_share == 0


def test_without_animaltrack_all_networks_share_rendered_images(data, tiny, monkeypatch):
    config = data.adapt_config(tiny.train)
    assert (config.synthetic_share, config.identity_source) == (0, "track")
    first = data.training_data
    assert (len(first.labelled), len(first.held_out)) == (tiny.n_images, tiny.n_held_out)
    assert not np.array_equal(first.labelled[0].image, first.held_out[0].image)
    monkeypatch.setattr(rendered_images, "make_still", None)
    again = make_benchmark_data(tiny, data.directory).training_data
    np.testing.assert_array_equal(again.labelled[3].image, first.labelled[3].image)


def test_unusable_data_is_refused(data, archive, tiny, tmp_path):
    out = data.directory
    with pytest.raises(ConfigError, match="no other sequences beside it"):
        make_benchmark_data(tiny, out, animaltrack=archive, data=[archive])
    with pytest.raises(FormatError, match="coats-4 twice"):
        make_benchmark_data(tiny, out, data=[data.truths[0].root / "coats-4"])
    blind = tmp_path / "blind"
    shutil.copytree(data.truths[0].root / "huddle-6" / "gt", blind / "gt")
    with pytest.raises(FormatError, match="a video or a folder of images"):
        make_benchmark_data(tiny, out, data=[blind])
    with pytest.raises(FormatError, match="nothing there"):
        make_benchmark_data(tiny, out, animaltrack=tmp_path / "nowhere")
    (archive / "gt_all" / "deer_1_gt.txt").unlink()
    (archive / "gt_all" / "pig_2_gt.txt").unlink()
    with pytest.raises(FormatError, match="test split"):
        make_benchmark_data(tiny, out, animaltrack=archive)
