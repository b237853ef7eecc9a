import numpy as np
import pytest

from murid.metrics import LabelledBoxes, compute_metrics, find_id_switches, match
from murid.metrics.matching import count_correct_ids


def make_case(seed: int) -> tuple[LabelledBoxes, LabelledBoxes]:
    """Five animals that walk among each other; the result misses, jitters, swaps and renames."""
    rng = np.random.default_rng(seed)
    centres, names = rng.random((5, 2)) * 120, np.arange(5)
    truth, result = [], []
    for t in range(120):
        centres += rng.normal(0, 5, centres.shape)
        if rng.random() < 0.1:
            pair = rng.choice(5, 2, replace=False)
            names[pair] = names[pair[::-1]]
        for i, (x, y) in enumerate(centres):
            if rng.random() > 0.1:
                truth.append((t, 10 + i, x, y, x + 40, y + 30))
            if rng.random() > 0.2:
                dx, dy = rng.normal(0, 4, 2)
                result.append((t, names[i], x + dx, y + dy, x + dx + 40, y + dy + 30))
    tables = (np.array(rows) for rows in (truth, result))
    return tuple(LabelledBoxes(*table[:, :2].astype(np.int64).T, table[:, 2:]) for table in tables)


@pytest.mark.parametrize("seed", range(5))
def test_matches_and_switches_equal_trackeval(seed):
    truth, result = make_case(seed)
    metrics = compute_metrics(truth, result, 120)
    matching = match(truth, result)
    switches = find_id_switches(truth, result, matching)
    assert (len(matching), len(switches)) == (metrics.true_positives, metrics.id_switches)
    assert len(switches) > 5
    for switch in switches:
        assert truth.ids[switch.truth_row] == truth.ids[switch.last_truth_row] == switch.truth_id
        assert (
            truth.frames[switch.truth_row]
            == switch.frame
            > switch.last_frame
            == truth.frames[switch.last_truth_row]
        )


def test_correct_ids_under_the_best_assignment():
    """Ten frames: animal 1 has id 7 in six frames and 9 in four, animal 2 has id 8 in all."""
    box = {1: (0.0, 0.0, 10.0, 10.0), 2: (50.0, 0.0, 60.0, 10.0)}
    truth = [(t, i, *box[i]) for t in range(10) for i in (1, 2)]
    result = [(t, 7 if t < 6 else 9, *box[1]) for t in range(10)] + [
        (t, 8, *box[2]) for t in range(10)
    ]
    a, b = (
        LabelledBoxes(*np.array(r)[:, :2].astype(np.int64).T, np.array(r)[:, 2:])
        for r in (truth, result)
    )
    matching = match(a, b)
    assert count_correct_ids(a, b, matching) == 16
    metrics = compute_metrics(a, b, 10, fps=10)
    assert metrics.identity_accuracy == pytest.approx(80)
    assert metrics.switches_per_animal_hour == pytest.approx(1 / (20 / 10 / 3600))
    (switch,) = find_id_switches(a, b, matching)
    assert (switch.truth_id, switch.last_frame, switch.frame, switch.old_id, switch.new_id) == (
        1,
        5,
        6,
        7,
        9,
    )
