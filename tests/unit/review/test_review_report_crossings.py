import shlex

import pytest
from review_runs import make_run

from murid.pipeline.corrections import RunCorrections
from murid.review.report_crossings import list_report_crossings
from murid.review.session import ReviewSession
from murid.store import AnimalName, RunDirectory


@pytest.fixture
def path(tmp_path):
    return make_run(tmp_path, run="my cage.murid")


def list_ids(path):
    return [crossing.id for crossing in list_report_crossings(RunDirectory.open(path))]


def test_the_order_is_that_of_the_review(path):
    session = ReviewSession(RunDirectory.open(path), "read only")
    assert list_ids(path) == [crossing.id for crossing in session.list_crossings()]
    assert list_ids(path)[0] == "1-3-60-66"
    session.close()


def test_what_was_looked_at_is_last_and_says_the_answer(path):
    RunCorrections(path).answer_crossing((1, 3), 60, 66, "unsure")
    last = list_report_crossings(RunDirectory.open(path))[-1]
    assert (last.id, last.answer) == ("1-3-60-66", "unsure")
    others = list_report_crossings(RunDirectory.open(path))[:-1]
    assert [crossing.answer for crossing in others] == [None, None]


def test_frames_are_those_of_the_video_and_animals_have_their_names(path):
    with RunDirectory.open(path, writable=True) as run:
        run.describe_video({"frames": {"first": 100, "every": 2, "n_source_frames": 400}})
        run.identities.write_names({3: AnimalName("Cleo")})
    crossing = list_report_crossings(RunDirectory.open(path))[0]
    assert crossing.names == ("1", "Cleo")
    assert (crossing.first_frame, crossing.last_frame) == (220, 232)
    # Clips are cut from the frames of the run: to the crossings of animal 1 before and after.
    assert (crossing.clip_first, crossing.clip_last) == (34, 90)
    assert crossing.time_s == pytest.approx(3)


def test_the_command_holds_for_paths_with_spaces_and_other_directories(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    crossing = list_report_crossings(RunDirectory.open(path.name))[0]
    words = shlex.split(crossing.command)
    assert words == ["murid", "review", str(path.resolve()), "--crossing", "1-3-60-66"]


def test_tracks_without_identities_have_none(path):
    with RunDirectory.open(path, writable=True) as run:
        run.identities.remove()
    assert list_ids(path) == []
