import numpy as np
import pytest
from example_recordings import make_recording

from murid.export.idtracker import export_idtracker

h5py = pytest.importorskip("h5py")


def test_arrays_and_attributes_are_those_of_idtracker(tmp_path):
    export_idtracker(tmp_path / "trajectories.h5", make_recording())
    with h5py.File(tmp_path / "trajectories.h5") as file:
        trajectories, probabilities = file["trajectories"][:], file["id_probabilities"][:]
        attributes = dict(file.attrs)
        assert np.argwhere(file["interpolated"][:]).tolist() == [[4, 0]]
        assert list(file["setup_points"]) == list(file["identities_groups"]) == []
    assert trajectories.shape == (7, 2, 2)
    np.testing.assert_allclose(trajectories[0], [[45, 40.05], [85, 40.05]], atol=1e-5)
    assert np.isnan(trajectories[[2, 5, 5], [1, 0, 1]]).all()
    assert np.isfinite(trajectories).all(axis=2).sum() == 11
    assert probabilities.shape == (7, 2, 1)
    np.testing.assert_allclose(probabilities[:2], 0.5)
    assert attributes["identities_labels"].tolist() == ["animal_3", "animal_7"]
    assert attributes["video_paths"].tolist() == ["/videos/cage 1.mp4"]
    assert (attributes["frames_per_second"], attributes["width"], attributes["height"]) == (
        25,
        640,
        480,
    )
    assert attributes["fraction_identified"] == pytest.approx(11 / 14)
    assert attributes["estimated_accuracy"] == pytest.approx((4 * 0.5 + 7 * 0.99) / 11)
    assert attributes["body_length"] == pytest.approx(50.5, abs=1)
