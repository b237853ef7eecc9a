"""Kinds of scenes and effects of synthetic stills and recordings."""

from dataclasses import replace

import numpy as np
import pytest

from murid.errors import ConfigError
from murid.synthetic import RecordingConfig, StillConfig, make_scenario, make_still, record
from murid.synthetic.animal import Posture, sample_coat
from murid.synthetic.bedding import draw_coarse_bedding
from murid.synthetic.camera import MIN_TONE_DIFFERENCE, sample_washed_out_camera
from murid.synthetic.composition import Shadow, compose_scene
from murid.synthetic.contact import CONTACT_KINDS, arrange_contact
from murid.synthetic.dark_walls import WallReflections, draw_dark_box, place_at_walls
from murid.synthetic.enclosure import Enclosure
from murid.synthetic.litters import PUP_LENGTHS
from murid.synthetic.overlays import add_overlay
from murid.synthetic.rodent import render_from_above
from murid.synthetic.scenarios import TRAINING_SCENARIOS
from murid.synthetic.sprite import blur_along
from murid.synthetic.steel import add_steel
from murid.synthetic.still_config import EXCLUSIVE_KINDS

EFFECTS = ("steel", "overlays", "washed_out", "motion_blur")
LIGHT = np.array([0, 0, 1], np.float32)
WALLS = (60.0, 40.0, 200.0, 170.0)
PLAIN = StillConfig(
    size_px=160, empty=0.0, backgrounds=1.0, **dict.fromkeys((*EXCLUSIVE_KINDS, *EFFECTS), 0.0)
)


def render(length_px=60.0, heading=0.0, seed=0):
    rng = np.random.default_rng(seed)
    return render_from_above(sample_coat(rng), Posture(heading), length_px, LIGHT, rng)


@pytest.mark.parametrize("name", [*EXCLUSIVE_KINDS, *EFFECTS])
def test_each_kind_changes_images_and_is_the_same_for_a_seed(name):
    config = replace(PLAIN, **{name: 1.0})
    for seed in range(3):
        still = make_still(seed, config)
        np.testing.assert_array_equal(still.image, make_still(seed, config).image)
        assert still.image.shape == still.background.shape == (160, 160, 3)
    plain = [make_still(seed, PLAIN).image for seed in range(3)]
    changed = [make_still(seed, config).image for seed in range(3)]
    assert not all(np.array_equal(a, b) for a, b in zip(plain, changed, strict=True))


def test_shares_are_validated():
    with pytest.raises(ConfigError, match=r"stills\.litters: expected a share from 0 to 1, got 2"):
        StillConfig(litters=2)
    with pytest.raises(ConfigError, match="sum of 1 or less"):
        StillConfig(litters=0.6, contacts=0.6)


def test_a_litter_has_one_dam_and_smaller_pups_without_identity():
    config = replace(PLAIN, size_px=256, litters=1.0)
    n_pups = 0
    for seed in range(12):
        still = make_still(seed, config)
        diagonals = np.hypot(*(still.boxes[:, 2:] - still.boxes[:, :2]).T)
        is_pup = still.identities == -1
        assert (~is_pup).sum() <= 1
        n_pups += is_pup.sum()
        size = still.boxes.max() < 255 and still.boxes.min() > 0
        if (~is_pup).any() and is_pup.any() and size:
            assert diagonals[is_pup].max() < 0.75 * diagonals[~is_pup][0]
    assert n_pups >= 24


def test_pups_of_recordings_are_smaller_and_alike():
    config = replace(make_scenario("litter", 1), n_frames=1, width=480, height=360)
    boxes = next(iter(record(config))).truth
    lengths = np.hypot(*(boxes.boxes[:, 2:] - boxes.boxes[:, :2]).T)
    pups = lengths[boxes.animal_indices < config.n_pups]
    assert len(pups) >= 3
    assert pups.max() < PUP_LENGTHS[1] * 1.3 * config.body_px
    assert lengths.max() > 0.6 * config.body_px


def test_reflections_are_dim_on_the_walls_and_get_no_box():
    rng = np.random.default_rng(3)
    box = draw_dark_box(rng, 220, 260, WALLS, 0.6)
    box = replace(box, enclosure=replace(box.enclosure, light=None))
    reflections = WallReflections(box, 0.7, 0.8, 0.5, 60.0)
    sprite = replace(render(), image=np.ones_like(render().image))
    position = np.array([[72.0, 100.0]])
    enclosure = reflections.add([sprite], position)
    changed = np.abs(enclosure.image - box.enclosure.image).max(axis=2) > 0.05
    assert changed.sum() > 100
    assert not (changed & box.enclosure.floor).any()
    assert enclosure.image[changed].mean() < 0.8
    _, truth = compose_scene(enclosure, [sprite], position, Shadow(0), 0)
    assert len(truth.boxes) == 1
    # Far from all walls nothing is mirrored.
    far = reflections.add([sprite], np.array([[130.0, 105.0]]))
    np.testing.assert_array_equal(far.image, box.enclosure.image)


