import cv2
import numpy as np
import pytest
from numbered_images import make_numbered_image

from murid.core import Frame
from murid.errors import SourceError
from murid.video import UnreadableFrame, open_source, sample_frames
from murid.video.image_sequence import read_images


@pytest.fixture
def folder(tmp_path):
    directory = tmp_path / "frames"
    directory.mkdir()
    for k in range(12):
        cv2.imwrite(str(directory / f"f{k}.png"), make_numbered_image(k)[..., ::-1])
    return directory


def test_folder_is_read_in_natural_order(folder):
    source = open_source(folder)
    frames = list(source.iterate())
    assert source.info.n_frames == 12
    assert source.info.fps_is_assumed
    for k, frame in enumerate(frames):
        assert frame.index == k
        np.testing.assert_array_equal(frame.image, make_numbered_image(k))


def test_glob_takes_what_it_names(folder):
    assert open_source(str(folder / "f1*.png")).info.n_frames == 3


def test_reading_from_the_middle(folder):
    assert [f.index for f in open_source(folder).iterate(9)] == [9, 10, 11]
    assert [f.index for f in open_source(folder).read(np.array([2, 7]))] == [2, 7]


def test_motchallenge_layout_gives_images_and_frame_rate(folder, tmp_path):
    sequence = tmp_path / "seq"
    sequence.mkdir()
    folder.rename(sequence / "img1")
    (sequence / "seqinfo.ini").write_text("[Sequence]\nname=seq\nframeRate=12.5\n")
    source = open_source(sequence)
    assert source.info.fps == 12.5
    assert not source.info.fps_is_assumed
    assert list(source.iterate())[5].time_s == pytest.approx(0.4)


def test_undecodable_image_keeps_its_number(folder):
    (folder / "f4.png").write_bytes(b"broken")
    frames = list(open_source(folder).iterate())
    assert isinstance(frames[4], UnreadableFrame)
    assert "f4.png" in frames[4].reason
    assert len(frames) == 12


def test_image_of_another_size_is_refused_by_name(folder):
    cv2.imwrite(str(folder / "f7.png"), make_numbered_image(7, width=40))
    with pytest.raises(SourceError, match=r"f7\.png.*96x64.*40x64"):
        list(open_source(folder).iterate())


def test_folder_without_images_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"images: .*\.tiff, got an empty folder"):
        open_source(tmp_path)
    (tmp_path / "b.txt").touch()
    (tmp_path / "a.csv").touch()
    with pytest.raises(SourceError, match=r"images: .*got none among 2 entries, such as a\.csv"):
        open_source(tmp_path)
    (tmp_path / "c.MP4").touch()
    with pytest.raises(SourceError, match=r"images: .*got none, but videos .*/\*\.MP4"):
        open_source(tmp_path)
    with pytest.raises(SourceError, match="images"):
        open_source(str(tmp_path / "*.png"))


def test_hidden_files_and_resources_of_macos_are_not_images(folder):
    for name in ("._f0.png", "._f12.png", ".hidden.png"):
        (folder / name).write_bytes(b"Mac OS X")
    for source in (open_source(folder), open_source(str(folder / "*.png"))):
        assert source.info.n_frames == 12
        assert all(isinstance(frame, Frame) for frame in source.iterate())
    with pytest.raises(SourceError, match="images"):
        open_source(str(folder / ".*.png"))


def test_samples_and_fingerprint(folder):
    source = open_source(folder)
    assert [f.index for f in sample_frames(source, 3)] == [0, 6, 11]
    before = source.compute_fingerprint()
    cv2.imwrite(str(folder / "f12.png"), make_numbered_image(12)[..., ::-1])
    assert open_source(folder).compute_fingerprint() != before


def test_missing_numbers_are_unreadable_frames(folder):
    for k in (4, 5):
        (folder / f"f{k}.png").unlink()
    source = open_source(folder)
    assert source.info.n_frames == 12
    assert len(source.times_s) == 12
    for start in (0, 4, 5, 6):
        frames = list(source.iterate(start))
        assert [frame.index for frame in frames] == list(range(start, 12))
        for frame in frames:
            assert frame.time_s == pytest.approx(frame.index / 30)
            if frame.index in (4, 5):
                assert isinstance(frame, UnreadableFrame)
                assert frame.reason == f"there is no f{frame.index}.png"
            else:
                np.testing.assert_array_equal(frame.image, make_numbered_image(frame.index))
    assert [frame.index for frame in source.sample(3)] == [0, 6, 11]


def test_a_glob_that_leaves_images_out_has_no_gap(folder):
    (folder / "f5.png").unlink()
    assert open_source(str(folder / "f*.png")).info.n_frames == 12
    (folder / "f4.png").rename(folder / "x4.png")
    (folder / "f0.png").unlink()
    assert open_source(str(folder / "f[1-36-9].png")).info.n_frames == 9
    cv2.imwrite(str(folder / "f4.png"), make_numbered_image(4))
    assert open_source(str(folder / "f[1-36-9].png")).info.n_frames == 7


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_16_bits_are_scaled_by_the_bits_in_use(tmp_path, bits):
    """Only every tenth image is bright."""
    images = [make_numbered_image(k) // (1 if k % 10 == 0 else 4) for k in range(101)]
    for k, image in enumerate(images):
        deep = image[..., ::-1].astype(np.uint16) << (bits - 8)
        cv2.imwrite(str(tmp_path / f"f{k}.png"), deep)
    source = open_source(tmp_path)
    assert source.info.bit_depth == bits
    for frame in [*source.iterate(), *source.iterate(50), *source.sample(7)]:
        np.testing.assert_array_equal(frame.image, images[frame.index])


def test_images_of_another_numeric_type_are_refused_by_name(folder):
    cv2.imwrite(str(folder / "f7.png"), make_numbered_image(7).astype(np.uint16))
    with pytest.raises(SourceError, match=r"f7\.png.*uint8 like the first image.*uint16"):
        list(open_source(folder).iterate())


def test_single_images_of_many_are_scaled_alike(tmp_path):
    """The first image is dark; by itself it would count as 8 bits."""
    files = []
    for k, factor in enumerate([1, 16, 4]):
        image = make_numbered_image(k, width=96 + k)
        files.append(tmp_path / f"f{k}.png")
        cv2.imwrite(str(files[-1]), image[..., ::-1].astype(np.uint16) * factor)
    dark, bright = read_images(files, [0, 1])
    np.testing.assert_array_equal(dark, make_numbered_image(0) // 16)
    np.testing.assert_array_equal(bright, make_numbered_image(1, width=97))
    files[2].write_bytes(b"broken")
    with pytest.raises(SourceError, match=r"f2\.png.*can be decoded"):
        list(read_images(files, [2]))
