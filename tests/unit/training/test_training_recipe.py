import dataclasses

import numpy as np
import pytest
from labelled_sequences import make_sequence

from murid.errors import ConfigError
from murid.synthetic.still import StillConfig
from murid.training.config import TrainConfig
from murid.training.network_changes import NetworkChanges
from murid.training.recipe import describe_retrieval, prepare_data, train
from murid.training.report import read_log

TINY = TrainConfig.paper(
    preset="nano",
    size_px=64,
    epochs=1,
    steps_per_epoch=2,
    batch_size=2,
    n_workers=0,
    ema_decay=None,
    stills=StillConfig(body_px=(20, 30)),
)


@pytest.fixture(autouse=True)
def small_preset(monkeypatch):
    monkeypatch.setattr("murid.training.recipe._MAX_HELD_OUT", 8)
    # Exports have tests of their own, and take half a minute.
    monkeypatch.setattr("murid.training.recipe.find_export_problem", lambda _config: "a test")


def make_recording(folder, name: str = "cage"):
    """Ten frames of two animals with tracks, a second apart."""
    sequence = make_sequence(folder, 10, name)
    tracks = np.tile(np.array([7, 8], np.int64), 10)
    return dataclasses.replace(sequence, track_ids=tracks, fps=1.0)


def make_images(folder):
    """Ten independent images without tracks."""
    sequence = make_sequence(folder, 10, is_recording=False)
    return dataclasses.replace(sequence, track_ids=np.full(20, -1, np.int64))


class TestIdentities:
    @pytest.mark.parametrize("source", ["track", "box"])
    def test_of_held_out_recordings_are_those_of_tracks(self, tmp_path, source):
        config = dataclasses.replace(TINY, identity_source=source)
        data = prepare_data(config, [make_recording(tmp_path / "in")], [], tmp_path / "out")
        assert [still.identities.tolist() for still in data.held_out] == [[0, 1], [0, 1]]
        assert not len(data.second_views)
        assert data.n_identities == (2 if source == "track" else 16)
        assert "apart" in describe_retrieval(data)

    def test_of_single_images_are_those_of_boxes(self, tmp_path):
        data = prepare_data(TINY, [make_images(tmp_path / "in")], [], tmp_path / "out")
        assert [still.identities.tolist() for still in data.held_out] == [[0, 1], [2, 3]]
        assert len(data.second_views) == 2
        assert data.labelled[0].identities.tolist() == [0, 1]
        assert "second" in describe_retrieval(data)

    def test_are_unknown_if_so_chosen(self, tmp_path):
        config = dataclasses.replace(TINY, identity_source="none")
        data = prepare_data(config, [make_recording(tmp_path / "in")], [], tmp_path / "out")
        assert all((still.identities == -1).all() for still in data.held_out)


@pytest.mark.parametrize("make", [make_recording, make_images])
def test_re_identification_is_in_log_and_card(tmp_path, make):
    data = prepare_data(TINY, [make(tmp_path / "in")], [], tmp_path / "out")
    result = train(TINY, data, tmp_path / "out")
    assert result.validation.rank1 is not None
    (row,) = read_log(tmp_path / "out" / "log.jsonl")
    assert row["val/rank1"] == pytest.approx(result.validation.rank1, abs=1e-4)
    assert row["val/reid_map"] == pytest.approx(result.validation.reid_map, abs=1e-4)
    card = (tmp_path / "out" / "README.md").read_text()
    assert f"| re-identification, rank 1 | {100 * result.validation.rank1:.1f} |" in card


def test_every_class_of_the_labels_needs_one_of_the_network(tmp_path):
    sequence = make_recording(tmp_path / "in")
    class_ids = np.arange(20, dtype=np.int64) % 3
    names = ("mouse", "rat", "vole")
    sequence = dataclasses.replace(sequence, class_ids=class_ids, class_names=names)
    config = dataclasses.replace(TINY, network=NetworkChanges(n_classes=2))
    with pytest.raises(ConfigError, match=r"network.n_classes: expected 1, or 3 for .*mouse, rat"):
        prepare_data(config, [sequence], [], tmp_path / "out")
    config = dataclasses.replace(TINY, network=NetworkChanges(n_classes=3))
    data = prepare_data(config, [sequence], [], tmp_path / "out")
    assert data.labelled[1].class_ids.tolist() == [2, 0]
    assert data.held_out[0].class_ids.tolist() == [1, 2]
    prepare_data(TINY, [sequence], [], tmp_path / "one")  # one class: an animal is an animal
