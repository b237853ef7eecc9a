"""Break murid in many small ways, and see that a test fails each time (mutation testing).

    python benchmarks/mutations.py
    python benchmarks/mutations.py --only neck-without-c5 no-momentum --out mutations.json

``mutations.toml`` lists the mutations: one piece of source text and its replacement, what that
breaks, and the tests that should fail. They cover networks, losses, training, validation and data
association. The package is copied to a temporary directory and changed there, one mutation at a
time; the repository is not touched. A mutation is *killed* if one of its tests fails, and
*survives* if all pass. The command exits with 1 if any survives.

All tests are run once without a mutation first, since a test that always fails kills nothing.
Tests run in processes forked from one that has imported the libraries, so this needs Linux or
macOS. The compiled tracker runs as plain Python, because compiling it takes a minute.
"""

from __future__ import annotations

import argparse
import compileall
import gc
import importlib
import json
import multiprocessing
import os
import py_compile
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TABLE = Path(__file__).with_suffix(".toml")

# A mutation may make a training endless. The slowest tests take 5 seconds on a free core.
MAX_SECONDS = 300.0

# Libraries that are imported once, before processes are forked. Others work too, only slower.
PRELOADED = (
    "cv2",
    "hypothesis",
    "lightning.pytorch",
    "numba",
    "pytest",
    "scipy.optimize",
    "scipy.sparse.csgraph",
    "tensorboard",
    "torch.utils.tensorboard",
    "torchjd.aggregation",
    "torchvision.ops",
    "trackeval",
)

