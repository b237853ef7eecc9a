"""Find and read the ground truth of recordings.

It is in the layout of MOT Challenge or AnimalTrack, or in another format that numbers the frames of
a video and identifies the animals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from murid.core.plurals import format_count
from murid.datasets import animaltrack, mot
from murid.datasets.labels import LabelledSequence, raise_problems
from murid.datasets.media import find_images, number_images, read_image_size, read_video_info
from murid.datasets.mot_text import read_mot, read_mot_table
from murid.datasets.raw_labels import DEFAULT_CLASS, ReadOptions, Size
from murid.datasets.registry import read_dataset, recognise_data
from murid.errors import FormatError
from murid.metrics import GroundTruth, LabelledBoxes

# Formats in which labels have the number of their frame in the video. Others number single images
# by their names, from 0 or from 1.
_NUMBERED_FORMATS = ("coco", "cvat", "labelstudio", "sleap")


@dataclass(frozen=True, slots=True)
class GroundTruthFile:
    """The ground-truth file of one recording, and facts about the recording.

    Attributes
    ----------
    name : str
        Name of the sequence.
    path : Path
        The text file.
    n_frames : int or None
        From ``seqinfo.ini`` or the images.
    size : tuple of int or None
        Width and height in pixels.
    fps : float or None
    video : Path or None
        Video, or folder of images.
    class_names : tuple of str
        Names of the numbers in the class column, from 1.
    animal : str or None
        Class of all animals of the sequence, where the layout says so.
    labels : LabelledSequence or None
        The labels themselves, if the file is not in MOT Challenge text.
    """

    name: str
    path: Path
    n_frames: int | None = None
    size: Size | None = None
    fps: float | None = None
    video: Path | None = None
    class_names: tuple[str, ...] = ()
    animal: str | None = None
    labels: LabelledSequence | None = None


def find_ground_truth(
    path: str | Path, split: str | None = None, *, named_after_animals: bool = False
) -> list[GroundTruthFile]:
    """Return the ground-truth file of every sequence at a path.

    Parameters
    ----------
    path : str or Path
        A text file; a sequence with ``gt/gt.txt``; a directory of such sequences, at most two
        levels down; AnimalTrack's archive, or a folder of its ``<sequence>_gt.txt``; videos in
        COCO, in CVAT's XML, or of a SLEAP project.
    split : {"train", "test"}, optional
        Split of AnimalTrack, in either layout.
    named_after_animals : bool
        Whether the name of a sequence gives its class, as ``deer_7``; ignores the class column.

    Raises
    ------
    FormatError
        If there is no ground truth, ``seqinfo.ini`` is damaged, or labels in another format have
        problems, belong to no video, or do not identify the animals.
    """
    path = Path(path)
    if not path.exists():
        raise FormatError(path, "file", "ground truth", "nothing there")
    if animaltrack.recognise(path):
        options = ReadOptions(split=split)
        return [_describe_animaltrack(file) for file in animaltrack.find_files(path, options)]
    files = mot.find_files(path, ReadOptions()) if mot.recognise(path) else []
    data_format = None if files else recognise_data(path)
    if data_format is not None and data_format.name in _NUMBERED_FORMATS:
        return _read_labels(path, split)
    if not files:
        expected = (
            "a MOT text file, a folder with gt/gt.txt or *_gt.txt, or a video in COCO, CVAT or "
            "SLEAP"
        )
        got = "none"
        if data_format is not None:
            got = f"{data_format.name} labels, which do not number the frames of a video"
        raise FormatError(path, "truth", expected, got)
    found = [_describe_mot(file) for file in files]
    if named_after_animals:
        found = [replace(each, animal=animaltrack.get_animal(each.name)) for each in found]
    if split is None:
        return found
    wanted = animaltrack.find_split(path, split, [each.name for each in found])
    return [each for each in found if each.name in wanted]


def _read_labels(path: Path, split: str | None) -> list[GroundTruthFile]:
    """Return the videos of a data set."""
    sequences, problems = read_dataset([path], ReadOptions(split=split, require_images=False))
    if problems:
        raise_problems(problems)
    found = []
    for sequence in sequences:
        if not sequence.is_recording:
            expected = "labels of a video, with the number of each frame in it"
            raise FormatError(path, "frames", expected, f"{sequence.name}: single images")
        n_unknown = int((sequence.track_ids < 0).sum())
        if n_unknown:
            expected = "the identity of the animal in every label"
            got = f"{sequence.name}: {format_count(n_unknown, 'label')} without"
            raise FormatError(path, "track_id", expected, got)
        found.append(_describe_labels(path, sequence))
    return found


def _describe_labels(path: Path, sequence: LabelledSequence) -> GroundTruthFile:
    """Return the facts about labels; how long their video is does not follow from them."""
    width, height = sequence.sizes[0].tolist() if sequence.n_frames else (0, 0)
    return GroundTruthFile(
        sequence.name,
        path,
        size=(width, height) if width and height else None,
        fps=sequence.fps,
        video=None if sequence.video_dataset else sequence.video,
        labels=sequence,
    )


def read_ground_truth(ground_truth: GroundTruthFile, n_frames: int | None = None) -> GroundTruth:
    """Read all rows of a ground-truth file.

    Parameters
    ----------
    ground_truth : GroundTruthFile
    n_frames : int, optional
        Frames of the video; a row beyond is an error. `GroundTruthFile.n_frames` by default.

    Raises
    ------
    FormatError
        As `read_mot_table`, and if there is no row with a flag above 0.
    """
    path = ground_truth.path
    if ground_truth.labels is not None:
        return _to_ground_truth(path, ground_truth.labels, n_frames)
    table = read_mot_table(path, ground_truth.n_frames if n_frames is None else n_frames)
    is_scored = table.scores != 0
    if not is_scored.any():
        expected = "rows of frame, id, left, top, width, height, flag"
        got = "only rows with flag 0" if len(is_scored) else "no rows"
        raise FormatError(path, "file", expected, got)
    if ground_truth.animal is not None:
        class_names = dict.fromkeys(set(table.class_ids.tolist()), ground_truth.animal)
    elif ground_truth.class_names:
        class_names = dict(enumerate(ground_truth.class_names, 1))
    else:
        # Without names, -1 (no class column), 0 and 1 all stand for the only class.
        class_names = {-1: DEFAULT_CLASS, 0: DEFAULT_CLASS, 1: DEFAULT_CLASS}
    return GroundTruth(table.boxes, is_scored, table.class_ids, class_names)


def _to_ground_truth(path: Path, labels: LabelledSequence, n_frames: int | None) -> GroundTruth:
    """Return labels as ground truth, without frames in which an animal has no label."""
    frames = labels.frames[labels.frame_numbers]
    last_frame = int(labels.frames.max(initial=-1))
    if n_frames is not None and last_frame >= n_frames:
        expected = f"frames of the video, from 0 to {n_frames - 1}"
        raise FormatError(path, f"{labels.name}, frame", expected, str(last_frame))
    is_complete = labels.complete[labels.frame_numbers]
    if not is_complete.any():
        expected = "a frame in which all animals have labels"
        raise FormatError(path, f"{labels.name}, labels", expected, "none")
    boxes = LabelledBoxes(frames, labels.track_ids, labels.boxes.astype(np.float64))
    return GroundTruth(
        boxes.select(is_complete),
        np.ones(int(is_complete.sum()), bool),
        labels.class_ids[is_complete],
        dict(enumerate(labels.class_names)),
        labelled_frames=labels.frames[labels.complete],
        incomplete_frames=labels.frames[~labels.complete],
    )


def read_ground_truth_boxes(path: str | Path, n_frames: int | None = None) -> LabelledBoxes:
    """Read the scored boxes of a MOT Challenge text file.

    Raises
    ------
    FormatError
        If the suffix is not ``.txt``, or as `read_mot`.
    """
    suffix = Path(path).suffix
    if suffix.lower() != ".txt":
        raise FormatError(path, "suffix", ".txt, a format of ground truth", repr(suffix))
    return read_mot(path, n_frames)


def _describe_mot(path: Path) -> GroundTruthFile:
    raw, root, info = mot.start_raw_labels(path)
    mot.find_media(raw, root, info)
    video = raw.video
    if raw.image_paths:
        video = raw.image_paths[min(raw.image_paths)].parent
    ground_truth = GroundTruthFile(
        name=raw.name,
        path=path,
        n_frames=info.n_frames,
        size=info.size,
        fps=info.fps,
        video=video,
        class_names=info.class_names,
    )
    return ground_truth if info.n_frames and info.size else _add_media_facts(ground_truth)


def _describe_animaltrack(path: Path) -> GroundTruthFile:
    name = path.name.removesuffix(animaltrack.SUFFIX)
    ground_truth = GroundTruthFile(
        name,
        path,
        fps=animaltrack.FPS,
        video=animaltrack.find_media(path),
        animal=animaltrack.get_animal(name),
    )
    return _add_media_facts(ground_truth)


def _add_media_facts(ground_truth: GroundTruthFile) -> GroundTruthFile:
    """Add length, size and frame rate from the images or the video where they are not known."""
    if ground_truth.video is None:
        return ground_truth
    if ground_truth.video.is_dir():
        images = number_images(find_images(ground_truth.video))
        return replace(
            ground_truth,
            n_frames=ground_truth.n_frames or max(images) + 1,
            size=ground_truth.size or read_image_size(images[min(images)]),
        )
    video = read_video_info(ground_truth.video)
    if video is None:
        return ground_truth
    return replace(
        ground_truth,
        n_frames=ground_truth.n_frames or video.n_frames or None,
        size=ground_truth.size or video.size,
        fps=ground_truth.fps or video.fps or None,
    )
