"""Track several mice or rats in video and keep their identities.

>>> import murid
>>> run = murid.track("cage.mp4", animals=4)  # doctest: +SKIP
>>> run.trajectories().position  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from murid.core.types import Detections, DetectionTable, Tracks, Trajectories
    from murid.errors import MuridError
    from murid.live.track_live import track_live
    from murid.pipeline.config import Config
    from murid.pipeline.enroll import enroll, match_runs
    from murid.pipeline.identify import identify
    from murid.pipeline.run import Run
    from murid.pipeline.run import open_run as open  # noqa: A004 (as in ``murid.open("cage.murid")``)
    from murid.pipeline.track import track
    from murid.tracking.tracker import Tracker

    __version__: str

# Where each public name is defined; it is imported when it is first used.
_HOMES = {
    "Config": "murid.pipeline.config",
    "DetectionTable": "murid.core.types",
    "Detections": "murid.core.types",
    "MuridError": "murid.errors",
    "Run": "murid.pipeline.run",
    "Tracker": "murid.tracking.tracker",
    "Tracks": "murid.core.types",
    "Trajectories": "murid.core.types",
    "enroll": "murid.pipeline.enroll",
    "identify": "murid.pipeline.identify",
    "match_runs": "murid.pipeline.enroll",
    "open": "murid.pipeline.run",
    "track": "murid.pipeline.track",
    "track_live": "murid.live.track_live",
}
# Public names that are not called so where they are defined.
_ORIGINAL_NAMES = {"open": "open_run"}

__all__ = [
    "Config",
    "DetectionTable",
    "Detections",
    "MuridError",
    "Run",
    "Tracker",
    "Tracks",
    "Trajectories",
    "__version__",
    "enroll",
    "identify",
    "match_runs",
    "open",
    "track",
    "track_live",
]


def __getattr__(name: str) -> Any:
    """Import public names when they are first used, so that ``import murid`` is quick."""
    if name == "__version__":
        return version("murid")
    if name not in _HOMES:
        raise AttributeError(f"module 'murid' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), _ORIGINAL_NAMES.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
