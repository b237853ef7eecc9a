"""Scores equal to those that TrackEval prints for MOT Challenge folders, digit by digit."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from murid import Detections, Tracker, Tracks
from murid.datasets.ground_truth import find_ground_truth, read_ground_truth
from murid.datasets.mot_text import read_mot_table
from murid.evaluation import evaluate
from murid.export.mot import write_mot
from murid.export.tracks_chunk import TracksChunk
from murid.metrics import Metrics
from murid.tracking import TrackingConfig

N_FRAMES = 60

SCORES = {
    "hota": "HOTA___AUC",
    "deta": "DetA___AUC",
    "assa": "AssA___AUC",
    "loca": "LocA___AUC",
    "mota": "MOTA",
    "motp": "MOTP",
    "idf1": "IDF1",
    "idp": "IDP",
    "idr": "IDR",
}
COUNTS = {
    "id_switches": "IDSW",
    "fragmentations": "Frag",
    "mostly_tracked": "MT",
    "partly_tracked": "PT",
    "mostly_lost": "ML",
    "true_positives": "CLR_TP",
    "false_positives": "CLR_FP",
    "false_negatives": "CLR_FN",
    "n_truth_ids": "GT_IDs",
    "n_result_ids": "IDs",
    "n_truth_boxes": "GT_Dets",
    "n_result_boxes": "Dets",
}


def make_case(seed: int, with_classes: bool) -> tuple[list[str], list[str]]:
    """Return ground truth, some rows of it not scored, and a result with every kind of error."""
    rng = np.random.default_rng(seed)
    corners, names, truth, result = rng.random((8, 2)) * 300, list(range(1, 9)), [], []
    classes = [1, 1, 1, 1, 2, 8, 6, 3] if with_classes else [1] * 8
    for t in range(1, N_FRAMES + 1):
        corners += rng.normal(0, 6, corners.shape)
        if rng.random() < 0.1:
            i, j = rng.choice(8, 2, replace=False)
            names[i], names[j] = names[j], names[i]
        if rng.random() < 0.1:
            names[rng.integers(8)] = max(names) + 1
        for i, (left, top) in enumerate(corners):
            if not (i == 4 and 20 <= t < 40) and t != 50:
                flag = int(rng.random() > 0.1 and classes[i] == 1)
                truth.append(f"{t},{10 * i + 3},{left:.2f},{top:.2f},40,25,{flag},{classes[i]},-1")
            if rng.random() > 0.15 and t != 33:
                x, y, w, h = rng.normal([left, top, 40, 25], 3)
                result.append(
                    f"{t},{names[i]},{x:.2f},{y:.2f},{abs(w):.2f},{abs(h):.2f},0.9,-1,-1,-1"
                )
        if rng.random() < 0.3:
            result.append(f"{t},{1000 + t % 7},{rng.random() * 400:.2f},10,30,30,0.5,-1,-1,-1")
    return truth, result


class Folders:
    """A benchmark as TrackEval wants it on disk."""

    def __init__(self, root: Path, benchmark: str = "MOT17") -> None:
        self.root, self.benchmark, split = root, benchmark, f"{benchmark}-train"
        self.truth, self.result = root / "gt" / split, root / "trackers" / split / "murid"
        self.names = root / "gt" / "seqmaps" / f"{split}.txt"
        for folder in (self.result / "data", self.names.parent):
            folder.mkdir(parents=True)
        self.names.write_text("name\n")

    def add(self, name: str, n_frames: int) -> tuple[Path, Path]:
        """Place for the truth, and for the result, of one more sequence."""
        (self.truth / name / "gt").mkdir(parents=True)
        info = f"[Sequence]\nname={name}\nseqLength={n_frames}\nframeRate=30\n"
        (self.truth / name / "seqinfo.ini").write_text(info)
        with self.names.open("a") as file:
            file.write(f"{name}\n")
        return self.truth / name / "gt" / "gt.txt", self.result / "data" / f"{name}.txt"

    def run_trackeval(self, preprocess: bool) -> dict[str, dict[str, str]]:
        """Let TrackEval read, match, score and write; rows of its detailed table."""
        from trackeval import Evaluator
        from trackeval.datasets import MotChallenge2DBox
        from trackeval.metrics import CLEAR, HOTA, Identity

        folders = {
            "GT_FOLDER": str(self.root / "gt"),
            "TRACKERS_FOLDER": str(self.root / "trackers"),
        }
        quiet = {"PRINT_CONFIG": False}
        options = dict.fromkeys(
            ("PRINT_CONFIG", "PRINT_RESULTS", "PLOT_CURVES", "TIME_PROGRESS"), False
        )
        dataset = MotChallenge2DBox(
            folders | quiet | {"DO_PREPROC": preprocess, "BENCHMARK": self.benchmark}
        )
        Evaluator(options | {"BREAK_ON_ERROR": True}).evaluate(
            [dataset], [HOTA(), CLEAR(quiet), Identity(quiet)]
        )
        with (self.result / "pedestrian_detailed.csv").open() as file:
            return {row["seq"]: row for row in csv.DictReader(file)}


def assert_same(ours: Metrics, theirs: dict[str, str]) -> None:
    for name, field in SCORES.items():
        assert f"{getattr(ours, name):1.5g}" == f"{100 * float(theirs[field]):1.5g}", name
        assert getattr(ours, name) == pytest.approx(100 * float(theirs[field]), abs=1e-9), name
    for name, field in COUNTS.items():
        assert getattr(ours, name) == int(float(theirs[field])), name


def compare(folders: Folders, protocol: str) -> Metrics:
    """Compare every sequence and their sum, and return the sum."""
    theirs = folders.run_trackeval(preprocess=protocol != "plain")
    ours = evaluate(folders.result, folders.truth, protocol=protocol)
    assert set(ours.sequences) == set(theirs) - {"COMBINED"}
    for name, metrics in ours.sequences.items():
        assert_same(metrics, theirs[name])
    assert_same(ours.combined, theirs["COMBINED"])
    return ours.combined


@pytest.mark.parametrize("protocol", ["plain", "mot17", "mot20"])
@pytest.mark.parametrize("first_seed", [0, 10])
def test_generated_cases(tmp_path, protocol, first_seed):
    folders, n_rows = Folders(tmp_path, "MOT20" if protocol == "mot20" else "MOT17"), 0
    for seed in range(first_seed, first_seed + 3):
        truth, result = make_case(seed, with_classes=protocol != "plain")
        for path, rows in zip(folders.add(f"cage-{seed}", N_FRAMES), (truth, result), strict=True):
            path.write_text("\n".join(rows) + "\n")
        n_rows += len(result)
    combined = compare(folders, protocol)
    assert combined.id_switches > 5
    assert combined.fragmentations > 5
    assert 20 < combined.hota < 90
    assert (combined.n_result_boxes < n_rows - 50) == (protocol != "plain")


def test_a_sequence_in_which_nothing_is_found(tmp_path):
    folders = Folders(tmp_path)
    truth, result = make_case(0, with_classes=False)
    for name, rows in (("cage", result), ("dark", [])):
        for path, lines in zip(folders.add(name, N_FRAMES), (truth, rows), strict=True):
            path.write_text("".join(line + "\n" for line in lines))
    theirs = folders.run_trackeval(preprocess=False)
    ours = evaluate(folders.result, folders.truth, allow_empty=True)
    assert_same(ours.sequences["dark"], theirs["dark"])
    assert_same(ours.combined, theirs["COMBINED"])


def track(frames: list[Detections], fps: float, out: Path) -> None:
    tracker = Tracker(TrackingConfig(), fps)
    tracks = Tracks.from_frames([tracker.step(detections) for detections in frames])
    write_mot(out, [TracksChunk(0, np.arange(len(frames)) / fps, tracks)])


def degrade(boxes: np.ndarray, frames: np.ndarray, n_frames: int) -> list[Detections]:
    """Detections with misses and jitter from true boxes."""
    rng, found = np.random.default_rng(0), []
    for t in range(n_frames):
        own = boxes[(frames == t) & (rng.random(len(frames)) > 0.15)]
        size = np.tile(own[:, 2:] - own[:, :2], 2)
        moved = (own + rng.normal(0, 0.06, own.shape) * size).astype(np.float32)
        found.append(Detections(moved, rng.uniform(0.5, 1, len(own)).astype(np.float32)))
    return found


@pytest.mark.slow
@pytest.mark.data
def test_animaltrack(data_dir, tmp_path):
    folders = Folders(tmp_path)
    sequences = find_ground_truth(data_dir / "animaltrack")
    assert len(sequences) == 3
    for sequence in sequences:
        truth_path, result_path = folders.add(sequence.name, sequence.n_frames)
        shutil.copy(sequence.path, truth_path)
        truth = read_ground_truth(sequence).boxes
        track(degrade(truth.boxes, truth.frames, sequence.n_frames), sequence.fps, result_path)
    combined = compare(folders, "plain")
    assert combined.id_switches > 10
    assert (
        combined
        == evaluate(
            folders.result, data_dir / "animaltrack", protocol="animaltrack", fps=30
        ).combined
    )


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("protocol", ["plain", "mot17"])
def test_mot17(data_dir, tmp_path, protocol):
    folders = Folders(tmp_path)
    sequences = find_ground_truth(data_dir / "association" / "mot17")
    assert len(sequences) == 7
    for sequence in sequences:
        truth_path, result_path = folders.add(sequence.name, sequence.n_frames)
        shutil.copy(sequence.path, truth_path)
        table = read_mot_table(sequence.path.parents[1] / "det" / "det.txt", sequence.n_frames)
        boxes, scores = table.boxes.boxes.astype(np.float32), table.scores.astype(np.float32)
        rows = table.boxes.split(np.arange(sequence.n_frames))
        track([Detections(boxes[r], scores[r]) for r in rows], sequence.fps, result_path)
    combined = compare(folders, protocol)
    assert combined.id_switches > 100
