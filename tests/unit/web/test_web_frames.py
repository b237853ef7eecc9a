import cv2
import numpy as np
import pytest
from review_runs import HEIGHT, N_FRAMES, WIDTH, draw_frame, write_video

from murid.errors import SourceError
from murid.video import open_source
from murid.web.frames import FrameServer


@pytest.fixture(params=["images", "cage.mp4"])
def server(tmp_path, request):
    server = FrameServer(open_source(write_video(tmp_path / request.param)))
    yield server
    server.close()


def decode(image: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize("number", [0, 17, N_FRAMES - 1])
def test_the_frame_is_the_one_that_was_asked_for(server, number: int) -> None:
    image = decode(server.get_image(number)).astype(float)
    assert image.shape == (HEIGHT, WIDTH, 3)
    errors = [np.abs(image - draw_frame(k, 3)).mean() for k in range(N_FRAMES)]
    assert abs(int(np.argmin(errors)) - number) == 0


def test_steps_back_and_jumps_give_the_same_images(tmp_path) -> None:
    source = open_source(write_video(tmp_path / "cage.mp4"))
    order = [50, 49, 48, 20, 21, 90, 47, 20]
    server = FrameServer(source)
    for number in order:
        fresh = FrameServer(source)
        assert server.get_image(number) == fresh.get_image(number)
        fresh.close()
    server.close()


def test_wide_frames_are_reduced_and_narrow_ones_stay(server) -> None:
    assert decode(server.get_image(3, 80)).shape == (60, 80, 3)
    assert decode(server.get_image(3, 999)).shape == (HEIGHT, WIDTH, 3)


def test_images_for_later_are_the_same(server) -> None:
    assert server.get_image(40, is_for_later=True) == server.get_image(40)


@pytest.mark.parametrize("number", [N_FRAMES, 10**9])
def test_a_frame_that_there_is_not_is_an_error(server, number: int) -> None:
    with pytest.raises(SourceError, match=f"frame: expected .*below {N_FRAMES}, got {number}"):
        server.get_image(number)


def test_memory_is_bounded(tmp_path) -> None:
    server = FrameServer(open_source(write_video(tmp_path / "images")), cache_bytes=20_000)
    for number in range(60):
        server.get_image(number)
    assert server._cache._n_bytes <= 20_000
    server.close()


@pytest.mark.parametrize("box", [(0, 0, 20, 20), (-50, -50, -20, -20), (150, 110, 400, 400)])
def test_crops_are_cut_at_the_edges(server, box) -> None:
    assert decode(server.get_crop(2, box)).shape[0] == 160
