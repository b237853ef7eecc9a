import pytest
from example_recordings import make_recording

from murid.export.sleap import export_sleap
from murid.export.tracks_chunk import iterate_rows

sleap_io = pytest.importorskip("sleap_io")


@pytest.mark.parametrize("identified", [True, False])
def test_sleap_reads_boxes_tracks_identities_and_scores(tmp_path, identified):
    recording = make_recording(identified=identified)
    export_sleap(tmp_path / "cage.slp", recording)
    labels = sleap_io.load_slp(str(tmp_path / "cage.slp"), open_videos=False)
    assert tuple(track.name for track in labels.tracks) == recording.names
    assert tuple(each.name for each in labels.identities) == (recording.names if identified else ())
    assert labels.videos[0].filename == recording.source
    assert tuple(labels.videos[0].shape) == (7, 480, 640, 3)
    read = {
        (frame.frame_idx, box.track.name): (box, instance)
        for frame in labels.labeled_frames
        for box, instance in zip(frame.bboxes, frame.instances, strict=True)
    }
    n_rows = 0
    for rows in iterate_rows(recording):
        n_rows += len(rows.frames)
        for k, frame in enumerate(rows.frames.tolist()):
            name = recording.get_name(int(rows.track_ids[k]))
            box, instance = read[frame, name]
            assert box.xyxy == tuple(rows.boxes[k])
            assert box.score == instance.score == rows.scores[k]
            assert instance.track.name == name
            assert instance.numpy()[0].tolist() == list(box.centroid_xy)
            if identified:
                assert box.identity.name == instance.identity.name == name
                assert (
                    box.identity_score == instance.identity_score == rows.identity_probabilities[k]
                )
            assert box.source == (
                "murid, interpolated"
                if (identified and (frame, name) == (4, "animal_3"))
                else "murid"
            )
    assert len(read) == n_rows
