"""A day of several animals: memory from the first minute to the last, time of every verb on the run, room on the disk.

    python benchmarks/long_run.py --hours 24 --out DIR --image docs/images/memory.png
    [--embeddings-every 10]

The camera is a film of a second that is played again and again, decoded anew once in a minute of
the recording. The network looks at one picture in a thousand; what it would find in the others is
made: five minutes of simulated animals, played forward and backward in turn, through the noise
model of ``identities.py``, with embeddings. All else is the flow of ``murid track``: reading ahead,
writer, parts, association. A process of its own does that, and its memory (RSS) is noted every
second. Then the verbs are run on what is stored, each in its own process, with its peak memory.
Bare pyarrow reads the same columns as the peer of loading.

What is there in ``DIR`` is gone on with: a finished stage is not done again.
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
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as ds
from export import measure
from identities import degrade, simulate

from murid.core import Detections, DetectionTable, Frame
from murid.core.types import UInt8
from murid.detection.config import DetectionConfig
from murid.detection.detector import load_detector
from murid.pipeline.detect import detect_frames
from murid.pipeline.track import track_and_identify
from murid.store import RunDirectory
from murid.synthetic import RecordingConfig, record
from murid.synthetic.scenarios import make_scenario
from murid.tracking import TrackingConfig
from murid.video import VideoWriter, open_source
from murid.video.info import VideoInfo

FPS = 30
DECODED_EVERY, DETECTED_EVERY = 60 * FPS, 1000
MADE_S, SIZE = 300, (640, 480)
BUDGET_MB = 700


class LoopedSource:
    """A short film again and again."""

    truncated = None

    def __init__(self, film: Path, n_frames: int) -> None:
        self._film = open_source(film)
        self.info = VideoInfo(str(film), *SIZE, FPS, n_frames, "looped")

    def iterate(self, start: int = 0) -> Iterator[Frame]:
        """Yield the frames from `start` on."""
        pictures: list[UInt8] = []
        for index in range(start, self.info.n_frames or 0):
            if not pictures or index % DECODED_EVERY == 0:
                pictures = [
                    frame.image for frame in self._film.iterate() if isinstance(frame, Frame)
                ]
            yield Frame(index, index / FPS, pictures[index % len(pictures)])

    def sample(self, n_frames: int) -> Iterator[Frame]:
        """Yield frames of the film."""
        return self._film.sample(n_frames)

    def compute_fingerprint(self) -> dict[str, Any]:
        """What the run keeps of the source."""
        width, height = SIZE
        return {
            "n_frames": self.info.n_frames,
            "fps": float(FPS),
            "width": width,
            "height": height,
            "sha256": "",
        }


class ThinnedDetector:
    """The shipped network for one picture in many, and made detections for all."""

    def __init__(self, made: DetectionTable, film: Path, first: int) -> None:
        self._made, self._next = made, first
        self._network = load_detector("nano")
        self._network.fit(open_source(film).sample(30))

    def detect(self, images: Sequence[UInt8]) -> list[Detections]:
        """Detections of the next pictures."""
        return [self._find(image) for image in images]

    def _find(self, image: UInt8) -> Detections:
        index, self._next = self._next, self._next + 1
        if index % DETECTED_EVERY == 0:
            self._network.detect([image])
        rounds, place = divmod(index, self._made.n_frames)
        return self._made[-1 - place if rounds % 2 else place]


class Watch:
    """Notes the memory of this process, and how far it is, every second."""

    def __init__(self, path: Path) -> None:
        self.rows: list[tuple[str, int, float, float]] = []
        self._path, self._begun, self._stage, self._done = path, time.monotonic(), "start", 0
        self._stopped = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def report(self, stage: str, done: int, _total: int | None) -> None:
        """Take note of how far it is."""
        self._stage, self._done = stage, done

    def stop(self) -> None:
        """Write down what was noted, after what an earlier, interrupted process noted."""
        self._stopped.set()
        before = json.loads(self._path.read_text()) if self._path.is_file() else []
        self._path.write_text(json.dumps(before + self.rows))

    def _run(self) -> None:
        page_mb = 4096 / 1e6
        while not self._stopped.wait(1.0):
            rss_mb = int(Path("/proc/self/statm").read_text().split()[1]) * page_mb
            self.rows.append((self._stage, self._done, time.monotonic() - self._begun, rss_mb))


def follow(folder: Path, hours: float, animals: int, every: int) -> None:
    """Store and associate, as ``murid track`` would."""
    watch = Watch(folder / "memory.json")
    scenario = replace(make_scenario("shelter-4", 5, MADE_S), n_animals=animals)
    _, made = degrade(simulate(scenario), np.random.default_rng(5), 128, scenario.body_px)
    film = folder / "film.mp4"
    if not film.is_file():
        config = RecordingConfig(
            n_animals=animals, n_frames=FPS, width=SIZE[0], height=SIZE[1], body_px=60, seed=1
        )
        with VideoWriter(film, FPS, *SIZE) as video_writer:
            for recorded in record(config):
                video_writer.write(recorded.frame.image)
    source = LoopedSource(film, round(hours * 3600 * FPS))
    detect, association = (
        DetectionConfig(embeddings_every=every),
        TrackingConfig(max_tracks=animals),
    )
    with RunDirectory.create(
        folder / "day.murid",
        source=film,
        fingerprint=source.compute_fingerprint(),
        detector="made",
        config={"detection": detect.describe_results()},
        existing="resume",
    ) as run:
        if not run.is_done("detection"):
            detect_frames(
                run,
                source,
                ThinnedDetector(made, film, run.next_frame),
                detect.batch_size,
                watch.report,
            )
        track_and_identify(run, association, None, report=watch.report)
    watch.stop()


def time_stages(rows: list[list[Any]]) -> None:
    """Print how long each stage took and how much memory it had in the first hour and in the last."""
    for stage in ("detect", "track"):
        own = np.array([row[1:] for row in rows if row[0] == stage and row[1]], float).reshape(
            -1, 3
        )
        if not len(own):
            continue
        hours = own[:, 0] / (3600 * FPS)
        first, last = own[hours <= min(1, hours[-1] / 4), 2], own[hours >= hours[-1] - 1, 2]
        rate = (own[-1, 0] - own[0, 0]) / max(own[-1, 1] - own[0, 1], 1e-9)
        said = (
            f"{np.median(first):4.0f} MB in the first hour, {np.median(last):4.0f} MB in the last"
        )
        took_s, peak_mb = own[-1, 1] - own[0, 1], own[:, 2].max()
        print(f"{stage:<12}{took_s:7.0f} s · {rate:6.0f} frames/s · {said}, peak {peak_mb:.0f} MB")


def draw(rows: list[list[Any]], path: Path) -> None:
    """Draw memory over the time of the recording."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.add_subplot(
        xlabel="hours of recording", ylabel="memory of the process (MB)", ylim=(0, 1.15 * BUDGET_MB)
    )
    for stage, label, colour in (
        ("detect", "detect and store", "#0072b2"),
        ("track", "associate", "#d55e00"),
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
    axes.xaxis.get_major_locator().set_params(transitions=[1, 2, 4, 6, 10])
    axes.legend(frameon=False, loc="lower right", ncols=2)
    figure.savefig(path, dpi=130)


def measure_disk(run: Path, animal_hours: float) -> None:
    """Print the room that the run takes."""
    sizes = {
        kind: sum(p.stat().st_size for p in (run / kind).glob("*.parquet"))
        for kind in ("frames", "detections", "tracks", "identities")
    }
    cells = " · ".join(f"{kind} {size / 1e6 / animal_hours:.2f}" for kind, size in sizes.items())
    total = sum(sizes.values())
    print(
        f"disk        {total / 1e9:.2f} GB, {total / 1e6 / animal_hours:.1f} MB an animal-hour: {cells}"
    )


def measure_loading(path: Path) -> None:
    """Print the time of loading and storing by columns, beside bare pyarrow."""
    run = RunDirectory.open(path)
    started = time.perf_counter()
    ds.dataset(path / "detections").to_table(columns=["frame", "x1", "y1", "x2", "y2", "score"])
    bare = time.perf_counter() - started
    started = time.perf_counter()
    table = run.detections.read(embeddings=False)
    took = time.perf_counter() - started
    print(
        f"load        {took:7.1f} s for {len(table)} detections · pyarrow, two threads: {bare:.1f} s",
        flush=True,
    )
    started = time.perf_counter()
    n_rows = sum(len(values) for _, values in run.detections.iterate_embeddings())
    print(
        f"embeddings  {time.perf_counter() - started:7.1f} s for {n_rows} rows, part by part",
        flush=True,
    )
    with (
        tempfile.TemporaryDirectory(dir=path.parent) as folder,
        RunDirectory.create(
            Path(folder, "copy.murid"), source="x", fingerprint={}, config={}, detector="made"
        ) as copy,
    ):
        took = 0.0
        for frames, (_, stretch) in zip(
            run.frames.iterate(), run.detections.iterate(False), strict=True
        ):
            started = time.perf_counter()
            copy.detections.write_part(frames, stretch)
            took += time.perf_counter() - started
    print(f"store       {took:7.1f} s", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--animals", type=int, default=4)
    parser.add_argument("--embeddings-every", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--image", type=Path)
    parser.add_argument("--stage", choices=["follow", "rest"])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.stage == "follow":
        follow(options.out, options.hours, options.animals, options.embeddings_every)
        return
    if options.stage is None:
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--stage", "follow"], check=True)
    run, rows = options.out / "day.murid", json.loads((options.out / "memory.json").read_text())
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
