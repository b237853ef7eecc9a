import numpy as np

from murid.core import DetectionTable
from murid.tracking import track_bidirectionally


def test_ids_are_those_of_the_rows_in_both_directions():
    """Two separate animals, in rows that alternate; the second is missing in the first frames."""
    boxes, offsets = [], [0]
    for t in range(20):
        own = [[10 + t, 10, 40 + t, 30]] + ([[200 + t, 100, 230 + t, 120]] if t > 5 else [])
        boxes += own[:: 1 if t % 2 else -1]
        offsets.append(len(boxes))
    boxes = np.array(boxes, np.float32)
    table = DetectionTable(boxes, np.full(len(boxes), 0.9, np.float32), None, np.array(offsets))
    ids = track_bidirectionally(table, 2, 30.0)
    assert ids.shape == (2, len(table))
    first = boxes[:, 1] < 50
    for track_ids in ids:
        late = table.frame_numbers > 6
        assert len(set(track_ids[first & late])) == len(set(track_ids[~first & late])) == 1
        assert track_ids[first & late][0] != track_ids[~first & late][0]
    assert (ids[0][first] == 1).all()
    assert (ids[1][table.frame_numbers == 19] > 0).all()


def test_a_recording_without_detections():
    empty = DetectionTable(
        np.zeros((0, 4), np.float32), np.zeros(0, np.float32), None, np.zeros(4, np.int64)
    )
    assert track_bidirectionally(empty, 3, 30.0).shape == (2, 0)
