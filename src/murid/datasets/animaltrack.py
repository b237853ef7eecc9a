"""Read the AnimalTrack benchmark.

Its archive contains ``gt_all/<sequence>_gt.txt``, ``frames_all/<sequence>/`` and ``videos_all/``.

The split into training and test sequences is that of the benchmark (Zhang et al., 2023), which its
archive lists in ``videos_train.txt`` and ``videos_test.txt``. A folder that contains only
``<sequence>_gt.txt`` can be read too.
"""

from __future__ import annotations

import re
from pathlib import Path

from murid.datasets.media import find_images, find_video, number_images
from murid.datasets.mot import SeqInfo, read_rows, set_labelled_frames
from murid.datasets.raw_labels import RawLabels, ReadOptions
from murid.errors import FormatError

# Test sequences of each animal, numbered from 1: 26 of all 58 sequences.
_N_TEST_SEQUENCES = {
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
}
TEST_SEQUENCES = frozenset(
    f"{animal}_{number}"
    for animal, n_sequences in _N_TEST_SEQUENCES.items()
    for number in range(1, n_sequences + 1)
)
# Frames per second of all sequences.
FPS = 30.0
# End of the names of ground-truth files.
SUFFIX = "_gt.txt"


def recognise(path: Path) -> bool:
    """Whether this is the archive, a folder of its ground truth, or one file of it."""
    return path.name.endswith(SUFFIX) if path.is_file() else bool(_find_ground_truth(path))


def find_files(path: Path, options: ReadOptions) -> list[Path]:
    """Return the ground truth of a split, or all.

    Raises `FormatError` if the split is neither ``train`` nor ``test``.
    """
    files = [path] if path.is_file() else _find_ground_truth(path)
    if options.split is None:
        return files
    names = [_get_sequence_name(file) for file in files]
    wanted = find_split(_get_root(files[0]), options.split, names)
    return [file for file in files if _get_sequence_name(file) in wanted]


def _find_ground_truth(path: Path) -> list[Path]:
    folder = path / "gt_all" if (path / "gt_all").is_dir() else path
    return sorted(folder.glob(f"*{SUFFIX}"))


def read(path: Path, _options: ReadOptions) -> list[RawLabels]:
    """Read one sequence; its class is the animal in its name, as the class column may be missing.

    Raises
    ------
    FormatError
        If the file is not MOT text.
    """
    name = _get_sequence_name(path)
    animal = get_animal(name)
    raw = RawLabels(name, path, is_recording=True, class_names=(animal,), fps=FPS)
    read_rows(raw)
    raw.labels = [label._replace(class_name=animal) for label in raw.labels]
    media = find_media(path)
    if media is not None and media.is_dir():
        raw.image_paths = number_images(find_images(media))
    else:
        raw.video = media
    set_labelled_frames(raw, SeqInfo())
    return [raw]


def get_animal(sequence: str) -> str:
    """Return the animal of a sequence: ``deer`` of ``deer_7``, also of ``deer_7_20fps``."""
    return re.split(r"_\d", sequence, maxsplit=1)[0] or sequence


def find_media(ground_truth: Path) -> Path | None:
    """Return the folder of images of a sequence, else its video; None if both are missing."""
    root = _get_root(ground_truth)
    name = _get_sequence_name(ground_truth)
    images = root / "frames_all" / name
    if find_images(images):
        return images
    # The folder contains many videos, so one with another name does not belong to the sequence.
    video = find_video(root / "videos_all", name)
    return video if video is not None and video.stem == name else None


def find_split(root: Path, split: str, names: list[str]) -> set[str]:
    """Return the names of the sequences of a split.

    They are read from the lists of the archive. Without these lists, they are the elements of
    `names` that the benchmark assigns to the split.
    """
    if split not in ("train", "test"):
        raise FormatError(root, "split", "train or test", repr(split))
    listed = root / f"videos_{split}.txt"
    if listed.is_file():
        return {Path(line).stem for line in listed.read_text(encoding="utf-8").split()}
    return {name for name in names if (name in TEST_SEQUENCES) == (split == "test")}


def _get_root(ground_truth: Path) -> Path:
    """Return the folder of the archive."""
    folder = ground_truth.parent
    return folder.parent if folder.name == "gt_all" else folder


def _get_sequence_name(ground_truth: Path) -> str:
    return ground_truth.name.removesuffix(SUFFIX)
