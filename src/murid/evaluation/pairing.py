"""Which result belongs to which truth."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from murid.datasets.ground_truth import GroundTruthFile
from murid.errors import FormatError

_MANIFEST = "manifest.json"
_RUN_SUFFIX = ".murid"


@dataclass(frozen=True, slots=True)
class Pair:
    """A result, which is a run directory or a MOT file, and the truth of the same video."""

    result: Path
    truth: GroundTruthFile

    @property
    def is_run(self) -> bool:
        """Whether the result is a run directory."""
        return is_run(self.result)


def is_run(path: Path) -> bool:
    """Whether a path is a run directory."""
    return (path / _MANIFEST).is_file() or path.suffix == _RUN_SUFFIX


def pair(
    result: Path, truths: Sequence[GroundTruthFile], sequences: Collection[str] | None = None
) -> tuple[list[Pair], list[str]]:
    """Find the result of each truth, by name where there are several.

    Parameters
    ----------
    result : Path
        A run; a MOT file; a folder of runs ``<sequence>.murid`` or MOT files ``<sequence>.txt``, or
        TrackEval's folder of a tracker, which has the files in ``data/``.
    truths : sequence of GroundTruthFile
    sequences : collection of str, optional
        Names of those that are wanted; None = all.

    Returns
    -------
    pairs : list of Pair
    notes : list of str
        What was left aside.

    Raises
    ------
    FormatError
        If there is no such result or sequence, or a truth has no result.
    """
    if not result.exists():
        raise FormatError(
            result, "result", "a run, a MOT file or a folder of them", "nothing there"
        )
    truths = _select(result, truths, sequences)
    if result.is_file() or is_run(result):
        if len(truths) > 1:
            names = ", ".join(truth.name for truth in truths)
            expected = "the truth of one sequence for one result (--sequences picks it)"
            raise FormatError(truths[0].path, "truth", expected, f"{len(truths)}: {names}")
        return [Pair(result, truths[0])], []
    found = _list_results(result)
    missing = [truth.name for truth in truths if truth.name not in found]
    if missing:
        expected = "a result for every truth (--sequences picks some)"
        raise FormatError(result, "result", expected, f"none for {', '.join(missing)}")
    spare = sorted(set(found) - {truth.name for truth in truths})
    notes = [
        f"no truth for {', '.join(spare)}, which {'is' if len(spare) == 1 else 'are'} not scored"
    ]
    return [
        Pair(found[truth.name], truth) for truth in truths
    ], notes if spare and sequences is None else []


def _select(
    result: Path, truths: Sequence[GroundTruthFile], sequences: Collection[str] | None
) -> Sequence[GroundTruthFile]:
    if sequences is None:
        return truths
    unknown = sorted(set(sequences) - {truth.name for truth in truths})
    if unknown:
        raise FormatError(result, "sequences", "names of the truth", ", ".join(unknown))
    return [truth for truth in truths if truth.name in sequences]


def _list_results(folder: Path) -> dict[str, Path]:
    """Results in a folder, by the name of the sequence."""
    place = folder / "data" if (folder / "data").is_dir() else folder
    found = {path.stem: path for path in sorted(place.glob("*.txt"))}
    found |= {
        path.name.removesuffix(_RUN_SUFFIX): path
        for path in sorted(place.iterdir())
        if is_run(path)
    }
    if not found:
        raise FormatError(place, "folder", "runs or MOT files named after their sequences", "none")
    return found
