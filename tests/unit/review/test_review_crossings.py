import numpy as np
import pytest

from murid.review.crossings import PlacedAnswer, list_review_crossings

TIMES_S = np.arange(1000) / 10


def make_row(frame: int, swap: float, **more: float) -> dict[str, float]:
    pair = {"identity_a": 1, "identity_b": 2}
    return {"first_frame": frame, "last_frame": frame + 5, "swap_probability": swap, **pair, **more}


def test_a_lasting_swap_comes_before_the_ends_of_a_likelier_interval() -> None:
    rows = [
        make_row(100, 0.5, lasting_probability=0.0, interval_frames=20.0),
        make_row(120, 0.5, lasting_probability=0.0, interval_frames=20.0),
        make_row(500, 0.1, lasting_probability=0.1, interval_frames=0.0),
    ]
    crossings = list_review_crossings(rows, [], TIMES_S)
    assert [crossing.first_frame for crossing in crossings] == [500, 100, 120]
    # From frame 505 to the last one, 999, for both animals; and 20 animal-frames of 0.1 s.
    priorities = [crossing.priority_s for crossing in crossings]
    assert priorities == pytest.approx([0.1 * 2 * 49.4, 2.0, 2.0])


def test_an_answer_decides_intervals_too() -> None:
    rows = [make_row(100, 0.5, lasting_probability=0.0, interval_frames=20.0)]
    (crossing,) = list_review_crossings(rows, [PlacedAnswer((1, 2), 100, 105, "right", 1)], TIMES_S)
    assert crossing.interval_s == crossing.priority_s == 0
    (crossing,) = list_review_crossings(
        rows, [PlacedAnswer((1, 2), 100, 105, "unsure", 1)], TIMES_S
    )
    assert crossing.interval_s == pytest.approx(2)


def test_runs_of_older_versions_know_only_swaps() -> None:
    (crossing,) = list_review_crossings([make_row(500, 0.1)], [], TIMES_S)
    assert crossing.priority_s == pytest.approx(0.1 * 2 * 49.4)


def test_clips_end_at_other_crossings_of_either_animal() -> None:
    rows = [
        make_row(100, 0.3),
        make_row(115, 0.2) | {"identity_b": 3},
        make_row(108, 0.2) | {"identity_a": 4, "identity_b": 5},
        make_row(122, 0.1) | {"identity_b": 6},
    ]
    clips = {
        c.identities: (c.clip_first, c.clip_last) for c in list_review_crossings(rows, [], TIMES_S)
    }
    # Two seconds before; the next one of animal 1 begins one second after.
    assert clips[1, 2] == (80, 115)
    assert clips[1, 3] == (105, 125)
    # Of other animals.
    assert clips[4, 5] == (88, 133)
    # Half a second at least.
    assert clips[1, 6] == (117, 147)
