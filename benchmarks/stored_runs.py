"""Recordings with stored detections, which the benchmarks of identities make once.

Identities are made as ``murid identify`` does, on a copy of a run, so that they are what users get,
a stored run never changes, and another source tree of murid can make them of the same detections.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from identity_scores import Named

from murid.appearance.second_pass import run_second_pass
from murid.appearance.second_pass_tables import read_second_pass
from murid.core.progress import no_progress
from murid.pipeline.config import Config
from murid.pipeline.identify import identify
from murid.store import RunDirectory
from murid.synthetic.recording import RecordingConfig, record
from murid.synthetic.scenarios import SCENARIOS
from murid.synthetic.write_sequence import SequenceInfo, write_sequence
from murid.tracking import TrackingConfig, make_tracker

SecondPass = Literal["never", "auto", "always"]
_REFINE_OPTIONS: dict[SecondPass, tuple[str, ...]] = {
    "never": ("--no-refine",),
    "auto": (),
    "always": ("--refine",),
}

# Coats of the recordings for lower frame rates; look-alikes have the first.
COATS = ("black", "albino", "hooded")
RATE_FPS = 30.0
RATE_FRAMES = 9300  # 310 s


@dataclass(frozen=True)
class Identified:
    """Identities of a run, and the seconds they took: of another tree, its start included."""

    named: Named
    seconds: float
    n_crossings: int
    selections: list[dict] | None


def run_murid(*arguments: object, tree: Path | None = None) -> None:
    """Run murid in another process, of another source tree if one is given."""
    environment = dict(os.environ)
    if tree is not None:
        environment["PYTHONPATH"] = str(tree.resolve())
    subprocess.run(
        [sys.executable, "-m", "murid", *map(str, arguments)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


def prepare(work: Path, scenario: str, seed: int, seconds: float = 60.0) -> Path:
    """Make the recording of a scenario and its detections, unless they exist."""
    folder = work / (f"{scenario}-{seed}" if seconds == 60 else f"{scenario}-{seed}-{seconds:.0f}s")
    if (folder / "done").is_file():
        return folder
    if not (folder / "gt" / "gt.txt").is_file():
        options = ("--scenario", scenario, "--seed", seed, "--seconds", seconds)
        run_murid("scenes", *options, "--out", folder)
    return _detect(folder, SCENARIOS[scenario].n_animals)


def prepare_rate_recording(work: Path, coats: Literal["coats", "lookalike"], seed: int) -> Path:
    """Make the recording for lower frame rates and its detections, unless they exist."""
    folder = work / f"rate-{coats}-{seed}"
    if (folder / "done").is_file():
        return folder
    if not (folder / "gt" / "gt.txt").is_file():
        config = RecordingConfig(
            n_animals=3,
            n_frames=RATE_FRAMES,
            width=320,
            height=240,
            body_px=35,
            seed=seed,
            fps=RATE_FPS,
            coats=COATS if coats == "coats" else COATS[:1],
            lookalike=coats == "lookalike",
        )
        info = SequenceInfo(folder.name, config.fps, config.width, config.height, config.n_frames)
        write_sequence(folder, record(config), info)
    return _detect(folder, 3)


def _detect(folder: Path, n_animals: int) -> Path:
    """Detect the animals in the video of a folder, and mark it as complete."""
    options = ("--animals", n_animals, "--no-identities", "--out", folder / "run.murid")
    run_murid("track", folder / "video.mp4", *options)
    (folder / "done").touch()
    return folder


def prepare_clip(work: Path, video: Path, n_animals: int, name: str) -> Path:
    """Detect the animals in a real video, unless it is done, and return its run."""
    path = work / f"{name}.murid"
    if not (path / "manifest.json").is_file() or not RunDirectory.open(path).is_done("tracking"):
        run_murid("track", video, "--animals", n_animals, "--no-identities", "--out", path)
    return path


def add_second_pass(path: Path) -> None:
    """Store the tables of the second pass in a run, unless it has them."""
    run = RunDirectory.open(path)
    if read_second_pass(run, run.detections.read(embeddings=False)) is None:
        with RunDirectory.open(path, writable=True) as writable:
            run_second_pass(writable, no_progress)


def thin(path: Path, every: int, phase: int, out: Path) -> Path:
    """Make a run of every n-th frame from `phase` on of a run, with its stored detections.

    It is what ``murid track --every`` makes: detection answers each frame by itself.
    """
    if (out / "manifest.json").is_file() and RunDirectory.open(out).is_done("detection"):
        return out
    whole = RunDirectory.open(path)
    manifest = whole.manifest
    table = whole.detections.read()
    times_s = whole.frames.read().times_s[phase::every]
    frames = {"first": phase, "every": every, "n_source_frames": table.n_frames}
    selection = {"first_frame": phase, "every": every, "n_frames": len(times_s)}
    video = {**manifest.video, "fps": manifest.fps / every}
    video.pop("gaps", None)
    with RunDirectory.create(
        out,
        source=manifest.source,
        fingerprint=manifest.fingerprint,
        config={**manifest.config, "detection": {**manifest.config["detection"], **selection}},
        detector=manifest.detector,
        embedder=manifest.embedder,
        video=video if every == 1 else {**video, "frames": frames},
        existing="restart" if out.exists() else "refuse",
    ) as run:
        kept = range(phase, table.n_frames, every)
        with run.detections.write() as writer:
            for index, (frame, time_s) in enumerate(zip(kept, times_s.tolist(), strict=True)):
                writer.add(index, time_s, table[frame])
        run.detections.finish()
        settings = asdict(TrackingConfig(max_tracks=manifest.config["tracking"]["max_tracks"]))
        run.tracks.start(settings)
        _write_tracks(run)
    return out


def _write_tracks(run: RunDirectory) -> None:
    """Store the tracks of the detections of a run."""
    tracker = make_tracker(
        TrackingConfig(max_tracks=run.manifest.config["tracking"]["max_tracks"]), run.manifest.fps
    )
    for (first, table), frames in zip(run.detections.iterate(), run.frames.iterate(), strict=True):
        run.tracks.write(first, tracker.follow(table, times_s=frames.times_s))
    run.tracks.finish()


def track_alone(path: Path, n_animals: int) -> Named:
    """Return the tracks of the stored detections of a run, without identification."""
    run = RunDirectory.open(path)
    tracker = make_tracker(TrackingConfig(max_tracks=n_animals), run.manifest.fps)
    tracks = tracker.follow(run.detections.read(), times_s=run.frames.read().times_s)
    return Named.from_tracks(tracks)


def identify_stored(
    path: Path, n_animals: int, second_pass: SecondPass = "auto", tree: Path | None = None
) -> Identified:
    """Return the identities that ``murid identify`` makes of the stored detections of a run."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "run.murid"
        shutil.copytree(path, copy)
        started = time.perf_counter()
        if tree is None:
            config = Config().change(f"identification.refine={second_pass}")
            identify(copy, animals=n_animals, config=config)
        else:
            options = ("--animals", n_animals, *_REFINE_OPTIONS[second_pass])
            run_murid("identify", copy, *options, tree=tree)
        seconds = time.perf_counter() - started
        run = RunDirectory.open(copy)
        named = Named.from_tracks(run.read_tracks())
        refined = [o for o in run.manifest.provenance if o.verb == "refine"]
        selections = refined[-1].arguments["estimates"] if refined else None
        return Identified(named, seconds, len(run.identities.read_crossings()), selections)
