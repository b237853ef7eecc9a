"""Galleries written and read, older versions, and files that are no galleries."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from murid.errors import FormatError
from murid.reid.gallery import Animal, Gallery, GallerySession
from murid.reid.gallery_file import load_gallery, save_gallery
from murid.reid.prototypes import Prototypes


@pytest.fixture
def gallery():
    rng = np.random.default_rng(0)
    prototypes = Prototypes(
        np.array([0, 1, 1]),
        np.array([1, 0.25, 0.75], np.float32),
        rng.normal(size=(3, 8)).astype(np.float32),
        np.full((3, 4), np.nan, np.float32),
    )
    animals = Animal("ada", "uuid-1"), Animal("Zoë.2", "uuid-2")
    date = "2026-05-04T09:00:00+00:00"
    sessions = (GallerySession("a.mp4", "fingerprint", date, "1.0", 0.2),)
    return Gallery("weights", animals, sessions, prototypes, np.zeros(3, np.int64))


def assert_equal(read, gallery):
    assert (read.embedder, read.animals, read.sessions) == (
        gallery.embedder,
        gallery.animals,
        gallery.sessions,
    )
    for name in Prototypes.__slots__:
        np.testing.assert_array_equal(
            getattr(read.prototypes, name), getattr(gallery.prototypes, name)
        )


def test_round_trip(gallery, tmp_path):
    path = tmp_path / "cage.gallery"
    again = tmp_path / "again.gallery"
    save_gallery(path, gallery)
    read = load_gallery(path)
    assert_equal(read, gallery)
    save_gallery(again, read)
    assert again.read_bytes() == path.read_bytes()


def test_version_1_is_read(gallery, tmp_path):
    path = tmp_path / "cage.gallery"
    save_gallery(path, gallery)
    table = pq.read_table(path)
    metadata = json.loads(table.schema.metadata[b"murid"]) | {"format_version": 1}
    names = ["animal", "session", "weight", "embedding", "cues"]
    old = table.rename_columns(names).replace_schema_metadata({"murid": json.dumps(metadata)})
    pq.write_table(old, path)
    assert_equal(load_gallery(path), gallery)


def change(path, document=None, columns=None):
    table = pq.read_table(path)
    metadata = json.loads(table.schema.metadata[b"murid"]) | (document or {})
    for name, column in (columns or {}).items():
        table = table.set_column(table.column_names.index(name), name, column)
    pq.write_table(table.replace_schema_metadata({"murid": json.dumps(metadata)}), path)


@pytest.mark.parametrize(
    ("document", "columns", "words"),
    [
        ({"format": "else"}, {}, "expected a gallery of murid"),
        ({"format_version": 99}, {}, "format_version: expected at most 2 .*, got 99"),
        ({"embedder": 3}, {}, "embedder"),
        ({"animals": "ada"}, {}, "animals: expected a list, got str"),
        ({"animals": [{"name": "a", "uuid": "u"}, {"name": "a", "uuid": "v"}]}, {}, "a twice"),
        (
            {"animals": [{"name": "a", "uuid": "u"}]},
            {},
            "animal: expected numbers from 0 to 0, got 0 to 1",
        ),
        ({"sessions": [{"source": "a"}]}, {}, "sessions.fingerprint"),
        ({}, {"weight": pa.array(["x", "y", "z"])}, "weight: expected a full column of float"),
        (
            {},
            {"colour_features": pa.array([1.0, 2.0, 3.0])},
            "colour_features: expected a full column of fixed-size lists",
        ),
    ],
)
def test_errors_name_the_field(gallery, tmp_path, document, columns, words: str):
    path = tmp_path / "cage.gallery"
    save_gallery(path, gallery)
    change(path, document, columns)
    with pytest.raises(FormatError, match=words):
        load_gallery(path)


def test_files_that_are_no_gallery(tmp_path):
    with pytest.raises(FormatError, match="expected a gallery of murid, got nothing there"):
        load_gallery(tmp_path / "none.gallery")
    (tmp_path / "text.gallery").write_text("ada")
    with pytest.raises(FormatError, match="expected a gallery of murid"):
        load_gallery(tmp_path / "text.gallery")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "table.parquet")
    with pytest.raises(FormatError, match="got a table of something else"):
        load_gallery(tmp_path / "table.parquet")
    with pytest.raises(FormatError, match="expected a gallery of murid"):
        load_gallery(tmp_path)
