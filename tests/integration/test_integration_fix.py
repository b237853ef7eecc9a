"""``murid fix``: corrections from the command line, from files and from Python."""

import json
import shutil

import pyarrow.parquet as pq
import pytest
from crossing_runs import identify_boxes, make_crossing_run, read_identities

from murid.cli import run as murid_cli
from murid.errors import CorrectionError, RunError
from murid.pipeline.config import Config
from murid.pipeline.corrections import RunCorrections
from murid.pipeline.identify import identify
from murid.pipeline.run import Run
from murid.store import AnimalName, RunDirectory


@pytest.fixture(scope="module")
def stored_run(tmp_path_factory):
    return make_crossing_run(tmp_path_factory.mktemp("runs") / "crossing.murid", 3)


@pytest.fixture
def run(stored_run, tmp_path):
    return shutil.copytree(stored_run, tmp_path / "run.murid")


def fix(run, *arguments):
    return murid_cli(["fix", str(run), *map(str, arguments)])


def exchange(identities, first, last):
    """Return identities with 1 and 2 exchanged between two frames."""
    other = {1: 2, 2: 1, 3: 3}
    return {
        (frame, row): other[identity] if first <= frame <= last else identity
        for (frame, row), identity in identities.items()
    }


def read_column(run, name):
    parts = sorted((run / "identities").glob("*.parquet"))
    return [value for part in parts for value in pq.read_table(part)[name].to_pylist()]


TABLES = ("cage.csv", "cage.parquet", "cage.json")


def export_tables(run, folder):
    for name in TABLES:
        assert murid_cli(["export", str(run), "--out", str(folder / name)]) == 0
    return folder


def read_manifest(run):
    return json.loads((run / "manifest.json").read_text())


def test_a_swap_holds_from_frame_to_frame_and_is_undone(run, capsys):
    before = read_identities(run)
    assert fix(run, "--swap", "1,2", "--from", 100, "--to", "00:00:05") == 0
    assert "1: 1 and 2 exchanged from frame 100 to frame 150" in capsys.readouterr().out
    assert read_identities(run) == exchange(before, 100, 150)
    assert set(read_column(run, "source")) == {"program", "correction"}
    assert fix(run, "--undo") == 0
    assert read_identities(run) == before
    assert set(read_column(run, "source")) == {"program"}


def test_corrections_outlast_other_settings_and_another_place(run, tmp_path):
    before = read_identities(run)
    assert fix(run, "--swap", "1,2", "--from", 100) == 0
    swapped = exchange(before, 100, 299)
    assert read_identities(run) == swapped
    changes = "identification.min_probability=0.5", "identification.refine=never"
    identify(run, config=Config().change(*changes, "identification.use_foreground=false"))
    assert read_identities(run) == swapped
    moved = run.rename(tmp_path / "moved.murid")
    identify(moved, animals=4)
    assert read_identities(moved) == swapped


def test_a_file_of_corrections_is_applied_and_listed(run, tmp_path, capsys):
    path = tmp_path / "corrections.jsonl"
    requests = [
        {"rename": "3=Cleo"},
        {"swap": [1, 2], "from": 100, "to": 150},
        {"drop": 3, "from": 10, "to": "0.5s"},
    ]
    path.write_text("\n".join(map(json.dumps, requests)) + "\n")
    assert fix(run, "--apply", path, "--author", "Ada", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["added"]) == 3
    assert Run.open(run).names == {3: "Cleo"}
    dropped = {frame for (frame, _), identity in read_identities(run).items() if identity == 3}
    assert dropped.isdisjoint(range(10, 16))
    assert fix(run, "--undo", "--line", 3, "--no-identify") == 0
    capsys.readouterr()
    assert fix(run, "--list") == 0
    listed = capsys.readouterr().out
    assert "1: animal 3 is Cleo, Ada" in listed
    assert "3: no animal: 6 detections in frames 10 to 15 (not in force)" in listed
    assert "2 corrections in force" in listed
    corrections = Run.open(run).info()["corrections"]
    assert (corrections["n"], corrections["authors"]) == (2, ["Ada"])
    assert murid_cli(["info", str(run)]) == 0
    assert "2 corrections by Ada" in capsys.readouterr().out


