"""The page of a review in a real browser, by keyboard as a user works."""

import math
import re
from urllib.parse import urlsplit

import pytest
from review_runs import (
    CROSSINGS,
    HEIGHT,
    WIDTH,
    get_box,
    make_run,
    set_layout,
    write_identities,
)
from waiting import wait_for

from murid.arenas.layout import Layout, Zone
from murid.corrections.log import read_log
from murid.pipeline.corrections import RunCorrections


def progress(page) -> str:
    return page.inner_text("#progress-text")


def wait_for_progress(page, text: str) -> None:
    page.wait_for_function(
        "text => document.getElementById('progress-text').textContent.startsWith(text)", arg=text
    )


def answers(run) -> list[str]:
    return [entry.statement.answer for entry in RunCorrections(run).active]


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path)


def test_it_opens_on_the_most_important_crossing_and_plays(run, serve, open_tab) -> None:
    page = open_tab(serve(run))
    start = "0 of 3 looked at; names 89 % sure; about 1 more answer to 99.9 %"
    assert progress(page) == start
    assert page.inner_text("#question-title") == "Crossing at 0:03.0"
    # The token is in no address that could be copied.
    assert "token" not in page.url
    page.wait_for_selector("#video[data-frame]")
    first = page.get_attribute("#video", "data-frame")
    page.wait_for_function(
        "first => document.getElementById('video').dataset.frame !== first", arg=first
    )
    assert 34 <= int(page.get_attribute("#video", "data-frame")) <= 90
    # Crops of both animals before and after.
    page.wait_for_function("() => [...document.querySelectorAll('.crop img')].every(i => i.src)")
    assert page.locator(".crop img").count() >= 4


def test_answers_by_keyboard_are_stored_and_undone(run, serve, open_tab) -> None:
    page = open_tab(serve(run))
    titles = [page.inner_text("#question-title")]
    for n_answered, key in enumerate("123", 1):
        page.keyboard.press(key)
        wait_for_progress(page, f"{n_answered} of 3")
        titles.append(page.inner_text("#question-title"))
    assert answers(run) == ["right", "swapped", "unsure"]
    assert len(set(titles[:3])) == 3
    page.keyboard.press("z")
    wait_for_progress(page, "2 of 3")
    assert answers(run) == ["right", "swapped"]
    page.keyboard.press("y")
    wait_for_progress(page, "3 of 3")
    assert answers(run) == ["right", "swapped", "unsure"]
    assert "Stored" in page.inner_text("#live")


def test_a_video_that_takes_long_to_open_is_said_to_be_opened(run, serve, open_tab) -> None:
    page = open_tab(serve(run))
    page.wait_for_selector("#video[data-frame]")
    assert page.is_hidden("#video-note")
    page.route("**/api/frames/**", lambda _route: None)
    page.reload()
    page.wait_for_selector("#video-note:visible")
    assert page.inner_text("#video-note") == "Opening the video …"
    page.unroute("**/api/frames/**")
    page.wait_for_selector("#video[data-frame]")
    assert page.is_hidden("#video-note")


def test_undo_asks_the_same_crossing_again(run, serve, open_tab) -> None:
    page = open_tab(serve(run))
    title = page.inner_text("#question-title")
    page.keyboard.press("2")
    wait_for_progress(page, "1 of 3")
    assert page.inner_text("#question-title") != title
    page.keyboard.press("z")
    wait_for_progress(page, "0 of 3")
    wait_for_title(page, title)
    page.keyboard.press("1")
    wait_for_progress(page, "1 of 3")
    first, _last, one, other, _probability = CROSSINGS[1]
    (entry,) = RunCorrections(run).active
    assert entry.statement.answer == "right"
    assert {detection.frame for detection in entry.statement.before} == {first}
    assert sorted(detection.row for detection in entry.statement.before) == [one - 1, other - 1]


def test_undo_asks_again_what_the_answer_had_taken_from_the_list(run, serve, open_tab) -> None:
    def solve(directory) -> None:
        """Leave what was answered out, as the program does with what is certain."""
        crossings = [row for row in CROSSINGS if row != CROSSINGS[1] or not answers(run)]
        write_identities(directory, 3, crossings)

    page = open_tab(serve(run, solve=solve))
    title = page.inner_text("#question-title")
    page.keyboard.press("2")
    wait_for_progress(page, "1 of 3")
    page.wait_for_function("() => document.getElementById('live').textContent.includes('again')")
    assert page.inner_text("#question-title") != title
    page.keyboard.press("z")
    wait_for_title(page, title)
    assert answers(run) == []


