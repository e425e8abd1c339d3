"""Writing films: to a file as MP4, MOV, Matroska or MPEG-TS, to a pipe as MPEG-TS."""

from __future__ import annotations

import os
import stat
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import Self, cast

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from caststream.errors import OutputError, UsageError
from caststream.media.encoders import configure, find_encoder
from caststream.media.pipes import open_for_reader
from caststream.media.sound import Sound, SoundTrack, SoundWriter

CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".ts": "mpegts",
}
"""Ending of a path -> what is written."""
_TICKS = 90_000
"""Time stamps a second, as MPEG-TS has them."""


class VideoWriter:
    """Encodes RGB pictures at their times, with the sound of another film.

    Used as a context manager, or closed by hand: the last second is only written then. What was
    written of an MP4 can be played even if that never happens.
    """

    def __init__(
        self,
        target: str | Path | int,
        width: int,
        height: int,
        fps: float,
        *,
        encoder: str = "auto",
        aspect: float = 1.0,
        sound: SoundTrack | None = None,
        stopping: Event | None = None,
    ) -> None:
        """Open ``target``: a path (the ending chooses the container) or a descriptor (MPEG-TS).

        ``fps`` is the nominal rate, ``encoder`` as in ``find_encoder``, ``aspect`` the width of a
        pixel over its height. An odd last column or line is cut off, since H.264's usual colour
        format has none. Raises ``UsageError`` for an ending or encoder that is not known,
        ``OutputError`` where the target cannot be written, and ``BrokenPipeError`` where
        ``stopping`` is set before anybody reads a named pipe.
        """
        self._name = "standard output" if target == 1 else str(target)
        self.width, self.height = width // 2 * 2, height // 2 * 2
        self._step = 1.0 / fps
        self._next = 0.0
        self._last = -1
        self._open = False
        name = find_encoder(encoder)
        try:
            # FFmpeg would wait for the reader of a named pipe with Python's lock held: no other
            # thread could go on.
            named = not isinstance(target, int) and Path(target).is_fifo()
            reader = open_for_reader(str(target), stopping or Event()) if named else None
            self._container = _container(target)
            rate = Fraction(fps).limit_denominator(1001)
            self._stream = cast("av.VideoStream", self._container.add_stream(name, rate=rate))
            codec = self._stream.codec_context
            configure(codec, name, self.width, self.height, fps)
            codec.time_base = Fraction(1, 65_535 if name == "mpeg4" else _TICKS)
            codec.colorspace = Colorspace.ITU709
            codec.color_range = ColorRange.MPEG
            codec.sample_aspect_ratio = Fraction(aspect).limit_denominator(255)
            self._sound = None if sound is None else SoundWriter(self._container, sound)
            self._track = sound
            self._container.start_encoding()
            if reader is not None:
                os.close(reader)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._failed(error) from None
        self._ticks = codec.time_base.denominator
        self._pixels = codec.pix_fmt
        self._open = True

    def write(self, picture: NDArray[np.uint8], time: float | None = None) -> None:
        """Append a picture (H, W, 3) RGB shown from ``time`` seconds on, else one frame later.

        Raises ``BrokenPipeError`` where the reader of a pipe went away, and ``OutputError`` for
        everything else that the target refuses.
        """
        time = self._next if time is None else time
        self._next = time + self._step
        self._last = max(self._last + 1, round(time * self._ticks))
        frame = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(picture[: self.height, : self.width]), "rgb24"
        ).reformat(
            format=self._pixels, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        frame.pts, frame.time_base = self._last, Fraction(1, self._ticks)
        self._send(frame)

    def hear(self, sound: Sound) -> None:
        """Append sound; of another kind than the film began with it is left out."""
        if self._sound is None or self._track is None or not sound.track.same(self._track):
            return
        try:
            for packet, time in sound.packets:
                for part in self._sound.write(packet, time):
                    self._container.mux(part)
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """Write what the encoders hold back, and the index; safe to call again."""
        if not self._open:
            return
        self._open = False
        try:
            self._send(None)
            for packet in self._sound.flush() if self._sound else ():
                self._container.mux(packet)
        finally:
            try:
                self._container.close()
            except (av.FFmpegError, OSError) as error:
                raise self._failed(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, frame: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from None

    def _failed(self, error: BaseException) -> Exception:
        if isinstance(error, BrokenPipeError):
            return error
        reason = getattr(error, "strerror", None) or error
        return OutputError(f"the video cannot be written to {self._name}: {reason}")


def check_target(target: str) -> None:
    """Raise ``UsageError`` for a path whose ending says no container that is known."""
    if Path(target).suffix.lower() not in CONTAINERS:
        raise UsageError(
            f'the ending of "{target}" tells no container: give one of {", ".join(CONTAINERS)}'
        )


def _container(target: str | Path | int) -> av.container.OutputContainer:
    if isinstance(target, int):
        return av.open(f"pipe:{target}", "w", format="mpegts")
    check_target(str(target))
    format = CONTAINERS[Path(target).suffix.lower()]
    options = {}
    if format in ("mp4", "mov"):
        path = Path(target)
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            # A pipe or device cannot go back to write the index: fragments have theirs in front.
            options = {"movflags": "frag_keyframe+delay_moov+default_base_moof"}
        else:
            # Fragments while it grows, so that a crash leaves a film; an ordinary one at the end.
            options = {"movflags": "hybrid_fragmented+delay_moov", "flush_packets": "1"}
    return av.open(str(target), "w", format=format, options=options)
