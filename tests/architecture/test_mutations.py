"""The table of ``benchmarks/mutations.py`` fits the source and the tests."""

import ast
import runpy
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "benchmarks" / "mutations.py"))
MUTATIONS = SCRIPT["load_mutations"]()


@cache
def list_tests(path: Path) -> set[str]:
    """Names of the tests and test classes of a module; methods as ``Class::test``."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = (child for child in node.body if isinstance(child, ast.FunctionDef))
            found |= {f"{node.name}::{method.name}" for method in methods}
    return found


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_every_mutation_applies_and_its_tests_exist(mutation) -> None:
    source = (ROOT / "src" / "murid" / mutation.file).read_text(encoding="utf-8")
    ast.parse(mutation.apply(source))
    assert mutation.tests
    for test in mutation.tests:
        path, _, name = test.partition("::")
        assert not name or name.partition("[")[0] in list_tests(ROOT / "tests" / path)
        assert (ROOT / "tests" / path).is_file()


def test_names_of_mutations_are_unique() -> None:
    counts = Counter(mutation.name for mutation in MUTATIONS)
    assert max(counts.values()) == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [("a = 2", "found 0 times"), ("a = 1; a = 1", "found 2 times"), ("b = 1", "found 0 times")],
)
def test_a_text_that_does_not_occur_once_is_an_error(source: str, message: str) -> None:
    mutation = SCRIPT["Mutation"]("name", "file.py", "a = 1", "a = 2", "a", ["b"])
    assert mutation.apply("a = 1") == "a = 2"
    with pytest.raises(ValueError, match=message):
        mutation.apply(source)
