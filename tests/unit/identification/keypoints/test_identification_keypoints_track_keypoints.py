"""Head and tail of tracks, chunk by chunk."""

from dataclasses import replace

import numpy as np
from simulated_keypoints import exchange, simulate

from murid.core import DetectionTable, Tracks
from murid.identification.keypoints.track_keypoints import TrackKeypoints


def make_tracks(animals, keypoints):
    """Tracks 7, 8, … of animals that are detected in every frame, and a detection in no track."""
    n, per_frame = len(animals[0].times_s), len(animals) + 1
    boxes = np.stack([*(animal.boxes for animal in animals), animals[0].boxes], axis=1)
    points = np.stack([*keypoints, keypoints[0]], axis=1)
    table = DetectionTable(
        boxes.reshape(-1, 4),
        np.ones(n * per_frame, np.float32),
        None,
        np.arange(n + 1) * per_frame,
        points.reshape(-1, 3, 3),
    )
    return Tracks(table, np.tile([*range(7, 6 + per_frame), -1], n))


def cut(tracks, frames):
    table = tracks.detections
    rows = slice(table.frame_offsets[frames.start], table.frame_offsets[frames.stop])
    offsets = table.frame_offsets[frames.start : frames.stop + 1] - rows.start
    part = DetectionTable(
        table.boxes[rows], table.scores[rows], None, offsets, table.keypoints[rows]
    )
    return Tracks(part, tracks.track_ids[rows])


def test_chunks_remember_those_before():
    animals = [simulate(60, seed=seed) for seed in (0, 1)]
    rng = np.random.default_rng(0)
    wrong = [rng.random(len(animal.times_s)) < 0.1 for animal in animals]
    # In the first seconds of the third chunk the detector is wrong all the time.
    wrong[0][600:620] = True
    detected = [exchange(a.detect(0), w) for a, w in zip(animals, wrong, strict=True)]
    tracks = make_tracks(animals, detected)
    times_s = animals[0].times_s
    resolver = TrackKeypoints(30.0)
    chunks = [slice(start, start + 300) for start in range(0, len(times_s), 300)]
    resolved = [resolver.resolve(cut(tracks, chunk), times_s[chunk]) for chunk in chunks]
    keypoints = np.concatenate([part.detections.keypoints for part in resolved])
    for k, animal in enumerate(animals):
        assert animal.find_wrong(keypoints[k::3]).mean() <= 0.01
    # What is in no track stays as detected.
    np.testing.assert_array_equal(keypoints[2::3], detected[0])


def test_a_chunk_alone_would_be_wrong():
    """The memory is what the test above shows: the same frames alone are decided otherwise."""
    animal = simulate(20, behaviours=("rest",))
    detected = animal.detect(0)
    detected[300:] = exchange(detected, np.ones(len(detected), bool))[300:]
    tracks = make_tracks([animal], [detected])
    first, second = slice(0, 300), slice(300, 330)
    resolver = TrackKeypoints(30.0)
    resolver.resolve(cut(tracks, first), animal.times_s[first])
    after = resolver.resolve(cut(tracks, second), animal.times_s[second])
    alone = TrackKeypoints(30.0).resolve(cut(tracks, second), animal.times_s[second])
    is_wrong = []
    for part in (after, alone):
        keypoints = animal.detect(0)
        keypoints[second] = part.detections.keypoints[::2]
        is_wrong.append(animal.find_wrong(keypoints)[second])
    assert not is_wrong[0].any()
    assert is_wrong[1].all()


def test_tracks_without_keypoints_stay_as_they_are():
    animal = simulate(1)
    tracks = make_tracks([animal], [animal.detect(0)])
    without = replace(tracks, detections=replace(tracks.detections, keypoints=None))
    assert TrackKeypoints(30.0).resolve(without, animal.times_s) is without
