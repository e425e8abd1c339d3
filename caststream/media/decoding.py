"""From an opened source to pictures at their times, whatever the input does in between."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator, Iterator
from typing import Literal, cast

import av

from caststream.errors import InputError
from caststream.media.clock import Clock
from caststream.media.live import Backoff, Lag, Pace
from caststream.media.losses import Break, Losses, Reason
from caststream.media.pipes import StopSign
from caststream.media.showing import Showing, Shown
from caststream.media.sound import Ear
from caststream.media.sources import PIXEL_LIMIT, Source
from caststream.media.surface import settle_colors

log = logging.getLogger(__name__)

Say = Callable[[Literal["running", "reconnecting"], str], None]

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
_UNDER_WAY = 256
"""Most packets that are inside a decoder at once, and more."""
_SHORT = 0.5
"""Seconds that may be missing at the end before a file is said to be cut off."""
_TELL = 5.0
"""Seconds of stream between two gaps that tell what was left out to catch up."""
_REPLAY = 300.0
"""Seconds that a playlist may show again when it is opened anew."""


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
        self._threads = threads or min(os.cpu_count() or 1, _THREADS)
        self._step = 1.0 / (source.fps or 25.0)
        self._clock = Clock(self._step, _LEAP_STREAMED if source.streamed else _LEAP_INDEXED)
        self._arrivals: dict[int | None, float] = {}
        """Time stamp of a packet -> when it came; decoders hand frames out later and in order."""
        self._count = 0
        self._anew_at = -1
        self._losses = Losses(self._step, self._threads)
        self._lost_at: float | None = None
        self._newest = 0.0
        """When the last frame came, on the monotonic clock."""
        self._ear = Ear() if listen else None
        self._showing = Showing(source, chain, self._ear)
        self._say = say or (lambda state, why: None)
        self._backoff = Backoff()
        self._lag = Lag() if source.live else None
        self._pace = Pace() if source.replays else None
        self._idle = 0.0
        """Seconds for which the demuxer had no packet to give, before the one at hand."""
        self._skipped = 0
        """Packets that were not decoded, to catch up, and not told yet."""
        self._skipped_from: float | None = None

    @property
    def width(self) -> int:
        """Of all pictures, in the coordinates of boxes: as announced until the first is there."""
        return self._showing.width

    @property
    def height(self) -> int:
        """As ``width``."""
        return self._showing.height

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
        yield from self._showing.flush()
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
            if self._lag is not None and self._catch_up(packet, self._lag):
                continue
            self._arrive(packet.pts)
            if not packet.size and self._source.streamed and self._source.fps:
                # The last one. A transport stream that was cut off looks like one that is over, but
                # for a hole in the pictures that were held back to put them in order.
                self._losses.suspect()
            try:
                frames = packet.decode()
            except av.EOFError:
                continue
            except av.FFmpegError:
                self._losses.failed(self._clock.now)
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
        asked = time.monotonic()
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
                        self._losses.suspect()
                    self._idle = time.monotonic() - asked
                    yield cast("av.Packet[av.VideoStream]", packet)
                    asked = time.monotonic()
                return
            except av.ExitError:  # a time-out; sticks until the source is opened anew
                self._losses.failed(self._clock.now)
                return
            except IndexError:  # PyAV met, at the end, a stream unheard of at the beginning
                return
            except (av.FFmpegError, OSError):
                errors += 1
                self._losses.failed(self._clock.now)

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
        blind, now = lag.blind, time.monotonic()
        seconds = float(packet.dts * packet.time_base)
        # What a demuxer held back until the sender was given up is not late by our fault either.
        waited = self._pace is not None or self._idle >= self._source.timeout
        lag.look(seconds, now, packet.is_keyframe, self._idle if waited else 0.0)
        if self._pace is not None and not lag.blind:
            self._stop.wait(None, self._pace.wait(seconds, now, self._idle))
        codec = packet.stream.codec_context
        codec.skip_frame = "NONREF" if lag.thin else "DEFAULT"
        if blind and not lag.blind:
            codec.flush_buffers()  # what it holds belongs to before the hole
        self._skipped += lag.blind
        return lag.blind

    def _frame(self, frame: av.VideoFrame) -> Iterator[Shown | Break]:
        """Give one decoded frame its time and number, then send it through the filters."""
        settle_colors(frame)
        frame = self._showing.within_reach(frame)
        resized = self._showing.resizes(frame)
        yield from self._showing.adapt(frame)
        if not self._showing.takes(frame):
            self._losses.failed(self._clock.now)
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
            elif (found := self._losses.look(frame.is_corrupt, before, now)) is not None:
                yield from self._broken(found.reason, found.start, found.end, found.frames)
        if self._ear is not None and seconds is not None:
            self._ear.offset = now - seconds
        if resized:
            yield from self._broken("resized", before, now)
        arrived = self._arrivals.pop(frame.pts, None)
        self._count += 1
        yield from self._showing.push(
            frame, self._count - 1, now, time.monotonic() if arrived is None else arrived
        )

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

    def _broken(
        self, reason: Reason, before: float | None, now: float, missing: int = 0
    ) -> Iterator[Shown | Break]:
        """What the filters still hold, then the break; nothing before the first frame."""
        yield from self._showing.flush()
        self._losses.told(reason)
        if before is not None:
            yield Break(reason, before, now, max(0, missing))

    def _ending(self) -> Iterator[Break]:
        """Say so where a file ends before the length that it states, or with broken packets."""
        now = self._clock.now
        if now is None:
            return
        stated = self._source.stated_seconds
        short = 0.0 if stated is None or self._clock.jumps else stated - self.seconds
        if self._losses.failed_at is not None or short > _SHORT:
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
