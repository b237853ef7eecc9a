"""Videos without animals, of any size, for tests of the page on which arenas are drawn."""

from pathlib import Path

import cv2
import numpy as np

from murid.arena_page.backgrounds import BackgroundImages
from murid.arena_page.session import ArenaSession, VideoPaths

WIDTH = 320
HEIGHT = 240

# What a page sends.
SQUARE = [[20, 20], [120, 20], [120, 120], [20, 120]]
LEFT = [[0, 0], [150, 0], [150, 240], [0, 240]]
RIGHT = [[160, 0], [310, 0], [310, 240], [160, 240]]
BOW_TIE = [[20, 20], [120, 120], [120, 20], [20, 120]]


def write_image(path: Path, width: int = WIDTH, height: int = HEIGHT) -> Path:
    """Write a video of one image: light, with a dark frame."""
    image = np.full((height, width, 3), 190, np.uint8)
    cv2.rectangle(image, (4, 4), (width - 5, height - 5), (60, 60, 60), 3)
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    return path


def open_session(*sources: Path, **options) -> ArenaSession:
    """Return a session on videos, with arena files beside them."""
    backgrounds = BackgroundImages([str(source) for source in sources])
    videos = [VideoPaths(str(source), source.with_suffix(".arena.toml")) for source in sources]
    return ArenaSession(videos, backgrounds=backgrounds, **options)
