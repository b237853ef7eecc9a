"""The log of corrections: appended line by line, and readable after any kill."""

import multiprocessing
import os
import signal
import time

import pytest

from murid.corrections.log import LOG_NAME, append_to_log, read_log
from murid.corrections.records import (
    Add,
    AnimalRef,
    Assign,
    Crossing,
    DetectionRef,
    Drop,
    Entry,
    Rename,
    Revoke,
    Swap,
    select_active,
)
from murid.errors import RunError

ONE = DetectionRef(frame=3, row=0, box=(1.0, 2.0, 3.0, 4.0))
OTHER = DetectionRef(frame=3, row=1, box=(5.0, 6.0, 7.0, 8.0))
ANIMAL = AnimalRef(number=2, detection=ONE)
STATEMENTS = [
    Crossing(before=(ONE, OTHER), after=(OTHER, ONE), answer="swapped"),
    Swap(
        animals=(1, 2),
        first_frame=3,
        last_frame=None,
        begin=((ONE, OTHER), (ONE, OTHER)),
        end=None,
    ),
    Assign(detection=OTHER, animal=ANIMAL),
    Drop(dropped=(ONE, OTHER)),
    Add(frame=4, box=(0.0, 0.0, 2.5, 2.5), animal=AnimalRef(number=1, detection=None)),
    Rename(animal=ANIMAL, name="Ælfgifu 🐭"),
    Revoke(line=1),
]


def test_statements_are_read_as_they_were_written(tmp_path):
    assert read_log(tmp_path) == ()
    written = tuple(append_to_log(tmp_path, statement, "Ada") for statement in STATEMENTS)
    assert read_log(tmp_path) == written
    assert [entry.statement for entry in written] == STATEMENTS
    assert [entry.line for entry in written] == list(range(1, 8))
    assert {entry.author for entry in written} == {"Ada"}


def test_a_line_that_was_cut_off_does_not_count_and_is_replaced(tmp_path):
    append_to_log(tmp_path, STATEMENTS[0], "Ada")
    path = tmp_path / LOG_NAME
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    assert len(read_log(tmp_path)) == 1
    append_to_log(tmp_path, STATEMENTS[2], "Ada")
    assert [entry.statement for entry in read_log(tmp_path)] == [STATEMENTS[0], STATEMENTS[2]]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"version":1', '"version":2', "version 1 or older"),
        ('"line":1', '"line":7', "the number 1"),
        ('"answer":"swapped"', '"answer":"perhaps"', "a correction"),
        ('"frame":3', '"frame":"three"', "a correction"),
        ("{", "", "a correction"),
    ],
)
def test_a_damaged_line_is_named(tmp_path, old, new, expected):
    append_to_log(tmp_path, STATEMENTS[0], "Ada")
    path = tmp_path / LOG_NAME
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(RunError, match=rf"corrections.jsonl: line 1: expected {expected}"):
        read_log(tmp_path)


def make_entries(*statements):
    return tuple(
        Entry(version=1, line=k, time_utc="", author="", statement=s)
        for k, s in enumerate(statements, 1)
    )


def test_a_revoked_line_counts_again_when_its_revocation_is_revoked():
    answer = STATEMENTS[0]

    def list_active(*statements):
        return [entry.line for entry in select_active(make_entries(*statements))]

    assert list_active(answer, STATEMENTS[2]) == [1, 2]
    assert list_active(answer, STATEMENTS[2], Revoke(line=1)) == [2]
    assert list_active(answer, STATEMENTS[2], Revoke(line=1), Revoke(line=3)) == [1, 2]
    revoked_twice = (Revoke(line=1), Revoke(line=3), Revoke(line=4))
    assert list_active(answer, STATEMENTS[2], *revoked_twice) == [2]


def _append_forever(directory, sender):
    while True:
        sender.send(append_to_log(directory, STATEMENTS[0], "Ada").line)


def test_killed_processes_lose_nothing_that_was_answered(tmp_path):
    context = multiprocessing.get_context("fork")
    for attempt in range(50):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_append_forever, args=(tmp_path, sender))
        process.start()
        sender.close()
        last = receiver.recv()
        time.sleep(attempt * 0.0003)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        try:
            while True:
                last = receiver.recv()
        except (EOFError, OSError):
            pass
        finally:
            receiver.close()
        assert len(read_log(tmp_path)) >= last
