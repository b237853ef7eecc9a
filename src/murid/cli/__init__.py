"""The command line: one file per verb; errors become one sentence and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

# Exit codes as shells know them: 130 is 128 + SIGINT.
EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``murid`` and exit: 0 success, 1 an error, 2 wrong usage, 130 interrupted."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


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
        app(
            [*passed, "--help"] if help_all else passed,
            exit_on_error=False,
            print_error=True,
            result_action="return_value",
        )
        if help_all and passed:
            _print_settings(passed[0])
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
        kind = type(error).__name__
        print(f"murid: unexpected {kind}: {error} (--debug shows where)", file=sys.stderr)
        return EXIT_ERROR
    return 0


def _print_settings(verb: str) -> None:
    from murid.cli.options import describe_settings

    for line in describe_settings(verb):
        print(line)
