"""Prefetch items from an iterator in a background thread, for example frames of a video."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, nullcontext
from queue import Empty, Queue
from threading import Event, Thread
from typing import Any, TypeVar

T = TypeVar("T")

_END = object()


class _Failure:
    """An exception that the iterable raised, on its way to the reader."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def prefetch(items: Iterable[T], n_ahead: int = 2) -> Iterator[T]:
    """Yield the items in order while a background thread fetches the next ones.

    An exception of the iterable is raised here. When reading ends, also early or by an exception,
    the iterable has been closed and the thread has ended.

    Parameters
    ----------
    items : iterable
        Iterated over in the background thread; closed at the end if it is a generator.
    n_ahead : int
        Maximum number of items that are kept ready, at least 1.
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
    """Put the items into the queue until they end or reading stops.

    A generator is closed in the thread that ran it.
    """
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
    """Empty the queue until the thread, which may be waiting for space in it, has ended."""
    while thread.is_alive():
        try:
            queue.get(timeout=0.01)
        except Empty:
            continue
