import numpy as np
import pytest
from example_recordings import make_empty, make_recording

from murid.errors import FormatError
from murid.export import trajectories


def test_animals_and_rate_are_found_in_one_pass():
    recording = make_recording()
    assert recording.survey.track_ids.tolist() == [3, 7]
    assert recording.survey.rate == 25
    assert recording.names == ("animal_3", "animal_7")
    assert make_recording(identified=False).names == ("track_3", "track_7")
    assert recording.name == "cage-1"


def test_times_rounded_to_milliseconds_are_regular_and_a_pause_is_not():
    times = np.arange(7) / 30
    assert make_recording(times_s=times.round(3), fps=30.0).survey.rate == 30
    assert make_recording(times_s=times.round(3)).survey.rate == pytest.approx(30, rel=1e-2)
    assert make_recording(times_s=times + 0.005 * (np.arange(7) > 4)).survey.rate is None
    assert make_recording(times_s=np.zeros(7)).survey.rate is None


def test_rate_of_a_long_recording_is_exact():
    recording = make_recording(times_s=np.arange(7) * 4000 + 2.0)
    assert recording.survey.rate == pytest.approx(1 / 4000, rel=1e-6)


def test_stretches_become_trajectories_of_the_same_animals():
    (first, head), (second, tail) = trajectories.iterate_trajectories(make_recording())
    assert (first, second) == (slice(0, 4), slice(4, 7))
    assert head.individuals == tail.individuals == ("animal_3", "animal_7")
    np.testing.assert_allclose(head.position[0], [[45, 85], [40.05, 40.05]], atol=1e-5)
    np.testing.assert_allclose(head.shape[2], [[30.25, np.nan], [40.1, np.nan]], atol=1e-5)
    assert tail.confidence[0].tolist() == pytest.approx([0, 0.85])
    assert np.isnan(tail.confidence[1]).all()
    assert tail.interpolated.tolist() == [[True, False], [False, False], [False, False]]
    assert head.identity_probability[1].tolist() == [0.5, 0.5]


def test_no_animals_is_an_error_that_names_the_video():
    with pytest.raises(
        FormatError, match=r"cage 1.mp4: tracks: expected at least one animal, got none"
    ):
        trajectories.require_animals(make_empty())
