import pytest

from murid.review.priority import TimedCrossing, compute_priorities


def compute(*crossings: tuple[int, int, float, float], end_s: float = 100.0) -> list[float]:
    timed = [TimedCrossing((one, other), time_s, p) for one, other, time_s, p in crossings]
    return compute_priorities(timed, end_s)


def test_none() -> None:
    assert compute() == []


def test_a_swap_lasts_for_both_animals_to_the_end() -> None:
    assert compute((1, 2, 40, 0.25)) == pytest.approx([0.25 * 2 * 60])


def test_an_open_crossing_of_the_same_two_ends_it() -> None:
    assert compute((1, 2, 40, 0.25), (2, 1, 50, 0.5)) == pytest.approx(
        [0.25 * 2 * 10, 0.5 * 2 * 50]
    )


def test_a_settled_crossing_changes_nothing() -> None:
    assert compute((1, 2, 40, 0.25), (1, 2, 50, 0.0))[0] == pytest.approx(0.25 * 2 * 60)


def test_a_doubtful_crossing_ends_a_part_of_it() -> None:
    first, _ = compute((1, 2, 40, 0.25), (1, 2, 50, 0.1))
    assert first == pytest.approx(0.25 * 2 * (10 + 0.8 * 50))


def test_several_multiply() -> None:
    first, *_ = compute((1, 2, 0, 0.5), (1, 2, 10, 0.1), (1, 2, 30, 0.2))
    assert first == pytest.approx(0.5 * 2 * (10 + 0.8 * (20 + 0.6 * 70)))


def test_a_crossing_of_others_ends_nothing() -> None:
    assert compute((1, 2, 40, 0.25), (1, 3, 50, 0.5), (2, 3, 60, 0.5))[0] == pytest.approx(30)


def test_the_order_of_the_list_does_not_matter() -> None:
    one = compute((1, 2, 40, 0.25), (1, 2, 50, 0.1))
    assert compute((1, 2, 50, 0.1), (1, 2, 40, 0.25)) == pytest.approx(one[::-1])


def test_early_and_doubtful_crossings_go_first() -> None:
    early, late, sure = compute((1, 2, 10, 0.3), (3, 4, 90, 0.3), (5, 6, 10, 0.01))
    assert early > late
    assert early > sure
