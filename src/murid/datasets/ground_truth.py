"""Find and read the ground truth of recordings, in the layout of MOT Challenge or AnimalTrack."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from murid.datasets import animaltrack, mot
from murid.datasets.media import find_images, number_images, read_image_size, read_video_info
from murid.datasets.mot_text import read_mot, read_mot_table
from murid.datasets.raw_labels import DEFAULT_CLASS, ReadOptions, Size
from murid.errors import FormatError
from murid.metrics import GroundTruth, LabelledBoxes


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
    """

    name: str
    path: Path
    n_frames: int | None = None
    size: Size | None = None
    fps: float | None = None
    video: Path | None = None
    class_names: tuple[str, ...] = ()
    animal: str | None = None


def find_ground_truth(
    path: str | Path, split: str | None = None, *, named_after_animals: bool = False
) -> list[GroundTruthFile]:
    """Return the ground-truth file of every sequence at a path.

    Parameters
    ----------
    path : str or Path
        A text file; a sequence with ``gt/gt.txt``; a directory of such sequences, at most two
        levels down; AnimalTrack's archive, or a folder of its ``<sequence>_gt.txt``.
    split : {"train", "test"}, optional
        Split of AnimalTrack, in either layout.
    named_after_animals : bool
        Whether the name of a sequence gives its class, as ``deer_7``; ignores the class column.

    Raises
    ------
    FormatError
        If there is no ground truth, or ``seqinfo.ini`` is damaged.
    """
    path = Path(path)
    if not path.exists():
        raise FormatError(path, "file", "ground truth", "nothing there")
    if animaltrack.recognise(path):
        options = ReadOptions(split=split)
        return [_describe_animaltrack(file) for file in animaltrack.find_files(path, options)]
    files = mot.find_files(path, ReadOptions()) if mot.recognise(path) else []
    if not files:
        expected = "a MOT text file, or a folder with gt/gt.txt or *_gt.txt"
        raise FormatError(path, "truth", expected, "none")
    found = [_describe_mot(file) for file in files]
    if named_after_animals:
        found = [replace(each, animal=animaltrack.get_animal(each.name)) for each in found]
    if split is None:
        return found
    wanted = animaltrack.find_split(path, split, [each.name for each in found])
    return [each for each in found if each.name in wanted]


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
