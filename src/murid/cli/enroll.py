"""``murid enroll``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from murid.cli.options import EVERYDAY, DetectorOptions
from murid.cli.progress import show_progress
from murid.core.plurals import format_count
from murid.core.validation import find_repeated
from murid.errors import ConfigError
from murid.pipeline.enroll import enroll as enroll_animals


def enroll(
    *animals: str,
    gallery: Annotated[Path, Parameter(group=EVERYDAY)],
    run: Annotated[Path | None, Parameter(group=EVERYDAY)] = None,
    options: DetectorOptions | None = None,
) -> None:
    """Add animals to a gallery, to name them in other recordings.

    An existing gallery is extended: a name that it knows is the same animal. Older appearance
    counts less.

    Parameters
    ----------
    animals : str
        NAME=VIDEO, each a video of one animal alone; or, with --run, IDENTITY=NAME, such as
        1=alice. By default with --run: the names that the run has.
    gallery : Path
        Gallery file.
    run : Path
        Run directory with the identities to add; check its doubtful crossings first (murid info).
    """
    example = "1=alice" if run else "alice=alice.mp4"
    pairs = [_split(text, example) for text in animals]
    keys = [key for key, _ in pairs]
    repeated = find_repeated(keys)
    if repeated is not None:
        raise ConfigError(f"{repeated}: expected once, got twice")
    with show_progress() as report:
        if run is not None:
            names = {_to_identity(key): name for key, name in pairs}
            found = enroll_animals(gallery, run=run, names=names, report=report)
        else:
            config = (options or DetectorOptions()).load()
            found = enroll_animals(gallery, dict(pairs), config=config, report=report)
    known = ", ".join(animal.name for animal in found.animals)
    found_animals = format_count(len(found.animals), "animal")
    print(f"{found_animals} from {format_count(len(found.sessions), 'recording')}: {known}")
    print(gallery)


def _split(text: str, example: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not (sign and key and value):
        raise ConfigError(f"{text!r}: expected KEY=VALUE, such as {example}")
    return key, value


def _to_identity(key: str) -> int:
    if not key.isdecimal():
        raise ConfigError(f"{key!r}: expected the number of an identity, as in 1=alice")
    return int(key)
