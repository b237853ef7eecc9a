"""The command line: one file per verb; errors become one sentence and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

EXIT_ERROR, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``murid`` and exit: 0 well, 1 a clear error, 2 wrong usage, 130 interrupted."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str
        Everything after ``murid``; ``--debug`` anywhere lets tracebacks through.
    """
    from murid.cli.app import UsageError, app
    from murid.errors import MuridError

    debug = "--debug" in arguments
    try:
        app(
            [a for a in arguments if a != "--debug"],
            exit_on_error=False,
            print_error=True,
            result_action="return_value",
        )
    except UsageError:
        return EXIT_USAGE
    except KeyboardInterrupt:
        print("murid: interrupted; the same command goes on from here", file=sys.stderr)
        return EXIT_INTERRUPTED
    except MuridError as error:
        if debug:
            raise
        print(f"murid: {error}", file=sys.stderr)
        return EXIT_ERROR
    except Exception as error:
        if debug:
            raise
        print(
            f"murid: unexpected {type(error).__name__}: {error} (--debug shows where)",
            file=sys.stderr,
        )
        return EXIT_ERROR
    return 0
