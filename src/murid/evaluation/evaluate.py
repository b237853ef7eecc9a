"""Scores of results against ground truth: each sequence, each class, and all together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from murid.core.progress import ProgressCallback, no_progress
from murid.core.types import Bool
from murid.datasets.ground_truth import find_ground_truth
from murid.errors import ArrayError, ConfigError, FormatError
from murid.evaluation.loading import EvaluationPair, EvaluationSettings, load_pair
from murid.evaluation.pairing import FilePair, find_pairs, is_run
from murid.metrics import (
    PROTOCOLS,
    LabelledBoxes,
    Matching,
    Metrics,
    MetricSums,
    ScoringProtocol,
    apply_protocol,
    compute_metric_sums,
    match,
    match_detections,
    select_class,
)


@dataclass(frozen=True, eq=False)
class ScoredSequence:
    """One sequence with its scored boxes.

    Attributes
    ----------
    pair : EvaluationPair
    truth, result : LabelledBoxes
        The boxes that are scored.
    matching : Matching
        Matched pairs of these boxes.
    sums : MetricSums
        Counts and sums from which the scores are computed.
    """

    pair: EvaluationPair
    truth: LabelledBoxes
    result: LabelledBoxes
    matching: Matching
    sums: MetricSums


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Scores of one or more sequences.

    Attributes
    ----------
    protocol : str
        Name of the scoring protocol.
    sequences : mapping of str to Metrics
        Scores of each sequence.
    classes : mapping of str to Metrics
        Scores of each class over all sequences; empty if there is one class only.
    combined : Metrics
        Scores of all sequences together.
    notes : tuple of str
        Possible mistakes.
    details : tuple of ScoredSequence
        The boxes of each sequence.
    """

    protocol: str
    sequences: Mapping[str, Metrics]
    classes: Mapping[str, Metrics]
    combined: Metrics
    notes: tuple[str, ...]
    details: tuple[ScoredSequence, ...]


def evaluate(
    result: str | Path,
    truth: str | Path,
    *,
    protocol: str = "plain",
    split: str | None = None,
    sequences: Collection[str] | None = None,
    fps: float | None = None,
    n_frames: int | None = None,
    allow_empty: bool = False,
    all_frames: bool | None = None,
    report: ProgressCallback = no_progress,
) -> Evaluation:
    """Score a result, or a folder of results, against ground truth.

    Parameters
    ----------
    result : str or Path
        See `murid.evaluation.pairing.find_pairs`.
    truth : str or Path
        See `murid.datasets.ground_truth.find_ground_truth`.
    protocol : str
        A name in `murid.metrics.PROTOCOLS`: which boxes are scored.
    split : {"train", "test"}, optional
        Split of AnimalTrack.
    sequences : collection of str, optional
        Names of the sequences to score; None = all.
    fps : float, optional
        Frames per second, if the files do not contain it or are wrong.
    n_frames : int, optional
        Length of the video, if the files do not contain it; for one sequence.
    allow_empty : bool
        Score a result without boxes, or without any that overlaps the ground truth, as zero.
    all_frames : bool, optional
        Whether a frame without labels has no animals (True), or is unknown and not scored (False).
        By default, ground truth that labels single frames here and there, as people do by hand, is
        scored on these frames; see `murid.metrics.labelled_frames.find_labelling`.
    report : callable
        Called with the progress.

    Returns
    -------
    Evaluation

    Raises
    ------
    ConfigError
        If there is no such protocol, or a setting is out of range.
    FormatError, RunError
        If a file cannot be read, or result and ground truth are not of the same video.
    """
    if protocol not in PROTOCOLS:
        raise ConfigError(f"protocol: expected {' or '.join(PROTOCOLS)}, got {protocol!r}")
    if fps is not None and not fps > 0:
        raise ConfigError(f"fps: expected a number above 0, got {fps:g}")

    if is_run(Path(truth)):
        expected = "labels made by people (murid convert makes labels of a run)"
        raise FormatError(truth, "truth", expected, "a run, which is a result")

    # Find the files.
    truths = find_ground_truth(truth, split, named_after_animals=protocol == "animaltrack")
    pairs, notes = find_pairs(Path(result), truths, sequences)
    if n_frames is not None and len(pairs) > 1:
        raise ConfigError(f"frames: expected one sequence, got {len(pairs)}")
    settings = EvaluationSettings(PROTOCOLS[protocol], fps, n_frames, allow_empty, all_frames)

    # Score each sequence, and each class in it.
    details: list[ScoredSequence] = []
    by_class: dict[str, list[MetricSums]] = {}
    n_done = 0
    for files in pairs:
        scored = _score_sequence(files, settings)
        details.append(scored)
        notes += scored.pair.notes
        for name, sums in _score_classes(scored, settings.protocol).items():
            by_class.setdefault(name, []).append(sums)
        n_done += scored.pair.n_frames
        if len(pairs) > 1:
            # The total is known only after the last file is read.
            report("score", n_done, n_done if len(details) == len(pairs) else None)

    # Combine the sequences. A single class has the scores of all boxes.
    classes = {}
    if len(by_class) > 1:
        for name in sorted(by_class):
            classes[name] = MetricSums.combine(by_class[name]).to_metrics()
    return Evaluation(
        protocol=protocol,
        sequences={scored.pair.name: scored.sums.to_metrics() for scored in details},
        classes=classes,
        combined=MetricSums.combine([scored.sums for scored in details]).to_metrics(),
        notes=tuple(notes),
        details=tuple(details),
    )