def wait_for_title(page, title: str) -> None:
    page.wait_for_function(
        "title => document.getElementById('question-title').textContent === title", arg=title
    )


def test_elsewhere_in_the_video_nothing_can_be_answered(run, serve, open_tab) -> None:
    page = open_tab(serve(run))
    assert page.is_enabled("#answer-right")
    page.keyboard.press("g")
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    page.wait_for_selector('#video[data-frame="5"]')
    assert page.is_disabled("#answer-right")
    page.keyboard.press("1")
    page.keyboard.press("c")
    assert page.is_enabled("#answer-right")
    assert read_log(run) == ()


def test_an_answer_makes_only_the_rows_of_the_list_again_that_change(run, serve, open_tab) -> None:
    page = open_tab(serve(run))
    rows = "[...document.querySelectorAll('#crossing-list li')]"
    assert page.evaluate(f"{rows}.map(row => row.querySelector('.when').textContent)") == [
        "0:03.0",
        "0:01.5",
        "0:04.5",
    ]
    page.evaluate(f"() => {{ {rows}[2].firstChild.dataset.seen = 'true'; }}")
    page.keyboard.press("1")
    wait_for_progress(page, "1 of 3")
    seen = page.evaluate(f"{rows}.map(row => row.firstChild.dataset.seen === 'true')")
    assert seen.count(True) == 1


# As in main.js.
REACTION_MS = 400

# Holds back requests to an address, before they are sent or before their answer is seen.
HOLD = """([held, isAnswer]) => {
    const fetch = window.fetch;
    window.waiting = [];
    window.isHolding = true;
    window.nHeld = 0;
    const wait = () => new Promise(done => { window.nHeld += 1; window.waiting.push(done); });
    window.fetch = async (path, options) => {
        const mustWait = window.isHolding && path === held;
        if (mustWait && !isAnswer) await wait();
        const response = await fetch(path, options);
        if (mustWait && isAnswer) await wait();
        return response;
    };
}"""
RELEASE = "() => { while (window.waiting.length) window.waiting.shift()(); }"
STOP = "() => { window.isHolding = false; }"


def test_a_list_from_before_an_answer_does_not_bring_the_crossing_back(
    run, serve, open_tab
) -> None:
    page = open_tab(serve(run))
    page.evaluate(HOLD, ["api/crossings", True])
    page.keyboard.press("1")
    page.wait_for_function("() => window.nHeld === 1")
    page.keyboard.press("2")
    wait_for(lambda: len(read_log(run)) == 2)
    page.evaluate(RELEASE)
    page.wait_for_function("() => window.nHeld === 2")
    title = page.inner_text("#question-title")
    page.keyboard.press("3")
    # The last crossing stays: the second one has its answer, though the list did not say so.
    assert page.inner_text("#question-title") == title
    page.evaluate(STOP)
    page.evaluate(RELEASE)
    wait_for_progress(page, "3 of 3")
    assert answers(run) == ["right", "swapped", "unsure"]


def test_undo_waits_for_the_answer_before_it(run, serve, open_tab) -> None:
    page = open_tab(serve(run))
    page.evaluate(HOLD, ["api/answers", False])
    page.keyboard.press("1")
    page.wait_for_function("() => window.nHeld === 1")
    # Before there is any correction the button is off, but the key works.
    page.keyboard.press("z")
    page.wait_for_timeout(300)
    page.evaluate(RELEASE)
    wait_for(lambda: len(read_log(run)) == 2)
    assert answers(run) == []


def test_the_next_clip_does_not_wait_for_the_answer(run, serve, open_tab) -> None:
    page = open_tab(serve(run))
    page.route("**/api/answers", lambda _route: None)
    title = page.inner_text("#question-title")
    page.keyboard.press("1")
    page.wait_for_function(
        "title => document.getElementById('question-title').textContent !== title", arg=title
    )
    page.unroute("**/api/answers")


