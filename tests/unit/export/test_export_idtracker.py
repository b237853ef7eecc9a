from dataclasses import replace

import numpy as np
import pytest
from example_recordings import make_recording

from murid.export.idtracker import export_idtracker

h5py = pytest.importorskip("h5py")


def test_arrays_and_attributes_are_those_of_idtracker(tmp_path):
    export_idtracker(tmp_path / "trajectories.h5", make_recording())
    with h5py.File(tmp_path / "trajectories.h5") as file:
        trajectories, probabilities = file["trajectories"][:], file["id_probabilities"][:]
        attributes = dict(file.attrs)
        assert np.argwhere(file["interpolated"][:]).tolist() == [[4, 0]]
        assert np.argwhere(file["merged"][:]).tolist() == [[3, 0], [3, 1]]
        assert list(file["setup_points"]) == list(file["identities_groups"]) == []
    assert trajectories.shape == (7, 2, 2)
    np.testing.assert_allclose(trajectories[0], [[45, 40.05], [85, 40.05]], atol=1e-5)
    assert np.isnan(trajectories[[2, 5, 5], [1, 0, 1]]).all()
    assert np.isfinite(trajectories).all(axis=2).sum() == 11
    assert probabilities.shape == (7, 2, 1)
    np.testing.assert_allclose(probabilities[:2], 0.5)
    assert attributes["identities_labels"].tolist() == ["animal_3", "animal_7"]
    assert attributes["video_paths"].tolist() == ["/videos/cage 1.mp4"]
    assert (attributes["frames_per_second"], attributes["width"], attributes["height"]) == (
        25,
        640,
        480,
    )
    assert attributes["fraction_identified"] == pytest.approx(11 / 14)
    assert attributes["estimated_accuracy"] == pytest.approx((4 * 0.5 + 7 * 0.99) / 11)
    assert attributes["body_length"] == pytest.approx(50.5, abs=1)


def test_rows_are_frames_of_the_video(tmp_path):
    chunks = [
        replace(chunk, first_video_frame=10, frame_step=3)
        for chunk in make_recording().read_chunks()
    ]
    export_idtracker(tmp_path / "all.h5", make_recording())
    export_idtracker(tmp_path / "some.h5", make_recording(read_chunks=lambda: chunks, fps=25 / 3))
    with h5py.File(tmp_path / "all.h5") as every, h5py.File(tmp_path / "some.h5") as some:
        assert some["trajectories"].shape == (10 + 3 * 6 + 1, 2, 2)
        for name in ("trajectories", "id_probabilities", "interpolated"):
            np.testing.assert_array_equal(some[name][10::3], every[name])
        assert np.isnan(some["trajectories"][:10]).all()
        assert np.isnan(some["trajectories"][11::3]).all()
        assert some.attrs["frames_per_second"] == pytest.approx(25)
