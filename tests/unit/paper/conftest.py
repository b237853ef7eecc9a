from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from murid.datasets.mot_text import read_mot_table
from murid.paper import scale
from murid.paper.benchmark_data import BenchmarkData, make_benchmark_data
from murid.paper.scale import Scale

TINY = replace(
    scale.TINY,
    scenarios=("coats-4", "huddle-6"),
    seconds=0.25,
    max_side_px=64,
    n_images=4,
    n_held_out=2,
    max_sequences=6,
)


@pytest.fixture(scope="session")
def tiny() -> Scale:
    return TINY


@pytest.fixture(scope="session")
def _rendered(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("bench")
    make_benchmark_data(TINY, out)
    return out


@pytest.fixture
def data(_rendered) -> BenchmarkData:
    """Two scenarios of seven and six frames."""
    return make_benchmark_data(TINY, _rendered)


@pytest.fixture
def boxes(data, tmp_path) -> Path:
    """Detections as good as the truth, with ids of -1."""
    directory = tmp_path / "boxes"
    directory.mkdir()
    for recording in data.recordings:
        table = read_mot_table(data.truths[0].root / recording.name / "gt" / "gt.txt")
        columns = np.column_stack([table.boxes.frames + 1, table.boxes.boxes])
        rows = [f"{int(f)},-1,{x1},{y1},{x2 - x1},{y2 - y1},0.9\n" for f, x1, y1, x2, y2 in columns]
        (directory / f"{recording.name}.txt").write_text("".join(rows))
    return directory
