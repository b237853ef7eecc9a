"""The list of verbs; each is imported when it is called."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import cyclopts

from murid.errors import ConfigError

UsageError = cyclopts.CycloptsError

VERBS = {
    "demo": "Make a short synthetic clip, track it and score it.",
    "track": "Track the animals in a video.",
    "live": "Track the images of a camera while it records.",
    "identify": "Identify the animals of a run again, from what it has stored.",
    "fix": "Correct identities, and identify the animals again with what is now certain.",
    "enroll": "Add animals to a gallery, to name them in other recordings.",
    "review": "Look at doubtful crossings in the browser, and correct identities.",
    "info": "Describe a run, a video or labelled data.",
    "arena": "Draw arenas, zones and a scale on a video.",
    "measure": "Measure behaviour: distance, zones, contacts and more.",
    "plot": "Plot behaviour, and write a report.",
    "annotate": "Draw the tracks of a run on its video.",
    "export": "Write the tracks of a run in another program's format.",
    "convert": "Write labelled data in another format.",
    "evaluate": "Score a run against ground truth.",
    "scenes": "Make a synthetic recording with exact ground truth.",
    "compose": "Compose a recording of animals that were recorded alone.",
    "train": "Train a network on your own recordings.",
    "tune": "Train briefly with each of several settings, and report the best.",
    "paper": "Make the paper's tables: train, track and score every row.",
}
"""Summary of each verb; ``murid.cli.VERB`` holds a function of its name."""


def _refuse_fractions(_app: cyclopts.App, _commands: object, arguments: Iterable[Any]) -> None:
    """Raise `ConfigError` for a fraction where a whole number is needed, which would be rounded."""
    for argument in arguments:
        if argument.resolved_hint is not int:
            continue
        for token in argument.tokens:
            if "." in token.value and token.value.rpartition(".")[2].strip("0"):
                expected = f"{argument.name}: expected a whole number"
                raise ConfigError(f"{expected}, got {token.value}")


app = cyclopts.App(
    name="murid",
    help="Track several mice or rats in video and keep their identities.",
    help_epilogue=(
        "--help-all after a verb lists every setting; --debug shows where an error came from."
    ),
    version=lambda: version("murid"),
    config=_refuse_fractions,
    # Ctrl-C reaches `murid.cli.run`, which says how to go on.
    suppress_keyboard_interrupt=False,
    # No --empty-OPTION for options that take a list.
    default_parameter=cyclopts.Parameter(negative_iterable=()),
)
for verb, summary in VERBS.items():
    app.command(f"murid.cli.{verb}:{verb}", name=verb, help=summary)
