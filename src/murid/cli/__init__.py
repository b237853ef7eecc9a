"""The command line: one file per verb; errors become one sentence and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

# Exit codes. Shells know 130 as 128 + SIGINT and 141 as 128 + SIGPIPE. 3 is a run that is complete,
# but in which no animal was found.
EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_EMPTY = 3
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141

# Verbs that store what they have done, and go on from there.
_RESUMABLE = ("track", "train", "tune", "paper")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``murid`` and exit.

    0 is success, 1 an error, 2 wrong usage, 3 that no animal was found, 130 an interrupt. 141 means
    that the reader of the output ended first, as in ``murid info cage.murid | head``.
    """
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = run(given)
    except KeyboardInterrupt:
        # While the command line is still being loaded.
        print("murid: interrupted", file=sys.stderr)
        code = EXIT_INTERRUPTED
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str
        Everything after ``murid``. ``--debug`` anywhere lets tracebacks through; ``--help-all``
        shows the help of a verb and every setting that it uses.
    """
    from murid.cli.app import UsageError, app
    from murid.errors import MuridError

    debug = "--debug" in arguments
    help_all = "--help-all" in arguments
    passed = [argument for argument in arguments if argument not in ("--debug", "--help-all")]
    try:
        result = app(
            [*passed, "--help"] if help_all else passed,
            exit_on_error=False,
            print_error=True,
            result_action="return_value",
        )
        if help_all and passed:
            _print_settings(passed[0])
        # What is still in the buffer may not reach its reader either.
        sys.stdout.flush()
    except UsageError:
        return EXIT_USAGE
    except KeyboardInterrupt:
        print(f"murid: interrupted{_describe_way_on(passed)}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return EXIT_BROKEN_PIPE
    except MuridError as error:
        if debug:
            raise
        print(f"murid: {error}", file=sys.stderr)
        return EXIT_ERROR
    except Exception as error:
        if debug:
            raise
        kind = type(error).__name__
        print(f"murid: unexpected {kind}: {error} (--debug shows where)", file=sys.stderr)
        return EXIT_ERROR
    # Verbs that can end without an error and without a result return an exit code.
    return result if isinstance(result, int) else 0


def _describe_way_on(arguments: Sequence[str]) -> str:
    """Return how the interrupted work can go on, if it can."""
    verb = next((word for word in arguments if not word.startswith("-")), "")
    if verb == "live":
        return "; murid live RUN finishes the run from what is stored"
    if verb not in _RESUMABLE:
        return ""
    if "--restart" in arguments:
        return "; the same command without --restart goes on where it stopped"
    return "; the same command goes on where it stopped"


def _discard_output() -> None:
    """Send what is still to be printed nowhere, so that closing it at exit raises no error."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_settings(verb: str) -> None:
    from murid.cli.options import describe_settings

    for line in describe_settings(verb):
        print(line)
