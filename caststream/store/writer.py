"""Writes a store: one process, one commit a shot, each whole or not there at all."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import asdict
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

from caststream.errors import OutputError, SourceKnownError, StoreError
from caststream.messages import Gap, Mined, Shot, StreamEnd, StreamStart
from caststream.store.files import replace, told
from caststream.store.lock import Lock
from caststream.store.log import Record, encode
from caststream.store.openlog import OpenLog
from caststream.store.parts import LogPart, seal
from caststream.store.references import ReferencePart, differs, logged, runs
from caststream.store.schema import (
    Reference,
    Root,
    Segment,
    SourceInfo,
    group_metadata,
    is_live,
    pack,
    read_root,
    write_root,
)

logger = logging.getLogger(__name__)

SEAL_BYTES = 64 << 20
"""A log of this many bytes is sealed into a segment before the next commit."""
SEAL_COMMITS = 4096
"""... or of this many commits: replaying stays quick where shots hold nothing."""


F = TypeVar("F", bound=Callable[..., Any])


def _alone(method: F) -> F:
    """One thread at a time: several sources of a process share its one writer."""

    @wraps(method)
    def locked(self: StoreWriter, *args: Any, **more: Any) -> Any:
        with self._alone:
            return method(self, *args, **more)

    return cast(F, locked)


class StoreWriter:
    """The one writer of a store; holds its lock until closed.

    Every method that writes returns when the kernel has put it on the disk. Raises OutputError
    where the disk refuses; what was committed before stays valid, and the same call may be tried
    again once there is room.
    """

    def __init__(self, path: Path, lock: Lock) -> None:
        """Use ``open``."""
        self.path = path
        self.source: int | None = None
        """The source that commits go to."""
        self.compacting = threading.Lock()
        """Held while segments are written anew: by one at a time, beside commits."""
        self._lock = lock
        self._began: dict[int, float] = {}
        """Sources that run -> when they began."""
        self._alone = threading.RLock()
        self._root = read_root(path)
        self._log = OpenLog(path / "log")
        self._parts: list[LogPart | ReferencePart] = []
        self._newest = "0"
        """Name that was given to a segment last."""
        self._number = self._root.sealed
        self._rows = self._root.rows

    @classmethod
    def open(cls, path: str | Path, *, create: bool = True) -> StoreWriter:
        """Open the store for writing, after mending what a crash may have left.

        Raises StoreLockedError, StoreVersionError, StoreError for a path that is something else,
        OutputError for a folder that cannot be written.
        """
        # Segments need it: fifty megabytes and some threads, now rather than in mid-stream.
        import zarr  # noqa: F401

        path = Path(path)
        with told(path):
            if not _is_store(path, create):
                path.mkdir(parents=True, exist_ok=True)
            else:
                read_root(path)
        lock = Lock(path)
        try:
            with told(path):
                # Also in a store that exists: copying tools leave empty folders out.
                (path / "segments").mkdir(exist_ok=True)
                (path / "log").mkdir(exist_ok=True)
            if not (path / "zarr.json").exists():
                with told(path):
                    replace(path / "segments" / "zarr.json", group_metadata({}))
                write_root(path, Root())
            writer = cls(path, lock)
            with told(path):
                writer._recover()
        except BaseException:
            lock.release()
            raise
        return writer

    def _recover(self) -> None:
        named = {segment.name for segment in self._root.segments}
        named |= {name for name, _ in self._root.retired}
        for folder in (self.path / "segments").iterdir():
            if folder.is_dir() and folder.name not in named:
                shutil.rmtree(folder)
        for file in sorted((self.path / "log").glob("*.log")):
            follows = self._root.sealed + 1 if not self._parts else None
            for record in self._log.resume(file, self._root.sealed, follows):
                self._take(record)
        self._log.begin(self._number + 1)

    def _take(self, record: Record) -> None:
        self._root.apply(record.event)
        part = logged(record, self._rows)
        self._parts.append(part)
        self._number = record.number
        self._rows += part.rows

    @_alone
    def begin_source(
        self,
        start: StreamStart,
        again: bool = False,
        *,
        graph: str = "archive",
        models: dict[str, str] | None = None,
    ) -> int:
        """Give a source its id; commits go to it from now on.

        A content that the store already holds to its end is refused unless ``again``
        (SourceKnownError). With ``again``, and where its earlier run was interrupted or broke off,
        it is labelled anew from its beginning: the earlier run is superseded and no longer read.
        One that is being labelled at this moment is refused in any case.
        Live addresses are never refused and supersede nothing: they show something new each time.
        Vectors of two embedders cannot be compared: where the store holds those of another one
        than ``models`` names, StoreError.
        """
        held = [
            source
            for source in self._root.sources.values()
            if source.start.fingerprint == start.fingerprint
            and source.superseded_by is None
            and not is_live(start)
        ]
        for source in held:
            if source.id in self._began:
                raise SourceKnownError(
                    f"{start.uri} has the same content as {source.start.uri} (source {source.id}), "
                    "which is being labelled just now: give one of the two"
                )
            if source.complete and not again:
                raise SourceKnownError(
                    f"the store {self.path} already holds {source.start.uri} "
                    f"(source {source.id}, labelled {source.started[:10]}): "
                    "give --again to label it anew, or another --store"
                )
            if not source.complete:
                logger.info(
                    "source %d (%s) was not labelled to its end: labelled anew",
                    source.id,
                    source.start.uri,
                )
        self._check_embedder((models or {}).get("embedder"))
        number = len(self._root.sources)
        started = datetime.now(UTC).isoformat(timespec="milliseconds")
        begin = SourceInfo(number, start, started, graph, dict(models or {}))
        event = {"begin": asdict(begin), "supersedes": [source.id for source in held]}
        self._append(event, {})
        self.source = number
        self._began[number] = time.monotonic()
        return number

    def _check_embedder(self, ours: str | None) -> None:
        for source in self._root.sources.values():
            theirs = source.models.get("embedder")
            if ours and theirs and theirs != ours:
                raise StoreError(
                    f"the store {self.path} holds vectors of the embedder {theirs}, and this would "
                    f"add those of {ours}: give another --store, or the --embedder of before"
                )

    @_alone
    def commit(
        self,
        shot: Shot | None,
        mined: Sequence[Mined],
        gaps: Sequence[Gap],
        source: int | None = None,
    ) -> int:
        """Commit a shot with its tracks and the gaps before its end; returns the commit's number.

        ``shot`` is None for a window of a shot that goes on, and for gaps after the last shot;
        ``source`` is the one that began last, unless several run at once.
        """
        source = self.source if source is None else source
        if source is None:
            raise ValueError("commit before begin_source")
        self._seal_if_long()
        arrays = pack(self._number + 1, source, self._rows, shot, mined, gaps)
        if differs(self._parts, arrays):
            self.seal()
        return self._append({}, arrays)

    @_alone
    def refer(self, reference: Reference, rows: int) -> None:
        """Take commits of another store in without copying them; they have ``rows`` rows.

        ``reference.source`` is one of this store's; the other store must stay where it is.
        """
        self._seal_if_long()
        first, last = self._number + 1, self._number + reference.commits[1] - reference.commits[0]
        span = (reference.source, reference.source)
        segment = Segment("", first, last, self._rows, rows, span, reference)
        self._append({"refer": asdict(segment)}, {}, last)

    @_alone
    def end_source(self, end: StreamEnd, source: int | None = None) -> None:
        """Say that the source has ended, and how."""
        source = self.source if source is None else source
        if source is None or source not in self._began:
            raise ValueError("end_source before begin_source")
        elapsed = round(time.monotonic() - self._began[source], 3)
        self._append({"end": asdict(end), "source": source, "elapsed": elapsed}, {})
        self.leave_source(source)

    @_alone
    def leave_source(self, source: int) -> None:
        """Say that nobody commits to a source any more; where it has not ended, it broke off."""
        self._began.pop(source, None)
        if self.source == source:
            self.source = None

    def _seal_if_long(self) -> None:
        if self._log.size > SEAL_BYTES or len(self._parts) >= SEAL_COMMITS:
            self.seal()

    def _append(
        self, event: dict[str, Any], arrays: dict[str, Any], number: int | None = None
    ) -> int:
        self._check_open()
        data = encode(self._number + 1 if number is None else number, event, arrays)
        with told(self.path):
            self._log.begin(self._number + 1)
            record = self._log.append(data)
        self._take(record)
        return record.number

    @_alone
    def seal(self) -> None:
        """Turn the log into an immutable segment; a crash in the middle leaves the log in force."""
        if not self._parts:
            return
        sealed = copy(self._root)
        sealed.sealed, sealed.rows = self._number, self._rows
        sealed.segments = list(self._root.segments)
        names: list[str] = []
        try:
            for run in runs(self._parts):
                if isinstance(run, ReferencePart):
                    sealed.segments.append(run.segment)
                    continue
                names.append(self._new_name())
                with told(self.path):
                    sealed.segments.append(seal(self.path, names[-1], run))
            write_root(self.path, sealed)
        except BaseException:
            # What comes in between may come when the root names them already: then they count.
            if read_root(self.path).sealed != self._number:
                for name in names:
                    shutil.rmtree(self.path / "segments" / name, ignore_errors=True)
            raise
        self._root = sealed
        self._parts.clear()
        with told(self.path):
            self._log.drop()
            self._log.begin(self._number + 1)

    @_alone
    def seal_old(self, age: float) -> None:
        """Seal the log if its first commit is older than ``age`` seconds."""
        if self._parts and time.time() - self._log.began > age:
            self.seal()

    def _new_name(self) -> str:
        """A name for a segment that none has, nor is about to have."""
        number = max(int(self._root.next_name), int(self._newest) + 1)
        self._newest = f"{number:06d}"
        return self._newest

    @_alone
    def reserve(self) -> tuple[str, list[Segment]]:
        """A name for a new segment, and the segments there are: for who writes them anew."""
        return self._new_name(), list(self._root.segments)

    @property
    def retired(self) -> list[tuple[str, float]]:
        """Segments that others stand for by now, and since when (seconds since 1970)."""
        return list(self._root.retired)

    @_alone
    def change_root(self, change: Callable[[Root], None]) -> None:
        """Let ``change`` alter what the root names, all at once; what it raises leaves it alone."""
        self._check_open()
        changed = copy(self._root)
        changed.segments, changed.retired = list(changed.segments), list(changed.retired)
        change(changed)
        write_root(self.path, changed)
        self._root = changed

    def _check_open(self) -> None:
        """StoreError once it is closed: by now another process may write the store."""
        if not self._lock.held:
            raise StoreError(f"the store {self.path} is not written any more: its stream has ended")

    @_alone
    def close(self) -> None:
        """Seal what is left and let go of the store; safe to call again."""
        if self._log.open:
            try:
                self.seal()
            except OutputError as error:
                # Nothing is lost: the log holds it, and the next writer seals it.
                logger.warning("%s", error)
            self._log.close()
        self._lock.release()

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _is_store(path: Path, create: bool) -> bool:
    """Whether there is something at ``path`` to be read as a store; StoreError where foreign."""
    if path.exists() and not path.is_dir():
        raise StoreError(f"{path} is a file, not a store: give another --store")
    if (path / "zarr.json").exists():
        return True
    if not create:
        read_root(path)  # tells what is there instead
    # A crash while the store was made leaves these.
    made = {"LOCK", "segments", "log"}
    if path.is_dir() and any(
        entry.name not in made and not entry.name.endswith(".tmp") for entry in path.iterdir()
    ):
        raise StoreError(f"{path} is a folder with other things in it: give another --store")
    return False
