"""``murid evaluate``."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from murid.evaluate import Metrics
from murid.run import Run


def evaluate(run: Path, /, *, gt: Path, json: Annotated[bool, Parameter(negative=())] = False) -> None:
    """Score a run against ground truth.

    Parameters
    ----------
    run : Path
        Run directory.
    gt : Path
        Ground truth in MOTChallenge format.
    json : bool
        Print JSON for scripts.
    """
    metrics = Run.open(run).evaluate(gt)
    print(json_format.dumps(metrics.to_dict()) if json else format_metrics(metrics))


def format_metrics(metrics: Metrics) -> str:
    """Table of the scores that matter most: percentages, and ID switches."""
    scores = {
        "HOTA": metrics.hota,
        "DetA": metrics.deta,
        "AssA": metrics.assa,
        "MOTA": metrics.mota,
        "IDF1": metrics.idf1,
    }
    head = "".join(f"{name:>8}" for name in scores) + "  ID switches"
    return head + "\n" + "".join(f"{value:>8.1f}" for value in scores.values()) + f"{metrics.id_switches:>13}"
