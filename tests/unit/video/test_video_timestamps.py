import numpy as np
import pytest

from murid.errors import ConfigError, FormatError
from murid.video.timestamps import read_timestamps

SECONDS = [0.5, 0.54, 0.62]


def read(tmp_path, text, n_frames=3, **options):
    path = tmp_path / "times.csv"
    path.write_text(text, encoding="utf-8")
    return read_timestamps(path, n_frames, **options)


@pytest.mark.parametrize(
    "text",
    [
        "0.5\n0.54\n0.62\n",
        "\ufeff0.5\r\n0.54\r\n0.62\r\n\r\n",
        "# a rig\ntime_s\n0.5\n0.54\n0.62\n",
        "time\n0,5\n0,54\n0,62\n",
        "0,5\n0,54\n0,62\n",
        "frame;time\n0;0,5\n1;0,54\n2;0,62\n",
        "frame\ttimestamp_ms\n0\t500\n1\t540\n2\t620\n",
        "frame,Timestamp [us],temperature\n0,500000,21\n1,540000,21\n2,620000,22\n",
        '"frame","TTL (ns)"\n"0","500000000"\n"1","540000000"\n"2","620000000"\n',
        "ttl;timestamp\n1;0.5\n1;0.54\n1;0.62\n",
        "FrameID,exposure_time,cam_ts\n7,0.01,0.5\n8,0.01,0.54\n9,0.01,0.62\n",
        "frame number,rig\n0,0.5\n1,0.54\n2,0.62\n",
        "frame,ms\n0,500\n1,540\n2,620\n",
        "timestampMs\n500\n540\n620\n",
        "milliseconds\n5e2\n5.4e2\n6.2e2\n",
        "1,0.5\n2,0.54\n3,0.62\n",
        "0,0.5\n1,0.54\n2,0.62\n",
    ],
)
def test_columns_units_and_decimals(tmp_path, text):
    found = read(tmp_path, text)
    np.testing.assert_allclose(found.times_s, SECONDS, rtol=1e-12)
    assert found.started_at is None


def test_the_unit_can_be_stated_and_goes_before_the_header(tmp_path):
    np.testing.assert_allclose(read(tmp_path, "500\n540\n620\n", unit="ms").times_s, SECONDS)
    found = read(tmp_path, "time_s\n500\n540\n620\n", unit="ms")
    np.testing.assert_allclose(found.times_s, SECONDS)
    assert found.tick_s == 1e-3
    with pytest.raises(ConfigError, match="time_unit"):
        read(tmp_path, "1\n2\n3\n", unit="fortnights")


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T12:00:00.500\n2026-03-01T12:00:00.540\n2026-03-01T12:00:00.620\n",
        "when,datetime\nx,2026-03-01 12:00:00.5Z\nx,2026-03-01 12:00:00.54Z\n"
        "x,2026-03-01 12:00:00.62Z\n",
        "timestamp;n\n2026-03-01T12:00:00,500000000;1\n2026-03-01T12:00:00,540000000;2\n"
        "2026-03-01T12:00:00,620000000;3\n",
    ],
)
def test_date_times_are_seconds_after_the_first_frame(tmp_path, text):
    found = read(tmp_path, text)
    np.testing.assert_allclose(found.times_s, [0, 0.04, 0.12], atol=1e-9)
    assert found.started_at.startswith("2026-03-01T12:00:00.5")


