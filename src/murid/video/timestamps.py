"""Read the times of the frames of a video from a CSV file, as a camera or a rig writes them."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from murid.core.types import Float64, Int64
from murid.errors import ConfigError, FormatError

# Seconds in each unit, by the names that headers use.
UNITS = {
    "s": 1.0,
    "sec": 1.0,
    "secs": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "ms": 1e-3,
    "msec": 1e-3,
    "millis": 1e-3,
    "millisecond": 1e-3,
    "milliseconds": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "usec": 1e-6,
    "micros": 1e-6,
    "microsecond": 1e-6,
    "microseconds": 1e-6,
    "ns": 1e-9,
    "nsec": 1e-9,
    "nanos": 1e-9,
    "nanosecond": 1e-9,
    "nanoseconds": 1e-9,
    "min": 60.0,
    "mins": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
    "hour": 3600.0,
    "hours": 3600.0,
}

# Words in the header of a column of times.
_TIME_WORDS = {
    "time",
    "times",
    "timestamp",
    "timestamps",
    "ts",
    "pts",
    "t",
    "datetime",
    "date",
    "clock",
    "elapsed",
    "epoch",
    "onset",
    "onsets",
}
# Words of a column of pulses, which holds times where no other column does.
_PULSE_WORDS = {"ttl", "ttls", "pulse", "pulses"}
# Words of a column of durations.
_DURATION_WORDS = {"exposure", "duration", "interval", "intervals", "delta", "diff", "latency"}
# Words in the header of a column that numbers the frames.
_FRAME_WORDS = {"frame", "frames", "index", "number", "count", "id", "no", "nr"}

# Times above this are no seconds since the start of a recording but since 1970, as computers count:
# 3 years. Like date-times they are stored as seconds after the first frame.
_MIN_EPOCH_S = 1e8

# Rates in the file and in the video that differ by this factor or more: the unit is wrong.
_MAX_RATE_RATIO = 30.0

# Rates that are taken as meant where neither the video nor a unit says otherwise: milliseconds of
# 30 frames/s, read as seconds, give 0.03. A little below 0.1, since times are rounded.
_MIN_FPS = 0.099
_MAX_FPS = 1000.0

# Rates at which whole numbers one after the other may be seconds, rather than frame numbers.
_ONE_PER_SECOND = (0.5, 2.0)


@dataclass(frozen=True, eq=False, slots=True)
class Timestamps:
    """The times of all frames of a video.

    Attributes
    ----------
    times_s : ndarray
        ``(F,)`` float64 seconds, strictly increasing.
    tick_s : float
        Precision of the times in the file, in seconds.
    started_at : str or None
        Date and time of the first frame, ISO 8601, where the file has date-times or seconds since
        1970; `times_s` then begin at 0.
    """

    times_s: Float64
    tick_s: float
    started_at: str | None = None


def read_timestamps(
    path: str | Path,
    n_frames: int,
    unit: str | None = None,
    fps: float | None = None,
    image_frames: Int64 | None = None,
) -> Timestamps:
    """Read a file with one time per frame, or the time of one TTL pulse per frame.

    Parameters
    ----------
    path : str or Path
        CSV file, separated by commas, semicolons or tabs; decimal commas are read where they
        separate no columns. It has one column, or a header that names one column of times.
    n_frames : int
        Number of frames of the video.
    unit : str, optional
        ``"s"``, ``"ms"``, ``"us"`` or ``"ns"``. By default the header says it, as in ``time_ms`` or
        ``Timestamp [us]``; else seconds.
    fps : float, optional
        Frame rate of the video, where it is known; times of another order of magnitude are refused.
    image_frames : ndarray, optional
        ``(n_images,)`` int64: the frames of a folder that are there. The file may have a time for
        each of them only; those of missing frames are then interpolated.

    Raises
    ------
    FormatError
        If the file cannot be read, has another number of rows, no column or several columns of
        times, or a time that is no number or not later than the one before; names the row.
    ConfigError
        If the unit is unknown.
    """
    path = Path(path)
    if unit is not None and unit not in UNITS:
        raise ConfigError(f"time_unit: expected s, ms, us or ns, got {unit!r}")
    rows = _read_rows(path)
    header, rows = _split_header(rows)
    column, name = _find_column(path, header, rows)
    cells = [(number, row[column]) for number, row in rows]
    has_images_only = image_frames is not None and len(cells) == len(image_frames)
    if len(cells) != n_frames and not has_images_only:
        expected = f"{n_frames} times, one for each frame of the video"
        if image_frames is not None and len(image_frames) != n_frames:
            expected += f", or {len(image_frames)}, one for each image that is there"
        after = f" after the header {', '.join(header)!r}" if header else ""
        raise FormatError(path, "rows", expected, f"{len(cells)}{after}")
    if cells and _parse_number(cells[0][1]) is None:
        seconds, started_at, tick_s = _parse_date_times(path, cells)
    else:
        scale = UNITS[unit] if unit is not None else _find_unit(name)
        seconds, started_at, tick_s = _parse_numbers(path, cells, scale)
    _check_increasing(path, cells, seconds)
    is_stated = unit is not None or started_at is not None or _names_unit(name)
    if not header and not is_stated:
        _check_no_frame_numbers(path, seconds, fps)
    if image_frames is not None and len(cells) != n_frames:
        seconds = np.interp(np.arange(n_frames), image_frames, seconds)
    _check_magnitude(path, seconds, fps, is_stated)
    return Timestamps(seconds, tick_s, started_at)


# A row of the file: its line, from 1, and its cells.
_Row = tuple[int, list[str]]


def _read_rows(path: Path) -> list[_Row]:
    """Return the rows of the file that are neither empty nor comments."""
    try:
        content = path.read_bytes()
        # Spreadsheet programs write "Unicode text" as UTF-16.
        encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
        text = content.decode(encoding)
    except FileNotFoundError as error:
        raise FormatError(path, "file", "a table of times", "nothing there") from error
    except UnicodeDecodeError as error:
        expected = "a table of times as text in UTF-8"
        raise FormatError(path, "file", expected, "other bytes") from error
    except OSError as error:
        raise FormatError(path, "file", "a table of times as text", str(error)) from error
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip(" ;,\t") and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise FormatError(path, "file", "a table of times", "an empty file")
    delimiter = _find_delimiter([line for _, line in lines])
    if delimiter is None:
        return [(number, [line.strip().strip('"')]) for number, line in lines]
    cells = csv.reader((line for _, line in lines), delimiter=delimiter)
    return [
        (number, [cell.strip() for cell in row])
        for (number, _), row in zip(lines, cells, strict=True)
    ]


def _find_delimiter(lines: Sequence[str]) -> str | None:
    """Return what separates the columns; None if there is one column."""
    for delimiter in ("\t", ";"):
        if any(delimiter in line for line in lines):
            return delimiter
    if not any("," in line for line in lines):
        return None
    # Commas separate columns, or whole numbers from decimals in a file of one column: there the
    # header has none, and what comes before the comma is no frame number.
    body = lines[1:] if _parse_number(lines[0].split(",")[0]) is None else lines
    is_decimal = all(re.fullmatch(r"\s*-?\d+(,\d+)?\s*", line) for line in body)
    if is_decimal and "," not in lines[0]:
        return None
    if is_decimal and body is lines:
        whole = np.array([int(line.split(",")[0]) for line in body])
        return None if len(whole) > 1 and (np.diff(whole) != 1).any() else ","
    return ","


def _split_header(rows: Sequence[_Row]) -> tuple[list[str], list[_Row]]:
    """Return the header, empty if there is none, and the other rows."""
    first = rows[0][1]
    is_header = not any(_parse_number(cell) is not None or _parse_date(cell) for cell in first)
    return (first, list(rows[1:])) if is_header else ([], list(rows))


def _find_column(path: Path, header: Sequence[str], rows: Sequence[_Row]) -> tuple[int, str]:
    """Return the number and the name of the column of times; raises `FormatError`."""
    widths = {len(row) for _, row in rows}
    if len(widths) > 1:
        number, row = next(pair for pair in rows if len(pair[1]) != len(rows[0][1]))
        expected = f"{len(rows[0][1])} columns as in the rows before"
        raise FormatError(path, f"row {number}", expected, str(len(row)))
    n_columns = max(widths, default=len(header))
    if n_columns <= 1:
        if header and _numbers_frames(header[0]):
            raise FormatError(path, "header", "a column of times", header[0])
        return 0, header[0] if header else ""
    if header:
        found = _find_time_columns(header[:n_columns])
        if len(found) == 1:
            return found[0], header[found[0]]
        expected = "one column of times, named such as time or timestamp_ms"
        got = ", ".join(header) if not found else ", ".join(header[k] for k in found)
        raise FormatError(path, "header", expected, got)
    # Without a header: a frame number and a time.
    if n_columns == 2:
        numbers = [_parse_number(row[0]) for _, row in rows]
        first = numbers[0]
        if first is not None and numbers == [first + k for k in range(len(rows))]:
            return 1, ""
    raise FormatError(path, "header", "names of the columns, one of them time", "none")


def _split_words(name: str) -> list[str]:
    """Return the words of a header in lower case: ``Timestamp [ms]`` gives timestamp and ms."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"[a-zµ]+", spaced.lower())


