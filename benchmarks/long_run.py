"""Memory, time of every command and disk space of a recording of a day.

    python benchmarks/long_run.py --hours 24 --out DIR --image docs/images/memory.png
    [--embeddings-every 10]

The video is a clip of a second that is repeated, decoded again once in a minute of the recording.
The network analyses one frame in a thousand. The detections of the others are simulated: five
minutes of animals, played forwards and backwards in turn, through the noise model of
``identities.py``, with embeddings. All else is as in ``murid track``: reading ahead, writing parts,
tracking. This runs in a separate process, whose memory (RSS) is recorded every second. Then each
command runs on the stored results in another process, with its peak memory. Reading the same
columns with pyarrow alone is the reference for loading.

Stages that are complete in ``DIR`` are not repeated.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as ds
from export import measure
from simulated_detections import degrade, simulate

from murid.core import Detections, DetectionTable, Frame
from murid.core.types import Int64, UInt8
from murid.detection.config import DetectionConfig
from murid.detection.detector import load_detector
from murid.pipeline.config import Config
from murid.pipeline.detect import detect_frames
from murid.pipeline.track import track_and_identify
from murid.store import RunDirectory
from murid.synthetic import RecordingConfig, record
from murid.synthetic.scenarios import make_scenario
from murid.tracking import TrackingConfig
from murid.video import VideoWriter, open_source
from murid.video.info import VideoInfo

FPS = 30
SIZE = (640, 480)

# Intervals in frames. Decoding and analysing every frame would take days, and a memory leak of
# either still shows.
DECODE_INTERVAL = 60 * FPS
DETECTION_INTERVAL = 1000

# Length of the simulated detections before they repeat.
SIMULATED_S = 300

# Aim for the memory of the process; drawn as a line.
BUDGET_MB = 700


class LoopedSource:
    """A short clip that is repeated."""

    truncated = None

    def __init__(self, clip: Path, n_frames: int) -> None:
        self._clip = open_source(clip)
        self.info = VideoInfo(str(clip), *SIZE, FPS, n_frames, "looped")

    def iterate(self, start: int = 0) -> Iterator[Frame]:
        """Yield the frames from `start` on."""
        images: list[UInt8] = []
        for index in range(start, self.info.n_frames or 0):
            if not images or index % DECODE_INTERVAL == 0:
                frames = self._clip.iterate()
                images = [frame.image for frame in frames if isinstance(frame, Frame)]
            yield Frame(index, index / FPS, images[index % len(images)])

    def read(self, numbers: Int64) -> Iterator[Frame]:
        """Yield the frames with some numbers."""
        for number in numbers.tolist():
            yield from islice(self.iterate(number), 1)

    def sample(self, n_frames: int) -> Iterator[Frame]:
        """Yield frames of the clip."""
        return self._clip.sample(n_frames)

    def compute_fingerprint(self) -> dict[str, Any]:
        """Return what the run stores of the source."""
        width, height = SIZE
        return {
            "n_frames": self.info.n_frames,
            "fps": float(FPS),
            "width": width,
            "height": height,
            "sha256": "",
        }


class ThinnedDetector:
    """Runs the shipped network on one frame in many, and returns simulated detections for all."""

    def __init__(self, simulated: DetectionTable, clip: Path, first: int) -> None:
        self._simulated = simulated
        self._next = first
        self._network = load_detector("nano")
        self._network.fit(open_source(clip).sample(30))

    def detect(self, images: Sequence[UInt8]) -> list[Detections]:
        """Return the detections of the next frames."""
        return [self._find(image) for image in images]

    def _find(self, image: UInt8) -> Detections:
        index = self._next
        self._next += 1
        if index % DETECTION_INTERVAL == 0:
            self._network.detect([image])
        # Forwards and backwards in turn, so that the animals do not jump.
        n_repeats, row = divmod(index, self._simulated.n_frames)
        return self._simulated[-1 - row if n_repeats % 2 else row]


class MemoryMonitor:
    """Records the memory and the progress of this process every second."""

    def __init__(self, path: Path) -> None:
        self.rows: list[tuple[str, int, float, float]] = []
        self._path = path
        self._started = time.monotonic()
        self._stage = "start"
        self._done = 0
        self._stopped = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def report(self, stage: str, done: int, _total: int | None) -> None:
        """Update the progress."""
        self._stage = stage
        self._done = done

    def stop(self) -> None:
        """Append the records to those of an earlier, interrupted process."""
        self._stopped.set()
        before = json.loads(self._path.read_text()) if self._path.is_file() else []
        self._path.write_text(json.dumps(before + self.rows))

    def _run(self) -> None:
        page_mb = 4096 / 1e6
        while not self._stopped.wait(1.0):
            rss_mb = int(Path("/proc/self/statm").read_text().split()[1]) * page_mb
            self.rows.append((self._stage, self._done, time.monotonic() - self._started, rss_mb))


def run_pipeline(folder: Path, hours: float, animals: int, every: int) -> None:
    """Store detections and track them, as ``murid track`` does."""
    monitor = MemoryMonitor(folder / "memory.json")
    scenario = replace(make_scenario("shelter-4", 5, SIMULATED_S), n_animals=animals)
    _, simulated = degrade(simulate(scenario), np.random.default_rng(5), 128, scenario.body_px)
    clip = folder / "clip.mp4"
    if not clip.is_file():
        config = RecordingConfig(
            n_animals=animals, n_frames=FPS, width=SIZE[0], height=SIZE[1], body_px=60, seed=1
        )
        with VideoWriter(clip, FPS, *SIZE) as video_writer:
            for recorded in record(config):
                video_writer.write(recorded.frame.image)
    source = LoopedSource(clip, round(hours * 3600 * FPS))
    detection = DetectionConfig(embeddings_every=every)
    tracking = TrackingConfig(max_tracks=animals)
    with RunDirectory.create(
        folder / "day.murid",
        source=clip,
        fingerprint=source.compute_fingerprint(),
        detector="simulated",
        config={"detection": detection.describe_results()},
        existing="resume",
    ) as run:
        if not run.is_done("detection"):
            detect_frames(
                run,
                source,
                ThinnedDetector(simulated, clip, run.next_frame),
                detection.batch_size,
                monitor.report,
            )
        track_and_identify(run, Config(tracking=tracking), None, report=monitor.report)
    monitor.stop()


def time_stages(rows: list[list[Any]]) -> None:
    """Print the time of each stage, and its memory in the first and in the last hour."""
    for stage in ("detect", "track"):
        own = np.array([row[1:] for row in rows if row[0] == stage and row[1]], float).reshape(
            -1, 3
        )
        if not len(own):
            continue
        hours = own[:, 0] / (3600 * FPS)
        first = own[hours <= min(1, hours[-1] / 4), 2]
        last = own[hours >= hours[-1] - 1, 2]
        rate = (own[-1, 0] - own[0, 0]) / max(own[-1, 1] - own[0, 1], 1e-9)
        memory = (
            f"{np.median(first):.0f} MB in the first hour, {np.median(last):.0f} MB in the last"
        )
        duration_s = own[-1, 1] - own[0, 1]
        print(f"{stage:<12}{duration_s:7.0f} s · {rate:6.0f} frames/s", end=" · ")
        print(f"{memory}, peak {own[:, 2].max():.0f} MB")


def draw(rows: list[list[Any]], path: Path) -> None:
    """Draw memory over the time of the recording."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.add_subplot(
        xlabel="hours of recording", ylabel="memory of the process (MB)", ylim=(0, 1.15 * BUDGET_MB)
    )
    for stage, label, colour in (
        ("detect", "detection", "#0072b2"),
        ("track", "tracking", "#d55e00"),
    ):
        own = np.array([row[1:] for row in rows if row[0] == stage and row[1]], float).reshape(
            -1, 3
        )
        axes.plot(own[:, 0] / (3600 * FPS), own[:, 2], color=colour, linewidth=1.2, label=label)
    axes.axhline(BUDGET_MB, color="0.6", linestyle="--", linewidth=1)
    axes.annotate(
        "budget", (0, BUDGET_MB), xytext=(2, 3), textcoords="offset points", color="0.4", fontsize=8
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlim(left=0)
    axes.xaxis.get_major_locator().set_params(steps=[1, 2, 4, 6, 10])
    axes.legend(frameon=False, loc="lower right", ncols=2)
    figure.savefig(path, dpi=130)


def measure_disk(run: Path, animal_hours: float) -> None:
    """Print the disk space of the run."""
    sizes = {
        kind: sum(p.stat().st_size for p in (run / kind).glob("*.parquet"))
        for kind in ("frames", "detections", "tracks", "identities")
    }
    cells = " · ".join(f"{kind} {size / 1e6 / animal_hours:.2f}" for kind, size in sizes.items())
    total = sum(sizes.values())
    per_hour = total / 1e6 / animal_hours
    print(f"disk        {total / 1e9:.2f} GB, {per_hour:.1f} MB an animal-hour: {cells}")


def measure_loading(path: Path) -> None:
    """Print the time of loading and storing, compared with loading by pyarrow alone."""
    run = RunDirectory.open(path)
    started = time.perf_counter()
    ds.dataset(path / "detections").to_table(columns=["frame", "x1", "y1", "x2", "y2", "score"])
    pyarrow_s = time.perf_counter() - started
    started = time.perf_counter()
    table = run.detections.read(embeddings=False)
    murid_s = time.perf_counter() - started
    reference = f"pyarrow, two threads: {pyarrow_s:.1f} s"
    print(f"load        {murid_s:7.1f} s for {len(table)} detections · {reference}", flush=True)
    started = time.perf_counter()
    n_rows = sum(len(values) for _, values in run.detections.iterate_embeddings())
    duration_s = time.perf_counter() - started
    print(f"embeddings  {duration_s:7.1f} s for {n_rows} rows, part by part", flush=True)
    with (
        tempfile.TemporaryDirectory(dir=path.parent) as folder,
        RunDirectory.create(
            Path(folder, "copy.murid"), source="x", fingerprint={}, config={}, detector="simulated"
        ) as copy,
    ):
        write_s = 0.0
        for frames, (_, table) in zip(
            run.frames.iterate(), run.detections.iterate(False), strict=True
        ):
            started = time.perf_counter()
            copy.detections.write_part(frames, table)
            write_s += time.perf_counter() - started
    print(f"store       {write_s:7.1f} s", flush=True)


def main() -> None:
    """Run the stages, measure the commands, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--animals", type=int, default=4)
    parser.add_argument("--embeddings-every", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--image", type=Path)
    parser.add_argument("--stage", choices=["pipeline", "commands"])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.stage == "pipeline":
        run_pipeline(options.out, options.hours, options.animals, options.embeddings_every)
        return
    if options.stage is None:
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--stage", "pipeline"], check=True)
    run = options.out / "day.murid"
    rows = json.loads((options.out / "memory.json").read_text())
    time_stages(rows)
    if options.image is not None:
        draw(rows, options.image)
    murid = [sys.executable, "-m", "murid"]
    out = {name: options.out / f"day.{name}" for name in ("csv", "parquet")}
    for name, command, result in (
        (
            "identify",
            [*murid, "identify", str(run), "--animals", str(options.animals)],
            run / "manifest.json",
        ),
        ("info", [*murid, "info", str(run)], run / "manifest.json"),
        ("csv", [*murid, "export", str(run), "--out", str(out["csv"])], out["csv"]),
        ("parquet", [*murid, "export", str(run), "--out", str(out["parquet"])], out["parquet"]),
    ):
        took_s, peak_mb, size_mb = measure(command, result)
        print(
            f"{name:<12}{took_s:7.1f} s · peak {peak_mb:5.0f} MB · file {size_mb:.1f} MB",
            flush=True,
        )
    measure_loading(run)
    measure_disk(run, options.hours * options.animals)
    for path in out.values():
        path.unlink()


if __name__ == "__main__":
    main()
