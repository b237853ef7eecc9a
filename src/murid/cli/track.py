"""``murid track``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from murid import pipeline
from murid.cli.progress import show_progress
from murid.detect.config import DetectConfig
from murid.errors import ConfigError
from murid.identify import IdentifyConfig
from murid.tracking import TrackConfig


def track(
    source: str,
    /,
    *,
    animals: int | None = None,
    detector: str | None = None,
    out: Path | None = None,
    video: Annotated[bool, Parameter(negative=())] = False,
    restart: Annotated[bool, Parameter(negative="--resume")] = False,
    detect: DetectConfig | None = None,
    association: TrackConfig | None = None,
    identities: bool = True,
    identify: IdentifyConfig | None = None,
    camera_motion: Path | None = None,
) -> None:
    """Track the animals in a video.

    Parameters
    ----------
    source : str
        Video file, folder of pictures, or glob in quotes.
    animals : int
        Number of animals, at most: identities 1, 2, … then hold over the whole recording.
    detector : str
        nano (shipped network), background (no network), or the path of a network exported by murid.
    out : Path
        Run directory; beside the source, ending in .murid, by default.
    video : bool
        Write an annotated video as well.
    restart : bool
        Start over; by default an interrupted run goes on.
    detect : DetectConfig
        Settings of detection.
    association : TrackConfig
        Settings of association.
    identities : bool
        Tell identities over the whole recording, where the number of animals is given.
    identify : IdentifyConfig
        Settings of that.
    camera_motion : Path
        How a moving camera moves: a row "frame a b x c d y" for each frame, frames from 0, where (a b x; c d y) carries
        a point of the frame before to this one, in pixels.
    """
    if animals is not None and animals < 1:
        raise ConfigError(f"--animals: expected 1 or more, got {animals}")
    with show_progress() as report:
        run = pipeline.track(
            source, animals=animals, detector=detector, out=out, video=video, restart=restart,
            detect=detect, association=association, camera_motion=camera_motion, identities=identities,
            identify=identify, report=report,
        )  # fmt: skip
    facts = run.info()
    warn(facts)
    kind = "identities" if facts["stages"]["identify"] == "done" else "tracks"
    print(f"{len(facts['tracks'])} {kind} in {facts['n_frames']} frames: {run.path}")
    if video:
        print(f"annotated video: {run.video_path}")


def warn(facts: dict[str, object]) -> None:
    """Say on standard error what is wrong with a run."""
    if facts["note"]:
        print(f"murid: warning: the video is truncated: {facts['note']}", file=sys.stderr)
    if facts["identity_note"]:
        print(f"murid: warning: {facts['identity_note']}", file=sys.stderr)
    unreadable = facts["unreadable_frames"]
    assert isinstance(unreadable, list)
    if unreadable:
        some = ", ".join(str(k) for k in unreadable[:5]) + (", …" if len(unreadable) > 5 else "")
        print(f"murid: warning: {len(unreadable)} frames could not be decoded: {some}", file=sys.stderr)
