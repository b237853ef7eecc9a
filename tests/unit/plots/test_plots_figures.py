"""Figures contain what they should show."""

from dataclasses import replace

import numpy as np
import pytest

from murid.analysis.behaviour import compute_behaviour
from murid.arenas.layout import Arena, Layout, Zone
from murid.core import Trajectories
from murid.core.identity_probabilities import IdentityProbabilities
from murid.plots.figures import draw_figure, list_figures
from murid.plots.maps import choose_columns
from murid.plots.plot_data import PlotData
from murid.plots.report import describe_recording, draw_page, tabulate_animals, write_html
from murid.plots.style import choose_time_unit

pytest.importorskip("matplotlib")
F = 120


def make_plot_data(n: int, scale: float | None = 0.5, n_frames: int = F) -> PlotData:
    rng = np.random.default_rng(0)
    position = np.cumsum(rng.normal(0, 2, (n_frames, 2, n)), axis=0) + rng.uniform(
        60, 140, (1, 2, n)
    )
    position[40:90, :, :1] = np.nan
    confidence = np.where(np.isnan(position[:, 0]), np.nan, 1.0)
    trajectories = Trajectories(
        np.arange(n_frames) / 30,
        tuple(str(k + 1) for k in range(n)),
        position,
        np.full(position.shape, 20.0),
        confidence,
        np.zeros(confidence.shape, bool),
        np.where(np.isnan(confidence), np.nan, 0.9),
    )
    box = ((1.0, 1.0), (199.0, 1.0), (199.0, 199.0), (1.0, 199.0))
    layout = Layout(
        200, 200, (Arena("box", box),), (Zone("middle", circle=(100, 100, 40)),), cm_per_px=scale
    )
    crossings = [
        {
            "first_frame": 20,
            "last_frame": 30,
            "identity_a": 1,
            "identity_b": 2,
            "swap_probability": 0.3,
        }
    ]
    return PlotData(
        "cage", compute_behaviour(trajectories, layout), trajectories, None, crossings, ["a note"]
    )


def read_texts(figure) -> str:
    from matplotlib.text import Text

    return " | ".join(text.get_text() for text in figure.findobj(Text))


@pytest.mark.parametrize("n", [1, 3, 26])
def test_every_figure_can_be_drawn(n):
    data = make_plot_data(n)
    assert ("social" in list_figures(data)) == (n > 1)
    for name in list_figures(data):
        figure = draw_figure(name, data)
        figure.canvas.draw()
        shown = read_texts(figure)
        assert name.capitalize() in shown
        assert data.names[0] in shown
        assert ("24 of 26 animals" in shown) == (n > 24 and name != "social")


@pytest.mark.parametrize("n", [0, 2])
def test_no_animals_and_a_single_frame(n):
    data = make_plot_data(n, n_frames=1 if n else F)
    for name in list_figures(data):
        draw_figure(name, data).canvas.draw()
    draw_page(data).canvas.draw()


def test_a_gap_in_a_path_is_a_gap_in_the_line():
    line = draw_figure("paths", make_plot_data(1)).axes[0].lines
    path = next(x for x in (np.asarray(of.get_xdata(), float) for of in line) if len(x) == F)
    assert np.isnan(path[55:75]).all()
    assert np.isfinite(path[:40]).all()


def make_paused(n_frames: int = F, pixel_aspect: float = 1.0, gap_s: float = 60.0) -> PlotData:
    """An animal that walks, with a pause in the recording before frame 60."""
    time_s = np.arange(n_frames) / 30 + gap_s * (np.arange(n_frames) >= 60)
    x = np.linspace(20, 180, n_frames)
    position = np.stack([x, np.full(n_frames, 100.0)], axis=1)[:, :, None]
    trajectories = Trajectories(
        time_s, ("a",), position, np.full(position.shape, 20.0), np.ones((n_frames, 1))
    )
    behaviour = compute_behaviour(trajectories, Layout(200, 200), pixel_aspect=pixel_aspect)
    crossings = [
        {
            "first_frame": 90,
            "last_frame": 90,
            "identity_a": "a",
            "identity_b": "a",
            "swap_probability": 0.5,
        }
    ]
    return PlotData("cage", behaviour, trajectories, None, crossings)


def read_bars(figure) -> list[tuple[float, float]]:
    """Start and end of all bars."""
    from matplotlib.collections import PolyCollection

    bars = figure.axes[0].findobj(PolyCollection)
    extents = [path.get_extents() for each in bars for path in each.get_paths()]
    return [(round(extent.x0, 2), round(extent.x1, 2)) for extent in extents]


def test_a_pause_of_the_recording_is_shown():
    data = make_paused()
    speed = draw_figure("speed", data).axes[0].lines[0]
    time, mean = np.asarray(speed.get_xdata()), np.asarray(speed.get_ydata())
    assert np.isnan(mean[(time > 3) & (time < 61)]).all(), "no curve goes on through it"
    assert np.isfinite(mean[time < 2]).all()
    assert np.isfinite(mean[time > 62.5]).all()
    assert (2, 62) in read_bars(draw_figure("ethogram", data)), "missing"
    assert read_bars(draw_figure("identities", data)) == [(0, 2), (62, 64)]
    diamond = draw_figure("identities", data).axes[0].lines[0]
    assert diamond.get_xdata()[0] == pytest.approx(63, abs=0.1)
    assert "60 s without frames" in describe_recording(data)


