"""Animals over many recordings: a gallery of their looks, and who of it each identity of a recording is.

Two looks are compared by how far their mean embeddings lie apart, in units of how much those of one
animal vary, and by how far their plain looks do, in units of how much those of one animal change
from day to day. Light and camera change the looks of all animals alike, so this common change is
found together with the names, and each name is judged by the change of the others. The logarithm of
the odds that two looks are one animal's is linear in the logarithms of both distances; its
coefficients were fitted on scenes of several days (`ReidentificationModel`). All identities are
named at once, no two alike; who is likelier a stranger is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import softmax

from murid.core.types import Float64, Int64
from murid.errors import ConfigError
from murid.reid.prototypes import IdentityPrototypes, Prototypes, join

HALF_LIFE = 2.0
"""Recordings of an animal after which the weight of an older one is halved."""
MOST_SESSIONS = 8
"""Recordings of an animal whose prototypes are kept."""
_FORBIDDEN = -1e6
_ROUNDS = 20
_LEAST_DISTANCE = 0.05
_MOST = 8.0  # greatest logarithm of odds
_EXPECTED = float(
    np.log(5)
)  # odds before any look that an animal is one of the gallery and no stranger


@dataclass(frozen=True, slots=True)
class ReidentificationModel:
    """How looks change from day to day, fitted by ``benchmarks/gallery.py calibrate``.

    Attributes
    ----------
    change : tuple of float
        ``(c,)``: deviation by which each plain look of an animal changes from one recording to
        another, beyond the common change.
    pull : tuple of float
        ``(c,)``: by how many animals without change the estimate of the common change is drawn to
        none.
    embedding_pull : float
        The same for embeddings.
    both, embedding : tuple of float
        Coefficients of the logarithm of odds: intercept, logarithm of the embedding's distance and,
        the first, of the plain looks'. The second is for when these were not measured.
    """

    change: tuple[float, ...]
    pull: tuple[float, ...]
    embedding_pull: float
    both: tuple[float, float, float]
    embedding: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Animal:
    """An animal of a gallery: its name, and a uuid that stays when the name changes."""

    name: str
    uuid: str


@dataclass(frozen=True, slots=True)
class Session:
    """A recording that a gallery learnt from.

    Attributes
    ----------
    source, fingerprint : str
        Path of the video, and what tells it from others.
    date : str
        When it was tracked, ISO 8601.
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
    """Animals and what they look like.

    Attributes
    ----------
    embedder : str
        What tells the weights of the embeddings from others.
    animals : tuple of Animal
    sessions : tuple of Session
        Oldest first.
    prototypes : Prototypes
        Owners are places in `animals`; plain looks as they would be on the day of the first
        session.
    session_numbers : ndarray
        ``(p,)`` int64: which of `sessions` each prototype is of.
    """

    embedder: str
    animals: tuple[Animal, ...]
    sessions: tuple[Session, ...]
    prototypes: Prototypes
    session_numbers: Int64

    def age(self) -> Prototypes:
        """Prototypes whose weights are the less, the more recordings of their animal came later."""
        weights = self.prototypes.weights * 0.5 ** (self._count_later() / HALF_LIFE)
        return replace(self.prototypes, weights=weights.astype(np.float32))

    def prune(self) -> Gallery:
        """The same without the prototypes of recordings that are long ago."""
        return self._keep(self._count_later() < MOST_SESSIONS)

    def leave_out(self, fingerprint: str) -> Gallery:
        """The same without a recording, but for animals of which there is no other: it shall not name itself."""
        own = np.array([session.fingerprint == fingerprint for session in self.sessions])[
            self.session_numbers
        ]
        return self._keep(~own | ~np.isin(self.prototypes.owners, self.prototypes.owners[~own]))

    def _keep(self, kept: NDArray[np.bool_]) -> Gallery:
        return replace(
            self, prototypes=self.prototypes[kept], session_numbers=self.session_numbers[kept]
        )

    def _count_later(self) -> Int64:
        """Later recordings ``(p,)`` in which the animal of each prototype was."""
        later = np.zeros(len(self.prototypes), np.int64)
        for owner in np.unique(self.prototypes.owners).tolist():
            own = self.prototypes.owners == owner
            sessions, places = np.unique(self.session_numbers[own], return_inverse=True)
            later[own] = len(sessions) - 1 - places
        return later

    @property
    def variation(self) -> float:
        """As in `IdentityPrototypes`, over the recordings that there are prototypes of."""
        numbers = np.unique(self.session_numbers).tolist()
        return float(np.sqrt(np.mean([self.sessions[number].variation ** 2 for number in numbers])))


