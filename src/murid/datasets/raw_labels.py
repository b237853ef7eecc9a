"""Labels as the reader of a format returns them, before they are checked."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from murid.datasets.labels import UNKNOWN_TRACK_ID, Problem

# Class name of a label without a class name.
DEFAULT_CLASS = "animal"

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
        Allowed classes; a label of another class is a problem. None = all.
    require_images : bool
        Whether a recording without images is a problem.
    """

    margin: float = 0.1
    exclude_keypoints: tuple[str, ...] | None = None
    split: str | None = None
    classes: tuple[str, ...] | None = None
    require_images: bool = True


class Label(NamedTuple):
    """One labelled animal, and the place of its label in a file.

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
        `UNKNOWN_TRACK_ID` if the label does not say which animal it is.
    class_name : str
    visibility : float
        Visible fraction of the animal; NaN = unknown.
    """

    frame: int
    box: Box
    path: Path
    location: str
    track_id: int = UNKNOWN_TRACK_ID
    class_name: str = DEFAULT_CLASS
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
    video_dataset : str
        Dataset with the images, if `video` is an HDF5 file.
    image_paths : dict of int to Path
        Image of each frame, if there is no video.
    declared_sizes : dict of int to tuple
        Width and height of frames according to the labels.
    image_sizes : dict of int to tuple
        Width and height of the images that the reader has opened.
    incomplete : set of int
        Frames in which not all animals are labelled.
    class_names : tuple of str
        Class names in the order of their declaration; empty if the format declares none.
    problems : list of Problem
        Labels or files that the reader could not use.
    notes : list of str
        What the reader has decided about labels that can be read in more than one way.
    fps : float or None
    """

    name: str
    path: Path
    is_recording: bool
    frames: Iterable[int] = ()
    labels: list[Label] = field(default_factory=list)
    video: Path | None = None
    video_dataset: str = ""
    image_paths: dict[int, Path] = field(default_factory=dict)
    declared_sizes: dict[int, Size] = field(default_factory=dict)
    image_sizes: dict[int, Size] = field(default_factory=dict)
    incomplete: set[int] = field(default_factory=set)
    class_names: tuple[str, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fps: float | None = None

    @cached_property
    def first_labels(self) -> dict[int, Label]:
        """The first label of each frame; cached, so use it after the last label is added."""
        return {label.frame: label for label in reversed(self.labels)}


def to_name(name: str) -> str:
    """Return `name` as a valid directory name: runs of other characters become a dash."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "sequence"
