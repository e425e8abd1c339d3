"""Writing H.264 films: to a file as MP4, to a pipe as MPEG-TS."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from caststream.errors import OutputError

_TICKS = 90_000
"""Time stamps a second, as MPEG-TS has them."""


class VideoWriter:
    """Encodes RGB pictures at their times.

    Used as a context manager, or closed by hand: an MP4 without its end cannot be played.
    """

    def __init__(
        self, target: str | Path | BinaryIO, width: int, height: int, fps: float, crf: int = 20
    ) -> None:
        """Open ``target``: a path (the ending chooses the container) or a pipe (MPEG-TS).

        ``fps`` is the nominal rate; ``crf`` is x264's quality, lower is better. An odd last column
        or line is cut off, since H.264's usual colour format has none. Raises ``OutputError``
        where the target cannot be written.
        """
        self._name = str(target) if isinstance(target, str | Path) else "the output"
        self.width, self.height = width // 2 * 2, height // 2 * 2
        self._step = 1.0 / fps
        self._next = 0.0
        self._last = -1
        self._open = True
        try:
            if isinstance(target, str | Path):
                mp4 = Path(target).suffix.lower() in (".mp4", ".m4v", ".mov")
                options = {"movflags": "+faststart"} if mp4 else {}
                self._container = av.open(str(target), "w", options=options)
            else:
                self._container = av.open(target, "w", format="mpegts")
            self._stream = self._container.add_stream(
                "libx264", rate=Fraction(fps).limit_denominator(1001)
            )
            self._stream.width, self._stream.height = self.width, self.height
            self._stream.pix_fmt = "yuv420p"
            self._stream.options = {"crf": str(crf), "preset": "veryfast"}
            self._stream.codec_context.time_base = Fraction(1, _TICKS)
            self._stream.codec_context.colorspace = Colorspace.ITU709
            self._stream.codec_context.color_range = ColorRange.MPEG
            self._container.start_encoding()
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._failed(error) from None

    def write(self, picture: NDArray[np.uint8], time: float | None = None) -> None:
        """Append a picture (H, W, 3) RGB shown from ``time`` seconds on, else one frame later."""
        time = self._next if time is None else time
        self._next = time + self._step
        self._last = max(self._last + 1, round(time * _TICKS))
        frame = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(picture[: self.height, : self.width]), "rgb24"
        ).reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        frame.pts, frame.time_base = self._last, Fraction(1, _TICKS)
        self._send(frame)

    def close(self) -> None:
        """Write what the encoder holds back, and the index; safe to call again."""
        if not self._open:
            return
        self._open = False
        self._send(None)
        try:
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _send(self, frame: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from None

    def _failed(self, error: BaseException) -> OutputError:
        reason = getattr(error, "strerror", None) or error
        return OutputError(f"The video cannot be written to {self._name}: {reason}.")
