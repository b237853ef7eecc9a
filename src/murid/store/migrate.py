"""Runs of format version 1: the names that version 2 changed, and the upgrade of a run in place.

Opening a run for reading translates its manifest in memory; files and columns are found under
either name. Opening it for writing upgrades the files first (`upgrade_files`) and the manifest
last. After a kill the manifest still says version 1, so the run opens and the upgrade continues.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from murid.core.files import storage_errors
from murid.errors import RunError
from murid.store.parquet import list_columns, rename_columns

# Version 1 called the stages, and their sections of the configuration, by verbs.
STAGES = {"detect": "detection", "track": "tracking", "identify": "identification"}

# Settings of version 1 → their names in version 2; a dot separates a group from a setting.
# Settings that are not listed have the same name in both.
DETECTION_SETTINGS = {
    "longest_side": "max_side_px",
    "top_k": "max_detections",
    "small_doubt": "small_box_penalty",
}
TRACKING_SETTINGS = {
    "score_threshold": "scores.detection",
    "birth_threshold": "scores.new_track",
    "low_score_threshold": "scores.low",
    "score_share": "scores.relative_detection",
    "birth_share": "scores.relative_new_track",
    "least_mean_score": "scores.min_mean",
    "least_mean_share": "scores.relative_min_mean",
    "gate_dims": "motion.gating_dims",
    "aspect_noise": "motion.aspect_ratio_std",
    "scale_noise_with_fps": "motion.scale_noise_with_fps",
    "coast_s": "motion.velocity_decay_s",
    "grows": "motion.predict_growth",
    "first_cost": "stage1_cost",
    "first_limit": "stage1_max_cost",
    "second_cost": "stage2_cost",
    "second_limit": "stage2_max_cost",
    "second_limit_per_s": "stage2_max_cost_per_s",
    "isolation": "neighbour_gate",
    "appearance_momentum": "embedding_momentum",
    "merged_share": "min_merged_overlap",
    "low_score_limit": "low_score_max_cost",
    "tentative_limit": "tentative_max_cost",
    "duplicate_limit": "duplicate_max_cost",
}
IDENTIFICATION_SETTINGS = {
    "least_score": "min_score",
    "appearance": "use_appearance",
    "longest_fill_s": "max_gap_s",
    "longest_held_fill_s": "max_occluded_gap_s",
    "smooth": "smooth_boxes",
    "sure_chance": "min_probability",
}
_SETTINGS = {
    "detection": DETECTION_SETTINGS,
    "tracking": TRACKING_SETTINGS,
    "identification": IDENTIFICATION_SETTINGS,
}

# Side tables: file name in version 2 → file name in version 1.
FILES = {
    "colour_features.parquet": "cues.parquet",
    "fur_descriptors.parquet": "prints.parquet",
    "point_matches.parquet": "ties.parquet",
}

# Columns of Parquet files: name in version 2 → name in version 1.
COLUMNS = {
    "identity_probability": "certainty",
    "interpolated": "filled",
    "n_interpolated": "n_filled",
    "identity_probability_sum": "certainty_sum",
    "identity_a": "a",
    "identity_b": "b",
    "swap_probability": "chance",
    "colour_features": "cues",
    "fur_descriptor": "print",
    "match": "tie",
}

_NEW_COLUMNS = {old: new for new, old in COLUMNS.items()}

# Files that have the same name in both versions and other columns.
_WITH_OTHER_COLUMNS = ("identities/part-*.parquet", "crossings.parquet", "summary-*.parquet")

# When to run the second pass over the video; version 1 left the key out where it was off.
_REFINE = {"in doubt": "auto", True: "always", False: "never"}


def upgrade_files(run: Path) -> None:
    """Give the files of a run of version 1, and their columns, the names of version 2.

    Every file is replaced atomically, so that a kill leaves each under its old or its new name.
    A damaged file stays as it is: reading it names the damage. Calling it again does no harm. The
    caller holds the write lock. Raises `StorageError`.
    """
    for name, old_name in FILES.items():
        old_path = run / old_name
        if not old_path.is_file():
            continue
        with suppress(RunError):
            # A file under the new name is what an earlier upgrade made of the old one, or newer.
            if not (run / name).is_file():
                rename_columns(old_path, run / name, _NEW_COLUMNS)
            with storage_errors(old_path):
                old_path.unlink()
    for pattern in _WITH_OTHER_COLUMNS:
        for path in sorted(run.glob(pattern)):
            with suppress(RunError):
                if not _NEW_COLUMNS.keys().isdisjoint(list_columns(path)):
                    rename_columns(path, path, _NEW_COLUMNS)


def migrate_manifest(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest of version 1, as read from JSON, in the terms of version 2.

    What is not of the expected type stays as it is, so that reading the manifest can name it.
    Provenance is a history and stays as it was written.
    """
    migrated = {**document, "format_version": 2}
    stages = document.get("stages")
    if isinstance(stages, dict):
        migrated["stages"] = _migrate_stages(stages)
    config = document.get("config")
    if isinstance(config, dict):
        migrated["config"] = _migrate_config(config)
    names = document.get("names")
    if isinstance(names, dict):
        migrated["names"] = {key: _migrate_name(entry) for key, entry in names.items()}
    return migrated


def migrate_settings(section: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of one stage of version 2 (``tracking``, ...) from those of version 1."""
    new_names = _SETTINGS.get(section, {})
    migrated: dict[str, Any] = {}
    for name, value in settings.items():
        group, _, setting = new_names.get(name, name).rpartition(".")
        target = migrated.setdefault(group, {}) if group else migrated
        target[setting] = value
    if section == "identification":
        migrated["enabled"] = True
        migrated["refine"] = _REFINE.get(migrated.pop("adapt", False), "never")
    return migrated


def _migrate_stages(stages: Mapping[str, Any]) -> dict[str, Any]:
    migrated = {STAGES.get(name, name): status for name, status in stages.items()}
    # Runs that were made before there were identities lack this stage.
    migrated.setdefault("identification", {"state": "pending", "n_frames": 0, "n_parts": 0})
    return migrated


def _migrate_config(config: Mapping[str, Any]) -> dict[str, Any]:
    migrated: dict[str, Any] = {}
    for name, settings in config.items():
        section = STAGES.get(name, name)
        if not isinstance(settings, dict):
            migrated[section] = settings
            continue
        settings = dict(settings)
        # Version 1 kept the arenas twice; tracking always has them where there are any.
        arenas = settings.pop("arena", None)
        if section == "tracking" and arenas is not None:
            migrated["arenas"] = arenas
        migrated[section] = migrate_settings(section, settings)
    return migrated


def _migrate_name(entry: Any) -> Any:
    if not isinstance(entry, dict) or "chance" not in entry:
        return entry
    migrated = dict(entry)
    migrated["probability"] = migrated.pop("chance")
    return migrated
