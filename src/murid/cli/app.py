"""The list of verbs; each is imported when it is called."""

from __future__ import annotations

from importlib.metadata import version

import cyclopts

UsageError = cyclopts.CycloptsError

app = cyclopts.App(
    name="murid",
    help="Track several mice or rats in video and keep their identities.",
    help_epilogue="--debug with any verb shows where an error came from.",
    version=lambda: version("murid"),
)
for verb, summary in {
    "demo": "Make a short synthetic clip, track it and score it.",
    "track": "Track the animals in a video.",
    "live": "Track what a camera sees, while it sees it.",
    "identify": "Tell the identities of a run anew, without its video.",
    "enroll": "Put animals into a gallery, to be named from it in other recordings.",
    "info": "Say what is in a run or in labelled data.",
    "arena": "Draw arenas, zones and a scale on a video.",
    "measure": "Measure what the animals did.",
    "plot": "Draw what the animals did, and a report.",
    "export": "Write the tracks of a run to a file.",
    "convert": "Write labelled data in another format.",
    "evaluate": "Score a run against ground truth.",
    "scenes": "Make a synthetic recording with perfect ground truth.",
    "compose": "Play animals that were filmed alone together.",
    "train": "Train a network on your own recordings.",
    "tune": "Train briefly with each of several settings, and say which is best.",
    "paper": "Make the paper's tables: train, track and score every row.",
}.items():
    app.command(f"murid.cli.{verb}:{verb}", name=verb, help=summary)
