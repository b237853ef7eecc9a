"""Background images are estimated once, and only the last ones are kept."""

import cv2
import numpy as np
import pytest
from arena_videos import write_image
from waiting import wait_for

from murid.arena_page.backgrounds import BackgroundImages
from murid.errors import SourceError
from murid.video.background_image import estimate_background_image


@pytest.fixture
def estimated() -> list[str]:
    return []


@pytest.fixture
def backgrounds(tmp_path, estimated):
    sources = [str(write_image(tmp_path / f"v{k}.png")) for k in range(6)]

    def estimate(source) -> np.ndarray:
        estimated.append(source.info.path)
        return estimate_background_image(source)

    return BackgroundImages([*sources, str(tmp_path / "missing.mp4")], estimate)


def test_an_image_is_estimated_once(backgrounds, estimated) -> None:
    first = backgrounds.get(0)
    assert backgrounds.get(0) is first
    assert len(estimated) == 1
    decoded = cv2.imdecode(np.frombuffer(backgrounds.encode(0), np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == first.shape == (240, 320, 3)


def test_the_image_used_longest_ago_is_dropped(backgrounds, estimated) -> None:
    for video in (0, 1, 2, 3, 0, 4):
        backgrounds.get(video)
    backgrounds.get(0)
    assert len(estimated) == 5
    backgrounds.get(1)
    assert len(estimated) == 6


def test_the_next_image_is_prepared(backgrounds, estimated) -> None:
    backgrounds.prepare(1)
    wait_for(lambda: len(estimated) == 1)
    backgrounds.get(1)
    assert len(estimated) == 1
    backgrounds.prepare(6)
    backgrounds.prepare(7)
    with pytest.raises(SourceError, match=r"missing\.mp4"):
        backgrounds.get(6)
