"""Scores of identities against ground truth, for the benchmarks of identities.

Identity accuracy is the share of the true boxes that have the right identity (IoU >= 0.5) under the
best one-to-one assignment of identities. A switch is a true animal that has another identity than
when it was last seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from murid.core import DetectionTable, Tracks
from murid.core.boxes import compute_iou
from murid.metrics import LabelledBoxes, compute_metrics

# Bounds of the ranges of probability in the reliability diagram; narrow near 1, where most are.
PROBABILITY_EDGES = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1.001)
# From this probability on, a name is called certain.
CERTAIN = 0.99
# Boxes are matched more loosely for probabilities than for scores: a loose box of the right animal
# is no wrong identity.
MIN_RELIABILITY_IOU = 0.3


@dataclass(frozen=True)
class Named:
    """Boxes of identities: ``(N,)`` whether interpolated, and the probability of each."""

    boxes: LabelledBoxes
    interpolated: np.ndarray
    probabilities: np.ndarray

    @classmethod
    def from_tracks(cls, tracks: Tracks) -> Named:
        """Return the identities that a run stores; other tracks have a probability of 1."""
        has_id = tracks.track_ids >= 0
        n = len(has_id)
        interpolated = np.zeros(n, bool) if tracks.interpolated is None else tracks.interpolated
        given = tracks.identity_probabilities
        probabilities = np.ones(n) if given is None else given.astype(np.float64)
        return cls(LabelledBoxes.from_tracks(tracks), interpolated[has_id], probabilities[has_id])

    def select_frames(self, frames: np.ndarray) -> Named:
        """Return the boxes in some frames, numbered by their position among these."""
        kept = np.isin(self.boxes.frames, frames)
        return Named(
            renumber(self.boxes, frames), self.interpolated[kept], self.probabilities[kept]
        )


@dataclass(frozen=True)
class Reliability:
    """``(N,)`` probability of each box, whether it is right, and whether it is interpolated."""

    probabilities: np.ndarray
    right: np.ndarray
    interpolated: np.ndarray

    @classmethod
    def concatenate(cls, parts: list[Reliability]) -> Reliability:
        return cls(
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate([part.right for part in parts]),
            np.concatenate([part.interpolated for part in parts]),
        )

    def summarise(self) -> dict[str, float]:
        """Return the share of certain boxes and of right ones among them, and the mean error.

        ``error`` is the expected calibration error: the mean difference between probability and
        share of right boxes, over the ranges of probability.
        """
        certain = self.probabilities >= CERTAIN
        detected = certain & ~self.interpolated
        rows = self.tabulate()
        differences = sum(row["n"] * abs(row["probability"] - row["right"]) for row in rows)
        return {
            "n": len(self.right),
            "certain": 100 * float(certain.mean()),
            "certain_right": _share(self.right[certain]),
            "certain_right_detected": _share(self.right[detected]),
            "mean_probability": 100 * float(self.probabilities.mean()),
            "right": 100 * float(self.right.mean()),
            "error": 100 * differences / len(self.right),
        }

    def tabulate(self) -> list[dict[str, float]]:
        """Return mean probability and share of right boxes, for each range of probabilities."""
        rows = []
        for low, high in pairwise(PROBABILITY_EDGES):
            own = (self.probabilities >= low) & (self.probabilities < high)
            if own.any():
                rows.append(
                    {
                        "n": int(own.sum()),
                        "probability": float(self.probabilities[own].mean()),
                        "right": float(self.right[own].mean()),
                    }
                )
        return rows


def _share(right: np.ndarray) -> float:
    """Return a share in percent; NaN of nothing."""
    return 100 * float(right.mean()) if len(right) else float("nan")


def renumber(boxes: LabelledBoxes, frames: np.ndarray) -> LabelledBoxes:
    """Return the boxes in some frames (ascending), numbered by their position among these."""
    own = boxes.select(np.isin(boxes.frames, frames))
    return LabelledBoxes(np.searchsorted(frames, own.frames), own.ids, own.boxes, own.scores)


def match(
    truth: LabelledBoxes, result: LabelledBoxes, n_frames: int, min_iou: float = 0.5
) -> np.ndarray:
    """Return the true id ``(N,)`` of each box of the result, matched by frame; -1 for none."""
    ids = np.full(len(result), -1)
    true_order = np.argsort(truth.frames, kind="stable")
    order = np.argsort(result.frames, kind="stable")
    frames = np.arange(n_frames + 1)
    true_starts = np.searchsorted(truth.frames[true_order], frames)
    starts = np.searchsorted(result.frames[order], frames)
    for t in range(n_frames):
        true_rows = true_order[true_starts[t] : true_starts[t + 1]]
        found_rows = order[starts[t] : starts[t + 1]]
        iou = compute_iou(truth.boxes[true_rows], result.boxes[found_rows])
        rows, columns = linear_sum_assignment(-np.where(iou >= min_iou, iou + 1, 0))
        is_match = iou[rows, columns] >= min_iou
        ids[found_rows[columns[is_match]]] = truth.ids[true_rows[rows[is_match]]]
    return ids


def assign_names(true_ids: np.ndarray, names: np.ndarray) -> dict[int, int]:
    """Return the best one-to-one assignment from identities to true ids."""
    is_matched = true_ids >= 0
    animals, rows = np.unique(true_ids[is_matched], return_inverse=True)
    identities, columns = np.unique(names[is_matched], return_inverse=True)
    counts = np.zeros((len(animals), len(identities)))
    np.add.at(counts, (rows, columns), 1)
    assigned = zip(*linear_sum_assignment(-counts), strict=True)
    return {int(identities[j]): int(animals[i]) for i, j in assigned}


def score(
    truth: LabelledBoxes, result: LabelledBoxes, n_frames: int, fps: float, min_iou: float = 0.5
) -> dict[str, float]:
    """Return identity accuracy, IDF1 and switches per animal-hour."""
    true_ids = match(truth, result, n_frames, min_iou)
    names = assign_names(true_ids, result.ids)
    right = sum(
        names.get(n) == t
        for n, t in zip(result.ids.tolist(), true_ids.tolist(), strict=True)
        if t >= 0
    )
    order = np.lexsort((result.frames, true_ids))
    order = order[true_ids[order] >= 0]
    switches = int(((np.diff(true_ids[order]) == 0) & (np.diff(result.ids[order]) != 0)).sum())
    return {
        "accuracy": 100 * right / len(truth),
        "idf1": compute_metrics(truth, result, n_frames).idf1,
        "switches": switches,
        "switches_per_hour": switches / (len(truth) / fps / 3600),
    }


def score_nearest_centroid(truth: LabelledBoxes, table: DetectionTable) -> dict[str, float]:
    """Return what appearance alone can give: each detection has the name of the nearest centroid.

    The centroids are the mean embeddings of the true animals, so this is no method but an upper
    reference. ``accuracy`` is the share of true boxes, ``of_detected`` that of detected ones.
    """
    assert table.embeddings is not None
    frames = table.frame_numbers
    rows = np.arange(len(table))
    found = LabelledBoxes(frames, rows, table.boxes.astype(np.float64))
    animals = match(truth, found, table.n_frames)
    matched = animals >= 0
    ids = np.unique(truth.ids)
    centroids = np.stack([table.embeddings[animals == i].mean(axis=0) for i in ids])
    centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
    nearest = ids[np.argmax(table.embeddings[matched] @ centroids.T, axis=1)]
    right = int((nearest == animals[matched]).sum())
    return {
        "accuracy": 100 * right / len(truth),
        "of_detected": 100 * right / int(matched.sum()),
        "detected": 100 * int(matched.sum()) / len(truth),
    }


def count_lasting(truth: LabelledBoxes, result: LabelledBoxes, n_frames: int, fps: float) -> int:
    """Count identity changes of true animals between identities that last a second or more."""
    owners = match(truth, result, n_frames)
    changes = 0
    for animal in np.unique(truth.ids):
        own = np.flatnonzero(owners == animal)
        names = result.ids[own[np.argsort(result.frames[own], kind="stable")]]
        # Runs of equal identities, without those shorter than a second.
        bounds = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1], [True]]))
        lasting = names[bounds[:-1]][np.diff(bounds) >= fps]
        changes += int((lasting[1:] != lasting[:-1]).sum())
    return changes


def judge(truth: LabelledBoxes, named: Named, n_frames: int) -> Reliability:
    """Return whether each box is the animal that its identity says.

    A box on no animal is wrong. Boxes in frames with fewer true boxes than the recording has
    animals are judged only if they lie on one: the truth lacks animals that are hidden.
    """
    result = named.boxes
    true_ids = match(truth, result, n_frames, MIN_RELIABILITY_IOU)
    names = assign_names(true_ids, result.ids)
    right = np.array(
        [
            true_id >= 0 and names.get(name) == true_id
            for name, true_id in zip(result.ids.tolist(), true_ids.tolist(), strict=True)
        ],
        bool,
    )
    is_complete = np.bincount(truth.frames, minlength=n_frames) == len(np.unique(truth.ids))
    judged = (true_ids >= 0) | is_complete[result.frames]
    return Reliability(named.probabilities[judged], right[judged], named.interpolated[judged])


def draw_reliability(path: Path, curves: dict[str, list[dict[str, float]]]) -> None:
    """Draw the share of right identities against their probability, one curve for each name."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 4.2), layout="constrained")
    axes = figure.add_subplot(
        xlabel="identity probability", ylabel="share of right identities", xlim=(0, 1), ylim=(0, 1)
    )
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for (name, rows), color in zip(curves.items(), ("#0072b2", "#d55e00"), strict=False):
        sizes = [12 + 60 * row["n"] / max(r["n"] for r in rows) for row in rows]
        probabilities = [row["probability"] for row in rows]
        right = [row["right"] for row in rows]
        axes.plot(probabilities, right, color=color, label=name)
        axes.scatter(probabilities, right, sizes, color=color)
    axes.legend(loc="lower right", frameon=False)
    axes.set_aspect("equal")
    figure.savefig(path, dpi=120)
