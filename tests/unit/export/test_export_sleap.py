import numpy as np
import pytest
from example_recordings import make_pose_recording, make_recording

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


def test_sleap_reads_keypoints_edges_and_scores(tmp_path):
    recording = make_pose_recording()
    export_sleap(tmp_path / "cage.slp", recording)
    labels = sleap_io.load_slp(str(tmp_path / "cage.slp"), open_videos=False)
    (skeleton,) = labels.skeletons
    assert skeleton.node_names == ["nose", "centre", "tail_base"]
    assert skeleton.edge_names == [("tail_base", "centre"), ("centre", "nose")]
    boxes = {
        (frame.frame_idx, box.track.name): box
        for frame in labels.labeled_frames
        for box in frame.bboxes
    }
    instances = {
        (frame.frame_idx, instance.track.name): instance
        for frame in labels.labeled_frames
        for instance in frame.instances
    }
    # The box of an animal without any keypoint is there, and SLEAP draws no empty instance.
    assert boxes.keys() - instances.keys() == {(1, "animal_7")}
    n_rows = 0
    for rows in iterate_rows(recording):
        for frame, track_id, own in zip(
            rows.frames.tolist(), rows.track_ids.tolist(), rows.keypoints, strict=True
        ):
            n_rows += 1
            key = (frame, recording.get_name(track_id))
            if np.isnan(own).all():
                continue
            np.testing.assert_array_equal(instances[key].numpy(), own[:, :2])
            np.testing.assert_allclose(instances[key].points["score"], np.nan_to_num(own[:, 2]))
            assert boxes[key].instance is not None
    assert len(boxes) == n_rows


def test_movement_loads_keypoints(tmp_path):
    load_dataset = pytest.importorskip("movement.io").load_dataset
    export_sleap(tmp_path / "cage.slp", make_pose_recording())
    dataset = load_dataset(tmp_path / "cage.slp", source_software="SLEAP", fps=25)
    nose = dataset.position.sel(keypoints="nose", individuals="animal_7")
    np.testing.assert_allclose(nose[0], [100, 41.05], atol=1e-4)
