import os
from datetime import UTC, datetime

import numpy as np
import pytest
from example_recordings import make_pose_recording, make_recording

from murid.core.identity_probabilities import IdentityProbabilities
from murid.errors import FormatError
from murid.export.metadata import read_metadata
from murid.export.nwb import export_nwb
from murid.export.trajectories import iterate_trajectories

pynwb = pytest.importorskip("pynwb")
inspector = pytest.importorskip("nwbinspector")
pytestmark = pytest.mark.filterwarnings("ignore")  # of pynwb and what it rests on

METADATA = """
session_start_time = 2026-05-04T09:00:00+02:00
experimenter = ["Doe, Jane"]
experiment_description = "Two mice in a cage"
institution = "An institute"
keywords = ["mouse"]

[subject]
species = "Mus musculus"
age = "P90D"

[subjects.animal_7]
subject_id = "M7"
sex = "F"
"""


def expect():
    parts = [trajectories for _, trajectories in iterate_trajectories(make_recording())]
    names = ("position", "shape", "confidence", "identity_probability", "interpolated")
    return {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}


def inspect(path):
    found = list(inspector.inspect_nwbfile(nwbfile_path=str(path)))
    assert not pynwb.validate(path=str(path))
    return [(message.importance.name, message.check_function_name) for message in found]


def assert_holds(behavior, pose, box, row):
    expected = expect()
    centroid, series = behavior[pose]["centroid"], behavior[box].time_series
    np.testing.assert_array_equal(centroid.data[:], expected["position"][..., row])
    np.testing.assert_allclose(centroid.confidence[:], expected["confidence"][:, row])
    np.testing.assert_array_equal(series["size"].data[:], expected["shape"][..., row])
    np.testing.assert_allclose(
        series["identity_probability"].data[:], expected["identity_probability"][:, row]
    )
    np.testing.assert_array_equal(series["interpolated"].data[:], expected["interpolated"][:, row])


def test_one_file_of_all_animals(tmp_path):
    export_nwb(tmp_path / "cage.nwb", make_recording())
    assert {importance for importance, _ in inspect(tmp_path / "cage.nwb")} == {
        "BEST_PRACTICE_SUGGESTION"
    }
    with pynwb.NWBHDF5IO(tmp_path / "cage.nwb", "r") as file:
        content = file.read()
        behavior = content.processing["behavior"]
        assert_holds(behavior, "animal_3", "animal_3_box", 0)
        assert_holds(behavior, "animal_7", "animal_7_box", 1)
        assert behavior["animal_3"]["centroid"].rate == 25
        assert behavior["subjects"].to_dataframe()["subject_id"].tolist() == [
            "animal_3",
            "animal_7",
        ]
        assert content.subject.subject_id == "animal_3+animal_7"
        assert content.session_start_time == datetime(2026, 5, 4, 9, tzinfo=UTC)
        assert "not known" in content.session_description


def test_the_table_of_subjects_flags_uncertain_identities(tmp_path):
    identity_probabilities = IdentityProbabilities((3, 7), (0.5, 0.99), (6, 5))
    export_nwb(tmp_path / "cage.nwb", make_recording(identity_probabilities=identity_probabilities))
    inspect(tmp_path / "cage.nwb")
    with pynwb.NWBHDF5IO(tmp_path / "cage.nwb", "r") as file:
        subjects = file.read().processing["behavior"]["subjects"].to_dataframe()
    assert subjects["identity_probability"].tolist() == [0.5, 0.99]
    assert subjects["identity_uncertain"].tolist() == [True, False]


def test_one_file_per_animal_with_user_metadata(tmp_path):
    (tmp_path / "cage.toml").write_text(METADATA)
    recording = make_recording(metadata=read_metadata(tmp_path / "cage.toml"))
    export_nwb(tmp_path / "cage", recording)
    assert {file.name for file in (tmp_path / "cage").iterdir()} == {
        "cage-1_animal_3.nwb",
        "cage-1_animal_7.nwb",
    }
    for path in (tmp_path / "cage").iterdir():
        assert inspect(path) == []
    with pynwb.NWBHDF5IO(tmp_path / "cage" / "cage-1_animal_7.nwb", "r") as file:
        content = file.read()
        assert_holds(content.processing["behavior"], "PoseEstimation", "animal_7_box", 1)
        subject = content.subject
        assert (subject.subject_id, subject.sex, subject.age, subject.species) == (
            "M7",
            "F",
            "P90D",
            "Mus musculus",
        )
        assert content.session_start_time == datetime(2026, 5, 4, 7, tzinfo=UTC)


def test_movement_loads_the_file_of_one_animal(tmp_path):
    load_dataset = pytest.importorskip("movement.io").load_dataset
    export_nwb(tmp_path / "cage", make_recording())
    dataset = load_dataset(tmp_path / "cage" / "cage-1_animal_7.nwb", source_software="NWB")
    np.testing.assert_array_equal(dataset.position.values[:, :, 0, 0], expect()["position"][..., 1])


