"""Arena files: whatever they hold, a layout that is written as it was read, or a clear error."""

from hypothesis import given, settings
from hypothesis import strategies as st

from murid.arenas.file import layout_from_dict
from murid.errors import ArrayError

VALUES = st.one_of(
    st.integers(-50, 150),
    st.floats(),
    st.just(10**400),
    st.text(max_size=2),
    st.booleans(),
    st.none(),
)
SHAPES = st.one_of(
    st.lists(st.lists(VALUES, max_size=3), max_size=6), st.lists(VALUES, max_size=4), VALUES
)
ENTRIES = st.dictionaries(
    st.sampled_from(["name", "polygon", "circle", "animals", "kind", "arena", "x"]),
    st.one_of(SHAPES, st.sampled_from(["a", "b", "nest"])),
    max_size=5,
)
CORNERS = st.lists(
    st.tuples(st.integers(-20, 120), st.integers(-20, 80)).map(list), min_size=3, max_size=6
)
REGIONS = st.lists(
    st.one_of(ENTRIES, st.fixed_dictionaries({"name": st.sampled_from("abc"), "polygon": CORNERS})),
    max_size=3,
)
FILES = st.fixed_dictionaries(
    {"width": st.one_of(st.just(100), VALUES), "height": st.one_of(st.just(60), VALUES)},
    optional={
        "cm_per_px": VALUES,
        "scale": st.one_of(VALUES, st.fixed_dictionaries({"points": SHAPES, "cm": VALUES})),
        "arena": REGIONS,
        "zone": REGIONS,
        "ignore": st.one_of(VALUES, REGIONS),
    },
)


@settings(max_examples=300, deadline=None)
@given(FILES)
def test_an_arena_file_is_read_or_refused(plain):
    try:
        layout = layout_from_dict(plain)
    except ArrayError:
        return
    assert layout_from_dict(layout.to_dict()).to_dict() == layout.to_dict()
