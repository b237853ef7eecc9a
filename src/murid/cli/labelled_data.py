"""Read labelled data and finished runs, as several verbs take them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from murid.datasets.labels import LabelledSequence, Problem, raise_problems
from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import choose_name, read_dataset
from murid.pipeline.run import Run
from murid.store import is_run_directory


def load_sequences(
    paths: Sequence[Path], options: ReadOptions, *, skip_bad: bool = False
) -> list[LabelledSequence]:
    """Read data sets and runs; refuse all their problems, or print how many were left out.

    Raises
    ------
    FormatError
        If there are problems and `skip_bad` is not set, or nothing is left without them.
    MuridError
        If something is not a data set, or a run is not finished.
    """
    sequences, problems = read_all(paths, options)
    if problems and not (skip_bad and any(map(len, sequences))):
        raise_problems(problems)
    for note in (note for sequence in sequences for note in sequence.notes):
        print(f"note: {note}", file=sys.stderr)
    if problems:
        print(f"left out {len(problems)} labels, frames or files with problems", file=sys.stderr)
    return sequences


def read_all(
    paths: Sequence[Path], options: ReadOptions
) -> tuple[list[LabelledSequence], list[Problem]]:
    """Read data sets and runs, each sequence under a unique name.

    Raises as `murid.datasets.registry.read_dataset`.
    """
    runs = [read_run(path) for path in paths if is_run_directory(path)]
    datasets = [path for path in paths if not is_run_directory(path)]
    labelled: list[LabelledSequence] = []
    problems: list[Problem] = []
    if datasets or not runs:
        labelled, problems = read_dataset(datasets, options)
    sequences: list[LabelledSequence] = []
    for sequence in (*runs, *labelled):
        name = choose_name(sequence.name, {other.name for other in sequences})
        sequences.append(replace(sequence, name=name))
    return sequences, problems


def read_run(path: Path) -> LabelledSequence:
    """Return the tracks of a finished run as labels of its video; raises as `Run.tracks`."""
    run = Run.open(path)
    facts = run.info()
    tracks = run.tracks()
    size = np.array([facts["width"], facts["height"]], np.int64)
    in_track = np.flatnonzero(tracks.track_ids >= 0)
    frame_numbers = tracks.detections.frame_numbers[in_track]
    frame_offsets = np.searchsorted(frame_numbers, np.arange(tracks.n_frames + 1))
    return LabelledSequence(
        name=path.name.removesuffix(".murid"),
        is_recording=True,
        frames=np.arange(tracks.n_frames, dtype=np.int64),
        video=Path(facts["source"]),
        image_paths=(),
        sizes=np.tile(size, (tracks.n_frames, 1)),
        frame_offsets=frame_offsets.astype(np.int64),
        boxes=tracks.detections.boxes[in_track],
        track_ids=tracks.track_ids[in_track],
        class_ids=np.zeros(len(in_track), np.int64),
        class_names=("animal",),
        visibility=np.full(len(in_track), np.nan, np.float32),
        complete=np.ones(tracks.n_frames, bool),
        fps=facts["fps"],
    )