def test_light_darkens_animals_too():
    image = np.full((100, 100, 3), 0.5, np.float32)
    dark = replace(Enclosure.uncovered(image), light=np.full((100, 100), 0.25, np.float32))
    position = np.array([[50.0, 50.0]])
    bright_scene, _ = compose_scene(Enclosure.uncovered(image), [render()], position, Shadow(0))
    dark_scene, _ = compose_scene(dark, [render()], position, Shadow(0))
    unsaturated = bright_scene < 1
    np.testing.assert_allclose(dark_scene[unsaturated], 0.25 * bright_scene[unsaturated], atol=1e-5)


def test_animals_are_near_dark_walls():
    positions = place_at_walls(np.random.default_rng(0), WALLS, (220, 260), 200, 50.0)
    left, top, right, bottom = WALLS
    x, y = positions.T
    distance = np.min([np.abs(x - left), np.abs(x - right), np.abs(y - top), np.abs(y - bottom)], 0)
    assert np.median(distance) < 0.5 * 50


def test_static_overlays_are_in_the_background_and_changing_ones_differ():
    image = np.full((200, 200, 3), 120, np.uint8)
    no_boxes = np.zeros((0, 4), np.float32)
    n_equal = n_different = 0
    for seed in range(30):
        drawn, background = add_overlay(np.random.default_rng(seed), image, image, no_boxes)
        in_image = (np.abs(drawn.astype(int) - 120) > 60).any(axis=2)
        in_background = (np.abs(background.astype(int) - 120) > 60).any(axis=2)
        assert in_background.any()
        if in_image.any():
            n_equal += (in_image & in_background).sum() > 0.2 * in_background.sum()
        n_different += (in_image & ~in_background).sum() > 30
    assert n_equal > 22
    assert n_different > 8
    assert (image == 120).all()


def test_boxes_of_a_tracker_are_drawn_on_the_image_alone():
    image = np.full((200, 200, 3), 120, np.uint8)
    boxes = np.array([[60, 80, 130, 120]], np.float32)
    differing = 0
    for seed in range(40):
        none, _ = add_overlay(np.random.default_rng(seed), image, None, boxes[:0])
        some, _ = add_overlay(np.random.default_rng(seed), image, None, boxes)
        differing += np.abs(some.astype(int) - none).max() > 100
    assert 4 < differing < 30


def test_steel_is_the_same_for_a_seed_and_moves_with_the_shift():
    enclosure = Enclosure.uncovered(np.full((160, 160, 3), 0.5, np.float32))
    for seed in range(12):
        first = add_steel(seed, enclosure)
        np.testing.assert_array_equal(first.image, add_steel(seed, enclosure).image)
        moved = add_steel(seed, enclosure, (6.0, 0.0))
        changed = (first.image != 0.5).any() or first.cover_alpha.any()
        if changed:
            assert not (
                np.array_equal(first.image, moved.image)
                and np.array_equal(first.cover_alpha, moved.cover_alpha)
            )
        assert first.image.min() >= 0
        assert first.image.max() <= 1
    assert (enclosure.image == 0.5).all()


def test_washed_out_cameras_keep_animals_apart_from_the_floor():
    styles = set()
    for seed in range(60):
        camera = sample_washed_out_camera(np.random.default_rng(seed), 0.6, [0.1, 0.35])
        tones = camera.gain * np.array([0.6, 0.1, 0.35]) ** camera.gamma + camera.offset
        tones = np.clip(tones, 0, 1)
        assert (np.abs(tones[1:] - tones[0]) >= MIN_TONE_DIFFERENCE - 1e-9).all()
        styles.add("white" if tones[0] == 1 else "faded" if camera.gain < 0.56 else "other")
    assert styles == {"white", "faded", "other"}


def test_bedding_has_the_given_brightness_and_contrast():
    colour = np.full(3, 0.5)
    for seed in range(6):
        bedding = draw_coarse_bedding(np.random.default_rng(seed), 200, 220, colour, 0.1)
        assert bedding.shape == (200, 220, 3)
        assert abs(bedding.mean() - 0.5) < 0.03
        assert 0.02 < bedding.std() < 0.08


