"""Changes of a drawing: what they do, and that an invalid one is refused."""

import pytest
from arena_videos import BOW_TIE, LEFT, RIGHT, SQUARE

from murid.arena_page.drawing import Drawing, ImageSize
from murid.arena_page.requests import (
    AddShape,
    DeleteShape,
    EditShape,
    MoveShapes,
    RemoveScale,
    SetScale,
    SetScaleByWidth,
)
from murid.arenas.file import layout_from_dict
from murid.errors import ArrayError
from murid.web.app import ConflictError


def corners(points):
    return tuple((float(x), float(y)) for x, y in points)


SIZE = ImageSize(320, 240)


def draw(*changes, size=SIZE):
    drawing = Drawing(size)
    for change in changes:
        drawing, _ = drawing.apply(change)
    return drawing


TWO_CAGES = (
    AddShape(role="arena", name="left", polygon=corners(LEFT)),
    AddShape(role="arena", name="right", polygon=corners(RIGHT)),
    AddShape(role="nest", name="nest", circle=(50, 50, 20)),
    AddShape(role="nest", name="nest", circle=(200, 50, 20)),
)


def test_shapes_get_names_and_zones_their_arena() -> None:
    drawing = draw(
        AddShape(role="arena", polygon=corners(LEFT)),
        AddShape(role="zone", polygon=corners(SQUARE)),
        AddShape(role="zone", name="  door ", circle=(140, 100, 9)),
        AddShape(role="zone", circle=(300, 200, 9)),
        AddShape(role="ignore", circle=(50, 50, 9)),
    )
    assert [shape.name for shape in drawing.shapes] == [
        "arena 1",
        "zone 1",
        "door",
        "zone 2",
        "ignore 1",
    ]
    assert [zone.arena for zone in drawing.layout.zones] == ["arena 1", "arena 1", None]
    assert [region.name for region in drawing.layout.ignored] == ["ignore 1"]


def test_what_was_done_is_said() -> None:
    drawing, words = draw().apply(AddShape(role="arena", polygon=corners(SQUARE)))
    assert words == "arena 1 added"
    drawing, words = drawing.apply(EditShape(shape=1, name="box"))
    assert words == "arena 1 renamed box"
    drawing, words = drawing.apply(EditShape(shape=1, animals=2))
    assert words == "box changed"
    _, words = drawing.apply(DeleteShape(shape=1))
    assert words == "box deleted"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (AddShape(role="arena", polygon=corners(BOW_TIE)), "sides that do not cross"),
        (AddShape(role="arena", polygon=corners(SQUARE[:2])), "3 or more corners, got 2"),
        (AddShape(role="arena"), "a polygon or a circle, got neither"),
        (AddShape(role="zone", circle=(50, 50, 0)), "a radius above 0"),
        (AddShape(role="zone", circle=(900, 50, 9)), "within the image of 320x240 pixels"),
        (AddShape(role="arena", polygon=corners(SQUARE)), "arenas that do not overlap"),
        (AddShape(role="arena", name="left", circle=(155, 100, 3)), "every name once"),
        (EditShape(shape=2, name="left"), "every name once"),
        (EditShape(shape=1, name=" "), "a printable name"),
        (EditShape(shape=3, circle=(300, 50, 9)), "a region within arena left"),
        (EditShape(shape=3, arena=4), "nest.arena: expected one of the arenas, got 'nest'"),
        (MoveShapes(dx=1000, dy=0), "within the image"),
        (SetScale(points=((5, 5), (5, 5)), length_cm=4), "two points apart"),
        (SetScaleByWidth(shape=1, length_cm=0), "a length above 0 cm, got 0 cm"),
    ],
)
def test_invalid_changes_are_refused(change, words: str) -> None:
    with pytest.raises(ArrayError, match=words):
        draw(*TWO_CAGES).apply(change)


def test_a_shape_that_is_gone_is_a_conflict() -> None:
    with pytest.raises(ConflictError, match="got number 9"):
        draw().apply(DeleteShape(shape=9))


def test_renaming_an_arena_keeps_its_zones() -> None:
    drawing = draw(*TWO_CAGES, EditShape(shape=1, name="west"))
    assert [zone.arena for zone in drawing.layout.zones] == ["west", "right"]


