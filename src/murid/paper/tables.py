"""The paper's tables as printed: titles, columns, rows, figures; and what murid runs for each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from murid.training.loss_balancing.config import BalanceName

Linking = Literal["plain", "dam"]


@dataclass(frozen=True, slots=True)
class Method:
    """What a row runs.

    Attributes
    ----------
    preset : str
        The network.
    reidentification : bool
        Whether RIM is learnt, and its embeddings are used.
    linking : {"plain", "dam"}
        The tracker: Kalman filter and overlap alone (SORT), for rows that name none; or DAM.
    balance : str
        How the losses are balanced.
    """

    preset: str
    reidentification: bool = True
    linking: Linking = "dam"
    balance: BalanceName = "fixed"

    @property
    def network(self) -> str:
        """Name of the training that it needs."""
        parts = [self.preset, *(["rim"] if self.reidentification else [])]
        return "-".join(parts if self.balance == "fixed" else [*parts, self.balance])


@dataclass(frozen=True, slots=True)
class Peer:
    """A detector of others, run outside murid, that gives its boxes through MOT files."""

    name: str
    linking: Linking = "plain"


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its title in the paper, what is run, and the paper's figures in the order of the columns, if any."""

    title: str
    source: Method | Peer
    printed: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes
    ----------
    name : str
        As the command line takes it.
    title : str
    columns : tuple of str
        Keys of `COLUMNS`.
    rows : tuple of Row
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: where its value is found in a result, and its decimals."""

    group: Literal["cost", "scores", "validation"]
    field: str
    decimals: int = 1
    unit: float = 1.0


COLUMNS: Mapping[str, Column] = {
    "Params (M)": Column("cost", "parameters", 2, 1e6),
    "GFLOPs": Column("cost", "gflops"),
    "HOTA": Column("scores", "hota"),
    "MOTA": Column("scores", "mota"),
    "IDF1": Column("scores", "idf1"),
    "MT": Column("scores", "mostly_tracked", 0),
    "ML": Column("scores", "mostly_lost", 0),
    "IDs": Column("scores", "id_switches", 0),
    "AP50": Column("validation", "ap50", 1, 0.01),
    "rank 1": Column("validation", "rank1", 1, 0.01),
}

OURS = Method("s")
_YOLOX = Method("yolox-s", reidentification=False, linking="plain")
_TRACKING = ("HOTA", "MOTA", "IDF1", "MT", "ML", "IDs")
_PROPOSED = (63.3, 65.3, 67.1, 367, 317, 1309)


def _with_balance(title: str, name: BalanceName) -> Row:
    return Row(title, Method("s", balance=name))


TABLES = (
    Table(
        "1",
        "Comparison Results between YOLOXs and the Proposed Tracking Framework",
        _TRACKING,
        (
            Row("YOLOXs", _YOLOX, (56.8, 60.8, 58.5, 324, 329, 1976)),
            Row("Our Proposed", OURS, _PROPOSED),
        ),
    ),
    Table(
        "2",
        "Results of the Performance Comparison Experiments",
        ("Params (M)", "GFLOPs", "HOTA", "MOTA", "IDF1"),
        (
            Row("YOLOv5s", Peer("yolov5s"), (7.015519, 15.8, 56.8, 55.1, 63.9)),
            Row("YOLOv7-tiny", Peer("yolov7-tiny"), (6.010302, 13, 53.3, 52.7, 62.5)),
            Row("YOLOv8s", Peer("yolov8s"), (11.126358, 28.4, 58.3, 58.3, 66)),
            Row("Our Proposed", OURS, (8.94, 8.1, 63.3, 65.3, 67.1)),
        ),
    ),
    Table(
        "3",
        "Ablation Experiment Results of the Proposed Model",
        _TRACKING,
        (
            Row("YOLOXs", _YOLOX, (58.8, 63.8, 58.5, 333, 527, 2613)),
            Row(
                "RTM",
                Method("s", reidentification=False, linking="plain"),
                (53.3, 59.3, 47.4, 327, 534, 2215),
            ),
            Row("RTM+DAM", Method("s", reidentification=False), (54.5, 64.5, 59.6, 351, 428, 1973)),
            Row("RTM+RIM+DAM", OURS, _PROPOSED),
        ),
    ),
    Table(
        "4",
        "Ablation Experiment Results of the Multi-object Tracking Model for Rodents",
        _TRACKING,
        (
            Row("ResNet-34", Method("resnet34"), (52.5, 55.8, 58.5, 333, 327, 1613)),
            Row("ResNet-50", Method("resnet50"), (58.8, 57.3, 59.4, 322, 334, 1654)),
            Row("DLA-34", Method("dla34"), (53.3, 61.4, 63.9, 339, 329, 1473)),
            Row("HarDNet-85", Method("hardnet85"), (54.5, 58.8, 66.5, 337, 327, 1542)),
            Row("Our Proposed", OURS, _PROPOSED),
        ),
    ),
    Table(
        "balance",
        "Loss balancing, announced in section IV-C and not printed",
        (*_TRACKING, "AP50", "rank 1"),
        (
            Row("Fixed", OURS),
            _with_balance("Uncertainty-task", "uncertainty-task"),
            _with_balance("Uncertainty-branch", "uncertainty-branch"),
            _with_balance("GradNorm", "gradnorm"),
            _with_balance("MGDA-UB", "mgda-ub"),
        ),
    ),
)
"""All tables; parameters are printed in the paper as raw counts under the heading "Params(M)"."""

PEERS = tuple(
    row.source.name for table in TABLES for row in table.rows if isinstance(row.source, Peer)
)
"""Names of the detectors that are run outside."""
