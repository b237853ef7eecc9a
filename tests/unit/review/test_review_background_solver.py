from threading import Event

from murid.errors import ConfigError
from murid.review.background_solver import BackgroundSolver

WAIT_S = 20


class Solves:
    """Counts calls, each of which lasts until it is let go."""

    def __init__(self) -> None:
        self.n_calls = 0
        self.started = Event()
        self.go = Event()

    def __call__(self) -> None:
        self.n_calls += 1
        self.started.set()
        assert self.go.wait(WAIT_S)


def test_requests_meanwhile_are_one_more_call() -> None:
    solves = Solves()
    solver = BackgroundSolver(solves)
    solver.request()
    assert solves.started.wait(WAIT_S)
    for _ in range(5):
        solver.request()
    assert solver.is_solving
    solves.go.set()
    assert solver.wait(WAIT_S)
    assert solves.n_calls == 2
    assert not solver.is_solving
    solver.close()


def test_without_requests_meanwhile_there_is_one_call() -> None:
    solves = Solves()
    solves.go.set()
    solver = BackgroundSolver(solves)
    solver.request()
    assert solver.wait(WAIT_S)
    assert solves.n_calls == 1
    solver.close()


def test_an_error_is_kept_until_the_next_call_succeeds() -> None:
    errors = [ConfigError("animals: expected 1 or more, got 0"), ValueError("broken"), None]

    def solve() -> None:
        error = errors.pop(0)
        if error is not None:
            raise error

    solver = BackgroundSolver(solve)
    found = []
    for _ in range(3):
        solver.request()
        assert solver.wait(WAIT_S)
        found.append(solver.error)
    solver.close()
    expected = ["animals: expected 1 or more, got 0", "unexpected ValueError: broken", None]
    assert found == expected
