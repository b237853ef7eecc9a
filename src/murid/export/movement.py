"""movement's bounding-box dataset as netCDF: ``position``, ``shape`` and ``confidence`` over time, space, individual.

Names and order of the dimensions are those of the movement that is installed, or of 0.15 where none
is.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core.extras import import_extra
from murid.core.files import replace_on_success
from murid.core.types import Trajectories
from murid.export.recording import TrackedRecording
from murid.export.trajectories import iterate_trajectories, require_animals

DIMS = ("time", "space", "individuals")
CHUNK_FRAMES = 4096


def export_movement(path: str | Path, recording: TrackedRecording) -> None:
    """Write tracks as movement has them in memory, atomically; ``xarray.load_dataset`` gives it back.

    Pixels and seconds, float64, missing frames NaN. Where identities were told,
    ``identity_probability`` and ``interpolated`` go along.

    Parameters
    ----------
    path : str or Path
        The file; one that is there is replaced.
    recording : TrackedRecording

    Raises
    ------
    FormatError
        If there is no track.
    MissingExtraError
        If h5netcdf is not installed.
    StorageError
        If it cannot be written.
    """
    h5netcdf = import_extra("h5netcdf", "h5netcdf", "movement")
    require_animals(recording)
    dims = _find_dims()
    with replace_on_success(path) as temporary, h5netcdf.File(temporary, "w") as file:
        _create(file, recording, dims)
        for where, trajectories in iterate_trajectories(recording):
            for name, values in _select(trajectories).items():
                variable = file.variables[name]
                frames = [where if dim == "time" else slice(None) for dim in variable.dimensions]
                variable[tuple(frames)] = _arrange(values, variable.dimensions)


def _find_dims() -> tuple[str, str, str]:
    """Dimensions of a bounding-box dataset in the installed movement."""
    try:
        from movement.validators.datasets import ValidBboxesInputs

        time, second, third = ValidBboxesInputs.DIM_NAMES
    except (ImportError, AttributeError, ValueError):
        return DIMS
    return time, second, third


def _create(file: Any, recording: TrackedRecording, dims: tuple[str, str, str]) -> None:
    """Coordinates, attributes, and variables without values."""
    space, individuals = sorted(dims[1:], key=lambda dim: dim != "space")
    sizes = {"time": recording.n_frames, space: 2, individuals: len(recording.names)}
    file.dimensions = {dim: sizes[dim] for dim in dims}
    text = import_extra("h5py", "h5py", "movement").string_dtype()
    file.create_variable("time", ("time",), np.float64)
    for dim, labels in ((space, ("x", "y")), (individuals, recording.names)):
        file.create_variable(dim, (dim,), text)[:] = np.array(labels, object)
    without_space = tuple(dim for dim in dims if dim != space)
    for name, axes in (("position", dims), ("shape", dims), ("confidence", without_space)):
        _create_variable(file, name, axes, sizes)
    if recording.identified:
        _create_variable(file, "identity_probability", without_space, sizes)
        _create_variable(file, "interpolated", without_space, sizes)
    file.attrs.update(
        source_software=f"murid {version('murid')}",
        source_file=recording.source,
        ds_type="bboxes",
        fps=float(recording.fps),
        time_unit="seconds",
    )


def _create_variable(file: Any, name: str, dims: tuple[str, ...], sizes: dict[str, int]) -> None:
    chunks = tuple(min(CHUNK_FRAMES, sizes[dim]) if dim == "time" else sizes[dim] for dim in dims)
    kind = (
        {"dtype": np.int8} if name == "interpolated" else {"dtype": np.float64, "fillvalue": np.nan}
    )
    variable = file.create_variable(
        name, dims, chunks=chunks, compression="gzip", shuffle=True, **kind
    )
    if name == "interpolated":
        variable.attrs["dtype"] = "bool"  # so xarray takes it for one
    elif name in ("position", "shape"):
        variable.attrs["units"] = "pixels"


def _select(trajectories: Trajectories) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any] | None] = {
        "time": trajectories.time_s,
        "position": trajectories.position,
        "shape": trajectories.shape,
        "confidence": trajectories.confidence,
        "identity_probability": trajectories.identity_probability,
        "interpolated": trajectories.interpolated,
    }
    return {name: array for name, array in arrays.items() if array is not None}


def _arrange(values: NDArray[Any], dims: tuple[str, ...]) -> NDArray[Any]:
    """Bring (time, space, individual) into the order of the dimensions."""
    return values.swapaxes(1, 2) if values.ndim == 3 and dims[2] == "space" else values
