"""What a second pass is announced with, and how much of a video it reads."""

from types import SimpleNamespace

import numpy as np
import pytest

from murid.core.types import Detections, DetectionTable
from murid.identification.appearance_models.appearance_fit import AppearanceSelection
from murid.pipeline import refine
from murid.pipeline.refine import Feedback, describe_doubt, refine_as_asked, refine_in_doubt

N_FRAMES = 4000
RESULT = SimpleNamespace(identity_probabilities=np.array([0.9, 0.96]), crossings=[None] * 12)
BOXES = np.array([[0, 0, 60, 40], [100, 0, 160, 40]], np.float32)
TABLE = DetectionTable.from_frames([Detections(BOXES, np.full(2, 0.9, np.float32))] * N_FRAMES)


class Pass:
    """Stands for the second pass over a recording of some length, and keeps what was called."""

    def __init__(self, monkeypatch, duration_s, stored=False):
        self.announced = []
        self.calls = []
        times_s = np.linspace(0, duration_s, N_FRAMES)
        self.run = SimpleNamespace(
            n_frames=N_FRAMES,
            manifest=SimpleNamespace(fps=N_FRAMES / duration_s),
            frames=SimpleNamespace(read=lambda: SimpleNamespace(times_s=times_s)),
        )
        self.sample = SimpleNamespace(fur_descriptors="sampled fur")
        monkeypatch.setattr(refine, "has_second_pass", lambda _: stored)
        monkeypatch.setattr(refine, "sample_fur", lambda *_: self.sample)
        monkeypatch.setattr(refine, "run_second_pass", self._run_second_pass)

    def _run_second_pass(self, _run, _report, fur_descriptors=None):
        self.calls.append(fur_descriptors)
        return "fur", "points"

    def decide(self, selections=None, detection_s=2.0):
        def judge(sample):
            assert selections is not None, "no sample is needed"
            assert sample is self.sample
            return selections

        feedback = Feedback(announce=self.announced.append, detection_s=detection_s)
        assert refine_in_doubt(self.run, TABLE, RESULT, judge, feedback) == ("fur", "points")
        return self.announced


def test_doubt_is_the_mean_probability_and_the_number_of_crossings():
    assert describe_doubt(RESULT) == "identities are 93 % sure, with 12 doubtful crossings"


def test_cost_follows_the_speed_of_detection_and_the_number_of_animals():
    assert Feedback().describe_cost(1000, 0) == ""
    slow, fast = (Feedback(detection_s=s).describe_cost(1000, 0) for s in (0.1, 0.01))
    assert slow == ", about 17 s"
    assert fast == ", about 4 s"
    assert Feedback(detection_s=0.1).describe_cost(1000, 4000) == ", about 29 s"


def test_a_short_recording_is_read_at_once(monkeypatch):
    second = Pass(monkeypatch, duration_s=100)
    (message,) = second.decide()
    assert message.startswith("identities are 93 % sure, with 12 doubtful crossings: second pass")
    assert ", about " in message
    assert "--no-refine" in message
    assert second.calls == [None]


def test_a_long_recording_is_sampled_first(monkeypatch):
    second = Pass(monkeypatch, duration_s=4000)
    first, then = second.decide([AppearanceSelection(0.52, 0.7, used=True)])
    assert "--no-refine" in first
    assert "% of the video" in first
    assert then.startswith("fur tells these animals apart")
    assert second.calls == [None]


@pytest.mark.parametrize("selections", [[], [AppearanceSelection(0.52, 0.51, used=False)]])
def test_where_fur_does_not_help_only_points_are_tracked(monkeypatch, selections):
    second = Pass(monkeypatch, duration_s=4000)
    _, then = second.decide(selections)
    assert then.startswith("fur does not tell these animals apart")
    assert second.calls == ["sampled fur"]


def test_a_stored_second_pass_needs_no_announcement(monkeypatch):
    second = Pass(monkeypatch, duration_s=4000, stored=True)
    assert second.decide() == []
    feedback = Feedback(announce=second.announced.append)
    refine_as_asked(second.run, TABLE, feedback)
    assert second.announced == []


def test_one_that_was_asked_for_is_announced(monkeypatch):
    second = Pass(monkeypatch, duration_s=100)
    refine_as_asked(second.run, TABLE, Feedback(announce=second.announced.append, detection_s=1))
    (message,) = second.announced
    assert "as asked for, about" in message
