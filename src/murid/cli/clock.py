"""Messages about the clock of a recording."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from murid.core.plurals import choose_form, format_count

TimeUnit = Literal["s", "ms", "us", "ns"]

# Gaps that the text lists; --json has them all.
_MAX_LISTED_GAPS = 5


def describe_clock(facts: dict[str, Any]) -> Iterator[str]:
    """Yield lines on the clock of a run: an assumed rate, another clock, its frames and its gaps.

    Parameters
    ----------
    facts : dict
        As `murid.pipeline.run.Run.info` returns them.
    """
    frames = facts.get("frames")
    if facts.get("fps_is_assumed"):
        # The rate of the recording, which --fps changes, not that of every n-th frame.
        fps = facts["fps"] * (frames["every"] if frames else 1)
        yield (
            f"clock: no frame rate in {facts['source']}; {fps:g} frames/s assumed,"
            " --fps gives the right one"
        )
    clock = facts.get("clock") or {"kind": "video"}
    if clock["kind"] == "fps":
        yield f"clock: {clock['fps']:g} frames/s, as given"
    if clock["kind"] == "timestamps":
        started = f", from {clock['started_at']}" if clock["started_at"] else ""
        rate = f"{facts['fps']:.6g} frames/s in the median"
        yield f"clock: times of {clock.get('file', 'a file')}, {rate}{started}"
    if frames:
        every = "" if frames["every"] == 1 else f", one in {frames['every']}"
        yield f"frames: {facts['n_frames']} from frame {frames['first']} on{every}"
    if facts.get("gaps"):
        yield _describe_gaps(facts["gaps"])


def _describe_gaps(gaps: dict[str, Any]) -> str:
    """Return in words where frames are missing."""
    pairs = zip(gaps["after_frames"], gaps["missing_frames"], strict=True)
    listed = [f"{frame} ({n_missing})" for frame, n_missing in pairs][:_MAX_LISTED_GAPS]
    more = ", …" if gaps["n_gaps"] > len(listed) else ""
    missing = format_count(gaps["n_missing"], "frame")
    after = choose_form(gaps["n_gaps"], "frame")
    verb = choose_form(gaps["n_missing"], "is", "are")
    return f"dropped: {missing} {verb} missing, after {after} {', '.join(listed)}{more}"
