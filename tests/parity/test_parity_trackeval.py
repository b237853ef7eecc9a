"""The metrics in memory give what TrackEval's own reading of MOT Challenge files gives."""

import numpy as np
import pytest

from murid.evaluate import compute_metrics
from murid.formats import read_mot

N_FRAMES = 60


def make_case(seed: int) -> tuple[list[str], list[str]]:
    """Ground truth of walking animals, some rows of it not to be scored, and a result with every kind of fault."""
    rng = np.random.default_rng(seed)
    corners, names, truth, result = rng.random((5, 2)) * 400, list(range(1, 6)), [], []
    for t in range(1, N_FRAMES + 1):
        corners += rng.normal(0, 6, corners.shape)
        if rng.random() < 0.1:
            i, j = rng.choice(5, 2, replace=False)
            names[i], names[j] = names[j], names[i]
        if rng.random() < 0.1:
            names[rng.integers(5)] = max(names) + 1
        for i, (left, top) in enumerate(corners):
            if not (i == 4 and 20 <= t < 40) and t != 50:
                truth.append(f"{t},{10 * i + 3},{left:.2f},{top:.2f},40,25,{int(rng.random() > 0.1)},1,-1")
            if rng.random() > 0.15 and t != 33:
                x, y, w, h = rng.normal([left, top, 40, 25], 3)
                result.append(f"{t},{names[i]},{x:.2f},{y:.2f},{abs(w):.2f},{abs(h):.2f},0.9,-1,-1,-1")
        if rng.random() < 0.3:
            result.append(f"{t},{1000 + t % 7},{rng.random() * 400:.2f},10,30,30,0.5,-1,-1,-1")
    return truth, result


def run_trackeval(folder, truth: list[str], result: list[str]) -> dict[str, dict[str, object]]:
    """Write the folders TrackEval wants and let it read, match and score."""
    from trackeval import Evaluator
    from trackeval.datasets import MotChallenge2DBox
    from trackeval.metrics import CLEAR, HOTA, Identity

    (folder / "gt/cage/gt").mkdir(parents=True)
    (folder / "trackers/murid/data").mkdir(parents=True)
    (folder / "gt/cage/gt/gt.txt").write_text("\n".join(truth) + "\n")
    (folder / "trackers/murid/data/cage.txt").write_text("\n".join(result) + "\n")
    dataset = MotChallenge2DBox(
        {
            "GT_FOLDER": str(folder / "gt"),
            "TRACKERS_FOLDER": str(folder / "trackers"),
            "SEQ_INFO": {"cage": N_FRAMES},
            "SKIP_SPLIT_FOL": True,
            "DO_PREPROC": False,
            "PRINT_CONFIG": False,
        }
    )
    quiet = {"PRINT_CONFIG": False}
    evaluator = Evaluator(
        dict.fromkeys(("PRINT_CONFIG", "PRINT_RESULTS", "OUTPUT_SUMMARY", "OUTPUT_DETAILED", "PLOT_CURVES"), False)
        | {"BREAK_ON_ERROR": True, "TIME_PROGRESS": False}
    )
    scores, _ = evaluator.evaluate([dataset], [HOTA(), CLEAR(quiet), Identity(quiet)])
    return scores["MotChallenge2DBox"]["murid"]["cage"]["pedestrian"]


@pytest.mark.parametrize("seed", range(3))
def test_same_numbers_as_from_files(tmp_path, seed):
    truth, result = make_case(seed)
    theirs = run_trackeval(tmp_path, truth, result)
    ours = compute_metrics(
        read_mot(tmp_path / "gt/cage/gt/gt.txt", N_FRAMES),
        read_mot(tmp_path / "trackers/murid/data/cage.txt", N_FRAMES),
        N_FRAMES,
    )
    hota, clear, identity = theirs["HOTA"], theirs["CLEAR"], theirs["Identity"]
    for name, field in {"hota": "HOTA", "deta": "DetA", "assa": "AssA", "loca": "LocA"}.items():
        assert getattr(ours, name) == pytest.approx(100 * np.mean(hota[field]), abs=1e-9), name
    for name, value in {"mota": clear["MOTA"], "motp": clear["MOTP"]}.items():
        assert getattr(ours, name) == pytest.approx(100 * value, abs=1e-9), name
    for name, value in {"idf1": identity["IDF1"], "idp": identity["IDP"], "idr": identity["IDR"]}.items():
        assert getattr(ours, name) == pytest.approx(100 * value, abs=1e-9), name
    assert (ours.id_switches, ours.fragmentations) == (clear["IDSW"], clear["Frag"])
    assert (ours.mostly_tracked, ours.partly_tracked, ours.mostly_lost) == (clear["MT"], clear["PT"], clear["ML"])
    counts = (ours.true_positives, ours.false_positives, ours.false_negatives)
    assert counts == (clear["CLR_TP"], clear["CLR_FP"], clear["CLR_FN"])
    assert ours.id_switches > 0
    assert ours.fragmentations > 0
    assert 20 < ours.hota < 90
    assert ours.n_truth_boxes < len(truth)
