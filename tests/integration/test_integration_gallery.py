"""Animals named from a gallery: on another day, in every output, and what is wrong said clearly."""

import json
import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from murid import Config
from murid.cli import run as murid_cli
from murid.core import Detections
from murid.core.embeddings import normalize
from murid.core.settings import change_settings
from murid.pipeline.enroll import enroll
from murid.pipeline.identify import identify
from murid.pipeline.run import Run
from murid.pipeline.track import track, track_and_identify
from murid.reid.gallery_file import load_gallery
from murid.reid.reidentify import MIN_UPDATE_PROBABILITY
from murid.store import RunDirectory
from murid.synthetic import RecordingConfig, record
from murid.video import VideoWriter, open_source

COATS = ("black", "albino", "agouti", "hooded")
EMBEDDINGS = normalize(np.random.default_rng(0).normal(size=(len(COATS), 12)))


def make_run(directory, day, present, embedder="weights-1", embeddings_every=1):
    """Make the run of a day: detections from the ground truth, embeddings from the coats."""
    config = RecordingConfig(
        n_animals=len(COATS),
        n_frames=90,
        width=240,
        height=180,
        body_px=32,
        seed=day,
        animal_seed=7,
        present=present,
        coats=COATS,
        floor_brightness=0.55,
    )
    directory.mkdir(exist_ok=True)
    video, rng, found = directory / f"day-{day}.mp4", np.random.default_rng(day), []
    with VideoWriter(video, config.fps, config.width, config.height) as video_writer:
        for recorded in record(config):
            video_writer.write(recorded.frame.image)
            truth = recorded.truth
            boxes = truth.boxes.astype(np.float32)
            appearance = EMBEDDINGS[np.array(present)[truth.animal_indices]]
            appearance = normalize(appearance + rng.normal(0, 0.08, appearance.shape)).astype(
                np.float32
            )
            found.append(Detections(boxes, np.full(len(boxes), 0.9, np.float32), appearance))
    source = open_source(video)
    with RunDirectory.create(
        directory / f"day-{day}.murid",
        source=video,
        fingerprint=source.compute_fingerprint(),
        config={"detection": {"embeddings_every": embeddings_every}},
        detector="nano test",
        embedder=embedder,
    ) as run:
        with run.detections.write() as writer:
            for index, detections in enumerate(found):
                writer.add(index, index / config.fps, detections)
        run.detections.finish()
        settings = change_settings(Config(), {"tracking": {"max_tracks": len(present)}})
        track_and_identify(run, settings, [len(present)])
    return directory / f"day-{day}.murid"


def find_coats(path, present):
    """Coat of each identity, by its embeddings."""
    with RunDirectory.open(path) as run:
        (_, table), (frames, rows, ids, _) = (
            next(run.detections.iterate()),
            next(run.identities.iterate_assignments()),
        )
    appearance = table.embeddings[table.frame_offsets[frames] + rows]
    nearest, has_embedding = (appearance @ EMBEDDINGS.T).argmax(axis=1), appearance.any(axis=1)
    return {
        i: COATS[np.bincount(nearest[has_embedding & (ids == i)]).argmax()]
        for i in np.unique(ids).tolist()
    }


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    directory = tmp_path_factory.mktemp("days")
    return make_run(directory, 1, (0, 1, 2)), make_run(directory, 2, (3, 1, 0, 2))


@pytest.fixture
def two(days, tmp_path):
    return [shutil.copytree(day, tmp_path / day.name) for day in days]


@pytest.fixture
def gallery(two, tmp_path):
    enroll(tmp_path / "cage.gallery", run=two[0], names=find_coats(two[0], 3))
    return tmp_path / "cage.gallery"


def read_all(path):
    return {p.relative_to(path): p.read_bytes() for p in sorted(path.rglob("*.parquet"))}