def test_frames_are_stepped_by_keyboard(run, serve, open_tab) -> None:
    page = open_tab(serve(run))
    page.keyboard.press("Space")
    assert page.inner_text("#play") == "Play"
    frame = int(page.input_value("#frame"))
    page.keyboard.press(".")
    page.keyboard.press(".")
    page.keyboard.press(",")
    assert int(page.input_value("#frame")) == frame + 1
    page.wait_for_function(
        "frame => document.getElementById('video').dataset.frame === frame", arg=str(frame + 1)
    )
    page.keyboard.press("n")
    assert page.inner_text("#play") == "Pause"


def test_a_reload_loses_nothing(run, serve, open_tab) -> None:
    page = open_tab(serve(run))
    page.keyboard.press("2")
    # The page is gone before the answer can have come back.
    page.reload()
    page.wait_for_selector("body[data-ready]")
    wait_for_progress(page, "1 of 3")
    assert answers(run) == ["swapped"]


def test_a_server_that_is_killed_loses_nothing(run, start_review, serve, open_tab) -> None:
    first = start_review(run)
    page = open_tab(first.address)
    page.keyboard.press("1")
    wait_for(lambda: len(read_log(run)) == 1)
    first.kill()
    page.keyboard.press("2")
    page.wait_for_selector("#alert:visible")
    assert "start it again" in page.inner_text("#alert")
    page = open_tab(serve(run))
    wait_for_progress(page, "1 of 3")
    page.keyboard.press("2")
    wait_for_progress(page, "2 of 3")
    assert answers(run) == ["right", "swapped"]


def number_anew(directory) -> None:
    """Only the first crossing is still in doubt, and animal 1 is now 3 and animal 3 is now 1."""
    write_identities(directory, 3, CROSSINGS[:1], lambda animal, _frame: 4 - animal)


def answer_and_wait_for_new_numbers(page) -> None:
    """Answer for animals 1 and 3; then one crossing is left, which is of other animals now."""
    page.keyboard.press("1")
    wait_for_progress(page, "1 of 2")
    page.wait_for_function("() => document.querySelectorAll('#crossing-list li').length === 2")


def test_the_page_follows_when_the_animals_are_numbered_anew(run, serve, open_tab) -> None:
    page = open_tab(serve(run, solve=number_anew))
    # The images beside the clip come late.
    page.evaluate(HOLD, ["api/crossings/1-2-30-34/moments", True])
    answer_and_wait_for_new_numbers(page)
    # The page shows the one without an answer, whose mark is a dot.
    page.wait_for_function(
        "() => document.querySelector('#crossing-list [aria-current]')?.textContent.startsWith('•')"
    )
    page.wait_for_timeout(REACTION_MS + 100)
    page.keyboard.press("3")
    wait_for_progress(page, "2 of 2")
    assert answers(run) == ["right", "unsure"]


def test_a_key_pressed_as_the_numbers_change_is_for_what_was_shown(run, serve, open_tab) -> None:
    page = open_tab(serve(run, solve=number_anew))
    page.evaluate(
        """() => new MutationObserver((_, observer) => {
            if (document.querySelectorAll('#crossing-list li').length !== 2) return;
            observer.disconnect();
            for (let k = 0; k < 2; k += 1) document.body.dispatchEvent(
                new KeyboardEvent('keydown', { key: '3', bubbles: true }));
        }).observe(document.getElementById('crossing-list'), { childList: true })"""
    )
    page.keyboard.press("1")
    wait_for(lambda: len(read_log(run)) == 3)
    # Animals 1 and 2 were shown, which are 3 and 2 now; the second key is for 1 and 2 of now.
    before = [entry.statement.before for entry in read_log(run)[1:]]
    assert {detection.frame for two in before for detection in two} == {30}
    rows = [sorted(detection.row for detection in two) for two in before]
    assert rows == [[0, 1], [1, 2]]


def test_ctrl_c_ends_it_and_lets_the_run_go(run, start_review) -> None:
    review = start_review(run)
    assert review.address.startswith("http://127.0.0.1:")
    assert review.interrupt() == 0
    RunCorrections(run).rename(1, "Ada")


