import numpy as np
import pytest

from murid.synthetic.animal import Posture, sample_coat_of_breed
from murid.synthetic.cutouts import Cutout
from murid.synthetic.rodent import render_from_above
from murid.synthetic.solo_segments import SoloSegment, SoloSummary, choose_segments


@pytest.fixture
def cutout() -> Cutout:
    rng = np.random.default_rng(0)
    light = np.array([0, 0, 1], np.float32)
    coat = sample_coat_of_breed("black", rng)
    sprite = render_from_above(coat, Posture(0.5), 60, light, rng)
    return Cutout(sprite, np.array([90.0, 60.0]))


def make_summary(n_frames: int, seed: int = 0) -> SoloSummary:
    """Summary of an animal that walks at random around (120, 120)."""
    rng = np.random.default_rng(seed)
    path = np.cumsum(rng.normal(0, 8, (n_frames // 5, 2)), axis=0)
    positions = 120 + 60 * np.tanh(path / 60)
    return SoloSummary(np.arange(0, n_frames, 5), positions, area_px=1200.0, brightness=0.1)


def choose(
    seed: int = 0, n_animals: int = 4, n_solos: int = 1, recolour: bool = True
) -> list[SoloSegment]:
    """Segments of 300 frames from recordings of 3000."""
    return choose_segments(
        np.random.default_rng(seed),
        [make_summary(3000, k) for k in range(n_solos)],
        n_animals,
        300,
        floor_brightness=0.8,
        same_arena=True,
        recolour=recolour,
        coloured=False,
    )


def test_mirroring_moves_the_animal_to_the_other_side(cutout):
    segment = SoloSegment(0, 0, (True, True), (100.0, 70.0), (100.0, 70.0))
    mirrored = segment.transform_cutout(cutout, 0.1)
    np.testing.assert_allclose(mirrored.position, [200, 140] - cutout.position)
    np.testing.assert_array_equal(mirrored.sprite.body, cutout.sprite.body[::-1, ::-1])
    restored = segment.transform_positions(mirrored.position)
    np.testing.assert_array_equal(restored, cutout.position)


@pytest.mark.parametrize("brightness", [0.4, 0.7])
def test_recoloured_animal_has_the_requested_brightness_and_keeps_its_shape(cutout, brightness):
    body = cutout.sprite.body > 0.5
    original = float(np.median(cutout.sprite.image[body]))
    segment = SoloSegment(0, 0, (False, False), (0.0, 0.0), (0.0, 0.0), brightness=brightness)
    recoloured = segment.transform_cutout(cutout, original).sprite
    assert np.median(recoloured.image[body]) == pytest.approx(brightness, abs=0.05)
    np.testing.assert_array_equal(recoloured.alpha, cutout.sprite.alpha)


def test_same_seed_gives_the_same_segments():
    assert choose(1) == choose(1) != choose(2)


def test_recordings_provide_animals_in_turn():
    segments = choose(n_solos=3, n_animals=5)
    assert [segment.solo for segment in segments] == [0, 1, 2, 0, 1]


def test_animals_of_one_recording_have_different_segments_and_coats():
    segments = choose()
    starts = sorted(segment.start for segment in segments)
    assert np.diff(starts).min() >= 250
    assert all(0 <= start <= 2700 for start in starts)
    brightnesses = [segment.brightness for segment in segments]
    assert brightnesses[0] is None
    assert len(set(brightnesses)) == 4
    assert all(abs(brightness - 0.8) > 0.15 for brightness in brightnesses[1:])


def test_coats_stay_unchanged_without_recolouring():
    assert all(segment.brightness is None for segment in choose(recolour=False))


def test_ranges_of_other_arenas_are_fitted_to_the_first():
    first = make_summary(1000, 0)
    second = make_summary(1000, 1)
    second = SoloSummary(
        second.frames, 0.5 * second.positions + 300, second.area_px, second.brightness
    )
    segment = choose_segments(
        np.random.default_rng(0),
        [first, second],
        2,
        100,
        floor_brightness=0.8,
        same_arena=False,
        recolour=True,
        coloured=True,
    )[1]
    low, high = np.percentile(segment.transform_positions(second.positions), [1, 99], axis=0)
    assert (low > first.range[0] - 5).all()
    assert (high < first.range[1] + 5).all()
    assert segment.zoom > 1.2
