"""Evidence that tracklets are animals, and identities beside clutter that never moves."""

from dataclasses import replace

import numpy as np
import pytest

from murid.core import Detections, DetectionTable
from murid.identification import link_tracklets
from murid.identification.existence import (
    FEATURES,
    average_along_paths,
    compute_existence_probabilities,
    measure_existence,
)
from murid.identification.result import DoubtfulCrossings
from murid.identification.tracklets import compute_max_displacement, find_tracklets

FPS = 30.0


def make_table(n_frames, *things):
    """Return a table of detections: for each thing, its centre and score in each frame, or None."""
    frames = []
    for t in range(n_frames):
        seen = [thing(t) for thing in things]
        rows = [(x - 20, y - 15, x + 20, y + 15, s) for x, y, s in filter(None, seen)]
        array = np.array(rows, np.float32).reshape(-1, 5)
        frames.append(Detections(array[:, :4].copy(), array[:, 4].copy()))
    return DetectionTable.from_frames(frames)


def walk(x, y, score=0.8, fps=FPS):
    """Return an animal that walks in a circle around a point."""

    def locate(t):
        angle = 1.5 * t / fps
        return x + 60 * np.cos(angle), y + 60 * np.sin(angle), score

    return locate


def lie(x, y, score=0.8, frames=range(10**6)):
    """Return something that never moves, detected in some frames."""
    return lambda t: (x, y, score) if t in frames else None


def measure(table, n_animals, fps=FPS):
    """Return tracklets and their evidence."""
    usable = table.scores >= 0.15
    tracklets = find_tracklets(table, usable, 40.0, compute_max_displacement(fps))
    return tracklets, measure_existence(table, usable, tracklets, n_animals, fps)


def get(evidence, name):
    return evidence.features[:, FEATURES.index(name)]


def find_left(found):
    """Return how many boxes of the result lie left of the middle, and how many right."""
    centres = (found.boxes[:, 0] + found.boxes[:, 2]) / 2
    return int((centres < 300).sum()), int((centres >= 300).sum())


def test_features_tell_clutter_that_never_moves_from_animals():
    _, evidence = measure(make_table(600, walk(150, 150), lie(450, 150, 0.7)), 1)
    moving, still = 0, 1
    assert get(evidence, "static")[moving] < 0.3 < 0.7 < get(evidence, "static")[still]
    assert get(evidence, "surplus").tolist() == [0, 1]
    assert get(evidence, "score")[still] < get(evidence, "score")[moving] == pytest.approx(0)
    assert evidence.moments[still] < 0.2 * evidence.moments[moving]
    log_odds = evidence.compute_log_odds()
    assert log_odds[still] < 0 < log_odds[moving]


def test_size_and_surplus_are_measured_against_other_detections():
    small = Detections(
        np.array([[0, 0, 40, 30], [100, 0, 120, 10], [10, 5, 30, 20]], np.float32),
        np.array([0.9, 0.8, 0.5], np.float32),
    )
    _, evidence = measure(DetectionTable.from_frames([small] * 20), 1)
    # By their first frame, then in the order of the detections.
    np.testing.assert_allclose(get(evidence, "small"), [0, np.log(1.5), np.log(1.5)], atol=1e-6)
    np.testing.assert_allclose(get(evidence, "surplus"), [0, 1, 1])


def test_the_evidence_of_a_second_does_not_grow_with_the_frame_rate():
    totals = []
    for fps in (60.0, 30.0, 15.0):
        table = make_table(round(20 * fps), walk(150, 150, fps=fps), lie(450, 150, 0.5))
        _, evidence = measure(table, 2, fps)
        totals.append(evidence.compute_llrs().sum())
    assert max(totals) == pytest.approx(min(totals), rel=0.15)


def test_an_animal_takes_the_identity_of_clutter_that_came_first():
    # A banner that is surer than the animal for a while, then the animal.
    animal = walk(150, 150, 0.6)
    banner = lie(450, 20, 0.9, range(5, 40))
    table = make_table(300, lambda t: animal(t) if t >= 30 else None, banner, walk(150, 450))
    found = link_tracklets(table, 2, FPS)
    assert ((found.boxes[:, 0] > 300).sum()) == 0
    assert np.bincount(found.identity_ids)[1:].min() >= 270


@pytest.mark.parametrize("score", [0.8, 0.9])
def test_what_moves_wins_over_what_never_moves(score):
    found = link_tracklets(make_table(300, walk(150, 150, 0.6), lie(450, 150, score)), 1, FPS)
    assert find_left(found) == (300, 0)


@pytest.mark.parametrize("score", [0.8, 0.7])
def test_an_animal_that_sleeps_throughout_is_found_where_nothing_competes(score):
    found = link_tracklets(make_table(900, walk(150, 150), lie(450, 150, score)), 2, FPS)
    assert find_left(found) == (900, 900)
    still = found.boxes[:, 0] > 300
    assert found.identity_probabilities[still].max() < found.identity_probabilities[~still].min()


def test_probabilities_follow_the_path():
    table = make_table(90, walk(150, 150))
    tracklets, _ = measure(table, 1)
    cuts = np.array([0, 30, 60, 90])
    parts = type(tracklets)(cuts, tracklets.rows, cuts[:-1], cuts[1:] - 1)
    log_odds = np.array([4.0, -1.0, 4.0])
    paths = np.zeros(3, np.int64)
    means = average_along_paths(log_odds, paths, parts, FPS)
    assert means[0] == means[2] > means[1] > log_odds[1]
    on_path = compute_existence_probabilities(log_odds, paths, parts, FPS)
    alone = compute_existence_probabilities(log_odds, np.arange(3), parts, FPS)
    assert alone[1] < on_path[1] < on_path[0]
    nowhere = compute_existence_probabilities(log_odds, np.array([0, -1, 0]), parts, FPS)
    assert nowhere[1] == 0


def test_doubt_of_existence_is_no_doubt_of_who_is_who():
    found = link_tracklets(make_table(900, walk(150, 150), lie(450, 150)), 2, FPS)
    assert found.identity_probabilities.mean() < 0.995 < found.mean_given_existence
    crossing = DoubtfulCrossings(
        np.zeros(1, np.int64),
        np.ones(1, np.int64),
        np.array([[1, 2]]),
        *(np.full(1, value, np.float32) for value in (0.4, 0.4, 0.0)),
    )
    assert not replace(found, crossings=crossing).is_doubtful
    assert replace(found, crossings=crossing, mean_given_existence=0.9).is_doubtful


def test_without_detections_there_is_no_evidence():
    table = make_table(3)
    tracklets, evidence = measure(table, 2)
    assert len(tracklets) == 0
    assert evidence.compute_llrs().shape == (0,)


@pytest.mark.parametrize(
    ("scores", "surplus"),
    [((0.9, 0.9, 0.9, 0.9), [0, 0, 0, 0]), ((0.9, 0.5, 0.9, 0.9), [0, 1, 0, 0])],
)
def test_of_equal_scores_none_is_surplus(scores, surplus):
    things = [lambda _, k=k, s=s: (100 * (k + 1), 100, s) for k, s in enumerate(scores)]
    table = make_table(2, *things)
    usable = np.ones(len(table), bool)
    tracklets = find_tracklets(table, usable, 40.0, 0.5)
    evidence = measure_existence(table, usable, tracklets, 3, FPS)
    assert evidence.features[:, FEATURES.index("surplus")].tolist() == surplus
