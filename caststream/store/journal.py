"""What became of each file of a watched archive: a log beside what was made of them.

One JSON object a line, only ever appended to, synced before it counts; of the lines on one path the
last is in force, and a torn last line is none. Whether a *content* was labelled to its end is not
asked here but of the store itself, whose commits cannot disagree with its rows. Only who holds the
store's lock may write.
"""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from caststream.store.files import append, replace, told

_log = logging.getLogger(__name__)
FILE = "journal.ndjson"
_SPARE = 1000
"""Lines on files that have newer ones, above which the journal is written anew."""

Fate = Literal["begun", "done", "known", "bad"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: what happened to a file."""

    path: str
    size: int
    changed: int
    """When it was changed last, nanoseconds since 1970, as the file system says."""
    fate: Fate
    """``begun``: labelling started; ``done``; ``known``: another file has the same content;
    ``bad``: set aside."""
    why: str = ""
    """Why it was set aside, or which source has its content."""
    tries: int = 0
    """How often it was begun."""
    time: float = 0.0
    """When, seconds since 1970."""


class Journal:
    """The journal of one store."""

    def __init__(self, store: str | Path) -> None:
        """Read it, and mend it where a crash tore its end; OutputError where the disk refuses."""
        self._file = Path(store) / FILE
        self._entries: dict[str, Entry] = {}
        lines = self._file.read_bytes().split(b"\n") if self._file.exists() else [b""]
        whole = True
        for line in lines[:-1]:
            try:
                entry = Entry(**json.loads(line))
            except (ValueError, TypeError):
                _log.warning("%s: a damaged line was left out", self._file)
                whole = False
                continue
            self._entries[entry.path] = entry
        if not whole or lines[-1] or len(lines) > len(self._entries) + _SPARE:
            with told(self._file):
                replace(self._file, b"".join(map(_line, self._entries.values())))

    def __contains__(self, path: str) -> bool:
        return path in self._entries

    def get(self, path: str, size: int, changed: int) -> Entry | None:
        """The entry of a file, unless it has been changed since."""
        entry = self._entries.get(path)
        if entry is None or (entry.size, entry.changed) != (size, changed):
            return None
        return entry

    def of(self, fate: Fate) -> list[Entry]:
        """All entries of one kind, the oldest first."""
        return [entry for entry in self._entries.values() if entry.fate == fate]

    def note(
        self, path: str, size: int, changed: int, fate: Fate, why: str = "", tries: int = 0
    ) -> None:
        """Write what happened; it is on the disk when this returns."""
        entry = Entry(path, size, changed, fate, why, tries, round(time.time(), 3))
        with told(self._file):
            fd = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                append(fd, _line(entry), os.fstat(fd).st_size)
            finally:
                os.close(fd)
        self._entries[path] = entry


def _line(entry: Entry) -> bytes:
    return json.dumps(asdict(entry), ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
