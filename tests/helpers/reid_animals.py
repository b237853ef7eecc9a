"""Synthetic animals with known appearance, recorded on several days in different light."""

import numpy as np

from murid.core.embeddings import normalize
from murid.reid.gallery import Animal, GallerySession, add_session
from murid.reid.prototypes import AppearanceSamples, compute_prototypes

N_COLOUR_FEATURES = 4
ANIMALS = [Animal(name, f"uuid-{name}") for name in ("ada", "bea", "cleo", "dora", "eve", "fay")]


def sample_prototypes(animals, day=0, light=0.0, colour_features=True, alike=False, n=60):
    """Prototypes of animals, identities 1, 2 …; between days only the light changes."""
    appearance = np.random.default_rng(1)
    means = normalize(appearance.normal(size=(len(ANIMALS), 16)))
    colours = appearance.normal(0, 1, (len(ANIMALS), N_COLOUR_FEATURES))
    if alike:
        means[:] = means[0]
        colours[:] = colours[0]
    rng = np.random.default_rng(100 + day)
    ids = np.repeat(np.arange(1, len(animals) + 1), n)
    shown = np.repeat(np.array(animals, np.int64), n)
    noise = rng.normal(0, 0.1, (len(ids), 16))
    embeddings = normalize(means[shown] + noise).astype(np.float32)
    noise = rng.normal(0, 0.05, (len(ids), N_COLOUR_FEATURES))
    values = (colours[shown] + light + noise).astype(np.float32)
    if not colour_features:
        values[:] = np.nan
    return compute_prototypes(AppearanceSamples(ids, embeddings, values))


def create_session(day, identity_prototypes):
    date = "2026-05-04T09:00:00+00:00"
    variation = identity_prototypes.variation
    return GallerySession(f"day-{day}.mp4", f"fingerprint-{day}", date, "1.0", variation)


def add_day(animals, gallery=None, day=0, **options):
    """Gallery with all animals of one more day."""
    identity_prototypes = sample_prototypes(animals, day, **options)
    identified = {k + 1: ANIMALS[animal] for k, animal in enumerate(animals)}
    session = create_session(day, identity_prototypes)
    no_shift = np.zeros(N_COLOUR_FEATURES)
    return add_session(gallery, identity_prototypes, identified, session, "weights", no_shift)
