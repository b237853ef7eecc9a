from dataclasses import replace

from murid.plots.doubtful_crossings import MAX_LISTED, DoubtfulCrossing, format_crossings

CROSSING = DoubtfulCrossing(
    id="1-2-90-96",
    names=("Ada", "<b>"),
    time_s=3723.46,
    first_frame=180,
    last_frame=192,
    clip_first=50,
    clip_last=136,
    swap_probability=0.453,
    answer=None,
    command="murid review '/a b/cage.murid' --crossing 1-2-90-96",
)


def test_a_row_says_when_who_and_how_to_review_it():
    page = format_crossings([CROSSING])
    for text in (
        "0 of 1 looked at",
        "<td>1:02:03.5</td>",
        "<td>180 to 192</td>",
        "<td>Ada and &lt;b&gt;</td>",
        "<td>45.3%</td>",
        "<td>no</td>",
        "<code>murid review &#x27;/a b/cage.murid&#x27; --crossing 1-2-90-96</code>",
    ):
        assert text in page
    assert "<a " not in page


def test_clips_and_answers_are_shown():
    seen = replace(CROSSING, answer="swapped", clip="report_clips/crossing-1-2-90-96.mp4")
    page = format_crossings([CROSSING, seen])
    assert "1 of 2 looked at" in page
    assert "<td>swapped</td>" in page
    assert page.count('<a href="report_clips/crossing-1-2-90-96.mp4">clip</a>') == 1


def test_long_lists_end_in_a_count():
    assert format_crossings([CROSSING] * MAX_LISTED).count("--crossing") == MAX_LISTED
    assert "more crossing" not in format_crossings([CROSSING] * MAX_LISTED)
    page = format_crossings([CROSSING] * (MAX_LISTED + 2))
    assert page.count("--crossing") == MAX_LISTED
    assert "2 more crossings: <code>murid review</code> shows them all" in page


def test_times_just_below_a_minute_are_rounded_to_it():
    assert "<td>0:01:00.0</td>" in format_crossings([replace(CROSSING, time_s=59.97)])


def test_no_crossings_are_no_section():
    assert format_crossings([]) == ""
