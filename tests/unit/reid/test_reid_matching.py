"""Re-identification of synthetic animals on days of different light."""

import numpy as np
import pytest
from reid_animals import N_COLOUR_FEATURES, add_day, sample_prototypes

from murid.reid.matching import ReidentificationModel, match_to_gallery

MODEL = ReidentificationModel(
    (0.1,) * N_COLOUR_FEATURES, (0.05,) * N_COLOUR_FEATURES, 0.2, (6.0, -3.0, -3.0), (6.0, -4.0)
)


@pytest.mark.parametrize("colour_features", [True, False])
def test_animals_are_reidentified_in_another_light_and_a_stranger_is_not(colour_features: bool):
    gallery = add_day([0, 1, 2, 3, 4], colour_features=colour_features)
    identity_prototypes = sample_prototypes(
        [3, 5, 0, 4, 1, 2], day=1, light=0.6, colour_features=colour_features
    )
    reidentification = match_to_gallery(identity_prototypes, gallery, MODEL)
    assert reidentification.animals.tolist() == [3, -1, 0, 4, 1, 2]
    assert reidentification.probabilities.min() > 0.9
    if colour_features:
        np.testing.assert_allclose(reidentification.shift, 0.6, atol=0.1)


def test_a_single_animal_is_reidentified():
    gallery = add_day([0, 1, 2])
    known = match_to_gallery(sample_prototypes([2], day=1), gallery, MODEL)
    assert known.animals.tolist() == [2]
    stranger = match_to_gallery(sample_prototypes([5], day=1), gallery, MODEL)
    assert stranger.animals.tolist() == [-1]


def test_look_alikes_have_low_probabilities():
    gallery = add_day([0, 1, 2], alike=True)
    identity_prototypes = sample_prototypes([1, 2, 0], day=1, alike=True)
    reidentification = match_to_gallery(identity_prototypes, gallery, MODEL)
    assert reidentification.probabilities.max() < 0.8
