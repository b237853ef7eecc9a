"""Read SLEAP analysis files (``.analysis.h5``): the points of every track in every frame.

SLEAP and sleap-io write the array ``tracks`` with its axes in different orders.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.extras import import_extra
from murid.core.types import Float64
from murid.datasets.keypoints import (
    compute_box,
    describe_boxless,
    mark_incomplete_frames,
    select_body_keypoints,
)
from murid.datasets.media import find_file, find_video, read_video_info
from murid.datasets.raw_labels import Label, RawLabels, ReadOptions, Size, to_name
from murid.errors import FormatError, MissingExtraError

SUFFIX = ".analysis.h5"

# Order of the axes for the methods below.
_ORDER = ("frame", "track", "node", "xy")
# Orders that are written: SLEAP for MATLAB, SLEAP otherwise, sleap-io for Python.
_MATLAB_ORDER = ("track", "xy", "node", "frame")
_ORDERS = (_MATLAB_ORDER, ("frame", "node", "xy", "track"), _ORDER)

# SLEAP names the file after project, number of the video, and video.
_PROJECT_PREFIX = re.compile(r".*\.\d{3}_")


@dataclass(frozen=True, eq=False)
class _Analysis:
    """The content of an analysis file.

    Attributes
    ----------
    points : ndarray
        ``(frames, tracks, nodes, 2)`` float64 pixels; NaN = missing.
    nodes : list of str
        Names of the nodes.
    video : str
        Path of the video where it was analysed; empty if not known.
    """

    points: Float64
    nodes: list[str]
    video: str


def recognise_analysis(path: Path) -> bool:
    """Whether an HDF5 file is a SLEAP analysis, by its datasets."""
    if path.suffix.lower() not in (".h5", ".hdf5"):
        return False
    try:
        h5py = import_extra("h5py", "h5py")
    except MissingExtraError:
        return path.name.endswith(SUFFIX)
    try:
        with h5py.File(path) as file:
            return "tracks" in file and "node_names" in file
    except OSError:
        return False


def read_analysis(path: Path, options: ReadOptions) -> RawLabels:
    """Read an analysis; a frame counts as labelled where a track has a point.

    Raises
    ------
    FormatError
        If an array is missing or has another shape.
    MissingExtraError
        If h5py is not installed.
    """
    analysis = _read(path)
    stem = path.name.removesuffix(".h5").removesuffix(".analysis")
    video_stem = _PROJECT_PREFIX.sub("", stem)
    video = find_file(analysis.video, (path.parent,)) if analysis.video else None
    raw = RawLabels(to_name(video_stem), path, is_recording=True)
    raw.video = video or find_video(path.parent, video_stem)
    size = _read_size(raw.video)
    # Points that have a value, and the frames and tracks with at least one.
    has_value = np.isfinite(analysis.points[..., 0] + analysis.points[..., 1])
    is_labelled = has_value.sum(axis=2) > 0
    raw.frames = np.flatnonzero(is_labelled.sum(axis=1)).tolist()
    body = analysis.points[:, :, select_body_keypoints(analysis.nodes, options.exclude_keypoints)]
    n_boxless = 0
    for frame, track in np.argwhere(is_labelled).tolist():
        box = compute_box(body[frame, track], options, size)
        if box is None:
            raw.incomplete.add(frame)
            n_boxless += 1
        else:
            location = f"frame {frame}, track {track}"
            raw.labels.append(Label(frame, box, path, location, track))
    raw.notes += describe_boxless(raw.name, n_boxless)
    mark_incomplete_frames(raw)
    return raw


def _read_size(video: Path | None) -> Size | None:
    info = None if video is None else read_video_info(video)
    return None if info is None else info.size


def _read(path: Path) -> _Analysis:
    h5py = import_extra("h5py", "h5py")
    try:
        with h5py.File(path) as file:
            nodes = _read_texts(file, "node_names")
            order = _find_order(path, file, len(nodes))
            tracks = np.asarray(file["tracks"], np.float64)
            video = _read_texts(file, "video_path")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise FormatError(path, "file", "a SLEAP analysis", str(error)) from error
    points = tracks.transpose([order.index(axis) for axis in _ORDER])
    return _Analysis(points, nodes, video[0] if video else "")


def _read_texts(file: Mapping[str, Any], name: str) -> list[str]:
    """Return the texts of a dataset, which may be one text or an array; empty if it is missing."""
    if name not in file:
        return []
    values = np.atleast_1d(file[name][()])
    texts = (value.decode() if isinstance(value, bytes) else str(value) for value in values)
    return [text for text in texts if text]


def _find_order(path: Path, file: Any, n_nodes: int) -> tuple[str, ...]:
    """Return the axes of ``tracks``: as the file says, else by the sizes of other arrays."""
    tracks = file["tracks"]
    if "dims" in tracks.attrs:
        dims = tuple(json.loads(tracks.attrs["dims"]))
        if set(dims) == set(_ORDER):
            return dims
    n_tracks = len(file["track_names"]) if "track_names" in file else 0
    sizes = {"xy": 2, "node": n_nodes, "track": n_tracks or None}
    orders = [order for order in _ORDERS if _fits(tracks.shape, order, sizes)]
    if not orders:
        expected = f"tracks, 2, {n_nodes} nodes and frames, in an order that SLEAP writes"
        raise FormatError(path, "tracks", expected, str(tracks.shape))
    # `transpose` is what SLEAP calls the order for MATLAB, which is its default.
    if not file.attrs.get("transpose", True) and len(orders) > 1:
        orders = [order for order in orders if order != _MATLAB_ORDER]
    return orders[0]


def _fits(shape: Sequence[int], order: Sequence[str], sizes: Mapping[str, int | None]) -> bool:
    """Whether a shape has the known sizes in this order of axes."""
    if len(shape) != len(order):
        return False
    wanted = (sizes.get(axis) for axis in order)
    return all(size in (None, n) for n, size in zip(shape, wanted, strict=True))
