"""Keypoints keep marking the same image content, whatever is done to the image."""

from dataclasses import replace

import numpy as np
import pytest

from murid.core.keypoints import CENTRE, NOSE, TAIL_BASE
from murid.synthetic.animal import Posture, sample_coat, sample_coat_of_breed, sample_posture
from murid.synthetic.camera import CameraModel
from murid.synthetic.clips import ClipFrame, encode_jpeg, find_solo_frames, sample_window
from murid.synthetic.composition import Shadow, compose_scene
from murid.synthetic.cutouts import Cutout, cut_out_animal, extract_cutout, find_animal
from murid.synthetic.enclosure import Enclosure
from murid.synthetic.keypoint_truth import drop_outside, make_unknown_keypoints
from murid.synthetic.recording import RecordingConfig, record
from murid.synthetic.rodent import render_from_above, render_from_side
from murid.synthetic.skeleton import pose_from_above, pose_from_side
from murid.synthetic.solo_segments import SoloSegment
from murid.synthetic.sprite import Sprite, compress_sprite, flip_sprite, resize_sprite
from murid.synthetic.still import StillConfig, _augment_cutout, make_still

LIGHT = np.array([0, 0, 1], np.float32)
# Columns and rows of the markers: each keypoint has a channel of its own.
MARKERS = [(10, 12), (22, 20), (36, 31)]
# Half the side of a marker, pixels.
RADIUS = 2


def make_marked_sprite() -> Sprite:
    """Black sprite with a coloured square at each keypoint."""
    image = np.zeros((44, 50, 3), np.float32)
    for channel, (x, y) in enumerate(MARKERS):
        image[y - RADIUS : y + RADIUS, x - RADIUS : x + RADIUS, channel] = 1
    opaque = np.ones(image.shape[:2], np.float32)
    origin = np.array([25, 22], np.float32)
    return Sprite(image, opaque, opaque, origin, np.array(MARKERS, np.float32))


