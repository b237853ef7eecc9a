"""Where the identities are: their detections, what is filled in between, and boxes that go together."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from murid.core.types import DetectionTable, Float32, Int64
from murid.identify.config import IdentifyConfig
from murid.identify.filling import fill_gaps
from murid.identify.result import DoubtfulCrossings, Identified
from murid.identify.sights import Sights
from murid.identify.smoothing import smooth_boxes


def place_identities(
    table: DetectionTable,
    order: Int64,
    sights: Sights,
    taken: Int64,
    owners: Int64,
    certainties: Float32,
    *,
    body_px: float,
    config: IdentifyConfig,
    crossings: DoubtfulCrossings,
    note: str | None,
) -> Identified:
    """Make the positions of identities of the detections that are theirs.

    Parameters
    ----------
    table : DetectionTable
        Detections in the order of the sights.
    order : ndarray
        ``(N,)`` int64 row of each of them in the whole recording.
    sights : Sights
    taken, owners, certainties : ndarray
        ``(n,)`` detections as places in the rows of the tracklets, by identity and then frame, the identities, and how
        certain each is.
    body_px : float
    config : IdentifyConfig
    crossings, note
        What else is to be said.
    """
    bounds = [*np.flatnonzero(np.diff(owners, prepend=-1)).tolist(), len(owners)]
    parts = []
    for a, b in pairwise(bounds):
        rows = sights.tracklets.rows[taken[a:b]]
        part = {
            "frames": sights.frames[taken[a:b]],
            "rows": order[rows],
            "identity_ids": owners[a:b],
            "boxes": table.boxes[rows],
            "scores": table.scores[rows],
            "certainties": certainties[a:b],
            "clear": sights.clear[taken[a:b]],
        }
        parts.append(_complete(part, sights.motion.fps, body_px, config))
    if not parts:
        parts.append(_complete(dict(_NOBODY), sights.motion.fps, body_px, config))
    places = _interleave([part["frames"] for part in parts])
    n = sum(map(len, places))
    columns: dict[str, Any] = {}
    for name, like in parts[0].items():
        columns[name] = np.empty((n, *like.shape[1:]), like.dtype)
        for part, own in zip(parts, places, strict=True):
            columns[name][own] = part[name]
            part[name] = None  # a day of them takes room
    return Identified(**columns, crossings=crossings, note=note)


def _interleave(frames: list[Int64]) -> list[Int64]:
    """Places of the rows of each identity when all are by frame and then identity."""
    n_frames = max((int(own.max(initial=-1)) for own in frames), default=-1) + 1
    counts = sum((np.bincount(own, minlength=n_frames) for own in frames), np.zeros(n_frames, np.int64))
    following = np.cumsum(counts) - counts
    places = []
    for own in frames:
        places.append(following[own])
        following[own] += 1
    return places


_NOBODY = {
    "frames": np.zeros(0, np.int64),
    "rows": np.zeros(0, np.int64),
    "identity_ids": np.zeros(0, np.int64),
    "boxes": np.zeros((0, 4), np.float32),
    "scores": np.zeros(0, np.float32),
    "certainties": np.zeros(0, np.float32),
    "clear": np.zeros(0, bool),
}


def _complete(part: dict[str, Any], fps: float, body_px: float, config: IdentifyConfig) -> dict[str, Any]:
    """Fill the gaps of one identity and smooth its boxes; `part` holds columns in the order of time."""
    late, before, between = fill_gaps(
        part["frames"], part["identity_ids"], part["boxes"], body_px=body_px, fps=fps, longest_s=config.longest_fill_s
    )
    after = np.minimum(before + 1, len(part["frames"]) - 1)
    least = np.minimum(part["certainties"][before], part["certainties"][after])
    nothing, unseen = np.zeros(len(late), np.float32), np.full(len(late), -1)
    filled = [late, unseen, part["identity_ids"][before], between, nothing, least, nothing > 0]
    sort = np.argsort(np.concatenate([part["frames"], late]), kind="stable")
    whole = {name: np.concatenate([part[name], own])[sort] for name, own in zip(part, filled, strict=True)}
    clear = whole.pop("clear")
    if config.smooth:
        smooth_boxes(whole["frames"], whole["identity_ids"], whole["boxes"], whole["rows"] >= 0, clear, fps)
    return whole
