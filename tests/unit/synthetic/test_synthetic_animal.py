import numpy as np
import pytest

from murid.synthetic.animal import BREEDS, sample_coat_of_breed


@pytest.mark.parametrize("breed", BREEDS)
def test_animals_of_a_breed_look_alike(breed):
    coats = [sample_coat_of_breed(breed, np.random.default_rng(seed)) for seed in range(5)]
    colours = np.array([coat.base_colour for coat in coats])
    assert ((colours >= 0) & (colours <= 1)).all()
    assert np.ptp(colours.mean(axis=1)) < 0.25
    expected = breed if breed in ("hooded", "dyed") else "plain"
    assert {coat.pattern for coat in coats} == {expected}
