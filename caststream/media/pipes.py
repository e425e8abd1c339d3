"""Pipes: without ever being stuck in them, and knowing which cannot be read in order."""

from __future__ import annotations

import errno
import os
import select
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

_CHUNK = 1 << 20
_GROWTH = 0.25
"""Seconds between two looks at a file that grows."""
_READER = 0.1
"""Seconds between two looks whether somebody reads a named pipe."""
_PEEK = 65536
"""Bytes of an MP4 in which its outermost boxes are looked for."""
_BOXES = frozenset(
    b"ftyp moov moof mdat free skip wide uuid pnot styp sidx emsg prft meta pdin junk".split()
)


class _End:
    """One end of a pipe, open for as long as anybody holds it."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.close(self.number)


class StopSign:
    """Wakes whoever waits for input. ``set`` takes no lock, so a signal handler may call it."""

    def __init__(self) -> None:
        self.up = False
        ends = os.pipe()
        os.set_blocking(ends[1], False)
        self._read: _End | None = _End(ends[0])
        self._write: _End | None = _End(ends[1])

    def set(self) -> None:
        """Ask everything that reads to come to an end; may be called again and after close."""
        self.up = True
        # Held while it is written to: were it closed by another thread just now, its number could
        # be that of another file already.
        end = self._write
        if end is not None:
            try:
                os.write(end.number, b"x")
            except (BlockingIOError, BrokenPipeError):
                return

    def wait(self, descriptor: int | None, seconds: float | None) -> bool:
        """Wait for input on a descriptor; False if none came in time or the sign went up."""
        poll = select.poll()
        end = self._read
        if end is not None:
            poll.register(end.number, select.POLLIN)
        if descriptor is not None:
            poll.register(descriptor, select.POLLIN)
        events = poll.poll(None if seconds is None else max(0.0, seconds) * 1000.0)
        return not self.up and any(ready == descriptor for ready, _ in events)

    def close(self) -> None:
        """Give the descriptors back."""
        self._read = self._write = None


class PipeReader:
    """A pipe as PyAV reads it: never blocks past a stop sign, gives what is there at once."""

    def __init__(self, descriptor: int, stop: StopSign) -> None:
        self._descriptor = descriptor
        self._stop = stop
        self._head = bytearray()

    def peek(self, size: int, seconds: float | None = None) -> bytes:
        """The first ``size`` bytes, or less where the pipe ends or time runs out."""
        until = None if seconds is None else time.monotonic() + seconds
        while len(self._head) < size:
            data = self._next(_CHUNK, until)
            if not data:
                break
            self._head += data
        return bytes(self._head[:size])

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none at the end and after a stop."""
        if self._head:
            data = bytes(self._head[:size])
            del self._head[:size]
            return data
        return self._next(size, None)

    def _next(self, size: int, until: float | None) -> bytes:
        """What is there next; none at the end, after a stop, and where time runs out."""
        left = None if until is None else until - time.monotonic()
        if not self._stop.wait(self._descriptor, left):
            return b""
        return os.read(self._descriptor, size)


class GrowingReader(PipeReader):
    """A file that is still written: at its end it is read on as it grows."""

    def __init__(self, descriptor: int, stop: StopSign, patience: float) -> None:
        """``patience`` is how many seconds without growth are taken for the end."""
        super().__init__(descriptor, stop)
        self._patience = patience

    def _next(self, size: int, until: float | None) -> bytes:
        rest = time.monotonic() + self._patience
        rest = rest if until is None else min(rest, until)
        while not self._stop.up:
            data = os.read(self._descriptor, size)
            if data or time.monotonic() >= rest:
                return data
            self._stop.wait(None, min(_GROWTH, max(0.01, rest - time.monotonic())))
        return b""


def open_for_reader(path: str | Path, stopping: Event) -> int:
    """Open a named pipe for writing as soon as somebody reads it.

    The system would wait as well, and not hear a stop. Raises BrokenPipeError where ``stopping`` is
    set before anybody came.
    """
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        else:
            os.set_blocking(descriptor, True)
            return descriptor
        if stopping.wait(_READER):
            raise BrokenPipeError(errno.EPIPE, "nobody came to read it", str(path))


def index_size(head: bytes) -> int:
    """Bytes that an MP4 states for its index, as far as its beginning ``head`` shows; else 0."""
    return next((size for kind, size in _boxes(head) if kind == b"moov"), 0)


def index_comes_last(pipe: PipeReader) -> bool:
    """Whether this is an MP4 whose pictures come before its index (ISO/IEC 14496-12, 4.2)."""
    for kind, _ in _boxes(pipe):
        if kind in (b"moov", b"moof"):
            return False
        if kind == b"mdat":
            return True
    return False


def _boxes(source: PipeReader | bytes) -> Iterator[tuple[bytes, int]]:
    """Types and sizes of the outermost boxes, as far as a small beginning reaches."""
    place = 0
    while place + 16 <= _PEEK:
        seen = source if isinstance(source, bytes) else source.peek(place + 16)
        head = seen[place : place + 16]
        if len(head) < 8 or head[4:8] not in _BOXES:
            return
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        yield head[4:8], size
        if size < 8:
            return
        place += size