def _find_time_columns(header: Sequence[str]) -> list[int]:
    """Return the columns whose names may be those of times, the best kind of names only."""
    words = [set(_split_words(name)) for name in header]
    others = [k for k, own in enumerate(words) if not own & _DURATION_WORDS]
    named = [k for k in others if words[k] & _TIME_WORDS]
    pulses = [k for k in others if words[k] & _PULSE_WORDS]
    units = [k for k in others if words[k] and words[k] <= UNITS.keys()]
    # Beside a frame number, a single other column can only be that of times.
    beside = [k for k in others if not _numbers_frames(header[k])] if len(header) == 2 else []
    return named or pulses or units or (beside if len(beside) < len(header) else [])


def _numbers_frames(name: str) -> bool:
    """Whether a header is that of a column of frame numbers."""
    words = set(_split_words(name))
    return bool(words & _FRAME_WORDS) and not words & (_TIME_WORDS | _PULSE_WORDS | UNITS.keys())


def _names_unit(name: str) -> bool:
    """Whether a header names a unit of time."""
    return any(word in UNITS for word in _split_words(name))


def _find_unit(name: str) -> float:
    """Return the seconds in the unit that a header names; 1 if it names none."""
    named = [UNITS[word] for word in _split_words(name) if word in UNITS]
    return named[-1] if named else 1.0


