"""``murid identify``."""

from __future__ import annotations

from pathlib import Path

from murid import pipeline
from murid.cli.progress import show_progress
from murid.cli.track import warn
from murid.errors import ConfigError
from murid.identify import IdentifyConfig


def identify(run: Path, /, *, animals: int | None = None, identify: IdentifyConfig | None = None) -> None:
    """Tell the identities of a run anew from what it has stored; the video is not needed.

    Parameters
    ----------
    run : Path
        Run directory.
    animals : int
        Number of animals, at most; as before if not given.
    identify : IdentifyConfig
        Settings.
    """
    if animals is not None and animals < 1:
        raise ConfigError(f"--animals: expected 1 or more, got {animals}")
    with show_progress() as report:
        result = pipeline.identify(run, animals=animals, config=identify, report=report)
    facts = result.info()
    warn(facts)
    doubtful = f"{len(facts['crossings'])} doubtful crossings"
    print(f"{len(facts['tracks'])} identities in {facts['n_frames']} frames, {doubtful}: {result.path}")
