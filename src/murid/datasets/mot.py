"""MOTChallenge directories as labelled data: ``<sequence>/gt/gt.txt``, ``seqinfo.ini`` and ``img1/`` or a video."""

from __future__ import annotations

import configparser
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from murid.core.boxes import to_xywh
from murid.core.files import make_directory, write_text
from murid.datasets.labels import LabelledFrame, LabelledSequence, Problem
from murid.datasets.media import find_images, find_video, measure_video, number_images
from murid.datasets.mot_text import Row, check_row, parse_row, read_lines
from murid.datasets.raw_labels import ANIMAL, Label, RawLabels, ReadOptions, to_name
from murid.errors import FormatError


@dataclass(frozen=True, slots=True)
class SeqInfo:
    """What ``seqinfo.ini`` says; None where it does not.

    `class_names` is murid's own entry: the names, between commas, of the numbers in the class
    column from 1.
    """

    image_paths: str | None = None
    n_frames: int | None = None
    size: tuple[int, int] | None = None
    fps: float | None = None
    class_names: tuple[str, ...] = ()


def recognise(path: Path) -> bool:
    """Whether this is a MOT text file, or a directory of sequences."""
    return path.suffix.lower() == ".txt" or next(_find_truths(path), None) is not None


def find(path: Path, _options: ReadOptions) -> list[Path]:
    """Ground truth of every sequence below a path."""
    return [path] if path.is_file() else sorted(_find_truths(path))


def _find_truths(path: Path) -> Iterator[Path]:
    return (found for depth in ("", "*/", "*/*/") for found in path.glob(f"{depth}gt/gt.txt"))


def read(path: Path, _options: ReadOptions) -> list[RawLabels]:
    """Read one sequence; raises `FormatError` if it is no MOT text, or its ``seqinfo.ini`` is damaged."""
    is_nested = path.parent.name == "gt"
    root = path.parent.parent if is_nested else path.parent
    info = read_info(root / "seqinfo.ini")
    name = to_name(root.name if is_nested else path.stem)
    draft = RawLabels(name, path, recording=True, class_names=info.class_names, fps=info.fps)
    read_rows(draft, info.class_names)
    find_media(draft, root, info)
    settle_frames(draft, info)
    return [draft]


def read_info(path: Path) -> SeqInfo:
    """Read ``seqinfo.ini`` if it is there; raises `FormatError` if it is damaged."""
    if not path.is_file():
        return SeqInfo()
    parser = configparser.ConfigParser()
    try:
        parser.read(path, encoding="utf-8")
        section = parser["Sequence"]
        width, height = section.getint("imWidth", 0), section.getint("imHeight", 0)
        names = tuple(
            filter(None, (name.strip() for name in section.get("classNames", "").split(",")))
        )
        return SeqInfo(
            section.get("imDir"),
            section.getint("seqLength"),
            (width, height) if width and height else None,
            section.getfloat("frameRate"),
            names,
        )
    except (configparser.Error, KeyError, ValueError, OSError) as error:
        raise FormatError(
            path, "file", "a [Sequence] as MOTChallenge has it", str(error).splitlines()[0]
        ) from error


def read_rows(draft: RawLabels, class_names: Sequence[str] = ()) -> None:
    """Read the labels of ``draft.path`` into the draft; rows with flag 0 leave their frame incomplete.

    Raises
    ------
    FormatError
        If it is no text file. What is wrong with one row becomes a problem of the draft.
    """
    for number, line in read_lines(draft.path):
        try:
            row = parse_row(draft.path, number, line)
            check_row(draft.path, number, row, lowest_id=-1)
            name = _name_class(draft.path, number, row, class_names)
        except FormatError as error:
            draft.problems.append(Problem.from_error(error))
            continue
        frame = int(row[0]) - 1
        if row[6] == 0:
            draft.incomplete.add(frame)
        else:
            draft.labels.append(_make_label(draft.path, number, row, name))


def _name_class(path: Path, number: int, row: Row, names: Sequence[str]) -> str:
    """Name of the class column; numbers without names are called by their number, but for 1 and "not given"."""
    value = int(row[7]) if len(row) > 7 else -1
    if names and not 1 <= value <= len(names):
        raise FormatError(path, f"line {number}, class", f"1 to {len(names)}", str(value))
    if names:
        return names[value - 1]
    return ANIMAL if value <= 1 else f"class {value}"


