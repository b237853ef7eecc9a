import numpy as np

from murid.core.types import DetectionTable
from murid.review.clear_moments import N_MOMENTS, find_clear_moments
from murid.review.results import IdentityPart

N_FRAMES = 100
TIMES_S = np.arange(N_FRAMES) / 20


def make_part(boxes_of, merged=lambda _frame, _k: False, rows=lambda _frame, k: k) -> IdentityPart:
    """Identities 1 and 2 in all frames; `boxes_of` gives both boxes of a frame."""
    boxes = np.array([boxes_of(t) for t in range(N_FRAMES)], np.float32).reshape(-1, 4)
    pairs = [(t, k) for t in range(N_FRAMES) for k in range(2)]
    n_boxes = len(boxes)
    return IdentityPart(
        0,
        np.arange(0, n_boxes + 1, 2),
        np.tile([1, 2], N_FRAMES),
        np.array([rows(t, k) for t, k in pairs]),
        boxes,
        np.full(n_boxes, 0.9, np.float32),
        np.ones(n_boxes, np.float32),
        np.array([merged(t, k) for t, k in pairs]),
        DetectionTable(
            np.zeros((0, 4), np.float32), np.zeros(0, np.float32), None, np.zeros(1, int)
        ),
    )


def find(part: IdentityPart, first=0, last=N_FRAMES - 1) -> list[int]:
    return [m.frame for m in find_clear_moments([part], (1, 2), first, last, TIMES_S)]


def apart(_frame: int) -> list[list[float]]:
    return [[0, 0, 10, 10], [50, 50, 60, 60]]


def test_moments_are_apart_from_each_other() -> None:
    frames = find(make_part(apart))
    assert len(frames) == N_MOMENTS
    assert (np.diff(TIMES_S[frames]) >= 0.7).all()


def test_overlapping_boxes_are_not_clear() -> None:
    def meet(frame: int) -> list[list[float]]:
        return apart(frame) if frame >= 80 else [[0, 0, 10, 10], [2, 2, 12, 12]]

    frames = find(make_part(meet))
    assert frames[0] < 80 <= frames[-1]
    assert find(make_part(meet), 70)[-1] >= 80
    moments = find_clear_moments([make_part(meet)], (1, 2), 0, 82, TIMES_S)
    assert moments[-1].frame >= 80


def test_merged_and_interpolated_boxes_are_left_out() -> None:
    assert find(make_part(apart, merged=lambda _frame, k: k == 1)) == []
    assert find(make_part(apart, rows=lambda _frame, k: -1 if k == 0 else 0)) == []


def test_both_boxes_are_those_of_the_pair_in_its_order() -> None:
    moments = find_clear_moments([make_part(apart)], (2, 1), 0, 9, TIMES_S)
    assert moments[0].boxes == ((50, 50, 60, 60), (0, 0, 10, 10))


def test_only_frames_of_the_interval() -> None:
    assert all(40 <= frame <= 60 for frame in find(make_part(apart), 40, 60))
    assert find(make_part(apart), 60, 40) == []
