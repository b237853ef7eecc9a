import json

from murid.paper.result_cache import ResultCache, compute_key

CONFIGURATION = {"size": (3, 4), "rate": 0.1, "inner": {"a": None}}


def test_a_result_is_loaded_for_the_same_configuration_only(tmp_path):
    cache = ResultCache(tmp_path / "rows")
    assert cache.load("ours", CONFIGURATION) is None
    cache.save("ours", CONFIGURATION, {"hota": 63.3})
    assert cache.load("ours", CONFIGURATION) == {"hota": 63.3}
    assert cache.load("ours", CONFIGURATION | {"rate": 0.2}) is None
    assert cache.load("others", CONFIGURATION) is None


def test_a_changed_configuration_is_another_result(tmp_path):
    cache = ResultCache(tmp_path)
    cache.save("ours", CONFIGURATION, {"hota": 1.0})
    cache.save("ours", CONFIGURATION | {"rate": 0.2}, {"hota": 2.0})
    assert len(list(tmp_path.iterdir())) == 2
    assert cache.load("ours", CONFIGURATION) == {"hota": 1.0}


def test_the_order_of_settings_does_not_matter():
    assert compute_key({"a": 1, "b": 2}) == compute_key({"b": 2, "a": 1})
    assert compute_key({"a": 1, "b": 2}) != compute_key({"a": 2, "b": 1})


def test_a_damaged_result_is_none(tmp_path):
    cache = ResultCache(tmp_path)
    cache.save("ours", CONFIGURATION, {"hota": 1.0})
    path = cache.locate("ours", CONFIGURATION)
    whole = path.read_text()
    document = json.loads(whole)
    damaged = [
        whole[:40],
        "[]",
        json.dumps(document | {"format": 99}),
        json.dumps(document | {"configuration": {}}),
    ]
    for text in damaged:
        path.write_text(text)
        assert cache.load("ours", CONFIGURATION) is None
    path.write_text(whole)
    assert cache.load("ours", CONFIGURATION) == {"hota": 1.0}
