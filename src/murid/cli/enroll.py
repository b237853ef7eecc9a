"""``murid enroll``."""

from __future__ import annotations

from pathlib import Path

from murid.cli.progress import show_progress
from murid.errors import ConfigError
from murid.pipeline.enroll import enroll as enroll_animals


def enroll(
    *animals: str,
    gallery: Path,
    run: Path | None = None,
    detector: str | None = None,
) -> None:
    """Put animals into a gallery, a file of their looks, to be named from it in other recordings.

    A gallery that is there grows: an animal whose name it knows is the same one. Older looks count
    less and less.

    Parameters
    ----------
    animals : str
        NAME=VIDEO, each a video of one animal alone; or, with --run, IDENTITY=NAME, such as
        1=alice. None at all with --run: the names that the run has.
    gallery : Path
        Gallery file.
    run : Path
        Run directory whose identities to put in; look through its doubtful crossings first (murid
        info).
    detector : str
        As for murid track, for the videos.
    """
    pairs = [_split(text, "1=alice" if run else "alice=alice.mp4") for text in animals]
    twice = next(
        (key for k, (key, _) in enumerate(pairs) if key in [other for other, _ in pairs[:k]]), None
    )
    if twice is not None:
        raise ConfigError(f"{twice}: expected once, got twice")
    with show_progress() as report:
        if run is not None:
            names = {_to_identity(key): name for key, name in pairs}
            found = enroll_animals(gallery, run=run, names=names, report=report)
        else:
            found = enroll_animals(gallery, dict(pairs), detector=detector, report=report)
    names_there = ", ".join(animal.name for animal in found.animals)
    print(f"{len(found.animals)} animals from {len(found.sessions)} recordings: {names_there}")
    print(gallery)


def _split(text: str, example: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not (sign and key and value):
        raise ConfigError(f"{text!r}: expected such as {example}")
    return key, value


def _to_identity(key: str) -> int:
    if not key.isdecimal():
        raise ConfigError(f"{key!r}: expected the number of an identity, as in 1=alice")
    return int(key)
