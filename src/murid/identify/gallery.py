"""Animals over many recordings: a gallery of their looks, and who of it each identity of a recording is.

Two looks are compared by how far their mean embeddings lie apart, in units of how much those of one animal vary, and
by how far their plain looks do, in units of how much those of one animal change from day to day. A day's light changes
the plain looks of all animals alike, so their common change is found together with the names. The logarithm of the odds
that two looks are one animal's is linear in the logarithms of both distances; its coefficients were fitted on scenes of
several days (`NamingModel`). All identities are named at once, no two alike; who is likelier a stranger is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import softmax

from murid.core.types import Float64, Int64
from murid.errors import ConfigError
from murid.identify.portraits import Portraits, Prototypes, join

HALF_LIFE = 2.0
"""Recordings of an animal after which the weight of an older one is halved."""
MOST_SESSIONS = 8
"""Recordings of an animal whose prototypes are kept."""
_FORBIDDEN = -1e6
_ROUNDS = 20
_LEAST_DISTANCE = 0.05
_MOST = 8.0  # greatest logarithm of odds
_EXPECTED = float(np.log(5))  # odds before any look that an animal is one of the gallery and no stranger


@dataclass(frozen=True, slots=True)
class NamingModel:
    """How looks change from day to day, fitted by ``benchmarks/gallery.py calibrate``.

    Attributes
    ----------
    shift, change : tuple of float
        ``(c,)``: deviation of each plain look's change from one recording to another, of that which all animals share
        and of each animal's own.
    both, embedding : tuple of float
        Coefficients of the logarithm of odds: intercept, logarithm of the embedding's distance and, the first, of the
        plain looks'. The second is for when these were not measured.
    """

    shift: tuple[float, ...]
    change: tuple[float, ...]
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
        As in `Portraits`.
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
        Owners are places in `animals`; plain looks as they would be on the day of the first session.
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
        kept = self._count_later() < MOST_SESSIONS
        prototypes = Prototypes(*(getattr(self.prototypes, name)[kept] for name in Prototypes.__slots__))
        return replace(self, prototypes=prototypes, session_numbers=self.session_numbers[kept])

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
        """As in `Portraits`, over all sessions."""
        return float(np.sqrt(np.mean([session.variation**2 for session in self.sessions])))


@dataclass(frozen=True, eq=False, slots=True)
class Naming:
    """Who of a gallery the identities of a recording are.

    Attributes
    ----------
    animals : ndarray
        ``(I,)`` int64 places in the gallery; -1 = unknown.
    chances : ndarray
        ``(I,)`` float64 in [0, 1]: how likely that is right.
    shift : ndarray
        ``(c,)`` float64: by how much plain looks differ from the gallery's day.
    """

    animals: Int64
    chances: Float64
    shift: Float64


def name_portraits(portraits: Portraits, gallery: Gallery, model: NamingModel) -> Naming:
    """Name the identities of a recording, no two alike.

    Parameters
    ----------
    portraits : Portraits
        With embeddings of the gallery's weights.
    gallery : Gallery
    model : NamingModel

    Returns
    -------
    Naming
    """
    n, k = len(portraits.identity_ids), len(gallery.animals)
    own, known = portraits.prototypes.average(n), gallery.age().average(k)
    scale = np.hypot(portraits.variation, gallery.variation) / np.sqrt(2)
    near = np.linalg.norm(own[0][:, None] - known[0][None], axis=2) / scale
    differences = own[1][:, None] - known[1][None]
    whole = _solve(near, differences, model, None)
    values = np.full((n, k + 1), whole.value)
    for i in range(n):
        for a in range(k + 1):
            if a != whole.places[i]:
                values[i, a] = _solve(near, differences, model, (i, a)).value
    chances = softmax(values, axis=1)
    animals = np.where(whole.places < k, whole.places, -1)
    # A name that is no likelier than all else together is none.
    animals[chances[np.arange(n), whole.places] < 0.5] = -1
    said = np.where(animals >= 0, chances[np.arange(n), animals], chances[:, k])
    return Naming(animals, said, whole.shift)


@dataclass(frozen=True, eq=False, slots=True)
class _Solution:
    places: Int64
    shift: Float64
    value: float


def _solve(near: Float64, differences: Float64, model: NamingModel, forced: tuple[int, int] | None) -> _Solution:
    """Names and the common change of plain looks in turn, until both stay; the best from several beginnings."""
    n, k, c = differences.shape
    starts = [np.zeros(c)]
    if n and k and np.isfinite(differences).any():
        first = _assign(compute_odds(near, np.full((n, k), np.nan), model), forced)
        starts.append(_find_shift(differences, first, model))
    best: _Solution | None = None
    for shift in starts:
        places = np.full(n, -1)
        for _ in range(_ROUNDS):
            odds = compute_odds(near, measure_apart(differences - shift, model), model)
            before, places = places, _assign(odds, forced)
            if np.array_equal(before, places):
                break
            shift = _find_shift(differences, places, model)
        odds = compute_odds(near, measure_apart(differences - shift, model), model)
        known = np.flatnonzero(places < k)
        value = (
            odds[known, places[known]].sum()
            - _EXPECTED * (n - len(known))
            - 0.5 * np.square(shift / np.array(model.shift)).sum()
        )
        if best is None or value > best.value:
            best = _Solution(places, shift, float(value))
    assert best is not None
    return best


def measure_apart(differences: Float64, model: NamingModel) -> Float64:
    """Root mean square ``(...)`` of differences of plain looks ``(..., c)``, in units of an animal's daily change."""
    return np.asarray(np.sqrt(np.square(differences / np.array(model.change)).mean(axis=-1)), np.float64)