# No bytecode is written: Python knows it by the second and the size of the source, which two
# mutations can share. Plugins of other packages take seconds to import.
ENVIRONMENT = {
    "NUMBA_DISABLE_JIT": "1",
    "OMP_NUM_THREADS": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass(frozen=True, slots=True)
class Mutation:
    """A change of the source that tests must notice.

    Attributes
    ----------
    name : str
    file : str
        Path within ``src/murid``.
    text, replacement : str
        Source text, which occurs in the file exactly once, and what replaces it.
    breaks : str
        What no longer works, in a sentence.
    tests : sequence of str
        Tests that should fail, as pytest names them, within ``tests``.
    """

    name: str
    file: str
    text: str
    replacement: str
    breaks: str
    tests: Sequence[str]

    def apply(self, source: str) -> str:
        """Return the source of the file with the mutation.

        Raises
        ------
        ValueError
            If the text does not occur exactly once, or its replacement is the same.
        """
        n_found = source.count(self.text)
        if n_found != 1:
            raise ValueError(
                f"{self.name}: expected {self.text!r} once in {self.file}, found {n_found} times"
            )
        if self.text == self.replacement:
            raise ValueError(f"{self.name}: expected another text, got {self.text!r} again")
        return source.replace(self.text, self.replacement)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of a mutation.

    Attributes
    ----------
    name : str
    result : str
        ``"killed"``, ``"survived"``, or ``"error"`` where tests could not be run.
    killed_by : str or None
        First test that failed.
    message : str or None
        First line of its error.
    seconds : float
    """

    name: str
    result: str
    killed_by: str | None
    message: str | None
    seconds: float


def load_mutations(path: Path = TABLE) -> list[Mutation]:
    """Return the mutations of a table."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["mutation"]
    return [Mutation(**entry) for entry in entries]


class FailureRecorder:
    """Plugin of pytest that keeps the name and the error of the first test that fails."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.message: str | None = None

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keep the name and the error of a failed test."""
        if report.failed and self.name is None:
            self.name = report.nodeid.removeprefix("tests/")
            self.message = str(report.longrepr.reprcrash.message).strip().partition("\n")[0]


def run_pytest(tests: Sequence[str], source: Path, work: Path) -> None:
    """Run tests of the package in `source`, up to the first failure, in a forked process.

    Writes the exit status, and the name and error of the test, to ``result.json``, and what pytest
    prints to ``output.txt`` in `work`.
    """
    import hypothesis
    import pytest

    output = os.open(work / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)
    sys.path.insert(0, str(source))
    os.environ["PYTHONPATH"] = str(source)
    # Hypothesis keeps examples that failed; those of mutations must not get into the repository.
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(work / "hypothesis")
    # The same examples each time, also on a slow machine.
    hypothesis.settings.register_profile(
        "mutations",
        deadline=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("mutations")
    recorder = FailureRecorder()
    options = ["-x", "-p", "no:cacheprovider", "--assert", "plain", "--basetemp", str(work / "tmp")]
    paths = [str(ROOT / "tests" / test) for test in tests]
    status = int(pytest.main([*options, *paths], plugins=[recorder]))
    import murid

    if not Path(murid.__file__).is_relative_to(source):
        status = -1
        print(f"expected the package in {source}, imported {murid.__file__}")
    text = json.dumps([status, recorder.name, recorder.message])
    (work / "result.json").write_text(text, encoding="utf-8")


def run_tests(tests: Sequence[str], source: Path, work: Path) -> tuple[str, str | None, str | None]:
    """Return result, test and message as in `Outcome`."""
    result = work / "result.json"
    result.unlink(missing_ok=True)
    context = multiprocessing.get_context("fork")
    process = context.Process(target=run_pytest, args=(tests, source, work))
    process.start()
    process.join(MAX_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
        return "error", None, f"not done after {MAX_SECONDS:.0f} s"
    if not result.exists():
        return "error", None, "the process of the tests ended"
    status, name, message = json.loads(result.read_text(encoding="utf-8"))
    # Other exit statuses of pytest are of tests that were not found or could not be imported.
    outcomes = {0: "survived", 1: "killed"}
    return outcomes.get(status, "error"), name, message


def try_mutation(mutation: Mutation, source: Path, work: Path) -> Outcome:
    """Apply a mutation to the copied package, run its tests, and undo it."""
    started = time.perf_counter()
    path = source / "murid" / mutation.file
    original = path.read_text(encoding="utf-8")
    try:
        path.write_text(mutation.apply(original), encoding="utf-8")
        result, name, message = run_tests(mutation.tests, source, work)
    finally:
        path.write_text(original, encoding="utf-8")
    seconds = round(time.perf_counter() - started, 1)
    return Outcome(mutation.name, result, name, message, seconds)


def try_all(mutations: Sequence[Mutation], report: Callable[[Outcome], None]) -> list[Outcome]:
    """Try mutations one after the other, and report each outcome.

    Raises
    ------
    SystemExit
        If a test fails without a mutation.
    """
    for name in PRELOADED:
        importlib.import_module(name)
    # Forked processes do not search the libraries for garbage.
    gc.freeze()
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        source = work / "src"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "src" / "murid", source / "murid", ignore=ignored)
        # Bytecode of the original source, known by its hash.
        mode = py_compile.PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(source, quiet=1, invalidation_mode=mode)
        tests = sorted({test for mutation in mutations for test in mutation.tests})
        result, name, message = run_tests(tests, source, work)
        if result != "survived":
            failed = f"{name or 'none'}: {message}"
            raise SystemExit(f"expected tests that pass without a mutation, got {failed}")
        outcomes = []
        for mutation in mutations:
            outcomes.append(try_mutation(mutation, source, work))
            report(outcomes[-1])
        gc.unfreeze()
        return outcomes


def choose_mutations(names: Sequence[str] | None) -> list[Mutation]:
    """Return the named mutations, all of them by default."""
    mutations = load_mutations()
    if names is None:
        return mutations
    by_name = {mutation.name: mutation for mutation in mutations}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise SystemExit(f"--only: expected names of --list, got {', '.join(unknown)}")
    return [by_name[name] for name in names]


def format_outcome(outcome: Outcome) -> str:
    """Return a row of the table that is printed."""
    by = outcome.killed_by or outcome.message or "-"
    return f"{outcome.name:<36} {outcome.result:<9} {outcome.seconds:6.1f}  {by}"


def main() -> None:
    """Parse the command line and try the mutations."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="try these mutations only")
    parser.add_argument("--list", action="store_true", help="list the mutations, try none")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the outcomes as JSON")
    arguments = parser.parse_args()
    mutations = choose_mutations(arguments.only)
    if arguments.list:
        for mutation in mutations:
            print(f"{mutation.name:<36} {mutation.file}: {mutation.breaks}")
        return
    print(f"{'mutation':<36} {'result':<9} {'s':>6}  killed by")
    outcomes = try_all(mutations, lambda outcome: print(format_outcome(outcome), flush=True))
    n_killed = sum(outcome.result == "killed" for outcome in outcomes)
    print(f"{n_killed} of {len(outcomes)} killed")
    if arguments.out is not None:
        text = json.dumps([asdict(outcome) for outcome in outcomes], indent=1) + "\n"
        arguments.out.write_text(text, encoding="utf-8")
    if n_killed < len(outcomes):
        raise SystemExit(1)


if __name__ == "__main__":
    os.environ.update(ENVIRONMENT)
    sys.dont_write_bytecode = True
    main()
