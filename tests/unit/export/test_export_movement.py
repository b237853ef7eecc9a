import numpy as np
import pytest
from example_recordings import make_recording

from murid.export import movement as writer
from murid.export.tracks_chunk import iterate_rows
from murid.export.via import export_via

xarray = pytest.importorskip("xarray")
movement = pytest.importorskip("movement")

pytestmark = pytest.mark.filterwarnings("ignore:numpy.ndarray size changed")  # of netCDF4

PLACES = {3: 0, 7: 1}


def assert_same_boxes(dataset, recording, atol):
    """Each box of the recording is in the dataset, at its time, and nothing else is."""
    position, size = dataset["position"].values, dataset["shape"].values
    n_boxes = 0
    for rows in iterate_rows(recording):
        n_boxes += len(rows.frames)
        for frame, track_id, (left, top, right, bottom) in zip(
            rows.frames, rows.track_ids, rows.boxes, strict=True
        ):
            where = (frame, slice(None), PLACES[track_id])
            np.testing.assert_allclose(
                position[where], [(left + right) / 2, (top + bottom) / 2], atol=atol
            )
            np.testing.assert_allclose(size[where], [right - left, bottom - top], atol=atol)
    assert np.isfinite(position).all(axis=1).sum() == n_boxes


@pytest.mark.parametrize("identified", [True, False])
def test_movement_recognises_the_file(tmp_path, identified):
    from movement.kinematics import compute_speed
    from movement.validators.datasets import ValidBboxesInputs

    recording = make_recording(identified=identified)
    writer.export_movement(tmp_path / "cage.nc", recording)
    dataset = xarray.load_dataset(tmp_path / "cage.nc")
    ValidBboxesInputs.validate(dataset)
    assert dataset.position.dims == ValidBboxesInputs.DIM_NAMES
    assert dataset.confidence.dims == ("time", "individuals")
    assert_same_boxes(dataset, recording, atol=0)
    assert dataset.time.values.tolist() == (np.arange(7) / 25).tolist()
    assert dataset.space.values.tolist() == ["x", "y"]
    assert dataset.individuals.values.tolist() == list(recording.names)
    facts = {
        "ds_type": "bboxes",
        "fps": 25.0,
        "time_unit": "seconds",
        "source_file": recording.source,
    }
    assert facts.items() <= dataset.attrs.items()
    assert ("interpolated" in dataset) == ("identity_probability" in dataset) == identified
    if identified:
        assert dataset.interpolated.dtype == bool
        assert np.argwhere(dataset.interpolated.values).tolist() == [[4, 0]]
        assert dataset.merged.dtype == bool
        assert np.argwhere(dataset.merged.values).tolist() == [[3, 0], [3, 1]]
        assert np.isnan(dataset.identity_probability.values[2, 1])
    assert np.isfinite(
        compute_speed(dataset.position).sel(individuals=recording.names[0])[1:4]
    ).all()


def test_dimensions_in_another_order_are_followed(tmp_path, monkeypatch):
    recording = make_recording()
    monkeypatch.setattr(writer, "_find_dims", lambda: ("time", "individual", "space"))
    writer.export_movement(tmp_path / "cage.nc", recording)
    dataset = xarray.load_dataset(tmp_path / "cage.nc")
    assert dataset.position.dims == ("time", "individual", "space")
    assert_same_boxes(dataset.transpose("time", "space", "individual"), recording, atol=0)


@pytest.mark.parametrize("identified", [True, False])
def test_movement_loads_via_tracks(tmp_path, identified):
    from movement.io import load_dataset

    recording = make_recording(identified=identified)
    export_via(tmp_path / "cage.csv", recording)
    options = {"source_software": "VIA-tracks", "fps": 25, "use_frame_numbers_from_file": True}
    dataset = load_dataset(tmp_path / "cage.csv", **options)
    assert dataset.individuals.values.tolist() == ["id_3", "id_7"]
    assert dataset.time.values.tolist() == [0, 1 / 25, 2 / 25, 3 / 25, 4 / 25, 6 / 25]
    whole = dataset.reindex(time=np.arange(7) / 25)
    assert_same_boxes(whole, recording, atol=1e-4)
    assert dataset.confidence.values[4].tolist() == pytest.approx([0 if identified else 0.65, 0.85])
