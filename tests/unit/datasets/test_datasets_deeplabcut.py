import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import read_dataset

SINGLE = """scorer,Ann,Ann,Ann,Ann,Ann,Ann
bodyparts,snout,snout,tailbase,tailbase,tail2,tail2
coords,x,y,x,y,x,y
labeled-data/day1/img002.png,10,10,20,30,60,40
labeled-data/day1/img010.png,5,6,7,,1,1
labeled-data/day1/img011.png,,,,,,
"""
MULTI = """scorer,,,A,A,A,A,A,A,A,A,A,A
individuals,,,m1,m1,m1,m1,m2,m2,m2,m2,single,single
bodyparts,,,nose,nose,hip,hip,nose,nose,hip,hip,corner,corner
coords,,,x,y,x,y,x,y,x,y,x,y
labeled-data,day1,img0.png,1,2,11,12,30,30,40,45,0,0
labeled-data,day2,img0.png,1,2,11,12,,,,,0,0
labeled-data,day2,img1.png,1,2,11,12,30,30,40,45,0,0
"""


@pytest.fixture
def single(tmp_path, write_images):
    """One labelled folder with an image more than the table."""
    folder = tmp_path / "labeled-data" / "day1"
    write_images(folder, "img002.png", "img010.png", "img011.png")
    (folder / "CollectedData_Ann.csv").write_text(SINGLE)
    return folder / "CollectedData_Ann.csv"


@pytest.fixture
def multi(tmp_path, write_images):
    write_images(tmp_path / "labeled-data" / "day1", "img0.png")
    write_images(tmp_path / "labeled-data" / "day2", "img0.png", "img1.png")
    (tmp_path / "CollectedData_A.csv").write_text(MULTI)
    return tmp_path / "CollectedData_A.csv"


def test_one_animal(single, tmp_path):
    for path in (single, single.parent, tmp_path):
        (sequence,), problems = read_dataset([path], ReadOptions(margin=0))
        assert problems == []
        assert (sequence.name, sequence.is_recording) == ("day1", True)
        assert sequence.frames.tolist() == [1, 9, 10]
        assert sequence.boxes.tolist() == [[10, 10, 20, 30]]
        assert sequence.track_ids.tolist() == [0]
        assert sequence.complete.tolist() == [True, False, False]
        assert sequence.image_paths[0].name == "img002.png"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_tables_that_a_spreadsheet_has_saved(single, encoding, delimiter):
    """Semicolons, decimal commas and other encodings; the scorer is named Änn."""
    lines = SINGLE.replace(",", delimiter).replace("Ann", "Änn").replace("20", "20,5")
    single.write_bytes(lines.replace("\n", "\r\n").encode(encoding))
    (sequence,), problems = read_dataset([single], ReadOptions(margin=0))
    assert problems == []
    assert sequence.boxes.tolist() == [[10, 10, 20.5, 30]]
    assert "1 animal with fewer than two visible keypoints" in sequence.notes[0]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (
            "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,"
            "region_attributes",
            "VGG Image Annotator",
        ),
        ("track,frame_idx,instance.score,nose.x,nose.y,nose.score", "SLEAP table"),
        ("filename;width;height;class;xmin;ymin;xmax;ymax", "TensorFlow"),
        ("frame,time_s,track_id,x,y,width,height,score,identity_probability,interpolated", "run"),
    ],
)
def test_other_tables_are_named(tmp_path, header, name):
    (tmp_path / "a.csv").write_text(header + "\n")
    _, (problem, _) = read_dataset([tmp_path / "a.csv"])
    assert problem.field == "format"
    assert name in problem.got


def test_identities_are_used_if_the_project_has_them(multi, tmp_path):
    sequences, problems = read_dataset([multi], ReadOptions(margin=0))
    assert problems == []
    assert [s.name for s in sequences] == ["day1", "day2"]
    assert [s.track_ids.tolist() for s in sequences] == [[-1, -1], [-1, -1, -1]]
    assert sequences[1].boxes.tolist() == [[1, 2, 11, 12], [1, 2, 11, 12], [30, 30, 40, 45]]
    assert sequences[1].complete.tolist() == [False, True]
    (tmp_path / "config.yaml").write_text("Task: x\nidentity: true\n")
    sequences, _ = read_dataset([multi])
    assert [s.track_ids.tolist() for s in sequences] == [[0, 1], [0, 0, 1]]


