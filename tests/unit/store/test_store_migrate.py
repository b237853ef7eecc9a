import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from store_runs import (
    make_colour_features,
    make_fur_descriptors,
    make_point_matches,
    write_identities,
    write_side_tables,
    write_tracks,
)

from murid.detection.config import DetectionConfig
from murid.identification import IdentificationConfig
from murid.store import RunDirectory, migrate
from murid.store.parquet import rename_columns
from murid.store.side_tables import (
    COLOUR_FEATURES,
    FUR_DESCRIPTORS,
    POINT_MATCHES,
)
from murid.tracking import TrackingConfig

HERE = Path(__file__).parent

# Defaults of the settings as runs of version 1 have them.
DETECT = {
    "score_threshold": 0.1,
    "longest_side": None,
    "top_k": 100,
    "duplicate_iou": 0.7,
    "duplicate_containment": None,
    "small_doubt": 8.0,
    "clip_boxes": True,
    "precision": "auto",
}
TRACK = {
    "score_threshold": 0.2,
    "birth_threshold": 0.4,
    "low_score_threshold": 0.1,
    "score_share": 0.6,
    "birth_share": 0.8,
    "first_cost": "overlap",
    "first_limit": 0.9,
    "second_cost": "near",
    "second_limit": 0.75,
    "second_limit_per_s": 4.0,
    "isolation": 0.5,
    "size_weight": 0.15,
    "score_weight": 0.3,
    "merged_share": 0.7,
    "low_score_limit": 0.2,
    "tentative_limit": 0.7,
    "appearance_weight": 0.3,
    "appearance_momentum": 0.9,
    "gate_dims": 4,
    "aspect_noise": 0.2,
    "scale_noise_with_fps": True,
    "coast_s": 0.7,
    "grows": False,
    "confirm_new_tracks": True,
    "output_boxes": "mean",
    "max_lost_s": 2.0,
    "duplicate_limit": None,
    "least_mean_score": 0.4,
    "least_mean_share": 0.65,
    "max_tracks": None,
}
IDENTIFY = {
    "least_score": 0.15,
    "appearance": True,
    "longest_fill_s": 2.0,
    "longest_held_fill_s": 10.0,
    "smooth": True,
    "sure_chance": 0.99,
    "adapt": "in doubt",
}
ARENA = {"width": 640, "height": 480}
NEW_STAGES = {new: old for old, new in migrate.STAGES.items()}
NEW_COLUMNS = {old: new for new, old in migrate.COLUMNS.items()}


def make_old(path: Path) -> None:
    """Turn a run of version 2 into what murid wrote as version 1."""
    for name, old_name in migrate.FILES.items():
        rename_columns(path / name, path / old_name, migrate.COLUMNS)
        # Version 1 stored no metadata.
        table = pq.ParquetFile(path / old_name).read().replace_schema_metadata(None)
        pq.write_table(table, path / old_name)
        (path / name).unlink()
    for pattern in ("identities/*.parquet", "crossings.parquet", "summary-*.parquet"):
        for file in path.glob(pattern):
            rename_columns(file, file, migrate.COLUMNS)
    document = json.loads((path / "manifest.json").read_text())
    document["format_version"] = 1
    document["stages"] = {NEW_STAGES[name]: own for name, own in document["stages"].items()}
    document["config"] = {
        "detect": {"score_threshold": 0.1, "longest_side": 640},
        "track": TRACK | {"arena": ARENA, "camera_motion": "abc"},
        "identify": IDENTIFY | {"animals": 3, "arena": ARENA},
    }
    for own in document["names"].values():
        own["chance"] = own.pop("probability")
    (path / "manifest.json").write_text(json.dumps(document))