def _parse_number(cell: str) -> float | None:
    """Return a number with a decimal point or comma; None if it is none."""
    text = cell.strip()
    if "." not in text and text.count(",") == 1:
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None


def _parse_date(cell: str) -> datetime | None:
    """Return an ISO date and time; None if it is none."""
    text = cell.strip().replace(",", ".")
    if not re.match(r"\d{4}-?\d\d-?\d\d[T ]", text):
        return None
    # Python keeps microseconds and refuses more digits.
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _parse_numbers(
    path: Path, cells: Sequence[tuple[int, str]], scale: float
) -> tuple[Float64, str | None, float]:
    """Return seconds, when the first was, and the precision, of numbers in a unit."""
    numbers = np.empty(len(cells))
    for k, (number, cell) in enumerate(cells):
        value = _parse_number(cell)
        if value is None or not np.isfinite(value):
            raise FormatError(path, f"row {number}", "a time", repr(cell))
        numbers[k] = value
    n_decimals = max((len(_get_decimals(cell)) for _, cell in cells), default=0)
    tick_s = scale * 10.0**-n_decimals
    # Large integers of nanoseconds are exact only as differences.
    if len(numbers) and numbers[0] * scale > _MIN_EPOCH_S:
        started = datetime.fromtimestamp(numbers[0] * scale, UTC)
        exact = _subtract_first(cells)
        seconds = (numbers - numbers[0] if exact is None else exact) * scale
        return seconds, started.isoformat(), tick_s
    return numbers * scale, None, tick_s


