"""Waiting for room on a disk that is nearly full."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TypeVar

from caststream.errors import OutputError
from caststream.store.files import FULL

_log = logging.getLogger(__name__)
_LOOK = 1.0
"""Seconds between two looks at the disk."""
T = TypeVar("T")


def free(path: str | Path) -> int:
    """Bytes that may still be written on the disk of ``path``; very many where nobody knows."""
    try:
        found = os.statvfs(path)
    except OSError:
        return 1 << 62
    return found.f_bavail * found.f_frsize


class Room:
    """Keeps ``spare`` bytes of a disk free by waiting until somebody makes room."""

    def __init__(
        self, path: str | Path, spare: int, stopping: Event, say: Callable[[str], None]
    ) -> None:
        """``say`` is told what is waited for, and "" when it goes on."""
        self._path = Path(path)
        self._spare = spare
        self._stopping = stopping
        self._say = say

    def wait(self) -> None:
        """Return when there is room, or when the stream is asked to end."""
        with self._told():
            while free(self._path) < self._spare and not self._stopping.wait(_LOOK):
                continue

    def write(self, work: Callable[[], T]) -> T:
        """Do ``work`` once there is room, and again where the disk was full all the same.

        Raises OutputError as ``work`` does: for other reasons, and when the stream is ending.
        """
        self.wait()
        while True:
            try:
                return work()
            except OutputError as error:
                cause = error.__cause__
                full = isinstance(cause, OSError) and cause.errno in FULL
                if not full or self._stopping.is_set():
                    raise
                with self._told(always=True):
                    self._stopping.wait(_LOOK)

    @contextmanager
    def _told(self, always: bool = False) -> Iterator[None]:
        """Say why nothing goes on, where it has to wait."""
        left = free(self._path)
        if left >= self._spare and not always:
            yield
            return
        why = (
            f"{left >> 20} MiB are left on the disk of {self._path}, {self._spare >> 20} are wanted"
            " to go on: waiting until there is room"
        )
        _log.warning("%s", why)
        self._say(why)
        try:
            yield
        finally:
            self._say("")
