import numpy as np
import pytest

from murid.core import Detections, DetectionTable, Tracks
from murid.pipeline.result_warnings import list_result_warnings
from murid.store import RunDirectory

N_FRAMES = 20
BOX = [[10, 10, 30, 20]]


@pytest.fixture
def make_run(tmp_path):
    """Return a function that writes a run, and returns the codes and messages of its warnings.

    Each list of `seen` holds the frames in which one animal is seen.
    """

    def make(*seen, n_frames=N_FRAMES, n_unreadable=0, asked=None, brightness=None):
        tracking = {} if asked is None else {"max_tracks": asked}
        ids = [[k for k, frames in enumerate(seen) if t in frames] for t in range(n_frames)]
        with RunDirectory.create(
            tmp_path / "cage.murid",
            source="cage.mp4",
            fingerprint={"size_bytes": 1, "fps": 30.0, "width": 64, "height": 48},
            config={"detection": {}, "tracking": tracking},
            detector="nano",
            part_frames=8,
        ) as run:
            if brightness is not None:
                run.record("track", {"brightness": brightness})
            tables = []
            with run.detections.write() as writer:
                for t, in_frame in enumerate(ids):
                    found = Detections(BOX * len(in_frame), [0.9] * len(in_frame))
                    tables.append(found)
                    if t < n_unreadable:
                        writer.add_unreadable(t, t / 30, "damaged")
                    else:
                        writer.add(t, t / 30, found)
            run.detections.finish()
            run.tracks.start(tracking)
            for first in range(0, n_frames, 8):
                part = slice(first, first + 8)
                track_ids = np.array([k + 1 for row in ids[part] for k in row], np.int64)
                run.tracks.write(first, Tracks(DetectionTable.from_frames(tables[part]), track_ids))
            run.tracks.finish()
            found = list_result_warnings(run, run.read_summary(), n_unreadable)
        return {warning.code: warning.message for warning in found}

    return make


def test_an_ordinary_result_has_no_warning(make_run):
    assert make_run(range(18), range(10), asked=2, brightness=140.0) == {}


def test_half_of_the_frames_is_enough(make_run):
    assert make_run(range(10)) == {}


def test_no_animal(make_run):
    warnings = make_run(asked=4)
    assert list(warnings) == ["no-animal"]
    assert "no animal was found in 20 frames" in warnings["no-animal"]


def test_more_than_half_of_the_frames_without_an_animal(make_run):
    warnings = make_run(range(5), range(3, 8))
    assert list(warnings) == ["rarely-seen"]
    assert "in 12 of 20 frames" in warnings["rarely-seen"]


def test_animals_that_take_turns_are_seen(make_run):
    assert make_run(range(7), range(7, 14)) == {}


def test_far_fewer_animals_than_asked_for(make_run):
    warnings = make_run(range(20), range(20), asked=5)
    assert list(warnings) == ["few-animals"]
    assert "2 of 5 animals were found" in warnings["few-animals"]


@pytest.mark.parametrize(("level", "codes"), [(24.0, ["nearly-black"]), (26.0, [])])
def test_nearly_black_images(make_run, level, codes):
    assert list(make_run(range(20), brightness=level)) == codes


def test_unreadable_frames(make_run):
    warnings = make_run(range(11, 20), n_unreadable=11)
    assert list(warnings) == ["mostly-unreadable", "rarely-seen"]
    assert "11 of 20 frames could not be read" in warnings["mostly-unreadable"]


def test_one_frame(make_run):
    assert list(make_run([0], n_frames=1)) == ["one-frame"]
