"""A source of frames with another clock, or of which only some frames are used."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from murid.core import Frame
from murid.core.clock import find_gaps
from murid.core.types import Float64, Int64
from murid.core.validation import to_count
from murid.errors import ConfigError, SourceError
from murid.video.frame_rate import compute_median_fps
from murid.video.image_sequence import ImageSequenceSource
from murid.video.info import FramesFrom, FrameSource, UnreadableFrame
from murid.video.read_timeout import READ_TIMEOUT_S
from murid.video.sampling import spread_evenly
from murid.video.source import open_source
from murid.video.timestamps import read_timestamps

# Precision of the times in a file, for the median rate of every n-th frame. Few are coarser.
_TICK_S = 1e-3

# Frames that are decoded on average to reach a frame from the key frames before it. Few wanted
# frames of a long selection are reached so; otherwise the selection is decoded completely.
_DECODED_PER_SEEK = 300

# Gaps between frames that are listed with a run; of more, only the number is kept.
MAX_LISTED_GAPS = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockOptions:
    """The clock of a recording, and which of its frames are used.

    Attributes
    ----------
    fps : float or None
        Frame rate, instead of that of the file; the frames are then equally spaced.
    timestamps : str, Path or None
        File with the time of each frame: see `murid.video.timestamps`.
    time_unit : str or None
        Unit of the times in that file, if its header does not say it.
    start_s, end_s : float or None
        Use the frames from this time on, and before this one, in seconds of the clock.
    every : int
        Use every n-th frame.

    Raises
    ------
    ConfigError
        If a value is out of range, or two contradict each other.
    """

    fps: float | None = None
    timestamps: str | Path | None = None
    time_unit: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    every: int = 1

    def __post_init__(self) -> None:
        if self.fps is not None and not isinstance(self.fps, Real):
            raise ConfigError(f"fps: expected a number above 0, got {self.fps!r}")
        if self.timestamps is not None and not isinstance(self.timestamps, str | PathLike):
            got = type(self.timestamps).__name__
            raise ConfigError(f"timestamps: expected the path of a file, got {got}")
        every = to_count("every", self.every)
        object.__setattr__(self, "every", 1 if every is None else every)
        if self.fps is not None and not (math.isfinite(self.fps) and self.fps > 0):
            raise ConfigError(f"fps: expected a number above 0, got {self.fps}")
        if self.fps is not None:
            # A number of NumPy would not fit into the manifest.
            object.__setattr__(self, "fps", float(self.fps))
        if self.fps is not None and self.timestamps is not None:
            raise ConfigError("fps: expected either fps or timestamps, got both")
        if self.time_unit is not None and self.timestamps is None:
            raise ConfigError("time_unit: expected a file of timestamps as well, got none")
        for name, value in (("start", self.start_s), ("end", self.end_s)):
            if value is not None and not math.isfinite(value):
                raise ConfigError(f"{name}: expected seconds, got {value}")
        if self.start_s is not None and self.end_s is not None and self.end_s <= self.start_s:
            raise ConfigError(
                f"end: expected more than start, {self.start_s:g}, got {self.end_s:g}"
            )


@dataclass(frozen=True, slots=True)
class FrameSelection:
    """Every n-th frame from one frame of a video on.

    Attributes
    ----------
    first, every : int
        Frame k of the selection is frame ``first + k * every`` of the video.
    n_frames : int
        Number of frames of the selection.
    n_source_frames : int
        Number of frames of the video.
    """

    first: int
    every: int
    n_frames: int
    n_source_frames: int

    @property
    def is_everything(self) -> bool:
        """Whether all frames of the video are used."""
        return self.n_frames == self.n_source_frames

    @property
    def numbers(self) -> Int64:
        """``(n_frames,)`` int64 frame numbers in the video."""
        return self.first + self.every * np.arange(self.n_frames, dtype=np.int64)

    def describe(self) -> dict[str, int]:
        """Return what a run keeps of it."""
        return {"first": self.first, "every": self.every, "n_source_frames": self.n_source_frames}


@dataclass(frozen=True, eq=False, slots=True)
class StoredTimes:
    """Timestamps that a run keeps.

    Attributes
    ----------
    times_s : ndarray
        ``(F,)`` float64: the times of all frames of the video.
    clock : mapping
        What the manifest keeps of the file.
    """

    times_s: Float64
    clock: Mapping[str, Any]


class ClockedSource:
    """Some or all frames of a source, with times of another clock.

    Frames are numbered from 0 within the selection.

    Parameters
    ----------
    source : FrameSource
    selection : FrameSelection
    times_s : ndarray
        ``(n_frames,)`` float64: times of the selected frames in seconds.
    fps : float
        Frames per second of the selected frames.
    clock : mapping
        Where the times come from, as a run keeps it: ``kind`` is video, fps or timestamps.
    all_times_s : ndarray, optional
        ``(F,)`` float64: timestamps of all frames of the video.
    """

    def __init__(
        self,
        source: FrameSource,
        selection: FrameSelection,
        times_s: Float64,
        fps: float,
        clock: Mapping[str, Any],
        all_times_s: Float64 | None = None,
    ) -> None:
        self._source = source
        self._all_times_s = all_times_s
        self.selection = selection
        self.times_s = times_s
        self.clock = clock
        is_assumed = source.info.fps_is_assumed and clock["kind"] == "video"
        self.info = replace(
            source.info, fps=fps, n_frames=selection.n_frames, fps_is_assumed=is_assumed
        )

    @property
    def source_times_s(self) -> Float64 | None:
        """``(F,)`` float64: timestamps of all frames of the video; None without timestamps."""
        return self._all_times_s

    @property
    def truncated(self) -> str | None:
        """Why there are fewer frames than the file announces, or None.

        A selection that ends before the video does is not truncated.
        """
        selection = self.selection
        last = selection.first + selection.every * selection.n_frames
        return self._source.truncated if last >= selection.n_source_frames else None

    def iterate(self, start: int = 0) -> Iterator[Frame | UnreadableFrame]:
        """Yield the selected frames from number `start` of the selection on, in order."""
        yield from self._select(self._source.iterate(self._to_source_number(start)))

    def open_for_display(self) -> FramesFrom:
        """Return a function that yields the selected frames, and reaches the first one sooner."""
        frames_from = self._source.open_for_display()
        return lambda start: self._select(frames_from(self._to_source_number(start)))

    def _to_source_number(self, number: int) -> int:
        return self.selection.first + number * self.selection.every

    def _select(
        self, frames: Iterator[Frame | UnreadableFrame]
    ) -> Iterator[Frame | UnreadableFrame]:
        """Yield those of the frames of the source that are selected, with their own numbers."""
        selection = self.selection
        for frame in frames:
            number, rest = divmod(frame.index - selection.first, selection.every)
            if number >= selection.n_frames:
                return
            if rest == 0:
                yield replace(frame, index=number, time_s=float(self.times_s[number]))

    def read(self, numbers: Int64) -> Iterator[Frame]:
        """Yield the selected frames with some numbers, ascending, as far as they can be decoded."""
        selection = self.selection
        for frame in self._source.read(selection.numbers[numbers]):
            number = (frame.index - selection.first) // selection.every
            yield replace(frame, index=number, time_s=float(self.times_s[number]))

    def sample(self, n_frames: int) -> Iterator[Frame]:
        """Yield up to `n_frames` decoded frames spread evenly over the selection."""
        selection = self.selection
        if selection.is_everything:
            for frame in self._source.sample(n_frames):
                yield replace(frame, time_s=float(self.times_s[frame.index]))
            return
        wanted = spread_evenly(selection.n_frames, n_frames)
        if selection.n_frames * selection.every <= _DECODED_PER_SEEK * len(wanted):
            chosen = set(wanted.tolist())
            frames: Iterator[Frame | UnreadableFrame | None] = (
                frame for frame in self.iterate() if frame.index in chosen
            )
        else:
            frames = (next(self.iterate(number), None) for number in wanted.tolist())
        yield from (frame for frame in frames if isinstance(frame, Frame))

    def compute_fingerprint(self) -> dict[str, Any]:
        """Return plain values that identify the source, whatever its clock and selection."""
        return self._source.compute_fingerprint()


def open_clocked(
    source: str | Path,
    options: ClockOptions,
    read_timeout_s: float = READ_TIMEOUT_S,
    stored: StoredTimes | None = None,
) -> ClockedSource:
    """Open a source with the clock and the frames that the options say.

    Parameters
    ----------
    source : str or Path
        As of `open_source`.
    options : ClockOptions
    read_timeout_s : float
        Seconds to wait for a stalled disk.
    stored : StoredTimes, optional
        Timestamps that were read before, for options without a clock.

    Raises
    ------
    SourceError
        As `open_source`, or if no frame is selected.
    FormatError, ConfigError
        As `read_timestamps`.
    """
    opened = open_source(source, read_timeout_s)
    times_s = opened.times_s
    fps = opened.info.fps
    tick_s = _TICK_S
    clock: dict[str, Any] = {"kind": "video"}
    if options.fps is not None:
        fps = options.fps
        times_s = np.arange(len(times_s)) / fps
        clock = {"kind": "fps", "fps": fps}
    elif options.timestamps is not None:
        own_fps = None if opened.info.fps_is_assumed else fps
        image_frames = opened.image_frames if isinstance(opened, ImageSequenceSource) else None
        stamps = read_timestamps(
            options.timestamps, len(times_s), options.time_unit, own_fps, image_frames
        )
        times_s = stamps.times_s
        tick_s = stamps.tick_s
        clock = _describe_timestamps(times_s, tick_s, stamps.started_at)
        clock["file"] = Path(options.timestamps).name
        fps = compute_median_fps(times_s, tick_s) or fps
    elif stored is not None and len(stored.times_s) == len(times_s):
        # Times of another length are those of another video, which the fingerprint shows.
        times_s = stored.times_s
        tick_s = float(stored.clock["tick_s"])
        clock = dict(stored.clock)
        fps = compute_median_fps(times_s, tick_s) or fps
    selection = _select(str(source), times_s, options)
    chosen_s = times_s[selection.numbers]
    if selection.every > 1:
        is_constant = clock["kind"] == "fps" or opened.info.fps_is_assumed
        thinned = fps / selection.every
        fps = thinned if is_constant else compute_median_fps(chosen_s, tick_s) or thinned
    all_times_s = times_s if clock["kind"] == "timestamps" else None
    return ClockedSource(opened, selection, chosen_s, fps, clock, all_times_s)


def open_as_tracked(
    source: str | Path,
    video: Mapping[str, Any],
    times_s: Float64,
    read_timeout_s: float = READ_TIMEOUT_S,
) -> FrameSource:
    """Open the source of a run with the clock and the frames with which it was tracked.

    Parameters
    ----------
    source : str or Path
        The video, as of `open_source`.
    video : mapping
        Facts about the recording, as a run keeps them in `Manifest.video`.
    times_s : ndarray
        ``(F,)`` float64: times of the frames of the run.
    read_timeout_s : float
        Seconds to wait for a stalled disk.

    Raises
    ------
    SourceError
        As `open_source`.
    """
    opened = open_source(source, read_timeout_s)
    clock = video.get("clock")
    frames = video.get("frames")
    if clock is None and frames is None:
        return opened
    n_source_frames = len(opened.times_s)
    first = 0 if frames is None else int(frames["first"])
    every = 1 if frames is None else int(frames["every"])
    selection = FrameSelection(first, every, len(times_s), n_source_frames)
    fps = float(video["fps"])
    return ClockedSource(opened, selection, times_s, fps, clock or {"kind": "video"})


def describe_recording(source: ClockedSource) -> dict[str, Any]:
    """Return what the manifest of a run keeps of a recording: `VideoInfo.describe` and the clock.

    ``clock`` and ``frames`` are left out where clock and frames are those of the video, and
    ``gaps`` where no frame is missing. Frames are numbered as in the video.
    """
    facts = source.info.describe()
    if source.clock["kind"] != "video":
        facts["clock"] = dict(source.clock)
    if not source.selection.is_everything:
        facts["frames"] = source.selection.describe()
    return facts | describe_gaps(source.times_s, source.info.fps, source.selection.numbers)


def describe_gaps(times_s: Float64, fps: float, numbers: Int64) -> dict[str, Any]:
    """Return what the manifest of a run keeps of missing frames: ``gaps``, or nothing.

    Parameters
    ----------
    times_s : ndarray
        ``(F,)`` float64: times of the frames in seconds.
    fps : float
        Frames per second.
    numbers : ndarray
        ``(F,)`` int64: numbers of the frames in the video.
    """
    gaps = find_gaps(times_s, fps)
    if not len(gaps):
        return {}
    listed = {
        "n_gaps": len(gaps),
        "n_missing": int(gaps.n_missing.sum()),
        "after_frames": numbers[gaps.frames[:MAX_LISTED_GAPS]].tolist(),
        "missing_frames": gaps.n_missing[:MAX_LISTED_GAPS].tolist(),
        "gaps_s": gaps.gaps_s[:MAX_LISTED_GAPS].tolist(),
    }
    return {"gaps": listed}


def _describe_timestamps(times_s: Float64, tick_s: float, started_at: str | None) -> dict[str, Any]:
    """Return what a run keeps of a file of timestamps."""
    digest = sha256(np.ascontiguousarray(times_s).tobytes()).hexdigest()
    return {
        "kind": "timestamps",
        "sha256": digest,
        "tick_s": tick_s,
        "started_at": started_at,
    }


def _select(source: str, times_s: Float64, options: ClockOptions) -> FrameSelection:
    """Return the frames between two times, every n-th of them; raises `SourceError` if none."""
    first = 0
    stop = len(times_s)
    # Half a microsecond: a start that is the time of a frame, rounded, includes it.
    if options.start_s is not None:
        first = int(np.searchsorted(times_s, options.start_s - 5e-7))
    if options.end_s is not None:
        stop = int(np.searchsorted(times_s, options.end_s - 5e-7))
    if stop <= first:
        expected = f"frames between start and end; the video is from {times_s[0]:g} s"
        expected += f" to {times_s[-1]:g} s" if len(times_s) else ""
        start = "the start" if options.start_s is None else f"{options.start_s:g} s"
        end = "the end" if options.end_s is None else f"{options.end_s:g} s"
        raise SourceError(source, "frames", expected, f"none from {start} to {end}")
    n_frames = -(-(stop - first) // options.every)
    return FrameSelection(first, options.every, n_frames, len(times_s))
