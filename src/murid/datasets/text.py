"""Read lines, cells and numbers of text files, with errors that name the line and the column.

Spreadsheets write tables in the customs of a country: semicolons or tabs between the cells, decimal
commas, and the encodings of Windows.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from collections.abc import Iterator
from pathlib import Path

from murid.core.files import describe_content
from murid.errors import FormatError

# Delimiters other than the comma, of which the first in a line counts. With one of them, a comma
# is a decimal comma.
_OTHER_DELIMITERS = (";", "\t")

# What Excel writes into the first line to tell itself the delimiter.
_EXCEL_PREFIX = "sep="

# Control characters, which files that are no text have, and text in Latin-1 has not: all but tabs,
# line feeds and carriage returns.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

# First bytes of a file in UTF-16.
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number, from 1, and text of each line that is not blank; raises `FormatError`."""
    # Newlines of every system, but not the form feeds and others at which `splitlines` splits.
    lines = io.StringIO(read_text(path), newline=None)
    for line, text in enumerate(lines, 1):
        if text.strip():
            yield line, text


def read_text(path: Path) -> str:
    """Return the text of a file; raises `FormatError` if it cannot be read or is not text.

    It is UTF-16 if it starts with the mark of UTF-16, else UTF-8. Older programs write neither, but
    Latin-1.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        got = describe_content(path)
        raise FormatError(path, "file", "a readable text file", got) from error
    encoding = "utf-16" if content.startswith(UTF16_MARKS) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        text = content.decode("latin-1")
        if encoding == "utf-16" or _CONTROL.search(text):
            got = describe_content(path)
            raise FormatError(path, "file", "a readable text file", got) from error
        return text


def find_delimiter(line: str) -> str:
    """Return what is between the cells of a line: a semicolon, a tab, or else a comma."""
    return next((each for each in _OTHER_DELIMITERS if each in line), ",")


def split_cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line without spaces and quotes around them."""
    if '"' not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    row = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
    return [cell.strip() for cell in row]


def read_rows(path: Path) -> list[tuple[int, list[str], str]]:
    """Return number, cells and delimiter of each line of a table that is not blank.

    Raises `FormatError` if the file is not text.
    """
    lines = list(read_lines(path))
    delimiter = None
    if lines and lines[0][1].lower().startswith(_EXCEL_PREFIX):
        delimiter = lines.pop(0)[1].rstrip("\r\n")[len(_EXCEL_PREFIX) :] or None
    if delimiter is None:
        delimiter = find_delimiter(lines[0][1]) if lines else ","
    rows = ((line, split_cells(text, delimiter), delimiter) for line, text in lines)
    return [row for row in rows if any(row[1])]


def to_decimal_points(cell: str, delimiter: str) -> str:
    """Return a number with a decimal point, also if it has a decimal comma.

    A comma can be one only where it is not the delimiter.
    """
    return cell if delimiter == "," else cell.replace(",", ".")


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