def test_camouflaged_animals_are_as_bright_as_the_floor():
    def measure(config):
        differences = []
        for seed in range(25):
            still = make_still(seed, config)
            for x1, y1, x2, y2 in still.boxes.astype(int):
                centre = still.image[(y1 + y2) // 2 - 2 :, (x1 + x2) // 2 - 2 :][:5, :5]
                differences.append(abs(centre.mean() - np.median(still.image)))
        return np.median(differences)

    assert measure(replace(PLAIN, camouflage=1.0)) < 0.7 * measure(PLAIN)


@pytest.mark.parametrize("kind", CONTACT_KINDS)
def test_bodies_in_contact_touch(kind):
    rng = np.random.default_rng(5)
    n_touching = 0
    for _ in range(10):
        contact = arrange_contact(rng, kind, np.array([150.0, 150.0]), 60.0)
        assert len(contact.positions) == (3 if kind == "chain" else 2)
        sprites = [render(60.0, float(heading)) for heading in contact.headings]
        enclosure = Enclosure.uncovered(np.full((300, 300, 3), 0.5, np.float32))
        _, truth = compose_scene(enclosure, sprites[:2], contact.positions[:2], Shadow(0))
        masks = [truth.labels == k for k in range(2)]
        ys, xs = np.nonzero(masks[0])
        other = np.argwhere(masks[1])[:, ::-1]
        gaps = np.linalg.norm(other[:, None] - np.column_stack([xs, ys])[None], axis=2)
        n_touching += gaps.min() < 0.12 * 60
    assert n_touching >= 8


def test_a_head_at_the_edge_of_the_image_has_a_box():
    sprite = render(80.0, 0.0)
    enclosure = Enclosure.uncovered(np.full((120, 120, 3), 0.5, np.float32))
    position = np.array([[-18.0, 60.0]])
    _, usual = compose_scene(enclosure, [sprite], position, Shadow(0))
    _, truth = compose_scene(enclosure, [sprite], position, Shadow(0), min_cut_visibility=0.12)
    assert len(usual.boxes) == 0
    ys, xs = np.nonzero(truth.labels == 0)
    np.testing.assert_array_equal(truth.boxes, [[0, ys.min(), xs.max() + 1, ys.max() + 1]])
    assert 0.12 <= truth.visible_fractions[0] < 0.25


def test_motion_blur_spreads_the_animal_and_keeps_its_box():
    sprite = render(60.0)
    blurred = blur_along(sprite, 20.0, 0.0)
    enclosure = Enclosure.uncovered(np.zeros((200, 200, 3), np.float32))
    position = np.array([[100.0, 100.0]])
    _, sharp_truth = compose_scene(enclosure, [sprite], position, Shadow(0))
    _, truth = compose_scene(enclosure, [blurred], position, Shadow(0))
    np.testing.assert_array_equal(truth.boxes, sharp_truth.boxes)
    widths = [(s.alpha > 0.05).any(axis=0).sum() for s in (sprite, blurred)]
    heights = [(s.alpha > 0.05).any(axis=1).sum() for s in (sprite, blurred)]
    assert widths[0] + 12 <= widths[1] <= widths[0] + 24
    assert abs(heights[1] - heights[0]) <= 2


@pytest.mark.parametrize("name", TRAINING_SCENARIOS)
def test_training_scenarios_can_be_recorded(name):
    config = replace(make_scenario(name, 2), n_frames=2, width=320, height=240, body_px=40.0)
    images = [recorded.frame.image for recorded in record(config)]
    again = [recorded.frame.image for recorded in record(config)]
    np.testing.assert_array_equal(images, again)


def test_animals_move_at_two_frames_a_second_as_at_thirty():
    def measure(fps: float) -> tuple[float, float]:
        config = RecordingConfig(
            n_animals=4, fps=fps, n_frames=int(60 * fps), width=200, height=150, body_px=14, seed=4
        )
        # Positions every half second; of the frames between, none is rendered.
        recorded = record(config, every=int(fps / 2))
        moved = np.diff([frame.positions for frame in recorded], axis=0)
        distances = np.linalg.norm(moved, axis=2)
        # How far the direction turns from one half second to the next, where the animals run.
        runs = (distances[1:] > 7) & (distances[:-1] > 7)
        angles = np.arctan2(moved[..., 1], moved[..., 0])
        turns = np.abs((np.diff(angles, axis=0) + np.pi) % (2 * np.pi) - np.pi)
        return float(distances.mean()), float(turns[runs].mean())

    distance, turn = measure(2.0)
    expected_distance, expected_turn = measure(30.0)
    assert distance == pytest.approx(expected_distance, rel=0.25)
    assert turn < 1.5 * expected_turn


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_pups": 4, "n_animals": 4}, "n_pups"),
        ({"n_pups": 1, "present": (0, 1)}, "present"),
        ({"exposure_s": 0.1, "fps": 30.0}, "exposure_s"),
        ({"enclosure": "dark", "view": "tilted"}, "view"),
    ],
)
def test_wrong_settings_of_recordings_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        RecordingConfig(**settings)


def test_random_recordings_have_all_effects():
    configs = [make_scenario("random", seed) for seed in range(120)]
    assert {config.fps for config in configs} == {2.0, 10.0, 25.0, 30.0, 50.0}
    assert any(config.enclosure == "dark" for config in configs)
    assert any(config.n_pups for config in configs)
    assert any(config.steel for config in configs)
    assert any(config.exposure_s for config in configs)


def test_motion_blur_keeps_the_keypoints_in_place():
    sprite = render(60.0)
    blurred = blur_along(sprite, 20.0, 6.0)
    before = sprite.keypoints - sprite.origin
    np.testing.assert_allclose(blurred.keypoints - blurred.origin, before, atol=1e-4)
