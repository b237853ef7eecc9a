"""Lines on a run that several verbs print."""

import pytest

from murid.cli.messages import describe_identity_probability, summarise_identities


def make_facts(probability: float | None, n_crossings: int, uncertain: list[int]) -> dict:
    return {
        "identity_probability": probability,
        "crossings": [{}] * n_crossings,
        "uncertain_identities": uncertain,
        "tracks": [{}] * 3,
    }


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (
            make_facts(0.64, 39, [2, 3]),
            "3 identities, 39 doubtful crossings, names 64 % sure (2, 3 below 95 %)"
            ": see murid info",
        ),
        (
            make_facts(0.998, 1, []),
            "3 identities, 1 doubtful crossing, names 99.8 % sure: see murid info",
        ),
        (make_facts(1.0, 0, []), "3 identities, 0 doubtful crossings, names 100 % sure"),
        # Low for another reason than a crossing.
        (
            make_facts(0.9, 0, [1]),
            "3 identities, 0 doubtful crossings, names 90 % sure (1 below 95 %): see murid info",
        ),
    ],
)
def test_the_last_line_says_how_sure_names_are(facts, line):
    assert list(summarise_identities(facts)) == [line]


def test_tracks_have_no_names_to_be_sure_of():
    facts = make_facts(None, 0, [])
    assert describe_identity_probability(facts) is None
    assert list(summarise_identities(facts)) == []
