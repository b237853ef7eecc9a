import cv2
import numpy as np
import pytest
from numbered_images import make_numbered_image

from murid.core import Frame
from murid.errors import ConfigError, FormatError, SourceError
from murid.video.clocked_source import (
    MAX_LISTED_GAPS,
    ClockOptions,
    StoredTimes,
    describe_recording,
    open_as_tracked,
    open_clocked,
)
from murid.video.source import open_source


def list_bars(frames):
    """Return the place of the bright bar in each image, which depends on the frame number."""
    return [int(np.argmax(frame.image[32, :, 0] > 130)) for frame in frames]


def test_without_options_frames_and_times_are_those_of_the_video(make_video):
    path = make_video()
    clocked = open_clocked(path, ClockOptions())
    plain = open_source(path)
    assert clocked.info == plain.info
    assert describe_recording(clocked) == plain.info.describe()
    for ours, theirs in zip(clocked.iterate(5), plain.iterate(5), strict=True):
        assert (ours.index, ours.time_s) == (theirs.index, theirs.time_s)
        np.testing.assert_array_equal(ours.image, theirs.image)
    assert clocked.compute_fingerprint() == plain.compute_fingerprint()


def test_a_given_rate_spaces_all_frames_equally(make_video):
    path = make_video(times_ms=[40 * k + (500 if k > 20 else 0) for k in range(40)])
    clocked = open_clocked(path, ClockOptions(fps=50.0))
    np.testing.assert_array_equal(clocked.times_s, np.arange(40) / 50)
    assert [frame.time_s for frame in clocked.iterate()] == clocked.times_s.tolist()
    assert (clocked.info.fps, clocked.info.fps_is_assumed) == (50.0, False)
    assert describe_recording(clocked)["clock"] == {"kind": "fps", "fps": 50.0}
    assert "gaps" not in describe_recording(clocked)


def test_start_end_and_every_keep_pixels_and_times(make_video):
    path = make_video()
    clocked = open_clocked(path, ClockOptions(start_s=0.2, end_s=1.2, every=4))
    expected = list(range(5, 30, 4))
    assert clocked.selection.numbers.tolist() == expected
    frames = list(clocked.iterate())
    assert [frame.index for frame in frames] == list(range(len(expected)))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.array(expected) / 25)
    by_number = list_bars(open_source(path).iterate())
    assert list_bars(frames) == [by_number[k] for k in expected]
    assert list_bars(clocked.iterate(3)) == [by_number[k] for k in expected[3:]]
    assert clocked.info.fps == pytest.approx(25 / 4)
    assert clocked.info.n_frames == len(expected)
    sampled = list(clocked.sample(3))
    assert [frame.index for frame in sampled] == [0, 3, 6]
    chosen = list(clocked.read(np.array([1, 5])))
    assert [(frame.index, frame.time_s) for frame in chosen] == [
        (k, frames[k].time_s) for k in (1, 5)
    ]
    assert list_bars(chosen) == [by_number[expected[k]] for k in (1, 5)]
    assert list_bars(sampled) == [by_number[expected[k]] for k in (0, 3, 6)]
    assert clocked.truncated is None


@pytest.mark.parametrize("n_wanted", [2, 30])
def test_samples_of_a_long_selection_are_frames_of_it(make_video, monkeypatch, n_wanted):
    monkeypatch.setattr("murid.video.clocked_source._DECODED_PER_SEEK", 1)
    path = make_video(n_frames=60)
    clocked = open_clocked(path, ClockOptions(start_s=0.4, every=2))
    by_number = list_bars(open_source(path).iterate())
    sampled = list(clocked.sample(n_wanted))
    assert len(sampled) == min(n_wanted, 25)
    assert all(isinstance(frame, Frame) for frame in sampled)
    assert list_bars(sampled) == [by_number[10 + 2 * frame.index] for frame in sampled]


def test_timestamps_and_dropped_frames(make_video, tmp_path):
    path = make_video()
    times_s = 7 + np.arange(40) / 25
    times_s[10:] += 0.04
    times_s[30:] += 0.2
    (tmp_path / "times.csv").write_text("time_s\n" + "\n".join(f"{t:.4f}" for t in times_s))
    clocked = open_clocked(path, ClockOptions(timestamps=tmp_path / "times.csv"))
    np.testing.assert_allclose([f.time_s for f in clocked.iterate()], times_s)
    assert clocked.info.fps == pytest.approx(25)
    facts = describe_recording(clocked)
    assert facts["clock"]["kind"] == "timestamps"
    assert facts["clock"]["file"] == "times.csv"
    gaps = facts["gaps"]
    assert (gaps["n_gaps"], gaps["n_missing"]) == (2, 6)
    assert (gaps["after_frames"], gaps["missing_frames"]) == ([9, 29], [1, 5])
    # The frames of a selection keep their numbers in the video.
    part = open_clocked(path, ClockOptions(timestamps=tmp_path / "times.csv", start_s=7.2, end_s=9))
    assert describe_recording(part)["gaps"]["after_frames"] == [9, 29]
    # A run that keeps the times needs no file.
    again = open_clocked(path, ClockOptions(), stored=StoredTimes(clocked.times_s, facts["clock"]))
    assert describe_recording(again) == facts