def test_h5_equals_csv(multi, tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    frame = pandas.read_csv(multi, header=[0, 1, 2, 3], index_col=[0, 1, 2])
    multi.unlink()
    frame.to_hdf(tmp_path / "CollectedData_A.h5", key="df_with_missing", mode="w")
    sequences, problems = read_dataset([tmp_path], ReadOptions(margin=0))
    assert problems == []
    assert [s.boxes.tolist() for s in sequences][1] == [
        [1, 2, 11, 12],
        [1, 2, 11, 12],
        [30, 30, 40, 45],
    ]


def test_an_analysed_video_with_unlikely_points(tmp_path, write_video):
    head = (
        "scorer,N,N,N,N,N,N\nbodyparts,nose,nose,nose,hip,hip,hip\n"
        "coords,x,y,likelihood,x,y,likelihood\n"
    )
    path = tmp_path / "cageDLC_resnet50.csv"
    path.write_text(head + "0,1,2,0.9,11,12,0.6\n1,1,2,0.9,11,12,0.59\n")
    write_video(tmp_path / "cage.mp4")
    write_video(tmp_path / "other.mp4")
    (sequence,), problems = read_dataset([path], ReadOptions(margin=0))
    assert problems == []
    assert (sequence.name, sequence.video) == ("cage", tmp_path / "cage.mp4")
    assert sequence.frame_offsets.tolist() == [0, 1, 1]
    assert sequence.track_ids.tolist() == [0]


def test_images_without_rows_and_rows_without_images(single, write_images):
    write_images(single.parent, "img003.png")
    (single.parent / "img002.png").unlink()
    _, problems = read_dataset([single])
    assert [(p.path.name, p.location, p.field) for p in problems] == [
        ("img003.png", "", "labels"),
        ("CollectedData_Ann.csv", "line 4", "frame"),
        ("CollectedData_Ann.csv", "", "data set"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "frame,time_s\n1,2\n",
            "head: expected rows of scorer, bodyparts and coords, got none of them",
        ),
        (SINGLE + "labeled-data/day1/img012.png,1,2\n", "line 7, columns: expected 7, got 3"),
        (
            SINGLE + "labeled-data/day1/img012.png,1,2,3,4,5,x\n",
            "line 7, points: expected numbers, got ",
        ),
        (
            SINGLE.replace("coords,x,y", "coords,x,z"),
            "head, snout: expected columns x and y, got one of them",
        ),
    ],
)
def test_damaged_tables(single, content, message):
    single.write_text(content)
    _, problems = read_dataset([single])
    assert message in str(problems[0])


def test_h5_of_an_analysed_video(tmp_path, write_video):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    columns = [("N", part, coord) for part in ("nose", "hip") for coord in ("x", "y", "likelihood")]
    head = pandas.MultiIndex.from_tuples(columns, names=["scorer", "bodyparts", "coords"])
    frame = pandas.DataFrame([[1, 2, 0.9, 11, 12, 0.6], [1, 2, 0.9, 11, 12, 0.59]], columns=head)
    frame.to_hdf(tmp_path / "cageDLC_resnet50.h5", key="df_with_missing", mode="w", format="table")
    (sequence,), _ = read_dataset(
        [tmp_path / "cageDLC_resnet50.h5"], ReadOptions(margin=0, require_images=False)
    )
    assert sequence.boxes.tolist() == [[1, 2, 11, 12]]


@pytest.mark.parametrize("place", ["attribute", "array"])
def test_h5_cannot_run_code(multi, tmp_path, place):
    pandas, tables = pytest.importorskip("pandas"), pytest.importorskip("tables")
    path, touched = tmp_path / "h5" / "CollectedData_A.h5", tmp_path / "touched"
    path.parent.mkdir()

    class Evil:
        def __reduce__(self):
            return Path.touch, (touched,)

    frame = pandas.read_csv(multi, header=[0, 1, 2, 3], index_col=[0, 1, 2])
    frame.to_hdf(path, key="df_with_missing", mode="w")
    with tables.open_file(path, "r+") as file:
        group = file.root.df_with_missing
        if place == "attribute":
            group._v_attrs.encoding = Evil()
        else:
            group.block0_values.remove()
            file.create_vlarray(group, "block0_values", tables.ObjectAtom()).append(Evil())
    read_dataset([path])
    assert not touched.exists()
    with suppress(Exception):
        pandas.read_hdf(path)
    assert touched.exists(), "the file is no attack, so that nothing was proved"


def test_h5_that_is_not_a_table(tmp_path):
    pytest.importorskip("tables")
    (tmp_path / "a.h5").write_text("text")
    _, problems = read_dataset([tmp_path / "a.h5"])
    assert "a.h5: file: expected a DeepLabCut table, got " in str(problems[0])


@pytest.mark.data
def test_real_labelled_images(data_dir, tmp_path):
    folder = data_dir / "rodents" / "openfield-1mouse" / "labeled"
    (sequence,), problems = read_dataset([folder])
    assert problems == []
    assert (sequence.n_frames, len(sequence)) == (116, 116)
    assert sequence.complete.all()
    assert 100 < np.median((sequence.boxes[:, 2:] - sequence.boxes[:, :2]).max(axis=1)) < 160
    (table,), problems = read_dataset([folder / "CollectedData_Pranav.h5"])
    assert problems == []
    np.testing.assert_allclose(table.boxes, sequence.boxes, rtol=1e-6)
    shutil.copy(folder / "CollectedData_Pranav.csv", tmp_path)
    _, problems = read_dataset([tmp_path / "CollectedData_Pranav.csv"])
    assert problems[0].field == "images"
