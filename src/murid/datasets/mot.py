"""MOT Challenge directories: ``<sequence>/gt/gt.txt``, ``seqinfo.ini`` and ``img1/`` or a video."""

from __future__ import annotations

import configparser
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from murid.core.boxes import to_xywh
from murid.core.files import make_directory, write_text
from murid.core.plurals import format_count
from murid.datasets.labels import LabelledFrame, LabelledSequence, Problem
from murid.datasets.media import find_images, find_video, number_images, read_video_info
from murid.datasets.mot_text import MotRow, parse_row
from murid.datasets.raw_labels import DEFAULT_CLASS, Label, RawLabels, ReadOptions, to_name
from murid.datasets.text import read_lines, read_text
from murid.errors import FormatError
from murid.metrics import Labelling, find_labelling

# Folder of the images, unless `seqinfo.ini` names another.
IMAGE_FOLDER = "img1"


@dataclass(frozen=True, slots=True)
class SeqInfo:
    """The entries of ``seqinfo.ini``; None where there is no entry.

    Attributes
    ----------
    image_folder : str or None
    n_frames : int or None
    size : tuple of int or None
        Width and height in pixels.
    fps : float or None
    class_names : tuple of str
        Names of the numbers in the class column, from 1: an entry that murid adds to the format.
    """

    image_folder: str | None = None
    n_frames: int | None = None
    size: tuple[int, int] | None = None
    fps: float | None = None
    class_names: tuple[str, ...] = ()


def recognise(path: Path) -> bool:
    """Whether this is a MOT text file, or a directory of sequences."""
    return path.suffix.lower() == ".txt" or bool(_find_ground_truth(path))


def find_files(path: Path, _options: ReadOptions) -> list[Path]:
    """Return the ground truth of every sequence at a path, at most two levels down."""
    return [path] if path.is_file() else _find_ground_truth(path)


def _find_ground_truth(path: Path) -> list[Path]:
    return sorted(file for depth in ("", "*/", "*/*/") for file in path.glob(f"{depth}gt/gt.txt"))


def read(path: Path, _options: ReadOptions) -> list[RawLabels]:
    """Read one sequence; raises `FormatError` if its text or its ``seqinfo.ini`` is damaged."""
    raw, root, info = start_raw_labels(path)
    read_rows(raw, info.class_names)
    find_media(raw, root, info)
    set_labelled_frames(raw, info)
    return [raw]


def start_raw_labels(path: Path) -> tuple[RawLabels, Path, SeqInfo]:
    """Return a sequence without labels, its folder, and its ``seqinfo.ini``, from ``gt.txt``."""
    is_nested = path.parent.name == "gt"
    root = path.parent.parent if is_nested else path.parent
    info = read_seqinfo(root / "seqinfo.ini")
    name = to_name(root.name if is_nested else path.stem)
    raw = RawLabels(name, path, is_recording=True, class_names=info.class_names, fps=info.fps)
    return raw, root, info


def read_seqinfo(path: Path) -> SeqInfo:
    """Read ``seqinfo.ini`` if it is there; raises `FormatError` if it is damaged."""
    if not path.is_file():
        return SeqInfo()
    parser = configparser.ConfigParser()
    try:
        parser.read_string(read_text(path), str(path))
        section = parser["Sequence"]
        width = section.getint("imWidth", 0)
        height = section.getint("imHeight", 0)
        names = [name.strip() for name in section.get("classNames", "").split(",")]
        return SeqInfo(
            image_folder=section.get("imDir"),
            n_frames=section.getint("seqLength"),
            size=(width, height) if width and height else None,
            fps=section.getfloat("frameRate"),
            class_names=tuple(filter(None, names)),
        )
    except (configparser.Error, KeyError, ValueError, OSError) as error:
        got = str(error).splitlines()[0]
        raise FormatError(path, "file", "a [Sequence] as MOTChallenge has it", got) from error


