import numpy as np
import pytest

from murid.synthetic import StillConfig
from murid.synthetic.clips import sample_window, sample_window_camera
from murid.training.training_clips import ClipMaker, count_identities, render_clips


def test_animals_of_different_clips_have_different_identities():
    clips = render_clips(6, seed=2, first_identity=50, n_frames=3)
    seen = [{int(i) for frame in clip for i in frame.identities} for clip in clips]
    known = [ids for ids in seen if ids != {-1}]
    assert len(set().union(*known)) == sum(map(len, known))
    assert min(set().union(*known)) >= 50
    assert count_identities(clips) == max(set().union(*known)) + 1
    assert any(ids == {-1} for ids in seen), "animals that all look alike have no identity"
    assert all(len({frame.background_jpeg for frame in clip}) == 1 for clip in clips)


def test_the_same_seed_gives_the_same_clips():
    first, again = (render_clips(2, seed=9, n_frames=2) for _ in range(2))
    assert [frame.image_jpeg for clip in first for frame in clip] == [
        frame.image_jpeg for clip in again for frame in clip
    ]


def test_shares_of_clips_without_background_and_with_a_poor_one():
    none = render_clips(1, seed=4, n_frames=3, no_background=1.0)
    assert all(frame.background_jpeg is None for frame in none[0])
    good, poor = (render_clips(1, seed=4, n_frames=6, poor_background=p)[0] for p in (0.0, 1.0))
    assert good[0].image_jpeg == poor[0].image_jpeg
    assert good[0].background_jpeg != poor[0].background_jpeg


def test_windows_of_clips_without_background_have_none():
    clip = render_clips(1, seed=4, n_frames=2, no_background=1.0)[0]
    rng = np.random.default_rng(0)
    camera = sample_window_camera(rng)
    config = StillConfig(size_px=96, backgrounds=1.0, overlays=1.0)
    assert sample_window(rng, clip[0], camera, config).background is None


def test_clips_are_kept_and_processes_make_the_same(tmp_path, monkeypatch):
    plain = render_clips(3, seed=2, first_identity=50, n_frames=2)
    kept = render_clips(3, 2, 50, n_frames=2, maker=ClipMaker(tmp_path, n_workers=2))
    assert len(list(tmp_path.glob("*.npz"))) == 3

    def refuse(*_: object) -> None:
        raise AssertionError("a clip was made again")

    monkeypatch.setattr("murid.training.training_clips.record", refuse)
    again = render_clips(3, 2, 50, n_frames=2, maker=ClipMaker(tmp_path))
    for clips in (kept, again):
        for clip, expected in zip(clips, plain, strict=True):
            for frame, true in zip(clip, expected, strict=True):
                assert frame.image_jpeg == true.image_jpeg
                assert frame.background_jpeg == true.background_jpeg
                np.testing.assert_array_equal(frame.boxes, true.boxes)
                np.testing.assert_array_equal(frame.identities, true.identities)
                np.testing.assert_array_equal(frame.keypoints, true.keypoints)
    with pytest.raises(AssertionError, match="made again"):
        render_clips(3, 3, n_frames=2, maker=ClipMaker(tmp_path))
