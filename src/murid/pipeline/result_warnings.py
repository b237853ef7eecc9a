"""Warnings about results that are nearly empty, which are no success although nothing failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from murid.core.plurals import choose_form, format_count
from murid.store import RunDirectory
from murid.store.manifest import Manifest

# The bright parts of an image below this level, of 255, are nearly black. Recordings under infrared
# light reach 60 and more.
_MAX_BLACK_LEVEL = 25.0

# A result is warned of if more than this share of the frames could not be read or show no animal,
# or if no more than this share of the animals was found.
_SHARE = 0.5

# Code of the warning that nothing at all was found.
NO_ANIMAL = "no-animal"


@dataclass(frozen=True, slots=True)
class ResultWarning:
    """What is wrong with a result, and what to look at.

    Attributes
    ----------
    code : str
        ``one-frame``, ``nearly-black``, ``mostly-unreadable``, ``no-animal``, ``rarely-seen`` or
        ``few-animals``.
    message : str
        A sentence.
    """

    code: str
    message: str

    def to_dict(self) -> dict[str, str]:
        """Return the warning as plain values."""
        return asdict(self)


def list_result_warnings(
    run: RunDirectory, tracks: Sequence[Mapping[str, Any]], n_unreadable: int
) -> list[ResultWarning]:
    """Return what makes the result of a run nearly empty; an empty list if nothing does.

    Parts are read only where the summaries of the tracks leave open in how many frames any animal
    was seen.

    Parameters
    ----------
    run : RunDirectory
        The run; what is not finished is not judged.
    tracks : sequence of mapping
        Its summary, as `RunDirectory.read_summary` returns it.
    n_unreadable : int
        Number of frames that could not be decoded.

    Returns
    -------
    list of ResultWarning

    Raises
    ------
    RunError
        If a part is missing or damaged.
    """
    if not run.is_done("detection"):
        return []
    warnings = _list_input_warnings(run.manifest, run.n_frames, n_unreadable)
    if run.is_done("tracking"):
        warnings += _list_track_warnings(run, tracks)
    return warnings


def _list_input_warnings(
    manifest: Manifest, n_frames: int, n_unreadable: int
) -> list[ResultWarning]:
    """Return warnings about the images."""
    warnings = []
    if n_frames == 1:
        message = "there is only one frame; several images are tracked as a folder or a quoted glob"
        warnings.append(ResultWarning("one-frame", message))
    level = _read_brightness(manifest)
    if level is not None and level < _MAX_BLACK_LEVEL:
        message = (
            f"the images are nearly black, their bright parts have the level {level:.0f} of 255:"
            " look at the exposure, and at the bit depth that murid info shows for the video"
        )
        warnings.append(ResultWarning("nearly-black", message))
    if n_unreadable > _SHARE * n_frames:
        message = (
            f"{n_unreadable} of {format_count(n_frames, 'frame')} could not be read:"
            " look at the video in a player, and copy it again from the camera"
        )
        warnings.append(ResultWarning("mostly-unreadable", message))
    return warnings


def _list_track_warnings(
    run: RunDirectory, tracks: Sequence[Mapping[str, Any]]
) -> list[ResultWarning]:
    """Return warnings about the animals that were found."""
    frames = format_count(run.n_frames, "frame")
    if not tracks:
        message = (
            f"no animal was found in {frames}: look at the video, try another --detector,"
            " or train a network on your own recordings (murid train)"
        )
        return [ResultWarning(NO_ANIMAL, message)]

    warnings = []
    n_seen = _count_frames_with_animals(run, tracks)
    n_unseen = run.n_frames - n_seen
    if n_unseen > _SHARE * run.n_frames:
        message = (
            f"no animal was seen in {n_unseen} of {frames}: look at these frames in the"
            " annotated video (murid annotate)"
        )
        warnings.append(ResultWarning("rarely-seen", message))
    n_asked = _count_asked(run.manifest)
    n_found = len(tracks)
    if n_asked is not None and n_asked > 1 and n_found <= _SHARE * n_asked:
        was = choose_form(n_found, "was", "were")
        message = (
            f"{n_found} of {n_asked} animals {was} found: look for the others in the annotated"
            " video (murid annotate), and at the number given as --animals"
        )
        warnings.append(ResultWarning("few-animals", message))
    return warnings


def _count_frames_with_animals(run: RunDirectory, tracks: Sequence[Mapping[str, Any]]) -> int:
    """Return the number of frames in which an animal was detected, or a lower bound above half."""
    counts = [int(row["n_frames"]) for row in tracks]
    # One animal alone is seen in enough frames, in most recordings: no part has to be read.
    if max(counts) >= (1 - _SHARE) * run.n_frames:
        return max(counts)
    n_seen = 0
    for _, chunk in run.iterate_tracks():
        is_seen = chunk.track_ids >= 0
        if chunk.interpolated is not None:
            is_seen &= ~chunk.interpolated
        n_seen += len(np.unique(chunk.detections.frame_numbers[is_seen]))
    return n_seen


def _count_asked(manifest: Manifest) -> int | None:
    """Return the number of animals that was asked for over all arenas; None = any number."""
    asked = manifest.config.get("identification", {}).get("animals")
    if asked is None and not manifest.config.get("arenas"):
        asked = manifest.config.get("tracking", {}).get("max_tracks")
    if isinstance(asked, list):
        return sum(asked)
    return None if asked is None else int(asked)


def _read_brightness(manifest: Manifest) -> float | None:
    """Return the level that the last tracking measured; None in runs of older versions."""
    for operation in reversed(manifest.provenance):
        level = operation.arguments.get("brightness")
        if level is not None:
            return float(level)
    return None
