"""The second pass: scale of the images, which frames are used, and matches through a contact."""

import numpy as np
import pytest

from murid.appearance.collectors import (
    MAX_FUR_FPS,
    MIN_BODY_PX,
    BodyScale,
    FurCollector,
    PointMatchCollector,
)
from murid.core import Frame
from murid.core.types import Detections, DetectionTable
from murid.video import UnreadableFrame
from murid.video.background_model import BackgroundModel

HEIGHT, WIDTH = 160, 320
FLOOR = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
BACKGROUND = BackgroundModel(FLOOR, np.full((HEIGHT, WIDTH), 10, np.uint8))


def draw(positions):
    """Image and boxes of dark animals of coarse fur, 60 px long, at xy positions."""
    image = FLOOR.copy()
    y, x = np.mgrid[:60, :60] - 29.5
    inside = (x / 30) ** 2 + (y / 20) ** 2 < 1
    boxes = []
    for seed, (left, top) in enumerate(positions):
        rng = np.random.default_rng(seed)
        fur = np.kron(rng.integers(20, 110, (15, 15)), np.ones((4, 4))).astype(np.uint8)
        image[top : top + 60, left : left + 60][inside] = fur[inside][:, None]
        boxes.append([left, top + 10, left + 60, top + 50])
    return image, np.array(boxes, np.float32)


def make_table(boxes_by_frame):
    return DetectionTable.from_frames(
        [Detections(boxes, np.full(len(boxes), 0.9, np.float32)) for boxes in boxes_by_frame]
    )


def find_rows(table, t):
    return np.arange(*table.frame_offsets[t : t + 2])


def make_contact():
    """Frames in which one animal passes another, and one box holds both for a while."""
    frames = []
    boxes_by_frame = []
    for t in range(60):
        image, boxes = draw([(20 + 4 * t, 30), (150, 70)])
        frames.append(Frame(t, t / 30, image))
        if 25 <= t < 35:
            boxes = np.append(boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0))[None]
        boxes_by_frame.append(boxes)
    return frames, make_table(boxes_by_frame)


def collect_matches(frames, table):
    points = PointMatchCollector(BodyScale.of(table), BACKGROUND, 30.0)
    for frame in frames:
        points.add(frame, find_rows(table, frame.index))
    return points.finish()


@pytest.mark.parametrize(("body_px", "factor"), [(40, 1), (127, 1), (128, 2), (200, 3)])
def test_images_are_shrunk_until_a_body_is_short(body_px, factor):
    boxes = np.array([[0, 0, body_px, 20]], np.float32)
    scale = BodyScale.of(make_table([boxes] * 3))
    assert scale.factor == factor
    assert scale.body_px == pytest.approx(body_px / factor)
    assert scale.body_px >= min(body_px, MIN_BODY_PX)
    np.testing.assert_allclose(scale.table.boxes[0] * factor, boxes[0])
    unreadable = UnreadableFrame(1, 0.1, "damaged")
    shown, skipped = scale.shrink([Frame(0, 0.0, FLOOR), unreadable])
    assert shown.image.shape == (HEIGHT // factor, WIDTH // factor, 3)
    assert skipped is unreadable


@pytest.mark.parametrize(("fps", "every"), [(10.0, 1), (25.0, 1), (29.97, 2), (47.0, 3)])
def test_fur_is_described_a_few_times_per_second(fps, every):
    assert MAX_FUR_FPS <= max(fps, MAX_FUR_FPS) / every * 1.1 < 2.2 * MAX_FUR_FPS
    image, boxes = draw([(20, 50), (170, 50)])
    table = make_table([boxes] * 12)
    fur = FurCollector(BodyScale.of(table), BACKGROUND, fps)
    for t in range(12):
        fur.add(Frame(t, t / fps, image), find_rows(table, t))
    found = fur.finish()
    assert len(found.values) == len(found.rows) == 2 * len(range(0, 12, every))
    assert set(table.frame_numbers[found.rows]) == set(range(0, 12, every))


def test_points_match_the_animals_before_and_after_a_contact():
    frames, table = make_contact()
    matches = collect_matches(frames, table)
    # The animals stay above and below each other.
    is_first = table.boxes[:, 1] < 60
    before = matches.before
    across = (table.frame_numbers[matches.after] >= 35)[:, None] & (before >= 0)
    across &= table.frame_numbers[before] < 25
    same = is_first[matches.after][:, None] == is_first[before]
    assert matches.counts[across & same].sum() > 20
    assert matches.counts[across & ~same].sum() < 0.1 * matches.counts[across & same].sum()


def test_points_match_the_same_each_time():
    frames, table = make_contact()
    first, second = (collect_matches(frames, table) for _ in range(2))
    np.testing.assert_array_equal(first.after, second.after)
    np.testing.assert_array_equal(first.before, second.before)
    np.testing.assert_array_equal(first.counts, second.counts)


def test_points_are_not_tracked_where_nothing_is_in_doubt(monkeypatch):
    boxes = draw([(20, 50), (170, 50)])[1]
    table = make_table([boxes] * 120)
    points = PointMatchCollector(BodyScale.of(table), BACKGROUND, 30.0)
    tracked = []
    track = points._tracker.track

    def count_and_track(image, boxes):
        tracked.append(len(boxes))
        return track(image, boxes)

    monkeypatch.setattr(points._tracker, "track", count_and_track)
    for t in range(120):
        points.add(Frame(t, t / 30, FLOOR), find_rows(table, t))
    # A second at the beginning and at the end of the recording.
    assert len(tracked) == pytest.approx(60, abs=2)
