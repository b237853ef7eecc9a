"""Names for the identities of a run: from a gallery, by hand, and back into the gallery."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from murid.appearance.colour_features import N_COLOUR_FEATURES, compute_colour_features
from murid.core import DetectionTable
from murid.core.types import Float32, Float64, Int64
from murid.datasets.raw_labels import to_name
from murid.errors import ConfigError, RunError, SourceError
from murid.identification.occlusion import find_unoccluded
from murid.reid.gallery import (
    Animal,
    Gallery,
    Reidentification,
    ReidentificationModel,
    Session,
    add_session,
    match_to_gallery,
)
from murid.reid.gallery_file import load_gallery, save_gallery
from murid.reid.prototypes import AppearanceSamples, IdentityPrototypes, compute_prototypes
from murid.store import AnimalName, RunDirectory
from murid.store.side_tables import COLOUR_FEATURES
from murid.video import FrameSource, open_source, sample_frames
from murid.video.background_model import fit_static_background
from murid.video.resize import downscale

UNKNOWN = "unknown"
GROWN_CHANCE = 0.95
"""Chance from which on an identity that was named from a gallery may be added to it."""
_RESERVED = re.compile(rf"(animal|track|{UNKNOWN})([_-]?\d+)?", re.IGNORECASE)
_N_FRAMES = 400
_N_BACKDROP_FRAMES = 60
_LONGEST_SIDE = 640
_LEAST_SCORE = 0.3
_LEAST_CERTAINTY = 0.5


@cache
def load_reidentification_model() -> ReidentificationModel:
    """How looks change from day to day; ``benchmarks/gallery.py calibrate`` writes the file."""
    values: dict[str, Any] = json.loads(
        files("murid.reid").joinpath("reidentification_model.json").read_text("utf-8")
    )
    change, pull, both, embedding = (
        tuple(values[name]) for name in ("change", "pull", "both", "embedding")
    )
    return ReidentificationModel(change, pull, values["embedding_pull"], both, embedding)


def name_from_gallery(run: RunDirectory, path: str | Path, *, update_gallery: bool = False) -> None:
    """Name the identities of a run from a gallery file, and let it grow if asked.

    Parameters
    ----------
    run : RunDirectory
        Held for writing, its identities told.
    path : str or Path
        Gallery file.
    update_gallery : bool
        Whether to add what the run shows of animals that are told for sure.

    Raises
    ------
    FormatError
        If the file is no gallery.
    RunError
        If the run has no identities, no embeddings, or embeddings of other weights.
    StorageError
        If run or gallery cannot be written to.
    """
    gallery = load_gallery(path)
    identity_prototypes = describe_identities(run, gallery.embedder, str(path))
    session = describe_session(run, identity_prototypes)
    reidentification = match_to_gallery(
        identity_prototypes, gallery.leave_out(session.fingerprint), load_reidentification_model()
    )
    _write_names(run, identity_prototypes, reidentification, gallery)
    run.record("name", {"gallery": path, "update_gallery": update_gallery})
    if update_gallery:
        sure = {
            i: a
            for i, a, chance in _list_named(identity_prototypes, reidentification, gallery)
            if chance >= GROWN_CHANCE
        }
        grown = add_session(
            gallery, identity_prototypes, sure, session, gallery.embedder, reidentification.shift
        )
        save_gallery(path, grown)


def enroll_run(run: RunDirectory, path: str | Path, names: Mapping[int, str]) -> Gallery:
    """Add identities of a run to a gallery file, under these names, and give the run the names.

    An animal of that name in the gallery is taken for the same one.

    Parameters
    ----------
    run : RunDirectory
        Held for writing, its identities told.
    path : str or Path
        Gallery file; made if it is not there.
    names : mapping of int to str
        Name of each identity; none at all = those that the run has.

    Raises
    ------
    ConfigError
        If a name is used twice or is none, or there is no such identity, or it is hardly ever seen
        clearly.
    FormatError, RunError, StorageError
        As `name_from_gallery`.
    """
    gallery = load_gallery(path) if Path(path).exists() else None
    names = dict(names) or {
        i: own.name for i, own in run.manifest.names.items() if own.uuid is not None
    }
    check_names(names.values())
    if not names:
        raise ConfigError(
            f"{run.path}: expected names of its identities, such as 1=alice, got none"
        )
    identity_prototypes = describe_identities(
        run, None if gallery is None else gallery.embedder, str(path)
    )
    for identity in names:
        if identity not in identity_prototypes.identity_ids:
            seen = ", ".join(map(str, identity_prototypes.identity_ids.tolist())) or "none"
            expected = f"an identity that is seen clearly ({seen})"
            raise ConfigError(f"{identity}={names[identity]}: expected {expected}, got {identity}")
    animals = {identity: find_animal(gallery, name) for identity, name in names.items()}
    session, embedder = describe_session(run, identity_prototypes), str(run.manifest.embedder)
    others = None if gallery is None else gallery.leave_out(session.fingerprint)
    shift = (
        np.zeros(N_COLOUR_FEATURES)
        if others is None
        else _find_shift(identity_prototypes, others, animals)
    )
    grown = add_session(gallery, identity_prototypes, animals, session, embedder, shift)
    save_gallery(path, grown)
    own = {i: AnimalName(animal.name, animal.uuid) for i, animal in animals.items()}
    kept = {i: n for i, n in run.manifest.names.items() if n.name not in names.values()}
    run.identities.write_names({**kept, **own})
    run.record("enroll", {"gallery": path, "names": {str(i): name for i, name in names.items()}})
    return grown


def match_across_runs(runs: list[RunDirectory]) -> None:
    """Give the same animals the same names in several runs, without a gallery file.

    Names from a gallery that identities have stay; others are ``animal-a``, ``animal-b`` and so on.

    Raises
    ------
    ConfigError
        If two runs are of one video.
    RunError, StorageError
        As `name_from_gallery`.
    """
    gallery: Gallery | None = None
    first = runs[0].path
    for run in runs:
        identity_prototypes = describe_identities(
            run, None if gallery is None else gallery.embedder, str(first)
        )
        reidentification = (
            None
            if gallery is None
            else match_to_gallery(identity_prototypes, gallery, load_reidentification_model())
        )
        known = (
            {}
            if reidentification is None or gallery is None
            else dict(_pair(identity_prototypes, reidentification, gallery))
        )
        shift = np.zeros(N_COLOUR_FEATURES) if reidentification is None else reidentification.shift
        swap_probabilities = (
            {}
            if reidentification is None
            else dict(
                zip(
                    identity_prototypes.identity_ids.tolist(),
                    reidentification.swap_probabilities,
                    strict=True,
                )
            )
        )
        for identity in identity_prototypes.identity_ids.tolist():
            if identity not in known:
                own = run.manifest.names.get(identity)
                taken = set() if gallery is None else {animal.name for animal in gallery.animals}
                taken |= {animal.name for animal in known.values()}
                known[identity] = _meet(own, taken)
        session = describe_session(run, identity_prototypes)
        if gallery is not None and session.fingerprint in {s.fingerprint for s in gallery.sessions}:
            raise ConfigError(
                f"{run.path}: expected a run of another video, got one of the same video twice"
            )
        gallery = add_session(
            gallery, identity_prototypes, known, session, str(run.manifest.embedder), shift
        )
        run.identities.write_names(
            {
                i: AnimalName(a.name, a.uuid, float(swap_probabilities.get(i, 1.0)))
                for i, a in sorted(known.items())
            }
        )
        run.record("name", {"runs": [other.path for other in runs]})


def check_gallery(gallery: str | Path | None, update_gallery: bool) -> None:
    """Raise `ConfigError` or `FormatError` unless there is a gallery that can be read, where one is needed."""
    if update_gallery and gallery is None:
        raise ConfigError("update_gallery: expected a gallery to update, got none")
    if gallery is not None:
        load_gallery(gallery)


def check_names(names: object) -> None:
    """Raise `ConfigError` unless all names are different and can be names of animals and of files."""
    seen: set[str] = set()
    for name in names:  # type: ignore[attr-defined]
        if to_name(name) != name or not name:
            raise ConfigError(
                f"{name!r}: expected a name of letters, digits, dots, dashes and underscores"
            )
        if _RESERVED.fullmatch(name):
            raise ConfigError(
                f"{name!r}: expected a name that murid does not give itself, got a reserved one"
            )
        if name in seen:
            raise ConfigError(f"{name!r}: expected one animal of this name, got two")
        seen.add(name)


def find_animal(gallery: Gallery | None, name: str) -> Animal:
    """Animal of a gallery, or a new one."""
    known = () if gallery is None else gallery.animals
    return next((animal for animal in known if animal.name == name), Animal(name, str(uuid4())))


def describe_identities(
    run: RunDirectory, embedder: str | None, gallery: str
) -> IdentityPrototypes:
    """Look at the identities of a run.

    Parameters
    ----------
    run : RunDirectory
        Held for writing; the looks that only the video shows are kept in it.
    embedder : str or None
        Weights that the embeddings have to be of; None = any.
    gallery : str
        Whose weights these are.

    Raises
    ------
    RunError
        If there are no identities, no embeddings, or embeddings of other weights.
    """
    manifest = run.manifest
    if manifest.embedder is None:
        expected = "embeddings of known weights, to tell animals by (murid track with the detector nano makes them)"
        raise RunError(
            run.path, "embedder", expected, f"none, by {manifest.detector.split(' ')[0]}"
        )
    if embedder is not None and manifest.embedder != embedder:
        expected = f"embeddings of the weights that {gallery} was made with, {embedder[:12]}"
        raise RunError(
            run.path,
            "embedder",
            expected,
            f"{manifest.embedder[:12]}; embeddings of other weights differ",
        )
    return compute_prototypes(_gather_sights(run, _look(run)))


def describe_session(run: RunDirectory, identity_prototypes: IdentityPrototypes) -> Session:
    """Where the looks of a run come from."""
    manifest = run.manifest
    made = (
        manifest.provenance[0].time_utc
        if manifest.provenance
        else datetime.now(UTC).isoformat(timespec="seconds")
    )
    # A camera that is tracked live shows another recording every time.
    live = json.dumps(dict(manifest.fingerprint), sort_keys=True) + made
    fingerprint = str(manifest.fingerprint.get("sha256", live))
    return Session(
        manifest.source, fingerprint, made, version("murid"), identity_prototypes.variation
    )


def _look(run: RunDirectory) -> tuple[Int64, Int64, Float32]:
    """Frames, rows and cues of detections spread over the recording; no cues where the video has gone."""
    kept = run.side_tables.read(COLOUR_FEATURES)
    if kept is not None:
        return kept["frame"], kept["row"], kept["colour_features"]
    try:
        source = open_source(run.manifest.source)
        there = source.compute_fingerprint() == dict(run.manifest.fingerprint)
    except SourceError:
        there = False
    if not there:
        frames = np.unique(np.linspace(0, max(run.n_frames - 1, 0), _N_FRAMES).astype(np.int64))
        return (
            frames,
            np.full(len(frames), -1, np.int64),
            np.full((len(frames), N_COLOUR_FEATURES), np.nan, np.float32),
        )
    found = _measure(source, run.detections.read(embeddings=False))
    frames, rows, colour_features = found
    run.side_tables.write(
        COLOUR_FEATURES, {"frame": frames, "row": rows, "colour_features": colour_features}
    )
    return found


def _measure(source: FrameSource, table: DetectionTable) -> tuple[Int64, Int64, Float32]:
    """Cues of the detections in frames spread over a video."""
    images = [
        downscale(frame.image, _LONGEST_SIDE)[0]
        for frame in sample_frames(source, _N_BACKDROP_FRAMES)
    ]
    background = fit_static_background(images)
    frames, rows, colour_features = (
        [np.zeros(0, np.int64)],
        [np.zeros(0, np.int64)],
        [np.zeros((0, N_COLOUR_FEATURES), np.float32)],
    )
    for frame in sample_frames(source, _N_FRAMES):
        if frame.index >= table.n_frames:
            continue
        image, factor = downscale(frame.image, _LONGEST_SIDE)
        fits = background is not None and background.image.shape == image.shape
        own = compute_colour_features(
            image, table[frame.index].boxes * factor, background if fits else None
        )
        frames.append(np.full(len(own), frame.index, np.int64))
        rows.append(np.arange(len(own), dtype=np.int64))
        colour_features.append(own)
    return np.concatenate(frames), np.concatenate(rows), np.concatenate(colour_features)


def _gather_sights(
    run: RunDirectory, appearance: tuple[Int64, Int64, Float32]
) -> AppearanceSamples:
    """Clear sights of identities in the frames that were looked at; embeddings of the last frame that has some."""
    wanted, every = np.unique(appearance[0]), run.detections.embeddings_every
    colour_features = {
        (f, r): c
        for f, r, c in zip(
            appearance[0].tolist(), appearance[1].tolist(), appearance[2], strict=True
        )
    }
    ids: list[int] = []
    embeddings, plain = [], []
    for (first, table), owners in zip(
        run.detections.iterate(), run.identities.iterate_assignments(), strict=True
    ):
        here = set(wanted[(wanted >= first) & (wanted < first + table.n_frames)].tolist())
        if not here or table.embeddings is None:
            continue
        clear = find_unoccluded(table, table.scores >= _LEAST_SCORE)
        places = (table.frame_offsets[owners[0] - first] + owners[1]).tolist()
        rows = list(zip(*(column.tolist() for column in owners), places, strict=True))
        described = {
            (frame, identity): place for frame, _, identity, _, place in rows if frame % every == 0
        }
        for frame, row, identity, identity_probability, place in rows:
            shown = described.get((frame - frame % every, identity))
            if (
                frame not in here
                or shown is None
                or identity_probability < _LEAST_CERTAINTY
                or not clear[[place, shown]].all()
            ):
                continue
            ids.append(identity)
            embeddings.append(table.embeddings[shown])
            plain.append(
                colour_features.get((frame, row), np.full(N_COLOUR_FEATURES, np.nan, np.float32))
            )
    if not ids:
        return AppearanceSamples(
            np.zeros(0, np.int64),
            np.zeros((0, 1), np.float32),
            np.zeros((0, N_COLOUR_FEATURES), np.float32),
        )
    return AppearanceSamples(
        np.array(ids, np.int64), np.array(embeddings, np.float32), np.array(plain, np.float32)
    )


def _write_names(
    run: RunDirectory,
    identity_prototypes: IdentityPrototypes,
    reidentification: Reidentification,
    gallery: Gallery,
) -> None:
    """Give every identity of a run a name: an animal's, or unknown with its number."""
    ids = {
        i
        for _, _, owners, _ in run.identities.iterate_assignments()
        for i in np.unique(owners).tolist()
    }
    names = {i: AnimalName(f"{UNKNOWN}_{i}") for i in sorted(ids)}
    for identity, chance in zip(
        identity_prototypes.identity_ids.tolist(),
        reidentification.swap_probabilities.tolist(),
        strict=True,
    ):
        names[identity] = replace(names[identity], probability=chance)
    for identity, animal, chance in _list_named(identity_prototypes, reidentification, gallery):
        names[identity] = AnimalName(animal.name, animal.uuid, chance)
    run.identities.write_names(names)


