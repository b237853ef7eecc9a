import pytest

from murid.datasets.text import (
    find_delimiter,
    read_lines,
    read_rows,
    split_cells,
    to_decimal_points,
)
from murid.errors import FormatError

LINES = "größe;µm\n1;2,5\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_newlines(tmp_path, encoding, newline):
    path = tmp_path / "a.csv"
    path.write_bytes(LINES.replace("\n", newline).encode(encoding))
    assert [(line, text.strip()) for line, text in read_lines(path)] == [
        (1, "größe;µm"),
        (2, "1;2,5"),
    ]


@pytest.mark.parametrize("content", [b"\x89PNG\xff\xfe", b"\xff\xfe\x00", b"\xe4\x00"])
def test_files_that_are_not_text(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(FormatError, match="expected a readable text file"):
        list(read_lines(tmp_path / "a.csv"))


@pytest.mark.parametrize(
    ("line", "delimiter", "cells"),
    [
        ("1, 2.5,x", ",", ["1", "2.5", "x"]),
        ("1;2,5;x", ";", ["1", "2,5", "x"]),
        ("1\t2,5\tx", "\t", ["1", "2,5", "x"]),
        ('"1";"2,5";"x;y"', ";", ["1", "2,5", "x;y"]),
        ('1, "2,5", x', ",", ["1", "2,5", "x"]),
    ],
)
def test_cells(line, delimiter, cells):
    assert find_delimiter(line) == delimiter
    assert split_cells(line, delimiter) == cells


def test_decimal_commas_need_another_delimiter():
    assert to_decimal_points("2,5", ";") == "2.5"
    assert to_decimal_points("2,5", ",") == "2,5"


def test_first_line_of_excel(tmp_path):
    (tmp_path / "a.csv").write_text("sep=;\n\na,b;c\n;\n1;2\n")
    assert read_rows(tmp_path / "a.csv") == [(3, ["a,b", "c"], ";"), (5, ["1", "2"], ";")]
    (tmp_path / "a.csv").write_text("")
    assert read_rows(tmp_path / "a.csv") == []
