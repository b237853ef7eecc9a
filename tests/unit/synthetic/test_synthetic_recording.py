import numpy as np
import pytest

from murid.errors import ConfigError
from murid.synthetic import RecordingConfig, record

SMALL = RecordingConfig(n_animals=3, n_frames=40, width=320, height=240, body_px=40, seed=4)


def test_same_seed_same_recording():
    for a, b in zip(record(SMALL), record(SMALL), strict=True):
        np.testing.assert_array_equal(a.frame.image, b.frame.image)
        np.testing.assert_array_equal(a.truth.boxes, b.truth.boxes)


def test_frames_are_numbered_and_timed():
    frames = [r.frame for r in record(SMALL)]
    assert [f.index for f in frames] == list(range(40))
    assert frames[30].time_s == pytest.approx(1.0)
    assert frames[0].image.shape == (240, 320, 3)


def test_animals_keep_their_numbers_and_move_smoothly():
    centres: dict[int, np.ndarray] = {}
    for recorded in record(SMALL):
        for row, box in zip(recorded.truth.animal_indices, recorded.truth.boxes, strict=True):
            centre = (box[:2] + box[2:]) / 2
            if int(row) in centres:
                assert np.linalg.norm(centre - centres[int(row)]) < 20
            centres[int(row)] = centre
    assert set(centres) == {0, 1, 2}


def test_animals_move():
    first, *_, last = record(SMALL)
    assert np.abs(first.truth.boxes[0] - last.truth.boxes[0]).max() > 2


@pytest.mark.parametrize("field", ["n_animals", "n_frames", "fps", "body_px"])
def test_impossible_recordings_are_refused(field):
    with pytest.raises(ConfigError, match=field):
        RecordingConfig(**{field: 0})
