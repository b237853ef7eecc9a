import pytest

from murid.review.answers_needed import AnswersNeeded, estimate_answers_needed
from murid.review.crossings import ReviewCrossing


def make(time_s: float, probability: float, answer=None, pair=(1, 2)) -> ReviewCrossing:
    return ReviewCrossing(
        id=str(time_s),
        identities=pair,
        first_frame=0,
        last_frame=0,
        clip_first=0,
        clip_last=0,
        duration_s=0.0,
        swap_probability=probability,
        lasting_probability=probability,
        priority_s=0.0,
        answer=answer,
    )


def estimate(*crossings: ReviewCrossing, probability: float) -> AnswersNeeded | None:
    times_s = [float(crossing.id) for crossing in crossings]
    return estimate_answers_needed(crossings, times_s, 100.0, probability, 200.0)


def test_nothing_is_in_doubt() -> None:
    assert estimate(probability=0.9995) is None
    assert estimate(probability=0.5) is None


def test_one_answer_takes_away_its_expected_wrong_time() -> None:
    # Two animals for 50 of 100 s with a probability of 0.1: 5 % of all time is expected wrong.
    assert estimate(make(50, 0.1), probability=0.95) == AnswersNeeded(1, "99.9 %")


def test_the_highest_goal_that_answers_can_reach() -> None:
    assert estimate(make(50, 0.1), probability=0.945) == AnswersNeeded(1, "99.5 %")
    assert estimate(make(50, 0.1), probability=0.3) is None


def test_several_answers_in_the_order_of_the_page() -> None:
    # Each of them 2.5 % (of other animals, so that none ends another).
    crossings = [make(50 + k / 1000, 0.05, pair=(2 * k + 1, 2 * k + 2)) for k in range(6)]
    assert estimate(*crossings, probability=0.85) == AnswersNeeded(6, "99.9 %")
    assert estimate(*crossings, probability=0.9) == AnswersNeeded(4, "99.9 %")


@pytest.mark.parametrize("answer", ["right", "swapped", "unsure"])
def test_answered_crossings_give_nothing_more(answer) -> None:
    assert estimate(make(50, 0.1, answer), probability=0.95) is None
