"""The source of every graph: opens what the user named and makes frames of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from caststream.errors import InputError, NoVideoError, UsageError
from caststream.graph.node import Source
from caststream.messages import (
    Context,
    EndReason,
    Frame,
    Gap,
    Marker,
    StreamEnd,
    StreamStart,
    uri_text,
)
from caststream.vitals import SourceVitals, State

if TYPE_CHECKING:
    from caststream.media.feed import Feed
    from caststream.media.losses import Break
    from caststream.media.pipes import StopSign
    from caststream.media.showing import Shown
    from caststream.media.sources import Source as MediaSource

_log = logging.getLogger(__name__)
_AHEAD = 12
"""Frames that are decoded ahead: enough to ride over an analysed frame, 37 MB at 1080p."""
_PEEK = 2.0
"""Seconds that a file gets to show its first picture before the other nodes open."""


class Decode(Source):
    """Decodes a film, pipe or live address on a thread of its own."""

    def __init__(
        self,
        filter: str = "",
        timeout: float = 10.0,
        spool_limit: int = 8 << 30,
        threads: int = 0,
        grows: float = 0.0,
        insist: bool = False,
    ) -> None:
        """Keep the settings.

        ``filter`` is a chain of libavfilter before the pictures (``"bwdif,crop=1280:720"``),
        ``timeout`` the seconds that an address may stay silent, ``spool_limit`` the largest number
        of bytes kept on disk of a pipe that has to be read from its end, ``threads`` the decoder's
        threads (0: as many as cores). A file is read on at its end until it has not grown for
        ``grows`` seconds (0: its end is the end). With ``insist`` an address that cannot be opened
        at first is tried for ever, as one is that broke off. Raises ``UsageError`` for values
        that cannot be meant.
        """
        if timeout <= 0:
            raise UsageError(f"decode: timeout has to be above 0 s, and is {timeout:g}.")
        if spool_limit < 0 or threads < 0 or grows < 0:
            raise UsageError("decode: spool_limit, threads and grows cannot be negative.")
        self.filter = filter
        self.timeout = timeout
        self.spool_limit = spool_limit
        self.threads = threads
        self.grows = grows
        self.insist = insist
        self._feed: Feed[StreamStart | Shown | Break] | None = None
        self._stopped = False
        self._listens = False
        self._vitals = SourceVitals()
        self._device = "cpu"

    def open(self, context: Context) -> None:
        """Start to open and decode ``context.uri`` while other nodes load their models.

        Raises ``UsageError`` for a filter that does not exist, and ``InputError`` for a file that
        can be told to be wrong at once; what else is wrong with the source is raised by
        ``produce``.
        """
        from caststream.media.feed import Feed
        from caststream.media.filters import parse_chain
        from caststream.media.pipes import StopSign
        from caststream.media.sources import LIVE

        if self.filter:
            parse_chain(self.filter)
        self._vitals = context.vitals
        self._listens = context.video is not None
        self._device = context.device
        stop = StopSign()
        self._feed = Feed(lambda: self._decode(context.uri, stop), stop, _AHEAD)
        if self._stopped:
            self._feed.stop()
        elif context.uri.split(":")[0].lower() in LIVE:
            return  # else what is sent while other nodes load would have to be caught up with
        self._feed.start()
        if "://" not in context.uri and context.uri != "-":
            # A file that is not there is told before models are loaded and a store is made.
            self._feed.peek(_PEEK)

    def produce(self) -> Iterator[Frame | Marker]:
        """Yield ``StreamStart``, then frames and gaps, then ``StreamEnd``.

        A stop before the first picture gives a ``StreamEnd`` alone, since nothing is known yet.
        Raises ``InputError`` and ``NoVideoError``.
        """
        from caststream.media.showing import Shown

        assert self._feed is not None, "open comes first"
        frames, seconds, step, length = 0, 0.0, 0.0, 0.0
        for item in self._feed.items():
            if isinstance(item, StreamStart):
                vitals = self._vitals
                vitals.width, vitals.height = item.width, item.height
                vitals.length = item.seconds
                step = 1.0 / item.fps if item.fps else 0.0
                yield item
            elif isinstance(item, Shown):
                # A frame is shown until the next: as long as the one before, where rates vary.
                length = step or item.time - seconds
                frames, seconds = item.index + 1, item.time
                self._note(item)
                yield Frame(item.index, item.time, item.picture, item.arrived, item.sound)
            else:
                self._vitals.gap(item.reason, item.frames)
                yield Gap(item.reason, item.start, item.end, item.frames)
        reason: EndReason = "interrupted" if self._stopped else "eof"
        yield StreamEnd(frames, seconds + length if frames else 0.0, reason)

    def _note(self, shown: Shown) -> None:
        vitals = self._vitals
        vitals.state, vitals.why = "running", ""
        vitals.frames, vitals.seconds = shown.index + 1, shown.time
        vitals.last_frame = time.monotonic()

    def stop(self) -> None:
        """Make ``produce`` come to its ``StreamEnd`` at once; safe in a signal handler."""
        self._stopped = True
        if self._feed is not None:
            self._feed.stop()

    def close(self) -> None:
        """Stop decoding and let go of the source."""
        if self._feed is not None:
            self._feed.close()
            self._feed = None

    def _decode(self, uri: str, stop: StopSign) -> Iterator[StreamStart | Shown | Break]:
        """Runs on the decoding thread."""
        from caststream.media.decoding import Decoder

        source = self._open_source(uri, stop)
        if source is None:
            return
        try:
            decoder = Decoder(
                source, stop, chain=self.filter, threads=self.threads, listen=self._listens,
                say=self._say,
            )  # fmt: skip
            start = None
            for item in decoder.run():
                if start is None:
                    # Only the first picture tells its true size, and how it is turned.
                    start = StreamStart(
                        uri_text(uri), decoder.width, decoder.height, source.fps,
                        source.seconds, source.fingerprint,
                    )  # fmt: skip
                    yield start
                yield item
            if start is None and not stop.up:
                raise NoVideoError(
                    f"{source.name} states a video of {decoder.width}x{decoder.height} pixels, but "
                    "not one picture of it can be decoded."
                )
        finally:
            source.close()

    def _open_source(self, uri: str, stop: StopSign) -> MediaSource | None:
        """Open the source; None after a stop."""
        from caststream.media.live import Backoff
        from caststream.media.sources import Source as MediaSource

        backoff = Backoff()
        hardware = None
        if not self.filter:  # filters work on pictures in main memory
            from caststream.media.hardware import find_decoder

            hardware = find_decoder(self._device)
        while True:
            try:
                return MediaSource(
                    uri,
                    timeout=self.timeout,
                    spool_limit=self.spool_limit,
                    stop=stop,
                    grows=self.grows,
                    hardware=hardware,
                )
            except InputError as error:
                if not self.insist or "://" not in uri or uri.lower().startswith("file:"):
                    raise
                if self._vitals.state == "opening":
                    _log.warning("%s Trying again until it answers.", error)
                self._say("reconnecting", str(error))
            backoff.pause(stop)
            if stop.up:
                return None

    def _say(self, state: State, why: str) -> None:
        self._vitals.state, self._vitals.why = state, why