def find_markers(image: np.ndarray) -> np.ndarray:
    """Centroid ``(3, 2)`` of each channel, from the corner of the image."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    # What is above the other channels: outside of a frame, windows are grey.
    colours = image - np.median(image, axis=2, keepdims=True).astype(np.float64)
    weights = np.clip(colours - 0.3 * colours.max(), 0, None)
    total = weights.sum(axis=(0, 1))
    sums = [(weights * axis[..., None]).sum(axis=(0, 1)) for axis in (x, y)]
    return np.stack([s / total for s in sums], axis=1)


def assert_marked(sprite: Sprite, atol: float = 0.3) -> None:
    np.testing.assert_allclose(sprite.keypoints, find_markers(sprite.image), atol=atol)


def compute_body_length(keypoints: np.ndarray) -> float:
    return float(np.linalg.norm(keypoints[NOSE] - keypoints[TAIL_BASE]))


@pytest.mark.parametrize(
    "transform",
    [
        lambda sprite: resize_sprite(sprite, 1.71),
        lambda sprite: resize_sprite(sprite, 0.63),
        lambda sprite: compress_sprite(sprite, 0.78),
        lambda sprite: flip_sprite(sprite, left_right=True),
        lambda sprite: flip_sprite(sprite, up_down=True),
    ],
)
def test_keypoints_follow_the_sprite(transform):
    sprite = make_marked_sprite()
    assert_marked(sprite)
    assert_marked(transform(sprite))


def test_keypoints_follow_a_rotated_cutout():
    mirrored = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        sprite = _augment_cutout(rng, [make_marked_sprite()], 60.0, 1.0)
        assert_marked(sprite)
        (ax, ay), (bx, by) = sprite.keypoints[1:] - sprite.keypoints[:2]
        mirrored.add(bool(ax * by - ay * bx > 0))
    assert mirrored == {True, False}


def test_keypoints_follow_a_solo_animal_into_the_arena():
    segment = SoloSegment(0, 0, (True, False), (25.0, 22.0), (100.0, 90.0), zoom=1.4)
    cutout = segment.transform_cutout(Cutout(make_marked_sprite(), np.array([25.0, 22.0])), 0.0)
    assert_marked(cutout.sprite)


def test_keypoints_follow_the_scene():
    enclosure = Enclosure.uncovered(np.zeros((120, 160, 3), np.float32))
    position = np.array([[70.3, 60.8]])
    scene, truth = compose_scene(enclosure, [make_marked_sprite()], position, Shadow(strength=0))
    assert truth.keypoints.shape == (1, 3, 2)
    np.testing.assert_allclose(truth.keypoints[0], find_markers(scene), atol=0.1)


def test_points_outside_of_the_image_are_unknown():
    enclosure = Enclosure.uncovered(np.zeros((120, 160, 3), np.float32))
    # The sprite begins at column -15: only the first marker, at column 10, is outside.
    position = np.array([[10.0, 60.0]])
    _, truth = compose_scene(enclosure, [make_marked_sprite()], position, Shadow(strength=0))
    np.testing.assert_array_equal(np.isnan(truth.keypoints[0, :, 0]), [True, False, False])
    assert truth.keypoints[0, CENTRE, 0] == pytest.approx(22 - 15)


def test_a_hidden_point_is_known_unless_the_box_spans_the_visible_part():
    enclosure = Enclosure.uncovered(np.zeros((120, 160, 3), np.float32))
    sprite = make_marked_sprite()
    positions = {}
    # The second animal hides the first one from the right: 30 %, and then 60 % of it.
    for hidden in (0.3, 0.6):
        both = np.array([[60.0, 60.0], [60.0 + 50 * (1 - hidden), 60.0]])
        _, truth = compose_scene(enclosure, [sprite, sprite], both, Shadow(strength=0))
        positions[hidden] = truth.keypoints[0]
    assert np.isfinite(positions[0.3]).all()
    np.testing.assert_array_equal(np.isnan(positions[0.6][:, 0]), [False, True, True])


def test_points_far_from_their_box_are_dropped():
    keypoints = np.array([[[5, 5], [13, 9], [16, 5]]], np.float32)
    boxes = np.array([[0, 0, 10, 10]], np.float32)
    kept = drop_outside(keypoints, boxes, 100, 100, max_outside=0.25)
    np.testing.assert_array_equal(kept, [[[5, 5], [13, 9], [np.nan, np.nan]]])


def test_keypoints_follow_the_window():
    image = np.zeros((200, 280, 3), np.uint8)
    points = np.array([[100, 90], [120, 100], [140, 116]], np.float32)
    for channel, (x, y) in enumerate(points.astype(int).tolist()):
        image[y - 4 : y + 4, x - 4 : x + 4, channel] = 255
    boxes = np.array([[94, 84, 146, 122]], np.float32)
    background = encode_jpeg(np.zeros_like(image))
    frame = ClipFrame(encode_jpeg(image), background, boxes, np.array([1]), points[None])
    # Nothing is drawn over the markers.
    config = StillConfig(size_px=128, body_px=(40, 90), overlays=0.0)
    camera = CameraModel(mono=False, noise=0.0, blur_px=0)
    n_compared = 0
    turns = set()
    for seed in range(40):
        still = sample_window(np.random.default_rng(seed), frame, camera, config)
        if len(still.boxes) == 0:
            assert still.keypoints.shape == (0, 3, 2)
            continue
        known = still.keypoints[0]
        if np.isnan(known).any() or (known < 8).any() or (known > 120).any():
            continue
        np.testing.assert_allclose(known, find_markers(still.image), atol=0.4)
        n_compared += 1
        turns.add(tuple(np.sign(known[TAIL_BASE] - known[NOSE])))
    assert n_compared > 10
    assert len(turns) == 4


@pytest.mark.parametrize("heading", [-2.5, -0.4, 0.9, 3.0])
def test_nose_is_ahead_of_centre_ahead_of_tail_base_from_above(heading):
    rng = np.random.default_rng(3)
    ahead = np.array([np.cos(heading), np.sin(heading)])
    for _ in range(20):
        posture = replace(sample_posture(rng), heading=heading, bend=rng.normal(0, 0.4))
        along = pose_from_above(sample_coat(rng), posture).keypoints @ ahead
        assert along[NOSE] > along[CENTRE] > along[TAIL_BASE]


@pytest.mark.parametrize("heading", [0.2, 2.9])
def test_nose_is_ahead_of_centre_ahead_of_tail_base_from_the_side(heading):
    rng = np.random.default_rng(3)
    sign = np.sign(np.cos(heading))
    for _ in range(20):
        posture = replace(sample_posture(rng), heading=heading, rear=rng.uniform(0, 0.4), bend=0.2)
        coat = sample_coat(rng)
        x = pose_from_side(coat, posture).keypoints[:, 0]
        assert x[NOSE] > x[CENTRE] > x[TAIL_BASE]
        x = render_from_side(coat, posture, 60, LIGHT, rng).keypoints[:, 0] * sign
        assert x[NOSE] > x[CENTRE] > x[TAIL_BASE]


@pytest.mark.parametrize("render", [render_from_above, render_from_side])
@pytest.mark.parametrize("length_px", [25.0, 60.0, 130.0])
def test_keypoints_lie_on_the_rendered_body(render, length_px):
    """The ends are on the outline of the body, the centre within it."""
    rng = np.random.default_rng(5)
    for _ in range(15):
        sprite = render(sample_coat(rng), sample_posture(rng), length_px, LIGHT, rng)
        body = sprite.body > 0.5
        ys, xs = np.nonzero(body)
        pixels = np.column_stack([xs, ys]) + 0.5
        low, high = pixels.min(axis=0) - 0.5, pixels.max(axis=0) + 0.5
        margin = 0.02 * length_px + 1
        assert (sprite.keypoints >= low - margin).all()
        assert (sprite.keypoints <= high + margin).all()
        distances = np.linalg.norm(pixels[:, None] - sprite.keypoints, axis=2).min(axis=0)
        assert (distances < margin).all()
        x, y = sprite.keypoints[CENTRE].astype(int)
        assert body[y, x]


def test_recordings_and_stills_have_keypoints_in_their_boxes():
    config = RecordingConfig(n_animals=3, n_frames=8, width=320, height=240, seed=4)
    truths = [recorded.truth for recorded in record(config)]
    stills = [make_still(seed, StillConfig(size_px=128)) for seed in range(12)]
    n_known = 0
    for boxes, keypoints in [(t.boxes, t.keypoints) for t in truths] + [
        (still.boxes, still.keypoints) for still in stills
    ]:
        assert keypoints.shape == (len(boxes), 3, 2)
        assert keypoints.dtype == np.float32
        size = boxes[:, None, 2:] - boxes[:, None, :2]
        margin = 0.1 * np.linalg.norm(size, axis=2, keepdims=True) + 1e-3
        known = np.isfinite(keypoints)
        n_known += known.all(axis=2).sum()
        assert ((keypoints >= boxes[:, None, :2] - margin) | ~known).all()
        assert ((keypoints <= boxes[:, None, 2:] + margin) | ~known).all()
    assert n_known > 100
    again = [recorded.truth.keypoints for recorded in record(config)]
    for truth, keypoints in zip(truths, again, strict=True):
        np.testing.assert_array_equal(truth.keypoints, keypoints)


def draw_animal(seed: int, length_px: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image of a dark animal, its background, and its true keypoints in the image."""
    rng = np.random.default_rng(seed)
    coat = sample_coat_of_breed("black", rng)
    posture = Posture(
        heading=float(rng.uniform(-np.pi, np.pi)),
        bend=float(rng.normal(0, 0.4)),
        neck=float(rng.normal(0, 0.1)),
        stretch=float(rng.uniform(0.85, 1.15)),
        tail_bend=float(rng.normal(0, 0.8)),
    )
    sprite = render_from_above(coat, posture, length_px, LIGHT, rng)
    height, width = sprite.alpha.shape
    background = np.full((height + 60, width + 80, 3), 200, np.uint8)
    image = background.astype(np.float32) / 255
    window = image[30 : 30 + height, 40 : 40 + width]
    alpha = sprite.alpha[..., None]
    window[:] = window * (1 - alpha) + sprite.image * alpha
    keypoints = sprite.keypoints + np.array([40, 30], np.float32)
    return (255 * image).astype(np.uint8), background, keypoints


