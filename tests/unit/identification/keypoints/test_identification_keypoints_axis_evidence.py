"""What single frames say about head and tail."""

import numpy as np
import pytest
from simulated_keypoints import BODY_PX, simulate

from murid.core.keypoints import CONFIDENCE
from murid.identification.keypoints import axis_evidence as evidence


def test_the_detector_says_as_much_in_a_second_at_any_frame_rate():
    sums = []
    for fps in (60, 30, 5):
        animal = simulate(10, fps, behaviours=("rest",))
        keypoints = animal.detect(0, noise=0, confidences=(1, 1))
        axes = evidence.get_axes(keypoints)
        sums.append(evidence.compute_detector_llrs(animal.times_s, keypoints, axes, BODY_PX).sum())
    np.testing.assert_allclose(sums, 11 * evidence.LOOK_LLR, rtol=0.03)


def test_low_confidence_decides_little():
    animal = simulate(1, behaviours=("rest",))
    keypoints = animal.detect(0, noise=0, confidences=(1, 1))
    axes = evidence.get_axes(keypoints)
    full = evidence.compute_detector_llrs(animal.times_s, keypoints, axes, BODY_PX)
    keypoints[:, 0, CONFIDENCE] = 0.1
    low = evidence.compute_detector_llrs(animal.times_s, keypoints, axes, BODY_PX)
    np.testing.assert_allclose(low, 0.1 * full, rtol=1e-5)


@pytest.mark.parametrize(("name", "sign"), [("walk", 1), ("back up", 0), ("rest", 0)])
def test_only_fast_motion_tells_head_from_tail(name, sign):
    animal = simulate(2, behaviours=(name,))
    axes = evidence.get_axes(animal.detect(0, noise=0))
    velocities = evidence.measure_velocities(animal.times_s, animal.boxes)
    llrs = evidence.compute_motion_llrs(animal.times_s, velocities, axes, BODY_PX, 1 / 30)
    against = evidence.compute_motion_llrs(animal.times_s, velocities, -axes, BODY_PX, 1 / 30)
    np.testing.assert_allclose(llrs, -against)
    assert (np.sign(llrs) == sign).mean() > 0.95


def test_consecutive_frames_are_alike_where_the_axis_hardly_turns():
    animal = simulate(2, behaviours=("rest",))
    axes = evidence.get_axes(animal.detect(0, noise=0))
    times_s, boxes = animal.times_s[:2], animal.boxes[:2]
    same = evidence.compute_link_llrs(times_s, boxes, axes[:2], BODY_PX)
    turned = evidence.compute_link_llrs(times_s, boxes, axes[:2] * [[1], [-1]], BODY_PX)
    assert same[0] == pytest.approx(-turned[0])
    assert 9 < same[0] < 10
    # The longer the time between them, the less they say about each other.
    later = evidence.compute_link_llrs(times_s * 30, boxes, axes[:2], BODY_PX)
    assert 0 < later[0] < 1.5
    # An animal that looks short, since it rears, may have turned.
    reared = evidence.compute_link_llrs(times_s, boxes, axes[:2] * 0.05, BODY_PX)
    assert 0 < reared[0] < 0.2


def test_velocities_are_unknown_for_single_frames_and_across_long_gaps():
    boxes = np.array([[0, 0, 10, 10], [30, 0, 40, 10]], np.float32)
    assert np.isnan(evidence.measure_velocities(np.zeros(1), boxes[:1])).all()
    np.testing.assert_allclose(evidence.measure_velocities(np.array([0, 0.5]), boxes)[:, 0], 60)
    assert np.isnan(evidence.measure_velocities(np.array([0, 5.0]), boxes)).all()
