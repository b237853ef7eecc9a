import cv2
import numpy as np
import pytest
from tiff_files import write_tiff

from murid.core import Frame
from murid.errors import SourceError
from murid.video import UnreadableFrame, open_source
from murid.video.tiff_pages import find_pages, make_reader, read_page, read_pixel_type

RNG = np.random.default_rng(0)
GREY = [RNG.integers(0, 256, (31, 45)) for _ in range(9)]
for _image in GREY:
    _image[0, :2] = (0, 255)
COLOUR = [RNG.integers(0, 256, (31, 45, 3)) for _ in range(9)]


def check_frames(source, expected, tolerance=0):
    assert source.info.n_frames == len(expected)
    for frame in [*source.iterate(), *source.iterate(5), *source.sample(3)]:
        assert isinstance(frame, Frame)
        image = expected[frame.index]
        image = image if image.ndim == 3 else np.stack([image] * 3, axis=2)
        np.testing.assert_allclose(frame.image, image, atol=tolerance)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_big", [False, True])
@pytest.mark.parametrize("rows", [1000, 7])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "f4", "f8"])
def test_pages_are_frames(tmp_path, order, is_big, rows, dtype):
    factor = {"u1": 1, "f4": 1 / 255}.get(dtype, 16)
    for images in (GREY, COLOUR):
        path = tmp_path / "stack.tif"
        values = [(image * factor).astype(dtype) for image in images]
        write_tiff(path, values, order=order, is_big=is_big, rows_per_strip=rows)
        source = open_source(path)
        assert source.info.bit_depth == {"u1": 8, "f4": 32}.get(dtype, 12)
        assert source.truncated is None
        check_frames(source, images)


@pytest.mark.parametrize("compression", [1, 5, 8, 32946, 32773])
def test_compressed_pages(tmp_path, compression):
    path = tmp_path / "stack.tif"
    parameters = [cv2.IMWRITE_TIFF_COMPRESSION, compression]
    cv2.imwritemulti(str(path), [image.astype(np.uint16) * 4 for image in GREY], parameters)
    source = open_source(path)
    assert source.info.bit_depth == 10
    check_frames(source, GREY)


def test_a_folder_of_files_with_several_pages(tmp_path):
    for first, last, name in ((0, 3, "part_2.tif"), (3, 4, "part_9.tif"), (4, 9, "part_10.tif")):
        images = [image.astype(np.uint16) * 16 for image in GREY[first:last]]
        write_tiff(tmp_path / name, images)
    source = open_source(tmp_path)
    check_frames(source, GREY)
    assert source.truncated is None
    before = source.compute_fingerprint()
    assert before["n_frames"] == 9
    write_tiff(tmp_path / "part_10.tif", [image.astype(np.uint16) for image in GREY[4:9]])
    assert open_source(tmp_path).compute_fingerprint() != before


def test_a_missing_file_among_several_is_said(tmp_path):
    for k in (1, 2, 4):
        write_tiff(tmp_path / f"part_{k}.tif", [GREY[k].astype(np.uint8)] * 3)
    source = open_source(tmp_path)
    assert source.info.n_frames == 9
    assert source.truncated == "part_3.tif is missing"


def test_a_stack_of_imagej_has_one_directory(tmp_path):
    path = tmp_path / "stack.tif"
    images = [image.astype(np.uint16) * 16 for image in GREY]
    description = "ImageJ=1.54f\nimages=9\nslices=9\nloop=false\n"
    write_tiff(path, images, order=">", description=description, is_contiguous=True)
    check_frames(open_source(path), GREY)


@pytest.mark.parametrize(
    "description",
    [
        "ImageJ=1.54f\nimages=8\nchannels=2\nframes=4\nhyperstack=true\n",
        "ImageJ=1.54f\nimages=8\nslices=4\nframes=2\nhyperstack=true\n",
        '<?xml version="1.0"?><OME><Pixels SizeC="2" SizeT="4" SizeZ="1"/></OME>',
    ],
)
def test_channels_and_depths_are_refused(tmp_path, description):
    path = tmp_path / "stack.tif"
    images = [image.astype(np.uint8) for image in GREY[:8]]
    write_tiff(path, images, description=description)
    with pytest.raises(SourceError, match=r"stack\.tif.*one page for each time, got"):
        open_source(path)


def test_reduced_images_and_masks_are_no_frames(tmp_path):
    path = tmp_path / "stack.tif"
    images = []
    for image in GREY:
        images += [image.astype(np.uint8), image[::4, ::4].astype(np.uint8)]
    write_tiff(path, images, subfile_types=[0, 1] * 9)
    check_frames(open_source(path), GREY)


def test_a_cut_stack_says_so(tmp_path):
    path = tmp_path / "stack.tif"
    write_tiff(path, [image.astype(np.uint8) for image in GREY])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    source = open_source(path)
    assert source.truncated == "stack.tif breaks off after 5 pages"
    check_frames(source, GREY[:5])


def test_a_damaged_page_keeps_its_number(tmp_path):
    path = tmp_path / "stack.tif"
    write_tiff(path, [image.astype(np.uint8) for image in GREY])
    content = bytearray(path.read_bytes())
    page = find_pages(make_reader(bytes(content)), "stack.tif").pages[4]
    start = page.directory + 2 + 12 * 7 + 8  # the value of the eighth field, StripOffsets
    content[start : start + 4] = len(content).to_bytes(4, "little")
    path.write_bytes(content)
    frames = list(open_source(path).iterate())
    assert [frame.index for frame in frames] == list(range(9))
    bad = [frame for frame in frames if isinstance(frame, UnreadableFrame)]
    assert [(frame.index, frame.reason) for frame in bad] == [
        (4, "page 5 of stack.tif cannot be decoded")
    ]


def test_kinds_of_pixels_that_cannot_be_read_are_named(tmp_path):
    path = tmp_path / "stack.tif"
    write_tiff(path, [image.astype(np.float16) for image in GREY])
    with pytest.raises(SourceError, match="real numbers of 16 bits"):
        open_source(path)


def test_a_ring_of_pages_and_other_files():
    ring = b"II*\x00\x08\x00\x00\x00" + b"\x01\x00" + bytes.fromhex("000104000100000005000000")
    pages = find_pages(make_reader(ring + b"\x08\x00\x00\x00"), "ring.tif")
    assert len(pages) == 1
    assert pages.is_cut
    for content in (b"", b"\x89PNG\r\n\x1a\n", b"II*\x00"):
        assert not find_pages(make_reader(content), "other.tif")
        assert read_pixel_type(make_reader(content)) is None
    assert read_page(make_reader(b""), pages.pages[0]) is None
