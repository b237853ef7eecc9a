import numpy as np

from murid.core import Detections, DetectionTable
from murid.identification.time_slots import MAX_PAUSE_FRAMES, TimeSlots


def test_regular_times_with_jitter_and_a_dropped_frame_need_no_slots():
    rng = np.random.default_rng(0)
    times_s = np.arange(200) / 30 + rng.uniform(-0.012, 0.012, 200)
    times_s[100:] += 1 / 30
    assert TimeSlots.from_times(times_s, 30.0).slots is None
    assert TimeSlots.from_times(None, 30.0).slots is None
    assert TimeSlots.from_times(np.arange(20) + 1.0 * (np.arange(20) > 9), 1.0).slots is None


def test_a_pause_is_slots_without_frames():
    times_s = np.array([0.0, 0.1, 0.2, 3.2, 3.3])
    slots = TimeSlots.from_times(times_s, 10.0)
    assert slots.slots.tolist() == [0, 1, 2, 32, 33]
    box = Detections(np.array([[0, 0, 9, 9]], np.float32), np.ones(1, np.float32))
    table = slots.spread(DetectionTable.from_frames([box, Detections.empty(), box, box, box]))
    assert table.frame_numbers.tolist() == [0, 2, 32, 33]
    assert table.n_frames == 34
    asked = np.array([0, 2, 3, 31, 32, 33])
    assert slots.find_frames(asked).tolist() == [0, 2, 2, 2, 3, 4]
    assert slots.find_next_frames(asked).tolist() == [0, 2, 3, 3, 3, 4]
    ends = np.array([1, 2, 33])
    assert slots.count_missing(np.array([0, 0, 1]), ends).tolist() == [0, 0, 29]


def test_a_pause_of_a_day_takes_no_more_slots_than_the_longest_limit():
    times_s = np.append(np.arange(10), np.arange(10) + 86400.0)
    assert TimeSlots.from_times(times_s, 1.0).slots[-1] == 18 + MAX_PAUSE_FRAMES
    longer = TimeSlots.from_times(times_s, 1.0, max_gap_s=100.0).slots
    assert longer[10] - longer[9] > 100