def read_everything(run: RunDirectory) -> dict[str, object]:
    """All that a run tells of its video, in values that compare equal."""
    tracks = run.read_tracks()
    tables = {
        table.name: run.side_tables.read(table)
        for table in (COLOUR_FEATURES, FUR_DESCRIPTORS, POINT_MATCHES)
    }
    return {
        "ids": tracks.track_ids.tolist(),
        "boxes": tracks.detections.boxes.tolist(),
        "interpolated": tracks.interpolated.tolist(),
        "merged": None if tracks.merged is None else tracks.merged.tolist(),
        "probabilities": tracks.identity_probabilities.tolist(),
        "assignments": [
            [own.tolist() for own in part] for part in run.identities.iterate_assignments()
        ],
        "crossings": run.identities.read_crossings(),
        "summary": run.read_summary(),
        "names": run.manifest.names,
        "tables": {
            name: {column: values.tolist() for column, values in own.items()}
            for name, own in tables.items()
        },
        "config": run.manifest.config,
        "stages": run.manifest.stages,
    }


@pytest.fixture
def complete(finished):
    """A finished run of version 2 with identities and all side tables."""
    with RunDirectory.open(finished.path, writable=True) as run:
        write_identities(run)
        write_side_tables(run)
    return finished.path


@pytest.fixture
def old(complete, tmp_path):
    """The same as a run of version 1."""
    path = tmp_path / "old.murid"
    shutil.copytree(complete, path)
    make_old(path)
    return path


def drop_config(facts: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in facts.items() if name != "config"}


@pytest.mark.parametrize(
    ("section", "settings", "config"),
    [
        ("detection", DETECT, DetectionConfig()),
        ("tracking", TRACK, TrackingConfig()),
        ("identification", IDENTIFY, IdentificationConfig()),
    ],
)
def test_default_settings_of_version_1_are_the_default_settings(section, settings, config):
    migrated = migrate.migrate_settings(section, settings)
    expected = config.describe_results() if section == "detection" else asdict(config)
    expected.pop("use_foreground", None)  # there was none in version 1
    assert migrated == json.loads(json.dumps(expected))


@pytest.mark.parametrize(
    ("adapt", "refine"),
    [({}, "never"), ({"adapt": True}, "always"), ({"adapt": "in doubt"}, "auto")],
)
def test_refine_of_version_1(adapt, refine):
    migrated = migrate.migrate_settings("identification", {"animals": 3} | adapt)
    assert migrated == {"animals": 3, "enabled": True, "refine": refine}


def test_manifest_is_read_in_terms_of_version_2(old):
    manifest = RunDirectory.open(old).manifest
    assert list(manifest.stages) == ["detection", "tracking", "identification"]
    assert set(manifest.config) == {"detection", "tracking", "identification", "arenas"}
    assert manifest.config["arenas"] == ARENA
    assert manifest.config["detection"] == {"score_threshold": 0.1, "max_side_px": 640}
    assert manifest.config["tracking"]["camera_motion"] == "abc"
    assert "arena" not in manifest.config["identification"]
    assert manifest.config["identification"]["animals"] == 3
    assert manifest.names[1].probability == 0.75


def test_old_run_reads_as_the_new_one(old, complete):
    files = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    old_facts = drop_config(read_everything(RunDirectory.open(old)))
    assert old_facts == drop_config(read_everything(RunDirectory.open(complete)))
    assert {path: path.read_bytes() for path in files} == files, "reading writes nothing"


def test_open_for_writing_upgrades_the_files(old, complete):
    before = read_everything(RunDirectory.open(old))
    RunDirectory.open(old, writable=True).close()
    assert json.loads((old / "manifest.json").read_text())["format_version"] == 2
    assert {path.name for path in old.glob("*.parquet")} == {
        path.name for path in complete.glob("*.parquet")
    }
    assert read_everything(RunDirectory.open(old)) == before
    for path in old.rglob("*.parquet"):
        assert NEW_COLUMNS.keys().isdisjoint(pd.read_parquet(path).columns), path
    for kind in ("detections", "frames", "tracks", "identities"):
        for path in sorted((old / kind).glob("*.parquet")):
            assert path.read_bytes() == (complete / kind / path.name).read_bytes()


class Killed(BaseException):
    pass


