"""Labels as the reader of a format returns them, before they are checked."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from murid.datasets.labels import UNKNOWN, Problem

# Class of a label whose class has no name.
ANIMAL = "animal"

Box = tuple[float, float, float, float]
Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read labelled data.

    Attributes
    ----------
    margin : float
        Margin added on every side of a box made from keypoints, as a fraction of the longer side of
        the box.
    exclude_keypoints : tuple of str or None
        Patterns such as ``"tail*"`` of keypoints that are not part of the body; None = keypoints of
        the tail, except its base.
    split : str or None
        Part of the data set to read, where it has parts: ``"train"``, ``"val"``, ``"test"``; None =
        all.
    classes : tuple of str or None
        Classes wanted; labels of another are problems. None = all.
    require_images : bool
        Whether it is a problem if a recording has no images at all.
    """

    margin: float = 0.1
    exclude_keypoints: tuple[str, ...] | None = None
    split: str | None = None
    classes: tuple[str, ...] | None = None
    require_images: bool = True


class Label(NamedTuple):
    """One labelled animal, and where in a file its label is.

    Attributes
    ----------
    frame : int
        Index of the frame, from 0.
    box : tuple of float
        xyxy in pixels.
    path : Path
        File that contains the label.
    location : str
        Line or key in this file.
    track_id : int
        `UNKNOWN` if the label does not say which animal it is.
    class_name : str
    visibility : float
        Visible fraction of the animal; NaN = unknown.
    """

    frame: int
    box: Box
    path: Path
    location: str
    track_id: int = UNKNOWN
    class_name: str = ANIMAL
    visibility: float = math.nan


@dataclass
class RawLabels:
    """The labels of one sequence as they are in the file.

    Attributes
    ----------
    name : str
        Name of the sequence.
    path : Path
        File of the labels.
    is_recording : bool
        Whether the frames belong to one recording.
    frames : iterable of int
        Indices of all labelled frames, including those without animals.
    labels : list of Label
    video : Path or None
        Video of the frames.
    image_paths : dict of int to Path
        Image of each frame, if there is no video.
    sizes : dict of int to tuple
        Width and height of frames as the labels declare them.
    measured : dict of int to tuple
        Width and height of frames whose images the reader has measured.
    incomplete : set of int
        Frames in which not all animals are labelled.
    class_names : tuple of str
        Class names in the order of their declaration; empty if the format declares none.
    problems : list of Problem
        Labels or files that the reader could not use.
    fps : float or None
    """

    name: str
    path: Path
    is_recording: bool
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
        """The first label of each frame; use it only when all labels are added."""
        return {label.frame: label for label in reversed(self.labels)}


def to_name(name: str) -> str:
    """Return `name` as a valid directory name: runs of other characters become a dash."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "sequence"
