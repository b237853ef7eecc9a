"""What rows learn from and are scored on: AnimalTrack where it is there, else scenes and given sequences."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.files import make_directory, write_text
from murid.core.progress import ProgressCallback, no_progress
from murid.datasets.animaltrack import find_split
from murid.datasets.ground_truth import GroundTruthFile, find_ground_truth, read_ground_truth
from murid.datasets.labels import LabelledSequence, Problem
from murid.datasets.mot_text import read_lines
from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import read_dataset
from murid.errors import ConfigError, FormatError
from murid.paper.scale import Scale
from murid.synthetic import make_scenario, record
from murid.synthetic.write_sequence import SequenceInfo, describe_sequence, write_sequence
from murid.training.config import TrainConfig
from murid.training.fit import TrainingData, make_held_out_images
from murid.training.labelled_images import build_labelled_images, hold_out, take_frames
from murid.training.recipe import prepare_data
from murid.video import open_source

_BENCH_SEED = 0
_GROUND_TRUTH = Path("gt", "gt.txt")


@dataclass(frozen=True, slots=True)
class BenchmarkRecording:
    """A video to be tracked: name, file or folder, frames per second, and how many frames count (None = all)."""

    name: str
    video: Path
    fps: float
    n_frames: int | None


@dataclass(frozen=True, slots=True)
class TruthSet:
    """Ground truth of some recordings, as `murid.evaluation.evaluate` takes it."""

    root: Path
    protocol: str
    split: str | None
    names: tuple[str, ...]


@dataclass(frozen=True)
class BenchmarkData:
    """Recordings with truth, and what to learn from.

    Attributes
    ----------
    recordings : tuple of BenchmarkRecording
    truths : tuple of TruthSet
    scored_on : dict
        What tells these recordings from others: plain values.
    learnt_from : dict
        The same of the training.
    animaltrack : Path or None
        Where its training split is; None = scenes are learnt from.
    directory : Path
        For prepared pictures.
    scale : Scale
    report, announce : callable
        Told of progress, in numbers and in words.
    """

    recordings: tuple[BenchmarkRecording, ...]
    truths: tuple[TruthSet, ...]
    scored_on: dict[str, Any]
    learnt_from: dict[str, Any]
    animaltrack: Path | None
    directory: Path
    scale: Scale
    report: ProgressCallback = no_progress
    announce: Callable[[str], None] = print

    def adapt(self, config: TrainConfig) -> TrainConfig:
        """Settings of a training on this bed: without labelled pictures, all are scenes."""
        return config if self.animaltrack else replace(config, synthetic_share=1.0)

    @cached_property
    def training_data(self) -> TrainingData:
        """What to learn from, prepared once for all rows.

        Raises
        ------
        SourceError, StorageError
            As `murid.training.recipe.prepare_data`.
        """
        config = self.adapt(self.scale.train)
        if self.animaltrack is None:
            data = prepare_data(config, (), (), self.directory, self.report)
            return replace(
                data, held_out=make_held_out_images(config, data.sources, self.scale.n_held_out)
            )
        sequences, problems = read_training(self.animaltrack, self.scale)
        if problems:
            self.announce(
                f"{self.animaltrack}: left out {len(problems)} labels with problems, such as {problems[0]}"
            )
        kept, held_out = hold_out(sequences, config.validation_share, config.seed)
        side, first = max(config.size_px, self.scale.longest_side), config.stills.n_identities
        source = config.identity_source
        labelled = build_labelled_images(
            kept, self.directory / "pictures", side, source, first, self.report
        )
        measured = build_labelled_images(
            held_out, self.directory / "held-out", side, "none", 0, self.report
        )
        return TrainingData(
            labelled=labelled,
            held_out=measured.thin(self.scale.n_held_out),
            n_identities=labelled.n_identities,
        )


def make_benchmark_data(
    scale: Scale,
    out: Path,
    *,
    animaltrack: Path | None = None,
    data: Sequence[Path] = (),
    report: ProgressCallback = no_progress,
    announce: Callable[[str], None] = print,
) -> BenchmarkData:
    """Find or make everything that the rows are scored on.

    Parameters
    ----------
    scale : Scale
    out : Path
        Directory of the tables.
    animaltrack : Path, optional
        The benchmark; its test split is scored on, its training split learnt from.
    data : sequence of Path
        Ground truth of sequences, scored on beside the scene bench.
    report, announce : callable
        Told of progress, in numbers and in words.

    Raises
    ------
    ConfigError
        If both AnimalTrack and other sequences are given.
    FormatError
        If a truth cannot be read or is without its video, or two sequences have one name.
    StorageError
        If nothing can be written.
    """
    if animaltrack and data:
        raise ConfigError(
            "animaltrack: expected no other sequences beside it, got " + ", ".join(map(str, data))
        )
    if animaltrack:
        parts = [_choose(animaltrack, "animaltrack", "test", scale, out)]
        learnt_from: dict[str, Any] = {
            "animaltrack": _hash_truths(find_ground_truth(animaltrack, "train"))
        }
        learnt_from |= {"max_images": scale.max_images, "longest_side": scale.longest_side}
    else:
        parts = [
            _film_bench(scale, out, report),
            *(_choose(path, "plain", None, scale, out) for path in data),
        ]
        learnt_from = {"scenes": "synthetic"}
    recordings = tuple(recording for _, found in parts for recording in found)
    names = [recording.name for recording in recordings]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FormatError(
            data[0] if data else out,
            "sequences",
            "names that occur once",
            f"{', '.join(twice)} twice",
        )
    truths = tuple(truth for truth, _ in parts)
    scored_on = {"protocol": truths[0].protocol, "sequences": _describe(truths, recordings)}
    return BenchmarkData(
        recordings, truths, scored_on, learnt_from, animaltrack, out, scale, report, announce
    )


def read_training(path: Path, scale: Scale) -> tuple[list[LabelledSequence], list[Problem]]:
    """Sequences of AnimalTrack's training split, thinned as the scale says; and the problems of labels left out."""
    found, problems = read_dataset([path], ReadOptions(split="train"))
    names = find_split(path, "train", [sequence.name for sequence in found])
    sequences = [sequence for sequence in found if sequence.name in names]
    if not sequences:
        raise FormatError(path, "split", "sequences of AnimalTrack's training split", "none")
    if scale.max_images is None:
        return sequences, problems
    each = max(2, scale.max_images // len(sequences))
    return [
        take_frames(sequence, _spread(sequence.n_frames, each)) for sequence in sequences
    ], problems


def write_recordings(data: BenchmarkData, path: Path) -> None:
    """Write the list of recordings as JSON, for detectors that are run outside; raises `StorageError`."""
    rows = [
        {"name": r.name, "video": str(r.video.absolute()), "fps": r.fps, "n_frames": r.n_frames}
        for r in data.recordings
    ]
    write_text(path, json.dumps(rows, indent=1) + "\n")


def _film_bench(
    scale: Scale, out: Path, report: ProgressCallback
) -> tuple[TruthSet, list[BenchmarkRecording]]:
    """The scene bench at the scale's size; a scenario that is there is not made again."""
    root = out / f"bench-{scale.seconds:g}s-{scale.scenario_scale:g}"
    for name in scale.scenarios:
        usual = make_scenario(name, _BENCH_SEED, scale.seconds)
        factor = scale.scenario_scale
        width, height = (2 * round(side * factor / 2) for side in (usual.width, usual.height))
        config = replace(usual, width=width, height=height, body_px=usual.body_px * factor)
        if not (root / name / "seqinfo.ini").exists():  # written last
            info = SequenceInfo(name, config.fps, width, height, config.n_frames)
            write_sequence(root / name, record(config), info, report=report)
    truths = [truth for truth in find_ground_truth(root) if truth.name in scale.scenarios]
    return TruthSet(root, "plain", None, tuple(t.name for t in truths)), [
        _to_recording(t, None) for t in truths
    ]


def _choose(
    path: Path, protocol: str, split: str | None, scale: Scale, out: Path
) -> tuple[TruthSet, list[BenchmarkRecording]]:
    """Sequences of a data set that the scale allows, cut to its length."""
    truths = find_ground_truth(path, split, named_after_animals=protocol == "animaltrack")
    if not truths:
        raise FormatError(path, "split", f"sequences of AnimalTrack's {split} split", "none")
    chosen = [truths[k] for k in _spread(len(truths), scale.max_sequences or len(truths)).tolist()]
    if scale.max_frames is None:
        recordings = [_to_recording(truth, None) for truth in chosen]
        return TruthSet(path, protocol, split, tuple(t.name for t in chosen)), recordings
    root = (
        out
        / f"cut-{hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:8]}-{scale.max_frames}"
    )
    recordings = [_cut(truth, root, scale.max_frames) for truth in chosen]
    return TruthSet(root, protocol, None, tuple(t.name for t in chosen)), recordings


def _cut(truth: GroundTruthFile, root: Path, n_frames: int) -> BenchmarkRecording:
    """Write the truth of the first frames of a recording; raises `FormatError` if these have none."""
    read_ground_truth(truth)
    recording = _to_recording(truth, n_frames)
    lines = [line for _, line in read_lines(truth.path) if float(line.split(",")[0]) <= n_frames]
    if not lines:
        raise FormatError(truth.path, "frames", f"rows in the first {n_frames}", "none")
    directory = root / truth.name
    make_directory(directory / "gt")
    write_text(
        directory / _GROUND_TRUTH,
        "".join(line if line.endswith("\n") else line + "\n" for line in lines),
    )
    width, height = truth.size or (0, 0)
    length = min(n_frames, truth.n_frames or n_frames)
    text = describe_sequence(SequenceInfo(truth.name, recording.fps, width, height, length))
    names = f"classNames={','.join(truth.class_names)}\n" if truth.class_names else ""
    write_text(directory / "seqinfo.ini", text + names)
    return replace(recording, n_frames=length)


def _to_recording(truth: GroundTruthFile, n_frames: int | None) -> BenchmarkRecording:
    if truth.video is None:
        raise FormatError(
            truth.path, "video", "a video or a folder of pictures beside the truth", "none"
        )
    fps = truth.fps or open_source(truth.video).info.fps
    return BenchmarkRecording(truth.name, truth.video, fps, n_frames or truth.n_frames)


def _describe(
    truths: Sequence[TruthSet], recordings: Sequence[BenchmarkRecording]
) -> dict[str, Any]:
    """Hash of the truth, and frames, of each sequence."""
    lengths = {recording.name: recording.n_frames for recording in recordings}
    files = [
        t
        for each in truths
        for t in find_ground_truth(each.root, each.split)
        if t.name in each.names
    ]
    return {t.name: {"truth": _hash_truths([t]), "n_frames": lengths[t.name]} for t in files}


def _hash_truths(truths: Sequence[GroundTruthFile]) -> str:
    digest = hashlib.sha256()
    for truth in truths:
        digest.update(truth.name.encode() + truth.path.read_bytes())
    return digest.hexdigest()[:16]


def _spread(n: int, most: int) -> np.ndarray:
    """At most so many of the numbers below `n`, ascending, spread evenly."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))
