"""Read ahead: frames are decoded in a thread of their own while others are being looked at."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, nullcontext
from queue import Empty, Queue
from threading import Event, Thread
from typing import Any, TypeVar

T = TypeVar("T")
_END = object()


def read_ahead(items: Iterable[T], n_ahead: int = 2) -> Iterator[T]:
    """Yield the items in order, keeping up to `n_ahead` of them ready; errors of the source come out here.

    However reading ends, also early or by an error, the source is closed then and the thread has
    ended.

    Parameters
    ----------
    items : iterable
        What to read, in a background thread; closed at the end if it is a generator.
    n_ahead : int
        Items kept ready, at least 1.
    """
    queue: Queue[Any] = Queue(maxsize=n_ahead)
    stopped = Event()
    thread = Thread(target=_fill, args=(items, queue, stopped), name="murid-decode", daemon=True)
    thread.start()
    try:
        while (item := queue.get()) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        stopped.set()
        _drain(queue, thread)


def _fill(items: Iterable[T], queue: Queue[Any], stopped: Event) -> None:
    """Put the items into the queue until they end or reading stops; close them in the thread that they ran in."""
    try:
        with closing(items) if isinstance(items, Generator) else nullcontext():
            for item in items:
                queue.put(item)
                if stopped.is_set():
                    break
        queue.put(_END)
    except BaseException as error:
        queue.put(_Failure(error))


def _drain(queue: Queue[Any], thread: Thread) -> None:
    """Make room until the thread, which may be waiting for some, has ended."""
    while thread.is_alive():
        try:
            queue.get(timeout=0.01)
        except Empty:
            continue


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error
