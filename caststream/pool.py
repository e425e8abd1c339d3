"""What the runs of one process share: models, the store's writer, the output of labels.

A node asks its context's pool for a thing by a key; whoever asks first makes it. A pool that is
kept (several sources, one after the other or at once) holds everything until it is closed, so that
the next source does not load models again; otherwise a thing is closed when the last node that uses
it is closed.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")
_log = logging.getLogger(__name__)


class _Entry:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.made = False
        self.thing: Any = None
        self.users = 0


class Pool:
    """Shared things by key, made once; safe for several threads."""

    def __init__(self, keep: bool = False) -> None:
        self.keep = keep
        self._lock = threading.Lock()
        self._entries: dict[Hashable, _Entry] = {}

    def lease(self, key: Hashable, make: Callable[[], T]) -> T:
        """The thing of this key; raises what ``make`` raises, and then nothing is kept."""
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            entry.users += 1
        try:
            with entry.lock:
                if not entry.made:
                    entry.thing = make()
                    entry.made = True
                thing: T = entry.thing
        except BaseException:
            self._leave(key, entry)
            raise
        return thing

    def release(self, key: Hashable) -> None:
        """Say that one user is done with it; the last one closes it unless the pool is kept."""
        with self._lock:
            entry = self._entries.get(key)
        if entry is not None and self._leave(key, entry):
            _close(entry.thing)

    def _leave(self, key: Hashable, entry: _Entry) -> bool:
        """Count a user off; true where the thing is to be closed."""
        with self._lock:
            entry.users -= 1
            if entry.users > 0 or (self.keep and entry.made):
                return False
            if self._entries.get(key) is entry:
                del self._entries[key]
            return entry.made

    def close(self) -> None:
        """Close everything, the newest first; the first failure is raised when all is closed."""
        with self._lock:
            entries = list(self._entries.values())
            self._entries.clear()
        with contextlib.ExitStack() as stack:
            for entry in entries:
                if entry.made:
                    stack.callback(_close, entry.thing)


def _close(thing: Any) -> None:
    close = getattr(thing, "close", None)
    if close is not None:
        close()
