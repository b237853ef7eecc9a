"""Galleries of synthetic animals over several days."""

from dataclasses import replace

import numpy as np
import pytest
from reid_animals import ANIMALS, N_COLOUR_FEATURES, add_day, create_session, sample_prototypes

from murid.errors import ConfigError
from murid.reid.gallery import HALF_LIFE_SESSIONS, MAX_SESSIONS, Animal, add_session


def test_an_identity_without_prototypes_cannot_be_added():
    identity_prototypes = sample_prototypes([0, 1], n=300)
    session = create_session(0, identity_prototypes)
    no_shift = np.zeros(N_COLOUR_FEATURES)
    with pytest.raises(ConfigError, match="ada: expected an identity that is seen clearly, got 3"):
        add_session(None, identity_prototypes, {3: ANIMALS[0]}, session, "weights", no_shift)


def test_a_recording_without_prototypes_changes_no_animal():
    gallery = add_day([0, 1])
    without = sample_prototypes([], day=1)
    session = create_session(1, without)
    updated = add_session(gallery, without, {}, session, "weights", np.zeros(N_COLOUR_FEATURES))
    assert updated.animals == gallery.animals
    assert len(updated.prototypes) == len(gallery.prototypes)


def test_the_same_recording_again_changes_nothing():
    once = add_day([0, 1, 2])
    twice = add_day([0, 1, 2], gallery=once)
    assert (twice.animals, twice.sessions) == (once.animals, once.sessions)
    for name in ("owners", "weights", "embeddings", "colour_features"):
        np.testing.assert_array_equal(
            getattr(twice.prototypes, name), getattr(once.prototypes, name)
        )


def test_older_recordings_have_smaller_weights_and_are_dropped_in_the_end():
    gallery = None
    for day in range(MAX_SESSIONS + 3):
        gallery = add_day([0, 1] if day < 4 else [0], gallery=gallery, day=day)
    days = {
        owner: set(gallery.session_numbers[gallery.prototypes.owners == owner].tolist())
        for owner in (0, 1)
    }
    assert days == {0: set(range(3, MAX_SESSIONS + 3)), 1: {0, 1, 2, 3}}
    decayed = gallery.decay_weights()
    is_second = decayed.owners == 1
    by_day = [
        decayed.weights[is_second & (gallery.session_numbers == day)].sum() for day in range(4)
    ]
    n_later = np.arange(3, -1, -1)
    np.testing.assert_allclose(by_day, 0.5 ** (n_later / HALF_LIFE_SESSIONS), rtol=1e-5)


def test_a_renamed_animal_keeps_its_name_in_later_sessions():
    gallery = add_day([0, 1, 2])
    renamed = replace(gallery, animals=(Animal("zoe", ANIMALS[0].uuid), *gallery.animals[1:]))
    assert add_day([0, 1], gallery=renamed, day=1).animals == renamed.animals