def test_two_tabs_see_the_same(run, serve, open_tab) -> None:
    address = serve(run)
    one = open_tab(address)
    other = open_tab(address, one.context)
    one.bring_to_front()
    one.keyboard.press("1")
    wait_for_progress(one, "1 of 3")
    other.bring_to_front()
    wait_for_progress(other, "1 of 3")
    other.keyboard.press("n")
    other.keyboard.press("z")
    wait_for_progress(other, "0 of 3")
    one.bring_to_front()
    wait_for_progress(one, "0 of 3")


def test_the_second_person_is_told(run, serve, open_tab) -> None:
    serve(run)
    page = open_tab(serve(run, "read only: process 7 on lab is writing to this run"))
    assert "process 7 on lab" in page.inner_text("#notes")
    assert page.is_disabled("#answer-right")
    page.keyboard.press("1")
    page.wait_for_timeout(200)
    assert read_log(run) == ()


def test_a_box_is_chosen_by_keyboard_and_given_away(run, serve, open_tab) -> None:
    page = open_tab(serve(run))
    page.keyboard.press("Space")
    page.wait_for_selector("#video[data-frame]")
    page.keyboard.press("b")
    page.wait_for_selector("#editor-actions:visible")
    page.select_option("#animal", "3")
    page.focus("#assign")
    page.keyboard.press("Enter")
    wait_for(lambda: len(read_log(run)) == 1)
    statement = read_log(run)[0].statement
    assert statement.animal.number == 3


def test_the_nearest_animal_is_offered(run, serve, open_tab) -> None:
    page = open_tab(serve(run))
    page.keyboard.press("g")
    page.keyboard.type("80")
    page.keyboard.press("Enter")
    page.wait_for_selector('#video[data-frame="80"]')
    page.keyboard.press("b")
    page.keyboard.press("b")
    page.keyboard.press("b")
    assert page.inner_text("#editor-text").startswith("The box of 3")
    centres = {animal: get_box(animal, 80).reshape(2, 2).mean(0) for animal in (1, 2, 3)}
    nearest = min((1, 2), key=lambda animal: math.dist(centres[animal], centres[3]))
    assert nearest == 2
    assert page.input_value("#animal") == "2"


def test_a_drawn_box_is_added(run, serve, open_tab) -> None:
    page = open_tab(serve(run))
    page.keyboard.press("Space")
    page.wait_for_selector("#video[data-frame]")
    page.keyboard.press("d")
    place = page.locator("#video").bounding_box()
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 40)
    page.mouse.up()
    page.select_option("#animal", "2")
    page.click("#assign")
    wait_for(lambda: len(read_log(run)) == 1)
    x1, y1, x2, y2 = read_log(run)[0].statement.box
    assert (x1, y1) == pytest.approx((80, 60), abs=1)
    assert x2 > x1
    assert y2 > y1


def test_a_box_is_drawn_by_keyboard(run, serve, open_tab) -> None:
    page = open_tab(serve(run))
    page.keyboard.press("Space")
    page.wait_for_selector("#video[data-frame]")
    page.keyboard.press("d")
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "Shift+ArrowRight", "Shift+ArrowUp"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "animal"
    page.select_option("#animal", "2")
    page.focus("#assign")
    page.keyboard.press("Enter")
    wait_for(lambda: len(read_log(run)) == 1)
    # In the middle, as large as the animals, moved by one step to the right and two down; then
    # its corner by one to the right and one up.
    assert read_log(run)[0].statement.box == pytest.approx((73, 57.5, 90, 65.5))


def test_only_the_crossings_of_a_zone(run, serve, open_tab) -> None:
    x1, y1, x2, y2 = get_box(3, CROSSINGS[1][0]).tolist()
    nest = Zone("nest", ((x1, y1), (x2, y1), (x2, y2), (x1, y2)), kind="nest")
    set_layout(run, Layout(WIDTH, HEIGHT, zones=(nest,)))
    page = open_tab(serve(run))
    page.wait_for_selector("#zone-filter:visible")
    assert page.locator("#crossing-list li").count() == 3
    page.select_option("#zone", "nest")
    assert page.locator("#crossing-list li").count() == 1
    page.select_option("#zone", "")
    assert page.locator("#crossing-list li").count() == 3


