"""What a store holds, as columns in memory that grow with it: the page asks this, not the disk.

The reader's own tables are read anew after every commit; here each commit is taken in once, so
that a page over 100,000 tracks answers at once while a stream writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caststream.messages import F4, F8, I8, Shot
from caststream.store.reader import StoreReader
from caststream.store.schema import SourceInfo

_WHOLE = ("uid", "shot", "start_frame", "end_frame", "boxes", "exemplar", "first_row")
_REAL = ("start", "end", "score")


@dataclass(frozen=True, slots=True)
class Tracks:
    """All tracks that count, in the order of their commits; a uid occurs once."""

    uid: I8
    shot: I8
    start_frame: I8
    end_frame: I8
    boxes: I8
    exemplar: I8
    """Frame number of the most typical box."""
    first_row: I8
    start: F8
    end: F8
    score: F4

    def __len__(self) -> int:
        return len(self.uid)

    @property
    def source(self) -> I8:
        """Source id of each track."""
        return self.uid >> 32

    @property
    def seconds(self) -> F8:
        """Screen time of each track."""
        return self.end - self.start

    def where(self, keep: NDArray[np.bool_] | I8) -> Tracks:
        """Some of the lines."""
        return Tracks(**{name: getattr(self, name)[keep] for name in Tracks.__slots__})


class Index:
    """The tracks and shots of one store as of the last ``refresh``; not to be shared by threads."""

    def __init__(self, store: Path) -> None:
        """Take in all that is committed; raises as ``StoreReader`` does."""
        self.reader = StoreReader(store)
        self._commit = -1
        self._columns: dict[str, list[NDArray[Any]]] = {n: [] for n in (*_WHOLE, *_REAL)}
        self._apart: list[I8] = []
        self._beside: I8 | None = None
        self._shots: dict[int, list[Shot]] = {}
        self._frames: dict[int, list[tuple[I8, F8]]] = {}
        self._known = _table({name: [] for name in self._columns})
        self.tracks = self._known
        self._order: I8 = np.zeros(0, np.int64)
        self._sorted: I8 = np.zeros(0, np.int64)
        self.changes = 0
        """Rises with every refresh that brought something."""
        self.refresh()

    def refresh(self) -> bool:
        """Take in what was committed since; true where there was something."""
        if not self.reader.refresh() and self.changes:
            return False
        for commit in self.reader.since(self._commit):
            for name, column in self._columns.items():
                column.append(getattr(commit.tracks, name))
            if len(commit.apart):
                self._apart.append(commit.apart)
            if commit.shot is not None:
                self._shots.setdefault(commit.source, []).append(commit.shot)
            self._frames.setdefault(commit.source, []).append((commit.frames, commit.times))
        self._commit = self.reader.last_commit
        self._known = _table(self._columns)
        self._columns = {name: [getattr(self._known, name)] for name in self._columns}
        gone = list(self.reader.superseded())
        self.tracks = self._known.where(~np.isin(self._known.source, gone)) if gone else self._known
        self._order = np.argsort(self.tracks.uid, kind="stable")
        self._sorted = self.tracks.uid[self._order]
        self._beside = None
        self.changes += 1
        return True

    def sources(self) -> list[SourceInfo]:
        """The sources that count, in order."""
        return self.reader.sources()

    def source(self, number: int) -> SourceInfo:
        """One source; KeyError where there is none such, or it was labelled anew."""
        for found in self.sources():
            if found.id == number:
                return found
        raise KeyError(f"source {number}")

    def shots(self, source: int) -> list[Shot]:
        """The shots of a source in order."""
        return self._shots.get(source, [])

    def frames(self, source: int) -> tuple[I8, F8]:
        """Numbers and times of the frames of a source that were analysed, in order."""
        parts = self._frames.get(source, [])
        if len(parts) > 1:
            numbers = np.concatenate([p[0] for p in parts])
            times = np.concatenate([p[1] for p in parts])
            order = np.argsort(numbers, kind="stable")
            self._frames[source] = parts = [(numbers[order], times[order])]
        return parts[0] if parts else (np.zeros(0, np.int64), np.zeros(0))

    def apart(self) -> I8:
        """(P, 2) lines of ``tracks`` that were seen side by side."""
        if self._beside is None:
            self._apart = [np.concatenate(self._apart)] if self._apart else []
            pairs = self._apart[0] if self._apart else np.zeros((0, 2), np.int64)
            lines = self.places(pairs.ravel()).reshape(-1, 2)
            self._beside = lines[(lines >= 0).all(axis=1)]
        return self._beside

    def places(self, uids: I8) -> I8:
        """Lines of ``tracks`` at which these uids stand, -1 where none does."""
        if not len(self._sorted):
            return np.full(len(uids), -1, np.int64)
        at = np.minimum(np.searchsorted(self._sorted, uids), len(self._sorted) - 1)
        return np.where(self._sorted[at] == uids, self._order[at], -1)

    def close(self) -> None:
        """Let go of the store's files."""
        self.reader.close()


def _table(columns: dict[str, list[NDArray[Any]]]) -> Tracks:
    whole = {name: _joined(columns[name], np.int64) for name in _WHOLE}
    real = {name: _joined(columns[name], np.float64) for name in _REAL}
    return Tracks(**whole, **real)


def _joined(parts: list[NDArray[Any]], kind: type) -> NDArray[Any]:
    return np.concatenate(parts).astype(kind, copy=False) if parts else np.zeros(0, kind)