@dataclass(frozen=True, eq=False, slots=True)
class Reidentification:
    """Who of a gallery the identities of a recording are.

    Attributes
    ----------
    animals : ndarray
        ``(I,)`` int64 places in the gallery; -1 = unknown.
    swap_probabilities : ndarray
        ``(I,)`` float64 in [0, 1]: how likely that is right.
    shift : ndarray
        ``(c,)`` float64: by how much plain looks differ from the gallery's day.
    """

    animals: Int64
    swap_probabilities: Float64
    shift: Float64


def match_to_gallery(
    identity_prototypes: IdentityPrototypes, gallery: Gallery, model: ReidentificationModel
) -> Reidentification:
    """Name the identities of a recording, no two alike.

    Parameters
    ----------
    identity_prototypes : Portraits
        With embeddings of the gallery's weights.
    gallery : Gallery
    model : ReidentificationModel

    Returns
    -------
    Naming
    """
    n, k = len(identity_prototypes.identity_ids), len(gallery.animals)
    scale = np.hypot(identity_prototypes.variation, gallery.variation) / np.sqrt(2)
    changes = compare(
        identity_prototypes.prototypes.average(n), gallery.age().average(k), scale, model
    )
    starts = [np.zeros(changes.values.shape[2]), *changes.list_shifts()]
    whole = max(
        (_solve(changes, start, model, None) for start in starts),
        key=lambda solution: solution.value,
    )
    values = np.full((n, k + 1), whole.value)
    for i in range(n):
        for a in range(k + 1):
            if a != whole.places[i]:
                tries = (
                    _solve(changes, start, model, (i, a)) for start in (starts[0], whole.shift)
                )
                values[i, a] = max(solution.value for solution in tries)
    swap_probabilities = softmax(values, axis=1)
    animals = np.where(whole.places < k, whole.places, -1)
    # A name that is no likelier than all else together is none.
    animals[swap_probabilities[np.arange(n), whole.places] < 0.5] = -1
    said = np.where(
        animals >= 0, swap_probabilities[np.arange(n), animals], swap_probabilities[:, k]
    )
    n_cues = len(model.change)
    return Reidentification(animals, said, whole.shift[-n_cues:] * np.array(model.change))


@dataclass(frozen=True, eq=False, slots=True)
class Changes:
    """How looks differ between the identities of a recording and the animals of a gallery.

    Attributes
    ----------
    values : ndarray
        ``(n, k, e + c)`` float64: of embeddings, in units of their variation, and of plain looks,
        in units of their daily change; NaN where these are not known.
    pull : ndarray
        ``(e + c,)`` float64, as in `ReidentificationModel`.
    n_embedded : int
        e.
    """

    values: Float64
    pull: Float64
    n_embedded: int

    def measure(self, shift: Float64) -> tuple[Float64, Float64]:
        """Both distances ``(n, k)`` after a common change ``(e + c,)``; NaN in the second = not known."""
        return self._measure(self.values - shift)

    def measure_pairs(self, rows: Int64, places: Int64) -> tuple[Float64, Float64]:
        """Both distances ``(p,)`` of pairs after the common change that the other pairs show."""
        own = self.values[rows, places]
        known = np.isfinite(own)
        sums = np.where(known, own, 0).sum(axis=0) - np.where(known, own, 0)
        return self._measure(own - sums / (known.sum(axis=0) - known + self.pull))

    def find_shift(self, rows: Int64, places: Int64) -> Float64:
        """Common change ``(e + c,)`` of pairs: their mean, drawn to none where these are few."""
        own = self.values[rows, places]
        known = np.isfinite(own)
        return np.asarray(
            np.where(known, own, 0).sum(axis=0) / (known.sum(axis=0) + self.pull), np.float64
        )

    def list_shifts(self) -> list[Float64]:
        """Common changes that are worth trying: that from all to all, and that of each pair."""
        flat = np.nan_to_num(self.values.reshape(-1, self.values.shape[2]))
        return [flat.mean(axis=0), *flat] if len(flat) else []

    def _measure(self, left: Float64) -> tuple[Float64, Float64]:
        e = self.n_embedded
        return np.linalg.norm(left[..., :e], axis=-1), np.sqrt(
            np.square(left[..., e:]).mean(axis=-1)
        )


