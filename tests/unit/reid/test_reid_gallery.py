"""Made-up animals with known looks, over days of other light."""

from dataclasses import replace

import numpy as np
import pytest

from murid.core.embeddings import normalize
from murid.errors import ConfigError
from murid.reid.gallery import (
    HALF_LIFE,
    MOST_SESSIONS,
    Animal,
    ReidentificationModel,
    Session,
    add_session,
    match_to_gallery,
)
from murid.reid.prototypes import (
    LEAST_SIGHTS,
    MOST_PROTOTYPES,
    AppearanceSamples,
    compute_prototypes,
)

N_COLOUR_FEATURES = 4
MODEL = ReidentificationModel(
    (0.1,) * N_COLOUR_FEATURES, (0.05,) * N_COLOUR_FEATURES, 0.2, (6.0, -3.0, -3.0), (6.0, -4.0)
)
ANIMALS = [Animal(name, f"uuid-{name}") for name in ("ada", "bea", "cleo", "dora", "eve", "fay")]


def look(animals, day=0, light=0.0, colour_features=True, alike=False, n=60):
    """Sights of animals, identities 1, 2 …; the first is always the same animal, of the same looks."""
    appearance = np.random.default_rng(1)
    means = normalize(appearance.normal(size=(len(ANIMALS), 16)))
    plain = appearance.normal(0, 1, (len(ANIMALS), N_COLOUR_FEATURES))
    if alike:
        means[:], plain[:] = means[0], plain[0]
    rng = np.random.default_rng(100 + day)
    ids = np.repeat(np.arange(1, len(animals) + 1), n)
    who = np.repeat(animals, n)
    embeddings = normalize(means[who] + rng.normal(0, 0.1, (len(ids), 16))).astype(np.float32)
    seen = (plain[who] + light + rng.normal(0, 0.05, (len(ids), N_COLOUR_FEATURES))).astype(
        np.float32
    )
    return compute_prototypes(
        AppearanceSamples(ids, embeddings, seen if colour_features else np.full_like(seen, np.nan))
    )


def session(day, identity_prototypes):
    return Session(
        f"day-{day}.mp4",
        f"print-{day}",
        "2026-05-04T09:00:00+00:00",
        "1.0",
        identity_prototypes.variation,
    )


def enroll(animals, gallery=None, day=0, **how):
    identity_prototypes = look(animals, day, **how)
    named = {k + 1: ANIMALS[a] for k, a in enumerate(animals)}
    return add_session(
        gallery,
        identity_prototypes,
        named,
        session(day, identity_prototypes),
        "weights",
        np.zeros(N_COLOUR_FEATURES),
    )


@pytest.mark.parametrize("colour_features", [True, False])
def test_animals_are_known_in_another_light_and_a_stranger_is_not(colour_features: bool):
    gallery = enroll([0, 1, 2, 3, 4], colour_features=colour_features)
    reidentification = match_to_gallery(
        look([3, 5, 0, 4, 1, 2], day=1, light=0.6, colour_features=colour_features), gallery, MODEL
    )
    assert reidentification.animals.tolist() == [3, -1, 0, 4, 1, 2]
    assert reidentification.swap_probabilities.min() > 0.9
    if colour_features:
        np.testing.assert_allclose(reidentification.shift, 0.6, atol=0.1)


def test_an_animal_alone_is_named():
    gallery = enroll([0, 1, 2])
    assert match_to_gallery(look([2], day=1), gallery, MODEL).animals.tolist() == [2]
    assert match_to_gallery(look([5], day=1), gallery, MODEL).animals.tolist() == [-1]


def test_look_alikes_are_not_named_for_sure():
    gallery = enroll([0, 1, 2], alike=True)
    reidentification = match_to_gallery(look([1, 2, 0], day=1, alike=True), gallery, MODEL)
    assert reidentification.swap_probabilities.max() < 0.8


def test_who_is_seen_too_seldom_has_no_portrait():
    assert look([0, 1], n=LEAST_SIGHTS - 1).identity_ids.tolist() == []
    identity_prototypes = look([0, 1], n=300)
    assert identity_prototypes.identity_ids.tolist() == [1, 2]
    assert np.bincount(identity_prototypes.prototypes.owners).tolist() == [MOST_PROTOTYPES] * 2
    np.testing.assert_allclose(
        np.bincount(identity_prototypes.prototypes.owners, identity_prototypes.prototypes.weights),
        1,
        rtol=1e-6,
    )
    with pytest.raises(ConfigError, match="ada: expected an identity that is seen clearly, got 3"):
        add_session(
            None,
            identity_prototypes,
            {3: ANIMALS[0]},
            session(0, identity_prototypes),
            "weights",
            np.zeros(N_COLOUR_FEATURES),
        )


def test_a_few_wrong_sights_do_not_change_a_portrait():
    shown = np.array([0] * 95 + [5] * 5 + [1] * 100)
    plain = np.zeros((200, N_COLOUR_FEATURES), np.float32)
    identity_prototypes = compute_prototypes(
        AppearanceSamples(np.repeat([1, 2], 100), np.eye(16, dtype=np.float32)[shown], plain)
    )
    np.testing.assert_allclose(
        identity_prototypes.prototypes.average(2)[0], np.eye(16)[:2], atol=1e-6
    )


def test_the_same_recording_again_changes_nothing():
    once = enroll([0, 1, 2])
    twice = enroll([0, 1, 2], gallery=once)
    assert (twice.animals, twice.sessions) == (once.animals, once.sessions)
    for name in ("owners", "weights", "embeddings", "colour_features"):
        np.testing.assert_array_equal(
            getattr(twice.prototypes, name), getattr(once.prototypes, name)
        )


def test_older_recordings_count_less_and_go_at_last():
    gallery = None
    for day in range(MOST_SESSIONS + 3):
        gallery = enroll([0, 1] if day < 4 else [0], gallery=gallery, day=day)
    days = {
        owner: set(gallery.session_numbers[gallery.prototypes.owners == owner].tolist())
        for owner in (0, 1)
    }
    assert days == {0: set(range(3, MOST_SESSIONS + 3)), 1: {0, 1, 2, 3}}
    aged, number = gallery.age(), gallery.session_numbers
    by_day = [aged.weights[(aged.owners == 1) & (number == day)].sum() for day in range(4)]
    np.testing.assert_allclose(by_day, 0.5 ** (np.arange(3, -1, -1) / HALF_LIFE), rtol=1e-5)


def test_names_do_not_depend_on_a_later_name():
    gallery = enroll([0, 1, 2])
    renamed = replace(gallery, animals=(Animal("zoe", ANIMALS[0].uuid), *gallery.animals[1:]))
    assert enroll([0, 1], gallery=renamed, day=1).animals == renamed.animals
