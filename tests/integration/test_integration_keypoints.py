"""Keypoints from a detector to the results, through every way of tracking."""

import json
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from configs import NO_REFINE, TRACKS_ONLY

import murid
from murid.cli import run as murid_cli
from murid.core.boxes import compute_centres
from murid.core.keypoints import CENTRE, CONFIDENCE, KEYPOINTS, NOSE, TAIL_BASE
from murid.detection.detector import load_detector
from murid.live import open_camera, track_live
from murid.store import RunDirectory

AS_DETECTED = NO_REFINE.change("identification.smooth_boxes=false")


class KeypointDetector:
    """Finds keypoints as well: the centre of each box, nose and tail base at its sides.

    In every seventh image nose and tail base are exchanged.
    """

    def __init__(self, *arguments):
        self._detector = load_detector(*arguments)
        self._n_images = 0

    def __getattr__(self, name):
        return getattr(self._detector, name)

    def detect(self, images):
        return [self._add(detections) for detections in self._detector.detect(images)]

    def _add(self, detections):
        boxes = detections.boxes
        centres = compute_centres(boxes)
        keypoints = np.full((len(boxes), 3, 3), 0.9, np.float32)
        keypoints[:, :, :2] = centres[:, None]
        keypoints[:, NOSE, 0] = boxes[:, 2]
        keypoints[:, TAIL_BASE, 0] = boxes[:, 0]
        self._n_images += 1
        if self._n_images % 7 == 0:
            keypoints = keypoints[:, ::-1]
        return replace(detections, keypoints=keypoints)


@pytest.fixture(autouse=True)
def _find_keypoints(monkeypatch):
    for module in ("murid.pipeline.track", "murid.live.track_live"):
        monkeypatch.setattr(import_module(module), "load_detector", KeypointDetector)


@pytest.fixture
def run(clip, tmp_path):
    return murid.track(clip, animals=3, config=AS_DETECTED, out=tmp_path / "cage.murid")


def check_centres(tracks):
    """Each keypoint is in the box of its row, or unknown."""
    table = tracks.detections
    found = table.keypoints[:, CENTRE, :2]
    known = np.isfinite(found).all(axis=1) & (tracks.track_ids >= 0)
    assert known.sum() > 0.9 * (tracks.track_ids >= 0).sum()
    np.testing.assert_allclose(found[known], compute_centres(table.boxes)[known], atol=1e-3)


def test_boxes_of_identities_have_the_keypoints_of_their_detections(run):
    tracks = run.tracks()
    check_centres(tracks)
    interpolated = tracks.interpolated
    confidences = tracks.detections.keypoints[:, CENTRE, CONFIDENCE]
    assert (confidences[interpolated] == 0).all()
    np.testing.assert_allclose(confidences[~interpolated], 0.9)


def test_heads_are_resolved_in_identities_and_in_tracks(run):
    directory = RunDirectory.open(run.path)
    tracks = murid.Tracks.concatenate([part for _, part in directory.tracks.iterate()])
    shares = []
    for keypoints in (
        directory.detections.read_keypoints(),
        *(each.detections.keypoints[each.track_ids >= 0] for each in (tracks, run.tracks())),
    ):
        axes = keypoints[:, NOSE, 0] - keypoints[:, TAIL_BASE, 0]
        shares.append((axes[np.isfinite(axes)] < 0).mean())
    detected, tracked, identified = shares
    assert detected > 0.1
    assert tracked <= 0.01
    assert identified <= 0.01


def test_trajectories_have_keypoints(run):
    trajectories = run.trajectories()
    n_frames, _, n_animals = trajectories.position.shape
    assert trajectories.keypoints.shape == (n_frames, 2, len(KEYPOINTS), n_animals)
    known = np.isfinite(trajectories.keypoints[:, :, CENTRE])
    np.testing.assert_allclose(
        trajectories.keypoints[:, :, CENTRE][known], trajectories.position[known], atol=1e-3
    )
    confidences = trajectories.keypoint_confidence
    is_missing = np.isnan(trajectories.keypoints).any(axis=1)
    np.testing.assert_array_equal(np.isnan(confidences), is_missing)


