from murid.training.synthetic_sources import count_identities, render_clips


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
