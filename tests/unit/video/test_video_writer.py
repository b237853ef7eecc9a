import numpy as np
import pytest
from numbered_images import make_numbered_image

from murid.core import Detections, Frame, TrackedDetections
from murid.errors import ArrayError, StorageError
from murid.video import PALETTE, Annotator, VideoWriter, choose_colour, open_source
from murid.video.annotate import format_caption


def test_written_frames_can_be_read(tmp_path):
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 25.0, 96, 64) as video_writer:
        for k in range(30):
            video_writer.write(make_numbered_image(k))
    frames = list(open_source(path).iterate())
    assert len(frames) == 30
    assert open_source(path).info.fps == pytest.approx(25)
    assert np.abs(frames[10].image.astype(int) - make_numbered_image(10)).mean() < 12
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]


def test_a_higher_rate_factor_makes_smaller_files(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (10, 64, 96, 3), np.uint8)
    sizes = []
    for crf in (20, 28):
        path = tmp_path / f"{crf}.mp4"
        with VideoWriter(path, 25.0, 96, 64, crf=crf) as video_writer:
            for image in images:
                video_writer.write(image)
        sizes.append(path.stat().st_size)
    assert sizes[1] < 0.8 * sizes[0]


def test_pixels_that_are_not_square(tmp_path):
    with VideoWriter(tmp_path / "wide.mp4", 25.0, 96, 64, 16 / 11) as video_writer:
        video_writer.write(make_numbered_image(0))
    assert open_source(tmp_path / "wide.mp4").info.pixel_aspect == pytest.approx(16 / 11)


def test_odd_sizes_are_padded(tmp_path):
    with VideoWriter(tmp_path / "odd.mp4", 25.0, 33, 21) as video_writer:
        video_writer.write(np.zeros((21, 33, 3), np.uint8))
    info = open_source(tmp_path / "odd.mp4").info
    assert (info.width, info.height) == (34, 22)


def test_nothing_is_left_after_an_error(tmp_path):
    with (  # noqa: PT012
        pytest.raises(ArrayError, match="image"),
        VideoWriter(tmp_path / "out.mp4", 25.0, 96, 64) as video_writer,
    ):
        video_writer.write(make_numbered_image(0))
        video_writer.write(make_numbered_image(0, width=50))
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "none").touch()
    with (
        pytest.raises(StorageError, match="none: file: expected a place"),
        VideoWriter(tmp_path / "none" / "out.mp4", 25.0, 96, 64) as video_writer,
    ):
        video_writer.write(make_numbered_image(0))


def tracked(box, track_id):
    boxes = np.array([box], np.float32)
    return TrackedDetections(
        Detections(boxes, np.ones(1, np.float32)), np.array([track_id], np.int64)
    )


def test_boxes_have_the_colour_of_their_track_and_the_frame_is_unchanged():
    frame = Frame(0, 0.0, np.zeros((200, 300, 3), np.uint8))
    image = Annotator(25.0).annotate(frame, tracked([100, 80, 180, 140], 2))
    assert frame.image.max() == 0
    assert tuple(image[110, 100]) == choose_colour(2)
    assert tuple(image[110, 140]) == (0, 0, 0)


def test_detections_without_a_track_are_not_drawn():
    frame = Frame(0, 0.0, np.zeros((200, 300, 3), np.uint8))
    assert Annotator(25.0).annotate(frame, tracked([100, 80, 180, 140], -1)).max() == 0


BLACK = np.zeros((200, 600, 3), np.uint8)


def walk(annotator, frames, every=1, track_id=1, fps=10, pause_s=0):
    """Last image of an animal that walks to the right in row 100, 10 columns a frame."""
    for k in frames:
        box = [10 + 10 * k, 80, 30 + 10 * k, 120]
        image = annotator.annotate(
            Frame(k, k / fps + pause_s, BLACK),
            tracked(box, track_id if k % every == 0 else -1),
        )
    return image


def find_trail(image):
    """Columns left of the box in which the row of centres is drawn on."""
    return np.flatnonzero(image[100].any(axis=1))


def test_trails_span_the_last_second_at_any_frame_rate():
    for fps in (10.0, 25.0):
        columns = find_trail(walk(Annotator(fps), range(40), fps=fps))
        assert columns.min() == pytest.approx(20 + 10 * (39 - fps + 1), abs=3)


def test_trails_of_animals_detected_in_some_frames_are_as_long():
    columns = find_trail(walk(Annotator(10.0), range(40), every=3))
    assert columns.min() == pytest.approx(20 + 10 * 30, abs=3)


