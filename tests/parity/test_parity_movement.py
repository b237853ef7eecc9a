"""Definitions are those of the movement library, which gives the same figures."""

import numpy as np
import pytest

from murid.analysis.kinematics import compute_acceleration, compute_distance, compute_speed
from murid.analysis.social import compute_distances

pytestmark = pytest.mark.filterwarnings("ignore")  # of the library


def test_speed_acceleration_path_length_and_distance():
    xarray, kinematics = pytest.importorskip("xarray"), pytest.importorskip("movement.kinematics")
    rng = np.random.default_rng(0)
    time_s = np.cumsum(rng.uniform(0.02, 0.05, 200))
    position = np.cumsum(rng.normal(0, 3, (200, 2, 3)), axis=0)
    position[50:60, :, 1] = np.nan
    names = ["a", "b", "c"]
    coords = {"time": time_s, "space": ["x", "y"], "individuals": names}
    data = xarray.DataArray(position, dims=("time", "space", "individuals"), coords=coords)
    ours = {
        "speed": compute_speed(position, time_s),
        "acceleration": compute_acceleration(position, time_s),
    }
    theirs = kinematics.compute_acceleration(data)
    np.testing.assert_allclose(ours["speed"], kinematics.compute_speed(data))
    np.testing.assert_allclose(
        ours["acceleration"], np.hypot(*np.moveaxis(theirs.to_numpy(), 1, 0))
    )
    known = data.isel(individuals=[0, 2])
    np.testing.assert_allclose(
        compute_distance(position)[[0, 2]], kinematics.compute_path_length(known)
    )
    apart = kinematics.compute_pairwise_distances(data, dim="individuals", pairs={"a": "b"})
    np.testing.assert_allclose(
        compute_distances(position[:, :, 0], position[:, :, 1]), np.ravel(apart)
    )
