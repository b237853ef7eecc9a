import threading
from collections import deque
from itertools import count

import pytest

from murid.video.prefetch import prefetch


class Trace:
    """A generator that tells whether and in which thread it was closed."""

    def __init__(self, n=None, error=None):
        self.n, self.error, self.closed_in, self.n_made = n, error, None, 0

    def generate(self):
        try:
            for k in count():
                if k == self.n:
                    if self.error:
                        raise self.error
                    return
                self.n_made += 1
                yield k
        finally:
            self.closed_in = threading.current_thread().name


def is_running():
    return any(thread.name == "murid-decode" for thread in threading.enumerate())


def test_items_come_in_order():
    trace = Trace(50)
    assert list(prefetch(trace.generate())) == list(range(50))
    assert trace.closed_in == "murid-decode"
    assert not is_running()


@pytest.mark.parametrize("n_read", [1, 2, 7])
def test_stopping_early_closes_the_source_and_ends_the_thread(n_read):
    trace = Trace()
    reader = prefetch(trace.generate())
    assert [next(reader) for _ in range(n_read)] == list(range(n_read))
    reader.close()
    assert trace.closed_in == "murid-decode"
    assert not is_running()
    assert trace.n_made <= n_read + 5


def read_and_fail(source):
    for item in prefetch(source):
        if item == 3:
            raise KeyError("consumer")


def test_error_of_the_consumer_closes_the_source_and_ends_the_thread():
    trace = Trace()
    with pytest.raises(KeyError, match="consumer"):
        read_and_fail(trace.generate())
    assert trace.closed_in == "murid-decode"
    assert not is_running()


def test_error_of_the_source_comes_out_after_the_items_before_it():
    trace, got = Trace(5, ValueError("source")), []
    with pytest.raises(ValueError, match="source"):
        deque(map(got.append, prefetch(trace.generate())), maxlen=0)
    assert got == [0, 1, 2, 3, 4]
    assert not is_running()


def test_no_more_than_asked_for_is_kept_ready():
    trace = Trace()
    reader = prefetch(trace.generate(), n_ahead=3)
    next(reader)
    threading.Event().wait(0.1)
    assert trace.n_made <= 1 + 3 + 1
    reader.close()
