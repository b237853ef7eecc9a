"""Read lines and numbers of text files, with errors that name the line and the column."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from murid.core.files import describe_content
from murid.errors import FormatError


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number, from 1, and text of each line that is not blank; raises `FormatError`."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line, text in enumerate(file, 1):
                if text.strip():
                    yield line, text
    except (OSError, UnicodeDecodeError) as error:
        got = describe_content(path)
        raise FormatError(path, "file", "a readable text file", got) from error


def parse_number(path: Path, line: int | str, column: str, cell: str) -> float:
    """Return the number in a cell; raises `FormatError` for other text, NaN or infinity.

    `line` is the number of a line, or says where the cell is in a file without lines.
    """
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        location = f"line {line}" if isinstance(line, int) else line
        raise FormatError(path, f"{location}, {column}", "a number", repr(cell.strip()))
    return value
