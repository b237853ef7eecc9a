import time
from threading import Event, Thread

import pytest
from review_runs import CROSSINGS, make_run, write_identities

from murid.corrections.log import read_log
from murid.corrections.records import Crossing
from murid.errors import ConfigError, CorrectionError, RunError
from murid.pipeline.corrections import RunCorrections
from murid.review.requests import (
    AddRequest,
    AssignRequest,
    DropRequest,
    RenameRequest,
    SwapRequest,
)
from murid.review.session import ReviewSession
from murid.store import RunDirectory
from murid.web.app import ConflictError

WAIT_S = 20


def answer_first(session, answer="right"):
    state = session.get_state()
    crossing = session.list_crossings()[0]
    return session.answer(crossing.id, answer, state["revision"])


def renumber(animal: int, frame: int) -> int:
    """Animals 1 and 2 have each other's number."""
    return {1: 2, 2: 1}.get(animal, animal)


def swap_after(animal: int, frame: int) -> int:
    """Animals 1 and 2 have each other's number from the first crossing on."""
    return renumber(animal, frame) if frame >= 34 else animal


def test_the_state_says_what_is_left(run, make_session) -> None:
    session = make_session(run)
    state = session.get_state()
    assert (state["n_looked_at"], state["n_crossings"]) == (0, 3)
    assert state["probability"] == "89 %"
    assert not state["can_undo"]
    assert [animal["name"] for animal in state["animals"]] == ["1", "2", "3"]
    answer_first(session)
    state = session.get_state()
    assert (state["n_looked_at"], state["n_crossings"]) == (1, 3)
    assert state["can_undo"]


def test_the_most_important_crossing_comes_first_and_answered_ones_last(run, make_session) -> None:
    session = make_session(run)
    assert [c.first_frame for c in session.list_crossings()] == [60, 30, 90]
    answer_first(session)
    crossings = session.list_crossings()
    assert [c.first_frame for c in crossings] == [30, 90, 60]
    assert [c.answer for c in crossings] == [None, None, "right"]


def test_a_clip_is_from_two_seconds_before_to_two_after_or_to_the_next_crossing(
    run, make_session
) -> None:
    clips = {c.first_frame: (c.clip_first, c.clip_last) for c in make_session(run).list_crossings()}
    assert clips == {60: (34, 90), 30: (0, 60), 90: (66, 119)}


def test_undo_and_redo(run, make_session) -> None:
    session = make_session(run)
    answer_first(session, "swapped")
    session.undo()
    state = session.get_state()
    assert (state["n_looked_at"], state["can_redo"]) == (0, True)
    session.redo()
    assert session.list_crossings()[-1].answer == "swapped"


def test_answers_are_found_again_when_the_run_is_opened_again(run, make_session) -> None:
    first = make_session(run)
    answer_first(first, "unsure")
    first.close()
    second = make_session(run)
    assert second.get_state()["n_looked_at"] == 1
    assert second.list_crossings()[-1].answer == "unsure"


def test_only_evidence_makes_the_animals_be_identified_again(run, make_session) -> None:
    calls = []
    session = make_session(run, solve=calls.append)
    answer_first(session, "unsure")
    assert session.wait_for_solver(WAIT_S)
    assert calls == []
    answer_first(session, "right")
    assert session.wait_for_solver(WAIT_S)
    assert len(calls) == 1


def test_an_answer_is_found_after_the_animals_were_numbered_anew(run, make_session) -> None:
    def solve(directory: RunDirectory) -> None:
        write_identities(directory, 3, CROSSINGS, renumber)

    session = make_session(run, solve=solve)
    answer_first(session, "right")
    assert session.wait_for_solver(WAIT_S)
    answered = [c for c in session.list_crossings() if c.answer is not None]
    # The crossing of animals 1 and 3 is that of identities 2 and 3 now, and is listed no longer.
    assert [(c.identities, c.first_frame) for c in answered] == [((2, 3), 60)]


@pytest.mark.parametrize(("numbers", "expected"), [(renumber, "swapped"), (swap_after, "right")])
def test_an_answer_holds_for_the_detections_that_were_seen(
    run, make_session, numbers, expected
) -> None:
    """Between the question and the answer, the animals are numbered anew."""

    def solve(directory: RunDirectory) -> None:
        write_identities(directory, 3, CROSSINGS, numbers)

    session = make_session(run, solve=solve)
    revision = session.get_state()["revision"]
    shown = next(c for c in session.list_crossings() if c.first_frame == 30)
    assert session.find_moments(shown.id)["revision"] == revision
    session.edit(RenameRequest(animal=3, name="Cleo"), revision)
    assert session.wait_for_solver(WAIT_S)
    assert session.get_state()["revision"] != revision
    session.answer(shown.id, "swapped", revision)
    statement = read_log(run)[-1].statement
    assert isinstance(statement, Crossing)
    assert statement.answer == expected
    assert {detection.row for detection in statement.before} == {0, 1}


