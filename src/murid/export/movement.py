"""movement's bounding-box dataset as netCDF: ``position``, ``shape`` and ``confidence``.

A recording with keypoints has movement's poses dataset too, in the group ``poses`` of the file.
Names and order of the dimensions are those of the installed movement, or of movement 0.15 if it is
not installed.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core.extras import import_extra
from murid.core.files import replace_on_success
from murid.core.keypoints import KEYPOINTS
from murid.core.types import SOURCES, Trajectories
from murid.export.checks import check_has_tracks
from murid.export.recording import TrackedRecording
from murid.export.trajectories import HDF5_CHUNK_FRAMES, iterate_trajectories

# Dimensions of movement 0.15.
DIMS = ("time", "space", "individuals")
POSES_DIMS = ("time", "space", "keypoints", "individuals")

# Group of the file with the poses dataset.
POSES_GROUP = "poses"

# Variables that are true or false.
_BOOLEAN = ("interpolated", "merged")


def export_movement(path: str | Path, recording: TrackedRecording) -> None:
    """Write tracks as movement's bounding-box dataset, atomically; `xarray.load_dataset` reads it.

    Pixels and seconds, float64, missing frames NaN. A run with identities also has
    ``identity_probability``, ``interpolated`` and ``merged``. Where a person corrected identities,
    the variable ``source`` says who decided each one, and the attribute ``murid_corrections``
    describes the corrections as JSON.

    In a recording with keypoints, the group ``poses`` is movement's poses dataset of these:
    ``xarray.load_dataset(path, group="poses")``.

    Parameters
    ----------
    path : str or Path
        The file; an existing one is replaced.
    recording : TrackedRecording

    Raises
    ------
    FormatError
        If there is no track.
    MissingExtraError
        If h5netcdf is not installed.
    StorageError
        If the file cannot be written.
    """
    h5netcdf = import_extra("h5netcdf", "h5netcdf", "movement")
    check_has_tracks(recording)
    dims = _find_dims()
    with replace_on_success(path) as temporary, h5netcdf.File(temporary, "w") as file:
        _create_variables(file, recording, dims)
        if recording.summary.has_keypoints:
            _create_poses(file.create_group(POSES_GROUP), recording, _find_poses_dims())
        for frames, trajectories in iterate_trajectories(recording):
            _fill_variables(file, frames, trajectories)
            if trajectories.keypoints is not None:
                _fill_poses(file[POSES_GROUP], frames, trajectories)


def _find_dims() -> tuple[str, ...]:
    """Return the dimensions of a bounding-box dataset in the installed movement."""
    try:
        from movement.validators.datasets import ValidBboxesInputs

        dims = tuple(ValidBboxesInputs.DIM_NAMES)
    except (ImportError, AttributeError, ValueError):
        return DIMS
    return dims if len(dims) == len(DIMS) else DIMS


def _find_poses_dims() -> tuple[str, ...]:
    """Return the dimensions of a poses dataset in the installed movement."""
    try:
        from movement.validators.datasets import ValidPosesInputs

        dims = tuple(ValidPosesInputs.DIM_NAMES)
    except (ImportError, AttributeError, ValueError):
        return POSES_DIMS
    return dims if len(dims) == len(POSES_DIMS) else POSES_DIMS


def _find_dim(dims: tuple[str, ...], prefix: str) -> str:
    """Return a dimension that movement has called both "individuals" and "individual"."""
    return next(dim for dim in dims if dim.startswith(prefix))


def _create_coordinates(
    group: Any, recording: TrackedRecording, dims: tuple[str, ...], labels: dict[str, Any]
) -> dict[str, int]:
    """Create dimensions and coordinates, ``time`` without values; return sizes of dimensions."""
    sizes = {"time": recording.n_frames} | {dim: len(names) for dim, names in labels.items()}
    group.dimensions = {dim: sizes[dim] for dim in dims}
    text = import_extra("h5py", "h5py", "movement").string_dtype()
    group.create_variable("time", ("time",), np.float64)
    for dim, names in labels.items():
        group.create_variable(dim, (dim,), text)[:] = np.array(names, object)
    return sizes


def _describe(recording: TrackedRecording, kind: str) -> dict[str, Any]:
    """Return the attributes of a dataset of movement."""
    return {
        "source_software": f"murid {version('murid')}",
        "source_file": recording.source,
        "ds_type": kind,
        "fps": float(recording.fps),
        "time_unit": "seconds",
    }


def _create_variables(file: Any, recording: TrackedRecording, dims: tuple[str, ...]) -> None:
    """Create coordinates, attributes, and data variables without values."""
    space = "space"
    individuals = _find_dim(dims, "individual")
    labels = {space: ("x", "y"), individuals: recording.names}
    sizes = _create_coordinates(file, recording, dims, labels)

    without_space = tuple(dim for dim in dims if dim != space)
    _create_variable(file, "position", dims, sizes)
    _create_variable(file, "shape", dims, sizes)
    _create_variable(file, "confidence", without_space, sizes)
    if recording.identified:
        _create_variable(file, "identity_probability", without_space, sizes)
        _create_variable(file, "interpolated", without_space, sizes)
        _create_variable(file, "merged", without_space, sizes)
    if recording.corrections:
        _create_variable(file, "source", without_space, sizes)
        file.attrs["murid_corrections"] = recording.corrections.to_json()
    file.attrs.update(_describe(recording, "bboxes"))


def _create_poses(group: Any, recording: TrackedRecording, dims: tuple[str, ...]) -> None:
    """Create the poses dataset in a group of the file, its data variables without values."""
    space = "space"
    keypoints = _find_dim(dims, "keypoint")
    individuals = _find_dim(dims, "individual")
    labels = {space: ("x", "y"), keypoints: KEYPOINTS, individuals: recording.names}
    sizes = _create_coordinates(group, recording, dims, labels)
    _create_variable(group, "position", dims, sizes)
    without_space = tuple(dim for dim in dims if dim != space)
    _create_variable(group, "confidence", without_space, sizes)
    group.attrs.update(_describe(recording, "poses"))


def _create_variable(file: Any, name: str, dims: tuple[str, ...], sizes: dict[str, int]) -> None:
    chunks = tuple(
        min(HDF5_CHUNK_FRAMES, sizes[dim]) if dim == "time" else sizes[dim] for dim in dims
    )
    storage: dict[str, Any] = {"dtype": np.float64, "fillvalue": np.nan}
    if name in (*_BOOLEAN, "source"):
        storage = {"dtype": np.int8}
    variable = file.create_variable(
        name, dims, chunks=chunks, compression="gzip", shuffle=True, **storage
    )
    if name in _BOOLEAN:
        # netCDF has no boolean type; xarray restores it from this attribute.
        variable.attrs["dtype"] = "bool"
    elif name in ("position", "shape"):
        variable.attrs["units"] = "pixels"
    elif name == "source":
        # The CF conventions describe numbers that stand for words this way.
        variable.attrs["flag_values"] = np.arange(-1, len(SOURCES), dtype=np.int8)
        variable.attrs["flag_meanings"] = " ".join(("missing", *SOURCES))


def _fill_variables(file: Any, frames: slice, trajectories: Trajectories) -> None:
    arrays: dict[str, NDArray[Any] | None] = {
        "time": trajectories.time_s,
        "position": trajectories.position,
        "shape": trajectories.shape,
        "confidence": trajectories.confidence,
        "identity_probability": trajectories.identity_probability,
        "interpolated": trajectories.interpolated,
        "merged": trajectories.merged,
        "source": trajectories.source,
    }
    for name, values in arrays.items():
        # A run that nobody corrected has no variable `source`.
        if values is None or name not in file.variables:
            continue
        variable = file.variables[name]
        where = tuple(frames if dim == "time" else slice(None) for dim in variable.dimensions)
        variable[where] = _transpose(values, variable.dimensions)


def _fill_poses(group: Any, frames: slice, trajectories: Trajectories) -> None:
    group.variables["time"][frames] = trajectories.time_s
    arrays = {
        "position": (trajectories.keypoints, ("time", "space", "keypoint", "individual")),
        "confidence": (trajectories.keypoint_confidence, ("time", "keypoint", "individual")),
    }
    for name, (values, own_dims) in arrays.items():
        if values is None:
            continue
        variable = group.variables[name]
        dims = variable.dimensions
        # Dimensions of movement begin with the names of the axes of `Trajectories`.
        axes = [next(k for k, own in enumerate(own_dims) if dim.startswith(own)) for dim in dims]
        where = tuple(frames if dim == "time" else slice(None) for dim in dims)
        variable[where] = values.transpose(axes)


def _transpose(values: NDArray[Any], dims: tuple[str, ...]) -> NDArray[Any]:
    """Bring (time, space, individual) into the order of the dimensions."""
    if values.ndim == 3 and dims[2] == "space":
        return values.swapaxes(1, 2)
    return values
