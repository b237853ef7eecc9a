from pathlib import Path

import cv2
import numpy as np
import pytest

from murid.datasets.labels import LabelledSequence


@pytest.fixture
def write_images():
    """Write grey images of one size into a folder, under the given names."""

    def write(directory: Path, *names: str, size: tuple[int, int] = (64, 48)) -> list[Path]:
        directory.mkdir(parents=True, exist_ok=True)
        for name in names:
            cv2.imwrite(str(directory / name), np.full((size[1], size[0], 3), 128, np.uint8))
        return [directory / name for name in names]

    return write


@pytest.fixture
def write_video():
    """Write a short grey video."""

    def write(path: Path, n_frames: int = 5, size: tuple[int, int] = (64, 48)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, size)
        for _ in range(n_frames):
            writer.write(np.full((size[1], size[0], 3), 128, np.uint8))
        writer.release()
        return path

    return write


@pytest.fixture
def sequence(tmp_path, write_images) -> LabelledSequence:
    """Four frames of 64x48 with two animals, none, one over the edge, and one without id."""
    images = write_images(tmp_path / "source", *(f"f{k}.png" for k in range(4)))
    return LabelledSequence(
        name="cage",
        is_recording=True,
        frames=np.arange(4),
        video=None,
        image_paths=tuple(images),
        sizes=np.tile([64, 48], (4, 1)),
        frame_offsets=np.array([0, 2, 2, 3, 4]),
        boxes=np.array(
            [[1, 2, 11, 22], [20.5, 8, 40, 30.25], [50, 30, 70, 44], [4, 4, 9, 9]], np.float32
        ),
        track_ids=np.array([3, 7, 3, -1]),
        class_ids=np.array([0, 1, 0, 0]),
        class_names=("mouse", "rat"),
        visibility=np.array([np.nan, 1, 0.5, np.nan], np.float32),
        complete=np.array([True, True, True, False]),
        fps=25.0,
    )
