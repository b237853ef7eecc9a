"""``murid compose``."""

from __future__ import annotations

from pathlib import Path

from murid.cli.progress import show_progress
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
    """Play animals that were filmed alone together in one arena: real animals, and identities that are known exactly.

    Parameters
    ----------
    solos : Path
        Videos of one animal each, before a camera that does not move, all of one size and frame
        rate.
    out : Path
        Directory for video.mp4, gt/gt.txt and seqinfo.ini, as MOT Challenge lays them out.
    arena : Path
        Picture of the empty arena, or a video of it; that of the first solo by default.
    animals : int
        How many; one of each solo, or three of a single one, by default.
    seconds : float
        Length.
    skip_frames : int
        Frames left out at the beginning of each solo, while the light settles or a hand is in the
        picture.
    recolour : bool
        Give animals that come from the same solo different coats.
    masks : bool
        Write masks/000001.png and so on as well: 0, or the id of the body that a pixel shows.
    seed : int
        Another seed, another recording.
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
    print(f"{info.n_frames} frames of {info.width}x{info.height} at {info.fps:g} a second")
    print(f"video         {out / 'video.mp4'}")
    print(f"ground truth  {out / 'gt' / 'gt.txt'}")
