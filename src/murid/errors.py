"""The errors that murid raises on purpose.

::

    MuridError
    ├── ArrayError            an argument has the wrong shape, type or range
    ├── FileError             a file or directory is wrong; names file, field, expected, got
    │   ├── SourceError       a video, an image folder or a glob
    │   ├── FormatError       ground truth, exports and other tables
    │   ├── ModelError        a network file
    │   ├── RunError          a run directory
    │   └── StorageError      the disk or its permissions
    ├── CorrectionError       corrections that contradict each other
    ├── ConfigError           a setting, or a combination of settings
    └── MissingExtraError     an optional dependency that is not installed
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class MuridError(Exception):
    """Base of all errors that murid raises on purpose."""


class ArrayError(MuridError, ValueError):
    """An argument has the wrong shape, type or range.

    Parameters
    ----------
    field : str
        What is wrong, such as ``"Detections.boxes"``.
    expected, got : str
        What the function needs, and what it got.
    """

    def __init__(self, field: str, expected: str, got: str) -> None:
        super().__init__(f"{field}: expected {expected}, got {got}")
        self.field = field
        self.expected = expected
        self.got = got


class FileError(MuridError):
    """A file or directory is missing, damaged or of the wrong kind.

    Parameters
    ----------
    path : str or Path
        The file or directory.
    field : str
        The part that is wrong: a column or a key; ``"file"`` = the whole file.
    expected, got : str
        What the file should hold, and what it holds.
    """

    def __init__(self, path: str | Path, field: str, expected: str, got: str) -> None:
        super().__init__(f"{path}: {field}: expected {expected}, got {got}")
        self.path = Path(path)
        self.field = field
        self.expected = expected
        self.got = got


class SourceError(FileError):
    """A video, an image folder or a glob cannot be read."""


class FormatError(FileError):
    """A table (ground truth, export, annotation) cannot be read or written."""


class ModelError(FileError):
    """A network file is missing, damaged or not one of ours."""


class RunError(FileError):
    """A run directory is missing, damaged, newer than this murid, or made from something else."""


class StorageError(FileError):
    """The disk is full, or writing is not permitted."""


class CorrectionError(MuridError, ValueError):
    """Corrections of a run contradict each other.

    Parameters
    ----------
    lines : tuple of int
        Their lines in the log.
    descriptions : sequence of str
        What each of them says.
    """

    def __init__(self, lines: tuple[int, ...], descriptions: Sequence[str]) -> None:
        listed = " and ".join(descriptions)
        super().__init__(f"corrections: expected no contradiction, got one between {listed}")
        self.lines = lines


class ConfigError(MuridError, ValueError):
    """A setting, or a combination of settings, is invalid."""


class MissingExtraError(MuridError, ImportError):
    """An optional dependency is not installed.

    Parameters
    ----------
    package : str
        The package that could not be imported.
    extra : str
        The extra of murid that installs it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is not installed; install it with: pip install 'murid[{extra}]'"
        )
        self.package = package
        self.extra = extra
