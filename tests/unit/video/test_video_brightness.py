import numpy as np

from murid.core import Frame
from murid.video.brightness import BrightnessMeter


def test_the_level_of_bright_parts_is_measured_and_frames_pass_unchanged():
    meter = BrightnessMeter()
    assert meter.level is None
    images = [np.full((120, 160, 3), level, np.uint8) for level in (4, 6, 200)]
    images[0][:60] = 3
    frames = [Frame(k, k / 30, image) for k, image in enumerate(images)]
    assert list(meter.watch(frames)) == frames
    assert meter.level == 6


def test_a_bright_animal_in_the_dark_counts_and_a_hot_pixel_does_not():
    image = np.zeros((480, 640, 3), np.uint8)
    image[0, 0] = 255
    meter = BrightnessMeter()
    meter.add(image)
    assert meter.level == 0
    image[100:160, 100:180] = 150
    meter = BrightnessMeter()
    meter.add(image)
    assert meter.level == 150