def test_a_long_path_is_not_drawn_through_a_pause():
    from matplotlib.lines import Line2D

    drawn = draw_figure("paths", make_paused(60_000)).findobj(Line2D)
    paths = [np.asarray(line.get_xdata(), float) for line in drawn]
    assert any(np.isnan(path).sum() == 1 for path in paths if len(path) > 10_000)


def test_maps_have_square_pixels():
    axes = draw_figure("paths", make_paused(pixel_aspect=2.0)).axes[0]
    assert axes.get_xlim() == (0, 400)
    x = np.asarray(axes.lines[0].get_xdata(), float)
    assert np.nanmax(x) == pytest.approx(360)


def test_uncertain_crossings_connect_two_animals():
    shown = read_texts(draw_figure("identities", make_plot_data(3)))
    assert "30%" in shown
    assert "(1)" in shown


def test_zones_and_units_are_named():
    assert "middle" in read_texts(draw_figure("ethogram", make_plot_data(2)))
    assert "cm/s high" in read_texts(draw_figure("speed", make_plot_data(2)))
    assert "px/s high" in read_texts(draw_figure("speed", make_plot_data(2, scale=None)))


@pytest.mark.parametrize("n", [3, 26])
def test_the_page_contains_all_figures(n):
    data = make_plot_data(n)
    page = draw_page(data)
    page.canvas.draw()
    shown = read_texts(page)
    for words in (
        "cage",
        "Paths",
        "Occupancy",
        "Speed",
        "Ethogram",
        "Social",
        "Identities",
        "a note",
        describe_recording(data),
    ):
        assert words in shown
    width, height = page.get_size_inches()
    assert height / width == pytest.approx(11.69 / 8.27)
    assert (width > 8.27) == (n > 8)


def test_the_table_has_no_empty_columns():
    assert "huddle (s)" not in tabulate_animals(make_plot_data(1))[0]
    assert "distance (m)" in tabulate_animals(make_plot_data(1))[0]
    assert "distance (px)" in tabulate_animals(make_plot_data(1, scale=None))[0]
    assert [row[0] for row in tabulate_animals(make_plot_data(3))] == ["animal", "1", "2", "3"]


def test_uncertain_animals_are_flagged_in_figures_and_report(tmp_path):
    identity_probabilities = IdentityProbabilities((1, 2), (0.413, 0.97), (100, 100))
    data = replace(make_plot_data(2), identity_probabilities=identity_probabilities)
    for name in ("paths", "occupancy", "speed", "ethogram", "identities"):
        shown = read_texts(draw_figure(name, data)).split(" | ")
        assert "1 (41 % sure)" in shown
        assert "2" in shown
    table = tabulate_animals(data)
    assert [row[-1] for row in table] == ["identity sure", "41 % (uncertain)", "97 %"]
    assert "1 doubtful crossing, names 69 % sure" in describe_recording(data)
    write_html(tmp_path / "report.html", data)
    page = (tmp_path / "report.html").read_text()
    assert '<p class="note">identities below 95 % sure: 1 (41 %)' in page
    assert '<p class="note">a note' in page


def test_the_line_of_identity_probability_goes_down_to_zero():
    data = make_plot_data(1)
    given = data.trajectories
    low = np.where(np.isnan(given.identity_probability), np.nan, 0.1)
    data = replace(data, trajectories=replace(given, identity_probability=low), crossings=())
    line = draw_figure("identities", data).axes[0].lines[0]
    assert np.nanmax(np.asarray(line.get_ydata())) == pytest.approx(0.3 - 0.06)


def test_certain_animals_and_tracks_have_plain_labels():
    data = make_plot_data(2)
    assert data.labels == ("1", "2")
    certain = replace(
        data, identity_probabilities=IdentityProbabilities((1, 2), (0.99, 0.97), (100, 100))
    )
    assert certain.labels == ("1", "2")
    assert "names 98 % sure" in describe_recording(certain)
    assert "sure" not in describe_recording(data)


def test_panels_and_time():
    assert [choose_columns(n, 4 / 3) for n in (1, 2, 6, 20)] == [1, 2, 3, 5]
    assert [choose_time_unit(s)[1] for s in (60, 3600, 86400)] == [
        "time (s)",
        "time (min)",
        "time (h)",
    ]


def test_bursts_shorter_than_a_point_of_the_curve_are_dots():
    lines = draw_figure("speed", make_paused(gap_s=6000.0)).axes[0].lines
    dots = [line for line in lines if line.get_marker() == "."]
    assert [len(dot.get_xdata()) for dot in dots] == [2], "one for each burst of 2 s"
