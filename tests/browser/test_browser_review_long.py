"""The review of hours in a real browser: ready at once, and quick at every zoom of the timeline."""

import time

import pytest
from long_runs import FPS, make_long_run

HOURS = 6
N_CROSSINGS = 60 * HOURS

# Generous: the machine may be busy.
MAX_READY_S = 20.0
MAX_JUMP_S = 8.0
MAX_ANSWER_S = 4.0

# What the timeline has of a bin at some place: opacity of the row of an animal, 0 to 255.
READ_PIXEL = """([x, y]) => {
    const canvas = document.getElementById("timeline");
    const ratio = canvas.width / canvas.clientWidth;
    const colour = canvas.getContext("2d").getImageData(x * ratio, y * ratio, 1, 1).data;
    return [...colour];
}"""
ROW_OF_2 = 30 + 15 + 6
LABEL = 74


@pytest.mark.slow
def test_a_recording_of_hours(tmp_path, serve, open_tab) -> None:
    run = make_long_run(tmp_path, HOURS)
    n_frames = HOURS * 3600 * FPS
    started = time.perf_counter()
    page = open_tab(serve(run))
    assert time.perf_counter() - started < MAX_READY_S
    assert page.inner_text("#progress-text").startswith(f"0 of {N_CROSSINGS} looked at")
    assert page.locator("#crossing-list li").count() == N_CROSSINGS

    # The doubtful hour is paler than the one after it, as soon as all parts were read.
    page.wait_for_function(
        """async () => (await (await fetch("api/timeline/11/0")).json()).is_complete"""
    )
    page.wait_for_timeout(1500)
    timeline = page.locator("#timeline").bounding_box()
    per_hour = (timeline["width"] - LABEL - 8) / HOURS
    doubtful = page.evaluate(READ_PIXEL, [LABEL + 1.4 * per_hour, ROW_OF_2])
    sure = page.evaluate(READ_PIXEL, [LABEL + 2.4 * per_hour, ROW_OF_2])
    assert sum(doubtful[:3]) > sum(sure[:3]) + 60

    # From hours to single frames by the wheel, around the place under the pointer.
    x = timeline["x"] + LABEL + 2.5 * per_hour
    y = timeline["y"] + ROW_OF_2
    page.mouse.move(x, y)
    for _ in range(30):
        page.mouse.wheel(0, -240)
    page.wait_for_timeout(500)
    page.mouse.click(x, y)
    chosen = int(page.input_value("#frame"))
    assert chosen == pytest.approx(2.5 * 3600 * FPS, abs=0.02 * n_frames)
    page.wait_for_selector(f'#video[data-frame="{chosen}"]')
    page.mouse.click(x + 200, y)
    assert 0 < int(page.input_value("#frame")) - chosen < 10

    # Dragging moves it: the same place shows an earlier frame.
    before = int(page.input_value("#frame"))
    page.mouse.move(x + 200, y)
    page.mouse.down()
    page.mouse.move(x + 300, y, steps=10)
    page.mouse.up()
    page.mouse.click(x + 200, y)
    assert int(page.input_value("#frame")) < before

    # A jump to the other end, and an answer among hundreds of crossings.
    started = time.perf_counter()
    page.keyboard.press("g")
    page.keyboard.type(str(n_frames - 5))
    page.keyboard.press("Enter")
    page.wait_for_selector(f'#video[data-frame="{n_frames - 5}"]')
    assert time.perf_counter() - started < MAX_JUMP_S
    page.keyboard.press("c")
    started = time.perf_counter()
    page.keyboard.press("3")
    page.wait_for_function(
        "() => document.getElementById('progress-text').textContent.startsWith('1 of')"
    )
    assert time.perf_counter() - started < MAX_ANSWER_S
