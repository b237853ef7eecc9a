"""The pairwise model: one set of weights for links, swaps and probabilities."""

import json
from dataclasses import fields
from importlib.resources import files

import numpy as np
import pytest

from murid.identification.pairwise_model import PairwiseModel, load_pairwise_model
from murid.identification.swaps.llr_terms import LlrTerms


def make_model(**parameters):
    names = [field.name for field in fields(PairwiseModel)]
    return PairwiseModel(**(dict.fromkeys(names, 0.0) | parameters))


def list_weighted():
    """Return the names of the terms; constraints are certain, and not weighted."""
    return [field.name for field in fields(LlrTerms) if field.name != "constraints"]


def test_more_support_never_lowers_the_ratio():
    model = load_pairwise_model()
    for name in list_weighted():
        assert getattr(model, name) >= 0


def test_the_model_says_what_it_was_fitted_to():
    text = files("murid.identification").joinpath("pairwise_model.json").read_text()
    provenance = json.loads(text)["provenance"]
    assert provenance["recordings"]
    assert provenance["script"] == "benchmarks/pairwise_model.py"
    assert provenance["leave_one_recording_out"]["reliability"]


def test_the_terms_of_a_swap_count_with_the_weights_of_the_model():
    model = load_pairwise_model()
    expected = [*(getattr(model, name) for name in list_weighted()), 1.0]
    np.testing.assert_allclose(LlrTerms(*np.eye(8)).compute_llrs(), expected)


def test_a_swap_of_two_links_without_a_contact_is_the_difference_of_the_links():
    model = load_pairwise_model()
    rng = np.random.default_rng(0)
    motion = rng.normal(size=(4, 2))
    votes = rng.normal(size=4)
    none = np.zeros(4)
    links = model.compute_link_llrs(motion, none, votes)
    signs = np.array([1, 1, -1, -1])
    swapped = LlrTerms(
        short_gap_motion=signs @ motion[:, :1],
        long_gap_motion=signs @ motion[:, 1:],
        contact_motion=np.array([signs @ motion.sum(axis=1)]),
        appearance=np.zeros(1),
        tracklet_votes=np.array([signs @ votes]),
        contact_votes=np.array([signs @ votes]),
        point_matches=np.zeros(1),
        constraints=np.zeros(1),
    )
    assert swapped.compute_llrs()[0] == pytest.approx(signs @ links)


def test_probabilities_of_swaps():
    model = make_model(unseen_swap_probability=0.001)
    llrs = np.array([-3.0, 0.0, np.log(9), 9.0, 30.0])
    found = model.compute_swap_probabilities(llrs)
    np.testing.assert_allclose(found[:3], [0.5, 0.5, 0.001 + 0.998 * 0.1])
    # A swap that the evidence rules out may still be one that it does not show; far apart animals
    # cannot be swapped at all.
    assert found[3] > 0.001
    assert found[4] == 0


def test_no_term_is_left_out_of_an_empty_table():
    assert len(LlrTerms.empty()) == 0
