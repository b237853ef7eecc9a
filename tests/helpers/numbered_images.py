"""Images that show their number."""

import numpy as np


def make_numbered_image(k: int, width: int = 96, height: int = 64) -> np.ndarray:
    """Return an image with a bright bar whose position depends on the number."""
    image = np.full((height, width, 3), 40, np.uint8)
    left = (k * 5) % (width - 8)
    image[:, left : left + 8] = (220, 200, 60)
    return image
