import numpy as np
import pytest

from murid.metrics import (
    DetectionMatches,
    LabelledBoxes,
    compute_average_precision,
    match_detections,
    match_greedily,
)


def make_case(seed: int, n_frames: int = 30) -> tuple[LabelledBoxes, LabelledBoxes]:
    """Ground truth, and detections with misses, false positives, duplicates and noisy boxes."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for t in range(n_frames):
        corners = rng.random((6, 2)) * 300
        boxes = np.hstack([corners, corners + rng.uniform(20, 60, (6, 2))])
        truth += [(t, i, *box) for i, box in enumerate(boxes)]
        seen = np.concatenate([boxes[rng.random(6) > 0.2], boxes[:1], boxes[3:5] + 150])
        seen += rng.normal(0, 3, seen.shape)
        found += [(t, i, *box, rng.random()) for i, box in enumerate(seen)]
    a, b = np.array(truth), np.array(found)
    frames, ids = (table[:, :2].astype(np.int64).T for table in (a, b))
    return LabelledBoxes(frames[0], frames[1], a[:, 2:]), LabelledBoxes(
        ids[0], ids[1], b[:, 2:6], b[:, 6]
    )


def test_average_precision_of_known_lists():
    """Of 101 recalls, those that are reached have the best precision at that recall or beyond."""
    scores = np.array([0.9, 0.8, 0.7])
    assert compute_average_precision(scores, np.array([True, True, False]), 2) == pytest.approx(1.0)
    assert compute_average_precision(scores, np.array([False, True, True]), 2) == pytest.approx(
        2 / 3
    )
    assert compute_average_precision(scores, np.array([True, False, False]), 4) == pytest.approx(
        26 / 101
    )
    assert compute_average_precision(scores[:0], np.zeros(0, bool), 4) == 0


def test_each_animal_is_found_once():
    truth = np.array([[0, 0, 10, 10], [50, 50, 60, 60]], np.float32)
    boxes = np.array(
        [[0, 0, 10, 10], [0, 0, 10, 11], [50, 50, 60, 59], [80, 80, 90, 90]], np.float32
    )
    np.testing.assert_array_equal(match_greedily(boxes, truth), [True, False, True, False])
    np.testing.assert_array_equal(match_greedily(boxes, truth[:0]), [False] * 4)


def test_equal_scores_give_no_average_precision():
    truth, found = make_case(0)
    flat = LabelledBoxes(found.frames, found.ids, found.boxes, np.full(len(found), 0.7))
    assert match_detections(truth, flat).compute_average_precisions() is None


@pytest.mark.parametrize("seed", range(3))
def test_same_as_pycocotools(seed, capsys):
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    parts, images, labels, results = [], [], [], []
    for k in range(2):
        truth, found = make_case(10 * seed + k)
        parts.append(match_detections(truth, found))
        for boxes, into in ((truth, labels), (found, results)):
            sizes = boxes.boxes[:, 2:] - boxes.boxes[:, :2]
            for row, (frame, box, size) in enumerate(
                zip(boxes.frames, boxes.boxes, sizes, strict=True)
            ):
                entry = {
                    "image_id": 100 * k + int(frame),
                    "category_id": 1,
                    "bbox": [*box[:2], *size],
                }
                entry |= {"area": size.prod(), "iscrowd": 0, "id": len(into) + 1}
                into.append(entry | ({} if boxes.scores is None else {"score": boxes.scores[row]}))
        images += [{"id": 100 * k + t} for t in range(30)]
    theirs = coco.COCO()
    theirs.dataset = {
        "images": images,
        "annotations": labels,
        "categories": [{"id": 1, "name": "animal"}],
    }
    theirs.createIndex()
    evaluation = cocoeval.COCOeval(theirs, theirs.loadRes(results), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    ap, ap50, ap75 = evaluation.stats[:3]
    assert DetectionMatches.concatenate(parts).compute_average_precisions() == pytest.approx(
        (ap50, ap75, ap), abs=1e-12
    )
    assert 0.2 < ap < ap50 < 0.95