def test_an_arena_takes_its_zones_along() -> None:
    drawing = draw(*TWO_CAGES, MoveShapes(shape=1, dx=1.5, dy=-2))
    assert drawing.layout.arenas[0].polygon[0] == (1.5, -2)
    assert [zone.circle[:2] for zone in drawing.layout.zones] == [(51.5, 48), (200, 50)]
    drawing, words = drawing.apply(DeleteShape(shape=1))
    assert words == "left deleted with 1 zone"
    assert [shape.id for shape in drawing.shapes] == [2, 4]


def test_all_shapes_move_together() -> None:
    drawing = draw(*TWO_CAGES, MoveShapes(dx=0.1, dy=0.2), MoveShapes(dx=0.2, dy=0.1))
    assert drawing.layout.arenas[1].polygon[0] == (160.3, 0.3)
    assert drawing.layout.zones[1].circle == (200.3, 50.3, 20)


def test_another_kind_drops_what_only_the_first_has() -> None:
    drawing = draw(*TWO_CAGES[:3], EditShape(shape=1, animals=3), EditShape(shape=1, role="ignore"))
    assert drawing.find(1).animals is None
    assert drawing.find(3).arena is None
    drawing = draw(*TWO_CAGES[:3], EditShape(shape=3, role="ignore"))
    assert drawing.layout.to_dict()["ignore"] == [{"name": "nest", "circle": [50, 50, 20]}]


def test_a_polygon_replaces_a_circle() -> None:
    drawing = draw(*TWO_CAGES, EditShape(shape=3, polygon=corners(SQUARE)))
    assert (drawing.find(3).circle, drawing.find(3).polygon) == (None, corners(SQUARE))
    drawing, _ = drawing.apply(EditShape(shape=3, circle=(60, 60, 7)))
    assert (drawing.find(3).circle, drawing.find(3).polygon) == ((60, 60, 7), ())


def test_scale_is_the_height_of_a_pixel() -> None:
    wide = ImageSize(320, 240, pixel_aspect=2.0)
    drawing = draw(*TWO_CAGES, SetScale(points=((0, 0), (50, 0)), length_cm=20), size=wide)
    assert drawing.cm_per_px == 0.2
    drawing, _ = drawing.apply(SetScaleByWidth(shape=1, length_cm=30))
    assert drawing.cm_per_px == 0.1
    drawing, _ = drawing.apply(RemoveScale())
    assert drawing.cm_per_px is None


def test_a_layout_comes_back_as_it_was() -> None:
    content = {
        "width": 320,
        "height": 240,
        "cm_per_px": 0.5,
        "arena": [
            {"name": "left", "polygon": LEFT, "animals": 2},
            {"name": "right", "circle": [230.0, 100.0, 60.0]},
        ],
        "zone": [
            {"name": "nest", "circle": [50.0, 50.0, 9.0], "kind": "nest", "arena": "left"},
            {"name": "all", "polygon": SQUARE},
        ],
        "ignore": [{"name": "lamp", "circle": [30.0, 30.0, 5.0]}],
    }
    drawing = Drawing.from_layout(layout_from_dict(content), 1.0)
    assert drawing.layout.to_dict() == content
    assert drawing.next_id == 6


def test_a_drawing_fits_images_of_the_same_proportions() -> None:
    drawing = draw(*TWO_CAGES, SetScale(points=((0, 0), (100, 0)), length_cm=50))
    larger = drawing.fit(ImageSize(640, 480))
    assert larger.layout.arenas[0].polygon[2] == (300, 480)
    assert larger.layout.zones[0].circle == (100, 100, 40)
    assert larger.cm_per_px == 0.25
    assert [shape.id for shape in larger.shapes] == [1, 2, 3, 4]


@pytest.mark.parametrize("size", [ImageSize(640, 360), ImageSize(320, 240, pixel_aspect=1.4)])
def test_a_drawing_does_not_fit_other_proportions(size: ImageSize) -> None:
    with pytest.raises(ArrayError, match="images of the proportions of 320x240 pixels"):
        draw(*TWO_CAGES).fit(size)