def test_trails_of_undetected_animals_fade_within_a_second():
    annotator = Annotator(10.0)
    walk(annotator, range(20))
    strengths = [find_trail(walk(annotator, [k], track_id=-1)).size for k in range(20, 31)]
    assert strengths[0] > strengths[4] > strengths[8] >= strengths[9] == strengths[10] == 0


def test_trails_do_not_extend_over_a_long_gap():
    annotator = Annotator(10.0)
    walk(annotator, range(10))
    columns = find_trail(walk(annotator, range(25, 28)))
    assert columns.min() >= 20 + 10 * 25 - 14


def test_trails_do_not_extend_over_a_pause_of_the_recording():
    annotator = Annotator(10.0)
    walk(annotator, range(10))
    columns = find_trail(walk(annotator, range(10, 13), pause_s=3))
    assert columns.min() >= 20 + 10 * 10 - 14


def test_trails_at_few_frames_per_second_are_two_frames_long():
    columns = find_trail(walk(Annotator(0.1), range(20), fps=0.1))
    assert columns.min() == pytest.approx(20 + 10 * 18, abs=3)


def test_palette_has_distinct_colours():
    assert len(set(PALETTE)) == len(PALETTE) >= 8
    assert choose_colour(1) == choose_colour(1 + len(PALETTE))


@pytest.mark.parametrize(
    ("number", "time_s", "text"),
    [
        (0, 0.0, "frame 0  0:00:00.000"),
        (120, 59.9996, "frame 120  0:01:00.000"),
        (9, 3723.25, "frame 9  1:02:03.250"),
        (3, -0.5, "frame 3  -0:00:00.500"),
    ],
)
def test_captions_tell_frame_and_time(number, time_s, text):
    assert format_caption(number, time_s) == text


def test_a_caption_is_drawn_into_the_lower_left_corner():
    frame = Frame(0, 0.0, np.full((240, 320, 3), 128, np.uint8))
    nothing = TrackedDetections(Detections.empty(), np.zeros(0, np.int64))
    image = Annotator(25).annotate(frame, nothing, "frame 0  0:00:00.000")
    assert (image[:200] == 128).all()
    assert (image[225:, :150] != 128).any()
    assert (image[:, 300:] == 128).all()
    assert (Annotator(25).annotate(frame, nothing) == 128).all()


def test_a_name_with_an_umlaut_is_drawn_without():
    frame = Frame(0, 0.0, np.zeros((240, 320, 3), np.uint8))
    tracked = TrackedDetections(Detections([[100, 100, 150, 130]], [1]), [1])
    drawn = [Annotator(25, {1: name}).annotate(frame, tracked) for name in ("Ärmel", "Armel")]
    np.testing.assert_array_equal(*drawn)


def pose(confidence, nose=(160.0, 110.0), tail_base=(120.0, 110.0)):
    boxes = np.array([[100, 80, 180, 140]], np.float32)
    centre = np.add(nose, tail_base) / 2
    keypoints = [[[*point, confidence] for point in (nose, centre, tail_base)]]
    detections = Detections(boxes, np.ones(1), None, np.array(keypoints))
    return TrackedDetections(detections, np.array([2]))


def draw_pose(tracked, value=0):
    image = np.full((200, 300, 3), value, np.uint8)
    return Annotator(25.0).annotate(Frame(0, 0.0, image), tracked).astype(int)


def test_an_arrow_leads_from_the_tail_base_to_the_nose():
    colour = np.array(choose_colour(2))
    drawn = draw_pose(pose(0.9), 255)
    is_arrow = (np.abs(drawn - colour).max(axis=2) < 30)[85:135, 105:175]
    columns = np.flatnonzero(is_arrow.any(axis=0)) + 105
    assert columns.min() == pytest.approx(120, abs=2)
    assert columns.max() == pytest.approx(160, abs=2)
    # The head is at the nose: there the arrow is wider.
    widths = is_arrow.sum(axis=0)
    assert widths[:30].max() < widths[40:55].max()


def test_arrows_fade_with_the_confidence_and_end_below_a_minimum():
    without = draw_pose(tracked([100, 80, 180, 140], 2), 255)
    strengths = [
        np.abs(draw_pose(pose(confidence), 255) - without).sum() for confidence in (0.9, 0.5, 0.35)
    ]
    assert strengths[0] > 1.3 * strengths[1] > 1.3 * strengths[2] > 0
    assert (draw_pose(pose(0.2), 255) == without).all()
    assert (draw_pose(pose(0.9, nose=(np.nan, np.nan)), 255) == without).all()


def test_an_arrow_may_reach_out_of_the_image():
    for place in ((-500.0, 110.0), (150.0, -30.0), (400.0, 300.0)):
        draw_pose(pose(0.9, nose=place))
        draw_pose(pose(0.9, nose=place, tail_base=(place[0] + 5, place[1])))
