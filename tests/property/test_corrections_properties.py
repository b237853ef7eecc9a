"""Any sequence of corrections: never two animals in one detection, and undoing restores all."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from crossing_runs import N_FRAMES, identify_boxes, make_crossing_run, read_identities
from hypothesis import given, settings
from hypothesis import strategies as st

from murid.errors import ConfigError, CorrectionError
from murid.pipeline.corrections import RunCorrections
from murid.pipeline.run import Run

FRAMES = st.integers(0, N_FRAMES - 1)
IDENTITIES = st.integers(1, 3)
ACTIONS = st.one_of(
    st.tuples(st.just("answer_crossing"), st.sampled_from(["right", "swapped", "unsure"])),
    st.tuples(st.just("swap"), IDENTITIES, IDENTITIES, FRAMES, st.none() | FRAMES),
    st.tuples(st.just("assign"), FRAMES, IDENTITIES, IDENTITIES),
    st.tuples(st.just("drop"), IDENTITIES, FRAMES, FRAMES),
    st.tuples(st.just("add"), FRAMES, st.just((300, 300, 340, 340)), IDENTITIES),
    st.tuples(st.just("rename"), IDENTITIES, st.just("Ada")),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_crossing_run(tmp_path_factory.mktemp("runs") / "crossing.murid", 3)


def apply(corrections, run, action):
    """Apply a correction, if it is possible."""
    name, *arguments = action
    if name == "answer_crossing":
        crossings = Run.open(run).crossings()
        if not crossings:
            return
        row = crossings[0]
        pair = row["identity_a"], row["identity_b"]
        arguments = [pair, row["first_frame"], row["last_frame"], *arguments]
    try:
        getattr(corrections, name)(*arguments)
    except (ConfigError, CorrectionError):
        return


@settings(max_examples=12, deadline=None)
@given(actions=st.lists(ACTIONS, min_size=1, max_size=6))
def test_any_corrections_keep_identities_apart_and_undoing_them_restores_all(run, actions):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.murid"
        shutil.copytree(run, path)
        before = read_identities(path)
        corrections = RunCorrections(path, "Ada")
        for action in actions:
            apply(corrections, path, action)
            identify_boxes(path)
            tracks = Run.open(path).tracks()
            for frame in tracks:
                assert len(np.unique(frame.track_ids)) == len(frame.track_ids)
            identities = read_identities(path)
            by_frame = [(frame, identity) for (frame, _), identity in identities.items()]
            assert len(set(by_frame)) == len(by_frame)
        while corrections.active:
            corrections.undo()
        identify_boxes(path)
        assert read_identities(path) == before
        assert not Run.open(path).names