def test_irregular_times_are_kept(tmp_path):
    times = np.array([0, 0.04, 0.09, 0.5, 0.54, 0.6, 1])
    export_nwb(tmp_path / "cage.nwb", make_recording(times_s=times))
    assert {importance for importance, _ in inspect(tmp_path / "cage.nwb")} == {
        "BEST_PRACTICE_SUGGESTION"
    }
    with pynwb.NWBHDF5IO(tmp_path / "cage.nwb", "r") as file:
        behavior = file.read().processing["behavior"]
        for series in (
            behavior["animal_3"]["centroid"],
            behavior["animal_7_box"].time_series["interpolated"],
        ):
            assert series.timestamps[:].tolist() == times.tolist()


def test_session_start_defaults_to_the_modification_time_of_the_video(tmp_path):
    video = tmp_path / "cage.mp4"
    video.touch()
    os.utime(video, (1_700_000_000, 1_700_000_000))
    export_nwb(tmp_path / "cage.nwb", make_recording(source=str(video)))
    with pynwb.NWBHDF5IO(tmp_path / "cage.nwb", "r") as file:
        content = file.read()
        assert content.session_start_time == datetime.fromtimestamp(1_700_000_000, UTC)
        assert "it is when the video file was last changed" in content.session_description


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("session_start_time = 3", "session_start_time: expected date and time, got 3"),
        (
            "weather = 'fine'",
            "weather: expected one of session_start_time, .*, got an unknown field",
        ),
        ("subject = 3", "subject: expected a table, got 3"),
        (
            "[subject]\nsize = 'big'",
            r"subject\.size: expected one of subject_id, .*, got an unknown field",
        ),
        ("[subjects.animal_3]\nsex = 1", r"subjects\.animal_3\.sex: expected str, got 1"),
        ("[subjects\n", "file: expected a readable TOML file"),
    ],
)
def test_damaged_metadata_name_the_field(tmp_path, toml, message):
    (tmp_path / "cage.toml").write_text(toml)
    with pytest.raises(FormatError, match=f"cage.toml: {message}"):
        read_metadata(tmp_path / "cage.toml")


def test_unknown_animal_other_suffix_and_full_directory_are_refused(tmp_path):
    with pytest.raises(FormatError, match=r"subjects\.animal_1: expected animal_3 or animal_7"):
        export_nwb(tmp_path / "cage.nwb", make_recording(metadata={"subjects": {"animal_1": {}}}))
    with pytest.raises(FormatError, match=r"cage.h5: suffix: expected .nwb"):
        export_nwb(tmp_path / "cage.h5", make_recording())
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes").touch()
    with pytest.raises(FormatError, match="full: directory: expected nothing there"):
        export_nwb(tmp_path / "full", make_recording())
    assert [file.name for file in tmp_path.rglob("*")] == ["full", "notes"]


def test_keypoints_are_series_of_the_pose(tmp_path):
    recording = make_pose_recording()
    export_nwb(tmp_path / "cage.nwb", recording)
    assert {importance for importance, _ in inspect(tmp_path / "cage.nwb")} == {
        "BEST_PRACTICE_SUGGESTION"
    }
    parts = [trajectories for _, trajectories in iterate_trajectories(recording)]
    with pynwb.NWBHDF5IO(tmp_path / "cage.nwb", "r") as file:
        behavior = file.read().processing["behavior"]
        assert_holds(behavior, "animal_3", "animal_3_box", 0)
        for row, name in enumerate(recording.names):
            pose = behavior[name]
            nodes = ["centroid", "nose", "centre", "tail_base"]
            assert pose.skeleton.nodes[:].tolist() == nodes
            assert pose.skeleton.edges[:].tolist() == [[3, 2], [2, 1]]
            for k, keypoint in enumerate(nodes[1:]):
                series = pose[keypoint]
                expected = np.concatenate([part.keypoints[:, :, k, row] for part in parts])
                np.testing.assert_array_equal(series.data[:], expected)
                confidence = [part.keypoint_confidence[:, k, row] for part in parts]
                np.testing.assert_allclose(series.confidence[:], np.concatenate(confidence))
                assert series.rate == 25


def test_keypoints_of_irregular_frames_have_the_times_of_the_centroid(tmp_path):
    times = np.array([0, 0.04, 0.09, 0.5, 0.54, 0.6, 1])
    export_nwb(tmp_path / "cage.nwb", make_pose_recording(times_s=times))
    inspect(tmp_path / "cage.nwb")
    with pynwb.NWBHDF5IO(tmp_path / "cage.nwb", "r") as file:
        behavior = file.read().processing["behavior"]
        assert behavior["animal_7"]["nose"].timestamps[:].tolist() == times.tolist()


def test_movement_loads_the_keypoints_of_one_animal(tmp_path):
    load_dataset = pytest.importorskip("movement.io").load_dataset
    export_nwb(tmp_path / "cage", make_pose_recording())
    dataset = load_dataset(tmp_path / "cage" / "cage-1_animal_7.nwb", source_software="NWB")
    nose = dataset.position.sel(keypoints="nose").squeeze()
    np.testing.assert_allclose(nose[0], [100, 41.05], atol=1e-4)
    assert np.isnan(nose[1]).all()