def test_an_answer_about_nothing_that_was_shown_is_a_conflict(run, make_session) -> None:
    session = make_session(run)
    with pytest.raises(ConflictError, match="look once more"):
        session.answer(session.list_crossings()[0].id, "right", "another revision")
    with pytest.raises(ConflictError, match="gone"):
        session.answer("1-2-3-4", "right", session.get_state()["revision"])
    assert read_log(run) == ()


def test_an_edit_of_other_identities_is_a_conflict(run, make_session) -> None:
    session = make_session(run)
    with pytest.raises(ConflictError, match="look once more"):
        session.edit(DropRequest(frame=3, row=0), "another revision")
    assert read_log(run) == ()


def test_every_kind_of_edit_is_stored(run, make_session) -> None:
    session = make_session(run)
    revision = session.get_state()["revision"]
    for edit in (
        AssignRequest(frame=10, row=3, animal=3),
        DropRequest(frame=11, row=3),
        AddRequest(frame=32, box=(1.0, 2.0, 20.0, 30.0), animal=1),
        RenameRequest(animal=2, name="Bea"),
        SwapRequest(identities=(1, 2), first_frame=50, last_frame=70),
    ):
        session.edit(edit, revision)
        assert session.wait_for_solver(WAIT_S)
    kinds = [type(entry.statement).__name__ for entry in read_log(run)]
    assert kinds == ["Assign", "Drop", "Add", "Rename", "Swap"]
    assert [c["frame"] for c in session.list_corrections()][:2] == [0, 11]
    assert session.get_state()["animals"][1]["name"] == "Bea"


def test_a_contradiction_is_refused_and_names_the_lines(run, make_session) -> None:
    session = make_session(run)
    revision = session.get_state()["revision"]
    session.edit(DropRequest(frame=30, row=0), revision)
    crossing = next(c for c in session.list_crossings() if c.first_frame == 30)
    with pytest.raises(CorrectionError) as error:
        session.answer(crossing.id, "right", revision)
    assert error.value.lines == (1, 2)
    assert len(read_log(run)) == 1


def test_a_reader_can_look_but_not_answer(run, make_session) -> None:
    session = make_session(run, "read only: process 7 is writing to this run")
    state = session.get_state()
    assert state["reader_note"].startswith("read only")
    assert len(session.list_crossings()) == 3
    for change in (
        lambda: answer_first(session),
        session.undo,
        session.redo,
        lambda: session.edit(DropRequest(frame=3, row=0), state["revision"]),
    ):
        with pytest.raises(ConflictError, match="read only"):
            change()
    assert not (run / "corrections.jsonl").exists()


def test_a_reader_sees_what_the_writer_does(run, make_session) -> None:
    def solve(directory: RunDirectory) -> None:
        write_identities(directory, 3, CROSSINGS[:1])

    writer = make_session(run, solve=solve)
    reader = make_session(run, "read only")
    answer_first(writer)
    assert writer.wait_for_solver(WAIT_S)
    assert reader.get_state()["n_looked_at"] == 1
    assert reader.get_state()["revision"] == writer.get_state()["revision"]
    # The one that was answered is no longer in doubt, but it was looked at.
    assert reader.get_state()["n_crossings"] == 2


def test_readers_wait_only_while_identities_are_written(run, make_session) -> None:
    computing, compute, writing, write = Event(), Event(), Event(), Event()

    def solve(directory: RunDirectory) -> None:
        computing.set()
        assert compute.wait(WAIT_S)
        directory.identities.start({"animals": 3})
        writing.set()
        assert write.wait(WAIT_S)
        write_identities(directory, 3, CROSSINGS)

    session = make_session(run, solve=solve)
    answer_first(session)
    assert computing.wait(WAIT_S)
    assert len(session.list_crossings()) == 3
    compute.set()
    assert writing.wait(WAIT_S)
    found = []
    reader = Thread(target=lambda: found.append(session.list_crossings()))
    reader.start()
    time.sleep(0.1)
    assert found == []
    write.set()
    reader.join(WAIT_S)
    assert len(found[0]) == 3
    assert session.wait_for_solver(WAIT_S)