def test_upgrade_survives_a_kill_at_any_moment(old, tmp_path, monkeypatch):
    before = read_everything(RunDirectory.open(old))
    replace, unlink = Path.replace, Path.unlink
    done = False
    n_steps = 0
    while not done:
        path = tmp_path / f"killed-{n_steps}.murid"
        shutil.copytree(old, path)
        left = n_steps

        def step(change):
            def run(self, *arguments, **options):
                nonlocal left
                if left == 0:
                    raise Killed
                left -= 1
                return change(self, *arguments, **options)

            return run

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", step(replace))
            patch.setattr(Path, "unlink", step(unlink))
            try:
                RunDirectory.open(path, writable=True).close()
                done = True
            except Killed:
                pass
        assert read_everything(RunDirectory.open(path)) == before, n_steps
        RunDirectory.open(path, writable=True).close()
        assert read_everything(RunDirectory.open(path)) == before, n_steps
        assert not [old_name for old_name in migrate.FILES.values() if (path / old_name).exists()]
        shutil.rmtree(path)
        n_steps += 1
    assert n_steps > 10


def test_old_run_resumes_with_the_same_settings(tmp_path, settings):
    path = tmp_path / "run.murid"
    shutil.copytree(HERE / "run_v1", path)
    wanted = settings | {"config": {"detection": {"score_threshold": 0.1}}}
    with RunDirectory.create(path, existing="resume", **wanted) as run:
        assert run.is_done("detection")
        write_tracks(run)
        write_identities(run)
        write_side_tables(run)
    document = json.loads((path / "manifest.json").read_text())
    assert document["format_version"] == 2
    assert list(document["stages"]) == ["detection", "tracking", "identification"]
    assert RunDirectory.open(path).identities.read_crossings()[0]["identity_a"] == 1


def test_provenance_stays_as_it_was_written(old):
    before = RunDirectory.open(old).manifest.provenance
    RunDirectory.open(old, writable=True).close()
    assert RunDirectory.open(old).manifest.provenance == before


def test_new_second_pass_over_an_old_run_is_not_mixed_with_its_old_tables(old):
    with RunDirectory.open(old, writable=True) as run:
        FUR_DESCRIPTORS.write(run.path, make_fur_descriptors(9), {"murid.generation": "new"})
        assert run.side_tables.read(POINT_MATCHES) is None
        run.side_tables.write_second_pass(make_fur_descriptors(9), make_point_matches(9))
        assert run.side_tables.read(POINT_MATCHES)["points"][0] == 9


@pytest.mark.parametrize("version", [1, 2])
def test_stored_run_of_each_version_opens(version):
    run = RunDirectory.open(HERE / f"run_v{version}")
    assert run.manifest.detector == "nano 1f3a"
    assert (run.n_frames, run.n_parts) == (20, 3)
    assert run.frames.read().unreadable == {12: "broken packet"}
    tracks = run.tracks.iterate(embeddings=True)
    first_part = next(tracks)[1]
    assert first_part.track_ids[:8].tolist() == [-1, 2, 3, -1, 5, 6, -1, 8]
    assert first_part.detections.embeddings.shape[1] == 5


def test_stored_run_of_version_2_has_all_its_results():
    run = RunDirectory.open(HERE / "run_v2")
    document = json.loads((run.path / "manifest.json").read_text())
    assert document["format_version"] == 2
    facts = read_everything(run)
    assert facts["ids"][:3] == [1, 2, 3]
    assert facts["interpolated"][:3] == [False, False, True]
    assert facts["names"][1].name == "Ada"
    assert facts["crossings"][0] == {
        "first_frame": 2,
        "last_frame": 4,
        "identity_a": 1,
        "identity_b": 2,
        "swap_probability": 0.5,
    }
    np.testing.assert_array_equal(
        facts["tables"]["fur_descriptors"]["fur_descriptor"],
        make_fur_descriptors()["fur_descriptor"],
    )
    assert facts["tables"]["colour_features"]["row"] == make_colour_features()["row"].tolist()
    assert facts["tables"]["point_matches"]["points"] == make_point_matches()["points"].tolist()
