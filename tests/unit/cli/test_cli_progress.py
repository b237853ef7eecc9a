import pytest

from murid.cli.progress import ProgressLog, show_progress
from murid.core.durations import format_duration


class Clock:
    """A clock that is set by hand, and the lines that a log wrote."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.lines: list[str] = []
        self.log = ProgressLog(self.lines.append, lambda: self.now_s)

    def run(self, stage: str, total: int | None, seconds: float, rate: float, first=0) -> None:
        """Report a stage ten times a second."""
        start_s = self.now_s
        for tick in range(round(10 * seconds) + 1):
            self.now_s = start_s + tick / 10
            self.log.report(stage, first + round(rate * tick / 10), total)


def test_a_line_tells_stage_share_rate_and_time_left():
    clock = Clock()
    clock.run("detect", 4000, 10, 40)
    assert clock.lines == [
        "detecting: 0 %, 0 of 4000 frames",
        "detecting: 10 %, 400 of 4000 frames, 40 frames/s, 2 min left",
    ]


def test_lines_come_every_ten_seconds_and_at_the_end_of_a_stage():
    clock = Clock()
    clock.run("detect", 1000, 25, 40)
    clock.run("track", 1000, 1, 1000)
    assert [line.split(",")[0] for line in clock.lines] == [
        "detecting: 0 %",
        "detecting: 40 %",
        "detecting: 80 %",
        "detecting: 1000 frames (40 frames/s)",
        "tracking: 1000 frames (1000 frames/s)",
    ]


def test_a_resumed_stage_counts_only_its_own_frames():
    clock = Clock()
    clock.run("detect", 4000, 10, 40, first=2000)
    assert clock.lines[-1] == "detecting: 60 %, 2400 of 4000 frames, 40 frames/s, 40 s left"


def test_a_stage_that_begins_again_is_a_new_one():
    clock = Clock()
    clock.run("detect", 100, 2, 50)
    clock.now_s += 100
    clock.run("detect", 100, 2, 50)
    assert clock.lines.count("detecting: 100 frames (50 frames/s)") == 2


def test_steps_and_unknown_totals():
    clock = Clock()
    clock.run("training, nano", 100, 10, 0.5)
    assert clock.lines[-1] == "training, nano: 5 %, 5 of 100 steps, 0.5 steps/s, 3 min left"
    clock.log.report("redetect", 1, None)
    assert clock.lines[-1].startswith("training")
    clock.now_s += 10
    clock.log.report("redetect", 301, None)
    assert clock.lines[-1] == "repairing parts: 301 frames, 30 frames/s"


def test_silence_is_broken_after_thirty_seconds():
    clock = Clock()
    clock.now_s += 29
    clock.log.break_silence()
    assert clock.lines == []
    clock.now_s += 2
    clock.log.break_silence()
    clock.log.break_silence()
    assert clock.lines == ["preparing; still running, 31 s since the start"]
    clock.now_s += 1
    clock.log.report("identify", 0, 90)
    clock.now_s += 30
    clock.log.break_silence()
    assert clock.lines[1:] == [
        "identifying: 0 %, 0 of 90 frames",
        "identifying: 0 %, 0 of 90 frames; still running, 1 min since the start",
    ]


def test_a_single_frame_is_not_plural(capsys):
    with show_progress() as report:
        report("detect", 1, 1)
    assert capsys.readouterr().err == "detecting: 1 frame\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "1 h 0 min")]
)
def test_durations_in_words(seconds, text):
    assert format_duration(seconds) == text