def _list_named(
    identity_prototypes: IdentityPrototypes, reidentification: Reidentification, gallery: Gallery
) -> list[tuple[int, Animal, float]]:
    known = zip(
        identity_prototypes.identity_ids.tolist(),
        reidentification.animals.tolist(),
        reidentification.swap_probabilities.tolist(),
        strict=True,
    )
    return [
        (identity, gallery.animals[place], chance)
        for identity, place, chance in known
        if place >= 0
    ]


def _pair(
    identity_prototypes: IdentityPrototypes, reidentification: Reidentification, gallery: Gallery
) -> list[tuple[int, Animal]]:
    return [
        (identity, animal)
        for identity, animal, _ in _list_named(identity_prototypes, reidentification, gallery)
    ]


def _meet(own: AnimalName | None, taken: set[str]) -> Animal:
    """A new animal, under the name that it has or the next letter."""
    if own is not None and own.uuid is not None and own.name not in taken:
        return Animal(own.name, own.uuid)
    number = 0
    while (name := _to_letters(number)) in taken:
        number += 1
    return Animal(name, str(uuid4()))


def _to_letters(number: int) -> str:
    """``animal-a`` … ``animal-z``, ``animal-aa`` and so on."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("a") + rest) + letters
    return f"animal-{letters}"


def _find_shift(
    identity_prototypes: IdentityPrototypes, gallery: Gallery, animals: Mapping[int, Animal]
) -> Float64:
    """Common change of plain looks of the animals that the gallery knows already."""
    known = [animal.uuid for animal in gallery.animals]
    own = identity_prototypes.prototypes.average(len(identity_prototypes.identity_ids))[1]
    theirs = gallery.age().average(len(known))[1]
    places = [
        (identity_prototypes.identity_ids.tolist().index(i), known.index(a.uuid))
        for i, a in animals.items()
        if a.uuid in known
    ]
    changes = np.array([own[i] - theirs[a] for i, a in places]).reshape(-1, N_COLOUR_FEATURES)
    changes = changes[np.isfinite(changes).all(axis=1)]
    return changes.mean(axis=0) if len(changes) else np.zeros(N_COLOUR_FEATURES)