def _score_sequence(files: FilePair, settings: EvaluationSettings) -> ScoredSequence:
    """Return the scores of one sequence."""
    pair = load_pair(files, settings)
    try:
        return _score_all_classes(pair, settings.protocol)
    except ArrayError as error:
        raise FormatError(files.truth.path, error.field, error.expected, error.got) from error


def _score_all_classes(pair: EvaluationPair, protocol: ScoringProtocol) -> ScoredSequence:
    """Return the scores of all classes that the protocol scores, together."""
    truth, is_scored = apply_protocol(pair.truth, pair.result, protocol)
    detections = pair.detections
    if detections is not None:
        # In a MOT file the detections are the tracks, so the protocol is applied once.
        is_scored_detection = is_scored
        if detections is not pair.result:
            _, is_scored_detection = apply_protocol(pair.truth, detections, protocol)
        detections = detections.select(is_scored_detection)
    return _compute_scores(pair, truth, is_scored, detections)


def _score_classes(scored: ScoredSequence, protocol: ScoringProtocol) -> dict[str, MetricSums]:
    """Return the scores of each class; empty if the protocol scores one class only."""
    pair = scored.pair
    names = pair.truth.scored_classes
    if protocol.class_id is not None:
        return {}
    if len(names) == 1:
        return {names[0]: scored.sums}

    by_class = {}
    for name in names:
        truth, is_scored = select_class(pair.truth, pair.result, name)
        detections = pair.detections
        if detections is not None:
            _, is_scored_detection = select_class(pair.truth, detections, name)
            detections = detections.select(is_scored_detection)
        without_retrieval = replace(pair, retrieval=None)
        scored_class = _compute_scores(without_retrieval, truth, is_scored, detections)
        by_class[name] = scored_class.sums
    return by_class


def _compute_scores(
    pair: EvaluationPair,
    truth: LabelledBoxes,
    is_scored: Bool,
    detections: LabelledBoxes | None,
) -> ScoredSequence:
    """Return the scores of the scored boxes of a sequence."""
    result = pair.result.select(is_scored)
    matching = match(truth, result)
    sums = compute_metric_sums(truth, result, pair.n_frames, pair.scored_fps, matching)
    sums = replace(sums, n_frames=pair.n_scored_frames)
    detection_matches = None
    if detections is not None and detections.scores is not None:
        detection_matches = match_detections(truth, detections)
    sums = sums.with_extras(detection_matches, pair.retrieval)
    return ScoredSequence(pair, truth, result, matching, sums)
