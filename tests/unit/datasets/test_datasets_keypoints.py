import numpy as np
import pytest

from murid.datasets.keypoints import compute_box, mark_incomplete_frames, select_body_keypoints
from murid.datasets.raw_labels import Label, RawLabels, ReadOptions

NAMES = ["Nose", "TailBase", "tail_root", "Tail_0", "TailTip", "TTI", "implant"]


def choose(exclude_keypoints):
    return [NAMES[k] for k in select_body_keypoints(NAMES, exclude_keypoints)]


def test_tail_keypoints_are_excluded_except_the_base():
    assert choose(None) == ["Nose", "TailBase", "tail_root", "TTI", "implant"]


def test_patterns_replace_the_default_rule():
    assert choose(("tail*", "IMPLANT")) == ["Nose", "TTI"]
    assert choose(()) == NAMES


def test_box_is_tight_but_for_a_margin_of_the_longer_side():
    points = np.array([[10, 20], [np.nan, 5], [30, 22], [12, 21]], float)
    assert compute_box(points, ReadOptions(margin=0)) == (10, 20, 30, 22)
    assert compute_box(points, ReadOptions(margin=0.1)) == pytest.approx((8, 18, 32, 24))


def test_box_is_clipped_to_the_image():
    points = np.array([[1, 2], [60, 40]], float)
    assert compute_box(points, ReadOptions(margin=0.5), (64, 48)) == (0, 0, 64, 48)


@pytest.mark.parametrize(
    "points", [[[np.nan, 1], [2, np.nan]], [[3, 4], [np.nan, np.nan]], [[3, 4], [3, 4]]]
)
def test_too_few_points_make_no_box(points):
    assert compute_box(np.array(points, float), ReadOptions()) is None


def test_frames_with_fewer_animals_than_the_fullest_are_incomplete(tmp_path):
    labels = [Label(frame, (0, 0, 1, 1), tmp_path, "") for frame in (0, 0, 1)]
    raw = RawLabels("a", tmp_path, is_recording=True, frames=[0, 1, 2], labels=labels)
    mark_incomplete_frames(raw)
    assert raw.incomplete == {1, 2}