def test_the_precision_of_date_times_is_that_of_their_fractions(tmp_path):
    rows = "".join(f"2026-03-01T12:00:00.{k:03d}0000+01:00\n" for k in (0, 33, 67))
    found = read(tmp_path, rows)
    np.testing.assert_allclose(found.times_s, [0, 0.033, 0.067])
    assert found.tick_s == pytest.approx(1e-6)
    rows = "".join(f"2026-03-01 12:00:00.{k:03d}Z\n" for k in (0, 33, 67))
    assert read(tmp_path, rows).tick_s == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("header", "factor"), [("time_ns", 10**9), ("time_us", 10**6), ("time_ms", 1000)]
)
def test_times_since_1970_keep_their_precision(tmp_path, header, factor):
    first = 1_772_366_400 * factor
    rows = [first, first + factor // 25, first + 3 * factor // 25]
    found = read(tmp_path, "\n".join([header, *map(str, rows)]))
    np.testing.assert_allclose(found.times_s, [0, 0.04, 0.12], atol=1e-12)
    assert found.started_at == "2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time\n0.5\n0.54\n", ["3 times", "2"]),
        ("0.5\n0.54\n0.62\n0.7\n", ["3 times", "4"]),
        ("time\n0.5\n0.5\n0.62\n", ["row 3", "later than 0.5"]),
        ("0.5\n0.62\n0.54\n", ["row 3", "0.54"]),
        ("0.5\nabc\n0.62\n", ["row 2", "abc"]),
        ("0.5\nnan\n0.62\n", ["row 2", "nan"]),
        ("time\n2026-03-01T12:00:00\nsoon\n2026-03-01T12:00:02\n", ["row 3", "soon"]),
        ("a,b\n1,2\n2,3\n3,4\n", ["header", "a, b"]),
        ("frame\n0\n1\n2\n", ["header", "a column of times", "frame"]),
        ("time,timestamp\n1,2\n2,3\n3,4\n", ["header", "time, timestamp"]),
        ("1,2,3\n2,3,4\n3,4,5\n", ["header", "none"]),
        ("frame;time\n0;1\n1\n2;3\n", ["row 3", "2 columns"]),
        ("", ["empty"]),
        ("# only a comment\n", ["empty"]),
    ],
)
def test_bad_files_are_refused_and_the_row_is_named(tmp_path, text, words):
    with pytest.raises(FormatError) as caught:
        read(tmp_path, text)
    for word in ["times.csv", *words]:
        assert word in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FormatError, match="nothing there"):
        read_timestamps(tmp_path / "none.csv", 3)


def test_a_rate_of_another_order_of_magnitude_is_a_wrong_unit(tmp_path):
    with pytest.raises(FormatError, match="time_ms"):
        read(tmp_path, "500\n540\n580\n", fps=25.0)
    np.testing.assert_allclose(read(tmp_path, "0\n0.5\n1\n", fps=25.0).times_s, [0, 0.5, 1])


def test_frame_numbers_are_not_taken_for_seconds(tmp_path):
    with pytest.raises(FormatError, match=r"header: expected a column of times, got Frame no"):
        read(tmp_path, "Frame no\n0\n1\n2\n", fps=25.0)
    for fps in (25.0, None):
        with pytest.raises(FormatError, match=r"--time-unit s .* got whole numbers, as of frames"):
            read(tmp_path, "1\n2\n3\n", fps=fps)
    for text, options in (
        ("1\n2\n3\n", {"fps": 1.0}),
        ("1\n2\n3\n", {"fps": 25.0, "unit": "s"}),
        ("time\n1\n2\n3\n", {"fps": 25.0}),
    ):
        np.testing.assert_array_equal(read(tmp_path, text, **options).times_s, [1, 2, 3])


def test_an_unlikely_rate_without_a_unit_is_refused_where_that_of_the_video_is_not_known(tmp_path):
    with pytest.raises(FormatError, match=r"expected 0\.1 to 1000 frames/s .* got 0\.025 frames/s"):
        read(tmp_path, "500\n540\n580\n")
    np.testing.assert_array_equal(read(tmp_path, "0\n10\n20\n").times_s, [0, 10, 20])
    assert read(tmp_path, "time_s\n500\n540\n580\n").times_s[-1] == 580
    assert read(tmp_path, "500\n540\n580\n", unit="s").times_s[-1] == 580


def test_minutes_and_hours(tmp_path):
    found = read(tmp_path, "time (min)\n0\n0.01\n0.02\n", fps=2.0)
    np.testing.assert_allclose(found.times_s, [0, 0.6, 1.2])
    assert read(tmp_path, "hours\n0\n1\n2\n").times_s[-1] == 7200


def test_a_first_row_that_was_taken_for_a_header_is_shown(tmp_path):
    with pytest.raises(FormatError, match=r"got 2 after the header '01\.03\.2026 12:00:00'"):
        read(tmp_path, "01.03.2026 12:00:00\n01.03.2026 12:00:01\n01.03.2026 12:00:02\n")


def test_encodings(tmp_path):
    path = tmp_path / "times.csv"
    path.write_bytes("time\n0.5\n0.54\n0.62\n".encode("utf-16"))
    np.testing.assert_allclose(read_timestamps(path, 3).times_s, SECONDS)
    path.write_bytes(b"\x93NUMPY\xff")
    with pytest.raises(FormatError, match="expected a table of times as text in UTF-8, got other"):
        read_timestamps(path, 3)
