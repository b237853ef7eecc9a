"""``murid track``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from murid.cli.messages import print_learning, print_names, warn
from murid.cli.progress import show_progress
from murid.core.progress import ProgressCallback
from murid.detection.config import DetectionConfig
from murid.errors import ConfigError, MuridError
from murid.identification import IdentificationConfig
from murid.pipeline.batch import default_run_paths, find_sources, track_videos
from murid.pipeline.run import Run
from murid.pipeline.track import track as track_video
from murid.tracking import TrackingConfig
from murid.video.read_timeout import READ_TIMEOUT_S


def track(
    source: str,
    /,
    *more: str,
    animals: int | None = None,
    detector: str | None = None,
    out: Path | None = None,
    video: Annotated[bool, Parameter(negative=())] = False,
    restart: Annotated[bool, Parameter(negative="--resume")] = False,
    detect: DetectionConfig | None = None,
    association: TrackingConfig | None = None,
    identities: bool = True,
    identify: IdentificationConfig | None = None,
    camera_motion: Path | None = None,
    arena: Path | None = None,
    gallery: Path | None = None,
    update_gallery: Annotated[bool, Parameter(negative=())] = False,
    refine: bool | None = None,
    patience: float = READ_TIMEOUT_S,
) -> None:
    """Track the animals in a video, or in many.

    Of many, one that cannot be tracked does not stop the rest; the exit code says that there was
    one.

    Parameters
    ----------
    source : str
        Video file, folder of pictures, or glob of videos or of the pictures of one, in quotes.
    more : str
        Further ones.
    animals : int
        Number of animals, at most: identities 1, 2, … then hold over the whole recording.
    detector : str
        nano (shipped network), background (no network), or the path of a network exported by murid.
    out : Path
        Run directory; beside the source, ending in .murid, by default. Of many videos, the folder
        of their runs.
    video : bool
        Write an annotated video as well.
    restart : bool
        Start over; by default an interrupted run goes on.
    detect : DetectionConfig
        Settings of detection.
    association : TrackingConfig
        Settings of association.
    identities : bool
        Tell identities over the whole recording, where the number of animals is given.
    identify : IdentificationConfig
        Settings of that.
    camera_motion : Path
        How a moving camera moves: a row "frame a b x c d y" for each frame, frames from 0, where (a
        b x; c d y) carries a point of the frame before to this one, in pixels.
    arena : Path
        Arena file (murid arena makes one): what lies outside its arenas, or is to be ignored, is
        dropped; each arena has animals of its own, and --animals of them where the file does not
        say how many.
    gallery : Path
        Gallery file to name the animals from (murid enroll makes one); who is not in it is unknown.
    update_gallery : bool
        Let the gallery learn what animals that are told for sure look like here.
    refine : bool
        Learn this recording's animals from their fur up close, without labels, as far as it helps
        on stretches that it was not learnt from, and follow points of it while they touch: another
        pass over the video. Where names are in doubt, if not given.
    patience : float
        Seconds for which a disk or network share that gives nothing is waited for.
    """
    if animals is not None and animals < 1:
        raise ConfigError(f"--animals: expected 1 or more, got {animals}")
    if not patience > 0:
        raise ConfigError(f"--patience: expected seconds above 0, got {patience:g}")

    def track_one(name: str, path: Path | None, report: ProgressCallback) -> Run:
        return track_video(
            name,
            animals=animals,
            detector=detector,
            out=path,
            video=video,
            restart=restart,
            detect=detect,
            association=association,
            camera_motion=camera_motion,
            arena=arena,
            identities=identities,
            identify=identify,
            gallery=gallery,
            update_gallery=update_gallery,
            refine=refine,
            read_timeout_s=patience,
            report=report,
        )

    sources = find_sources([source, *more])
    if len(sources) > 1:
        _track_many(sources, default_run_paths(sources, out), track_one)
        return
    with show_progress() as report:
        run = track_one(sources[0], out, report)
    facts = run.info()
    warn(facts)
    print(f"{_summarise(facts)}: {run.path}")
    print_learning(facts)
    print_names(facts)
    if video:
        print(f"annotated video: {run.video_path}")


def _track_many(
    sources: list[str], runs: list[Path], track_one: Callable[[str, Path, ProgressCallback], Run]
) -> None:
    """Track one after the other, each with its bars, and print a line for each; raises `MuridError` if one failed."""
    width, begun, failed = max(map(len, sources)), 0, 0

    def show(source: str, path: Path) -> Run:
        nonlocal begun
        begun += 1
        print(f"[{begun}/{len(sources)}] {source}", file=sys.stderr)
        with show_progress() as report:
            return track_one(source, path, report)

    for outcome in track_videos(sources, runs, show):
        if outcome.run is None:
            failed += 1
            print(f"murid: {outcome.error}", file=sys.stderr)
            line = f"failed: {outcome.error}"
        else:
            facts = outcome.run.info()
            warn(facts)
            line = f"{_summarise(facts)}, {outcome.seconds:.0f} s: {outcome.run.path}"
        print(f"{outcome.source:<{width}}  {line}", flush=True)
    if failed:
        raise MuridError(
            f"{failed} of {len(sources)} videos could not be tracked; the same command tries them again"
        )


def _summarise(facts: dict[str, Any]) -> str:
    kind = "identities" if facts["stages"]["identification"] == "done" else "tracks"
    return f"{len(facts['tracks'])} {kind} in {facts['n_frames']} frames"