def test_second_day_reidentifies_animals_and_a_new_one(two, gallery, tmp_path, capsys):
    assert Run.open(two[0]).names == find_coats(two[0], 3)
    assert murid_cli(["identify", str(two[1]), "--gallery", str(gallery)]) == 0
    printed = capsys.readouterr().out
    coats, names = find_coats(two[1], 4), Run.open(two[1]).names
    strange = next(i for i, coat in coats.items() if coat == "hooded")
    assert names == coats | {strange: f"unknown_{strange}"}
    assert f"unknown_{strange} (" in printed
    assert (two[1] / "colour_features.parquet").is_file()
    before, said = read_all(two[1]), RunDirectory.open(two[1]).manifest.names
    identify(two[1], gallery=gallery)
    assert read_all(two[1]) == before
    assert RunDirectory.open(two[1]).manifest.names == said
    uuids = {animal.name: animal.uuid for animal in load_gallery(gallery).animals}
    assert {own.name: own.uuid for own in said.values() if own.uuid} == uuids


def test_reidentification_with_sparse_embeddings(gallery, tmp_path):
    thinned = make_run(tmp_path / "thinned", 2, (3, 1, 0, 2), embeddings_every=7)
    embeddings = RunDirectory.open(thinned).detections.read().embeddings
    assert 0 < embeddings.any(axis=1).mean() < 1 / 6
    identify(thinned, gallery=gallery)
    coats, names = find_coats(thinned, 4), Run.open(thinned).names
    strange = next(i for i, coat in coats.items() if coat == "hooded")
    assert names == coats | {strange: f"unknown_{strange}"}


def test_names_are_in_every_output(two, gallery, tmp_path, capsys):
    run = Run.open(two[0])
    names = set(run.names.values())
    table = pd.read_csv(run.export("csv", tmp_path / "a.csv"))
    assert dict(zip(table["track_id"], table["name"], strict=True)) == run.names
    assert (
        set(pq.read_table(run.export("parquet", tmp_path / "a.parquet"))["name"].to_pylist())
        == names
    )
    assert {
        track["name"]
        for track in json.loads(run.export("coco", tmp_path / "a.json").read_text())["tracks"]
    } == names
    assert all(name in run.export("via", tmp_path / "via.csv").read_text() for name in names)
    assert set(run.trajectories().individuals) == names
    assert murid_cli(["info", str(two[0])]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in names)
    assert run.annotate().is_file()
    enroll(tmp_path / "other.gallery", run=two[1], names={1: "Zoë"})
    run = Run.open(two[1])
    table = pd.read_csv(run.export("csv", tmp_path / "b.csv"))
    assert set(table["name"].dropna()) == {"Zoë"}


def test_new_identities_lose_their_names(two, gallery):
    identify(two[0], animals=2 + 1)
    assert Run.open(two[0]).names, "nothing has changed"
    identify(two[0], animals=4)
    assert not Run.open(two[0]).names


def test_gallery_is_updated(two, gallery):
    before = load_gallery(gallery)
    identify(two[1], gallery=gallery, update_gallery=True)
    after = load_gallery(gallery)
    assert after.animals == before.animals
    assert len(after.sessions) == 2
    named = {
        own.name
        for own in RunDirectory.open(two[1]).manifest.names.values()
        if own.uuid and own.probability >= MIN_UPDATE_PROBABILITY
    }
    assert len(named) >= 2
    grown = np.unique(after.prototypes.owners[after.session_numbers == 1]).tolist()
    assert {after.animals[k].name for k in grown} == named
    content = gallery.read_bytes()
    identify(two[1], gallery=gallery, update_gallery=True)
    assert gallery.read_bytes() == content
    enroll(gallery, run=two[1])
    assert [animal.name for animal in load_gallery(gallery).animals] == [
        animal.name for animal in before.animals
    ]


def test_embeddings_suffice_without_the_video(two, gallery):
    manifest = json.loads((two[1] / "manifest.json").read_text())
    (two[1] / "manifest.json").write_text(json.dumps(manifest | {"source": "/gone.mp4"}))
    identify(two[1], gallery=gallery)
    assert not (two[1] / "colour_features.parquet").exists()
    coats, names = find_coats(two[1], 4), Run.open(two[1]).names
    assert sum(names[i] == coat for i, coat in coats.items()) == 3