def read_rows(raw: RawLabels, class_names: Sequence[str] = ()) -> None:
    """Add the labels of ``raw.path``; rows with flag 0 mark their frame as incomplete.

    Raises
    ------
    FormatError
        If it is not a text file. An invalid row is added to the problems of `raw` instead.
    """
    n_ignored = 0
    for line, text in read_lines(raw.path):
        try:
            row = parse_row(raw.path, line, text)
            row.check(min_id=-1)
            class_name = _name_class(row, class_names)
        except FormatError as error:
            raw.problems.append(Problem.from_error(error))
            frame = _find_frame(text)
            if frame is not None:
                # An animal of this frame has lost its label.
                raw.incomplete.add(frame)
            continue
        frame = int(row.frame) - 1
        if row.flag == 0:
            raw.incomplete.add(frame)
            n_ignored += 1
        else:
            raw.labels.append(_make_label(row, class_name))
    if n_ignored:
        rows = format_count(n_ignored, "row")
        raw.notes.append(f"{raw.name}: {rows} with flag 0 left out; their frames are incomplete")


def _find_frame(text: str) -> int | None:
    """Return the frame of a damaged row, from 0; None if the row does not begin with a number."""
    found = re.match(r"\s*(\d{1,9})(?:\.0*)?\s*[,;\t]", text)
    return int(found[1]) - 1 if found and int(found[1]) else None


def _name_class(row: MotRow, names: Sequence[str]) -> str:
    """Return the class name of a row; without names, 1 and "not given" are `DEFAULT_CLASS`."""
    class_id = -1 if row.class_id is None else int(row.class_id)
    if names and not 1 <= class_id <= len(names):
        raise row.make_error("class", f"1 to {len(names)}", str(class_id))
    if names:
        return names[class_id - 1]
    return DEFAULT_CLASS if class_id <= 1 else f"class {class_id}"


def _make_label(row: MotRow, class_name: str) -> Label:
    visibility = math.nan
    if row.visibility is not None and 0 <= row.visibility <= 1:
        visibility = row.visibility
    return Label(
        frame=int(row.frame) - 1,
        box=row.box,
        path=row.path,
        location=f"line {row.line}",
        track_id=int(row.track_id),
        class_name=class_name,
        visibility=visibility,
    )


def find_media(raw: RawLabels, root: Path, info: SeqInfo) -> None:
    """Find images or video: as ``seqinfo.ini`` says, in ``img1``, or the video in the folder."""
    for name in filter(None, (info.image_folder, IMAGE_FOLDER)):
        if (root / name).is_file():
            raw.video = root / name
            return
        images = find_images(root / name)
        if images:
            raw.image_paths = number_images(images)
            return
    raw.video = find_video(root, raw.name)


def set_labelled_frames(raw: RawLabels, info: SeqInfo) -> None:
    """Set the labelled frames: up to the length in ``seqinfo.ini``, else up to the last row.

    A frame without rows has no animals. An image after the last row is a problem, since it may just
    not be labelled yet.
    Where no length is given, and rows are of single frames here and there, as people label by hand,
    only these count as labelled.
    """
    frames_with_rows = raw.incomplete.union(label.frame for label in raw.labels)
    n_frames = info.n_frames
    if not n_frames:
        n_frames = max(frames_with_rows, default=-1) + 1
        n_media_frames = _count_media_frames(raw)
        if _is_sparse(raw, frames_with_rows, max(n_frames, n_media_frames or 0)):
            _set_sparse_frames(raw, frames_with_rows, n_frames)
            return
        if n_media_frames is not None:
            n_frames = min(n_frames, n_media_frames)
    raw.frames = sorted(frames_with_rows.union(range(n_frames)))
    if info.size is not None:
        raw.declared_sizes = dict.fromkeys(raw.frames, info.size)
    unlabelled = sorted(raw.image_paths.keys() - frames_with_rows - set(range(n_frames)))
    if unlabelled:
        frame = unlabelled[-1]
        expected = f"a row for the image, or seqLength={frame + 1} in seqinfo.ini"
        got = f"none after frame {n_frames}"
        if len(unlabelled) > 1:
            got += f", in {len(unlabelled)} images up to this one"
        raw.problems.append(Problem(raw.image_paths[frame], "", "frame", expected, got))