def test_info_says_whether_there_are_keypoints(run, tracked, capsys):
    assert run.info()["keypoints"] == list(KEYPOINTS)
    assert murid_cli(["info", str(run.path)]) == 0
    assert "nose, centre, tail_base" in capsys.readouterr().out
    assert murid_cli(["info", str(tracked), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["keypoints"] is None
    assert murid_cli(["info", str(tracked)]) == 0
    assert "nose" not in capsys.readouterr().out


def test_runs_without_keypoints_stay_so(tracked):
    run = murid.open(tracked)
    assert run.tracks().detections.keypoints is None
    assert run.trajectories().keypoints is None


def test_identities_again_and_none(run, clip):
    before = run.tracks().detections.keypoints
    again = murid.identify(run.path, animals=2)
    assert again.tracks().detections.keypoints is not None
    again = murid.identify(run.path, animals=3, config=AS_DETECTED)
    np.testing.assert_array_equal(again.tracks().detections.keypoints, before)
    without = murid.track(clip, animals=3, config=TRACKS_ONLY, out=run.path)
    tracks = without.tracks()
    detected = RunDirectory.open(run.path).detections.read_keypoints()
    np.testing.assert_array_equal(tracks.detections.keypoints[:, CENTRE], detected[:, CENTRE])


def test_smoothed_keypoints_stay_near_their_boxes(clip, tmp_path):
    run = murid.track(clip, animals=3, config=NO_REFINE, out=tmp_path / "cage.murid")
    table = run.tracks().detections
    gaps = np.linalg.norm(table.keypoints[:, CENTRE, :2] - compute_centres(table.boxes), axis=1)
    assert np.nanquantile(gaps, 0.95) < 4


@pytest.mark.parametrize("options", [{"every": 3}, {"start": 1.0}, {"every": 2, "end": 2.0}])
def test_selected_frames(clip, tmp_path, options):
    run = murid.track(clip, animals=3, config=AS_DETECTED, out=tmp_path / "cage.murid", **options)
    check_centres(run.tracks())


def test_arenas(clip, tmp_path):
    arena = tmp_path / "arena.toml"
    halves = [
        f"""[[arena]]
name = "half {k}"
polygon = [[{left}, 0], [{left + 160}, 0], [{left + 160}, 240], [{left}, 240]]
"""
        for k, left in enumerate((0, 160))
    ]
    arena.write_text("width = 320\nheight = 240\n" + "".join(halves))
    run = murid.track(clip, animals=2, config=AS_DETECTED, out=tmp_path / "a.murid", arena=arena)
    check_centres(run.tracks())


def test_boxes_that_a_person_drew_have_no_keypoints_of_their_own(run):
    tracks = run.tracks()
    frames = tracks.detections.frame_numbers
    row = np.flatnonzero(tracks.track_ids > 0)[-1]
    last, animal = int(frames[row]), int(tracks.track_ids[row])
    # The last box of an animal, so that no later one says where its points are.
    run.corrections.drop(animal, last, tracks.n_frames - 1)
    run.corrections.add(last, tracks.detections.boxes[row].tolist(), animal)
    corrected = murid.identify(run.path).tracks()
    is_drawn = (corrected.detections.frame_numbers == last) & (corrected.track_ids == animal)
    assert is_drawn.sum() == 1
    keypoints = corrected.detections.keypoints[is_drawn][0]
    assert np.isnan(keypoints[:, :2]).all()
    assert (keypoints[:, CONFIDENCE] == 0).all()


class InterruptedRunError(Exception):
    """Stands for a kill."""


def test_an_interrupted_run_goes_on_to_the_same_result(clip, tmp_path, monkeypatch):
    monkeypatch.setitem(RunDirectory.create.__func__.__kwdefaults__, "part_frames", 16)
    # The same batches, so that the same images have exchanged points.
    config = AS_DETECTED.change("detection.batch_size=1")

    def interrupt(stage, done, total):
        if stage == "detect" and done == 49:
            raise InterruptedRunError

    class Always(KeypointDetector):
        def _add(self, detections):
            self._n_images = 0
            return super()._add(detections)

    monkeypatch.setattr(import_module("murid.pipeline.track"), "load_detector", Always)
    whole = murid.track(clip, animals=3, config=config, out=tmp_path / "whole.murid")
    cut = tmp_path / "cut.murid"
    with pytest.raises(InterruptedRunError):
        murid.track(clip, animals=3, config=config, out=cut, report=interrupt)
    assert len(list(cut.glob("detections/*"))) == 3
    murid.track(clip, animals=3, config=config, out=cut)
    for path in whole.path.glob("*/part-*.parquet"):
        assert (cut / path.relative_to(whole.path)).read_bytes() == path.read_bytes()


def test_live_frames_have_keypoints(clip, tmp_path):
    received = []
    with open_camera(str(clip), as_live=True) as camera_stream:
        run, _ = track_live(
            camera_stream,
            tmp_path / "live.murid",
            source=str(clip),
            animals=3,
            background=clip,
            config=AS_DETECTED,
            callbacks=[lambda frame: received.append(frame.tracked.detections.keypoints)],
        )
    stored = RunDirectory.open(run.path).detections.read_keypoints()
    np.testing.assert_array_equal(np.concatenate(received), stored)
    check_centres(run.tracks())


def test_other_verbs_take_runs_with_keypoints(run, tmp_path):
    run.export("csv", tmp_path / "out.csv")
    assert run.behaviour() is not None
    assert run.annotate().exists()