def _subtract_first(cells: Sequence[tuple[int, str]]) -> Float64 | None:
    """Return integers less the first one, without rounding; None if they are no integers."""
    if not all(re.fullmatch(r"\s*\d+\s*", cell) for _, cell in cells):
        return None
    first = int(cells[0][1])
    return np.array([int(cell) - first for _, cell in cells], np.float64)


def _get_decimals(cell: str) -> str:
    """Return the digits after the decimal point or comma."""
    match = re.fullmatch(r"\s*[-+]?\d*[.,](\d+)\s*", cell)
    return match.group(1) if match else ""


def _parse_date_times(
    path: Path, cells: Sequence[tuple[int, str]]
) -> tuple[Float64, str | None, float]:
    """Return seconds after the first date-time, the first one, and the precision."""
    parsed: list[datetime] = []
    for number, cell in cells:
        value = _parse_date(cell)
        if value is None:
            expected = "a number, or a date and time such as 2026-03-01T12:00:00.040"
            raise FormatError(path, f"row {number}", expected, repr(cell))
        if parsed and (value.tzinfo is None) != (parsed[0].tzinfo is None):
            raise FormatError(path, f"row {number}", "a time zone in all rows or in none", cell)
        parsed.append(value)
    seconds = np.array([(value - parsed[0]).total_seconds() for value in parsed])
    fractions = (re.search(r"[.,](\d+)", cell) for _, cell in cells)
    n_decimals = max(0 if match is None else len(match.group(1)) for match in fractions)
    return seconds, parsed[0].isoformat(), 10.0 ** -min(n_decimals, 6)


def _check_increasing(path: Path, cells: Sequence[tuple[int, str]], seconds: Float64) -> None:
    """Raise `FormatError` with the row of the first time that is not later than the one before."""
    wrong = np.flatnonzero(np.diff(seconds) <= 0)
    if len(wrong):
        number, cell = cells[wrong[0] + 1]
        expected = f"a time later than {cells[wrong[0]][1]} in the row before"
        raise FormatError(path, f"row {number}", expected, cell)


def _check_no_frame_numbers(path: Path, seconds: Float64, fps: float | None) -> None:
    """Raise `FormatError` for 0, 1, 2, … without a header, unless the video has such a rate."""
    if fps is not None and _ONE_PER_SECOND[0] < fps < _ONE_PER_SECOND[1]:
        return
    if len(seconds) > 1 and (np.diff(seconds) == 1).all() and (seconds % 1 == 0).all():
        expected = "times (if they are seconds, --time-unit s says so)"
        raise FormatError(path, "rows", expected, "whole numbers, as of frames")


def _check_magnitude(path: Path, seconds: Float64, fps: float | None, is_stated: bool) -> None:
    """Raise `FormatError` if the rate is not of the order of magnitude of the video's.

    A rate of the video that is not known is replaced by a range of rates, unless the unit is
    stated.
    """
    if len(seconds) < 2 or (fps is None and is_stated):
        return
    found = 1 / float(np.median(np.diff(seconds)))
    if fps is None:
        is_likely = _MIN_FPS < found < _MAX_FPS
        likely = "0.1 to 1000 frames/s"
    else:
        is_likely = 1 / _MAX_RATE_RATIO < found / fps < _MAX_RATE_RATIO
        likely = f"about {fps:g} frames/s as in the video"
    if not is_likely:
        expected = f"{likely} (name the unit in the header, such as time_ms, or with --time-unit)"
        raise FormatError(path, "times", expected, f"{found:g} frames/s")