def _is_sparse(raw: RawLabels, frames: set[int], n_frames: int) -> bool:
    """Whether rows are of single frames here and there; of frames that have images, if any do."""
    labelled = np.array(sorted(frames), np.int64)
    if raw.image_paths:
        n_frames = len(raw.image_paths)
        with_image = np.array(sorted(raw.image_paths), np.int64)
        labelled = np.searchsorted(with_image, np.intersect1d(labelled, with_image))
    return find_labelling(labelled.astype(np.int64), n_frames) == Labelling.SPARSE


def _set_sparse_frames(raw: RawLabels, frames: set[int], n_frames: int) -> None:
    """Set the frames with rows as the labelled ones."""
    raw.frames = sorted(frames)
    labelled = format_count(len(frames), "labelled frame")
    raw.notes.append(
        f"{raw.name}: {labelled} of {n_frames}; the others count as "
        "not labelled (seqLength in seqinfo.ini says that all are)"
    )


def _count_media_frames(raw: RawLabels) -> int | None:
    """Return the number of frames of the images or the video; None if unknown."""
    if raw.video is not None:
        video = read_video_info(raw.video)
        if video is not None:
            return video.n_frames or None
    return max(raw.image_paths, default=-1) + 1 or None


def get_image_path(sequence: str, frame: int, suffix: str) -> str:
    """Return the path of the image of a frame, relative to the data set."""
    return f"{sequence}/{IMAGE_FOLDER}/{frame + 1:06d}{suffix}"


def write(directory: Path, sequences: Sequence[LabelledSequence]) -> None:
    """Write one directory per sequence with ``gt/gt.txt`` and ``seqinfo.ini``.

    Raises `StorageError`.
    """
    for sequence in sequences:
        root = directory / sequence.name
        make_directory(root / "gt")
        lines = (line for frame in sequence for line in _format_frame(frame))
        write_text(root / "gt" / "gt.txt", "".join(lines))
        write_text(root / "seqinfo.ini", _format_seqinfo(sequence))


def _format_frame(frame: LabelledFrame) -> Iterator[str]:
    boxes = to_xywh(frame.boxes.astype("f8"))
    for track_id, box, class_id, visibility in zip(
        frame.track_ids.tolist(),
        boxes.tolist(),
        (frame.class_ids + 1).tolist(),
        frame.visibility.tolist(),
        strict=True,
    ):
        left, top, width, height = box
        visibility_text = "-1" if math.isnan(visibility) else f"{visibility:.3g}"
        yield (
            f"{frame.index + 1},{track_id},{left:.3f},{top:.3f},{width:.3f},{height:.3f},"
            f"1,{class_id},{visibility_text}\n"
        )


def _count_video_frames(sequence: LabelledSequence) -> int:
    """Return the length of the video of a sequence, whose last frames may have no labels."""
    if sequence.video is None or sequence.video_dataset:
        return 0
    video = read_video_info(sequence.video)
    return 0 if video is None else video.n_frames


def _format_seqinfo(sequence: LabelledSequence) -> str:
    n_frames = 0
    width = 0
    height = 0
    if sequence.n_frames:
        n_frames = max(int(sequence.frames[-1]) + 1, _count_video_frames(sequence))
        width, height = sequence.sizes[0].tolist()
    suffix = sequence.image_paths[0].suffix if sequence.image_paths else ".jpg"
    entries = {
        "name": sequence.name,
        "imDir": IMAGE_FOLDER,
        "seqLength": n_frames,
    }
    # No rate where it is not known: 30 would be taken for a measured one.
    if sequence.fps:
        entries["frameRate"] = f"{sequence.fps:g}"
    if width:
        entries |= {"imWidth": width, "imHeight": height}
    entries |= {"imExt": suffix, "classNames": ",".join(sequence.class_names)}
    return "[Sequence]\n" + "".join(f"{key}={value}\n" for key, value in entries.items())
