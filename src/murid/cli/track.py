"""``murid track``."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from murid.cli.clock import TimeUnit, describe_clock
from murid.cli.messages import (
    announce,
    choose_exit_code,
    describe_identity_probability,
    describe_refinement,
    describe_run,
    print_json,
    summarise_identities,
    warn,
)
from murid.cli.options import (
    CLOCK,
    EVERYDAY,
    IDENTITIES,
    SETTINGS,
    DetectorOptions,
    GalleryOptions,
    JsonFlag,
    change_refine,
    check_animals,
)
from murid.cli.progress import show_progress
from murid.core.progress import ProgressCallback
from murid.errors import ConfigError, MuridError
from murid.pipeline.batch import default_run_paths, find_sources, track_videos
from murid.pipeline.config import Config
from murid.pipeline.run import Run
from murid.pipeline.track import track as track_video


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrackOptions(DetectorOptions):
    """Settings that have an option of their own because they are changed often."""

    refine: Annotated[bool | None, Parameter(group=IDENTITIES)] = None
    """Make a second pass over the video that looks at the animals' fur; by default where identities
    are in doubt. murid says before how long it takes, at most about as long as detection."""

    identities: Annotated[bool, Parameter(group=IDENTITIES)] = True
    """Identify the animals over the whole recording; needs --animals."""

    def load(self, base: Config | None = None) -> Config:
        """Return the configuration, these options included; raises `ConfigError`."""
        config = change_refine(super().load(base), self.refine)
        return config if self.identities else config.change("identification.enabled=false")


def track(
    source: str,
    /,
    *more: str,
    animals: Annotated[int | None, Parameter(group=EVERYDAY)] = None,
    out: Annotated[Path | None, Parameter(group=EVERYDAY)] = None,
    video: Annotated[bool, Parameter(negative=(), group=EVERYDAY)] = False,
    arena: Annotated[Path | None, Parameter(group=EVERYDAY)] = None,
    restart: Annotated[bool, Parameter(negative="--resume", group=EVERYDAY)] = False,
    names: GalleryOptions | None = None,
    options: TrackOptions | None = None,
    fps: Annotated[float | None, Parameter(group=CLOCK)] = None,
    timestamps: Annotated[Path | None, Parameter(group=CLOCK)] = None,
    time_unit: Annotated[TimeUnit | None, Parameter(group=CLOCK)] = None,
    start: Annotated[str | None, Parameter(group=CLOCK)] = None,
    end: Annotated[str | None, Parameter(group=CLOCK)] = None,
    every: Annotated[int, Parameter(group=CLOCK)] = 1,
    camera_motion: Annotated[Path | None, Parameter(group=SETTINGS)] = None,
    json: JsonFlag = False,
) -> int:
    """Track the animals in one or more videos.

    A video that cannot be tracked does not stop the others; the exit code is then 1. It is 3 where
    no animal was found in a video.

    Parameters
    ----------
    source : str
        Video file, folder of images, or glob of videos or images, in quotes.
    more : str
        Further videos.
    animals : int
        Number of animals, an upper bound. Identities 1, 2, … then hold over the whole recording.
    out : Path
        Run directory; by default beside the video, ending in .murid. For several videos: the
        folder of their runs.
    video : bool
        Write an annotated video as well.
    arena : Path
        Arena file (murid arena makes one). Detections outside its arenas are dropped, and each
        arena has its own number of animals.
    restart : bool
        Start over; by default an interrupted run goes on.
    fps : float
        Frames per second, for a video that has no rate, such as a raw .h264 file or a folder of
        images, or a wrong one.
    timestamps : Path
        CSV file with the time of each frame, or of one TTL pulse per frame: all times are then
        those of that clock.
    time_unit : str
        Unit of these times, where the header of the file does not say it.
    start : str
        Track from this time on: seconds, or a time such as 90s, 5min or 00:03:12.5.
    end : str
        Track up to this time.
    every : int
        Track every n-th frame.
    camera_motion : Path
        Motion of a moving camera: one row "frame a b x c d y" per frame, from frame 0, where
        (a b x; c d y) maps a point of the frame before to this one, in pixels.
    json : bool
        Print one JSON document instead of text.
    """
    check_animals(animals)
    config = (options or TrackOptions()).load()
    gallery = names or GalleryOptions()

    def track_one(name: str, path: Path | None, report: ProgressCallback) -> Run:
        return track_video(
            name,
            animals=animals,
            config=config,
            out=path,
            video=video,
            restart=restart,
            camera_motion=camera_motion,
            arena=arena,
            gallery=gallery.gallery,
            update_gallery=gallery.update_gallery,
            fps=fps,
            timestamps=timestamps,
            time_unit=time_unit,
            start=start,
            end=end,
            every=every,
            report=report,
            announce=announce,
        )

    # Several videos get one line of output each.
    sources = find_sources([source, *more])
    if len(sources) > 1 and timestamps is not None:
        got = f"{len(sources)} videos"
        raise ConfigError(f"--timestamps: expected one video, which the times belong to, got {got}")
    if len(sources) > 1:
        return _track_many(sources, default_run_paths(sources, out), track_one, json)
    with show_progress() as report:
        run = track_one(sources[0], out, report)
    facts = run.info()
    if json:
        print_json(facts)
        return choose_exit_code([facts])
    warn(facts)
    print(f"{describe_run(facts)}: {run.path}")
    for line in (*describe_clock(facts), *describe_refinement(facts)):
        print(line)
    if video:
        print(f"annotated video: {run.video_path}")
    # Last, where it is read: how far the names can be relied on.
    for line in summarise_identities(facts):
        print(line)
    return choose_exit_code([facts])


def _track_many(
    sources: list[str],
    runs: list[Path],
    track_one: Callable[[str, Path, ProgressCallback], Run],
    json: bool,
) -> int:
    """Track one video after the other, a line for each, and return the exit code.

    Raises `MuridError` if one failed.
    """
    width = max(map(len, sources))
    n_started = 0
    documents = []

    def show(source: str, path: Path) -> Run:
        nonlocal n_started
        n_started += 1
        print(f"[{n_started}/{len(sources)}] {source}", file=sys.stderr)
        with show_progress() as report:
            return track_one(source, path, report)

    n_failed = 0
    for outcome in track_videos(sources, runs, show):
        if outcome.run is None:
            n_failed += 1
            documents.append({"source": outcome.source, "error": outcome.error})
            # Once: in the line of the video, or where standard output is one document.
            line = f"failed: {outcome.error}"
            if json:
                print(f"murid: {outcome.error}", file=sys.stderr)
        else:
            facts = outcome.run.info()
            documents.append(facts)
            warn(facts)
            for line in describe_clock(facts):
                print(f"murid: {line}", file=sys.stderr)
            found = ", ".join(
                filter(None, (describe_run(facts), describe_identity_probability(facts)))
            )
            line = f"{found}, {outcome.seconds:.0f} s: {outcome.run.path}"
        if not json:
            print(f"{outcome.source:<{width}}  {line}", flush=True)
    if json:
        print_json(documents)
    if n_failed:
        again = "the same command tries them again"
        raise MuridError(f"{n_failed} of {len(sources)} videos could not be tracked; {again}")
    return choose_exit_code(documents)
