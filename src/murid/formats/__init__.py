"""Files of other programs: one module per format, tracks out and ground truth in."""

from murid.formats.csv import export_csv
from murid.formats.mot import export_mot, read_mot
from murid.formats.registry import FORMATS, Format, find_format, guess_format, read_truth
from murid.formats.stretch import Stretch

__all__ = [
    "FORMATS",
    "Format",
    "Stretch",
    "export_csv",
    "export_mot",
    "find_format",
    "guess_format",
    "read_mot",
    "read_truth",
]
