"""Ground truth of recordings, one or a whole benchmark, in the layout of MOT Challenge or of AnimalTrack."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from murid.datasets import animaltrack, mot
from murid.datasets.media import find_images, measure_image, measure_video, number_images
from murid.datasets.mot_text import read_mot, read_mot_table
from murid.datasets.raw_labels import ANIMAL, RawLabels, ReadOptions, Size, to_name
from murid.errors import FormatError
from murid.metrics import LabelledBoxes, Truth


@dataclass(frozen=True, slots=True)
class TruthFile:
    """Where the truth of a recording is, and what is known of the recording.

    Attributes
    ----------
    name : str
        Of the sequence.
    path : Path
        The text file.
    n_frames : int or None
        As ``seqinfo.ini`` or the images say.
    size : tuple of int or None
        Width and height in pixels.
    fps : float or None
    video : Path or None
        Video, or folder of images.
    class_names : tuple of str
        Names of the numbers in the class column, from 1.
    animal : str or None
        What all animals of the sequence are, where the layout says so.
    """

    name: str
    path: Path
    n_frames: int | None = None
    size: Size | None = None
    fps: float | None = None
    video: Path | None = None
    class_names: tuple[str, ...] = ()
    animal: str | None = None


def find_truths(
    path: str | Path, split: str | None = None, *, named_after_animals: bool = False
) -> list[TruthFile]:
    """Find the truth of every sequence at a path.

    Parameters
    ----------
    path : str or Path
        A text file; a sequence with ``gt/gt.txt``; a directory of such sequences, at most two
        levels down; AnimalTrack's archive, or a folder of its ``<sequence>_gt.txt``.
    split : {"train", "test"}, optional
        The part of AnimalTrack that is wanted, in either layout.
    named_after_animals : bool
        Whether a sequence ``deer_7`` holds deer, whatever the class column says.

    Raises
    ------
    FormatError
        If there is none, or ``seqinfo.ini`` is damaged.
    """
    path = Path(path)
    if not path.exists():
        raise FormatError(path, "file", "ground truth", "nothing there")
    if animaltrack.recognise(path):
        return [
            _describe_animaltrack(file) for file in animaltrack.find(path, ReadOptions(split=split))
        ]
    files = mot.find(path, ReadOptions()) if mot.recognise(path) else []
    if not files:
        raise FormatError(
            path, "truth", "a MOT text file, or a folder with gt/gt.txt or *_gt.txt", "none"
        )
    truths = [_describe_mot(file) for file in files]
    if named_after_animals:
        truths = [replace(truth, animal=animaltrack.name_animal(truth.name)) for truth in truths]
    wanted = split and animaltrack.find_split(path, split, [truth.name for truth in truths])
    return truths if wanted is None else [truth for truth in truths if truth.name in wanted]


def read_truth_file(truth: TruthFile, n_frames: int | None = None) -> Truth:
    """Read all rows of a truth.

    Parameters
    ----------
    truth : TruthFile
    n_frames : int, optional
        Frames of the video; a row beyond is an error. By default as the truth says.

    Raises
    ------
    FormatError
        As `read_mot_table`, and if no row is there that counts.
    """
    table = read_mot_table(truth.path, truth.n_frames if n_frames is None else n_frames)
    counted = table.scores != 0
    if not counted.any():
        got = "only rows with flag 0" if len(counted) else "no rows"
        raise FormatError(
            truth.path, "file", "rows of frame, id, left, top, width, height, flag", got
        )
    names = dict(enumerate(truth.class_names, 1)) or {-1: ANIMAL, 0: ANIMAL, 1: ANIMAL}
    names = (
        names
        if truth.animal is None
        else dict.fromkeys(set(table.class_ids.tolist()), truth.animal)
    )
    return Truth(table.boxes, counted, table.class_ids, names)


def read_ground_truth_boxes(path: str | Path, n_frames: int | None = None) -> LabelledBoxes:
    """Read the scored boxes of a MOT Challenge text file, chosen by its suffix.

    Raises
    ------
    FormatError
        If the suffix is not ``.txt``, or as `read_mot`.
    """
    suffix = Path(path).suffix
    if suffix.lower() != ".txt":
        raise FormatError(path, "suffix", ".txt, a format of ground truth", repr(suffix))
    return read_mot(path, n_frames)


def _describe_mot(path: Path) -> TruthFile:
    is_nested = path.parent.name == "gt"
    root = path.parent.parent if is_nested else path.parent
    info = mot.read_info(root / "seqinfo.ini")
    draft = RawLabels(to_name(root.name if is_nested else path.stem), path, recording=True)
    mot.find_media(draft, root, info)
    media = draft.image_paths[min(draft.image_paths)].parent if draft.image_paths else draft.video
    truth = TruthFile(draft.name, path, info.n_frames, info.size, info.fps, media, info.class_names)
    return truth if info.n_frames and info.size else _measure(truth)


def _describe_animaltrack(path: Path) -> TruthFile:
    name = path.name.removesuffix(animaltrack.SUFFIX)
    media = animaltrack.find_media(path)
    animal = animaltrack.name_animal(name)
    return _measure(TruthFile(name, path, fps=animaltrack.FPS, video=media, animal=animal))


def _measure(truth: TruthFile) -> TruthFile:
    """Fill in from the images or the video what nothing else says."""
    if truth.video is None:
        return truth
    if truth.video.is_dir():
        images = number_images(find_images(truth.video))
        size = truth.size or measure_image(images[min(images)])
        return replace(truth, n_frames=truth.n_frames or max(images) + 1, size=size)
    video = measure_video(truth.video)
    if video is None:
        return truth
    n_frames = truth.n_frames or video.n_frames or None
    return replace(
        truth, n_frames=n_frames, size=truth.size or video.size, fps=truth.fps or video.fps or None
    )
