import json
from pathlib import Path

import pytest

from murid.errors import RunError
from murid.store import RunDirectory


def edit_manifest(path: Path, **changes: object) -> None:
    manifest = path / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changes))


def test_missing_run(tmp_path):
    with pytest.raises(RunError, match=r"a run directory .*, got nothing there"):
        RunDirectory.open(tmp_path / "nowhere")
    with pytest.raises(
        RunError,
        match=r"manifest.json: expected a run directory, got a directory without this file",
    ):
        RunDirectory.open(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="got a text file"):
        RunDirectory.open(tmp_path / "file")


def test_newer_run(finished, settings):
    edit_manifest(finished.path, format_version=7)
    for attempt in (
        lambda: RunDirectory.open(finished.path),
        lambda: RunDirectory.create(finished.path, existing="restart", **settings),
    ):
        with pytest.raises(RunError, match=r"format_version: expected at most 2 .*, got 7"):
            attempt()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"source": 3}, "source: expected str, got 3"),
        ({"part_frames": None}, "part_frames: expected int, got nothing"),
        ({"part_frames": 0}, "part_frames: expected a number above 0, got 0"),
        ({"part_frames": True}, "part_frames: expected int, got True"),
        ({"format_version": "one"}, "format_version: expected int, got 'one'"),
        ({"config": {"detection": 3}}, "config.detection: expected an object, got int"),
        ({"stages": {}}, "stages.detection: expected dict, got nothing"),
        (
            {"stages": {"detection": {"state": "paused", "n_frames": 0, "n_parts": 0}}},
            "stages.detection.state: expected pending or running or done, got 'paused'",
        ),
        ({"provenance": [3]}, "provenance: expected objects, got int"),
        (
            {"provenance": [{"verb": "track"}]},
            "provenance.murid_version: expected str, got nothing",
        ),
        ({"corrections": []}, r"corrections: expected an object, got \[\]"),
        ({"corrections": {"n": 1}}, "corrections.authors: expected list, got nothing"),
        ({"corrections": {"authors": [3]}}, "corrections.authors: expected a list of names"),
        ({"corrections": {"authors": []}}, "corrections.n: expected int, got nothing"),
    ],
)
def test_damaged_manifest_names_the_field(finished, changes, field):
    edit_manifest(finished.path, **changes)
    with pytest.raises(RunError, match=field):
        RunDirectory.open(finished.path)


@pytest.mark.parametrize("content", [b"", b'{"format": "mur', b"\xff\xfe\x00", b"[]"])
def test_manifest_that_is_no_document(finished, content):
    (finished.path / "manifest.json").write_bytes(content)
    with pytest.raises(RunError, match=r"manifest.json"):
        RunDirectory.open(finished.path)
