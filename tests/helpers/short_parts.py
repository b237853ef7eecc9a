"""Track in another process, in parts of 16 frames, so that tests can interrupt it between them."""

import subprocess
import sys
import time
from pathlib import Path

SCRIPT = """
import sys, time
from murid.errors import MuridError
from murid.store.run_directory import RunDirectory
RunDirectory.create.__func__.__kwdefaults__["part_frames"] = 16
from murid import Config, track
def slowly(stage, done, total):
    if sys.argv[3] == "slow":
        time.sleep(0.05)
try:
    config = Config().change("detection.detector=background", "detection.read_timeout_s=1")
    track(sys.argv[1], animals=3, config=config, out=sys.argv[2], report=slowly)
except MuridError as error:
    sys.exit(f"murid: {error}")
"""


def start(clip: Path, run: Path, pace: str) -> subprocess.Popen[str]:
    """Start tracking, at pace ``"fast"`` or ``"slow"``."""
    command = [sys.executable, "-c", SCRIPT, str(clip), str(run), pace]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for the end and return what was written to standard error."""
    return process.communicate(timeout=120)[1]


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a process."""
    process.kill()
    process.communicate()


def wait_for_parts(process: subprocess.Popen[str], run: Path, n_parts: int) -> None:
    """Wait until there are `n_parts` parts, or the process has ended."""
    while process.poll() is None and len(list(run.glob("detections/part-*.parquet"))) < n_parts:
        time.sleep(0.005)


def read_parts(run: Path) -> dict[str, bytes]:
    """Return the bytes of every table of a run by its path."""
    return {str(p.relative_to(run)): p.read_bytes() for p in sorted(run.rglob("*.parquet"))}
