"""Read labelled data and finished runs, as several verbs take them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from murid.core.plurals import format_count
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
        n_problems = format_count(
            len(problems),
            "label, frame or file with a problem",
            "labels, frames or files with problems",
        )
        print(f"left out {n_problems}", file=sys.stderr)
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
    """Return the tracks of a finished run as labels of its video; raises as `Run.tracks`.

    Frames have their numbers in the video, also where only some were tracked. Frames without an
    image are left out with a note: they were damaged, or are missing in a numbered folder.
    """
    run = Run.open(path)
    facts = run.info()
    tracks = run.tracks()
    name = path.name.removesuffix(".murid")
    numbers = run.to_video_frames(np.arange(tracks.n_frames, dtype=np.int64))
    has_image = ~np.isin(numbers, facts["unreadable_frames"])
    frame_numbers = tracks.detections.frame_numbers
    is_label = (tracks.track_ids >= 0) & has_image[frame_numbers]
    # Position of each label among the frames that are kept.
    positions = (np.cumsum(has_image) - 1)[frame_numbers[is_label]]
    n_frames = int(has_image.sum())
    notes = []
    n_left_out = tracks.n_frames - n_frames
    if n_left_out:
        notes.append(f"{name}: left out {format_count(n_left_out, 'frame')} without an image")
    size = np.array([facts["width"], facts["height"]], np.int64)
    n_labels = len(positions)
    # The rate at which frame numbers count, which is that of the video.
    step = int(numbers[1] - numbers[0]) if tracks.n_frames > 1 else 1
    return LabelledSequence(
        name=name,
        is_recording=True,
        frames=numbers[has_image],
        video=Path(facts["source"]),
        image_paths=(),
        sizes=np.tile(size, (n_frames, 1)),
        frame_offsets=np.searchsorted(positions, np.arange(n_frames + 1)).astype(np.int64),
        boxes=tracks.detections.boxes[is_label],
        track_ids=tracks.track_ids[is_label],
        class_ids=np.zeros(n_labels, np.int64),
        class_names=("animal",),
        visibility=np.full(n_labels, np.nan, np.float32),
        complete=np.ones(n_frames, bool),
        fps=facts["fps"] * step,
        notes=tuple(notes),
    )
