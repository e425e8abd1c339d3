"""Single pictures of a film that lies on disk, for looking at: not for analysing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import av
import numpy as np
from numpy.typing import NDArray

from caststream.errors import InputError
from caststream.media.pipes import StopSign
from caststream.media.sources import Source
from caststream.media.surface import settle_colors
from caststream.media.upright import way_up

_MOST_FRAMES = 1000
"""Frames decoded for one picture at most: films with a key picture every half minute still do."""
_PATIENCE = 5.0
"""Seconds for one picture at most."""
_EARLIER = (2.0, 15.0, 60.0)
"""Seconds before a picture from which on it is looked for in MPEG-TS and MPEG-PS: a seek leads to
any packet there, decoding begins at the next key picture, and the first times may be guesses."""


class Stills:
    """Pictures by their time; for one thread at a time.

    A film that has been changed since it was labelled shows other things than its boxes say, so
    its fingerprint has to be the same.
    """

    def __init__(self, uri: str, fingerprint: str) -> None:
        """Open the film; InputError where it is no file, or not the one that was labelled."""
        path = unquote(uri[7:]) if uri.lower().startswith("file://") else uri
        if "://" in path or not Path(path).is_file():
            raise InputError(f"{uri} is no film on this disk.")
        self._stop = StopSign()
        try:
            self._source = Source(path, timeout=_PATIENCE, spool_limit=0, stop=self._stop)
        except InputError:
            self._stop.close()
            raise
        try:
            if self._source.fingerprint != fingerprint:
                raise InputError(f"{uri} is not the film any more that was labelled.")
            self._stream = self._source.stream
            self._stream.thread_type = "AUTO"
            self._stream.codec_context.thread_count = 2
            self._step = 1.0 / (self._source.fps or 25.0)
            self._base = float(self._stream.time_base or 0)
            first = next(self._frames(), None)
            if first is None or not self._base:
                raise InputError(f"{uri} gives no picture.")
            self._origin = first.pts or 0
        except BaseException:
            self.close()
            raise

    def at(self, seconds: float, most: int, until: float | None = None) -> NDArray[np.uint8]:
        """The picture shown at a time, (H, W, 3) RGB, its longer side ``most`` pixels at most.

        With ``until`` any picture from ``seconds`` up to there will do, whichever is found first.
        Raises InputError where there is none, or where it would take too long.
        """
        try:
            return self._upright(self._find(seconds, until), most)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise InputError(f"{self._source.name} cannot be read there: {error}.") from None

    def _find(self, seconds: float, until: float | None) -> av.VideoFrame:
        last = seconds if until is None else until
        give_up = time.monotonic() + _PATIENCE
        by_packet = "mpeg" in self._source.container.format.name
        for earlier in _EARLIER if by_packet else (0.0,):
            start = (seconds + last) / 2 - earlier
            self._source.container.seek(
                self._origin + int(start / self._base), stream=self._stream, backward=True
            )
            for count, frame in enumerate(self._frames()):
                shown = None if frame.pts is None else (frame.pts - self._origin) * self._base
                if shown is not None and shown >= seconds - self._step / 2:
                    if count or shown <= last + self._step / 2:
                        return frame
                    break  # the first one comes too late
                if count >= _MOST_FRAMES or time.monotonic() > give_up:
                    break
            if time.monotonic() > give_up:
                break
        raise InputError(f"{self._source.name} has no picture at {seconds:.3f} s.")

    def _frames(self) -> Iterator[av.VideoFrame]:
        for packet in self._source.container.demux(self._stream):
            try:
                yield from packet.decode()
            except av.FFmpegError:  # a film that is damaged in places was labelled over them
                continue

    @staticmethod
    def _upright(frame: av.VideoFrame, most: int) -> NDArray[np.uint8]:
        settle_colors(frame)
        scale = min(1.0, most / max(frame.width, frame.height))
        size = (max(2, round(frame.width * scale)), max(2, round(frame.height * scale)))
        picture = np.asarray(frame.reformat(*size, format="rgb24").to_ndarray(), np.uint8)
        return way_up(frame).stand(picture)

    def close(self) -> None:
        """Let go of the film; safe to call again."""
        self._source.close()
        self._stop.close()
