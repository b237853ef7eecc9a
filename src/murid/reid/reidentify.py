"""Re-identification of runs: names from a gallery, into a gallery, and across runs without one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from murid.appearance.colour_features import N_COLOUR_FEATURES
from murid.core.types import Float64
from murid.errors import ConfigError
from murid.reid.animal_names import UNKNOWN, check_names, create_animal, find_free_name
from murid.reid.gallery import Animal, Gallery, add_session
from murid.reid.gallery_file import load_gallery, save_gallery
from murid.reid.identity_appearance import describe_identities, describe_session
from murid.reid.matching import Reidentification, ReidentificationModel, match_to_gallery
from murid.reid.prototypes import IdentityPrototypes
from murid.store import AnimalName, RunDirectory

# Minimum probability with which an animal is added to the gallery: a wrong one would spoil later
# matches.
MIN_UPDATE_PROBABILITY = 0.95


@dataclass(frozen=True, slots=True)
class IdentityMatch:
    """An identity of a run, its animal (None = unknown), and the probability of that."""

    identity_id: int
    animal: Animal | None
    probability: float


@cache
def load_reidentification_model() -> ReidentificationModel:
    """Return the fitted model; ``benchmarks/gallery.py calibrate`` writes its file."""
    text = files("murid.reid").joinpath("reidentification_model.json").read_text("utf-8")
    values: dict[str, Any] = json.loads(text)
    intercept, embedding_factor, colour_factor = values["coefficients"]
    only_intercept, only_embedding_factor = values["embedding_coefficients"]
    return ReidentificationModel(
        tuple(values["colour_change_std"]),
        tuple(values["colour_shift_shrinkage"]),
        values["embedding_shift_shrinkage"],
        (intercept, embedding_factor, colour_factor),
        (only_intercept, only_embedding_factor),
    )


def reidentify_run(run: RunDirectory, path: str | Path, *, update_gallery: bool = False) -> None:
    """Name the identities of a run after animals of a gallery file.

    Parameters
    ----------
    run : RunDirectory
        Open for writing, with identities.
    path : str or Path
        Gallery file.
    update_gallery : bool
        Whether to add the prototypes of animals that are re-identified with a probability of at
        least `MIN_UPDATE_PROBABILITY` to the gallery.

    Raises
    ------
    FormatError
        If the file is not a gallery.
    RunError
        If the run has no identities, no embeddings, or embeddings of other weights.
    StorageError
        If the run or the gallery cannot be written to.
    """
    gallery = load_gallery(path)
    identity_prototypes = describe_identities(run, gallery.embedder, str(path))
    session = describe_session(run, identity_prototypes)
    others = gallery.exclude_recording(session.fingerprint)
    reidentification = match_to_gallery(identity_prototypes, others, load_reidentification_model())
    matches = _list_matches(identity_prototypes, reidentification, gallery)
    _write_names(run, matches)
    run.record("name", {"gallery": path, "update_gallery": update_gallery})
    if update_gallery:
        certain = {
            match.identity_id: match.animal
            for match in matches
            if match.animal is not None and match.probability >= MIN_UPDATE_PROBABILITY
        }
        updated = add_session(
            gallery,
            identity_prototypes,
            certain,
            session,
            gallery.embedder,
            reidentification.shift,
        )
        save_gallery(path, updated)


def enroll_run(run: RunDirectory, path: str | Path, names: Mapping[int, str]) -> Gallery:
    """Add identities of a run to a gallery file, under names that the run then has, too.

    An animal of the same name in the gallery is the same animal.

    Parameters
    ----------
    run : RunDirectory
        Open for writing, with identities.
    path : str or Path
        Gallery file; created if it does not exist.
    names : mapping of int to str
        Name of each identity to be added; if empty, all identities that have a name.

    Raises
    ------
    ConfigError
        If a name is used twice or not allowed, or an identity does not exist or is hardly ever
        unoccluded.
    FormatError, RunError, StorageError
        As `reidentify_run`.
    """
    gallery = load_gallery(path) if Path(path).exists() else None
    names = dict(names) or _list_names(run)
    check_names(names.values())
    if not names:
        expected = "names of its identities, such as 1=alice"
        raise ConfigError(f"{run.path}: expected {expected}, got none")
    # Describe the identities.
    embedder = None if gallery is None else gallery.embedder
    identity_prototypes = describe_identities(run, embedder, str(path))
    _check_described(names, identity_prototypes)
    # Add them, with colours corrected for light and camera by the animals that are known already.
    animals = {identity: _find_or_create(gallery, name) for identity, name in names.items()}
    session = describe_session(run, identity_prototypes)
    shift = np.zeros(N_COLOUR_FEATURES)
    if gallery is not None:
        others = gallery.exclude_recording(session.fingerprint)
        shift = _estimate_colour_shift(identity_prototypes, others, animals)
    updated = add_session(
        gallery, identity_prototypes, animals, session, str(run.manifest.embedder), shift
    )
    save_gallery(path, updated)
    # Name the identities; another identity loses a name that is used now.
    kept = {i: own for i, own in run.manifest.names.items() if own.name not in names.values()}
    new = {i: AnimalName(animal.name, animal.uuid) for i, animal in animals.items()}
    run.identities.write_names({**kept, **new})
    arguments = {"gallery": path, "names": {str(i): name for i, name in names.items()}}
    run.record("enroll", arguments)
    return updated


def match_across_runs(runs: list[RunDirectory]) -> None:
    """Give the same animals the same names in several runs, without a gallery file.

    Identities keep names that they have from a gallery. Others are called ``animal-a``,
    ``animal-b`` and so on.

    Raises
    ------
    ConfigError
        If two runs are of one video.
    RunError, StorageError
        As `reidentify_run`.
    """
    gallery: Gallery | None = None
    first_path = str(runs[0].path)
    for run in runs:
        gallery = _match_to_earlier_runs(run, gallery, first_path)
        run.record("name", {"runs": [other.path for other in runs]})


def check_gallery(gallery: str | Path | None, update_gallery: bool) -> None:
    """Raise `ConfigError` or `FormatError` if a gallery is needed and there is none to read."""
    if update_gallery and gallery is None:
        raise ConfigError("update_gallery: expected a gallery to update, got none")
    if gallery is not None:
        load_gallery(gallery)


def _match_to_earlier_runs(run: RunDirectory, gallery: Gallery | None, first_path: str) -> Gallery:
    """Name the identities of a run after those of the runs in the gallery; return both together.

    `first_path` is that of the first run, for error messages.
    """
    embedder = None if gallery is None else gallery.embedder
    identity_prototypes = describe_identities(run, embedder, first_path)
    session = describe_session(run, identity_prototypes)
    animals: dict[int, Animal] = {}
    probabilities: dict[int, float] = {}
    shift = np.zeros(N_COLOUR_FEATURES)
    if gallery is not None:
        if session.fingerprint in {other.fingerprint for other in gallery.sessions}:
            raise ConfigError(
                f"{run.path}: expected a run of another video, got one of the same video twice"
            )
        reidentification = match_to_gallery(
            identity_prototypes, gallery, load_reidentification_model()
        )
        shift = reidentification.shift
        for match in _list_matches(identity_prototypes, reidentification, gallery):
            probabilities[match.identity_id] = match.probability
            if match.animal is not None:
                animals[match.identity_id] = match.animal
    # Identities that are new get a name that no other animal has.
    taken = set() if gallery is None else {animal.name for animal in gallery.animals}
    taken |= {animal.name for animal in animals.values()}
    for identity in identity_prototypes.identity_ids.tolist():
        if identity not in animals:
            animals[identity] = _name_new_animal(run.manifest.names.get(identity), taken)
            taken.add(animals[identity].name)
    updated = add_session(
        gallery, identity_prototypes, animals, session, str(run.manifest.embedder), shift
    )
    run.identities.write_names(
        {
            identity: AnimalName(animal.name, animal.uuid, probabilities.get(identity, 1.0))
            for identity, animal in sorted(animals.items())
        }
    )
    return updated


def _list_names(run: RunDirectory) -> dict[int, str]:
    """Return the names of a run's identities that are animals of a gallery."""
    names = run.manifest.names
    return {identity: own.name for identity, own in names.items() if own.uuid is not None}


