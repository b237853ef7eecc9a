import numpy as np
from review_runs import CROSSINGS, get_box, set_layout
from waiting import wait_for

from murid.arenas.layout import Layout, Zone
from murid.review.crossing_zones import find_crossing_zones, list_zone_names
from murid.review.results import RunResults
from murid.store import RunDirectory


def make_zone(name: str, box: np.ndarray, **options) -> Zone:
    x1, y1, x2, y2 = box.tolist()
    return Zone(name, ((x1, y1), (x2, y1), (x2, y2), (x1, y2)), **options)


def test_zones_of_either_animal_as_a_crossing_begins(run, make_session) -> None:
    first_frame, _, _, other, _ = CROSSINGS[1]
    layout = Layout(
        160,
        120,
        zones=(
            make_zone("nest", get_box(other, first_frame), kind="nest"),
            Zone("corner", ((150, 110), (159, 110), (159, 119))),
        ),
    )
    session = make_session(run)
    crossings = session.list_crossings()
    results = RunResults(RunDirectory.open(run))
    zones = find_crossing_zones(crossings, results.iterate_parts(0, 119), layout)
    at_first = {c.first_frame: zones[c.id] for c in crossings}
    assert at_first == {30: (), 60: ("nest",), 90: ()}


def test_a_name_of_several_zones_is_listed_once() -> None:
    corners = ((1, 1), (9, 1), (9, 9), (1, 9))
    layout = Layout(160, 120, zones=(Zone("food", corners), Zone("water", corners)))
    assert list_zone_names(layout) == ["food", "water"]


def test_the_session_tells_zones_once_they_are_known(run, make_session) -> None:
    box = get_box(3, CROSSINGS[1][0])
    layout = Layout(160, 120, zones=(make_zone("nest", box, kind="nest"),))
    set_layout(run, layout)
    session = make_session(run)
    wait_for(lambda: session.get_state()["zones"] == ["nest"])
    assert [c.zones for c in session.list_crossings() if c.first_frame == 60] == [("nest",)]
