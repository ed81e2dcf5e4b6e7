"""Work on many things at once, with results in order: one thread fetches, several work, the caller's takes."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def most_under_way(threads: int) -> int:
    """Items that :func:`in_order` has under way at once, at the most."""
    return threads + 2


def in_order(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """``map(work, items)`` on several threads; each result comes as soon as it and all before it are done.

    An exception of ``work`` or of ``items`` comes in its turn, after the results before it. Never more items are under
    way than :func:`most_under_way` says, so memory is bounded. Fetching has a thread of its own, because an item may
    be long in coming: results need not wait for it.
    """
    under_way: Queue[Future[Result] | None] = Queue(threads)
    left = Event()

    def fetch() -> None:
        try:
            for item in items:
                under_way.put(pool.submit(work, item))
                if left.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 (it is raised where the results are taken)
            failed: Future[Result] = Future()
            failed.set_exception(error)
            under_way.put(failed)
        if not left.is_set():
            under_way.put(None)

    with ThreadPoolExecutor(threads) as pool:
        # A daemon: it may wait for input that never comes, and the program must end all the same.
        Thread(target=fetch, daemon=True).start()
        try:
            while (future := under_way.get()) is not None:
                yield future.result()
        finally:
            left.set()
            with suppress(Empty):
                while True:  # else it would wait for room for ever
                    under_way.get_nowait()
