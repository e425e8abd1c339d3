"""Runs an iterator on a thread of its own, a bounded number of items ahead."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from caststream.media.pipes import StopSign

T = TypeVar("T")

_PATIENCE = 1.0
"""Seconds that a thread gets to end; one that is stuck in a dead connection is left behind."""


class Feed(Generic[T]):
    """What ``make()`` yields, made on a thread; iterate over ``items``.

    The consumer never waits for input itself, so signals reach it at any time. Only queues and
    semaphores that a signal handler cannot dead-lock are used on its side.
    """

    def __init__(self, make: Callable[[], Iterator[T]], stop: StopSign, ahead: int) -> None:
        self._make = make
        self._stop = stop
        self._items: SimpleQueue[tuple[str, T | BaseException | None]] = SimpleQueue()
        self._room = threading.Semaphore(ahead)
        self._first: tuple[str, T | BaseException | None] | None = None
        self._thread = threading.Thread(target=self._run, name="decode", daemon=True)

    def start(self) -> None:
        """Begin before the first item is asked for; safe to call again."""
        if self._thread.ident is None:
            self._thread.start()

    def peek(self, seconds: float) -> None:
        """Wait so long at most for the first item; raises what ``make`` raised in its place."""
        self.start()
        with contextlib.suppress(Empty):
            self._first = self._items.get(timeout=seconds)
        if self._first is not None and isinstance(self._first[1], BaseException):
            raise self._first[1]

    def items(self) -> Iterator[T]:
        """Yield until the end or a stop; raises what ``make`` raised."""
        self.start()
        while True:
            kind, item = self._first or self._items.get()
            self._first = None
            if self._stop.up or kind == "end":
                return
            if isinstance(item, BaseException):
                raise item
            self._room.release()
            yield item  # type: ignore[misc]

    def stop(self) -> None:
        """End ``items`` soon; may be called from a signal handler."""
        self._stop.set()
        self._items.put(("end", None))

    def close(self) -> None:
        """Stop, and wait a little for the thread."""
        self.stop()
        if self._thread.ident is not None:
            self._thread.join(_PATIENCE)
        if not self._thread.is_alive():
            self._stop.close()

    def _run(self) -> None:
        try:
            for item in self._make():
                while not self._room.acquire(timeout=0.1):
                    if self._stop.up:
                        return
                if self._stop.up:
                    return
                self._items.put(("item", item))
        except BaseException as error:
            self._items.put(("item", error))
        finally:
            self._items.put(("end", None))
