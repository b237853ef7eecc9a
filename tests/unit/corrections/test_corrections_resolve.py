"""Corrections find their detections again, by row and by box."""

import numpy as np

from murid.core import Detections, DetectionTable
from murid.corrections.records import (
    Add,
    AnimalRef,
    Assign,
    Crossing,
    DetectionRef,
    Drop,
    Entry,
    Rename,
)
from murid.corrections.resolve import list_drawn_boxes, resolve_corrections

BOXES = [[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]]
NONE = np.zeros(0, np.int64)


def make_table(*frames):
    return DetectionTable.from_frames(
        [
            Detections(np.array(boxes, np.float32).reshape(-1, 4), np.ones(len(boxes), np.float32))
            for boxes in frames
        ]
    )


def ref(frame, row):
    return DetectionRef(frame=frame, row=row, box=tuple(map(float, BOXES[row])))


def make_entries(*statements):
    return tuple(
        Entry(version=1, line=k, time_utc="", author="", statement=s)
        for k, s in enumerate(statements, 1)
    )


def test_detections_are_found_by_their_boxes_where_the_rows_have_changed():
    table = make_table(BOXES, [BOXES[2], BOXES[0]], [])
    entries = make_entries(
        Assign(detection=ref(1, 2), animal=AnimalRef(number=4, detection=ref(0, 0))),
        Drop(dropped=(ref(1, 0), ref(1, 1))),
        Rename(animal=AnimalRef(number=4, detection=ref(0, 0)), name="Ada"),
        Drop(dropped=(ref(2, 0), ref(9, 0))),
    )
    found = resolve_corrections(entries, table, NONE)
    assert found.constraints.pairs.rows.tolist() == [[3, 0]]
    assert found.constraints.looked_at.tolist() == [3]
    assert found.constraints.dropped.tolist() == [4]
    assert found.constraints.anchor_rows.tolist() == [0]
    assert found.constraints.anchor_numbers.tolist() == [4]
    assert found.names == {4: "Ada"}
    assert found.lost_lines == (2, 4)


def test_boxes_that_lie_on_one_another_are_told_apart_by_their_rows():
    table = make_table([BOXES[0], BOXES[0], BOXES[1]])
    twin = DetectionRef(frame=0, row=1, box=tuple(map(float, BOXES[0])))
    found = resolve_corrections(make_entries(Drop(dropped=(twin,))), table, NONE)
    assert found.constraints.dropped.tolist() == [1]


def test_an_answer_gives_pairs_of_the_same_and_of_different_animals():
    table = make_table(BOXES, BOXES)
    answer = Crossing(before=(ref(0, 0), ref(0, 1)), after=(ref(1, 0), ref(1, 1)), answer="swapped")
    pairs = resolve_corrections(make_entries(answer), table, NONE).constraints.pairs
    rows = [tuple(pair) for pair in pairs.rows.tolist()]
    assert dict(zip(rows, pairs.same.tolist(), strict=True)) == {
        (0, 4): True,
        (0, 3): False,
        (1, 3): True,
        (1, 4): False,
    }
    assert pairs.is_local.all()
    assert pairs.lines.tolist() == [1] * 4


def test_a_drawn_box_is_the_animal_that_it_was_drawn_for():
    animal = AnimalRef(number=2, detection=ref(0, 1))
    entries = make_entries(Add(frame=1, box=(60, 0, 70, 10), animal=animal))
    assert list_drawn_boxes(entries, 2).frames.tolist() == [1]
    # Behind the detections of its frame, of which it is none itself.
    table = make_table(BOXES, [*BOXES, [60, 0, 70, 10]])
    found = resolve_corrections(entries, table, np.array([6]))
    assert found.constraints.pairs.rows.tolist() == [[6, 1]]
    assert found.constraints.looked_at.tolist() == [6]
    on_drawn = DetectionRef(frame=1, row=3, box=(60.0, 0.0, 70.0, 10.0))
    entries = make_entries(Add(frame=1, box=on_drawn.box, animal=animal), Drop(dropped=(on_drawn,)))
    assert resolve_corrections(entries, table, np.array([6])).lost_lines == (2,)


def test_a_box_in_a_frame_that_the_run_no_longer_has_is_lost():
    animal = AnimalRef(number=2, detection=ref(0, 1))
    entries = make_entries(Add(frame=7, box=(60, 0, 70, 10), animal=animal))
    assert not len(list_drawn_boxes(entries, 2))
    assert resolve_corrections(entries, make_table(BOXES, BOXES), NONE).lost_lines == (1,)
