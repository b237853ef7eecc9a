from __future__ import annotations

import cv2
import numpy as np
import pytest

from murid.core import Frame
from murid.core.boxes import compute_iou
from murid.detection.background_subtraction import BackgroundDetector, BodyPrior, compute_score
from murid.detection.config import DetectionConfig
from murid.detection.connected_components import Component, find_components
from murid.errors import ArrayError, ConfigError
from murid.video.source import open_source, sample_frames

WIDTH, HEIGHT = 320, 240
FLOOR = 130


def make_background() -> np.ndarray:
    """A grey floor that gets brighter to the right, with a dark wall below."""
    floor = FLOOR + np.linspace(-20, 20, WIDTH)[None, :, None] * np.ones((HEIGHT, 1, 3))
    floor[220:] = 60
    return floor


def draw_animal(scene: np.ndarray, x: float, y: float, value: int, length: int = 40) -> list[float]:
    """Draw a body twice as long as wide, with a tail as long, and return the box of the body."""
    centre = (round(x), round(y))
    cv2.line(scene, centre, (round(x) - length, round(y) - 6), (value,) * 3, 2, cv2.LINE_AA)
    cv2.ellipse(scene, centre, (length // 2, length // 4), 0, 0, 360, (value,) * 3, -1, cv2.LINE_AA)
    return [
        centre[0] - length / 2,
        centre[1] - length / 4,
        centre[0] + length / 2,
        centre[1] + length / 4,
    ]


def make_frame(
    index: int, animals: list[tuple[float, float, int]], gain: float = 1.0
) -> tuple[Frame, np.ndarray]:
    scene = make_background()
    boxes = [draw_animal(scene, *animal) for animal in animals]
    noise = np.random.default_rng(index).normal(0, 2, scene.shape)
    image = np.clip(scene * gain + noise, 0, 255).astype(np.uint8)
    return Frame(index, index / 30, image), np.array(boxes, np.float32).reshape(-1, 4)


def make_recording(n_frames: int = 24) -> tuple[list[Frame], list[np.ndarray]]:
    """A dark and a bright animal, walking in opposite directions."""
    made = [make_frame(t, [(60 + 9 * t, 70, 30), (280 - 9 * t, 160, 230)]) for t in range(n_frames)]
    return [frame for frame, _ in made], [boxes for _, boxes in made]


@pytest.fixture(scope="module")
def fitted() -> BackgroundDetector:
    detector = BackgroundDetector()
    detector.fit(make_recording()[0])
    return detector


def test_dark_and_bright_bodies_without_their_tails(fitted):
    frames, truth = make_recording()
    for found, boxes in zip(fitted.detect([frame.image for frame in frames]), truth, strict=True):
        overlap = compute_iou(boxes, found.boxes)
        assert overlap.shape == (2, 2)
        assert (overlap.max(axis=1) > 0.75).all()
        assert (found.scores > 0.6).all()
        assert (np.diff(found.scores) <= 0).all()
        assert found.embeddings is None


def test_the_background_alone_has_no_detections(fitted):
    (found,) = fitted.detect([make_frame(99, [])[0].image])
    assert len(found) == 0


def test_a_change_of_light_is_not_an_animal(fitted):
    frame, boxes = make_frame(99, [(150, 100, 30)], gain=1.12)
    (found,) = fitted.detect([frame.image])
    assert len(found) == 1
    assert compute_iou(boxes, found.boxes)[0, 0] > 0.7


def test_animals_that_touch_are_one_component(fitted):
    frame, boxes = make_frame(99, [(150, 100, 30), (150, 112, 30)])
    (found,) = fitted.detect([frame.image])
    union = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])[None]
    assert len(found) == 1
    assert compute_iou(union, found.boxes)[0, 0] > 0.8


def test_large_images_give_boxes_in_their_own_pixels():
    frames, truth = make_recording(12)
    large = [Frame(f.index, f.time_s, f.image.repeat(3, axis=0).repeat(3, axis=1)) for f in frames]
    detector = BackgroundDetector(DetectionConfig(max_side_px=WIDTH))
    detector.fit(large)
    (found,) = detector.detect([large[5].image])
    assert (compute_iou(3 * truth[5], found.boxes).max(axis=1) > 0.7).all()


