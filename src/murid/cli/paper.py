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
    size: Literal["tiny", "medium", "full"] = "medium",
    only: Annotated[list[TableName] | None, Parameter(consume_multiple=True)] = None,
    detections: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    association: Literal["paper", "murid"] = "paper",
    config: Path | None = None,
    seed: int | None = None,
    workers: int | None = None,
    threads: int | None = None,
    estimate: Annotated[bool, Parameter(negative=())] = False,
    show: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Make the paper's Tables 1 to 4 and the table of loss balancing: train, track and score.

    Rows that the output directory has in the same configuration are not made again, and a
    training resumes from its last checkpoint, so that an interrupted call goes on. Each row is
    written as soon as it ends. Without AnimalTrack, networks learn from synthetic scenes, which
    are rendered once for all of them, and are scored on the scene bench. The time of everything
    that is missing is measured and printed before it begins.

    Parameters
    ----------
    data : Path
        Ground truth of more sequences to score on, with their videos, beside the scene bench.
    out : Path
        Directory for networks, detections, tracks, one JSON file for each row, tables.md and
        tables.json.
    animaltrack : Path
        AnimalTrack's archive: train on its training split, score on its test split.
    size : str
        medium: images of 128 pixels, 2500 steps, short recordings; a night on 2 cores. full: the
        paper's protocol, 300 epochs at 640 pixels, which needs a large GPU for days. tiny: a check
        of minutes that every row runs; its scores mean nothing.
    only : list of str
        Tables to make; all by default.
    detections : list of str
        NAME=DIR: MOT files of boxes of yolov5s, yolov7-tiny or yolov8s on the recordings in
        OUT/recordings.json. By default those that benchmarks/detections.py has written to
        OUT/external.
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
    estimate : bool
        Print the time of everything that is missing; make nothing else.
    show : bool
        Print the tables with the rows that exist; make none.
    """
    import_training("paper")
    from murid.paper import format_tables
    from murid.paper.benchmark_data import make_benchmark_data, write_recordings
    from murid.paper.cost_estimate import estimate_run
    from murid.paper.experiment_runner import ExperimentRunner, Results
    from murid.paper.scale import SCALES
    from murid.paper.tables import TABLES
    from murid.tracking import TrackingConfig

    scale = SCALES[size]
    train = load_settings(config, scale.train) if config else scale.train
    options = {"seed": seed, "n_workers": workers, "n_threads": threads}
    given = {name: value for name, value in options.items() if value is not None}
    train = change_settings(train, given)
    tables = [table for table in TABLES if only is None or table.name in only]
    external = find_external_directories(out) | read_external_directories(detections or ())
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

        def write(results: Results) -> None:
            text = format_tables.format_markdown(tables, results, scale.name)
            write_text(out / "tables.md", text)
            document = format_tables.to_document(tables, results, runner)
            write_text(out / "tables.json", json.dumps(document, indent=1) + "\n")

        if not show:
            estimate_run(runner, tables, announce)
        if estimate:
            return
        results = runner.load_all(tables) if show else runner.run(tables, write)
        write(results)
    print(format_tables.format_text(tables, results))
    print(f"\ntables: {out / 'tables.md'}", file=sys.stderr)


def announce(text: str) -> None:
    """Print what is done on standard error, so that standard output has the tables alone."""
    print(text, file=sys.stderr)


def find_external_directories(out: Path) -> dict[str, Path]:
    """Return the directories of boxes that benchmarks/detections.py has completed."""
    from murid.paper.model_cost import COST_NAME
    from murid.paper.tables import EXTERNAL_DETECTORS

    places = {name: out / "external" / name for name in EXTERNAL_DETECTORS}
    return {name: place for name, place in places.items() if (place / COST_NAME).exists()}


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
