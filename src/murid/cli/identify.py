"""``murid identify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from murid.cli.messages import print_learning, print_names, warn
from murid.cli.progress import show_progress
from murid.errors import ConfigError
from murid.identification import IdentificationConfig
from murid.pipeline import enroll
from murid.pipeline.identify import identify as identify_run


def identify(
    run: Path,
    /,
    *more: Path,
    animals: int | None = None,
    gallery: Path | None = None,
    update_gallery: Annotated[bool, Parameter(negative=())] = False,
    refine: bool | None = None,
    identify: IdentificationConfig | None = None,
) -> None:
    """Tell the identities of a run anew from what it has stored; the video is not needed, but for the first --adapt.

    Of several runs of the same animals, an animal has one name in all, with or without a gallery.

    Parameters
    ----------
    run : Path
        Run directory.
    more : Path
        Further ones, of the same animals.
    animals : int
        Number of animals, at most; as before if not given.
    gallery : Path
        Gallery file to name the animals from (murid enroll makes one); who is not in it is unknown.
    update_gallery : bool
        Let the gallery learn what animals that are told for sure look like here.
    refine : bool
        Learn this recording's animals from their fur up close, and follow it while they touch, as
        murid track does; as before if not given. Needs the video once.
    identify : IdentificationConfig
        Settings.
    """
    if animals is not None and animals < 1:
        raise ConfigError(f"--animals: expected 1 or more, got {animals}")
    results = []
    for path in (run, *more):
        with show_progress() as report:
            results.append(
                identify_run(
                    path,
                    animals=animals,
                    config=identify,
                    gallery=gallery,
                    update_gallery=update_gallery,
                    refine=refine,
                    report=report,
                )
            )
    if more and gallery is None:
        results = enroll.match_runs([run, *more])
    for result in results:
        facts = result.info()
        warn(facts)
        doubtful = f"{len(facts['crossings'])} doubtful crossings"
        print(
            f"{len(facts['tracks'])} identities in {facts['n_frames']} frames, {doubtful}: {result.path}"
        )
        print_learning(facts)
        print_names(facts)
