import numpy as np
import pytest

from murid.core.types import DetectionTable, Tracks
from murid.errors import ArrayError
from murid.metrics import LabelledBoxes, compute_metrics

Row = tuple[int, int, float, float, float, float]


def labelled(rows: list[Row]) -> LabelledBoxes:
    table = np.array(rows, np.float64).reshape(-1, 6)
    return LabelledBoxes(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2:])


def two_animals(n_frames: int = 20) -> list[Row]:
    return [
        row for t in range(n_frames) for row in ((t, 1, 0, 0, 100, 100), (t, 2, 500, 0, 600, 100))
    ]


def test_one_switch_in_the_middle():
    """Two animals, 20 frames, IoU 0.9 and 0.8; the first gets a new id in the middle.

    The expected scores are computed by hand. Up to the threshold 0.80 both animals match, at 0.85
    and 0.90 one does, at 0.95 none. If both match, association is
    (20 * 1 + 20 * 0.5) / 40 = 0.75. If only the switched one matches, association is 0.5 and
    detection is 20 / 60."""
    result = [
        row
        for t in range(20)
        for row in ((t, 1 if t < 10 else 3, 0, 0, 100, 90), (t, 2, 500, 0, 600, 80))
    ]
    metrics = compute_metrics(labelled(two_animals()), labelled(result), 20)
    assert metrics.hota == pytest.approx(100 * (16 * np.sqrt(0.75) + 2 * np.sqrt(0.5 / 3)) / 19)
    assert metrics.hota == pytest.approx(77.2, abs=0.05)
    assert metrics.deta == pytest.approx(100 * (16 + 2 / 3) / 19)
    assert metrics.assa == pytest.approx(100 * (16 * 0.75 + 2 * 0.5) / 19)
    assert metrics.mota == pytest.approx(97.5)
    assert metrics.motp == pytest.approx(85)
    assert (metrics.idf1, metrics.idp, metrics.idr) == pytest.approx((75, 75, 75))
    assert (metrics.id_switches, metrics.fragmentations) == (1, 0)
    assert (
        metrics.n_truth_ids,
        metrics.n_result_ids,
        metrics.n_truth_boxes,
        metrics.n_result_boxes,
    ) == (2, 3, 40, 40)


def test_perfect_result():
    truth = two_animals()
    shuffled = [truth[i] for i in np.random.default_rng(1).permutation(len(truth))]
    renamed = labelled([(t, 700 - 30 * i, *box) for t, i, *box in shuffled])
    metrics = compute_metrics(labelled(truth), renamed, 25)
    scores = [
        getattr(metrics, n)
        for n in ("hota", "deta", "assa", "loca", "mota", "motp", "idf1", "idp", "idr")
    ]
    assert scores == pytest.approx([100] * 9)
    assert (metrics.false_positives, metrics.false_negatives, metrics.id_switches) == (0, 0, 0)
    assert (metrics.mostly_tracked, metrics.partly_tracked, metrics.mostly_lost) == (2, 0, 0)
    assert (metrics.n_frames, metrics.n_labelled_frames) == (25, 20)


def test_empty_result():
    metrics = compute_metrics(labelled(two_animals()), labelled([]), 20)
    assert (metrics.hota, metrics.mota, metrics.idf1) == (0, 0, 0)
    assert (metrics.false_negatives, metrics.mostly_lost, metrics.n_result_ids) == (40, 2, 0)


def test_empty_truth():
    metrics = compute_metrics(labelled([]), labelled(two_animals()), 20)
    assert (metrics.hota, metrics.mota, metrics.idf1) == (0, 0, 0)
    assert (metrics.false_positives, metrics.n_labelled_frames) == (40, 0)


def test_empty_truth_and_result():
    metrics = compute_metrics(labelled([]), labelled([]), 0)
    assert all(value is None or np.isfinite(value) for value in metrics.to_dict().values())


def test_no_overlap_makes_mota_negative():
    elsewhere = [(t, i, a + 5000, b, c + 5000, d) for t, i, a, b, c, d in two_animals()]
    metrics = compute_metrics(labelled(two_animals()), labelled(elsewhere), 20)
    assert (metrics.hota, metrics.idf1, metrics.motp) == (0, 0, 0)
    assert metrics.mota == pytest.approx(-100)
    assert (metrics.true_positives, metrics.false_positives, metrics.false_negatives) == (0, 40, 40)


def test_half_a_track_is_partly_tracked_and_a_gap_a_fragmentation():
    truth = [(t, 1, 0, 0, 10, 10) for t in range(20)] + [(t, 2, 50, 0, 60, 10) for t in range(20)]
    result = [row for row in truth if row[1] == 2 or 5 <= row[0] < 10 or 12 <= row[0] < 17]
    metrics = compute_metrics(labelled(truth), labelled(result), 20)
    assert (metrics.mostly_tracked, metrics.partly_tracked, metrics.mostly_lost) == (1, 1, 0)
    assert (metrics.fragmentations, metrics.id_switches, metrics.false_negatives) == (1, 0, 10)


def test_frames_beyond_the_video_are_refused():
    with pytest.raises(ArrayError, match=r"truth.frames: expected frames 0 to 18, got frame 19"):
        compute_metrics(labelled(two_animals()), labelled([]), 19)
    with pytest.raises(ArrayError, match=r"result.frames: expected frames 0 to 18, got frame 19"):
        compute_metrics(labelled([]), labelled(two_animals()), 19)


def test_nothing_is_printed(capfd):
    compute_metrics(labelled(two_animals()), labelled(two_animals()), 20)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [(3, 1, 0, 0, 1, 1), (3, 1, 5, 5, 6, 6)],
            "LabelledBoxes.ids: expected each once in a frame, got 1 twice in 3",
        ),
        ([(-1, 1, 0, 0, 1, 1)], "LabelledBoxes.frames: expected frames from 0, got -1"),
        ([(0, 1, 0, np.nan, 1, 1)], "LabelledBoxes.boxes: expected finite numbers"),
    ],
)
def test_labelled_boxes_reject_invalid_values(rows, message):
    with pytest.raises(ArrayError, match=message):
        labelled(rows)


def test_labelled_boxes_convert_lists_and_other_numbers():
    boxes = LabelledBoxes([0, 1], [1.0, 1.0], np.ones((2, 4), np.float32), [1, 1])
    assert boxes.frames.dtype == boxes.ids.dtype == np.int64
    assert boxes.boxes.dtype == boxes.scores.dtype == np.float64
    with pytest.raises(ArrayError, match=r"LabelledBoxes.ids: .*fit in int64, got 1\.5"):
        LabelledBoxes([0, 1], [1.5, 1.0], np.ones((2, 4)))


def test_labelled_boxes_from_tracks_exclude_other_detections():
    boxes = np.arange(12, dtype=np.float32).reshape(3, 4)
    table = DetectionTable(boxes, np.ones(3, np.float32), None, np.array([0, 0, 2, 3]))
    labelled_boxes = LabelledBoxes.from_tracks(Tracks(table, np.array([4, -1, 9])), first_frame=100)
    assert labelled_boxes.frames.tolist() == [101, 102]
    assert labelled_boxes.ids.tolist() == [4, 9]
    np.testing.assert_array_equal(labelled_boxes.boxes, boxes[[0, 2]])
