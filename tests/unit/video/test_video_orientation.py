import struct
from types import SimpleNamespace

import numpy as np
import pytest

from murid.video import open_source
from murid.video.orientation import Orientation, read_orientation

# Where a display matrix moves a pixel: x' = a x + c y, y' = b x + d y, with y downwards.
SHOWN = {
    (1, 0, 0, 1): lambda image: image,
    (0, 1, -1, 0): lambda image: np.rot90(image, -1),
    (-1, 0, 0, -1): lambda image: np.rot90(image, 2),
    (0, -1, 1, 0): np.rot90,
    (-1, 0, 0, 1): lambda image: image[:, ::-1],
    (1, 0, 0, -1): lambda image: image[::-1],
    (0, 1, 1, 0): lambda image: image.swapaxes(0, 1),
    (0, -1, -1, 0): lambda image: image[::-1, ::-1].swapaxes(0, 1),
}


def pack_matrix(a, b, c, d, order="="):
    one = 1 << 16
    return struct.pack(f"{order}9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)


def make_frame(matrix):
    return SimpleNamespace(side_data={"DISPLAYMATRIX": matrix} if matrix else {})


@pytest.mark.parametrize("entries", list(SHOWN))
def test_all_eight_orientations(entries):
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    orientation = read_orientation(make_frame(pack_matrix(*entries)))
    np.testing.assert_array_equal(orientation.apply(image), SHOWN[entries](image))
    assert orientation.swaps_sides == (entries[0] == 0)
    assert orientation.is_mirrored == (entries[0] * entries[3] - entries[1] * entries[2] < 0)


def test_no_matrix_and_an_impossible_one_change_nothing():
    image = np.zeros((2, 3, 3), np.uint8)
    for matrix in (None, bytes(36)):
        orientation = read_orientation(make_frame(matrix))
        assert orientation == Orientation()
        assert orientation.apply(image) is image


@pytest.mark.parametrize("entries", list(SHOWN))
def test_a_file_is_read_as_players_show_it(make_video, entries):
    path = make_video(n_frames=30, faststart=False)
    stored = [frame.image for frame in open_source(path).iterate()]
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") + 44
    assert content[start : start + 36] == pack_matrix(1, 0, 0, 1, ">")
    content[start : start + 36] = pack_matrix(*entries, ">")
    path.write_bytes(content)

    source = open_source(path)
    info = source.info
    assert (info.width, info.height) == ((96, 64) if entries[0] else (64, 96))
    turned = np.rot90(stored[0], info.rotation_deg // 90)
    turned = turned[:, ::-1] if info.is_mirrored else turned
    np.testing.assert_array_equal(turned, SHOWN[entries](stored[0]))
    for start in (0, 25):
        frames = list(source.iterate(start))
        assert len(frames) == 30 - start
        for frame in frames:
            np.testing.assert_array_equal(frame.image, SHOWN[entries](stored[frame.index]))
    for frame in source.sample(3):
        np.testing.assert_array_equal(frame.image, SHOWN[entries](stored[frame.index]))