def test_manifest_and_exports_say_who_corrected_and_when(run, tmp_path):
    before = export_tables(run, tmp_path / "before")
    assert read_manifest(run)["corrections"] == {}
    assert fix(run, "--swap", "1,2", "--from", 100, "--to", 150, "--author", "Ben") == 0
    assert fix(run, "--rename", "3=Cleo", "--author", "Ada", "--no-identify") == 0
    # A correction that no identity follows from yet does not count.
    assert read_manifest(run)["corrections"]["authors"] == ["Ben"]
    identify_boxes(run)
    entries = Run.open(run).corrections.entries
    expected = {
        "n": 2,
        "authors": ["Ada", "Ben"],
        "first_utc": entries[0].time_utc,
        "last_utc": entries[1].time_utc,
    }
    assert read_manifest(run)["corrections"] == expected
    assert Run.open(run).info()["corrections"] == expected

    exported = export_tables(run, tmp_path / "corrected")
    table = pq.read_table(exported / "cage.parquet")
    assert json.loads(table.schema.metadata[b"murid"])["corrections"] == expected
    assert json.loads((exported / "cage.csv.corrections.json").read_text()) == expected
    assert json.loads((exported / "cage.json").read_text())["videos"][0]["corrections"] == expected
    measured = tmp_path / "measures"
    assert murid_cli(["measure", str(run), "--out", str(measured)]) == 0
    assert json.loads((measured / "settings.json").read_text())["corrections"] == expected
    # The column is that of the run.
    assert table["source"].to_pylist() == read_column(run, "source")
    assert set(table["source"].to_pylist()) == {"program", "correction"}

    assert fix(run, "--undo", "--no-identify") == 0
    assert fix(run, "--undo") == 0
    assert read_manifest(run)["corrections"] == {}
    again = export_tables(run, tmp_path / "again")
    assert [path.name for path in sorted(again.iterdir())] == sorted(TABLES)
    assert murid_cli(["measure", str(run), "--out", str(measured)]) == 0
    assert "corrections" not in json.loads((measured / "settings.json").read_text())
    for name in TABLES:
        assert (again / name).read_bytes() == (before / name).read_bytes()


def test_a_run_that_was_corrected_before_the_record_gets_it(run):
    assert fix(run, "--swap", "1,2", "--from", 100) == 0
    manifest = read_manifest(run)
    expected = manifest.pop("corrections")
    (run / "manifest.json").write_text(json.dumps(manifest))
    parts = {path: path.stat().st_mtime_ns for path in (run / "identities").iterdir()}
    identify_boxes(run)
    assert read_manifest(run)["corrections"] == expected
    assert {path: path.stat().st_mtime_ns for path in (run / "identities").iterdir()} == parts


def test_a_damaged_source_is_named(run):
    part = next((run / "identities").glob("*.parquet"))
    table = pq.read_table(part)
    place = table.schema.get_field_index("source")
    pq.write_table(table.set_column(place, "source", [["somebody"] * len(table)]), part)
    with pytest.raises(RunError, match="source: expected a full column of program or correction"):
        Run.open(run).tracks()


def test_a_drawn_box_is_a_position_of_the_animal(run):
    with RunDirectory.open(run) as directory:
        hidden = next(
            frame for frame, table in enumerate(directory.detections.read()) if len(table) == 2
        )
    box = "180,130,220,170"
    assert fix(run, "--add", 2, "--at", hidden + 6, "--box", box) == 0
    frames, rows = read_column(run, "frame"), read_column(run, "row")
    drawn = [k for k, source in enumerate(read_column(run, "source")) if source == "person"]
    assert [(frames[k], rows[k]) for k in drawn] == [(hidden + 6, -1)]
    assert read_column(run, "interpolated")[drawn[0]] is False
    assert read_column(run, "identity_probability")[drawn[0]] == 1
    assert fix(run, "--undo") == 0


def test_an_answer_is_right_and_the_crossing_is_no_longer_doubtful(run):
    crossing = Run.open(run).crossings()[0]
    first, last = crossing["first_frame"], crossing["last_frame"]
    before = read_identities(run)
    pair = crossing["identity_a"], crossing["identity_b"]
    assert fix(run, "--right", "{},{}".format(*pair), "--from", first, "--to", last) == 0
    assert read_identities(run) == before
    assert len(Run.open(run).crossings()) == 1
    with pytest.raises(CorrectionError, match=r"1 \(crossing at frames .* and 2 \(crossing"):
        Run.open(run).corrections.answer_crossing(pair, first, last, "swapped")
    assert len(Run.open(run).corrections.entries) == 1


