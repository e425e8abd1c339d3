"""Reads a store while it may be growing: only what is committed, and never in the writer's way."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caststream.messages import F4, I8, Gap, Shot
from caststream.store.log import scan
from caststream.store.parts import LogPart, Part, SegmentPart, empty
from caststream.store.references import ReferencePart, first_of, logged, part_of
from caststream.store.schema import COLUMNS, LINES, Root, SourceInfo, read_root, split_uid
from caststream.store.tables import (
    Commit,
    RowTable,
    TrackTable,
    gap_from,
    join_tracks,
    shot_from,
    track_table,
)

Array = NDArray[Any]

_AT_ONCE = 16
"""References that are read at the same time."""
_TABLES = ("shots", "gaps", "frames", "tracks", "spans", "online", "apart", "triplets", "evidence")
"""The arrays that a commit holds in memory; its rows are read when asked for."""


class StoreReader:
    """All that is committed in a store, as of the last ``refresh``.

    Takes no lock. Superseded sources are left out unless one is asked for by its id. Tables and
    commits that were handed out stay good after a ``refresh``. Not to be shared between threads.
    """

    def __init__(self, path: str | Path) -> None:
        """Open; raises StoreError and StoreVersionError as ``read_root`` does."""
        self.path = Path(path)
        self._root = Root()
        self._stamp: tuple[int, int] | None = None
        self._segments: list[SegmentPart | ReferencePart] = []
        self._unsealed: list[LogPart | ReferencePart] = []
        self._logs: dict[str, tuple[int, int]] = {}
        """Name -> open file, and how far it was read."""
        self._replaced: list[int] = []
        """Files that are gone from the folder, and may still hold commits that we know."""
        self.last_commit = -1
        """Number of the last commit that this reader knows; sources' beginnings count as well."""
        self.row_count = 0
        """Rows in all commits, those of superseded sources included."""
        self.refresh()

    # --- growth --------------------------------------------------------------------------------

    def refresh(self) -> bool:
        """Take in what was committed since; true where there was something."""
        before = self.last_commit
        while True:
            # The writer replaces the root before it drops the log that it sealed. So if the root
            # is the same before and after, the log that was read follows it.
            stamp = self._stamp_of_root()
            if stamp != self._stamp:
                self._load_root()
            self._read_logs()
            if stamp == self._stamp_of_root():
                self._stamp = stamp
                break
        if self.last_commit == before:
            return False
        for name in ("_parts", "_row_starts", "_tracks"):
            self.__dict__.pop(name, None)
        return True

    def _stamp_of_root(self) -> tuple[int, int]:
        try:
            stat = (self.path / "zarr.json").stat()
        except OSError:
            return (0, 0)
        return stat.st_ino, stat.st_mtime_ns

    def _load_root(self) -> None:
        self._root = read_root(self.path)
        # Segments are immutable, but several may have become one: names tell.
        known = {(one.segment.name, one.first): one for one in self._segments}
        self._segments = [
            known.get((segment.name, segment.first)) or part_of(self.path, segment)
            for segment in self._root.segments
        ]
        self.__dict__.pop("_parts", None)
        self.__dict__.pop("_row_starts", None)
        self._unsealed = [part for part in self._unsealed if part.first > self._root.sealed]
        for part in self._unsealed:
            if part.record is not None:
                self._root.apply(part.record.event)
        self._count()

    def _count(self) -> None:
        last = self._unsealed[-1] if self._unsealed else None
        self.last_commit = last.last if last else self._root.sealed
        self.row_count = last.first_row + last.rows if last else self._root.rows

    def _read_logs(self) -> None:
        logs = sorted((self.path / "log").glob("*.log"))
        self._forget_logs({log.name for log in logs})
        for log in logs:
            fd, offset = self._logs.get(log.name, (-1, 0))
            try:
                if fd >= 0 and log.stat().st_ino != os.fstat(fd).st_ino:
                    # Another file by now: a writer that mended the store began the log anew.
                    self._replaced.append(fd)
                    fd = -1
                if fd < 0:
                    fd, offset = os.open(log, os.O_RDONLY | os.O_CLOEXEC), 0
            except FileNotFoundError:
                return  # sealed just now; the root tells
            self._logs[log.name] = (fd, offset)
            for record in scan(fd, offset):
                if first_of(record) > self.last_commit + 1:
                    return  # what lies before was sealed just now; the root tells
                self._logs[log.name] = (fd, record.end)
                if first_of(record) == self.last_commit + 1:
                    self._unsealed.append(logged(record, self.row_count))
                    self._root.apply(record.event)
                    self._count()

    def _forget_logs(self, there: set[str]) -> None:
        in_use = {part.record.fd for part in self._unsealed if part.record is not None}
        for name in self._logs.keys() - there:
            self._replaced.append(self._logs.pop(name)[0])
        for fd in [fd for fd in self._replaced if fd not in in_use]:
            os.close(fd)
            self._replaced.remove(fd)

    # --- what there is -------------------------------------------------------------------------

    def sources(self, *, superseded: bool = False) -> list[SourceInfo]:
        """All sources in the order of their ids, those labelled anew left out unless asked for."""
        listed = sorted(self._root.sources.values(), key=lambda source: source.id)
        return [s for s in listed if superseded or s.superseded_by is None]

    def superseded(self) -> set[int]:
        """Ids of the sources that were labelled anew: what was learnt of them is to be dropped."""
        return {s.id for s in self._root.sources.values() if s.superseded_by is not None}

    def shots(self, source: int) -> list[Shot]:
        """The shots of a source in order."""
        return [shot_from(line) for line in self._lines("shots", source)]

    def gaps(self, source: int) -> list[Gap]:
        """The gaps of a source in order."""
        return [gap_from(line) for line in self._lines("gaps", source)]

    @property
    def commit_count(self) -> int:
        """How many commits there are, those of superseded sources included."""
        return sum(part.count("commits") for part in self._parts)

    def tracks(self, source: int | None = None) -> TrackTable:
        """The tracks of one source, or of all that are not superseded."""
        table = self._tracks
        if source is None:
            gone = list(self.superseded())
            return table.where(~np.isin(table.source, gone)) if gone else table
        return table.where(table.source == source)

    def rows(self, first: int, last: int) -> RowTable:
        """Rows ``first`` to ``last`` (exclusive, store-wide); columns are read when asked for."""
        first, last = max(first, 0), min(last, self.row_count)
        return self.rows_at(np.arange(first, max(first, last)))

    def rows_at(self, numbers: I8) -> RowTable:
        """Rows of any store-wide numbers (N,), in that order; a number may occur again.

        Raises IndexError for numbers that the store does not have.
        """
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < self.row_count:
            raise IndexError(f"rows {numbers.min()}..{numbers.max()} of {self.row_count}")
        return RowTable(numbers, self._read_rows, self._read_crops)

    def rows_of(self, uid: int) -> RowTable:
        """The rows of a track in the order of time; KeyError where the store has no such track."""
        table = self._tracks
        found = np.flatnonzero(table.uid == uid)
        if not len(found):
            raise KeyError("source {}, track {}".format(*split_uid(uid)))
        first = int(table.first_row[found[0]])
        return self.rows(first, first + int(table.boxes[found[0]]))

    def since(self, commit: int) -> Iterator[Commit]:
        """Commits with a higher number, in order, without those of superseded sources.

        ``refresh`` may be called while walking; the walk ends at what is known by then.
        """
        gone = self.superseded()
        return (c for c in self._walk(commit, None) if c.source not in gone)

    def commits(self, source: int) -> Iterator[Commit]:
        """The commits of one source in order, superseded or not."""
        return self._walk(-1, source)

    def apart(self) -> I8:
        """(P, 2) uids of tracks that were seen side by side."""
        pairs = [c.apart for c in self.since(-1)]
        return np.concatenate([np.zeros((0, 2), np.int64), *pairs])

    def triplets(self) -> I8:
        """(M, 3) row numbers of anchor, positive, negative."""
        triplets = [c.triplets for c in self.since(-1)]
        return np.concatenate([np.zeros((0, 3), np.int64), *triplets])

    def evidence(self) -> F4:
        """(M, 4) what each of the triplets rests on, see ``Mined.evidence``."""
        evidence = [c.evidence for c in self.since(-1)]
        return np.concatenate([np.zeros((0, 4), np.float32), *evidence])

    # --- how it is read ------------------------------------------------------------------------

    @cached_property
    def _parts(self) -> list[Part]:
        return [*self._segments, *self._unsealed]

    @cached_property
    def _row_starts(self) -> I8:
        return np.array([part.first_row for part in self._parts], np.int64)

    @cached_property
    def _tracks(self) -> TrackTable:
        def read(part: Part) -> TrackTable | None:
            if not part.count("tracks"):
                return None
            return track_table(*(part.read(name) for name in ("tracks", "spans", "online")))

        # What lies in an object store is waited for, so many are asked at once.
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            far = [isinstance(part, ReferencePart) for part in self._parts]
            found = list((pool.map if sum(far) > 1 else map)(read, self._parts))
        return join_tracks(table for table in found if table is not None)

    def _lines(self, name: str, source: int) -> Array:
        """The lines of an array that commits of a source brought."""
        found = [empty(name)]
        for part in self._parts:
            if part.holds(source):
                table = part.read("commits")
                brought = table[:, COLUMNS["commits"].index(name)]
                found.append(part.read(name)[np.repeat(table[:, 1] == source, brought)])
        return np.concatenate(found)

    def _walk(self, commit: int, source: int | None) -> Iterator[Commit]:
        while True:
            # Looked up anew each time: a refresh may have moved the commits into a segment.
            place = bisect_right(self._parts, commit, key=lambda part: part.last)
            if place == len(self._parts):
                return
            part = self._parts[place]
            if source is None or part.holds(source):
                for found in self._commits_of(part, commit, source):
                    yield found
                    commit = found.number
            commit = max(commit, part.last)

    def _commits_of(self, part: Part, after: int, source: int | None) -> Iterator[Commit]:
        table = part.read("commits")
        ends = np.cumsum(table, axis=0)
        chosen = table[:, 0] > after
        if source is not None:
            chosen &= table[:, 1] == source
        if not chosen.any():
            return
        # Small arrays are read once for all commits: a read of zarr costs the same for one line.
        whole = {name: part.read(name) for name in _TABLES}
        for i in np.flatnonzero(chosen):
            runs = {
                name: slice(end - count, end)
                for name, count, end in zip(
                    COLUMNS["commits"], table[i].tolist(), ends[i].tolist(), strict=True
                )
            }
            lines = {name: whole[name][runs[LINES.get(name, name)]] for name in _TABLES}
            first, last = runs["rows"].start, runs["rows"].stop
            yield Commit(
                number=int(table[i, 0]),
                source=int(table[i, 1]),
                shot=shot_from(lines["shots"][0]) if len(lines["shots"]) else None,
                gaps=tuple(map(gap_from, lines["gaps"])),
                frames=lines["frames"][:, 0].astype(np.int64),
                times=lines["frames"][:, 1],
                tracks=track_table(lines["tracks"], lines["spans"], lines["online"]),
                rows=self.rows(part.first_row + first, part.first_row + last),
                apart=lines["apart"],
                triplets=lines["triplets"],
                evidence=lines["evidence"],
            )

    def _runs(self, numbers: I8) -> Iterator[tuple[Part, I8, slice]]:
        """Parts, the lines in them, and which of the ascending ``numbers`` these are."""
        owner = np.searchsorted(self._row_starts, numbers, "right") - 1
        cuts = np.flatnonzero(np.diff(owner)) + 1
        for first, last in zip([0, *cuts], [*cuts, len(numbers)], strict=True):
            part = self._parts[owner[first]]
            yield part, numbers[first:last] - part.first_row, slice(first, last)

    def _read_rows(self, name: str, numbers: I8) -> Array:
        if not len(numbers):
            like = next((part for part in self._parts if part.rows), None)
            return like.read(name, 0, 0) if like else empty(name)
        if not (np.diff(numbers) > 0).all():
            distinct, back = np.unique(numbers, return_inverse=True)
            return self._read_rows(name, distinct)[back]
        return np.concatenate([p.read_at(name, lines) for p, lines, _ in self._runs(numbers)])

    def _read_crops(self, numbers: I8) -> tuple[bytes, ...]:
        crops: list[bytes] = [b""] * len(numbers)
        order = np.argsort(numbers, kind="stable")
        if not len(numbers):
            return ()
        for part, lines, where in self._runs(numbers[order]):
            places = part.crop_places()
            for cut in np.split(np.arange(len(lines)), np.flatnonzero(np.diff(lines) != 1) + 1):
                run = lines[cut]
                begin = int(places[run[0]])
                data = part.read("crops", begin, int(places[run[-1] + 1])).tobytes()
                for k, line in zip(cut.tolist(), run.tolist(), strict=True):
                    crop = data[places[line] - begin : places[line + 1] - begin]
                    crops[order[where.start + k]] = crop
        return tuple(crops)

    def close(self) -> None:
        """Let go of the files; safe to call again."""
        self._unsealed.clear()
        self._forget_logs(set())

    def __enter__(self) -> StoreReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
