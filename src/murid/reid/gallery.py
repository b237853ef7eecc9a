"""The gallery: prototypes of known animals from many recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from murid.core.types import Bool, Float64, Int64
from murid.errors import ConfigError
from murid.reid.prototypes import IdentityPrototypes, Prototypes

# Number of later recordings of an animal after which the weight of its prototypes is halved, since
# animals grow and marks fade.
HALF_LIFE_SESSIONS = 2.0
# Number of latest recordings of an animal whose prototypes are kept. Older ones would have a weight
# of 1/16 or less.
MAX_SESSIONS = 8


@dataclass(frozen=True, slots=True)
class Animal:
    """An animal of a gallery.

    Attributes
    ----------
    name : str
    uuid : str
        Unique; stays the same when the name changes.
    """

    name: str
    uuid: str


@dataclass(frozen=True, slots=True)
class GallerySession:
    """A recording from which prototypes were added to a gallery.

    Attributes
    ----------
    source : str
        Path of the video.
    fingerprint : str
        Distinguishes the recording from others.
    date : str
        Time at which it was tracked, ISO 8601.
    murid_version : str
    variation : float
        As in `IdentityPrototypes`.
    """

    source: str
    fingerprint: str
    date: str
    murid_version: str
    variation: float


@dataclass(frozen=True, eq=False, slots=True)
class Gallery:
    """Known animals, their prototypes, and the recordings that these come from.

    Attributes
    ----------
    embedder : str
        Hash of the weights of the embeddings.
    animals : tuple of Animal
    sessions : tuple of GallerySession
        Oldest first.
    prototypes : Prototypes
        Owners are positions in `animals`. Colour features are corrected for the light and camera of
        their session: they are as they would be in the first session.
    session_numbers : ndarray
        ``(p,)`` int64 position in `sessions` of each prototype.
    """

    embedder: str
    animals: tuple[Animal, ...]
    sessions: tuple[GallerySession, ...]
    prototypes: Prototypes
    session_numbers: Int64

    @classmethod
    def empty(cls, embedder: str, embedding_size: int, n_colour_features: int) -> Gallery:
        """Return a gallery without animals."""
        prototypes = Prototypes.empty(embedding_size, n_colour_features)
        return cls(embedder, (), (), prototypes, np.zeros(0, np.int64))

    def decay_weights(self) -> Prototypes:
        """Return the prototypes with lower weights, the more often their animal was seen later."""
        weights = self.prototypes.weights * 0.5 ** (
            self._count_later_sessions() / HALF_LIFE_SESSIONS
        )
        return replace(self.prototypes, weights=weights.astype(np.float32))

    def prune(self) -> Gallery:
        """Return the gallery with the last `MAX_SESSIONS` sessions of each animal."""
        return self._select_prototypes(self._count_later_sessions() < MAX_SESSIONS)

    def exclude_recording(self, fingerprint: str) -> Gallery:
        """Return the gallery without a recording, which would be compared with itself.

        Animals that were only in this recording keep their prototypes.
        """
        is_recording = np.array(
            [session.fingerprint == fingerprint for session in self.sessions], bool
        )
        own = is_recording[self.session_numbers]
        has_others = np.isin(self.prototypes.owners, self.prototypes.owners[~own])
        return self._select_prototypes(~own | ~has_others)

    def find_animal(self, name: str) -> Animal | None:
        """Return the animal of a name; None if there is none."""
        return next((animal for animal in self.animals if animal.name == name), None)

    @property
    def variation(self) -> float:
        """Root mean square of the variation of all sessions with prototypes."""
        numbers = np.unique(self.session_numbers).tolist()
        squares = [self.sessions[number].variation ** 2 for number in numbers]
        return float(np.sqrt(np.mean(squares)))

    def _select_prototypes(self, kept: Bool) -> Gallery:
        """Return the gallery with some of its prototypes ``(p,)``."""
        return replace(
            self,
            prototypes=self.prototypes.select(kept),
            session_numbers=self.session_numbers[kept],
        )

    def _count_later_sessions(self) -> Int64:
        """Count the later sessions ``(p,)`` of the animal of each prototype."""
        n_later = np.zeros(len(self.prototypes), np.int64)
        for owner in np.unique(self.prototypes.owners).tolist():
            own = self.prototypes.owners == owner
            sessions, ranks = np.unique(self.session_numbers[own], return_inverse=True)
            n_later[own] = len(sessions) - 1 - ranks
        return n_later


def add_session(
    gallery: Gallery | None,
    identity_prototypes: IdentityPrototypes,
    animals: Mapping[int, Animal],
    session: GallerySession,
    embedder: str,
    shift: Float64,
) -> Gallery:
    """Return the gallery with the prototypes of a recording's identified animals.

    A recording that is in the gallery already is replaced.

    Parameters
    ----------
    gallery : Gallery or None
        None = a new one.
    identity_prototypes : IdentityPrototypes
    animals : mapping of int to Animal
        Animal of each identity to be added.
    session : GallerySession
    embedder : str
        Hash of the weights of the embeddings, for a new gallery.
    shift : ndarray
        ``(c,)`` float64 difference of the colour features to the first session, by light and
        camera.

    Raises
    ------
    ConfigError
        If an identity has no prototypes.
    """
    prototypes = identity_prototypes.prototypes
    if gallery is None:
        gallery = Gallery.empty(
            embedder, prototypes.embeddings.shape[1], prototypes.colour_features.shape[1]
        )
    sessions, number = _insert_session(gallery.sessions, session)
    known = list(gallery.animals)
    positions = {animal.uuid: position for position, animal in enumerate(known)}
    # Drop the prototypes of the same recording, then add the new ones.
    kept = gallery.session_numbers != number
    parts = [gallery.prototypes.select(kept)]
    for identity, animal in sorted(animals.items()):
        if animal.uuid not in positions:
            positions[animal.uuid] = len(known)
            known.append(animal)
        own = prototypes.select(_find_prototypes(identity_prototypes, identity, animal))
        colour_features = (own.colour_features - shift).astype(np.float32)
        owners = np.full(len(own), positions[animal.uuid], np.int64)
        parts.append(replace(own, owners=owners, colour_features=colour_features))
    n_new = sum(len(part) for part in parts[1:])
    session_numbers = np.append(gallery.session_numbers[kept], np.full(n_new, number, np.int64))
    updated = Gallery(
        gallery.embedder, tuple(known), sessions, Prototypes.concatenate(parts), session_numbers
    )
    return updated.prune()


def _find_prototypes(
    identity_prototypes: IdentityPrototypes, identity: int, animal: Animal
) -> Bool:
    """Return which prototypes are of an identity; raise `ConfigError` if none is."""
    positions = np.flatnonzero(identity_prototypes.identity_ids == identity)
    if not len(positions):
        raise ConfigError(
            f"{animal.name}: expected an identity that is seen clearly, "
            f"got {identity}, which is not"
        )
    return np.asarray(identity_prototypes.prototypes.owners == positions[0], np.bool_)


def _insert_session(
    sessions: tuple[GallerySession, ...], session: GallerySession
) -> tuple[tuple[GallerySession, ...], int]:
    """Replace the session of the same recording, or append this one; return its position too."""
    for number, other in enumerate(sessions):
        if other.fingerprint == session.fingerprint:
            return (*sessions[:number], session, *sessions[number + 1 :]), number
    return (*sessions, session), len(sessions)