@pytest.mark.parametrize("length_px", [60.0, 110.0])
def test_keypoints_are_recovered_from_a_cutout(length_px):
    n_known = 0
    n_animals = 25
    for seed in range(n_animals):
        image, background, expected = draw_animal(seed, length_px)
        found = find_animal(image, background)
        assert found is not None
        if np.isnan(found.keypoints).any():
            assert np.isnan(found.keypoints).all()
            continue
        n_known += 1
        errors = np.linalg.norm(found.keypoints - expected, axis=1) / compute_body_length(expected)
        assert errors[NOSE] < 0.08
        assert errors[TAIL_BASE] < 0.08
        assert errors[CENTRE] < 0.12
        # The sprites of all functions carry them, in their own pixels.
        sprite = cut_out_animal(image, background)
        cutout = extract_cutout(image, background)
        np.testing.assert_array_equal(sprite.keypoints, cutout.sprite.keypoints)
        (left, top) = (found.keypoints - sprite.keypoints)[NOSE].round().astype(int)
        height, width = sprite.alpha.shape
        pixels = image[top : top + height, left : left + width]
        np.testing.assert_allclose(255 * sprite.image, pixels, atol=0.01)
        (solo,) = find_solo_frames([image], background)
        np.testing.assert_allclose(solo.keypoints[0], found.keypoints, atol=0.01)
    assert n_known >= 0.6 * n_animals


