"""``murid compose``."""

from __future__ import annotations

from pathlib import Path

from murid.cli.progress import show_progress
from murid.core.plurals import format_count
from murid.synthetic.compose_solos import compose_videos


def compose(
    *solos: Path,
    out: Path,
    arena: Path | None = None,
    animals: int | None = None,
    seconds: float = 20.0,
    skip_frames: int = 0,
    recolour: bool = True,
    masks: bool = False,
    seed: int = 0,
) -> None:
    """Compose a recording of animals that were recorded alone: real animals, exact identities.

    Parameters
    ----------
    solos : Path
        Videos of one animal each, by a camera at rest, all of one size and frame rate.
    out : Path
        Directory for video.mp4, gt/gt.txt and seqinfo.ini, in MOT Challenge layout.
    arena : Path
        Image or video of the background; the background of the first solo by default.
    animals : int
        Number of animals; by default one of each solo, or three of a single one.
    seconds : float
        Length of the recording.
    skip_frames : int
        Frames to leave out at the beginning of each solo, while the exposure settles or a hand is
        in view.
    recolour : bool
        Give animals that come from the same solo different coats.
    masks : bool
        Write masks/000001.png and so on as well: each pixel holds the id of its animal, or 0.
    seed : int
        Seed of the random numbers: another seed makes another recording.
    """
    with show_progress() as report:
        info = compose_videos(
            solos,
            out,
            arena=arena,
            animals=animals,
            seconds=seconds,
            skip_frames=skip_frames,
            recolour=recolour,
            masks=masks,
            seed=seed,
            report=report,
        )
    frames = format_count(info.n_frames, "frame")
    print(f"{frames} of {info.width}x{info.height} at {info.fps:g} frames/s")
    print(f"video         {out / 'video.mp4'}")
    print(f"ground truth  {out / 'gt' / 'gt.txt'}")
