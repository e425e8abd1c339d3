"""The bounded inbox between two threads of a graph.

One thread puts, one takes. Markers are never dropped; messages wait for room or, where the
inbox drops, are counted and told downstream as one ``Gap`` before whatever comes next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import MutableMapping
from threading import Condition, Lock
from typing import Any

from caststream.graph.places import seconds
from caststream.messages import Gap, Marker

END = object()
"""What ``take`` gives when nothing will come any more."""


class Halted(BaseException):
    """The taking side is gone; raised by ``put`` so that the putting side unwinds and closes.

    A BaseException, since no node may catch it.
    """


class Inbox:
    """A queue of at most ``size`` entries; ``fills[name]`` always says ``(fill, size)``."""

    def __init__(
        self, name: str, size: int, drop: bool, fills: MutableMapping[str, tuple[int, int]]
    ) -> None:
        self.name = name
        self.size = size
        self.drop = drop
        self.dropped = 0
        """Messages dropped so far."""
        self._fills = fills
        self._items: deque[Any] = deque()
        # Held by `with self._lock`, never by a condition: a KeyboardInterrupt on its way out of
        # Condition.__enter__ would leave the lock taken for good.
        self._lock = Lock()
        self._filled = Condition(self._lock)
        self._emptied = Condition(self._lock)
        self._finished = False
        self._shut = False
        self._missing: tuple[float, float, int] | None = None
        fills[name] = (0, size)

    def put(self, message: Any) -> None:
        """Add a message: waits while full, or drops it; Halted where nobody takes any more."""
        with self._lock:
            if self.drop and len(self._items) >= self.size and not self._shut:
                self._count(message)
                return
            self._add(message, wait=True)

    def mark(self, marker: Marker) -> None:
        """Add a marker: waits while full, unless the inbox drops; Halted as ``put``."""
        with self._lock:
            self._add(marker, wait=not self.drop)

    def take(self) -> Any:
        """Return the oldest entry, waiting for one; END once finished and empty, or shut."""
        items = self._items
        with self._lock:
            while not items:
                if self._finished or self._shut:
                    return END
                self._filled.wait()
            item = items.popleft()
            self._fills[self.name] = (len(items), self.size)
            self._emptied.notify()
            return item

    def finish(self) -> None:
        """Say that nothing more will be put; what is inside will still be taken."""
        with self._lock:
            self._finished = True
            self._filled.notify()

    def shut(self) -> None:
        """Throw away what is inside and let nobody wait: the taking side is gone."""
        with self._lock:
            self._shut = True
            self._items.clear()
            self._fills[self.name] = (0, self.size)
            self._filled.notify()
            self._emptied.notify()

    def _add(self, item: Any, *, wait: bool) -> None:
        items = self._items
        while wait and len(items) >= self.size and not self._shut:
            self._emptied.wait()
        if self._shut:
            raise Halted
        if self._missing is not None:
            items.append(Gap("dropped", *self._missing))
            self._missing = None
        items.append(item)
        self._fills[self.name] = (len(items), self.size)
        self._filled.notify()

    def _count(self, message: Any) -> None:
        self.dropped += 1
        time = seconds(message)
        first, last, frames = self._missing or (time, time, 0)
        self._missing = (first, max(last, time), frames + 1)
