"""NumPy decoding = decoding with PyTorch's max pooling and top-k."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from murid.detection.decode import HeadMaps, decode


def decode_torch(
    heatmap: torch.Tensor, offset: torch.Tensor, size: torch.Tensor, top_k: int, threshold: float
):
    """Return boxes and scores of one image, from maps ``(1 | 2 | 4, h, w)`` in cells."""
    peaks = torch.where(functional.max_pool2d(heatmap, 3, 1, 1) == heatmap, heatmap, 0.0).flatten()
    scores, cells = peaks.topk(min(top_k, len(peaks)))
    cells = cells[scores >= threshold]
    rows, columns = cells // heatmap.shape[2], cells % heatmap.shape[2]
    centres = torch.stack([columns, rows], dim=1) + offset[:, rows, columns].T
    sizes = size[:, rows, columns].T
    low, high = (sizes[:, :2], sizes[:, 2:]) if len(size) == 4 else (sizes / 2, sizes / 2)
    return torch.cat([centres - low, centres + high], dim=1) * 4, scores[scores >= threshold]


@pytest.mark.parametrize("box_mode", ["wh", "ltrb"])
@pytest.mark.parametrize(("height", "width", "top_k"), [(24, 40, 100), (64, 48, 30), (8, 8, 500)])
def test_numpy_equals_torch(box_mode, height: int, width: int, top_k: int) -> None:
    rng = np.random.default_rng(height)
    heatmap = rng.random((height, width), np.float32)
    offset = rng.random((2, height, width), np.float32)
    size = rng.uniform(0.5, 9, (len(box_mode), height, width)).astype(np.float32)
    found = decode(
        HeadMaps(heatmap, offset, size),
        box_mode=box_mode,
        max_detections=top_k,
        score_threshold=0.6,
    )
    expected = decode_torch(*map(torch.from_numpy, (heatmap[None], offset, size)), top_k, 0.6)
    assert 0 < len(found) <= top_k
    np.testing.assert_array_equal(found.scores, expected[1].numpy())
    np.testing.assert_allclose(found.boxes, expected[0].numpy(), rtol=0, atol=1e-4)
