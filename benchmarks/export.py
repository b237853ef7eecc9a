"""Time, memory and file size of ``murid export`` on a long recording, against pandas.

The peer reads the whole recording and writes the same table in one piece.

    python benchmarks/export.py --hours 24 --animals 4 --formats csv parquet

The run is made first, from stored parts alone: animals that walk at random, at 30 frames a second,
with identities, and 1 % of the positions interpolated. Each format is written in another process,
and memory is the peak of its RSS, which includes the libraries. The peer has all tracks in memory
at once, makes a pandas table of them and writes it as CSV.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from murid.core.types import DetectionTable, Tracks
from murid.export.registry import EXPORT_FORMATS
from murid.store import RunDirectory
from murid.store.frame_table import FrameTable

FPS = 30
# Frames of a stored part.
PART_FRAMES = 2048
WIDTH = 1280
HEIGHT = 1024

PEER = """
import sys
import numpy as np, pandas as pd
from murid.pipeline.run import Run
tracks = Run.open(sys.argv[1]).tracks()
table = tracks.detections
boxes = table.boxes
columns = {"frame": table.frame_numbers, "time_s": table.frame_numbers / 30}
columns |= {"track_id": tracks.track_ids}
columns |= {"x": (boxes[:, 0] + boxes[:, 2]) / 2, "y": (boxes[:, 1] + boxes[:, 3]) / 2}
columns |= {"width": boxes[:, 2] - boxes[:, 0], "height": boxes[:, 3] - boxes[:, 1]}
columns |= {"score": table.scores}
columns |= {"identity_probability": tracks.identity_probabilities}
columns |= {"interpolated": tracks.interpolated}
pd.DataFrame(columns).to_csv(sys.argv[2], index=False, float_format="%.4f")
"""


def make_run(path: Path, n_frames: int, n_animals: int) -> None:
    """Store a run whose animals walk at random."""
    rng = np.random.default_rng(0)
    fingerprint = {
        "n_frames": n_frames,
        "fps": float(FPS),
        "sha256": "",
        "width": WIDTH,
        "height": HEIGHT,
    }
    with RunDirectory.create(
        path,
        source="cage.mp4",
        fingerprint=fingerprint,
        config={},
        detector="none",
        part_frames=PART_FRAMES,
    ) as run:
        _write_detections(run, rng, n_frames, n_animals)
        run.tracks.start({})
        for first, table in run.detections.iterate():
            track_ids = np.tile(np.arange(1, n_animals + 1), table.n_frames)
            run.tracks.write(first, Tracks(table, track_ids))
        run.tracks.finish()
        _write_identities(run, rng, n_animals)


def _write_detections(
    run: RunDirectory, rng: np.random.Generator, n_frames: int, n_animals: int
) -> None:
    """Store boxes of 60 pixels that walk at random."""
    places = rng.random((n_animals, 2)) * (WIDTH, HEIGHT)
    for first in range(0, n_frames, PART_FRAMES):
        n = min(PART_FRAMES, n_frames - first)
        walk = places + rng.normal(scale=2, size=(n, n_animals, 2)).cumsum(axis=0)
        # Animals that left the image come back on the other side in the next part.
        places = walk[-1] % (WIDTH, HEIGHT)
        boxes = np.concatenate([walk - 30, walk + 30], axis=2).reshape(-1, 4).astype(np.float32)
        scores = rng.random(len(boxes), dtype=np.float32)
        frame_offsets = np.arange(0, len(boxes) + 1, n_animals, dtype=np.int64)
        table = DetectionTable(boxes, scores, None, frame_offsets)
        times_s = np.arange(first, first + n) / FPS
        run.detections.write_part(FrameTable(first, times_s), table)
    run.detections.finish()


def _write_identities(run: RunDirectory, rng: np.random.Generator, n_animals: int) -> None:
    """Store one identity per animal, 1 % of the positions interpolated, and no crossings."""
    run.identities.start({})
    for first, tracks in run.iterate_tracks():
        track_ids = np.tile(np.arange(1, n_animals + 1), tracks.n_frames)
        interpolated = rng.random(len(track_ids)) < 0.01
        # Interpolated positions have no row in the detections.
        rows = np.where(interpolated, -1, np.tile(np.arange(n_animals), tracks.n_frames))
        probabilities = np.full(len(rows), 0.99, np.float32)
        identities = Tracks(tracks.detections, track_ids, interpolated, probabilities)
        run.identities.write(first, rows, identities)
    no_crossings = dict.fromkeys(
        ("first_frame", "last_frame", "identity_a", "identity_b"), np.zeros(0, np.int64)
    )
    run.identities.finish({**no_crossings, "swap_probability": np.zeros(0, np.float32)})


def measure(command: list[str], out: Path) -> tuple[float, float, float]:
    """Return seconds, peak memory in MB and file size in MB of a command that writes a file."""
    started = time.perf_counter()
    watched = [sys.executable, __file__, "--watch", *command]
    result = subprocess.run(watched, check=True, capture_output=True, text=True)
    peak = float(result.stdout.split()[-1])
    return time.perf_counter() - started, peak, out.stat().st_size / 1e6


def watch(command: list[str]) -> None:
    """Run a command and print its peak memory in MB."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3)


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--watch"]:
        watch(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--animals", type=int, default=4)
    parser.add_argument(
        "--formats", nargs="+", choices=list(EXPORT_FORMATS), default=["csv", "parquet"]
    )
    arguments = parser.parse_args()
    n_frames = round(arguments.hours * 3600 * FPS)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "cage.murid")
        make_run(run, n_frames, arguments.animals)
        print(f"{n_frames} frames, {arguments.animals} animals", flush=True)
        out = Path(folder, "peer.csv")
        peer_s, peer_mb, size_mb = measure([sys.executable, "-c", PEER, str(run), str(out)], out)
        print(
            f"pandas      {peer_s:6.0f} s · peak {peer_mb:5.0f} MB · file {size_mb:5.0f} MB",
            flush=True,
        )
        for name in arguments.formats:
            out = Path(folder, f"cage{EXPORT_FORMATS[name].suffixes[0]}")
            command = [
                sys.executable,
                "-m",
                "murid",
                "export",
                str(run),
                "--format",
                name,
                "--out",
                str(out),
            ]
            took_s, peak_mb, size_mb = measure(command, out)
            ratios = (
                f"{took_s / peer_s:.2f} of the peer's time, {peak_mb / peer_mb:.2f} of its memory"
            )
            print(
                f"{name:<11} {took_s:6.0f} s · peak {peak_mb:5.0f} MB · file {size_mb:5.0f} MB · "
                f"{ratios}",
                flush=True,
            )


if __name__ == "__main__":
    main()
