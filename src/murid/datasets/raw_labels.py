"""What a reader of one format finds, before anything of it is believed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from murid.datasets.labels import UNKNOWN, Problem

ANIMAL = "animal"
"""Class of a label that names none."""

Box = tuple[float, float, float, float]
Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read labelled data.

    Attributes
    ----------
    margin : float
        Added on every side of a box made from a pose, as a share of the box's longer side.
    leave_out : tuple of str or None
        Patterns such as ``"tail*"`` of points that do not belong to the body; None = points named
        after the tail, but for its base.
    split : str or None
        Part of the data set to read, where it has parts: ``"train"``, ``"val"``, ``"test"``; None =
        all.
    classes : tuple of str or None
        Classes wanted; labels of another are problems. None = all.
    require_images : bool
        Whether a recording of which no image is there is a problem.
    """

    margin: float = 0.1
    leave_out: tuple[str, ...] | None = None
    split: str | None = None
    classes: tuple[str, ...] | None = None
    require_images: bool = True


class Label(NamedTuple):
    """One labelled animal, and where that is written: `box` is xyxy in pixels, `frame` counts from 0."""

    frame: int
    box: Box
    path: Path
    place: str
    track_id: int = UNKNOWN
    class_name: str = ANIMAL
    visibility: float = math.nan


@dataclass
class RawLabels:
    """A sequence as its reader found it.

    Attributes
    ----------
    name : str
    path : Path
        The file of the labels.
    recording : bool
        Whether the frames are moments of one recording.
    frames : iterable of int
        Indices of all labelled frames, those without animals too.
    labels : list of Label
    video : Path or None
        The video of the frames, or
    image_paths : dict
        the image of each frame.
    sizes : dict
        Width and height of frames as the labels declare them.
    measured : dict
        Width and height of frames whose images the reader has measured.
    incomplete : set of int
        Frames in which not all animals are labelled.
    class_names : tuple of str
        As declared, in order; as found if there are none.
    problems : list of Problem
        What the reader could not use.
    fps : float or None
    """

    name: str
    path: Path
    recording: bool
    frames: Iterable[int] = ()
    labels: list[Label] = field(default_factory=list)
    video: Path | None = None
    image_paths: dict[int, Path] = field(default_factory=dict)
    sizes: dict[int, Size] = field(default_factory=dict)
    measured: dict[int, Size] = field(default_factory=dict)
    incomplete: set[int] = field(default_factory=set)
    class_names: tuple[str, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    fps: float | None = None

    @cached_property
    def first_labels(self) -> dict[int, Label]:
        """The first label of each frame, once all labels are there."""
        return {label.frame: label for label in reversed(self.labels)}


def to_name(name: str) -> str:
    """Name of a sequence that can be the name of a directory: runs of other characters become a dash."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "sequence"