def _make_label(path: Path, number: int, row: Row, name: str) -> Label:
    frame, track_id, left, top, width, height = row[:6]
    visibility = row[8] if len(row) > 8 and 0 <= row[8] <= 1 else math.nan
    box = (left, top, left + width, top + height)
    return Label(int(frame) - 1, box, path, f"line {number}", int(track_id), name, visibility)


def find_media(draft: RawLabels, root: Path, info: SeqInfo) -> None:
    """Find the images or the video of a sequence: where ``seqinfo.ini`` says, in ``img1``, or the video beside."""
    for place in filter(None, (info.image_paths, "img1")):
        if (root / place).is_file():
            draft.video = root / place
            return
        if files := find_images(root / place):
            draft.image_paths = number_images(files)
            return
    draft.video = find_video(root, draft.name)


def settle_frames(draft: RawLabels, info: SeqInfo) -> None:
    """Decide which frames are labelled: all up to the length of the sequence, where it says it, or to the last row."""
    rows = draft.incomplete.union(label.frame for label in draft.labels)
    n_frames = info.n_frames or min(max(rows, default=-1) + 1, _count_media(draft))
    draft.frames = sorted(rows.union(range(int(n_frames))))
    if info.size is not None:
        draft.sizes = dict.fromkeys(draft.frames, info.size)
    for frame, image in sorted(draft.image_paths.items()):
        if frame not in rows and not 0 <= frame < n_frames:
            expected = f"a row for the image, or seqLength={frame + 1} in seqinfo.ini"
            draft.problems.append(
                Problem(image, "", "frame", expected, f"none after frame {n_frames}")
            )


def _count_media(draft: RawLabels) -> float:
    """Frames that images or the video hold, as far as known."""
    video = measure_video(draft.video) if draft.video is not None else None
    return (video.n_frames if video else max(draft.image_paths, default=-1) + 1) or math.inf


def place(sequence: str, frame: int, suffix: str) -> str:
    """Where the image of a frame lies, from the directory of the data set."""
    return f"{sequence}/img1/{frame + 1:06d}{suffix}"


def write(directory: Path, sequences: Sequence[LabelledSequence]) -> None:
    """Write one directory a sequence, with ``gt/gt.txt`` and ``seqinfo.ini``; raises `StorageError`."""
    for sequence in sequences:
        root = directory / sequence.name
        make_directory(root / "gt")
        write_text(root / "gt" / "gt.txt", "".join(_format_rows(sequence)))
        write_text(root / "seqinfo.ini", _format_info(sequence))


def _format_rows(sequence: LabelledSequence) -> Iterator[str]:
    return (row for frame in sequence for row in _format_frame(frame))


def _format_frame(frame: LabelledFrame) -> Iterator[str]:
    boxes = to_xywh(frame.boxes.astype("f8"))
    columns = (frame.track_ids, *boxes.T, frame.class_ids + 1, frame.visibility)
    for track_id, left, top, width, height, number, seen in zip(
        *(c.tolist() for c in columns), strict=True
    ):
        visibility = "-1" if math.isnan(seen) else f"{seen:.3g}"
        yield f"{frame.index + 1},{track_id},{left:.3f},{top:.3f},{width:.3f},{height:.3f},1,{number},{visibility}\n"


def _format_info(sequence: LabelledSequence) -> str:
    width, height = sequence.sizes[0].tolist() if sequence.n_frames else (0, 0)
    suffix = sequence.image_paths[0].suffix if sequence.image_paths else ".jpg"
    n_frames = int(sequence.frames[-1]) + 1 if sequence.n_frames else 0
    entries = {
        "name": sequence.name,
        "imDir": "img1",
        "frameRate": f"{sequence.fps or 30:g}",
        "seqLength": n_frames,
    }
    entries |= {"imWidth": width, "imHeight": height} if width else {}
    entries |= {"imExt": suffix, "classNames": ",".join(sequence.class_names)}
    return "[Sequence]\n" + "".join(f"{key}={value}\n" for key, value in entries.items())
