"""From an opened source to pictures at their times, whatever the input does in between."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Literal, cast

import av

from caststream.errors import InputError, UsageError
from caststream.media.clock import Clock
from caststream.media.filters import FilterChain
from caststream.media.geometry import Geometry
from caststream.media.live import Backoff, Lag
from caststream.media.picture import Picture
from caststream.media.pipes import StopSign
from caststream.media.sound import Ear, Sound
from caststream.media.sources import PIXEL_LIMIT, Source
from caststream.media.surface import CpuSurface, Scalers, Surface, settle_colors

log = logging.getLogger(__name__)

Reason = Literal["reconnect", "corrupt", "discontinuity", "resized", "dropped"]
Say = Callable[[Literal["running", "reconnecting"], str], None]

_TURNS = {90: "transpose=cclock", -90: "transpose=clock", 180: "hflip,vflip", -180: "hflip,vflip"}
"""How to stand a picture upright, by the degrees that its file says (counterclockwise)."""
_LEAP_STREAMED = 10.0
_LEAP_INDEXED = 600.0
"""Seconds that a film may stand still before that is taken for a jump of its clock: streams are
spliced, while an indexed file may well hold one drawing for minutes."""
_GIVE_UP = 100
"""Failures in a row after which a demuxer is taken for dead."""
_THREADS = 8
"""Most threads taken unasked: each holds frames, and a live picture back by one."""
_BARREN = 50
"""Packets in a row that cannot be decoded after which a stream is probed again."""
_REORDER = 16
"""Most frames that a decoder holds back to put them in order (H.264's and HEVC's limit)."""
_UNDER_WAY = 256
"""Most packets that are inside a decoder at once, and more."""
_SHORT = 0.5
"""Seconds that may be missing at the end before a file is said to be cut off."""
_TELL = 5.0
"""Seconds of stream between two gaps that tell what was left out to catch up."""
_REPLAY = 300.0
"""Seconds that a playlist may show again when it is opened anew."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One decoded frame: its number, its time in seconds, its picture."""

    index: int
    time: float
    picture: Picture
    arrived: float
    """When its packet came, on the monotonic clock."""
    sound: Sound | None = None
    """What came since the frame before, where somebody listens and there is a sound."""


@dataclass(frozen=True, slots=True)
class Break:
    """Something is missing or has jumped between two times; ``frames`` is 0 where unknown."""

    reason: Reason
    start: float
    end: float
    frames: int


