"""``murid identify``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from murid.cli.messages import (
    announce,
    choose_exit_code,
    describe_refinement,
    describe_run,
    print_json,
    summarise_identities,
    warn,
)
from murid.cli.options import (
    EVERYDAY,
    IDENTITIES,
    ConfigOptions,
    GalleryOptions,
    JsonFlag,
    change_refine,
    check_animals,
)
from murid.cli.progress import show_progress
from murid.pipeline.config import Config
from murid.pipeline.enroll import match_runs
from murid.pipeline.identify import identify as identify_run
from murid.pipeline.identify import read_config


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class IdentifyOptions(ConfigOptions):
    """Settings that have an option of their own because they are changed often."""

    refine: Annotated[bool | None, Parameter(group=IDENTITIES)] = None
    """Use a second pass over the video that learns the animals' fur; as before by default. Needs
    the video the first time."""

    def load(self, base: Config | None = None) -> Config:
        """Return the configuration, these options included; raises `ConfigError`."""
        return change_refine(super().load(base), self.refine)


def identify(
    run: Path,
    /,
    *more: Path,
    animals: Annotated[int | None, Parameter(group=EVERYDAY)] = None,
    names: GalleryOptions | None = None,
    options: IdentifyOptions | None = None,
    json: JsonFlag = False,
) -> int:
    """Identify the animals of a run again, from what it has stored.

    Settings are those of the run unless they are given. Several runs of the same animals get the
    same names, with or without a gallery.

    Parameters
    ----------
    run : Path
        Run directory.
    more : Path
        Further runs of the same animals.
    animals : int
        Number of animals, an upper bound; as before by default.
    json : bool
        Print one JSON document instead of text.
    """
    check_animals(animals)
    gallery = names or GalleryOptions()
    results = []
    for path in (run, *more):
        config = (options or IdentifyOptions()).load(read_config(path))
        with show_progress() as report:
            result = identify_run(
                path,
                animals=animals,
                config=config,
                gallery=gallery.gallery,
                update_gallery=gallery.update_gallery,
                report=report,
                announce=announce,
            )
        results.append(result)
    # Without a gallery, the runs are compared with each other to name the same animals alike.
    if more and gallery.gallery is None:
        results = match_runs([run, *more])
    documents = [result.info() for result in results]
    if json:
        print_json(documents if more else documents[0])
        return choose_exit_code(documents)
    for result, facts in zip(results, documents, strict=True):
        warn(facts)
        print(f"{describe_run(facts)}: {result.path}")
        for line in (*describe_refinement(facts), *summarise_identities(facts)):
            print(line)
    return choose_exit_code(documents)
