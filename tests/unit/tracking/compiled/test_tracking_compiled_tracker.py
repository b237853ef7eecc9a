import numpy as np
import pytest

from murid.core import Detections
from murid.errors import ConfigError
from murid.tracking import Tracker, TrackingConfig
from murid.tracking.compiled.tracker import CompiledTracker


def make_frames(n_frames=12):
    """Two animals that pass each other; one is not detected for three frames."""
    frames = []
    for t in range(n_frames):
        boxes = [(10 + 8 * t, 50, 50 + 8 * t, 80), (120 - 8 * t, 90, 160 - 8 * t, 120)]
        kept = boxes[:1] if 4 <= t < 7 else boxes
        scores = np.full(len(kept), 0.9, np.float32)
        frames.append(Detections(np.array(kept, np.float32), scores))
    return frames


def test_ids_and_boxes_are_those_of_the_tracker():
    compiled = CompiledTracker(TrackingConfig(), fps=30)
    reference = Tracker(TrackingConfig(), fps=30)
    for detections in make_frames():
        own = compiled.step(detections)
        expected = reference.step(detections)
        np.testing.assert_array_equal(own.track_ids, expected.track_ids)
        np.testing.assert_allclose(own.detections.boxes, expected.detections.boxes, atol=1e-3)


def test_the_method_of_the_paper_is_not_compiled():
    with pytest.raises(ConfigError, match="supports"):
        CompiledTracker(TrackingConfig.paper(), fps=30)
