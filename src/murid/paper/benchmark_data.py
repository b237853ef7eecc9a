"""Data of the experiments: AnimalTrack if it is given, else synthetic scenarios and sequences."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from murid.core.files import make_directory, write_text
from murid.core.progress import ProgressCallback, no_progress
from murid.datasets.animaltrack import find_split
from murid.datasets.ground_truth import GroundTruthFile, find_ground_truth, read_ground_truth
from murid.datasets.labels import LabelledSequence, Problem
from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import read_dataset
from murid.datasets.text import read_lines
from murid.errors import ConfigError, FormatError
from murid.paper.rendered_images import ImageSet
from murid.paper.scale import Scale
from murid.synthetic import make_scenario, record
from murid.synthetic.write_sequence import SequenceInfo, describe_sequence, write_sequence
from murid.training.config import TrainConfig
from murid.training.data import count_synthetic_identities
from murid.training.fit import TrainingData
from murid.training.labelled_images import (
    build_labelled_images,
    choose_evenly_spaced,
    hold_out,
    take_frames,
)
from murid.training.second_views import make_second_views
from murid.training.synthetic_sources import SyntheticSources
from murid.video import open_source

# Seed of the synthetic scenarios; a constant, so that all results are of the same videos.
_SCENARIO_SEED = 0

# Synthetic training images have seeds from (seed + 1) times the first constant on, those that
# validate from the second on, which no training reaches.
_SEEDS_PER_TRAINING = 10**9
_VALIDATION_SEED = 5 * 10**12

_GROUND_TRUTH = Path("gt", "gt.txt")
_SEQUENCE_INFO = "seqinfo.ini"

# Hexadecimal digits of the hashes of ground truth and of paths in configurations and file names.
_N_TRUTH_DIGITS = 16
_N_PATH_DIGITS = 8


@dataclass(frozen=True, slots=True)
class BenchmarkRecording:
    """A video to be tracked.

    Attributes
    ----------
    name : str
    video : Path
        Video file or folder of images.
    fps : float
        Frames per second.
    n_frames : int or None
        Number of frames that are evaluated, from the first on; None = all.
    """

    name: str
    video: Path
    fps: float
    n_frames: int | None


@dataclass(frozen=True, slots=True)
class TruthSet:
    """Ground truth of some recordings, with the arguments of `murid.evaluation.evaluate`."""

    root: Path
    protocol: str
    split: str | None
    names: tuple[str, ...]


@dataclass(frozen=True)
class BenchmarkData:
    """Recordings with ground truth to evaluate on, and data to train on.

    Attributes
    ----------
    recordings : tuple of BenchmarkRecording
    truths : tuple of TruthSet
    evaluated_on : dict
        Plain values that identify the recordings; part of the configuration of a result.
    trained_on : dict
        Plain values that identify the training data.
    animaltrack : Path or None
        Archive of AnimalTrack, whose training split is trained on; None = synthetic images.
    directory : Path
        Directory for prepared images.
    scale : Scale
    report, announce : callable
        Receive progress, as numbers and as text.
    """

    recordings: tuple[BenchmarkRecording, ...]
    truths: tuple[TruthSet, ...]
    evaluated_on: dict[str, Any]
    trained_on: dict[str, Any]
    animaltrack: Path | None
    directory: Path
    scale: Scale
    report: ProgressCallback = no_progress
    announce: Callable[[str], None] = print

    def adapt_config(self, config: TrainConfig) -> TrainConfig:
        """Return the settings for this data.

        Rendered images are labelled images like any others, so that the augmentation of the paper
        applies to them. Their animals recur, each with a number of its own.
        """
        if self.animaltrack:
            return config
        return replace(config, synthetic_share=0.0, identity_source="track")

    @property
    def rendered(self) -> Path:
        """Directory of rendered images."""
        return self.directory / "rendered"

    @cached_property
    def training_data(self) -> TrainingData:
        """Data to train on, prepared once for all rows.

        Raises
        ------
        SourceError, StorageError
            As `murid.training.recipe.prepare_data`.
        """
        config = self.adapt_config(self.scale.train)
        if self.animaltrack is None:
            return self._prepare_synthetic_data(config)
        return self._prepare_animaltrack(config, self.animaltrack)

    def list_image_sets(self) -> list[ImageSet]:
        """Return the synthetic images that trainings need; none with AnimalTrack."""
        if self.animaltrack is not None:
            return []
        stills = self.scale.train.stills
        first_seed = (self.scale.train.seed + 1) * _SEEDS_PER_TRAINING
        return [
            ImageSet(stills, first_seed, self.scale.n_images),
            ImageSet(stills, _VALIDATION_SEED, self.scale.n_held_out),
        ]

    def _prepare_synthetic_data(self, config: TrainConfig) -> TrainingData:
        labelled, held_out = (
            images.render(self.rendered, config.n_workers, self.report)
            for images in self.list_image_sets()
        )
        return TrainingData(
            labelled=labelled, held_out=held_out, n_identities=config.stills.n_identities
        )

    def _prepare_animaltrack(self, config: TrainConfig, path: Path) -> TrainingData:
        sequences, problems = read_training(path, self.scale)
        if problems:
            self.announce(
                f"{path}: left out {len(problems)} labels with problems, for example {problems[0]}"
            )
        kept, held_out = hold_out(sequences, config.validation_share, config.seed)
        # Images have the size at which the recordings are detected.
        side_px = max(config.size_px, self.scale.max_side_px)
        labelled = build_labelled_images(
            kept,
            self.directory / "images",
            side_px,
            config.identity_source,
            count_synthetic_identities(config, SyntheticSources(), has_labels=True),
            self.report,
        )
        validation = build_labelled_images(
            held_out,
            self.directory / "held-out",
            side_px,
            config.identity_source,
            report=self.report,
            prefer_tracks=True,
        ).subsample(self.scale.n_held_out)
        return TrainingData(
            labelled=labelled,
            held_out=validation,
            n_identities=labelled.n_identities,
            second_views=make_second_views(validation, config),
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
    """Find or render everything that rows are evaluated on.

    Parameters
    ----------
    scale : Scale
    out : Path
        Directory of the tables.
    animaltrack : Path, optional
        Archive of AnimalTrack: evaluate on its test split, train on its training split.
    data : sequence of Path
        Ground truth of sequences that are evaluated beside the synthetic scenarios.
    report, announce : callable
        Receive progress, as numbers and as text.

    Raises
    ------
    ConfigError
        If both AnimalTrack and other sequences are given.
    FormatError
        If a ground truth cannot be read or has no video, or two sequences have the same name.
    StorageError
        If the directory cannot be written.
    """
    if animaltrack and data:
        given = ", ".join(map(str, data))
        raise ConfigError(f"animaltrack: expected no other sequences beside it, got {given}")
    trained_on: dict[str, Any]
    # Data to evaluate on, and the description of the data to train on.
    if animaltrack:
        parts = [_select_sequences(animaltrack, "animaltrack", "test", scale, out)]
        trained_on = {
            "animaltrack": _hash_truths(find_ground_truth(animaltrack, "train")),
            "max_images": scale.max_images,
            "max_side_px": scale.max_side_px,
        }
    else:
        parts = [_render_scenarios(scale, out, report)]
        parts += [_select_sequences(path, "plain", None, scale, out) for path in data]
        trained_on = {"images": "synthetic", "n_images": scale.n_images}
    recordings = tuple(recording for _, found in parts for recording in found)
    _check_names(recordings, data[0] if data else out)
    truths = tuple(truth for truth, _ in parts)
    return BenchmarkData(
        recordings=recordings,
        truths=truths,
        evaluated_on={
            "protocol": truths[0].protocol,
            "sequences": _describe_sequences(truths, recordings),
        },
        trained_on=trained_on,
        animaltrack=animaltrack,
        directory=out,
        scale=scale,
        report=report,
        announce=announce,
    )


def read_training(path: Path, scale: Scale) -> tuple[list[LabelledSequence], list[Problem]]:
    """Read the training split of AnimalTrack, subsampled to `scale.max_images`.

    Returns
    -------
    sequences : list of LabelledSequence
    problems : list of Problem
        Of labels that were left out.
    """
    found, problems = read_dataset([path], ReadOptions(split="train"))
    names = find_split(path, "train", [sequence.name for sequence in found])
    sequences = [sequence for sequence in found if sequence.name in names]
    if not sequences:
        raise FormatError(path, "split", "sequences of AnimalTrack's training split", "none")
    if scale.max_images is None:
        return sequences, problems
    # Two or more images of each sequence, so that animals occur more than once.
    n_each = max(2, scale.max_images // len(sequences))
    subsampled = [
        take_frames(sequence, choose_evenly_spaced(sequence.n_frames, n_each))
        for sequence in sequences
    ]
    return subsampled, problems


def write_recordings(data: BenchmarkData, path: Path) -> None:
    """Write the recordings as JSON for external detectors; raise `StorageError` on failure."""
    rows = [
        {
            "name": recording.name,
            "video": str(recording.video.absolute()),
            "fps": recording.fps,
            "n_frames": recording.n_frames,
        }
        for recording in data.recordings
    ]
    write_text(path, json.dumps(rows, indent=1) + "\n")


def _check_names(recordings: Sequence[BenchmarkRecording], path: Path) -> None:
    """Raise `FormatError` if two recordings have the same name."""
    names = [recording.name for recording in recordings]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        got = f"{', '.join(repeated)} twice"
        raise FormatError(path, "sequences", "names that occur once", got)


def _render_scenarios(
    scale: Scale, out: Path, report: ProgressCallback
) -> tuple[TruthSet, list[BenchmarkRecording]]:
    """Render the synthetic scenarios that do not exist yet, at the size of the scale."""
    root = out / f"bench-{scale.seconds:g}s-{scale.scenario_scale:g}"
    for name in scale.scenarios:
        scenario = make_scenario(name, _SCENARIO_SEED, scale.seconds)
        factor = scale.scenario_scale
        # Sides are even, as video encoders require.
        width = 2 * round(scenario.width * factor / 2)
        height = 2 * round(scenario.height * factor / 2)
        body_px = scenario.body_px * factor
        config = replace(scenario, width=width, height=height, body_px=body_px)
        # The sequence information is written last, so an incomplete scenario is rendered again.
        if not (root / name / _SEQUENCE_INFO).exists():
            info = SequenceInfo(name, config.fps, width, height, config.n_frames)
            write_sequence(root / name, record(config), info, report=report)
    truths = [truth for truth in find_ground_truth(root) if truth.name in scale.scenarios]
    truth_set = TruthSet(root, "plain", None, tuple(truth.name for truth in truths))
    return truth_set, [_to_recording(truth, None) for truth in truths]


def _select_sequences(
    path: Path, protocol: str, split: str | None, scale: Scale, out: Path
) -> tuple[TruthSet, list[BenchmarkRecording]]:
    """Return sequences of a data set, limited in number and length by the scale."""
    found = find_ground_truth(path, split, named_after_animals=protocol == "animaltrack")
    if not found:
        raise FormatError(path, "split", f"sequences of AnimalTrack's {split} split", "none")
    rows = choose_evenly_spaced(len(found), scale.max_sequences or len(found))
    truths = [found[row] for row in rows.tolist()]
    names = tuple(truth.name for truth in truths)
    if scale.max_frames is None:
        recordings = [_to_recording(truth, None) for truth in truths]
        return TruthSet(path, protocol, split, names), recordings
    # Write the ground truth of the first frames to another directory. Its name has a hash of the
    # path, so that data sets with equal sequence names do not share one.
    digest = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:_N_PATH_DIGITS]
    root = out / f"cut-{digest}-{scale.max_frames}"
    recordings = [_truncate(truth, root, scale.max_frames) for truth in truths]
    return TruthSet(root, protocol, None, names), recordings


def _truncate(truth: GroundTruthFile, root: Path, n_frames: int) -> BenchmarkRecording:
    """Write the ground truth of the first frames of a recording.

    Raises
    ------
    FormatError
        If these frames have none.
    """
    read_ground_truth(truth)  # raises if the file is damaged
    recording = _to_recording(truth, n_frames)
    lines = [line for _, line in read_lines(truth.path) if float(line.split(",")[0]) <= n_frames]
    if not lines:
        raise FormatError(truth.path, "frames", f"rows in the first {n_frames}", "none")
    directory = root / truth.name
    make_directory(directory / "gt")
    text = "".join(line if line.endswith("\n") else line + "\n" for line in lines)
    write_text(directory / _GROUND_TRUTH, text)
    # The sequence information, which the protocol of AnimalTrack needs.
    width, height = truth.size or (0, 0)
    n_kept = min(n_frames, truth.n_frames or n_frames)
    info = SequenceInfo(truth.name, recording.fps, width, height, n_kept)
    class_names = f"classNames={','.join(truth.class_names)}\n" if truth.class_names else ""
    write_text(directory / _SEQUENCE_INFO, describe_sequence(info) + class_names)
    return replace(recording, n_frames=n_kept)


def _to_recording(truth: GroundTruthFile, n_frames: int | None) -> BenchmarkRecording:
    if truth.video is None:
        expected = "a video or a folder of images beside the ground truth"
        raise FormatError(truth.path, "video", expected, "none")
    fps = truth.fps or open_source(truth.video).info.fps
    return BenchmarkRecording(truth.name, truth.video, fps, n_frames or truth.n_frames)


def _describe_sequences(
    truths: Sequence[TruthSet], recordings: Sequence[BenchmarkRecording]
) -> dict[str, Any]:
    """Return a hash of the ground truth and the number of frames of each sequence."""
    n_frames = {recording.name: recording.n_frames for recording in recordings}
    described = {}
    for truth_set in truths:
        for truth in find_ground_truth(truth_set.root, truth_set.split):
            if truth.name in truth_set.names:
                digest = _hash_truths([truth])
                described[truth.name] = {"truth": digest, "n_frames": n_frames[truth.name]}
    return described


def _hash_truths(truths: Sequence[GroundTruthFile]) -> str:
    digest = hashlib.sha256()
    for truth in truths:
        digest.update(truth.name.encode() + truth.path.read_bytes())
    return digest.hexdigest()[:_N_TRUTH_DIGITS]
