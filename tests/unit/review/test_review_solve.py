from review_runs import CROSSINGS, write_identities

from murid.review.solve import complete_identities
from murid.store import RunDirectory


def test_half_written_identities_are_completed(run) -> None:
    calls = []

    def solve(directory: RunDirectory) -> None:
        calls.append(directory)
        write_identities(directory, 3, CROSSINGS)

    with RunDirectory.open(run, writable=True) as directory:
        directory.identities.start({"animals": 3})
    with RunDirectory.open(run, writable=True) as directory:
        assert complete_identities(directory, solve)
        assert directory.is_done("identification")
        # Complete identities are left alone.
        assert not complete_identities(directory, solve)
    assert len(calls) == 1
