from pathlib import Path

import av
from PIL import Image

from murid.datasets.media import (
    find_file,
    find_images,
    find_video,
    number_images,
    read_image_size,
    read_video_info,
)


def number(*names):
    return {
        frame: path.name for frame, path in number_images([Path(name) for name in names]).items()
    }


def test_sizes_are_read_upright(tmp_path, write_images, write_video):
    (path,) = write_images(tmp_path, "a.png", size=(30, 20))
    assert read_image_size(path) == (30, 20)
    image = Image.new("RGB", (30, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert read_image_size(tmp_path / "turned.jpg") == (20, 30)
    assert read_video_info(write_video(tmp_path / "a.mp4", 7)) == ((64, 48), 7, 25.0)


def test_facts_of_a_video_are_those_of_the_stream_that_is_tracked(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        for width in (32, 64):
            stream = container.add_stream("mpeg4", rate=10)
            stream.width, stream.height, stream.pix_fmt = width, 48, "yuv420p"
            stream.disposition = av.stream.Disposition.default if width == 64 else 0
        for k in range(4):
            for stream in container.streams.video:
                frame = av.VideoFrame(stream.width, 48, "yuv420p")
                frame.pts = k
                if stream.width == 64 or k == 0:
                    container.mux(stream.encode(frame))
        for stream in container.streams.video:
            container.mux(stream.encode(None))
    info = read_video_info(path)
    assert (info.size, info.n_frames) == ((64, 48), 4)


def test_files_that_are_not_images_or_videos_have_no_size(tmp_path):
    (tmp_path / "a.png").write_text("text")
    assert read_image_size(tmp_path / "a.png") is None
    assert read_image_size(tmp_path / "none.png") is None
    assert read_video_info(tmp_path / "none.mp4") is None


def test_images_are_in_natural_order(tmp_path, write_images):
    write_images(tmp_path, "f10.png", "f9.jpg", "F1.png", "._f1.png", ".f3.png")
    (tmp_path / "f2.txt").touch()
    assert [path.name for path in find_images(tmp_path)] == ["F1.png", "f9.jpg", "f10.png"]
    assert find_images(tmp_path / "none") == []


def test_frames_are_numbered_by_names():
    assert number("000001.jpg", "000002.jpg", "000004.jpg") == {
        0: "000001.jpg",
        1: "000002.jpg",
        3: "000004.jpg",
    }
    assert number("img0000.png", "img0007.png") == {0: "img0000.png", 7: "img0007.png"}
    assert number("cam2-5.png", "cam2-6.png") == {4: "cam2-5.png", 5: "cam2-6.png"}
    assert number("a.png", "b.png") == {0: "a.png", 1: "b.png"}
    assert number("1a.png", "1b.png") == {0: "1a.png", 1: "1b.png"}


def test_a_video_is_found_by_its_stem_or_when_it_is_the_only_one(tmp_path):
    (tmp_path / "a.mp4").touch()
    assert find_video(tmp_path, "other") == tmp_path / "a.mp4"
    (tmp_path / "b.avi").touch()
    assert find_video(tmp_path, "b") == tmp_path / "b.avi"
    assert find_video(tmp_path, "other") is None
    assert find_video(tmp_path / "none") is None


def test_files_are_found_by_paths_of_other_machines(tmp_path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "cage.mp4").touch()
    (tmp_path / "x.mp4").touch()
    assert find_file("videos/cage.mp4", [tmp_path]) == tmp_path / "videos" / "cage.mp4"
    assert find_file(r"videos\cage.mp4", [tmp_path]) == tmp_path / "videos" / "cage.mp4"
    assert find_file(r"C:\lab\x.mp4", [tmp_path / "videos", tmp_path]) == tmp_path / "x.mp4"
    assert find_file("y.mp4", [tmp_path]) is None
