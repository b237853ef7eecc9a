"""The Python code of the documentation runs as it is written."""

import re
import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from configs import NO_REFINE

import murid

ROOT = Path(__file__).parents[2]

# Pages whose code needs no more than the folder below. Others need several videos, a camera or
# packages that tests do not install.
PAGES = (
    "README.md",
    "docs/explanation/tracking.md",
    "docs/howto/annotate.md",
    "docs/howto/change-settings.md",
    "docs/howto/evaluate.md",
    "docs/howto/export.md",
    "docs/howto/measure.md",
    "docs/howto/plot.md",
    "docs/reference/python.md",
    "docs/reference/settings.md",
)


@pytest.fixture(scope="module")
def folder(clip, tmp_path_factory) -> Path:
    """A folder with a video, its run, and the files that the pages name."""
    folder = tmp_path_factory.mktemp("documentation")
    shutil.copy(clip, folder / "cage.mp4")
    shutil.copy(clip.with_name("gt.txt"), folder / "gt.txt")
    run = murid.track(folder / "cage.mp4", animals=4)
    run.export("mot", folder / "tracks.txt")
    run.export("csv", folder / "cage.csv")
    (folder / "murid.toml").write_text("[tracking]\nmax_lost_s = 2.0\n")
    (folder / "cage.arena.toml").write_text(
        "width = 320\nheight = 240\n"
        "[[zone]]\nname = 'centre'\npolygon = [[80, 60], [240, 60], [240, 180], [80, 180]]\n"
    )
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_code_of_a_page_runs(page, folder, monkeypatch):
    monkeypatch.chdir(folder)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    assert blocks
    names = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)


def test_numbers_from_numpy_are_accepted(clip, tmp_path):
    run = murid.track(clip, animals=np.int64(3), config=NO_REFINE, out=tmp_path / "cage.murid")
    assert run.info()["n_frames"] == 90


def test_the_version_is_that_of_the_installed_package():
    assert murid.__version__ == version("murid")
    assert re.match(r"\d+\.\d+\.\d+", murid.__version__)
