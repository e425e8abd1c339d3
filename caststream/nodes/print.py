"""Writes the label stream, one JSON object a line."""

from __future__ import annotations

import errno
import logging
import os
import stat
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Never

from caststream import records
from caststream.errors import OutputError, UsageError
from caststream.graph.node import Node
from caststream.messages import (
    Context,
    Dictionary,
    Gap,
    Labelled,
    LabelledTracks,
    Marker,
    ShotEnd,
    ShotFrame,
    StreamEnd,
    StreamStart,
    Tuned,
)
from caststream.nodes.said import Said

_log = logging.getLogger(__name__)
_ODD = "backslashreplace"
"""Bytes in names of files that are no UTF-8 become escapes, which JSON reads as what they are."""


class Lines:
    """Where lines go; several streams may write to one, a whole line at a time."""

    def __init__(self, labels: str | None, stopping: threading.Event) -> None:
        """Open a file, or standard output for None and "-"; OutputError where it cannot be.

        A named pipe is waited for until somebody reads it; after a stop lines go nowhere.
        """
        self._labels = labels = None if labels == "-" else labels
        self._lock = threading.Lock()
        self._out: IO[str] | None
        self._stale = False
        """Whether the file still holds the labels of before: they go when there are new ones."""
        if labels is None:
            if sys.stdout is None:
                raise OutputError("standard output is closed: give --labels FILE")
            # Labels are UTF-8 whatever the terminal's locale says.
            sys.stdout.reconfigure(  # type: ignore[union-attr]
                encoding="utf-8", errors=_ODD, newline="\n"
            )
            self._out = sys.stdout
            return
        try:
            self._out = open(  # noqa: SIM115, PTH123 (a descriptor as well)
                _named_pipe(labels, stopping) if Path(labels).is_fifo() else labels,
                "a", encoding="utf-8", errors=_ODD, newline="\n",
            )  # fmt: skip
            self._stale = stat.S_ISREG(os.fstat(self._out.fileno()).st_mode)
        except OSError as error:
            raise OutputError(f"cannot write the labels to {labels}: {error.strerror}") from error

    def write(self, line: str) -> None:
        """Write and flush one line; raises BrokenPipeError, and OutputError for a full disk."""
        with self._lock:
            if self._out is None:
                raise BrokenPipeError
            try:
                if self._stale:
                    self._out.truncate(0)
                    self._stale = False
                self._out.write(line + "\n")
                self._out.flush()
            except BrokenPipeError:
                self._out = None
                raise
            except OSError as error:
                # Let go without writing what is still buffered: it would fail again.
                self._abandon()
                where = self._labels or "standard output"
                hint = "; free some room and run again" if error.errno == errno.ENOSPC else ""
                raise OutputError(
                    f"cannot write the labels to {where}: {error.strerror}{hint}"
                ) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._abandon()

    def _abandon(self) -> None:
        if self._out is not None and self._labels is not None:
            try:
                self._out.close()
            except OSError as error:
                _log.debug("closing the labels: %s", error)
        self._out = None


def _named_pipe(path: str, stopping: threading.Event) -> int:
    from caststream.media.pipes import open_for_reader

    try:
        return open_for_reader(path, stopping)
    except BrokenPipeError:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


