"""Read ahead: frames are decoded in a thread of their own while others are being looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from queue import Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")
_END = object()


def read_ahead(items: Iterable[T], n_ahead: int = 2) -> Iterator[T]:
    """Yield the items in order, keeping up to `n_ahead` of them ready; errors of the source come out here.

    Parameters
    ----------
    items : iterable
        What to read, in a background thread.
    n_ahead : int
        Items kept ready, at least 1.
    """
    queue: Queue[object] = Queue(maxsize=n_ahead)
    stopped = Event()

    def fill() -> None:
        try:
            for item in items:
                queue.put(item)
                if stopped.is_set():
                    return
            queue.put(_END)
        except BaseException as error:
            queue.put(_Failure(error))

    thread = Thread(target=fill, name="murid-decode", daemon=True)
    thread.start()
    try:
        while (item := queue.get()) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        while thread.is_alive():
            if not queue.empty():
                queue.get()
            thread.join(0.01)


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error
