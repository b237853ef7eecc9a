import numpy as np
import pytest
from example_recordings import make_recording

from murid.export import trajectories


def test_animals_and_rate_are_found_in_one_pass():
    recording = make_recording()
    assert recording.summary.track_ids.tolist() == [3, 7]
    assert recording.summary.constant_fps == 25
    assert recording.names == ("animal_3", "animal_7")
    assert make_recording(identified=False).names == ("track_3", "track_7")
    assert recording.name == "cage-1"


def test_times_rounded_to_milliseconds_are_regular_and_a_pause_is_not():
    times = np.arange(7) / 30
    assert make_recording(times_s=times.round(3), fps=30.0).summary.constant_fps == 30
    assert make_recording(times_s=times.round(3)).summary.constant_fps == pytest.approx(
        30, rel=1e-2
    )
    assert make_recording(times_s=times + 0.005 * (np.arange(7) > 4)).summary.constant_fps is None
    assert make_recording(times_s=np.zeros(7)).summary.constant_fps is None


def test_rate_of_a_long_recording_is_exact():
    recording = make_recording(times_s=np.arange(7) * 4000 + 2.0)
    assert recording.summary.constant_fps == pytest.approx(1 / 4000, rel=1e-6)


def test_chunks_become_trajectories_of_the_same_animals():
    (first, head), (second, tail) = trajectories.iterate_trajectories(make_recording())
    assert (first, second) == (slice(0, 4), slice(4, 7))
    assert head.individuals == tail.individuals == ("animal_3", "animal_7")
    np.testing.assert_allclose(head.position[0], [[45, 85], [40.05, 40.05]], atol=1e-5)
    np.testing.assert_allclose(head.shape[2], [[30.25, np.nan], [40.1, np.nan]], atol=1e-5)
    assert tail.confidence[0].tolist() == pytest.approx([0, 0.85])
    assert np.isnan(tail.confidence[1]).all()
    assert tail.interpolated.tolist() == [[True, False], [False, False], [False, False]]
    assert head.identity_probability[1].tolist() == [0.5, 0.5]
