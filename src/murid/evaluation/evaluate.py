"""Score results against their truths: each sequence, each class, and all together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from murid.core.progress import ProgressCallback, no_progress
from murid.datasets.ground_truth import find_ground_truth
from murid.errors import ArrayError, ConfigError, FormatError
from murid.evaluation.loading import Material, Settings, load
from murid.evaluation.pairing import pair
from murid.metrics import (
    PROTOCOLS,
    LabelledBoxes,
    Matching,
    Metrics,
    Protocol,
    Scores,
    apply_protocol,
    compute_scores,
    mark_detections,
    match,
    select_class,
)


@dataclass(frozen=True, eq=False)
class ScoredSequence:
    """One sequence with what counts of it.

    Attributes
    ----------
    material : Material
    truth, result : LabelledBoxes
        The boxes that are scored.
    matching : Matching
        Which belong together.
    scores : Scores
    """

    material: Material
    truth: LabelledBoxes
    result: LabelledBoxes
    matching: Matching
    scores: Scores


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Scores of one or more sequences.

    Attributes
    ----------
    protocol : str
        Name of the rule of what counts.
    sequences : mapping of str to Metrics
        Scores of each sequence.
    classes : mapping of str to Metrics
        Scores of each class, summed over the sequences; empty where there is but one kind of
        animal.
    combined : Metrics
        Sums over all sequences.
    notes : tuple of str
        What may be a mistake.
    details : tuple of ScoredSequence
        What the scores were computed of.
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
    report: ProgressCallback = no_progress,
) -> Evaluation:
    """Score a result, or a folder of them, against ground truth.

    Parameters
    ----------
    result : str or Path
        As `murid.evaluation.pairing.pair` takes it.
    truth : str or Path
        As `murid.datasets.find_ground_truth` takes it.
    protocol : str
        What counts: a name in `murid.metrics.PROTOCOLS`.
    split : {"train", "test"}, optional
        Part of AnimalTrack.
    sequences : collection of str, optional
        Names of those wanted; None = all.
    fps : float, optional
        Frames per second, where nothing else says it or says it wrongly.
    n_frames : int, optional
        Length of the video, where nothing else says it and there is but one.
    allow_empty : bool
        Whether a result without boxes, or without any that touches the truth, is scored, as zero.
    report : callable
        Told of progress.

    Returns
    -------
    Evaluation

    Raises
    ------
    ConfigError
        If there is no such protocol, or a setting makes no sense.
    FormatError, RunError
        If something cannot be read, or result and truth are not of the same video.
    """
    if protocol not in PROTOCOLS:
        raise ConfigError(f"protocol: expected {' or '.join(PROTOCOLS)}, got {protocol!r}")
    if fps is not None and not fps > 0:
        raise ConfigError(f"fps: expected a number above 0, got {fps:g}")
    truths = find_ground_truth(truth, split, named_after_animals=protocol == "animaltrack")
    pairs, notes = pair(Path(result), truths, sequences)
    if n_frames is not None and len(pairs) > 1:
        raise ConfigError(f"frames: expected one sequence, got {len(pairs)}")
    settings = Settings(PROTOCOLS[protocol], fps, n_frames, allow_empty)
    details: list[ScoredSequence] = []
    by_class: dict[str, list[Scores]] = {}
    for each in pairs:
        material = load(each, settings)
        try:
            details.append(_score(material, settings.protocol))
        except ArrayError as error:
            raise FormatError(each.truth.path, error.field, error.expected, error.got) from error
        for name, scores in _score_classes(details[-1], settings.protocol).items():
            by_class.setdefault(name, []).append(scores)
        notes += material.notes
        if len(pairs) > 1:
            done = sum(scored.material.n_frames for scored in details)
            report("score", done, done if len(details) == len(pairs) else None)
    return Evaluation(
        protocol,
        {each.material.name: each.scores.to_metrics() for each in details},
        {name: Scores.combine(by_class[name]).to_metrics() for name in sorted(by_class)}
        if len(by_class) > 1
        else {},
        Scores.combine([each.scores for each in details]).to_metrics(),
        tuple(notes),
        tuple(details),
    )


def _score(material: Material, protocol: Protocol) -> ScoredSequence:
    truth, kept = apply_protocol(material.truth, material.result, protocol)
    detections = material.detections
    if detections is not None and detections is not material.result:
        detections = detections[apply_protocol(material.truth, detections, protocol)[1]]
    elif detections is not None:
        detections = detections[kept]
    return _compute(material, truth, kept, detections)


def _score_classes(scored: ScoredSequence, protocol: Protocol) -> dict[str, Scores]:
    """Scores of each class; a protocol with one class has none but the whole."""
    material = scored.material
    names = material.truth.counted_classes
    if protocol.class_id is not None or len(names) == 1:
        return {name: scored.scores for name in names if protocol.class_id is None}
    found = {}
    for name in names:
        truth, kept = select_class(material.truth, material.result, name)
        detections = material.detections
        if detections is not None:
            detections = detections[select_class(material.truth, detections, name)[1]]
        found[name] = _compute(replace(material, retrieval=None), truth, kept, detections).scores
    return found


def _compute(
    material: Material,
    truth: LabelledBoxes,
    kept: NDArray[np.bool_],
    detections: LabelledBoxes | None,
) -> ScoredSequence:
    result = material.result[kept]
    matching = match(truth, result)
    scores = compute_scores(truth, result, material.n_frames, material.fps, matching)
    marked = (
        None
        if detections is None or detections.scores is None
        else mark_detections(truth, detections)
    )
    return ScoredSequence(
        material, truth, result, matching, scores.with_extras(marked, material.retrieval)
    )
