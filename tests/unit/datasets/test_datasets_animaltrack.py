import pytest

from murid.datasets.animaltrack import TEST_SEQUENCES
from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import read_dataset
from murid.errors import FormatError


@pytest.fixture
def archive(tmp_path, write_images, write_video):
    """Archive of three sequences: images numbered from 0, a video, images numbered from 1."""
    (tmp_path / "gt_all").mkdir()
    for name in ("chicken_1", "chicken_3", "pig_4"):
        (tmp_path / "gt_all" / f"{name}_gt.txt").write_text(
            "1,1,0,0,5,5,1,-1,-1,-1\n2,1,1,0,5,5,1,-1,-1,-1\n"
        )
    write_images(tmp_path / "frames_all" / "chicken_1", "00000.jpg", "00001.jpg")
    write_video(tmp_path / "videos_all" / "chicken_3.mp4")
    write_video(tmp_path / "videos_all" / "other.mp4")
    write_images(tmp_path / "frames_all" / "pig_4", "1.jpg", "2.jpg")
    return tmp_path


def read_names(path, split=None):
    sequences, problems = read_dataset([path], ReadOptions(split=split))
    assert problems == []
    return [sequence.name for sequence in sequences]


def test_archive(archive):
    sequences, problems = read_dataset([archive])
    assert problems == []
    assert [(s.name, s.class_names, s.n_frames, len(s)) for s in sequences] == [
        ("chicken_1", ("chicken",), 2, 2),
        ("chicken_3", ("chicken",), 2, 2),
        ("pig_4", ("pig",), 2, 2),
    ]
    assert sequences[0].image_paths[0].name == "00000.jpg"
    assert sequences[1].video == archive / "videos_all" / "chicken_3.mp4"
    assert sequences[2].image_paths[0].name == "1.jpg"


def test_split_of_the_benchmark(archive):
    assert len(TEST_SEQUENCES) == 26
    assert read_names(archive, "test") == ["chicken_1"]
    assert read_names(archive, "train") == ["chicken_3", "pig_4"]
    with pytest.raises(FormatError, match="split: expected train or test, got 'val'"):
        read_names(archive, "val")


def test_split_that_the_archive_lists(archive):
    (archive / "videos_train.txt").write_text("pig_4.mp4\n")
    (archive / "videos_test.txt").write_text("chicken_1\nchicken_3\n")
    assert read_names(archive, "train") == ["pig_4"]
    assert read_names(archive, "test") == ["chicken_1", "chicken_3"]


def test_one_file(archive):
    assert read_names(archive / "gt_all" / "pig_4_gt.txt") == ["pig_4"]


@pytest.mark.data
def test_real_ground_truth_without_images(data_dir):
    sequences, problems = read_dataset(
        [data_dir / "animaltrack" / "gt_train"], ReadOptions(require_images=False)
    )
    assert problems == []
    assert len(sequences) == 32
    assert sum(map(len, sequences)) == 185613
    assert not {s.name for s in sequences} & TEST_SEQUENCES
    assert {name for s in sequences for name in s.class_names} >= {"chicken", "zebra"}
    assert len({name for s in sequences for name in s.class_names}) == 10
