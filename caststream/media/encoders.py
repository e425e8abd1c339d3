"""Which encoder of H.264 (or the nearest to it) this machine has, asked for by name.

Encoders belong to the FFmpeg that PyAV brings; none is part of this program. An encoder that is
listed may still not work (no such device, no driver), so each is tried on one picture.
"""

from __future__ import annotations

import functools
import logging
from fractions import Fraction

import av
import numpy as np

from caststream.errors import UsageError

log = logging.getLogger(__name__)

HARDWARE = ("h264_nvenc", "h264_videotoolbox", "h264_qsv", "h264_amf", "h264_mf")
"""Tried in this order. VAAPI is not among them: its frames have to be uploaded by hand."""
SOFTWARE = ("libx264", "libopenh264", "mpeg4")

_OPTIONS: dict[str, dict[str, str]] = {
    "h264_nvenc": {"preset": "p4", "rc": "vbr", "cq": "23"},
    "h264_qsv": {"global_quality": "23"},
    "libx264": {"crf": "20", "preset": "veryfast"},
    "mpeg4": {"qscale": "3"},
}
"""Others are told a bit rate."""
_BITS = 0.12
"""Bits a pixel for those: drawings at a good quality."""


def configure(codec: av.VideoCodecContext, name: str, width: int, height: int, fps: float) -> None:
    """Set size, quality and a keyframe every two seconds, so that players can jump."""
    codec.width, codec.height = width, height
    codec.pix_fmt = "nv12" if name == "h264_qsv" else "yuv420p"
    codec.framerate = Fraction(fps).limit_denominator(1001)
    codec.gop_size = max(1, round(2 * fps))
    options = _OPTIONS.get(name)
    if options is None:
        codec.bit_rate = max(200_000, round(_BITS * width * height * fps))
    elif name == "mpeg4":
        codec.qmin = codec.qmax = int(options["qscale"])
    else:
        codec.options = options


@functools.cache
def find_encoder(wanted: str = "auto") -> str:
    """The encoder to use: the one asked for, or the first of all that works.

    Raises ``UsageError`` where the one asked for does not work here.
    """
    if wanted != "auto":
        reason = _refusal(wanted)
        if reason:
            raise UsageError(f"the encoder {wanted} does not work here: {reason}")
        return wanted
    for name in (*HARDWARE, *SOFTWARE):
        reason = _refusal(name)
        if not reason:
            return name
        log.debug("encoder %s: %s", name, reason)
    raise UsageError("no encoder works here: install PyAV from its wheel")


def _refusal(name: str) -> str:
    """Why an encoder does not work, empty where it does."""
    try:
        codec = av.CodecContext.create(name, "w")
        if not isinstance(codec, av.VideoCodecContext):
            return "it is no encoder of pictures"
        configure(codec, name, 320, 192, 25.0)
        codec.time_base = Fraction(1, 25)
        picture = av.VideoFrame.from_ndarray(np.zeros((192, 320, 3), np.uint8), "rgb24")
        picture = picture.reformat(format=codec.pix_fmt)
        picture.pts, picture.time_base = 0, Fraction(1, 25)
        packets = [*codec.encode(picture), *codec.encode(None)]
    except (av.FFmpegError, ValueError, OSError) as error:
        return str(getattr(error, "strerror", None) or error) or type(error).__name__
    return "" if packets else "it gave nothing"
