import numpy as np
import pytest

from murid.metrics.labelled_frames import Labelling, find_labelling


def stretches(*bounds):
    """Frames from each start up to each end."""
    return np.concatenate([np.arange(start, end) for start, end in bounds])


@pytest.mark.parametrize(
    ("frames", "n_frames", "labelling"),
    [
        # Picked by hand.
        (np.arange(0, 800, 30), 800, Labelling.SPARSE),
        (np.arange(0, 800, 2), 800, Labelling.SPARSE),
        (np.array([0, 174, 204, 681, 682, 684, 714]), 800, Labelling.SPARSE),
        (np.array([400]), 800, Labelling.SPARSE),
        (np.array([10, 400]), 800, Labelling.SPARSE),
        (stretches((0, 10), (100, 110), (200, 210), (300, 305)), 800, Labelling.SPARSE),
        (stretches((3, 10), (150, 162), (420, 425)), 600, Labelling.SPARSE),
        # Somebody stopped, or labelled a part in the middle.
        (np.arange(100), 800, Labelling.PART),
        (np.arange(300, 400), 800, Labelling.PART),
        (stretches((0, 100), (110, 300)), 800, Labelling.PART),
        (np.arange(4), 9, Labelling.DENSE),
        # Every frame, in which animals may hide.
        (np.arange(800), 800, Labelling.DENSE),
        (np.arange(401), 800, Labelling.DENSE),
        (stretches((0, 300), (400, 700)), 800, Labelling.DENSE),
        (stretches((0, 300), (310, 320), (322, 323), (325, 700)), 800, Labelling.DENSE),
        (stretches(*((k, k + 10) for k in range(0, 800, 15))), 800, Labelling.DENSE),
        (np.array([0]), 1, Labelling.DENSE),
        (np.array([0, 2]), 4, Labelling.DENSE),
        (np.array([0, 3, 6]), 8, Labelling.SPARSE),
        (np.array([], np.int64), 800, Labelling.DENSE),
        # A shelter, or labels of a few moments.
        (stretches((0, 50), (600, 640)), 800, Labelling.UNCLEAR),
        (stretches((0, 50), (600, 640), (700, 710)), 800, Labelling.UNCLEAR),
    ],
)
def test_labelled_frames(frames, n_frames, labelling):
    assert find_labelling(frames, n_frames) == labelling
