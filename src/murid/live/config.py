"""Settings of live tracking."""

from __future__ import annotations

from dataclasses import dataclass

from murid.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveConfig:
    """Settings of live tracking.

    Attributes
    ----------
    part_frames : int
        Frames in each part of the run. If the process is killed, at most so many are lost; smaller
        parts mean more files.
    background_times_s : tuple of float
        When to fit the background model to the recording so far, in seconds from the start.
    background_interval_s : float
        Seconds between further fits.
    max_duration_s : float or None
        Seconds after which to stop; None: when the camera ends or the user stops it.

    Raises
    ------
    ConfigError
        If a value is outside its range.
    """

    part_frames: int = 256
    background_times_s: tuple[float, ...] = (10.0, 30.0, 120.0)
    background_interval_s: float = 600.0
    max_duration_s: float | None = None

    def __post_init__(self) -> None:
        if self.part_frames < 1:
            raise ConfigError(f"part_frames: expected 1 or more, got {self.part_frames}")
        times_s = [*self.background_times_s, self.background_interval_s]
        if self.max_duration_s is not None:
            times_s.append(self.max_duration_s)
        if min(times_s) <= 0:
            names = "background_times_s, background_interval_s, max_duration_s"
            raise ConfigError(f"{names}: expected seconds above 0, got {min(times_s)}")
