import json

import pytest

from murid.corrections.records import AnimalRef, Entry, Rename, Revoke
from murid.corrections.summary import CorrectionsSummary, summarise_corrections


def make_entry(line, author, time_utc, statement=None):
    statement = statement or Rename(animal=AnimalRef(number=1, detection=None), name="Ada")
    return Entry(version=1, line=line, time_utc=time_utc, author=author, statement=statement)


@pytest.fixture
def entries():
    """Line 2 is revoked by line 4; the clock was set back before line 3."""
    return (
        make_entry(1, "Zoe", "2026-05-04T09:00:00+00:00"),
        make_entry(2, "Max", "2026-05-09T09:00:00+00:00"),
        make_entry(3, "Ada", "2026-05-01T09:00:00+00:00"),
        make_entry(4, "Max", "2026-05-10T09:00:00+00:00", Revoke(line=2)),
    )


def test_only_what_is_in_force_counts(entries):
    summary = summarise_corrections(entries)
    first, last = "2026-05-01T09:00:00+00:00", "2026-05-04T09:00:00+00:00"
    assert summary == CorrectionsSummary(2, ("Ada", "Zoe"), first, last)
    assert summary.describe() == "2 corrections by Ada, Zoe, 2026-05-01 to 2026-05-04"
    assert summarise_corrections(entries, [1]).describe() == "1 correction by Zoe, 2026-05-04"


def test_it_survives_json(entries):
    summary = summarise_corrections(entries)
    assert CorrectionsSummary.from_plain(json.loads(summary.to_json())) == summary
    assert "é" in CorrectionsSummary(1, ("Bén",), "a", "b").to_json()


def test_none_are_none():
    none = summarise_corrections(())
    assert none == CorrectionsSummary() == CorrectionsSummary.from_plain({})
    assert none.to_plain() == {"n": 0, "authors": [], "first_utc": None, "last_utc": None}
    assert none.describe() == "no corrections"
