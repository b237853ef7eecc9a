import numpy as np
import pytest

from murid.synthetic.environment import build_environment


@pytest.mark.parametrize("kind", ["field", "disc", "cage", "tank"])
@pytest.mark.parametrize("brightness", [None, 0.2, 0.8])
def test_enclosures_have_a_floor_of_the_requested_brightness(kind, brightness):
    environment = build_environment(
        np.random.default_rng(3), kind, 240, 320, 40, floor_brightness=brightness
    )
    image = environment.enclosure.image
    assert image.shape == (240, 320, 3)
    assert np.isfinite(image).all()
    assert 0.2 < environment.enclosure.floor.mean() < 0.9
    if brightness is not None:
        assert abs(np.median(image[150:200, 120:200]) - brightness) < 0.25


def test_shelters_are_opaque_and_on_the_ground():
    environment = build_environment(np.random.default_rng(3), "cage", 240, 320, 30, n_shelters=2)
    shelters = environment.shelters
    assert len(shelters) == 2
    np.testing.assert_allclose(environment.ground.confine(shelters), shelters)
    for x, y in shelters.astype(int):
        cover_alpha = environment.enclosure.cover_alpha[y - 8 : y + 8, x - 8 : x + 8]
        assert (cover_alpha == 1).all()