def test_an_animal_without_a_tail_has_unknown_keypoints():
    background = np.full((120, 160, 3), 200, np.uint8)
    image = background.copy()
    y, x = np.mgrid[:120, :160]
    image[((x - 80) / 35) ** 2 + ((y - 60) / 14) ** 2 < 1] = 20
    found = find_animal(image, background)
    np.testing.assert_array_equal(found.keypoints, make_unknown_keypoints())


def test_a_round_animal_has_unknown_keypoints():
    """A disc with a tail: where its nose is cannot be seen."""
    background = np.full((120, 200, 3), 200, np.uint8)
    image = background.copy()
    y, x = np.mgrid[:120, :200]
    image[np.hypot(x - 80, y - 60) < 26] = 20
    image[58:62, 100:150] = 60
    found = find_animal(image, background)
    np.testing.assert_array_equal(found.keypoints, make_unknown_keypoints())


def test_a_tail_at_the_side_of_the_body_gives_no_keypoints():
    background = np.full((160, 200, 3), 200, np.uint8)
    image = background.copy()
    y, x = np.mgrid[:160, :200]
    image[((x - 80) / 45) ** 2 + ((y - 60) / 16) ** 2 < 1] = 20
    image[70:120, 78:82] = 60
    found = find_animal(image, background)
    np.testing.assert_array_equal(found.keypoints, make_unknown_keypoints())


def test_an_animal_before_a_wall_of_its_own_colour_has_unknown_keypoints():
    """Its head may be hidden before the dark wall, so that the outline ends too early."""
    image, background, keypoints = draw_animal(2, 60)
    known = find_animal(image, background)
    assert np.isfinite(known.keypoints).all()
    start = round(float(keypoints[CENTRE, 0]))
    dark = image[tuple(np.round(keypoints[CENTRE, ::-1]).astype(int))]
    columns = np.s_[:, start:] if keypoints[NOSE, 0] > keypoints[CENTRE, 0] else np.s_[:, :start]
    image[columns] = dark
    background[columns] = dark
    found = find_animal(image, background)
    assert found is None or np.isnan(found.keypoints).all()