def test_a_click_on_the_timeline_goes_there(run, serve, open_tab) -> None:
    page = open_tab(serve(run))
    place = page.locator("#timeline").bounding_box()
    page.mouse.click(place["x"] + place["width"] / 2, place["y"] + 45)
    assert abs(int(page.input_value("#frame")) - 60) < 15
    assert page.inner_text("#play") == "Play"
    page.focus("#timeline")
    page.keyboard.press("End")
    assert page.input_value("#frame") == "119"
    page.keyboard.press("c")
    page.wait_for_function("() => document.getElementById('play').textContent === 'Pause'")


def test_a_contradiction_offers_to_undo(run, serve, open_tab) -> None:
    address = serve(run)
    page = open_tab(address)
    page.keyboard.press("1")
    wait_for_progress(page, "1 of 3")
    page.evaluate("history.replaceState(null, '', '#frame=60')")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    page.wait_for_selector("#video[data-frame]")
    page.keyboard.press("b")
    page.click("#drop")
    page.wait_for_selector("#alert:visible")
    page.click("#alert button:has-text('Undo line 1')")
    wait_for_progress(page, "0 of 3")


def test_ten_animals(tmp_path, serve, open_tab) -> None:
    crossings = [(20 + 5 * k, 22 + 5 * k, 1 + k % 9, 10, 0.3) for k in range(9)]
    page = open_tab(serve(make_run(tmp_path, n_animals=10, crossings=crossings)))
    assert progress(page).startswith("0 of 9")
    assert page.locator("#animal option").count() == 10
    assert page.locator("#crossing-list li").count() == 9
    page.select_option("#pair", "1-10")
    assert page.locator("#crossing-list li").count() == 1


def test_no_crossings(tmp_path, serve, open_tab) -> None:
    page = open_tab(serve(make_run(tmp_path, crossings=())))
    assert progress(page).startswith("no doubtful crossings")
    assert page.inner_text("#question-title") == "No crossing to look at"
    assert page.is_disabled("#answer-right")
    page.keyboard.press("1")
    page.keyboard.press("n")
    page.wait_for_selector("#video[data-frame]")


def test_a_folder_of_images_with_names_of_any_script(tmp_path, serve, open_tab) -> None:
    folder = tmp_path / "Käfig ñ 小鼠"
    run = make_run(folder, video="bilder", run="lauf ü.murid")
    corrections = RunCorrections(run)
    corrections.rename(1, "Zoë ♀")
    corrections.rename(3, "<b>小鼠</b>")
    page = open_tab(serve(run))
    assert page.inner_text("#run-name") == "lauf ü.murid"
    assert re.search("Zoë ♀.*<b>小鼠</b>", page.inner_text("#question-text"))
    page.wait_for_selector("#video[data-frame]")


def test_a_video_that_moved(run, serve, open_tab) -> None:
    (run.parent / "cage.mp4").rename(run.parent / "moved.mp4")
    page = open_tab(serve(run))
    page.wait_for_function(
        "() => document.getElementById('notes').textContent.includes('--video PATH')"
    )
    page.keyboard.press("1")
    wait_for_progress(page, f"1 of {len(CROSSINGS)}")


def test_every_control_has_a_name_and_help_opens(run, serve, open_tab) -> None:
    page = open_tab(serve(run))
    unnamed = page.evaluate(
        """[...document.querySelectorAll('button, input, select, canvas')].filter(element =>
            !(element.textContent.trim() || element.labels?.length
              || element.getAttribute('aria-label') || element.title)).map(e => e.outerHTML)"""
    )
    assert unnamed == []
    page.keyboard.press("?")
    assert page.is_visible("#help")
    page.keyboard.press("Escape")
    assert not page.is_visible("#help")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_it_works_through_a_tunnel(run, serve, forward, open_tab, host) -> None:
    address = urlsplit(serve(run))
    port = forward(address.port)
    assert port != address.port
    page = open_tab(f"http://{host}:{port}/?{address.query}")
    page.wait_for_selector("#video[data-frame]")
    page.keyboard.press("2")
    wait_for_progress(page, "1 of 3")
    assert answers(run) == ["swapped"]
    page.keyboard.press("z")
    wait_for_progress(page, "0 of 3")
    assert answers(run) == []
    # The cookie holds for the tunnel's port as well.
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert not page.is_visible("#alert")


def test_another_site_gets_nothing(run, serve, browser) -> None:
    address = serve(run)
    context = browser.new_context()
    page = context.new_page()
    response = page.goto(address.split("?")[0])
    assert response.status == 403
    context.close()
