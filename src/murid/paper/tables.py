"""The paper's tables as printed, and the method that murid runs for each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from murid.training.loss_balancing.config import BalanceMethod

TrackerName = Literal["plain", "dam"]


@dataclass(frozen=True, slots=True)
class Method:
    """Method of a row: a network that murid trains, and a tracker.

    Attributes
    ----------
    preset : str
        Network preset.
    reidentification : bool
        Whether RIM is trained and its embeddings are used.
    tracker : {"plain", "dam"}
        Tracker: Kalman filter and overlap only (SORT), for rows that name none, or DAM.
    balance : str
        Method of loss balancing.
    """

    preset: str
    reidentification: bool = True
    tracker: TrackerName = "dam"
    balance: BalanceMethod = "fixed"

    @property
    def network(self) -> str:
        """Name of the training that the method needs."""
        parts = [self.preset]
        if self.reidentification:
            parts.append("rim")
        if self.balance != "fixed":
            parts.append(self.balance)
        return "-".join(parts)


@dataclass(frozen=True, slots=True)
class ExternalDetector:
    """Detector of another project, run outside murid; its boxes are read from MOT files."""

    name: str
    tracker: TrackerName = "plain"


@dataclass(frozen=True, slots=True)
class TableRow:
    """Row of a table.

    Attributes
    ----------
    title : str
        Title in the paper.
    source : Method or ExternalDetector
        What murid runs for it.
    paper_values : tuple of float
        Values printed in the paper, in the order of the columns; empty if there are none.
    """

    title: str
    source: Method | ExternalDetector
    paper_values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class PaperTable:
    """Table of the paper.

    Attributes
    ----------
    name : str
        Name on the command line.
    title : str
    columns : tuple of str
        Keys of `COLUMNS`.
    rows : tuple of TableRow
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """Column of a table: where a result has its value, and how it is printed.

    Attributes
    ----------
    group, field : str
        Keys of the value in a result.
    decimals : int
    unit : float
        Divisor of the value.
    """

    group: Literal["cost", "scores", "validation"]
    field: str
    decimals: int = 1
    unit: float = 1.0


# Columns by their title.
COLUMNS: Mapping[str, TableColumn] = {
    "Params (M)": TableColumn("cost", "parameters", 2, 1e6),
    "GFLOPs": TableColumn("cost", "gflops"),
    "HOTA": TableColumn("scores", "hota"),
    "MOTA": TableColumn("scores", "mota"),
    "IDF1": TableColumn("scores", "idf1"),
    "MT": TableColumn("scores", "mostly_tracked", 0),
    "ML": TableColumn("scores", "mostly_lost", 0),
    "IDs": TableColumn("scores", "id_switches", 0),
    "AP50": TableColumn("validation", "ap50", 1, 0.01),
    "rank 1": TableColumn("validation", "rank1", 1, 0.01),
}

# Methods and values that several tables contain.
PROPOSED = Method("s")
_YOLOX = Method("yolox-s", reidentification=False, tracker="plain")
_TRACKING_COLUMNS = ("HOTA", "MOTA", "IDF1", "MT", "ML", "IDs")
_PROPOSED_VALUES = (63.3, 65.3, 67.1, 367, 317, 1309)


def _make_balance_row(title: str, name: BalanceMethod) -> TableRow:
    return TableRow(title, Method("s", balance=name))


# All tables. The paper prints parameters as raw counts under the heading "Params(M)".
TABLES = (
    PaperTable(
        "1",
        "Comparison Results between YOLOXs and the Proposed Tracking Framework",
        _TRACKING_COLUMNS,
        (
            TableRow("YOLOXs", _YOLOX, (56.8, 60.8, 58.5, 324, 329, 1976)),
            TableRow("Our Proposed", PROPOSED, _PROPOSED_VALUES),
        ),
    ),
    PaperTable(
        "2",
        "Results of the Performance Comparison Experiments",
        ("Params (M)", "GFLOPs", "HOTA", "MOTA", "IDF1"),
        (
            TableRow("YOLOv5s", ExternalDetector("yolov5s"), (7.015519, 15.8, 56.8, 55.1, 63.9)),
            TableRow(
                "YOLOv7-tiny", ExternalDetector("yolov7-tiny"), (6.010302, 13, 53.3, 52.7, 62.5)
            ),
            TableRow("YOLOv8s", ExternalDetector("yolov8s"), (11.126358, 28.4, 58.3, 58.3, 66)),
            TableRow("Our Proposed", PROPOSED, (8.94, 8.1, 63.3, 65.3, 67.1)),
        ),
    ),
    PaperTable(
        "3",
        "Ablation Experiment Results of the Proposed Model",
        _TRACKING_COLUMNS,
        (
            TableRow("YOLOXs", _YOLOX, (58.8, 63.8, 58.5, 333, 527, 2613)),
            TableRow(
                "RTM",
                Method("s", reidentification=False, tracker="plain"),
                (53.3, 59.3, 47.4, 327, 534, 2215),
            ),
            TableRow(
                "RTM+DAM", Method("s", reidentification=False), (54.5, 64.5, 59.6, 351, 428, 1973)
            ),
            TableRow("RTM+RIM+DAM", PROPOSED, _PROPOSED_VALUES),
        ),
    ),
    PaperTable(
        "4",
        "Ablation Experiment Results of the Multi-object Tracking Model for Rodents",
        _TRACKING_COLUMNS,
        (
            TableRow("ResNet-34", Method("resnet34"), (52.5, 55.8, 58.5, 333, 327, 1613)),
            TableRow("ResNet-50", Method("resnet50"), (58.8, 57.3, 59.4, 322, 334, 1654)),
            TableRow("DLA-34", Method("dla34"), (53.3, 61.4, 63.9, 339, 329, 1473)),
            TableRow("HarDNet-85", Method("hardnet85"), (54.5, 58.8, 66.5, 337, 327, 1542)),
            TableRow("Our Proposed", PROPOSED, _PROPOSED_VALUES),
        ),
    ),
    PaperTable(
        "balance",
        "Loss balancing, announced in section IV-C and not printed",
        (*_TRACKING_COLUMNS, "AP50", "rank 1"),
        (
            TableRow("Fixed", PROPOSED),
            _make_balance_row("Uncertainty-task", "uncertainty-task"),
            _make_balance_row("Uncertainty-branch", "uncertainty-branch"),
            _make_balance_row("GradNorm", "gradnorm"),
            _make_balance_row("MGDA-UB", "mgda-ub"),
        ),
    ),
)

# Names of the detectors that are run outside murid.
EXTERNAL_DETECTORS = tuple(
    row.source.name
    for table in TABLES
    for row in table.rows
    if isinstance(row.source, ExternalDetector)
)
