"""The language of the package: the field's terms, one name for one thing.

A newcomer from the tracking field must be able to search the web for every name. These words were
private vocabulary; each stands beside the term that replaced it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "murid").rglob("*.py"))
DOCS = [
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "docs" / "examples").glob("*.py")),
]

# Parts of names (between underscores or capitals) that must not come back, and the term instead.
WORDS = {
    "adapting": "refine, second pass",
    "arrangement": "path context",
    "backdrop": "background",
    "bed": "benchmark data",
    "certainties": "identity probabilities",
    "certainty": "identity probability",
    "chance": "swap probability",
    "chances": "swap probabilities",
    "compartment": "arena",
    "compartments": "arenas",
    "conclude": "track_and_identify",
    "cues": "colour features",
    "enrol": "enroll",
    "ensemble": "solo cast",
    "fewest": "min",
    "filled": "interpolated",
    "footage": "clips",
    "furthest": "max",
    "isolation": "neighbour gate",
    "kin": "seed",
    "lane": "inference backend",
    "lanes": "inference backends",
    "lifted": "cutout",
    "longest": "max",
    "mend": "redetect, refine",
    "patiently": "timeout",
    "portrait": "prototype",
    "portraits": "prototypes",
    "prints": "fur descriptors",
    "reel": "clip",
    "reels": "clips",
    "scouted": "solo summary",
    "shelf": "result cache",
    "sight": "detection, evidence",
    "sighting": "appearance sample",
    "sights": "evidence",
    "sow": "seed",
    "surplus": "animal count",
    "telling": "messages",
    "ties": "point matches",
    "told": "identified",
    "usual": "prior, median",
    "witness": "bidirectional track",
    "witnesses": "bidirectional tracks",
    "workshop": "experiment runner",
    "worth": "log-likelihood ratio",
}
# Whole names and options that are gone.
NAMES = {
    "identify_animals": "link_tracklets",
    "both_ways": "bidirectional",
    "look_closer": "run_second_pass",
    "name_alike": "match_across_runs",
    "join_runs": "match_runs",
    "doubt_small": "downweight_small",
    "first_limit": "stage1_max_cost",
    "second_limit": "stage2_max_cost",
    "sure_chance": "min_probability",
}
DOCUMENTED = {
    "--adapt": "--refine",
    "--grow": "--update-gallery",
    "--scene": "--background",
    "--association.": "--set tracking.",
    "murid enrol ": "murid enroll",
    "murid tables": "murid paper",
    "murid search": "murid tune",
    "backdrop": "background",
    "witness": "bidirectional track",
    "portrait": "prototype",
    "compartment": "arena",
    "cues.parquet": "colour_features.parquet",
    "prints.parquet": "fur_descriptors.parquet",
    "ties.parquet": "point_matches.parquet",
}


def iterate_names(path: Path) -> Iterator[tuple[str, int]]:
    """Every name that a module defines, and the line: functions, parameters, variables, fields."""
    yield path.stem, 1
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno


def split_name(name: str) -> list[str]:
    """Words of a name: ``find_clear_sights`` and ``ClearSights`` end in ``sights``."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_names_are_terms_of_the_field(path: Path) -> None:
    if path.name == "migrate.py":
        pytest.skip("holds the names of format version 1")
    found = [
        f"{path.name}:{line}: {name}: use {WORDS.get(word) or NAMES[name]}"
        for name, line in iterate_names(path)
        for word in [*split_name(name), name]
        if word in WORDS or word in NAMES
    ]
    assert not found, "\n".join(dict.fromkeys(found))


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documentation_uses_terms_of_the_field(path: Path) -> None:
    text = path.read_text().lower()
    # Only at the start of a word: "ties.parquet" is not in "summary-identities.parquet".
    found = [
        f"{word}: use {term}"
        for word, term in DOCUMENTED.items()
        if re.search(rf"(?<![a-z]){re.escape(word)}", text)
    ]
    assert not found, f"{path}: {found}"


def test_unit_tests_mirror_the_package() -> None:
    """``tests/unit/FOLDER/test_FOLDER_MODULE.py`` tests ``src/murid/FOLDER/MODULE.py``."""
    unit = ROOT / "tests" / "unit"
    modules = {path.relative_to(ROOT / "src" / "murid").with_suffix("") for path in SOURCES}
    expected = {
        module.parent / f"test_{'_'.join(module.parts)}.py": module
        for module in modules
        if module.name != "__init__"
    }
    found = {path.relative_to(unit) for path in unit.rglob("test_*.py")}
    assert not found - expected.keys(), "no module for these tests"
    tested = {path.parent.as_posix() for path in found}
    folders = {module.parent.as_posix() for module in expected.values()} - {"."}
    assert folders <= tested, "folders without unit tests"
