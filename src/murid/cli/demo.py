"""``murid demo``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from murid.cli.progress import show_progress
from murid.core import Detections, TrackedDetections, Tracks
from murid.core.files import make_directory
from murid.core.progress import ProgressCallback
from murid.evaluation import format_summary
from murid.export.mot import write_mot
from murid.export.tracks_chunk import TracksChunk
from murid.pipeline.track import track
from murid.synthetic import RecordingConfig, record
from murid.video import VideoWriter


def demo(
    *, out: Path = Path("murid-demo"), animals: int = 4, frames: int = 300, seed: int = 0
) -> None:
    """Make a short synthetic clip with known truth, track it and score it.

    Parameters
    ----------
    out : Path
        Directory for the clip, its truth and the run.
    animals : int
        Number of animals in the clip.
    frames : int
        Length of the clip.
    seed : int
        Seed of the random numbers: another seed makes another clip.
    """
    config = RecordingConfig(n_animals=animals, n_frames=frames, seed=seed)
    make_directory(out)
    clip = out / "demo.mp4"
    truth = out / "gt.txt"
    with show_progress() as report:
        _make_clip(config, clip, truth, report)
        run = track(clip, animals=animals, video=True, restart=True, report=report)
    print(format_summary(run.evaluate(truth)))
    print(f"clip             {clip}")
    print(f"ground truth     {truth}")
    print(f"run              {run.path}")
    print(f"annotated video  {run.video_path}")


def _make_clip(config: RecordingConfig, clip: Path, truth: Path, report: ProgressCallback) -> None:
    """Write a synthetic clip and its ground truth, a MOT file."""
    frames = []
    with VideoWriter(clip, config.fps, config.width, config.height) as video_writer:
        for recorded in record(config):
            video_writer.write(recorded.frame.image)
            # Ground truth has no scores; ids in MOT files start at 1.
            scores = np.ones(len(recorded.truth.boxes), np.float32)
            detections = Detections(recorded.truth.boxes, scores)
            frames.append(TrackedDetections(detections, recorded.truth.animal_indices + 1))
            report("record", len(frames), config.n_frames)
    times_s = np.arange(len(frames)) / config.fps
    write_mot(truth, [TracksChunk(0, times_s, Tracks.from_frames(frames))])