def test_a_folder_with_a_missing_image_may_have_a_time_for_each_image_only(tmp_path):
    numbers = [0, 1, 2, 4, 5]
    for k in numbers:
        cv2.imwrite(str(tmp_path / f"f{k:03d}.png"), make_numbered_image(k))
    times = tmp_path / "times.csv"
    times.write_text("\n".join(str(3 + k / 10) for k in numbers))
    clocked = open_clocked(tmp_path, ClockOptions(timestamps=times))
    np.testing.assert_allclose(clocked.times_s, 3 + np.arange(6) / 10)
    assert clocked.info.fps == pytest.approx(10)
    times.write_text("\n".join(str(3 + k / 10) for k in range(6)))
    clocked = open_clocked(tmp_path, ClockOptions(timestamps=times))
    np.testing.assert_allclose(clocked.times_s, 3 + np.arange(6) / 10)
    times.write_text("1\n2\n3\n")
    with pytest.raises(FormatError, match=r"6 times, .* or 5, .* got 3"):
        open_clocked(tmp_path, ClockOptions(timestamps=times))


def test_a_run_opens_its_source_as_it_was_tracked(make_video):
    path = make_video()
    clocked = open_clocked(path, ClockOptions(fps=10, start_s=1, every=3))
    facts = describe_recording(clocked)
    assert facts["frames"] == {"first": 10, "every": 3, "n_source_frames": 40}
    opened = open_as_tracked(path, facts, clocked.times_s)
    for ours, theirs in zip(opened.iterate(), clocked.iterate(), strict=True):
        assert (ours.index, ours.time_s) == (theirs.index, theirs.time_s)
        np.testing.assert_array_equal(ours.image, theirs.image)
    assert opened.info.fps == clocked.info.fps
    plain = open_as_tracked(path, {}, np.arange(40) / 25)
    assert type(plain) is type(open_source(path))


def test_of_thousands_of_gaps_only_the_number_is_kept(make_video, tmp_path, monkeypatch):
    assert MAX_LISTED_GAPS <= 1000
    monkeypatch.setattr("murid.video.clocked_source.MAX_LISTED_GAPS", 3)
    times_s = np.cumsum(np.tile([0.04, 0.04, 0.08, 0.04], 10))
    (tmp_path / "times.csv").write_text("\n".join(map(str, times_s)))
    gaps = describe_recording(
        open_clocked(make_video(), ClockOptions(timestamps=tmp_path / "times.csv"))
    )["gaps"]
    assert gaps["n_gaps"] == 10
    assert len(gaps["after_frames"]) == len(gaps["gaps_s"]) == 3


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"fps": 0.0}, "fps"),
        ({"fps": float("nan")}, "fps"),
        ({"fps": 10.0, "timestamps": "x.csv"}, "both"),
        ({"time_unit": "ms"}, "time_unit"),
        ({"fps": "30"}, "fps: expected a number above 0, got '30'"),
        ({"timestamps": [0.0, 0.1]}, "timestamps: expected the path of a file, got list"),
        ({"every": 0}, "every"),
        ({"every": "2"}, "every: expected a whole number, 1 or more, got '2'"),
        ({"every": 2.5}, "every: expected a whole number, 1 or more, got 2.5"),
        ({"start_s": float("inf")}, "start"),
        ({"start_s": 3.0, "end_s": 2.0}, "end"),
    ],
)
def test_bad_options_are_refused(options, word):
    with pytest.raises(ConfigError, match=word):
        ClockOptions(**options)


def test_numbers_of_any_type_are_accepted():
    options = ClockOptions(fps=np.float32(25), every=2.0)
    assert (options.fps, options.every) == (25, 2)
    assert type(options.every) is int
    assert type(options.fps) is float
    assert ClockOptions(every=np.int64(3)).every == 3


def test_no_frame_between_start_and_end_is_an_error(make_video):
    with pytest.raises(SourceError, match=r"from 0 s to 1\.56 s"):
        open_clocked(make_video(), ClockOptions(start_s=100.0))
