"""From an opened source to pictures at their times, whatever the input does in between."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import av

from caststream.errors import InputError
from caststream.media.clock import Clock
from caststream.media.filters import FilterChain
from caststream.media.geometry import Geometry
from caststream.media.picture import Picture
from caststream.media.sources import PIXEL_LIMIT, Source, StopSign
from caststream.media.surface import CpuSurface, Scalers

_LEAP_STREAMED = 10.0
_LEAP_INDEXED = 600.0
"""Seconds that a film may stand still before that is taken for a jump of its clock: streams are
spliced, while an indexed file may well hold one drawing for minutes."""
_GIVE_UP = 100
"""Failures in a row after which a demuxer is taken for dead."""
_SHORT = 0.5
"""Seconds that may be missing at the end before a file is said to be cut off."""
_BACK_OFF = (0.5, 30.0)
"""First and longest wait, in seconds, before a lost source is tried again."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One decoded frame: its number, its time in seconds, its picture."""

    index: int
    time: float
    picture: Picture


@dataclass(frozen=True, slots=True)
class Break:
    """Something is missing or has jumped between two times; ``frames`` is 0 where unknown."""

    reason: Literal["reconnect", "corrupt", "discontinuity", "resized"]
    start: float
    end: float
    frames: int


class Decoder:
    """Decodes one source; iterate over ``run`` on one thread.

    Frames carry on over broken packets, jumping clocks, changing picture sizes and (for live
    sources) lost connections; each of these is told by one ``Break`` before the next frame.
    """

    def __init__(self, source: Source, stop: StopSign, *, chain: str = "", threads: int = 0) -> None:
        """Get ready; ``chain`` is a libavfilter chain, ``threads`` 0 for as many as cores."""
        self._source = source
        self._stop = stop
        self._chain_text = chain
        self._threads = threads or os.cpu_count() or 1
        self._chain: FilterChain | None = None
        self._upright: FilterChain | None = None
        self._shape: tuple[object, ...] = ()
        self._scalers = Scalers()
        self._aspect = 1.0
        self._geometry = Geometry()
        self.width = source.stream.width
        self.height = source.stream.height
        self._step = 1.0 / (source.fps or 25.0)
        streamed = source.remote or "mpegts" in source.container.format.name
        self._clock = Clock(self._step, _LEAP_STREAMED if streamed else _LEAP_INDEXED)
        self._times: dict[int, float] = {}
        self._count = 0
        self._failures = 0
        self._lost_at: float | None = None

    @property
    def seconds(self) -> float:
        """Length so far: the time at which the last frame ends."""
        return 0.0 if self._clock.now is None else self._clock.now + self._step

    def run(self) -> Iterator[Shown | Break]:
        """Decode to the end of the source, or until the stop sign goes up."""
        while True:
            yield from self._stretch()
            if self._stop.up:
                return
            if not self._source.live:
                break
            if not self._reconnect():
                return
        yield from self._flush_chain()
        yield from self._ending()

    def _stretch(self) -> Iterator[Shown | Break]:
        """Decode one connection to its end."""
        stream = self._source.stream
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = self._threads
        stream.codec_context.options = {"max_pixels": str(PIXEL_LIMIT)}
        for packet in self._packets():
            if self._stop.up:
                return
            try:
                frames = packet.decode()
            except av.EOFError:
                continue
            except av.FFmpegError:
                self._failures += 1
                continue
            for frame in frames:
                yield from self._frame(frame)

    def _packets(self) -> Iterator[av.Packet]:
        """All packets of the stream, over errors of the demuxer; the last ones flush."""
        errors = 0
        while errors < _GIVE_UP and not self._stop.up:
            try:
                for packet in self._source.container.demux(self._source.stream):
                    errors = 0
                    if packet.is_corrupt:
                        self._failures += 1
                    yield packet
                return
            except av.ExitError:  # a time-out; sticks until the source is opened anew
                return
            except (av.FFmpegError, OSError):
                errors += 1
                self._failures += 1

    def _frame(self, frame: av.VideoFrame) -> Iterator[Shown | Break]:
        """Give one decoded frame its time and number, then send it through the filters."""
        before = self._clock.now
        base = frame.time_base or self._source.stream.time_base
        seconds = None if frame.pts is None or not base else float(frame.pts * base)
        if self._lost_at is not None:
            now = self._clock.resume(seconds, time.monotonic() - self._lost_at)
            self._lost_at = None
            yield from self._flush_chain()
            yield Break("reconnect", before or 0.0, now, 0)
        else:
            now, jumped = self._clock.place(seconds)
            if jumped:
                yield from self._flush_chain()
                yield Break("discontinuity", before or 0.0, now, 0)
            elif self._failures and before is not None:
                missing = max(0, round((now - before) / self._step) - 1)
                yield from self._flush_chain()
                yield Break("corrupt", before, now, missing)
        self._failures = 0
        shape = (frame.width, frame.height, frame.format.name, frame.rotation)
        if shape != self._shape:
            yield from self._flush_chain()
            first = not self._shape
            resized = self._shape[:2] != shape[:2] or self._shape[3] != shape[3]
            self._set_up(frame, shape, first=first)
            if resized and not first:
                yield Break("resized", before or 0.0, now, 0)
        self._times[self._count] = now
        self._count += 1
        yield from self._show([(self._count - 1, frame)])

    def _set_up(self, frame: av.VideoFrame, shape: tuple[object, ...], *, first: bool) -> None:
        """Make filters and geometry anew for frames of another shape."""
        self._shape = shape
        self._upright = self._chain = None
        width, height = frame.width, frame.height
        frame = CpuSurface(frame, self._scalers).frame
        if turn := {90: "cclock", -90: "clock"}.get(round(frame.rotation / 90) * 90):
            ...
        self._geometry = Geometry()

    def _show(self, frames: list[tuple[int, av.VideoFrame]]) -> Iterator[Shown]:
        raise NotImplementedError

    def _flush_chain(self) -> Iterator[Shown]:
        raise NotImplementedError

    def _ending(self) -> Iterator[Break]:
        raise NotImplementedError

    def _reconnect(self) -> bool:
        raise NotImplementedError