def test_an_answer_while_identities_are_written_waits_and_is_about_what_was_seen(
    run, make_session
) -> None:
    writing, write = Event(), Event()
    numbers = [swap_after, swap_after]

    def solve(directory: RunDirectory) -> None:
        directory.identities.start({"animals": 3})
        writing.set()
        assert write.wait(WAIT_S)
        write_identities(directory, 3, CROSSINGS, numbers.pop(0))

    session = make_session(run, solve=solve)
    revision = session.get_state()["revision"]
    shown = next(c for c in session.list_crossings() if c.first_frame == 30)
    session.find_moments(shown.id)
    answer_first(session)
    assert writing.wait(WAIT_S)
    thread = Thread(target=session.answer, args=(shown.id, "right", revision))
    thread.start()
    time.sleep(0.1)
    assert len(read_log(run)) == 1
    write.set()
    thread.join(WAIT_S)
    # What was right as it was shown is swapped in the new identities.
    assert read_log(run)[1].statement.answer == "swapped"
    assert session.wait_for_solver(WAIT_S)


def test_identities_that_are_written_before_the_answer_is_stored_are_noticed(
    run, make_session, monkeypatch
) -> None:
    session = make_session(run)
    revision = session.get_state()["revision"]
    shown = next(c for c in session.list_crossings() if c.first_frame == 30)
    session.find_moments(shown.id)
    find = session.find_crossing

    def find_then_rewrite(crossing_id):
        crossing = find(crossing_id)
        with session.results.rewriting() as directory:
            write_identities(directory, 3, CROSSINGS, swap_after)
        return crossing

    monkeypatch.setattr(session, "find_crossing", find_then_rewrite)
    session.answer(shown.id, "right", revision)
    assert read_log(run)[0].statement.answer == "swapped"


def test_answers_while_solving_are_one_more_call(run, make_session) -> None:
    n_calls = 0
    go = Event()

    def solve(_directory: RunDirectory) -> None:
        nonlocal n_calls
        n_calls += 1
        assert go.wait(WAIT_S)

    session = make_session(run, solve=solve)
    for _ in range(3):
        answer_first(session)
    go.set()
    assert session.wait_for_solver(WAIT_S)
    assert n_calls <= 2
    assert session.get_state()["n_looked_at"] == 3


def test_a_failure_to_identify_is_shown_and_loses_no_answer(run, make_session) -> None:
    def solve(_directory: RunDirectory) -> None:
        raise ConfigError("animals: expected a number, got none")

    session = make_session(run, solve=solve)
    answer_first(session)
    assert session.wait_for_solver(WAIT_S)
    assert session.get_state()["solver_error"] == "animals: expected a number, got none"
    assert len(read_log(run)) == 1


def test_a_damaged_part_is_shown_and_answers_are_still_taken(run, make_session) -> None:
    (run / "identities" / "part-00003.parquet").write_bytes(b"broken")
    session = make_session(run)
    while session.get_state()["solver_error"] is None:
        time.sleep(0.01)
    assert "part-00003" in session.get_state()["solver_error"]
    crossing = next(c for c in session.list_crossings() if c.first_frame == 30)
    session.answer(crossing.id, "right", session.get_state()["revision"])
    assert len(read_log(run)) == 1


def test_clear_moments_are_before_and_after_and_not_in_the_crossing(run, make_session) -> None:
    session = make_session(run)
    crossing = next(c for c in session.list_crossings() if c.first_frame == 60)
    moments = session.find_moments(crossing.id)
    # No further than the crossings of either animal before and after it.
    assert moments["before"]
    assert all(34 <= moment.frame <= 60 for moment in moments["before"])
    assert all(66 <= moment.frame <= 90 for moment in moments["after"])


def test_a_run_without_identities_is_refused(run) -> None:
    with RunDirectory.open(run, writable=True) as directory:
        directory.identities.remove()
        with pytest.raises(RunError, match="murid identify"):
            ReviewSession(directory)


def test_the_session_holds_the_run(run, make_session) -> None:
    make_session(run)
    with pytest.raises(RunError, match="no other process"):
        RunDirectory.open(run, writable=True)


def test_a_closed_session_lets_the_run_go(run, make_session) -> None:
    make_session(run).close()
    RunCorrections(run).rename(1, "Ada")


def test_a_run_without_crossings(tmp_path, make_session) -> None:
    session = make_session(make_run(tmp_path, crossings=()))
    assert session.get_state()["n_crossings"] == 0
    assert session.list_crossings() == []
