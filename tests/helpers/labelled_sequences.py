"""Labelled sequences for tests."""

import cv2
import numpy as np

from murid.datasets.labels import LabelledSequence


def make_sequence(
    folder, n_frames: int = 8, name: str = "cage", is_recording: bool = True
) -> LabelledSequence:
    """A bright 40 x 20 pixel box that moves right in 80 x 60 pixels, and one without a track."""
    folder.mkdir(exist_ok=True)
    paths = []
    boxes = []
    for k in range(n_frames):
        image = np.full((60, 80, 3), 90, np.uint8)
        image[20:40, 4 * k : 4 * k + 40] = 230
        paths.append(folder / f"{name}-{k:02d}.png")
        cv2.imwrite(str(paths[-1]), image)
        boxes += [[4 * k, 20, 4 * k + 40, 40], [60, 50, 70, 60]]
    n = 2 * n_frames
    return LabelledSequence(
        name=name,
        is_recording=is_recording,
        frames=np.arange(n_frames, dtype=np.int64),
        video=None,
        image_paths=tuple(paths),
        sizes=np.tile(np.array([80, 60], np.int64), (n_frames, 1)),
        frame_offsets=np.arange(0, n + 1, 2, dtype=np.int64),
        boxes=np.array(boxes, np.float32),
        track_ids=np.tile(np.array([7, -1], np.int64), n_frames),
        class_ids=np.zeros(n, np.int64),
        class_names=("mouse",),
        visibility=np.ones(n, np.float32),
        complete=np.ones(n_frames, bool),
    )
