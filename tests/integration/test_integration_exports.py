"""A run, exported by the command line, opened by each neighbour's own reader."""

from pathlib import Path

import numpy as np
import pytest
from configs import BACKGROUND

import murid
from murid.cli import EXIT_ERROR
from murid.cli import run as murid_cli
from murid.export.registry import EXPORT_FORMATS

pytestmark = pytest.mark.filterwarnings("ignore")  # of the readers
NAMES = {"deeplabcut": "cage.dlc.h5", "idtracker": "trajectories.h5", "via": "cage.via.csv"}


def export_all(run: Path, out: Path) -> dict[str, Path]:
    """Every format, by its name."""
    paths = {
        name: out / NAMES.get(name, f"cage{known.suffixes[0]}")
        for name, known in EXPORT_FORMATS.items()
    }
    for name, path in paths.items():
        assert murid_cli(["export", str(run), "--format", name, "--out", str(path)]) == 0
    return paths


def assert_readers_agree(run: Path, out: Path) -> None:
    """Every reader finds the positions that the run has."""
    pandas, xarray = pytest.importorskip("pandas"), pytest.importorskip("xarray")
    h5py, pynwb = pytest.importorskip("h5py"), pytest.importorskip("pynwb")
    sleap_io, coco = pytest.importorskip("sleap_io"), pytest.importorskip("pycocotools.coco")
    load_dataset = pytest.importorskip("movement.io").load_dataset
    inspect = pytest.importorskip("nwbinspector").inspect_nwbfile
    trajectories = murid.Run.open(run).trajectories()
    position = trajectories.position
    centres = position.transpose(0, 2, 1)
    seen = np.isfinite(trajectories.confidence)
    frames = np.flatnonzero(seen.any(axis=1))
    assert len(trajectories.individuals) > 1
    assert trajectories.interpolated is not None

    paths = export_all(run, out)
    dataset = xarray.load_dataset(paths["movement"])
    np.testing.assert_array_equal(dataset["position"], position)
    np.testing.assert_array_equal(dataset["shape"], trajectories.shape)
    np.testing.assert_array_equal(dataset["interpolated"], trajectories.interpolated)
    via = load_dataset(paths["via"], source_software="VIA-tracks")
    np.testing.assert_allclose(via["position"], position[frames], atol=1e-3)
    poses = load_dataset(paths["deeplabcut"], source_software="DeepLabCut").position
    np.testing.assert_allclose(poses.sel(keypoints="center"), position, atol=1e-3)
    assert pandas.read_hdf(paths["deeplabcut"]).columns.names == [
        "scorer",
        "individuals",
        "bodyparts",
        "coords",
    ]
    with h5py.File(paths["idtracker"]) as file:
        np.testing.assert_array_equal(file["trajectories"], centres)
    assert not {m.importance.name for m in inspect(nwbfile_path=str(paths["nwb"]))} - {
        "BEST_PRACTICE_SUGGESTION"
    }
    with pynwb.NWBHDF5IO(paths["nwb"], "r") as file:
        behavior = file.read().processing["behavior"]
        for k, name in enumerate(trajectories.individuals):
            np.testing.assert_array_equal(
                behavior[f"animal_{name}"]["centroid"].data[:], position[:, :, k]
            )
    labels = sleap_io.load_slp(str(paths["sleap"]), open_videos=False)
    assert [track.name for track in labels.tracks] == [
        f"animal_{name}" for name in trajectories.individuals
    ]
    boxes = np.full(centres.shape, np.nan)
    for frame in labels.labeled_frames:
        for box in frame.bboxes:
            boxes[frame.frame_idx, labels.tracks.index(box.track)] = box.centroid_xy
    np.testing.assert_array_equal(boxes, centres)
    assert (
        len(coco.COCO(str(paths["coco"])).anns)
        == len(np.loadtxt(paths["mot"], delimiter=","))
        == seen.sum()
    )
    for table in (pandas.read_csv(paths["csv"]), pandas.read_parquet(paths["parquet"])):
        np.testing.assert_allclose(table[["x", "y"]], centres[seen], atol=1e-3)
        assert table["interpolated"].sum() == trajectories.interpolated.sum()


def test_every_format_is_read_by_its_own_library(tracked, tmp_path):
    assert_readers_agree(tracked, tmp_path)


@pytest.mark.data
@pytest.mark.slow
def test_a_rat_and_two_mice(data_dir, tmp_path):
    video = data_dir / "rodents" / "udmt-rat2mice-a" / "video.mp4"
    run = murid.track(video, animals=3, out=tmp_path / "mice.murid")
    assert run.trajectories().interpolated.any()
    (tmp_path / "out").mkdir()
    assert_readers_agree(run.path, tmp_path / "out")


@pytest.mark.parametrize("name", ["nwb", "idtracker"])
def test_identity_formats_require_identities(clip, tmp_path, capsys, name):
    run = murid.track(clip, config=BACKGROUND, out=tmp_path / "cage.murid").path
    path = tmp_path / f"cage{EXPORT_FORMATS[name].suffixes[0]}"
    assert murid_cli(["export", str(run), "--format", name, "--out", str(path)]) == EXIT_ERROR
    assert "stages.identification.state: expected done (murid identify" in capsys.readouterr().err
    assert not path.exists()
    assert murid_cli(["export", str(run), "--out", str(tmp_path / "cage.nc")]) == 0


def test_metadata_are_refused_by_formats_without_them(tracked, tmp_path, capsys):
    (tmp_path / "cage.toml").write_text("[subject]\nspecies = 'Rattus norvegicus'\n")
    options = ["--metadata", str(tmp_path / "cage.toml")]
    assert (
        murid_cli(["export", str(tracked), "--out", str(tmp_path / "cage.csv"), *options])
        == EXIT_ERROR
    )
    assert (
        "metadata: expected a format that has a place for them, got 'csv'"
        in capsys.readouterr().err
    )
    assert murid_cli(["export", str(tracked), "--out", str(tmp_path / "cage.nwb"), *options]) == 0
    with pytest.importorskip("pynwb").NWBHDF5IO(tmp_path / "cage.nwb", "r") as file:
        assert file.read().subject.species == "Rattus norvegicus"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_help_names_every_format(capsys):
    assert murid_cli(["export", "--help"]) == 0
    page = capsys.readouterr().out
    assert [name for name in EXPORT_FORMATS if name not in page] == []
