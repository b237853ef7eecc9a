"""Files of other programs: one module per format, tracks out, ground truth and labelled data in."""

from murid.formats.camera_motion import read_camera_motion
from murid.formats.csv import export_csv
from murid.formats.data_formats import (
    DATA_FORMATS,
    DataFormat,
    choose_name,
    find_data_format,
    read_dataset,
    recognise_data,
)
from murid.formats.dataset import LabelledFrame, LabelledSequence, Problem, refuse
from murid.formats.draft import ReadOptions
from murid.formats.mot import MotTable, export_mot, read_mot, read_mot_table
from murid.formats.recording import Recording
from murid.formats.registry import FORMATS, Format, find_format, guess_format, read_truth
from murid.formats.stretch import Stretch
from murid.formats.truths import TruthFile, find_truths, read_truth_file

__all__ = [
    "DATA_FORMATS",
    "FORMATS",
    "DataFormat",
    "Format",
    "LabelledFrame",
    "LabelledSequence",
    "MotTable",
    "Problem",
    "ReadOptions",
    "Recording",
    "Stretch",
    "TruthFile",
    "choose_name",
    "export_csv",
    "export_mot",
    "find_data_format",
    "find_format",
    "find_truths",
    "guess_format",
    "read_camera_motion",
    "read_dataset",
    "read_mot",
    "read_mot_table",
    "read_truth",
    "read_truth_file",
    "recognise_data",
    "refuse",
]
