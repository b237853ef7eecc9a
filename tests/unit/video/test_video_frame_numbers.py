from datetime import datetime, timedelta
from pathlib import Path

import pytest

from murid.video.frame_numbers import number_images


def number(*names, left_out=()):
    return number_images([Path(name) for name in names], [Path(name) for name in left_out])


def test_a_gap_keeps_the_numbers():
    found = number("f0008.png", "f0009.png", "f0012.png", "f0013.png")
    assert found.frames.tolist() == [0, 1, 4, 5]
    assert found.names == ("f0010.png", "f0011.png")
    assert found.n_frames == 6


@pytest.mark.parametrize(
    ("names", "first"),
    [
        (["0.png", "1.png"], 0),
        (["1.png", "2.png"], 0),
        (["101.png", "102.png"], 100),
        (["100.png", "200.png"], 0),  # the step says that these count no frames
    ],
)
def test_frames_before_the_first_image(names, first):
    assert number(*names).first == first


def test_names_without_leading_zeros():
    assert number("f8.jpg", "f9.jpg", "f11.jpg", "f12.jpg").names == ("f10.jpg",)
    found = number("rat2_t7_1x.png", "rat2_t8_1x.png", "rat2_t10_1x.png", "rat2_t11_1x.png")
    assert found.names == ("rat2_t9_1x.png",)


def test_a_constant_step_is_no_gap():
    assert number("f100.png", "f200.png", "f300.png").frames.tolist() == [0, 1, 2]
    found = number("f100.png", "f200.png", "f300.png", "f500.png")
    assert found.frames.tolist() == [0, 1, 2, 4]
    assert found.names == ("f400.png",)
    assert number("f1.png", "f9.png").names == ()


@pytest.mark.parametrize(
    "names",
    [
        # times
        ["1700000000123.png", "1700000000156.png", "1700000000190.png"],
        ["t100.png", "t200.png", "t300.png", "t350.png"],
        # more missing than there
        ["f1.png", "f2.png", "f9.png"],
        # several numbers, several prefixes, none
        ["a1_1.png", "a1_3.png", "a2_4.png", "a2_5.png"],
        ["a1.png", "a2.png", "b4.png", "b5.png"],
        ["a.png", "b.png", "c.png"],
        ["f1.png", "f01.png", "f3.png"],
        ["one/f1.png", "two/f2.png", "two/f4.png"],
        ["only7.png"],
    ],
)
def test_numbers_that_are_no_frame_numbers_are_counted(names):
    found = number(*names)
    assert found.frames.tolist() == list(range(len(names)))
    assert found.names == ()


def test_images_that_the_user_left_out_are_not_missing():
    chosen = ["f1.png", "f2.png", "f4.png"]
    assert number(*chosen, left_out=["f3.png"]).names == ()
    assert number(*chosen, left_out=["f5.png"]).names == ("f3.png",)


@pytest.mark.parametrize(
    ("step_s", "n", "text"),
    [
        (1, 40, "%H%M%S"),
        (1, 2000, "%H%M%S"),
        (2, 200, "%Y%m%d%H%M%S"),
        (60, 200, "%H%M%S"),
        (60, 90, "%H%M"),
        (0.1, 1500, "%H%M%S%f"),
    ],
)
def test_times_of_day_have_no_gaps(step_s, n, text):
    start = datetime(2026, 3, 1, 10, 20, 35)
    times = [start + timedelta(seconds=step_s * k) for k in range(n)]
    found = number(*(f"cage_{time.strftime(text)}.png" for time in times))
    assert found.names == ()


@pytest.mark.parametrize("first", [0, 1, 55, 1000])
def test_long_sequences_keep_their_gaps(first):
    names = [f"f{first + k:06d}.png" for k in range(3000) if k not in (70, 71, 1500)]
    assert number(*names).names == tuple(f"f{first + k:06d}.png" for k in (70, 71, 1500))