def test_names_from_a_gallery_outlast_a_correction(run):
    with RunDirectory.open(run, writable=True) as directory:
        directory.identities.write_names({1: AnimalName("Ada", "0001", 0.75)})
    assert fix(run, "--swap", "1,2", "--from", 100) == 0
    assert Run.open(run).names == {1: "Ada"}
    assert fix(run, "--rename", "1=Bea") == 0
    assert Run.open(run).names == {1: "Bea"}
    assert fix(run, "--undo") == 0
    assert Run.open(run).names == {1: "Ada"}
    assert fix(run, "--rename", "1=") == 0
    assert Run.open(run).names == {}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "expected a correction such as --swap 1,2, got none"),
        (("--swap", "1"), "--swap: expected a value such as 1,2, got 1"),
        (("--swap", "1,x"), "swap: expected a whole number, got x"),
        (("--swap", "1,9", "--from", "5"), "identity: expected one of 1, 2, 3, got 9"),
        (("--assign", "9=1", "--at", "5"), "identity: expected one of 1, 2, 3, got 9"),
        (("--swap", "1,2"), "expected a first or a last frame within the recording"),
        (
            ("--swap", "1,2", "--from", "900"),
            "murid: --from: expected a frame from 0 to 299, got 900",
        ),
        (("--swap", "1,2", "--from", "90s"), "from: expected a time from 0 to"),
        (("--swap", "1,2", "--at", "5"), "at: expected swap and from and to alone, got at"),
        (("--drop", "1"), "from: expected a value, which drop needs, got none"),
        (("--assign", "1=2", "--at", "x"), "murid: --at: expected seconds"),
        (("--add", "1", "--at", "3", "--box", "9,9,1,1"), "box: expected x1 < x2"),
        (("--undo",), "undo: expected a correction, got none that is active"),
        (("--line", "3"), "--line: expected --undo with it"),
        (("--swap", "1,2", "--drop", "1"), "correction: expected one of"),
        (("--apply", "gone.jsonl"), "gone.jsonl: file: expected lines of JSON, got nothing there"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(run, capsys, arguments, expected):
    before = read_identities(run)
    assert fix(run, *arguments) == 1
    assert expected in capsys.readouterr().err.replace("\n", " ")
    assert not (run / "corrections.jsonl").exists()
    assert read_identities(run) == before


def test_of_a_file_with_a_wrong_line_nothing_is_stored(run, tmp_path, capsys):
    path = tmp_path / "fixes.jsonl"
    lines = [{"rename": "3=Cleo"}, {"swap": [1, 2], "from": 100}, {"swap": [1, 9], "from": 50}]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    assert fix(run, "--rename", "1=Ada", "--no-identify") == 0
    log = (run / "corrections.jsonl").read_bytes()
    assert fix(run, "--apply", path) == 1
    message = capsys.readouterr().err.replace("\n", " ")
    assert "fixes.jsonl: line 3: identity: expected one of 1, 2, 3, got 9" in message
    assert (run / "corrections.jsonl").read_bytes() == log
    path.write_text("\n".join(map(json.dumps, lines[:2])) + "\n")
    assert fix(run, "--apply", path) == 0
    assert len(Run.open(run).corrections.active) == 3


def test_info_says_that_corrections_are_not_in_the_identities_yet(run, capsys):
    note = "changed since the animals were identified: murid identify applies them"
    for arguments, is_new in (
        (("--rename", "1=Ada", "--no-identify"), True),
        (("--rename", "2=Bea"), False),
        (("--undo", "--no-identify"), True),
    ):
        assert fix(run, *arguments) == 0
        capsys.readouterr()
        assert murid_cli(["info", str(run)]) == 0
        assert (note in capsys.readouterr().out) == is_new
    assert murid_cli(["identify", str(run)]) == 0
    assert not Run.open(run).info()["has_new_corrections"]
    # Nothing follows from an answer that is no evidence.
    Run.open(run).corrections.answer_crossing((1, 2), 140, 160, "unsure")
    assert not Run.open(run).info()["has_new_corrections"]


def test_the_list_says_which_undo_is_in_force(run, capsys):
    corrections = RunCorrections(run, "Ada")
    corrections.rename(1, "Cleo")
    corrections.undo()
    corrections.redo()
    corrections.undo()
    assert fix(run, "--list") == 0
    lines = capsys.readouterr().out.splitlines()
    # The last undo is in force, and the redo before it, which ended the first one.
    states = ["(not in force)" in line for line in lines[:4]]
    assert states == [True, True, False, False]
    assert lines[-1] == "0 corrections in force"


def test_a_damaged_log_is_named_and_changes_nothing(run):
    before = read_identities(run)
    (run / "corrections.jsonl").write_text("nonsense\n")
    with pytest.raises(RunError, match=r"corrections\.jsonl: line 1: expected a correction"):
        identify(run)
    assert read_identities(run) == before


def test_a_restart_keeps_the_log(run):
    assert fix(run, "--swap", "1,2", "--from", 100) == 0
    log = (run / "corrections.jsonl").read_bytes()
    manifest = RunDirectory.open(run).manifest
    RunDirectory.create(
        run,
        source=manifest.source,
        fingerprint=manifest.fingerprint,
        config={"detection": {}},
        detector="boxes",
        existing="restart",
    ).close()
    assert (run / "corrections.jsonl").read_bytes() == log


def test_what_was_decided_about_the_second_pass_holds_after_a_correction(tmp_path):
    path = make_crossing_run(tmp_path / "crossing.murid")
    config = Config().change("identification.refine=auto", "identification.use_foreground=false")
    first, again = [], []
    # The identities are in doubt, but there is no video to look at.
    identify(path, config=config, announce=first.append)
    assert any("no second pass" in text for text in first)
    RunCorrections(path).swap(1, 2, 100)
    identify(path, announce=again.append)
    assert again == []
