"""How fast a reviewer who knows the truth corrects a recording: accuracy by number of answers.

    python benchmarks/review.py --work /tmp/identities --kind lookalike --seeds 32 33
    python benchmarks/review.py --work /tmp/identities --scenario lookalike-5 --seconds 600 \\
        --seeds 951 952 --refine auto

The recordings and their detections are those of ``identities.py``, made once in ``--work``. The
reviewer answers one doubtful crossing after another: in the order of `murid review`, and in the
order of time. After each answer the animals are identified again. Printed are, after each answer,
identity accuracy, wrong animal-time, and lasting changes to a wrong identity or back, as in
``identities.py long``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from identity_scores import Named, count_lasting, score
from stored_runs import add_second_pass, prepare, prepare_rate_recording

from murid.core.boxes import compute_iou
from murid.corrections.records import Answer
from murid.datasets.mot_text import read_mot
from murid.metrics import LabelledBoxes
from murid.pipeline.config import Config
from murid.pipeline.corrections import RunCorrections
from murid.pipeline.identify import identify
from murid.pipeline.run import Run
from murid.review.crossings import ReviewCrossing
from murid.review.session import ReviewSession
from murid.review.solve import Solver
from murid.store import RunDirectory

MIN_IOU = 0.5
Order = Callable[[ReviewCrossing], float]
ORDERS: dict[str, Order] = {
    "most depends": lambda crossing: -crossing.priority_s,
    "time": lambda crossing: crossing.first_frame,
}


class TruthfulReviewer:
    """Answers crossings from ground truth, as a person does who watches the whole clip.

    An identity shows the true animal on which most of its boxes lie in the two seconds before the
    crossing, or after it.
    """

    def __init__(self, truth: LabelledBoxes) -> None:
        order = np.argsort(truth.frames, kind="stable")
        self._frames = truth.frames[order]
        self._boxes = truth.boxes[order].astype(np.float32)
        self._ids = truth.ids[order]

    def answer(self, crossing: ReviewCrossing, named: LabelledBoxes) -> Answer:
        """Return whether two identities are the same animals before and after a crossing."""
        before, after = (
            [self._find_animal(named, identity, *frames) for identity in crossing.identities]
            for frames in (
                (crossing.clip_first, crossing.first_frame),
                (crossing.last_frame, crossing.clip_last),
            )
        )
        if None in before or len(set(before)) < 2:
            return "unsure"
        if before == after:
            return "right"
        return "swapped" if before == after[::-1] else "unsure"

    def _find_animal(
        self, named: LabelledBoxes, identity: int, first: int, last: int
    ) -> int | None:
        own = np.flatnonzero(
            (named.ids == identity) & (named.frames >= first) & (named.frames <= last)
        )
        votes = Counter(
            animal
            for row in own.tolist()
            if (animal := self._match(int(named.frames[row]), named.boxes[row])) is not None
        )
        return votes.most_common(1)[0][0] if votes else None

    def _match(self, frame: int, box: np.ndarray) -> int | None:
        rows = slice(*np.searchsorted(self._frames, [frame, frame + 1]))
        if rows.start == rows.stop:
            return None
        overlaps = compute_iou(box[None].astype(np.float32), self._boxes[rows])[0]
        best = int(np.argmax(overlaps))
        return int(self._ids[rows][best]) if overlaps[best] >= MIN_IOU else None


def measure(path: Path, truth: LabelledBoxes) -> dict[str, float]:
    """Return the scores of a run."""
    run = RunDirectory.open(path)
    named = Named.from_tracks(run.read_tracks())
    fps = run.manifest.fps
    scores = score(truth, named.boxes, run.n_frames, fps)
    changes = count_lasting(truth, named.boxes, run.n_frames, fps)
    wrong_s = (1 - scores["accuracy"] / 100) * len(truth) / fps
    probabilities = Run.open(path).identity_probabilities()
    sure = 0.0 if probabilities is None else 100 * probabilities.overall
    return {"accuracy": scores["accuracy"], "wrong_s": wrong_s, "lasting": changes, "sure": sure}


def review(path: Path, truth: LabelledBoxes, order: Order, n_answers: int) -> list[dict]:
    """Return the scores before and after each answer, on a copy of a run."""
    reviewer = TruthfulReviewer(truth)
    solver = Solver()
    rows = [measure(path, truth)]
    for _ in range(n_answers):
        with RunDirectory.open(path, writable=True) as directory:
            session = ReviewSession(directory)
            open_crossings = [c for c in session.list_crossings() if c.answer is None]
            session.close()
        if not open_crossings:
            break
        crossing = min(open_crossings, key=order)
        named = Named.from_tracks(RunDirectory.open(path).read_tracks()).boxes
        answer = reviewer.answer(crossing, named)
        frames = crossing.first_frame, crossing.last_frame
        RunCorrections(path, "benchmark").answer_crossing(crossing.identities, *frames, answer)
        with RunDirectory.open(path, writable=True) as directory:
            solver(directory)
        rows.append(measure(path, truth) | {"answer": answer})
    return rows


def main() -> None:
    """Print and store the answer curves."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=Path("identities-work"))
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--kind", choices=["coats", "lookalike"], help="recordings of `rates`")
    parser.add_argument("--scenario", help="recordings of `scenes` and `long`")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--answers", type=int, default=10)
    parser.add_argument("--refine", choices=["never", "auto"], default="never")
    options = parser.parse_args()
    results = {}
    for seed in options.seeds:
        if options.kind:
            folder = prepare_rate_recording(options.work, options.kind, seed)
        else:
            folder = prepare(options.work, options.scenario, seed, options.seconds)
        truth = read_mot(folder / "gt" / "gt.txt")
        if options.refine == "auto":
            add_second_pass(folder / "run.murid")
        for name, order in ORDERS.items():
            with tempfile.TemporaryDirectory() as temporary:
                path = Path(shutil.copytree(folder / "run.murid", Path(temporary) / "run.murid"))
                config = Config().change(f"identification.refine={options.refine}")
                n_animals = RunDirectory.open(path).manifest.config["tracking"]["max_tracks"]
                identify(path, animals=n_animals, config=config)
                rows = review(path, truth, order, options.answers)
            results[f"{folder.name}, {name}"] = rows
            hours = len(truth) / RunDirectory.open(folder / "run.murid").manifest.fps / 3600
            print(f"{folder.name}, order: {name} ({hours:.2f} animal-hours)")
            for number, row in enumerate(rows):
                print(
                    f"  {number:>2} answers: accuracy {row['accuracy']:6.2f}, wrong"
                    f" {row['wrong_s']:6.1f} s, lasting changes {row['lasting']:3.0f},"
                    f" names {row['sure']:5.1f} % sure {row.get('answer', '')}",
                    flush=True,
                )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "review.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