def compute_odds(near: Float64, apart: Float64, model: NamingModel) -> Float64:
    """Logarithms of the odds that two looks are one animal's, from both distances; NaN in the second = not known."""
    distances = np.log(np.maximum(near, _LEAST_DISTANCE))
    alone = model.embedding[0] + model.embedding[1] * distances
    plain = np.log(np.maximum(apart, _LEAST_DISTANCE))
    odds = np.where(np.isnan(plain), alone, model.both[0] + model.both[1] * distances + model.both[2] * plain)
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


def _find_shift(differences: Float64, places: Int64, model: NamingModel) -> Float64:
    """Common change ``(c,)`` of plain looks: the mean over named identities, drawn to none where these are few."""
    known = np.flatnonzero(places < differences.shape[1])
    own = differences[known, places[known]]
    own = own[np.isfinite(own).all(axis=1)]
    if not len(own):
        return np.zeros(differences.shape[2])
    pull = np.square(np.array(model.change) / np.array(model.shift))
    return np.asarray(own.sum(axis=0) / (len(own) + pull), np.float64)


def add_session(
    gallery: Gallery | None,
    portraits: Portraits,
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
    portraits : Portraits
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
    prototypes = portraits.prototypes
    if gallery is None:
        gallery = Gallery(embedder, (), (), join([], prototypes), np.zeros(0, np.int64))
    known = list(gallery.animals)
    by_uuid = {animal.uuid: place for place, animal in enumerate(known)}
    parts, numbers = [gallery.prototypes], [gallery.session_numbers]
    sessions, number = _place(gallery, session)
    kept = gallery.session_numbers != number
    parts[0] = Prototypes(*(getattr(parts[0], name)[kept] for name in Prototypes.__slots__))
    numbers[0] = numbers[0][kept]
    for identity, animal in sorted(animals.items()):
        place = np.flatnonzero(portraits.identity_ids == identity)
        if not len(place):
            raise ConfigError(f"{animal.name}: expected an identity that is seen clearly, got {identity}, which is not")
        if animal.uuid not in by_uuid:
            by_uuid[animal.uuid] = len(known)
            known.append(animal)
        own = prototypes.owners == place[0]
        cues = (prototypes.cues[own] - shift).astype(np.float32)
        owners = np.full(own.sum(), by_uuid[animal.uuid], np.int64)
        parts.append(Prototypes(owners, prototypes.weights[own], prototypes.embeddings[own], cues))
        numbers.append(np.full(own.sum(), number, np.int64))
    grown = Gallery(gallery.embedder, tuple(known), sessions, join(parts, prototypes), np.concatenate(numbers))
    return grown.prune()


def _place(gallery: Gallery, session: Session) -> tuple[tuple[Session, ...], int]:
    """Sessions with this one, and its number: that of the same recording, or the next."""
    for number, before in enumerate(gallery.sessions):
        if before.fingerprint == session.fingerprint:
            return (*gallery.sessions[:number], session, *gallery.sessions[number + 1 :]), number
    return (*gallery.sessions, session), len(gallery.sessions)
