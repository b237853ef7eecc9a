"""The timeline of a run in levels of detail: from a day to single frames."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TypeVar

import msgspec
import numpy as np

from murid.core.types import Bool, Float32, Float64, Int64
from murid.errors import ConfigError
from murid.review.results import RunResults

# A bin of level k has 2**k frames. Levels from this one on are in memory: 24 hours of ten animals
# at 30 frames per second take 10 MB. Finer ones are read from the parts.
BASE_LEVEL = 6

# Bins of a tile, the unit in which the page asks for the timeline.
TILE_BINS = 256

_MAX_LEVEL = 30

Sums = TypeVar("Sums", Int64, Float64)


class TileRow(msgspec.Struct, frozen=True):
    """One identity in a tile.

    Attributes
    ----------
    identity : int
    probabilities : list of int
        Mean identity probability of each bin in percent; -1 where it has no box.
    interpolated : list of int
        Share of its boxes that are interpolated, in percent.
    """

    identity: int
    probabilities: list[int]
    interpolated: list[int]


class Tile(msgspec.Struct, frozen=True):
    """A piece of the timeline; `is_complete` is False while it is still being computed."""

    first_frame: int
    bin_frames: int
    rows: list[TileRow]
    is_complete: bool


@dataclass(frozen=True, eq=False, slots=True)
class _Sums:
    """Sums over bins, ``(n_identities, n_bins)`` each."""

    n_boxes: Int64
    n_interpolated: Int64
    probability: Float64

    @classmethod
    def zeros(cls, n_identities: int, n_bins: int) -> _Sums:
        """Return sums over nothing."""
        shape = (n_identities, n_bins)
        return cls(np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape))

    def add(self, columns: Int64, bins: Int64, probabilities: Float32, interpolated: Bool) -> None:
        """Add boxes, each of an identity and in a bin."""
        np.add.at(self.n_boxes, (columns, bins), 1)
        np.add.at(self.n_interpolated, (columns, bins), interpolated)
        np.add.at(self.probability, (columns, bins), probabilities)

    def halve(self) -> _Sums:
        """Return the sums over bins of twice the length."""
        return _Sums(
            _add_pairs(self.n_boxes), _add_pairs(self.n_interpolated), _add_pairs(self.probability)
        )

    def select(self, bins: slice) -> _Sums:
        """Return the sums of some bins."""
        return _Sums(self.n_boxes[:, bins], self.n_interpolated[:, bins], self.probability[:, bins])

    def to_rows(self, identities: list[int]) -> list[TileRow]:
        """Return one row for each identity."""
        n_boxes = np.maximum(self.n_boxes, 1)
        percent = np.where(self.n_boxes > 0, np.floor(100 * self.probability / n_boxes + 1e-3), -1)
        interpolated = np.ceil(100 * self.n_interpolated / n_boxes)
        return [
            TileRow(
                identity,
                percent[column].astype(int).tolist(),
                interpolated[column].astype(int).tolist(),
            )
            for column, identity in enumerate(identities)
        ]


class Timeline:
    """Identity probabilities and interpolated stretches of all identities over a recording.

    Parameters
    ----------
    results : RunResults
    identities : list of int
        In the order of the rows.
    n_frames : int
    n_parts : int
    """

    def __init__(
        self, results: RunResults, identities: list[int], n_frames: int, n_parts: int
    ) -> None:
        self._results = results
        self._identities = np.array(sorted(identities), np.int64)
        self._n_frames = n_frames
        self._n_parts = n_parts
        self._n_added = 0
        self._lock = Lock()
        n_bins = -(-max(n_frames, 1) // 2**BASE_LEVEL)
        self._base = _Sums.zeros(len(identities), n_bins)
        self._levels = {BASE_LEVEL: self._base}

    @property
    def is_complete(self) -> bool:
        """Whether all parts were added."""
        return self._n_added >= self._n_parts

    def add_next_part(self) -> bool:
        """Add the next part to the levels in memory; return whether there are more.

        Raises `RunError` if the part is damaged.
        """
        if self.is_complete:
            return False
        frames, identities, probabilities, interpolated = self._results.read_presence(self._n_added)
        with self._lock:
            self._add(self._base, frames >> BASE_LEVEL, identities, probabilities, interpolated)
            self._n_added += 1
            # Coarser levels are computed again from the base when they are asked for.
            self._levels = {BASE_LEVEL: self._base}
        return not self.is_complete

    def get_tile(self, level: int, number: int) -> Tile:
        """Return the bins ``number * TILE_BINS`` and following of a level.

        Raises `ConfigError` if there is no such level or tile, and `RunError` if a part is damaged.
        """
        first_frame = number * TILE_BINS * 2 ** max(level, 0)
        if not 0 <= level <= _MAX_LEVEL or not 0 <= first_frame < max(self._n_frames, 1):
            raise ConfigError(f"timeline: expected a tile of the run, got {level}, {number}")
        identities = self._identities.tolist()
        if level < BASE_LEVEL:
            rows = self._read_sums(level, first_frame).to_rows(identities)
            return Tile(first_frame, 2**level, rows, True)
        with self._lock:
            bins = slice(number * TILE_BINS, (number + 1) * TILE_BINS)
            rows = self._get_level(level).select(bins).to_rows(identities)
            return Tile(first_frame, 2**level, rows, self.is_complete)

    def _get_level(self, level: int) -> _Sums:
        if level not in self._levels:
            self._levels[level] = self._get_level(level - 1).halve()
        return self._levels[level]

    def _read_sums(self, level: int, first_frame: int) -> _Sums:
        """Return the sums of a tile of a fine level, from the parts."""
        end_frame = min(first_frame + TILE_BINS * 2**level, self._n_frames)
        n_bins = -(-(end_frame - first_frame) // 2**level)
        sums = _Sums.zeros(len(self._identities), n_bins)
        for part in self._results.iterate_parts(first_frame, end_frame - 1):
            frames = part.frames
            own = (frames >= first_frame) & (frames < end_frame)
            bins = (frames[own] - first_frame) >> level
            interpolated = part.rows[own] < 0
            self._add(sums, bins, part.identities[own], part.probabilities[own], interpolated)
        return sums

    def _add(
        self,
        sums: _Sums,
        bins: Int64,
        identities: Int64,
        probabilities: Float32,
        interpolated: Bool,
    ) -> None:
        if not len(self._identities):
            return
        columns = np.searchsorted(self._identities, identities)
        columns = np.minimum(columns, len(self._identities) - 1)
        known = self._identities[columns] == identities
        sums.add(columns[known], bins[known], probabilities[known], interpolated[known])


def _add_pairs(values: Sums) -> Sums:
    """Return the sums of neighbouring columns; the last one may be alone."""
    if values.shape[1] % 2:
        values = np.pad(values, ((0, 0), (0, 1)))
    return values[:, ::2] + values[:, 1::2]
