import numpy as np
import pytest
from example_recordings import make_pose_recording, make_recording

from murid.errors import FormatError
from murid.export.deeplabcut import export_deeplabcut
from murid.export.trajectories import iterate_trajectories

pandas = pytest.importorskip("pandas")


def read(path):
    return (
        pandas.read_csv(path, header=[0, 1, 2, 3], index_col=0)
        if path.suffix == ".csv"
        else pandas.read_hdf(path)
    )


@pytest.mark.parametrize("suffix", [".csv", ".h5"])
def test_pandas_reads_header_and_points(tmp_path, suffix):
    recording = make_recording()
    export_deeplabcut(tmp_path / f"cage{suffix}", recording)
    table = read(tmp_path / f"cage{suffix}")
    assert list(table.columns.names) == ["scorer", "individuals", "bodyparts", "coords"]
    assert table.index.tolist() == list(range(7))
    assert table.columns.get_level_values("scorer").nunique() == 1
    table = table.droplevel("scorer", axis=1)
    parts = [trajectories for _, trajectories in iterate_trajectories(recording)]
    for row, name in enumerate(recording.names):
        position = np.concatenate([part.position[..., row] for part in parts])
        size = np.concatenate([part.shape[..., row] for part in parts])
        likelihood = np.concatenate([part.confidence[..., row] for part in parts])
        for point, share in {"center": 0, "top_left": -0.5, "bottom_right": 0.5}.items():
            read_points = table[name][point]
            assert list(read_points) == ["x", "y", "likelihood"]
            np.testing.assert_allclose(read_points[["x", "y"]], position + share * size, atol=1e-4)
            np.testing.assert_allclose(read_points["likelihood"], likelihood, atol=1e-4)


@pytest.mark.parametrize("suffix", [".csv", ".h5"])
def test_movement_loads_it(tmp_path, suffix):
    load_dataset = pytest.importorskip("movement.io").load_dataset
    recording = make_recording(identified=False)
    export_deeplabcut(tmp_path / f"cage{suffix}", recording)
    dataset = load_dataset(tmp_path / f"cage{suffix}", source_software="DeepLabCut", fps=25)
    assert dataset.individuals.values.tolist() == ["track_3", "track_7"]
    np.testing.assert_allclose(
        dataset.position.sel(keypoints="center")[0], [[45, 85], [40.05, 40.05]], atol=1e-4
    )


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(FormatError, match=r"cage.xlsx: suffix: expected .csv or .h5, got '.xlsx'"):
        export_deeplabcut(tmp_path / "cage.xlsx", make_recording())


def test_more_tracks_than_an_h5_header_holds_are_rejected(tmp_path, monkeypatch):
    monkeypatch.setattr("murid.export.deeplabcut.MAX_H5_COLUMNS", 9)
    with pytest.raises(
        FormatError, match=r"cage.h5: tracks: expected at most 1 for .h5, or a .csv, got 2"
    ):
        export_deeplabcut(tmp_path / "cage.h5", make_recording())
    export_deeplabcut(tmp_path / "cage.csv", make_recording())


@pytest.mark.parametrize("has_keypoints", [False, True])
def test_as_many_tracks_as_allowed_fit(tmp_path, has_keypoints):
    from murid.export import deeplabcut

    body_parts = deeplabcut.list_body_parts(has_keypoints=has_keypoints)
    n = deeplabcut.MAX_H5_COLUMNS // (3 * len(body_parts))
    header = [
        ("murid", f"track_{10**6 + k}", part, c)
        for k in range(n)
        for part in body_parts
        for c in "xyl"
    ]
    columns = pandas.MultiIndex.from_tuples(header)
    with pandas.HDFStore(str(tmp_path / "wide.h5"), "w") as store:
        store.append(
            "wide", pandas.DataFrame(np.zeros((1, len(header))), columns=columns), format="table"
        )
    assert pandas.read_hdf(tmp_path / "wide.h5").shape == (1, 1800)


@pytest.mark.parametrize("suffix", [".csv", ".h5"])
def test_keypoints_are_body_parts_with_a_likelihood_of_their_own(tmp_path, suffix):
    recording = make_pose_recording()
    export_deeplabcut(tmp_path / f"cage{suffix}", recording)
    table = read(tmp_path / f"cage{suffix}").droplevel("scorer", axis=1)
    parts = [trajectories for _, trajectories in iterate_trajectories(recording)]
    for animal, name in enumerate(recording.names):
        body_parts = table[name].columns.get_level_values("bodyparts").unique()
        assert body_parts.tolist() == ["nose", "centre", "tail_base", "top_left", "bottom_right"]
        for k, point in enumerate(("nose", "centre", "tail_base")):
            position = np.concatenate([part.keypoints[:, :, k, animal] for part in parts])
            likelihood = np.concatenate([part.keypoint_confidence[:, k, animal] for part in parts])
            np.testing.assert_allclose(table[name][point][["x", "y"]], position, atol=1e-4)
            np.testing.assert_allclose(table[name][point]["likelihood"], likelihood, atol=1e-4)
        corner = np.concatenate(
            [p.position[..., animal] - 0.5 * p.shape[..., animal] for p in parts]
        )
        np.testing.assert_allclose(table[name]["top_left"][["x", "y"]], corner, atol=1e-4)


@pytest.mark.parametrize("suffix", [".csv", ".h5"])
def test_movement_loads_keypoints(tmp_path, suffix):
    load_dataset = pytest.importorskip("movement.io").load_dataset
    export_deeplabcut(tmp_path / f"cage{suffix}", make_pose_recording())
    dataset = load_dataset(tmp_path / f"cage{suffix}", source_software="DeepLabCut", fps=25)
    nose = dataset.position.sel(keypoints="nose", individuals="animal_7")
    np.testing.assert_allclose(nose[0], [100, 41.05], atol=1e-4)
    assert np.isnan(nose[1]).all()