def _check_described(names: Mapping[int, str], identity_prototypes: IdentityPrototypes) -> None:
    """Raise `ConfigError` if one of the identities has no prototypes."""
    described = identity_prototypes.identity_ids.tolist()
    for identity, name in names.items():
        if identity not in described:
            choices = ", ".join(map(str, described)) or "none"
            expected = f"an identity that is seen clearly ({choices})"
            raise ConfigError(f"{identity}={name}: expected {expected}, got {identity}")


def _find_or_create(gallery: Gallery | None, name: str) -> Animal:
    """Return the animal of a name in the gallery, or a new one."""
    known = None if gallery is None else gallery.find_animal(name)
    return create_animal(name) if known is None else known


def _name_new_animal(own: AnimalName | None, taken: Iterable[str]) -> Animal:
    """Return an animal with the name that an identity has from a gallery, or with a new name."""
    if own is not None and own.uuid is not None and own.name not in taken:
        return Animal(own.name, own.uuid)
    return create_animal(find_free_name(set(taken)))


def _list_matches(
    identity_prototypes: IdentityPrototypes,
    reidentification: Reidentification,
    gallery: Gallery,
) -> list[IdentityMatch]:
    """Return the match of each identity."""
    return [
        IdentityMatch(
            identity_id, gallery.animals[position] if position >= 0 else None, probability
        )
        for identity_id, position, probability in zip(
            identity_prototypes.identity_ids.tolist(),
            reidentification.animals.tolist(),
            reidentification.probabilities.tolist(),
            strict=True,
        )
    ]


def _write_names(run: RunDirectory, matches: list[IdentityMatch]) -> None:
    """Name all identities of a run: after their animal, or unknown with their number."""
    ids = {
        identity_id
        for _, _, identity_ids, _ in run.identities.iterate_assignments()
        for identity_id in np.unique(identity_ids).tolist()
    }
    # Identities that are hardly ever unoccluded have no match.
    names = {i: AnimalName(f"{UNKNOWN}_{i}") for i in sorted(ids)}
    for match in matches:
        if match.animal is None:
            name = AnimalName(f"{UNKNOWN}_{match.identity_id}", None, match.probability)
        else:
            name = AnimalName(match.animal.name, match.animal.uuid, match.probability)
        names[match.identity_id] = name
    run.identities.write_names(names)


def _estimate_colour_shift(
    identity_prototypes: IdentityPrototypes, gallery: Gallery, animals: Mapping[int, Animal]
) -> Float64:
    """Return the mean colour shift ``(c,)`` of animals in the gallery; 0 if there are none."""
    positions = {animal.uuid: position for position, animal in enumerate(gallery.animals)}
    ids = identity_prototypes.identity_ids.tolist()
    own = identity_prototypes.average().colour_features
    known = gallery.decay_weights().average(len(gallery.animals)).colour_features
    shifts = np.array(
        [
            own[ids.index(identity)] - known[positions[animal.uuid]]
            for identity, animal in animals.items()
            if animal.uuid in positions
        ]
    ).reshape(-1, N_COLOUR_FEATURES)
    shifts = shifts[np.isfinite(shifts).all(axis=1)]
    return shifts.mean(axis=0) if len(shifts) else np.zeros(N_COLOUR_FEATURES)