def compare(
    own: tuple[Float64, Float64],
    known: tuple[Float64, Float64],
    scale: float,
    model: ReidentificationModel,
) -> Changes:
    """Differences of mean looks, embeddings ``(n, d)`` and plain ones ``(n, c)``, to those of a gallery.

    Embeddings are in units of `scale`, and in no more dimensions than there are means.
    """
    embeddings = np.concatenate([own[0], known[0]]) / scale
    axes = np.linalg.svd(np.nan_to_num(embeddings), full_matrices=False)[2]
    means, n = embeddings @ axes.T, len(own[0])
    plain = (own[1][:, None] - known[1][None]) / np.array(model.change)
    pull = np.append(np.full(means.shape[1], model.embedding_pull), model.pull)
    return Changes(
        np.concatenate([means[:n, None] - means[None, n:], plain], axis=2), pull, means.shape[1]
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Solution:
    places: Int64
    shift: Float64
    value: float


def _solve(
    changes: Changes, shift: Float64, model: ReidentificationModel, forced: tuple[int, int] | None
) -> _Solution:
    """Names and the common change in turn, until both stay."""
    n, k = changes.values.shape[:2]
    places = np.full(n, -1)
    for _ in range(_ROUNDS):
        before, places = places, _assign(compute_odds(*changes.measure(shift), model), forced)
        known = np.flatnonzero(places < k)
        shift = changes.find_shift(known, places[known])
        if np.array_equal(before, places):
            break
    odds = compute_odds(*changes.measure_pairs(known, places[known]), model)
    return _Solution(places, shift, float(odds.sum() - _EXPECTED * (n - len(known))))


def compute_odds(near: Float64, apart: Float64, model: ReidentificationModel) -> Float64:
    """Logarithms of the odds that two looks are one animal's, from both distances; NaN in the second = not known."""
    distances = np.log(np.maximum(near, _LEAST_DISTANCE))
    alone = model.embedding[0] + model.embedding[1] * distances
    plain = np.log(np.maximum(apart, _LEAST_DISTANCE))
    odds = np.where(
        np.isnan(plain), alone, model.both[0] + model.both[1] * distances + model.both[2] * plain
    )
    return np.asarray(np.clip(np.nan_to_num(odds, nan=_FORBIDDEN), -_MOST, _MOST), np.float64)


def _assign(odds: Float64, forced: tuple[int, int] | None) -> Int64:
    """Animal ``(n,)`` of each identity, K = unknown: no animal twice, the greatest sum of odds."""
    n, k = odds.shape
    table = np.concatenate([odds, np.where(np.eye(n, dtype=bool), -_EXPECTED, _FORBIDDEN)], axis=1)
    if forced is not None:
        i, a = forced
        column = a if a < k else k + i
        table[i, np.arange(k + n) != column] = _FORBIDDEN
    columns: Int64 = np.asarray(linear_sum_assignment(table, maximize=True)[1], np.int64)
    columns[columns > k] = k
    return columns


def add_session(
    gallery: Gallery | None,
    identity_prototypes: IdentityPrototypes,
    animals: dict[int, Animal],
    session: Session,
    embedder: str,
    shift: Float64,
) -> Gallery:
    """Gallery with what a recording shows of its named identities.

    A recording that is in the gallery already is replaced.

    Parameters
    ----------
    gallery : Gallery or None
        None = none yet.
    identity_prototypes : Portraits
    animals : dict of int to Animal
        Animal of each named identity.
    session : Session
    embedder : str
    shift : ndarray
        ``(c,)``: by how much plain looks differ from the gallery's day.

    Raises
    ------
    ConfigError
        If an identity that is named was hardly ever seen clearly.
    """
    prototypes = identity_prototypes.prototypes
    if gallery is None:
        gallery = Gallery(embedder, (), (), join([], prototypes), np.zeros(0, np.int64))
    known = list(gallery.animals)
    by_uuid = {animal.uuid: place for place, animal in enumerate(known)}
    sessions, number = _place(gallery, session)
    kept = gallery.session_numbers != number
    parts, numbers = [gallery.prototypes[kept]], [gallery.session_numbers[kept]]
    for identity, animal in sorted(animals.items()):
        place = np.flatnonzero(identity_prototypes.identity_ids == identity)
        if not len(place):
            raise ConfigError(
                f"{animal.name}: expected an identity that is seen clearly, got {identity}, which is not"
            )
        if animal.uuid not in by_uuid:
            by_uuid[animal.uuid] = len(known)
            known.append(animal)
        own = prototypes.owners == place[0]
        colour_features = (prototypes.colour_features[own] - shift).astype(np.float32)
        owners = np.full(own.sum(), by_uuid[animal.uuid], np.int64)
        parts.append(
            Prototypes(owners, prototypes.weights[own], prototypes.embeddings[own], colour_features)
        )
        numbers.append(np.full(own.sum(), number, np.int64))
    grown = Gallery(
        gallery.embedder, tuple(known), sessions, join(parts, prototypes), np.concatenate(numbers)
    )
    return grown.prune()


def _place(gallery: Gallery, session: Session) -> tuple[tuple[Session, ...], int]:
    """Sessions with this one, and its number: that of the same recording, or the next."""
    for number, before in enumerate(gallery.sessions):
        if before.fingerprint == session.fingerprint:
            return (*gallery.sessions[:number], session, *gallery.sessions[number + 1 :]), number
    return (*gallery.sessions, session), len(gallery.sessions)
