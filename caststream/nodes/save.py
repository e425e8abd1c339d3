"""Keeps shots, tracks and what they teach in the store, one commit a shot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from caststream.errors import UsageError
from caststream.graph.node import Node
from caststream.messages import (
    Context,
    Gap,
    Marker,
    Mined,
    Saved,
    Shot,
    ShotEnd,
    StreamEnd,
    StreamStart,
)

if TYPE_CHECKING:
    from caststream.store.room import Room
    from caststream.store.writer import StoreWriter


T = TypeVar("T")


class Save(Node):
    """Commits each shot when it ends, and the windows of a very long one as they come.

    Shots without tracks are kept as well. Opening raises what ``StoreWriter.open`` does, and a
    source that the store already holds raises SourceKnownError, both before anything is analysed.

    With ``room`` above 0 the stream waits while fewer MiB than that are free on the store's disk,
    and goes on when there is room; with 0 a full disk is an error. With ``keep`` ("30d", "12h") the
    crops of older rows are taken away while the stream goes on, but for some of each character.
    """

    def __init__(self, room: int = 0, keep: str = "") -> None:
        if room < 0:
            raise UsageError(f"save: room = {room} MiB cannot be; give 0 or more")
        from caststream.store.retention import parse_keep

        parse_keep(keep)
        self.room = room
        self.keep = keep
        self._room: Room | None = None
        self._context: Context | None = None
        self._writer: StoreWriter | None = None
        self._source = -1
        self._mined: list[Mined] = []
        self._gaps: list[Gap] = []
        self._tracks = 0

    def open(self, context: Context) -> None:
        """Take the store, so that what is wrong with it is told before decoding starts."""
        from caststream.store.compact import Janitor
        from caststream.store.control import Control
        from caststream.store.retention import parse_keep
        from caststream.store.room import Room
        from caststream.store.writer import StoreWriter

        if context.store is None:
            raise UsageError('the node "save" needs a store: give --store PATH')
        store = context.store
        self._writer = context.pool.lease(("writer", store), lambda: StoreWriter.open(store))
        self._context = context
        if self.room:
            vitals = context.vitals
            context.patient = True

            def say(why: str) -> None:
                vitals.blocked = why

            self._room = Room(store, self.room << 20, context.stopping, say)
        if self.keep:
            keep, writer = parse_keep(self.keep), self._writer
            context.pool.lease(("janitor", store), lambda: Janitor(writer, keep))
        answer = context.answer
        if answer is not None:
            # Whoever has the lock of the store may answer for it.
            context.pool.lease(("control", store), lambda: Control(store, answer))

    def mark(self, marker: Marker) -> Iterator[Saved]:
        """Begin the source; keep a gap for the next commit."""
        if isinstance(marker, StreamStart):
            assert self._context is not None, "open comes first"
            context = self._context
            writer = self._open_writer()
            self._source = self._write(
                lambda: writer.begin_source(
                    marker, context.again, graph=context.graph, models=context.models
                )
            )
            context.source = context.vitals.id = self._source
        elif isinstance(marker, Gap):
            self._gaps.append(marker)
        return iter(())

    def process(self, message: Mined) -> Iterator[Saved]:
        """Hold the shot's tracks until it ends; an earlier window of the same shot goes out now."""
        if self._mined:
            self._commit(None)
        self._mined.append(message)
        self._tracks += len(message.tracks.tracks)
        return iter(())

    def end_shot(self, end: ShotEnd) -> Iterator[Saved]:
        """Commit the shot."""
        tracks, self._tracks = self._tracks, 0
        if self._context is not None:
            self._context.vitals.tracks += tracks
            self._context.vitals.commits += 1
        yield Saved(self._source, self._commit(end.shot), end.shot, tracks)

    def end_stream(self, end: StreamEnd) -> Iterator[Saved]:
        """Keep what came after the last shot, and say how the source ended."""
        if self._source < 0:
            return iter(())  # a stop before the first picture: there is no source to end
        if self._mined or self._gaps:
            self._commit(None)
        writer = self._open_writer()
        self._write(lambda: writer.end_source(end, self._source))
        return iter(())

    def close(self) -> None:
        """Seal the store and let go of it."""
        if self._writer is not None:
            assert self._context is not None
            self._writer.leave_source(self._source)
            if self._context.answer is not None:
                self._context.pool.release(("control", self._context.store))
            if self.keep:
                self._context.pool.release(("janitor", self._context.store))
            self._context.pool.release(("writer", self._context.store))
            self._writer = None

    def _commit(self, shot: Shot | None) -> int:
        writer = self._open_writer()
        number = self._write(lambda: writer.commit(shot, self._mined, self._gaps, self._source))
        self._mined, self._gaps = [], []
        return number

    def _write(self, work: Callable[[], T]) -> T:
        return work() if self._room is None else self._room.write(work)

    def _open_writer(self) -> StoreWriter:
        if self._writer is None:
            raise ValueError("save was not opened")
        return self._writer
