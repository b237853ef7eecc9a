import pytest

from murid.cli.shapes import ParsedShape, parse_shape
from murid.errors import ConfigError


@pytest.mark.parametrize(
    ("option", "text", "section", "entry"),
    [
        ("--circle", "home,80,400,45", "zone", {"name": "home", "circle": [80, 400, 45]}),
        (
            "--circle",
            "nest:home@left,80,400,45",
            "zone",
            {"name": "home", "circle": [80, 400, 45], "arena": "left", "kind": "nest"},
        ),
        (
            "--polygon",
            "arena:left,0,0,10,0,10,5.5",
            "arena",
            {"name": "left", "polygon": [[0, 0], [10, 0], [10, 5.5]]},
        ),
        ("--circle", "ignore:bottle,1,2,3", "ignore", {"name": "bottle", "circle": [1, 2, 3]}),
    ],
)
def test_shapes_become_entries_of_an_arena_file(option, text, section, entry):
    assert parse_shape(option, text) == ParsedShape(section, entry)


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--circle", "home"),
        ("--circle", "home,1,2"),
        ("--circle", "home,1,2,x"),
        ("--circle", "cave:home,1,2,3"),
        ("--polygon", "home,1,2,3"),
    ],
)
def test_other_text_is_refused_with_the_expected_form(option, text):
    with pytest.raises(ConfigError, match=f"{option}: expected ROLE:NAME,x"):
        parse_shape(option, text)


def test_a_shape_replaces_one_of_its_name_and_arena():
    shape = parse_shape("--circle", "home@left,1,2,3")
    assert shape.replaces({"name": "home", "arena": "left", "polygon": []})
    assert not shape.replaces({"name": "home"})
