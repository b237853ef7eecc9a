import pytest
from review_runs import make_run

from murid.review.session import ReviewSession
from murid.store import RunDirectory


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path)


@pytest.fixture
def make_session():
    """Open sessions, and close them at the end."""
    opened = []

    def make(run, note=None, solve=lambda _directory: None, **options):
        directory = RunDirectory.open(run, writable=note is None)
        session = ReviewSession(directory, note, solve=solve, **options)
        opened.append(session)
        return session

    yield make
    for session in opened:
        session.close()
