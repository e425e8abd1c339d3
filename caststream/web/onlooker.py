"""Looks on while a stream runs: asks its process, and keeps what it answered last."""

from __future__ import annotations

import base64
import threading
import time
from pathlib import Path
from typing import Any

from caststream.errors import StoreError
from caststream.store.control import ask

REST = 0.4
"""Seconds that an answer is good for: ten people who look on cost the stream no more than one."""


class Onlooker:
    """What the stream that writes a store says of itself; safe for several threads."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._asked = float("-inf")
        self._said: dict[str, Any] | None = None
        self._pictures: dict[int, tuple[int, bytes]] = {}
        """Source -> number of the frame, JPEG."""

    def look(self) -> dict[str, Any] | None:
        """Its statistics, with the newest labelled picture's boxes under ``looks``.

        None where no stream is running.
        """
        with self._lock:
            if time.monotonic() - self._asked >= REST:
                self._said = self._ask()
                self._asked = time.monotonic()
            return self._said

    def picture(self, source: int) -> bytes | None:
        """The newest picture of a source as JPEG, None where there is none yet."""
        with self._lock:
            return self._pictures[source][1] if source in self._pictures else None

    def _ask(self) -> dict[str, Any] | None:
        known = {str(source): frame for source, (frame, _) in self._pictures.items()}
        try:
            said: dict[str, Any] = ask(self._store, {"do": "look", "known": known})
        except StoreError:
            self._pictures.clear()
            return None
        looks = said.get("looks", {})
        for name, seen in looks.items():
            if seen.get("jpeg"):
                self._pictures[int(name)] = (seen["frame"], base64.b64decode(seen.pop("jpeg")))
        for source in [s for s in self._pictures if str(s) not in looks]:
            del self._pictures[source]
        return said