def test_several_runs_have_the_same_names_without_a_gallery(two, capsys):
    assert murid_cli(["identify", str(two[0]), str(two[1])]) == 0
    coats = [find_coats(path, 0) for path in two]
    names = [Run.open(path).names for path in two]
    names_by_coat = [{coats[k][i]: name for i, name in names[k].items()} for k in (0, 1)]
    assert sorted(names_by_coat[0].values()) == ["animal-a", "animal-b", "animal-c"]
    assert names_by_coat[1] == names_by_coat[0] | {"hooded": "animal-d"}
    identify(two[0])
    murid_cli(["identify", str(two[0]), str(two[1])])
    assert [Run.open(path).names for path in two] == names
    assert murid_cli(["identify", str(two[0]), str(two[0])]) != 0
    assert "expected each once" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["1=ada", "2=ada"], "expected one animal of this name, got two"),
        (["1=ada", "1=bea"], "1: expected once, got twice"),
        (["1=a/b"], "expected a name of letters, digits"),
        (["1=unknown"], "a reserved one"),
        (["1=animal_2"], "a reserved one"),
        (["9=ada"], "9=ada: expected an identity that is seen clearly (1, 2, 3), got 9"),
        (["ada"], "'ada': expected KEY=VALUE, such as 1=alice"),
        (["x=ada"], "'x': expected the number of an identity"),
        ([], "expected names of its identities, such as 1=alice, got none"),
    ],
)
def test_invalid_names_are_refused(two, tmp_path, capsys, words, said: str):
    assert (
        murid_cli(
            ["enroll", "--run", str(two[0]), "--gallery", str(tmp_path / "new.gallery"), *words]
        )
        != 0
    )
    assert said in capsys.readouterr().err
    assert not (tmp_path / "new.gallery").exists()


def test_invalid_galleries_and_runs_are_refused(two, gallery, clip, tracked, tmp_path, capsys):
    def fail(*arguments):
        assert murid_cli([str(a) for a in arguments]) != 0
        return capsys.readouterr().err

    other = make_run(tmp_path / "other", 3, (0, 1), embedder="weights-2")
    assert "expected embeddings of the weights that" in fail(
        "identify", other, "--gallery", gallery
    )
    assert "expected embeddings of the weights that" in fail(
        "enroll", "--run", other, "--gallery", gallery, "1=ada"
    )
    plain = shutil.copytree(tracked, tmp_path / "plain.murid")
    assert "expected embeddings of known weights" in fail("identify", plain, "--gallery", gallery)
    assert "got nothing there" in fail("identify", two[1], "--gallery", tmp_path / "none.gallery")
    assert "update_gallery: expected a gallery" in fail("identify", two[1], "--update-gallery")
    assert "got neither" in fail("enroll", "--gallery", gallery)
    assert "expected a number of animals" in fail(
        "track", clip, "--gallery", gallery, "--detector", "background"
    )
    assert "nothing there" in fail(
        "track", clip, "--animals", "3", "--gallery", tmp_path / "none.gallery"
    )
    assert not clip.with_suffix(".murid").exists()


def test_solo_videos_and_tracking_from_them(clip, tmp_path):
    """The network's own embeddings, of a clip that is hardly long enough."""
    solo = tmp_path / "solo.mp4"
    config = RecordingConfig(n_animals=1, n_frames=60, width=320, height=240, body_px=48, seed=4)
    with VideoWriter(solo, config.fps, config.width, config.height) as video_writer:
        for recorded in record(config):
            video_writer.write(recorded.frame.image)
    path = tmp_path / "cage.gallery"
    assert murid_cli(["enroll", f"ada={solo}", "--gallery", str(path)]) == 0
    assert [animal.name for animal in load_gallery(path).animals] == ["ada"]
    assert Run.open(tmp_path / "solo.murid").names == {1: "ada"}
    run = track(solo, animals=1, gallery=path, out=tmp_path / "again.murid")
    assert run.names == {1: "ada"}
    said = RunDirectory.open(run.path).manifest.names
    assert RunDirectory.open(track(solo, animals=1, out=run.path).path).manifest.names == said, (
        "nothing has changed"
    )
    track(solo, animals=1, gallery=path, out=run.path, restart=True)
    assert RunDirectory.open(run.path).manifest.names == said