@pytest.mark.parametrize("place", [(120, 90), (160, 205)])
def test_an_animal_that_rested_is_not_part_of_the_background(place):
    made = [
        make_frame(t, [(*place, 30)] if t < 26 else [(40 + 12 * (t - 26), 50, 30)])[0]
        for t in range(40)
    ]
    detector = BackgroundDetector()
    detector.fit(made)  # at rest for 65 % of the frames, so the median shows it
    resting, boxes = make_frame(99, [(*place, 30)])
    at_rest, away = detector.detect([resting.image, made[-1].image])
    assert compute_iou(boxes, at_rest.boxes).max() > 0.7
    assert len(at_rest) == len(away) == 1
    assert away.boxes[0, 1] < 60


def test_scores_rise_with_contrast_and_size():
    prior = BodyPrior(area=500, contrast=8)
    clean = Component((0, 0, 40, 20), 600, 9)
    assert compute_score(clean, prior) > 0.8
    assert compute_score(clean._replace(contrast=1.5), prior) < 0.3
    assert compute_score(clean._replace(area=60), prior) < 0.3
    assert (
        0 <= compute_score(Component((0, 0, 1, 1), 1, 1), prior) <= compute_score(clean, prior) <= 1
    )


def test_components_need_contrast_and_size():
    threshold = np.full((200, 200), 10, np.uint8)
    difference = np.zeros((200, 200), np.uint8)
    difference[20:40, 20:60] = 50
    difference[100:120, 20:60] = 12  # nowhere well above the threshold
    difference[150:153, 150:152] = 90  # a speck
    (component,) = find_components(difference, threshold)
    assert component.box == (20, 20, 60, 40)
    assert component.area == pytest.approx(800, abs=40)
    assert component.contrast == pytest.approx(5, rel=0.05)
    assert find_components(np.full_like(difference, 90), threshold) == []  # everything changed


def test_a_shadow_is_cut_off_by_the_animals_own_contrast():
    threshold = np.full((200, 200), 10, np.uint8)
    difference = np.zeros((200, 200), np.uint8)
    difference[80:100, 60:100] = 25
    difference[60:80, 60:100] = 120
    difference[58:80, 60:100] = 120
    (component,) = find_components(difference, threshold)
    assert component.box == (60, 58, 100, 80)


def test_the_fingerprint_follows_background_and_settings():
    frames, _ = make_recording(10)
    detectors = [
        BackgroundDetector(),
        BackgroundDetector(),
        BackgroundDetector(DetectionConfig(score_threshold=0.3)),
    ]
    assert detectors[0].fingerprint == detectors[1].fingerprint
    for detector in detectors:
        detector.fit(frames)
    fresh = BackgroundDetector()
    assert detectors[0].fingerprint == detectors[1].fingerprint
    assert len({fresh.fingerprint, detectors[0].fingerprint, detectors[2].fingerprint}) == 3
    assert fresh.needs_background


def test_a_threshold_drops_weak_detections():
    frames, _ = make_recording()
    strict = BackgroundDetector(DetectionConfig(score_threshold=1.0))
    strict.fit(frames)
    assert len(strict.detect([frames[3].image])[0]) == 0


def test_detecting_before_fitting_is_refused():
    with pytest.raises(ConfigError, match="fit"):
        BackgroundDetector().detect([make_background().astype(np.uint8)])


def test_too_few_frames_or_different_sizes_are_refused():
    frames, _ = make_recording(3)
    other = Frame(3, 0.1, np.zeros((10, 10, 3), np.uint8))
    for wrong in ([], frames[:2], [*frames, other]):
        with pytest.raises(ArrayError, match="three or more frames of one size"):
            BackgroundDetector().fit(wrong)


def test_an_image_of_another_size_is_refused(fitted):
    with pytest.raises(ArrayError, match="320x240"):
        fitted.detect([np.zeros((100, 100, 3), np.uint8)])


@pytest.mark.data
@pytest.mark.parametrize("clip", ["openfield-1mouse", "tracktor-1mouse"])
def test_one_dark_mouse_in_a_real_arena(data_dir, clip):
    frames = list(sample_frames(open_source(data_dir / "rodents" / clip / "video.mp4"), 40))[4:]
    detector = BackgroundDetector()
    detector.fit(frames)
    found = detector.detect([frame.image for frame in frames])
    best = np.array([d.boxes[0] for d in found if len(d) and d.scores[0] > 0.6])
    assert len(best) >= 0.95 * len(frames)
    sides = best[:, 2:] - best[:, :2]
    # Neither tail nor reflection is in the box.
    assert (sides.max(axis=0) < 2.5 * np.median(sides, axis=0)).all()
    assert (sides.min(axis=0) > 0.4 * np.median(sides, axis=0)).all()
