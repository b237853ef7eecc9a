"""Contradictions between corrections are found and named."""

import pytest

from murid.corrections.pair_statements import check_consistent, list_pair_statements
from murid.corrections.records import (
    AnimalRef,
    Assign,
    Crossing,
    DetectionRef,
    Drop,
    Entry,
    Rename,
    Revoke,
)
from murid.errors import CorrectionError


def ref(frame, row):
    return DetectionRef(frame=frame, row=row, box=(0.0, 0.0, 10.0, 10.0))


def make_entries(*statements):
    return tuple(
        Entry(version=1, line=k, time_utc="", author="", statement=s)
        for k, s in enumerate(statements, 1)
    )


def crossing(before, after, answer):
    return Crossing(
        before=(ref(before, 0), ref(before, 1)), after=(ref(after, 0), ref(after, 1)), answer=answer
    )


def animal(number, frame, row):
    return AnimalRef(number=number, detection=ref(frame, row))


def list_lines(*statements):
    with pytest.raises(CorrectionError) as caught:
        check_consistent(make_entries(*statements))
    return caught.value.lines


def test_two_answers_about_one_crossing_contradict_each_other():
    right, swapped = crossing(1, 9, "right"), crossing(1, 9, "swapped")
    assert list_lines(right, swapped) == (1, 2)
    check_consistent(make_entries(right, crossing(1, 9, "unsure")))
    check_consistent(make_entries(right, Revoke(line=1), swapped))


def test_a_contradiction_over_several_crossings_names_each_of_them():
    one = Assign(detection=ref(20, 0), animal=animal(1, 1, 1))
    assert list_lines(crossing(1, 9, "right"), crossing(9, 20, "right"), one) == (1, 2, 3)
    check_consistent(make_entries(crossing(1, 9, "right"), crossing(9, 20, "swapped"), one))


def test_one_detection_cannot_be_two_animals():
    one = Assign(detection=ref(5, 0), animal=animal(1, 1, 0))
    other = Assign(detection=ref(5, 0), animal=animal(2, 1, 1))
    assert list_lines(one, other) == (1, 2)


def test_a_dropped_detection_cannot_stand_for_an_animal():
    drop = Drop(dropped=(ref(1, 0),))
    assert list_lines(drop, Rename(animal=animal(1, 1, 0), name="Ada")) == (1, 2)
    assert list_lines(crossing(1, 9, "right"), drop) == (1, 2)
    check_consistent(make_entries(drop, Drop(dropped=(ref(1, 0), ref(2, 0)))))


def test_an_assignment_is_no_statement_about_what_happened_in_between():
    statements = list_pair_statements(
        make_entries(Assign(detection=ref(5, 0), animal=animal(1, 1, 0)), crossing(1, 9, "right"))
    )
    assert [statement.is_local for statement in statements] == [False, True, True, True, True]
