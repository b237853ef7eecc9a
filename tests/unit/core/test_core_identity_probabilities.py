"""Certainty of identities."""

import pytest

from murid.core.identity_probabilities import (
    IdentityProbabilities,
    format_probability,
    is_uncertain,
)


def make_row(identity: int, probability: float, n_frames: int, n_interpolated: int = 0) -> dict:
    return {
        "id": identity,
        "mean_identity_probability": probability,
        "n_frames": n_frames,
        "n_interpolated": n_interpolated,
    }


def test_overall_is_the_mean_over_animal_frames():
    rows = [make_row(1, 1.0, 80, 10), make_row(4, 0.5, 10)]
    identity_probabilities = IdentityProbabilities.from_rows(rows)
    assert identity_probabilities.overall == pytest.approx(0.95), "interpolated frames count"
    assert identity_probabilities.uncertain_ids == (4,)


def test_no_animals_have_no_probability():
    identity_probabilities = IdentityProbabilities.from_rows([])
    assert identity_probabilities.overall is None
    assert identity_probabilities.uncertain_ids == ()


def test_below_the_limit_is_uncertain():
    assert is_uncertain(0.9499)
    assert not is_uncertain(0.95)
    assert not is_uncertain(None), "it is not known"


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.0, "0 %"),
        (0.29, "29 %"),
        (0.6489, "64 %"),
        (0.9496, "94 %"),
        (0.9899, "98 %"),
        (0.99, "99.0 %"),
        (0.99999, "99.9 %"),
        (1.0, "100 %"),
    ],
)
def test_probabilities_are_never_rounded_up(probability, text):
    assert format_probability(probability) == text
