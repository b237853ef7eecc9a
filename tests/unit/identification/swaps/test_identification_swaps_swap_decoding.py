"""The most likely sequence of swaps of two paths."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.special import expit

from murid.core import Detections, DetectionTable
from murid.identification import IdentificationConfig, stitching
from murid.identification.appearance_models.appearance_model import AppearanceModel
from murid.identification.pairwise_model import load_pairwise_model
from murid.identification.paths.context import build_path_context
from murid.identification.recording_stitcher import stitch_recording
from murid.identification.swaps import swap_decoding
from murid.identification.swaps.candidates import find_swap_candidates


@pytest.mark.parametrize("seed", range(20))
def test_the_sequence_is_the_cheapest_of_all(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    costs, losses = rng.normal(1, 2, n), rng.normal(0.5, 2, n + 1)
    swapped, total = swap_decoding.run_viterbi(costs, losses)
    sequences = np.array(list(product([False, True], repeat=n + 1)))
    changes = sequences[:, 1:] != sequences[:, :-1]
    totals = sequences @ losses + changes @ costs
    assert total == pytest.approx(totals.min())
    np.testing.assert_array_equal(swapped, sequences[np.argmin(totals)])


@pytest.mark.parametrize("seed", range(20))
def test_posteriors_are_those_of_all_sequences(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    costs, losses = rng.normal(1, 2, n), rng.normal(0.5, 2, n + 1)
    unseen = load_pairwise_model().unseen_swap_probability
    swap = unseen + (1 - 2 * unseen) * expit(-costs)
    sequences = np.array(list(product([False, True], repeat=n + 1)))
    changes = sequences[:, 1:] != sequences[:, :-1]
    likelihoods = np.exp(-(sequences @ losses)) * np.where(changes, swap, 1 - swap).prod(axis=1)
    posteriors = (likelihoods @ ~sequences) / likelihoods.sum()
    log_odds = swap_decoding.run_forward_backward(costs, losses)
    np.testing.assert_allclose(expit(log_odds), posteriors, atol=1e-9)


def make_meetings(n_frames=480):
    """Return detections at 2 frames/s of two unlike animals that rest, and mingle between.

    Their appearance is not known while they mingle.
    """
    rng = np.random.default_rng(0)
    coats = np.eye(8)[:2]
    frames, animals = [], []
    for t in range(n_frames):
        mingling = t % 16 >= 12
        if t % 16 == 0 or mingling:
            first = rng.normal(150, 10, 2)
            centres = np.stack([first, first + rng.choice([-40, 40], 2)])
        order = rng.permutation(2)
        boxes = np.concatenate([centres - 20, centres + 20], axis=1)[order].astype(np.float32)
        seen = (coats + rng.normal(0, 0.1, coats.shape))[order] * (not mingling)
        seen /= np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), 1e-9)
        frames.append(Detections(boxes, np.full(2, 0.9, np.float32), seen.astype(np.float32)))
        animals.append(np.where(mingling, -1, order))
    return DetectionTable.from_frames(frames), np.concatenate(animals)


def test_many_swaps_of_unlike_animals_are_undone_at_once(monkeypatch):
    monkeypatch.setattr(stitching, "decode_swaps", lambda paths, _: paths)
    table, _ = make_meetings()
    stitched = stitch_recording(table, 2, 2.0, IdentificationConfig())
    paths = stitched.paths
    evidence = stitched.evidence
    # Swap the animals at every third time that they mingle, and back at the next.
    meetings = evidence.tracklets.first_frames // 16
    wrong = np.where((meetings % 3 == 0) & (paths >= 0), 1 - paths, paths)
    decoded = swap_decoding.decode_swaps(wrong, evidence)
    known = (evidence.appearance.counts > 0) & (paths >= 0)
    assert (wrong != paths)[known].mean() > 0.3
    moved = (decoded != paths)[known].mean()
    assert min(moved, 1 - moved) < 0.05
    # Without appearance, there is nothing to decode.
    unknown = replace(evidence, appearance=AppearanceModel.uninformative(len(paths)))
    assert swap_decoding.decode_swaps(wrong, unknown) is wrong


def test_probabilities_are_high_where_unlike_animals_are_told_apart_again():
    table, animals = make_meetings()
    stitched = stitch_recording(table, 2, 2.0, IdentificationConfig())
    evidence = stitched.evidence
    tracklets = evidence.tracklets
    owners = animals[stitched.order][tracklets.rows[tracklets.offsets[:-1]]]
    resting = owners >= 0
    # While they mingle, nobody knows which is which: one of the two, at random.
    paths = np.where(resting, owners, np.arange(len(owners)) % 2)
    context = build_path_context(paths, evidence)
    candidates = find_swap_candidates(context)
    found = swap_decoding.compute_path_probabilities(context, candidates)
    entries = context.transitions.successors >= 0
    known = resting[context.transitions.successors[entries]]
    assert np.median(found[entries][known]) > 0.99
    # Swapped tracklets are not probable.
    swapped = paths.copy()
    some = np.flatnonzero(resting)[20:24]
    swapped[some] = 1 - swapped[some]
    context = build_path_context(swapped, evidence)
    found = swap_decoding.compute_path_probabilities(context, find_swap_candidates(context))
    is_swapped = np.isin(context.transitions.successors, some)
    assert found[is_swapped].max() < 0.1
    unknown = replace(evidence, appearance=AppearanceModel.uninformative(len(paths)))
    context = build_path_context(paths, unknown)
    assert not swap_decoding.compute_path_probabilities(context, candidates).any()
