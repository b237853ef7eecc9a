import pytest
from arena_videos import write_image


@pytest.fixture
def video(tmp_path):
    return write_image(tmp_path / "cage.png")


@pytest.fixture
def next_video(tmp_path):
    return write_image(tmp_path / "next.png")
