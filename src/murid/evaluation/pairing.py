"""Pairs of a result file and the ground truth file of the same video."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from murid.datasets.ground_truth import GroundTruthFile
from murid.errors import FormatError
from murid.store import is_run_directory

_RUN_SUFFIX = ".murid"


@dataclass(frozen=True, slots=True)
class FilePair:
    """A result, which is a run directory or a MOT file, and the ground truth of the same video."""

    result: Path
    truth: GroundTruthFile

    @property
    def is_run(self) -> bool:
        """Whether the result is a run directory."""
        return is_run(self.result)


def is_run(path: Path) -> bool:
    """Return whether a path is a run directory."""
    return is_run_directory(path) or path.suffix == _RUN_SUFFIX


def find_pairs(
    result: Path, truths: Sequence[GroundTruthFile], sequences: Collection[str] | None = None
) -> tuple[list[FilePair], list[str]]:
    """Return the result of each ground truth file, found by name if there are several.

    Parameters
    ----------
    result : Path
        A run; a MOT file; a folder of runs ``<sequence>.murid`` or MOT files ``<sequence>.txt``; or
        TrackEval's folder of a tracker, which has the files in ``data/``.
    truths : sequence of GroundTruthFile
    sequences : collection of str, optional
        Names of the sequences to score; None = all.

    Returns
    -------
    pairs : list of FilePair
    notes : list of str
        Which results have no ground truth.

    Raises
    ------
    FormatError
        If there is no such result or sequence, or a ground truth file has no result.
    """
    if not result.exists():
        raise FormatError(
            result, "result", "a run, a MOT file or a folder of them", "nothing there"
        )
    truths = _select(result, truths, sequences)

    # One result: one ground truth file, whatever its name.
    if result.is_file() or is_run(result):
        if len(truths) > 1:
            names = ", ".join(truth.name for truth in truths)
            expected = "the ground truth of one sequence for one result (--sequences picks it)"
            raise FormatError(truths[0].path, "truth", expected, f"{len(truths)}: {names}")
        return [FilePair(result, truths[0])], []

    # A folder: the result of each ground truth file by name.
    results = _list_results(result)
    names_of_truths = [truth.name for truth in truths]
    missing = [name for name in names_of_truths if name not in results]
    if missing:
        expected = "a result for every ground truth file (--sequences picks some)"
        raise FormatError(result, "result", expected, f"none for {', '.join(missing)}")
    pairs = [FilePair(results[truth.name], truth) for truth in truths]
    unused = sorted(set(results) - set(names_of_truths))
    if not unused or sequences is not None:
        return pairs, []
    verb = "is" if len(unused) == 1 else "are"
    return pairs, [f"no ground truth for {', '.join(unused)}, which {verb} not scored"]


def _select(
    result: Path, truths: Sequence[GroundTruthFile], sequences: Collection[str] | None
) -> Sequence[GroundTruthFile]:
    """Return the ground truth files of the named sequences."""
    if sequences is None:
        return truths
    unknown = sorted(set(sequences) - {truth.name for truth in truths})
    if unknown:
        raise FormatError(
            result, "sequences", "names of sequences in the ground truth", ", ".join(unknown)
        )
    return [truth for truth in truths if truth.name in sequences]


def _list_results(folder: Path) -> dict[str, Path]:
    """Return the results in a folder by the name of the sequence."""
    place = folder / "data" if (folder / "data").is_dir() else folder
    results = {path.stem: path for path in sorted(place.glob("*.txt"))}
    for path in sorted(place.iterdir()):
        if is_run(path):
            results[path.name.removesuffix(_RUN_SUFFIX)] = path
    if not results:
        raise FormatError(place, "folder", "runs or MOT files named after their sequences", "none")
    return results
