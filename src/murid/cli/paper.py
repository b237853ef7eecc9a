"""``murid paper``."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from murid.cli.progress import show_progress
from murid.cli.train import import_training
from murid.core.files import make_directory, write_text
from murid.core.settings import change_settings, load_settings
from murid.errors import ConfigError

TableName = Literal["1", "2", "3", "4", "balance"]


def paper(
    *data: Path,
    out: Path,
    animaltrack: Path | None = None,
    small: Annotated[bool, Parameter(negative="--full")] = False,
    only: Annotated[list[TableName] | None, Parameter(consume_multiple=True)] = None,
    detections: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    association: Literal["paper", "murid"] = "paper",
    config: Path | None = None,
    seed: int | None = None,
    workers: int | None = None,
    threads: int | None = None,
    show: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Make the paper's Tables 1 to 4 and the table of loss balancing: train, track and score.

    Rows that the output directory has in the same configuration are not made again, so that an
    interrupted call goes on. Without AnimalTrack, networks learn from synthetic scenes and are
    scored on the scene bench.

    Parameters
    ----------
    data : Path
        Ground truth of more sequences to score on, with their videos, beside the scene bench.
    out : Path
        Directory for networks, detections, tracks, one JSON file for each row, tables.md and
        tables.json.
    animaltrack : Path
        AnimalTrack's archive: train on its training split, score on its test split.
    small : bool
        Train each network briefly on small images and score on short recordings: about an hour on
        2 cores. By default the paper's protocol, 300 epochs at 640 pixels, which needs a large GPU
        for days.
    only : list of str
        Tables to make; all by default.
    detections : list of str
        NAME=DIR: MOT files of boxes of yolov5s, yolov7-tiny or yolov8s, run outside by
        benchmarks/detections.py on the recordings in OUT/recordings.json.
    association : str
        DAM as in the paper, or with murid's defaults.
    config : Path
        TOML file with settings of the trainings that differ, as with murid train.
    seed : int
        Seed of weights and images.
    workers : int
        Processes that make images.
    threads : int
        Threads that train on a CPU.
    show : bool
        Print the tables with the rows that exist; make none.
    """
    import_training("paper")
    from murid.paper import format_tables
    from murid.paper.benchmark_data import make_benchmark_data, write_recordings
    from murid.paper.experiment_runner import ExperimentRunner
    from murid.paper.scale import FULL, SMALL
    from murid.paper.tables import TABLES
    from murid.tracking import TrackingConfig

    scale = SMALL if small else FULL
    train = load_settings(config, scale.train) if config else scale.train
    options = {"seed": seed, "n_workers": workers, "n_threads": threads}
    given = {name: value for name, value in options.items() if value is not None}
    train = change_settings(train, given)
    tables = [table for table in TABLES if only is None or table.name in only]
    external = read_external_directories(detections or ())
    make_directory(out)
    with show_progress() as report:
        benchmark = make_benchmark_data(
            replace(scale, train=train),
            out,
            animaltrack=animaltrack,
            data=data,
            report=report,
            announce=announce,
        )
        write_recordings(benchmark, out / "recordings.json")
        tracking = TrackingConfig.paper() if association == "paper" else TrackingConfig()
        runner = ExperimentRunner(benchmark, out, tracking, external, report, announce)
        results = runner.load_all(tables) if show else runner.run(tables)
    write_text(out / "tables.md", format_tables.format_markdown(tables, results, scale.name))
    write_text(
        out / "tables.json",
        json.dumps(format_tables.to_document(tables, results, scale.name), indent=2) + "\n",
    )
    print(format_tables.format_text(tables, results))
    print(f"\ntables: {out / 'tables.md'}", file=sys.stderr)


def announce(text: str) -> None:
    """Print what is done on standard error, so that standard output has the tables alone."""
    print(text, file=sys.stderr)


def read_external_directories(given: tuple[str, ...] | list[str]) -> dict[str, Path]:
    """Return the directories of detections by the name of the detector; raises `ConfigError`."""
    from murid.paper.tables import EXTERNAL_DETECTORS

    external: dict[str, Path] = {}
    for text in given:
        name, equals, directory = text.partition("=")
        if not equals or name not in EXTERNAL_DETECTORS or not directory:
            raise ConfigError(
                "detections: expected NAME=DIR with NAME one of "
                f"{', '.join(EXTERNAL_DETECTORS)}, got {text!r}"
            )
        if not Path(directory).is_dir():
            raise ConfigError(
                f"detections: expected a directory for {name}, got {directory!r}, which is none"
            )
        external[name] = Path(directory)
    return external
