"""Whatever the looks: no animal is named twice, chances are chances, and the order of identities does not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murid.core.embeddings import normalize
from murid.reid.gallery import Animal, NamingModel, Session, add_session, name_portraits
from murid.reid.prototypes import Portraits, Prototypes

N_CUES = 3
MODEL = NamingModel((0.1,) * N_CUES, (0.5,) * N_CUES, 1.0, (4.0, -2.0, -3.0), (4.0, -3.0))


def draw_portraits(rng, n, measured):
    looks = normalize(rng.normal(size=(n, 5))).astype(np.float32)
    cues = rng.normal(0, 0.3, (n, N_CUES)).astype(np.float32)
    cues[~measured[:n]] = np.nan
    return Portraits(np.arange(1, n + 1), Prototypes(np.arange(n), np.ones(n, np.float32), looks, cues), 0.2)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(0, 5), k=st.integers(1, 5), some=st.booleans())
def test_names(seed: int, n: int, k: int, some: bool):
    rng = np.random.default_rng(seed)
    measured = rng.random(5) < (0.5 if some else 1)
    known, own = draw_portraits(rng, k, measured), draw_portraits(rng, n, measured[::-1])
    animals = {i + 1: Animal(f"a{i}", f"u{i}") for i in range(k)}
    gallery = add_session(None, known, animals, Session("a", "p", "d", "v", 0.2), "w", np.zeros(N_CUES))
    naming = name_portraits(own, gallery, MODEL)
    named = naming.animals[naming.animals >= 0]
    assert len(np.unique(named)) == len(named)
    assert ((naming.chances >= 0) & (naming.chances <= 1)).all()
    assert (naming.chances[naming.animals >= 0] >= 0.5).all()
    order = rng.permutation(n)
    p = own.prototypes
    turned = Portraits(own.identity_ids, Prototypes(p.owners, p.weights, p.embeddings[order], p.cues[order]), 0.2)
    again = name_portraits(turned, gallery, MODEL)
    assert again.chances == pytest.approx(naming.chances[order], abs=1e-6)
    sure = naming.chances[order] > 0.51
    np.testing.assert_array_equal(again.animals[sure], naming.animals[order][sure])
