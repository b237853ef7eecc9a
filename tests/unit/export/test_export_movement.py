import numpy as np
import pytest
from example_recordings import make_pose_recording, make_recording

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


@pytest.mark.parametrize("identified", [True, False])
def test_movement_recognises_the_poses(tmp_path, identified):
    from movement.validators.datasets import ValidPosesInputs

    recording = make_pose_recording(identified=identified)
    writer.export_movement(tmp_path / "cage.nc", recording)
    boxes = xarray.load_dataset(tmp_path / "cage.nc")
    assert boxes.attrs["ds_type"] == "bboxes"
    assert_same_boxes(boxes, recording, atol=0)
    poses = xarray.load_dataset(tmp_path / "cage.nc", group="poses")
    ValidPosesInputs.validate(poses)
    assert poses.position.dims == ValidPosesInputs.DIM_NAMES
    assert poses.confidence.dims == ("time", "keypoints", "individuals")
    assert poses.keypoints.values.tolist() == ["nose", "centre", "tail_base"]
    assert poses.individuals.values.tolist() == list(recording.names)
    assert poses.time.values.tolist() == (np.arange(7) / 25).tolist()
    facts = {"ds_type": "poses", "fps": 25.0, "time_unit": "seconds"}
    assert facts.items() <= poses.attrs.items()
    n_rows = 0
    for rows in iterate_rows(recording):
        n_rows += len(rows.frames)
        for frame, track_id, own in zip(rows.frames, rows.track_ids, rows.keypoints, strict=True):
            where = {"time": frame, "individuals": PLACES[track_id]}
            np.testing.assert_array_equal(poses.position.isel(where), own[:, :2].T)
            np.testing.assert_array_equal(poses.confidence.isel(where), own[:, 2])
    assert n_rows == 11
    assert poses.confidence.count() == 3 * n_rows - 3 - 1


def test_movement_saves_and_loads_the_poses(tmp_path):
    from movement.io import load_dataset, save_poses

    recording = make_pose_recording()
    writer.export_movement(tmp_path / "cage.nc", recording)
    poses = xarray.load_dataset(tmp_path / "cage.nc", group="poses")
    save_poses.to_dlc_file(poses, tmp_path / "cage.h5", split_individuals=False)
    again = load_dataset(tmp_path / "cage.h5", source_software="DeepLabCut", fps=25)
    np.testing.assert_allclose(again.position, poses.position)


def test_poses_with_dimensions_in_another_order(tmp_path, monkeypatch):
    dims = ("time", "individual", "keypoint", "space")
    monkeypatch.setattr(writer, "_find_poses_dims", lambda: dims)
    writer.export_movement(tmp_path / "cage.nc", make_pose_recording())
    poses = xarray.load_dataset(tmp_path / "cage.nc", group="poses")
    assert poses.position.dims == dims
    assert poses.confidence.dims == dims[:3]
    np.testing.assert_allclose(poses.position[0, 1, 0], [100, 41.05], atol=1e-4)


def test_without_keypoints_there_is_no_group(tmp_path):
    h5py = pytest.importorskip("h5py")
    writer.export_movement(tmp_path / "cage.nc", make_recording())
    with h5py.File(tmp_path / "cage.nc") as file:
        assert "poses" not in file
