"""Re-identification properties: no animal twice, probabilities in [0, 1], order irrelevant."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murid.core.embeddings import normalize
from murid.reid.gallery import Animal, GallerySession, add_session
from murid.reid.matching import ReidentificationModel, match_to_gallery
from murid.reid.prototypes import IdentityPrototypes, Prototypes

N_COLOUR_FEATURES = 3
MODEL = ReidentificationModel(
    (0.1,) * N_COLOUR_FEATURES, (0.5,) * N_COLOUR_FEATURES, 1.0, (4.0, -2.0, -3.0), (4.0, -3.0)
)


def draw_prototypes(rng, n, measured):
    appearance = normalize(rng.normal(size=(n, 5))).astype(np.float32)
    colour_features = rng.normal(0, 0.3, (n, N_COLOUR_FEATURES)).astype(np.float32)
    colour_features[~measured[:n]] = np.nan
    return IdentityPrototypes(
        np.arange(1, n + 1),
        Prototypes(np.arange(n), np.ones(n, np.float32), appearance, colour_features),
        0.2,
    )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(0, 5), k=st.integers(1, 5), some=st.booleans())
def test_matches(seed: int, n: int, k: int, some: bool):
    rng = np.random.default_rng(seed)
    measured = rng.random(5) < (0.5 if some else 1)
    known, own = draw_prototypes(rng, k, measured), draw_prototypes(rng, n, measured[::-1])
    animals = {i + 1: Animal(f"a{i}", f"u{i}") for i in range(k)}
    gallery = add_session(
        None,
        known,
        animals,
        GallerySession("a", "p", "d", "v", 0.2),
        "w",
        np.zeros(N_COLOUR_FEATURES),
    )
    reidentification = match_to_gallery(own, gallery, MODEL)
    named = reidentification.animals[reidentification.animals >= 0]
    assert len(np.unique(named)) == len(named)
    assert ((reidentification.probabilities >= 0) & (reidentification.probabilities <= 1)).all()
    assert (reidentification.probabilities[reidentification.animals >= 0] >= 0.5).all()
    order = rng.permutation(n)
    p = own.prototypes
    reordered = IdentityPrototypes(
        own.identity_ids,
        Prototypes(p.owners, p.weights, p.embeddings[order], p.colour_features[order]),
        0.2,
    )
    again = match_to_gallery(reordered, gallery, MODEL)
    assert again.probabilities == pytest.approx(reidentification.probabilities[order], abs=1e-6)
    sure = reidentification.probabilities[order] > 0.51
    np.testing.assert_array_equal(again.animals[sure], reidentification.animals[order][sure])
