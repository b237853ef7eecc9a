"""AnimalTrack as its archive has it: ``gt_all/<sequence>_gt.txt``, ``frames_all/<sequence>/``, ``videos_all/``.

The split into training and test sequences is the benchmark's own (Zhang and others, 2023); the
archive lists it in ``videos_train.txt`` and ``videos_test.txt``. A folder of ``<sequence>_gt.txt``
alone is read too.
"""

from __future__ import annotations

import re
from pathlib import Path

from murid.datasets.media import find_images, find_video, number_images
from murid.datasets.mot import SeqInfo, read_rows, settle_frames
from murid.datasets.raw_labels import RawLabels, ReadOptions
from murid.errors import FormatError

TEST_SEQUENCES = frozenset(
    f"{animal}_{number}"
    for animal, n in {
        "chicken": 2,
        "deer": 3,
        "dolphin": 3,
        "duck": 3,
        "goose": 3,
        "horse": 3,
        "penguin": 3,
        "pig": 2,
        "rabbit": 2,
        "zebra": 2,
    }.items()
    for number in range(1, n + 1)
)
"""The 26 of 58 sequences that are for testing."""

FPS = 30.0
"""Frames per second of all sequences."""

SUFFIX = "_gt.txt"


def recognise(path: Path) -> bool:
    """Whether this is the archive, a folder of its ground truth, or one file of it."""
    return path.name.endswith(SUFFIX) if path.is_file() else bool(_find_truths(path))


def find(path: Path, options: ReadOptions) -> list[Path]:
    """Ground truth of a split, or all; raises `FormatError` if the split is neither ``train`` nor ``test``."""
    truths = [path] if path.is_file() else _find_truths(path)
    if options.split is None:
        return truths
    wanted = find_split(_find_root(truths[0]), options.split, [_name(truth) for truth in truths])
    return [truth for truth in truths if _name(truth) in wanted]


def read(path: Path, _options: ReadOptions) -> list[RawLabels]:
    """Read one sequence; it is named after its animal, which the class column does not always say.

    Raises
    ------
    FormatError
        If the file is no MOT text.
    """
    name = _name(path)
    animal = name_animal(name)
    draft = RawLabels(name, path, recording=True, class_names=(animal,), fps=FPS)
    read_rows(draft)
    draft.labels = [label._replace(class_name=animal) for label in draft.labels]
    place = find_media(path)
    if place is not None and place.is_dir():
        draft.image_paths = number_images(find_images(place))
    else:
        draft.video = place
    settle_frames(draft, SeqInfo())
    return [draft]


def name_animal(sequence: str) -> str:
    """Animal of a sequence: ``deer`` of ``deer_7``, also of ``deer_7_20fps``."""
    return re.split(r"_\d", sequence, maxsplit=1)[0] or sequence


def find_media(truth: Path) -> Path | None:
    """Folder of images, else the video, of a sequence of the archive; None where neither is there."""
    root, name = _find_root(truth), _name(truth)
    images = root / "frames_all" / name
    return images if find_images(images) else _find_video(root / "videos_all", name)


def _find_truths(path: Path) -> list[Path]:
    return sorted((path / "gt_all" if (path / "gt_all").is_dir() else path).glob(f"*{SUFFIX}"))


def _find_root(truth: Path) -> Path:
    return truth.parent.parent if truth.parent.name == "gt_all" else truth.parent


def _name(truth: Path) -> str:
    return truth.name.removesuffix(SUFFIX)


def find_split(root: Path, split: str, names: list[str]) -> set[str]:
    """Names of the sequences of a split, as the archive lists them, else as the benchmark has them."""
    if split not in ("train", "test"):
        raise FormatError(root, "split", "train or test", repr(split))
    listed = root / f"videos_{split}.txt"
    if listed.is_file():
        return {Path(line).stem for line in listed.read_text(encoding="utf-8").split()}
    return {name for name in names if (name in TEST_SEQUENCES) == (split == "test")}


def _find_video(directory: Path, name: str) -> Path | None:
    video = find_video(directory, name)
    return video if video is not None and video.stem == name else None