class Print(Node):
    """Write labels as NDJSON to standard output, or to the file that ``--labels`` names.

    Where the annotated video goes to standard output, labels without a file go nowhere.

    Each line goes out at once. Where the reader of standard output goes away, the stream is
    asked to end normally, so that what was seen is saved.
    """

    def __init__(self) -> None:
        self._context: Context | None = None
        self._out: Lines | None = None
        self._labels: str | None = None
        self._began = 0.0
        self._size = (0, 0)
        self._analysed = self._shots = self._tracks = 0
        self._said = Said()
        self._met: set[int] = set()
        """Characters of tracks that are forgotten by now."""

    def open(self, context: Context) -> None:
        """Open the file, so that a path that cannot be written is told before decoding.

        What it held before goes with the first new label: a run that is refused leaves it alone.
        Raises UsageError for the film itself, OutputError for what cannot be written.
        """
        from caststream.media.sources import is_film_itself

        labels = context.labels
        if labels is not None and is_film_itself(labels, context.uri):
            raise UsageError(f"{labels} is the film itself: give the labels another name")
        if labels is None and context.video == "-":
            labels = os.devnull
        self._labels = labels
        self._out = context.pool.lease(("labels", labels), lambda: Lines(labels, context.stopping))
        self._context = context
        self._began = time.monotonic()  # a stop may come before the first picture

    def process(
        self, message: ShotFrame | Labelled | LabelledTracks | Dictionary | Tuned
    ) -> Iterator[Never]:
        """Write what a message says; of frames without labels (graph ``shots``), nothing."""
        match message:
            case Labelled():
                self._analysed += 1
                self._write(self._frame(message))
                self._note(message)
            case LabelledTracks():
                self._tracks += len(message.tracks.tracks)
                for i, track in enumerate(message.tracks.tracks):
                    who = message.characters[i]
                    self._said.say(track.id, who)
                    self._write(
                        records.track_record(
                            track, who, message.names[i], float(message.confidence[i])
                        )
                    )
                self._met |= self._said.forget()
            case Dictionary():
                for number, _, who in message.relabelled:
                    self._said.say(number, who)
                self._write(records.dictionary_record(message))
            case Tuned():
                self._write(records.tuned_record(message))
        return iter(())

    def _note(self, message: Labelled) -> None:
        assert self._context is not None, "open comes first"
        vitals = self._context.vitals
        detections = message.tracked.embedded.detections
        vitals.analysed = self._analysed
        vitals.boxes += len(detections.boxes)
        vitals.latency.add(time.monotonic() - detections.source.frame.arrived)

    def _frame(self, message: Labelled) -> records.Record:
        detections = message.tracked.embedded.detections
        frame = detections.source.frame
        return records.frame_record(
            frame.index,
            frame.time,
            detections.source.shot,
            detections.boxes,
            detections.scores,
            message.tracked.tracks,
            message.characters,
            message.names,
            message.confidence,
            width=self._size[0],
            height=self._size[1],
        )

    def mark(self, marker: Marker) -> Iterator[Never]:
        """Begin a stream, or say that something is missing."""
        if isinstance(marker, StreamStart):
            self._begin(marker)
        elif isinstance(marker, Gap):
            self._write(records.gap_record(marker))
        return iter(())

    def _begin(self, start: StreamStart) -> None:
        context = self._context
        assert context is not None, "open comes first"
        self._began = time.monotonic()
        self._size = (start.width, start.height)
        self._analysed = self._shots = self._tracks = 0
        self._said = Said()
        self._met.clear()
        self._write(
            records.stream_record(
                start,
                source=context.source,
                graph=context.graph,
                store=context.store,
                models=context.models,
                started=datetime.now(UTC).isoformat(timespec="seconds"),
            )
        )

    def end_shot(self, end: ShotEnd) -> Iterator[Never]:
        """Write the shot."""
        self._shots += 1
        if self._context is not None:
            self._context.vitals.shots = self._shots
        self._write(records.shot_record(end.shot))
        return iter(())

    def end_stream(self, end: StreamEnd) -> Iterator[Never]:
        """Write the last record."""
        self._write(
            records.end_record(
                end,
                analysed=self._analysed,
                shots=self._shots,
                tracks=self._tracks,
                characters=len(self._met | self._said.everybody()),
                elapsed=time.monotonic() - self._began,
            )
        )
        return iter(())

    def _write(self, record: dict[str, Any]) -> None:
        if self._out is None or self._context is None:
            return
        if self._context.process.many:
            record["source"] = self._context.source
        try:
            self._out.write(records.dumps(record))
        except BrokenPipeError:
            self._out = None
            self._context.reader_gone = True
            self._context.stop()

    def close(self) -> None:
        """Close the file, unless other streams write to it."""
        self._out = None
        if self._context is not None:
            self._context.pool.release(("labels", self._labels))
            self._context = None
