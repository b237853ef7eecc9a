import numpy as np
import pytest
from review_runs import N_FRAMES, make_run

from murid.errors import ConfigError
from murid.review.results import RunResults
from murid.review.timeline import Timeline
from murid.store import RunDirectory


@pytest.fixture
def timeline(run):
    return open_timeline(run)


def open_timeline(run, fill=True):
    directory = RunDirectory.open(run)
    timeline = Timeline(RunResults(directory), [1, 2, 3], directory.n_frames, directory.n_parts)
    while fill and timeline.add_next_part():
        pass
    return timeline


def test_single_frames(timeline) -> None:
    tile = timeline.get_tile(0, 0)
    row = tile.rows[0]
    assert (tile.bin_frames, row.identity, len(row.probabilities)) == (1, 1, N_FRAMES)
    assert np.flatnonzero(row.interpolated).tolist() == [31, 32, 33]
    assert row.probabilities[30] == 90
    assert row.probabilities[31] == 50
    assert tile.rows[1].interpolated == [0] * N_FRAMES


@pytest.mark.parametrize("level", range(1, 12))
def test_coarser_levels_are_means_of_finer_ones(timeline, level: int) -> None:
    frames = np.arange(N_FRAMES)
    bins = frames >> level
    for row in timeline.get_tile(level, 0).rows:
        hidden = (row.identity == 1) & (frames >= 31) & (frames <= 33)
        for k in range(bins[-1] + 1):
            share = hidden[bins == k].mean()
            assert row.interpolated[k] == np.ceil(100 * share - 1e-9)
            assert row.probabilities[k] == pytest.approx(90 - 40 * share, abs=1)


def test_a_timeline_is_there_before_it_is_complete(run) -> None:
    timeline = open_timeline(run, fill=False)
    timeline.add_next_part()
    tile = timeline.get_tile(6, 0)
    assert not tile.is_complete
    assert tile.rows[1].probabilities == [90, -1]
    while timeline.add_next_part():
        pass
    tile = timeline.get_tile(6, 0)
    assert tile.is_complete
    assert tile.rows[1].probabilities == [90, 90]


def test_levels_follow_what_is_added(run) -> None:
    timeline = open_timeline(run, fill=False)
    assert timeline.get_tile(7, 0).rows[1].probabilities == [-1]
    while timeline.add_next_part():
        pass
    assert timeline.get_tile(7, 0).rows[1].probabilities == [90]


def test_tiles_follow_one_another(tmp_path) -> None:
    timeline = open_timeline(make_run(tmp_path, n_frames=600))
    tiles = [timeline.get_tile(0, number) for number in range(3)]
    assert [tile.first_frame for tile in tiles] == [0, 256, 512]
    assert [len(tile.rows[0].probabilities) for tile in tiles] == [256, 256, 88]


@pytest.mark.parametrize(("level", "number"), [(-1, 0), (0, 1), (0, -1), (99, 0)])
def test_a_tile_that_there_is_not_is_an_error(timeline, level: int, number: int) -> None:
    with pytest.raises(ConfigError, match="timeline"):
        timeline.get_tile(level, number)
