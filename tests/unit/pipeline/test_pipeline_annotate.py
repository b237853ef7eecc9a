import numpy as np
import pytest
from review_runs import N_FRAMES, PART_FRAMES, get_box, make_run

from murid.pipeline.annotate import iterate_annotated
from murid.pipeline.run import Run
from murid.store import RunDirectory


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs"))


def draw(path, first, last):
    directory = RunDirectory.open(path)
    return list(iterate_annotated(directory, Run.open(path).open_source(), {}, first, last))


def test_an_excerpt_over_parts_is_that_of_the_whole(path):
    whole = draw(path, 0, N_FRAMES)
    assert len(whole) == N_FRAMES
    first = PART_FRAMES - 5
    excerpt = draw(path, first, PART_FRAMES + 30)
    assert len(excerpt) == 35
    # Trails begin with the excerpt, and are complete after a second.
    for drawn, expected in zip(excerpt[21:], whole[first + 21 :], strict=False):
        np.testing.assert_array_equal(drawn, expected)


def test_only_the_parts_of_the_excerpt_are_read(path):
    directory = RunDirectory.open(path)
    read = []
    read_part = directory.identities.read_part
    directory.identities.read_part = lambda number: read.append(number) or read_part(number)
    source = Run.open(path).open_source()
    drawn = list(iterate_annotated(directory, source, {}, PART_FRAMES, 2 * PART_FRAMES))
    assert read == [1]
    assert len(drawn) == PART_FRAMES


def test_boxes_number_and_time_are_drawn(path):
    image = draw(path, 40, 41)[0]
    x1, y1, _, y2 = get_box(3, 40).round().astype(int)
    # The colour of animal 3 on the side of its box.
    side = image[(y1 + y2) // 2, x1 - 1 : x1 + 2].astype(int)
    assert np.abs(side - (0, 158, 115)).sum(axis=1).min() < 60
    caption = image[-10:, :100]
    assert (caption == 0).mean() > 0.3
    assert (caption > 200).sum() > 20
