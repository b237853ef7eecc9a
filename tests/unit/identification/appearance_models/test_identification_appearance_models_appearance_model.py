"""Appearance of tracklets, for links between them."""

import numpy as np
import pytest

from murid.identification.appearance_models.appearance_model import (
    MAX_LLR,
    AppearanceFeatures,
    AppearanceModel,
)


@pytest.mark.parametrize("n_animals", [2, 5])
def test_likeness_counts_as_much_as_knowing_which_of_n_animals_it_is(n_animals):
    means = np.array([[0.0], [0.0], [100.0], [np.nan]])
    features = AppearanceFeatures(means, np.ones(4))
    model = AppearanceModel(features, np.ones(1), np.full(1, 1e8), 1.0, 0.0, n_animals)
    llrs = model.compute_llrs(np.zeros(3, int), np.arange(1, 4))
    assert llrs[0] == pytest.approx(np.log(n_animals), abs=0.01)
    assert -MAX_LLR <= llrs[1] < -1
    assert llrs[2] == 0