class Decoder:
    """Decodes one source; iterate over ``run`` on one thread.

    Frames carry on over broken packets, jumping clocks, changing picture sizes and (for live
    sources) lost connections; each of these is told by one ``Break`` before the next frame.
    """

    def __init__(
        self,
        source: Source,
        stop: StopSign,
        *,
        chain: str = "",
        threads: int = 0,
        listen: bool = False,
        say: Say | None = None,
    ) -> None:
        """Get ready; ``chain`` is a libavfilter chain, ``threads`` 0 for as many as cores.

        With ``listen`` frames bring the packets of the sound. ``say(state, why)`` is called when a
        live source is lost and when it is back.
        """
        self._source = source
        self._stop = stop
        self._chain_text = chain
        self._threads = threads or min(os.cpu_count() or 1, _THREADS)
        self._chain: FilterChain | None = None
        self._shape: tuple[object, ...] = ()
        self._refused: tuple[object, ...] = ()
        self._scalers = Scalers()
        self._aspect = 1.0
        self._geometry = Geometry()
        self.width = source.stream.width
        self.height = source.stream.height
        self._step = 1.0 / (source.fps or 25.0)
        self._clock = Clock(self._step, _LEAP_STREAMED if source.streamed else _LEAP_INDEXED)
        self._times: dict[int, tuple[float, float]] = {}
        """Frame number -> its time, and when it arrived."""
        self._arrivals: dict[int | None, float] = {}
        """Time stamp of a packet -> when it came; decoders hand frames out later and in order."""
        self._count = 0
        self._anew_at = -1
        self._suspect = 0
        self._failed_at: float | None = None
        self._smeared = False
        self._lost_at: float | None = None
        self._newest = 0.0
        """When the last frame came, on the monotonic clock."""
        self._ear = Ear() if listen else None
        self._say = say or (lambda state, why: None)
        self._backoff = Backoff()
        self._lag = Lag() if source.live else None
        self._skipped = 0
        """Packets that were not decoded, to catch up, and not told yet."""
        self._skipped_from: float | None = None

    @property
    def seconds(self) -> float:
        """Length so far: the time at which the last frame ends."""
        return 0.0 if self._clock.now is None else self._clock.now + self._step

    def run(self) -> Iterator[Shown | Break]:
        """Decode to the end of the source, or until the stop sign goes up."""
        while True:
            changed = yield from self._stretch()
            if self._stop.up:
                return
            if changed is not None:
                again = self._probe_anew(changed)
            else:
                again = self._source.live and self._reconnect()
            if not again:
                break
        yield from self._drain()
        yield from self._ending()

    def _stretch(self) -> Generator[Shown | Break, None, int | None]:
        """Decode to the end of input; or, where the codec seems to have changed, to that byte."""
        stream = self._source.stream
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = self._threads
        stream.codec_context.options = {"max_pixels": str(PIXEL_LIMIT)}
        if self._ear is not None:
            self._ear.turn_to(self._source.sound)
        barren = 0
        place = 0
        for packet in self._packets():
            if self._stop.up:
                return None
            self._arrive(packet.pts)
            if self._lag is not None and self._catch_up(packet, self._lag):
                continue
            try:
                frames = packet.decode()
            except av.EOFError:
                continue
            except av.FFmpegError:
                self._suspect_loss(certain=True)
                place = (packet.pos or 0) if not barren else place
                barren += 1
                if barren >= _BARREN and self._source.streamed:
                    return place
                continue
            self._skipped += self._lag is not None and self._lag.thin and not frames
            for frame in frames:
                barren = 0
                yield from self._frame(frame)
        try:
            frames = stream.codec_context.decode(None)
        except av.FFmpegError:  # it has been flushed already, as at every regular end
            return None
        for frame in frames:
            yield from self._frame(frame)
        return None

    def _probe_anew(self, place: int) -> bool:
        """Open the stream again from a byte on; False where the last time did not help either."""
        if self._count == self._anew_at:
            return False
        self._anew_at = self._count
        try:
            self._source.reopen(place)
        except InputError as error:
            log.info("%s", error)
            return False
        return True

    def _packets(self) -> Iterator[av.Packet[av.VideoStream]]:
        """All packets of the stream, over errors of the demuxer; the last ones flush."""
        errors = 0
        while errors < _GIVE_UP and not self._stop.up:
            try:
                for packet in self._source.container.demux(*self._wanted()):
                    errors = 0
                    if self._stop.up:
                        return
                    if packet.stream is not self._source.stream:
                        if self._ear is not None:
                            self._ear.hear(packet)
                        continue
                    if packet.is_corrupt:
                        self._suspect_loss(certain=False)
                    yield cast("av.Packet[av.VideoStream]", packet)
                return
            except av.ExitError:  # a time-out; sticks until the source is opened anew
                self._suspect_loss(certain=True)
                return
            except IndexError:  # PyAV met, at the end, a stream unheard of at the beginning
                return
            except (av.FFmpegError, OSError):
                errors += 1
                self._suspect_loss(certain=True)

    def _wanted(self) -> tuple[av.VideoStream | av.AudioStream, ...]:
        """What to demux: of a live source everything, so that sound alone lets a stop be seen."""
        if self._source.live:
            return ()
        heard = None if self._ear is None else self._ear.stream
        return (self._source.stream,) if heard is None else (self._source.stream, heard)

    def _catch_up(self, packet: av.Packet[av.VideoStream], lag: Lag) -> bool:
        """Whether to leave a packet out, where a live source is decoded slower than it sends."""
        if packet.dts is None or packet.time_base is None:
            return False
        blind = lag.blind
        lag.look(float(packet.dts * packet.time_base), time.monotonic(), packet.is_keyframe)
        codec = packet.stream.codec_context
        codec.skip_frame = "NONREF" if lag.thin else "DEFAULT"
        if blind and not lag.blind:
            codec.flush_buffers()  # what it holds belongs to before the hole
        self._skipped += lag.blind
        return lag.blind

    def _frame(self, frame: av.VideoFrame) -> Iterator[Shown | Break]:
        """Give one decoded frame its time and number, then send it through the filters."""
        settle_colors(frame)
        shape = (
            frame.width, frame.height, frame.rotation,
            frame.format.name, frame.time_base, frame.colorspace, frame.color_range,
        )  # fmt: skip
        resized = bool(self._shape) and self._shape[:3] != shape[:3]
        if shape != self._shape:
            yield from self._drain()
            if shape == self._refused or not self._set_up(frame, shape):
                self._suspect_loss(certain=True)
                return
        before, raw = self._clock.now, self._clock.raw
        base = frame.time_base or self._source.stream.time_base
        seconds = None if frame.pts is None or not base else float(frame.pts * base)
        waited, self._newest = self._waited()
        if self._lost_at is not None:
            pause = time.monotonic() - self._lost_at
            ahead = None if seconds is None or raw is None else seconds - raw
            follows = self._source.replays and ahead is not None
            if follows and ahead is not None and -_REPLAY < ahead <= 0.0:
                return  # shown before the source was lost
            if follows and ahead is not None and 0.0 < ahead < pause + _LEAP_STREAMED:
                now = self._clock.place(seconds, pause)[0]
            else:
                now = self._clock.resume(seconds, pause)
            self._lost_at = None
            self._backoff.reset()
            self._say("running", "")
            yield from self._broken("reconnect", before, now)
        else:
            now, jumped = self._clock.place(seconds, waited)
            silent = before is not None and now - before > _LEAP_STREAMED and waited > 0.0
            if jumped or silent:
                yield from self._broken("discontinuity", before, now)
            elif self._skipped:
                yield from self._tell_skipped(before, now)
            else:
                yield from self._look_for_loss(frame, before, now)
        if self._ear is not None and seconds is not None:
            self._ear.offset = now - seconds
        if resized:
            yield from self._broken("resized", before, now)
        arrived = self._arrivals.pop(frame.pts, None)
        self._times[self._count] = now, time.monotonic() if arrived is None else arrived
        self._count += 1
        if self._chain is None:
            yield self._shown(self._count - 1, frame)
        else:
            for number, picture in self._chain.push(frame, self._count - 1):
                yield self._shown(number, picture)

    def _arrive(self, stamp: int | None) -> None:
        if len(self._arrivals) > _UNDER_WAY:  # packets that never became frames
            self._arrivals.clear()
        self._arrivals[stamp] = time.monotonic()

    def _tell_skipped(self, before: float | None, now: float) -> Iterator[Shown | Break]:
        """Say what was left out to catch up: once it is over, or every few seconds of it."""
        since = before if self._skipped_from is None else self._skipped_from
        self._skipped_from = since
        caught_up = self._lag is not None and not self._lag.thin
        if since is None or (not caught_up and now - since < _TELL):
            return
        yield from self._broken("dropped", since, now, self._skipped)
        self._skipped, self._skipped_from = 0, None

    def _waited(self) -> tuple[float, float]:
        """Seconds since a live source gave its last frame, 0 for others; and the time now."""
        now = time.monotonic()
        known = self._source.live and self._newest > 0.0
        return (now - self._newest if known else 0.0), now

    def _suspect_loss(self, *, certain: bool) -> None:
        """Look out for missing frames: they are due only when decoders have put frames in order."""
        self._suspect = _REORDER + self._threads
        if certain and self._failed_at is None:
            self._failed_at = self._clock.now

    def _look_for_loss(
        self, frame: av.VideoFrame, before: float | None, now: float
    ) -> Iterator[Shown | Break]:
        """Tell a hole in the times, the first smeared picture, or a failure that left neither."""
        smeared, self._smeared = self._smeared, frame.is_corrupt
        if before is None:
            return
        hole = self._suspect > 0 and now - before > 1.5 * self._step
        self._suspect = max(0, self._suspect - 1)
        if hole or (self._smeared and not smeared):
            yield from self._broken("corrupt", before, now, round((now - before) / self._step) - 1)
        elif self._failed_at is not None and not self._suspect:
            yield from self._broken("corrupt", self._failed_at, now)

    def _broken(
        self, reason: Reason, before: float | None, now: float, missing: int = 0
    ) -> Iterator[Shown | Break]:
        """What the filters still hold, then the break; nothing before the first frame."""
        yield from self._drain()
        self._failed_at = None
        if reason != "corrupt":
            self._suspect = 0
        if before is not None:
            yield Break(reason, before, now, max(0, missing))

    def _set_up(self, frame: av.VideoFrame, shape: tuple[object, ...]) -> bool:
        """Make filters and geometry anew for frames of another shape.

        Returns False for a shape in mid-stream that the filters cannot take: one damaged header
        must not end a stream, so such frames are left out.
        """
        turn = _TURNS.get(round(frame.rotation / 90) * 90, "")
        width, height = frame.width, frame.height
        geometry, chain = Geometry(), None
        if self._chain_text or turn:
            try:
                chain = FilterChain(self._chain_text, frame, turn)
            except UsageError as error:
                if not self._shape:
                    raise
                log.warning("frames are left out: %s", error)
                self._refused = shape
                return False
            width, height, geometry = chain.width, chain.height, chain.geometry
        if not self._shape:
            self.width, self.height = width, height
        self._shape, self._refused, self._chain = shape, (), chain
        self._aspect = float(self._source.stream.sample_aspect_ratio or 1.0)
        if "transpose" in turn:
            self._aspect = 1.0 / self._aspect
        announced = Geometry(self.width / width, 0.0, self.height / height, 0.0)
        self._geometry = announced.after(geometry)
        return True

    def _shown(self, number: int, frame: av.VideoFrame) -> Shown:
        surface: Surface = (
            self._on_gpu(frame) if frame.format.name == "cuda" else CpuSurface(frame, self._scalers)
        )
        picture = Picture(surface, self.width, self.height, self._geometry, self._aspect)
        now, arrived = self._times.pop(number)
        return Shown(number, now, picture, arrived, self._ear.take() if self._ear else None)

    def _on_gpu(self, frame: av.VideoFrame) -> Surface:
        from caststream.media.gpu import TorchSurface

        return TorchSurface.of(frame)

    def _drain(self) -> Iterator[Shown]:
        if self._chain is not None:
            for number, picture in self._chain.flush():
                yield self._shown(number, picture)
        self._times.clear()

    def _ending(self) -> Iterator[Break]:
        """Say so where a file ends before the length that it states, or with broken packets."""
        now = self._clock.now
        if now is None:
            return
        stated = self._source.stated_seconds
        short = 0.0 if stated is None or self._clock.jumps else stated - self.seconds
        if self._failed_at is not None or short > _SHORT:
            end = max(self.seconds, stated or 0.0)
            yield Break("corrupt", now, end, max(0, round((end - now) / self._step) - 1))

    def _reconnect(self) -> bool:
        """Open a lost live source again, waiting ever longer; False after a stop."""
        self._lost_at = self._lost_at or time.monotonic()
        why = f"{self._source.name} broke off; connecting again until it answers"
        log.warning("%s", why)
        self._say("reconnecting", why)
        while not self._stop.up:
            self._backoff.pause(self._stop)
            if self._stop.up:
                break
            try:
                self._source.reopen()
            except InputError as error:
                log.info("%s", error)
                self._say("reconnecting", str(error))
                continue
            if self._lag is not None:
                self._lag = Lag()
            log.warning(
                "%s is back after %.1f s", self._source.name, time.monotonic() - self._lost_at
            )
            return True
        return False
