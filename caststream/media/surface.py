"""A decoded picture in main memory: resized and cut up straight from its planes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Pixels: TypeAlias = "NDArray[np.uint8] | Tensor"
"""Where they lie: an array in main memory, or a uint8 tensor on a device."""

# Values of FFmpeg's AVColorSpace and AVColorRange.
_BT709, _FCC, _BT470, _BT601, _SMPTE240, _BT2020 = 1, 4, 5, 6, 7, 9
_LIMITED, FULL_RANGE = 1, 2

_TINY = 4
"""A picture reduced by this much or more is made by our own kernel, straight from the planes."""

# Weights of red and blue in luma, from ITU-T H.273, table 4.
_LUMA = {
    _BT709: (0.2126, 0.0722),
    _FCC: (0.30, 0.11),
    _BT470: (0.299, 0.114),
    _BT601: (0.299, 0.114),
    _SMPTE240: (0.212, 0.087),
    _BT2020: (0.2627, 0.0593),
}


class Surface(Protocol):
    """Where the pixels of a picture are kept, in main memory or on a device."""

    @property
    def width(self) -> int:
        """Pixels a line."""

    @property
    def height(self) -> int:
        """Lines."""

    def resized(self, width: int, height: int) -> NDArray[np.uint8]:
        """The whole picture as (height, width, 3) RGB."""

    def pixels(self, width: int, height: int) -> Pixels:
        """What ``resized`` gives, left where the pixels lie."""

    def cut(self, regions: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
        """Each region (N, 4) ``xyxy`` as one of (N, size, size, 3) RGB, borders repeated."""


class _Plane(NamedTuple):
    """Y, U or V of a frame."""

    lines: NDArray[Any]
    """(H, line) samples, with whatever padding the decoder left at the end of a line."""
    width: int
    step: int
    phase: int
    """A line's samples are ``lines[:, phase : step * width : step]``."""
    peak: float
    """The sample that stands for 1."""
    scale: NDArray[np.float64]
    """(4,) size of the plane over that of the picture, for a box."""


class Scalers:
    """swscale contexts, one a target size, shared by all pictures of a source.

    Setting one up costs more than using it. Each has a lock: swscale is not safe for two threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[int, int, str], tuple[threading.Lock, VideoReformatter]] = {}

    def scale(self, frame: av.VideoFrame, width: int, height: int, pixels: str) -> av.VideoFrame:
        """The frame in another size and 8-bit full-range format (box filter down, bilinear up)."""
        with self._lock:
            key = (width, height, pixels)
            lock, scaler = self._kept.setdefault(key, (threading.Lock(), VideoReformatter()))
        smaller = width <= frame.width and height <= frame.height
        with lock:
            return scaler.reformat(
                frame,
                width,
                height,
                pixels,
                interpolation=Interpolation.AREA if smaller else Interpolation.BILINEAR,
                dst_color_range=FULL_RANGE,
                threads=1,
            )


def settle_colors(frame: av.VideoFrame) -> None:
    """Fill in how a frame's colours are coded where the film does not say.

    Pictures of at least 720 lines or 1280 columns are taken as BT.709 and smaller ones as BT.601,
    limited in range unless the pixel format says otherwise: what players do.
    """
    if frame.colorspace not in _LUMA:
        high = frame.height >= 720 or frame.width >= 1280
        frame.colorspace = _BT709 if high else _BT601
    if frame.color_range not in (_LIMITED, FULL_RANGE):
        full = frame.format.name.startswith("yuvj") or frame.format.is_rgb
        frame.color_range = FULL_RANGE if full else _LIMITED


class CpuSurface:
    """One frame of PyAV; nothing is converted before somebody asks for it."""

    def __init__(self, frame: av.VideoFrame, scalers: Scalers) -> None:
        settle_colors(frame)
        self._frame = frame
        self._scalers = scalers
        self._lock = threading.Lock()

    @property
    def width(self) -> int:
        """Pixels a line."""
        return int(self._frame.width)

    @property
    def height(self) -> int:
        """Lines."""
        return int(self._frame.height)

    def resized(self, width: int, height: int) -> NDArray[np.uint8]:
        """The whole picture as (height, width, 3) RGB."""
        if _TINY * width <= self.width and _TINY * height <= self.height and self._planar:
            return self._shrunk(width, height)
        with self._lock:  # PyAV writes into the source frame while it scales
            small = self._scalers.scale(self._frame, width, height, "rgb24")
        return np.asarray(small.to_ndarray(), np.uint8)

    def pixels(self, width: int, height: int) -> Pixels:
        """What ``resized`` gives."""
        return self.resized(width, height)

    def _shrunk(self, width: int, height: int) -> NDArray[np.uint8]:
        from caststream.media.resample import shrink, to_rgb

        planes = self._planes()
        samples = np.empty((3, height, width), np.float32)
        for plane, channel in zip(planes, samples, strict=True):
            shrink(plane.lines, plane.width, plane.step, plane.phase, channel)
        out = np.empty((height, width, 3), np.uint8)
        to_rgb(samples, *self._to_rgb(planes), out)
        return out

    def cut(self, regions: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
        """Each region (N, 4) ``xyxy`` as one of (N, size, size, 3) RGB, borders repeated."""
        from caststream.media.resample import resample, to_rgb

        out = np.empty((len(regions), size, size, 3), np.uint8)
        if not len(regions):
            return out
        planes = self._planes()
        matrix, offset = self._to_rgb(planes)
        samples = np.empty((3, size, size), np.float32)
        for target, region in zip(out, regions, strict=True):
            for plane, channel in zip(planes, samples, strict=True):
                resample(
                    plane.lines, plane.width, plane.step, plane.phase, region * plane.scale, channel
                )
            to_rgb(samples, matrix, offset, target)
        return out

    def _to_rgb(self, planes: list[_Plane]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Matrix and offset for ``to_rgb`` of samples of these planes."""
        matrix, offset = rgb_matrix(self._frame.colorspace, self._frame.color_range)
        matrix /= np.array([plane.peak for plane in planes], np.float32)
        return matrix, offset

    @property
    def _planar(self) -> bool:
        """Whether the frame's planes can be looked at as they are."""
        known = _layout(self._frame.format.name) is not None
        return known and all(plane.line_size > 0 for plane in self._frame.planes)

    def _planes(self) -> list[_Plane]:
        with self._lock:
            layout = _layout(self._frame.format.name)
            if layout is None or not self._planar:
                # RGB, palettes, packed and upside-down pictures: rare enough to be converted whole.
                self._frame = self._scalers.scale(self._frame, self.width, self.height, "yuv444p")
                self._frame.color_range = FULL_RANGE
                layout = _layout("yuv444p")
                assert layout is not None
        bits, shift, interleaved = layout
        dtype: Any = np.uint8 if bits == 8 else np.uint16
        planes = []
        for index in range(3):
            plane = self._frame.planes[min(index, 1) if interleaved else index]
            lines = np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1)
            scale = 1.0 / np.tile(
                [round(self.width / plane.width), round(self.height / plane.height)], 2
            )
            step = 2 if interleaved and index else 1
            phase = 1 if interleaved and index == 2 else 0
            full = self._frame.color_range == FULL_RANGE
            # Limited range scales by powers of two: black is 16 in 8 bits and 64 in 10.
            peak = float(((1 << bits) - 1 if full else 255 << (bits - 8)) << shift)
            planes.append(_Plane(lines, int(plane.width), step, phase, peak, scale))
        return planes


def _layout(name: str) -> tuple[int, int, bool] | None:
    """Bits, shift and interleaved chroma of a planar YUV format, None for all others."""
    special = {"nv12": (8, 0, True), "p010le": (10, 6, True)}
    if name in special:
        return special[name]
    if name.startswith("yuv") and "p" in name:
        tail = name[name.index("p") + 1 :]
        if not tail:
            return 8, 0, False
        if tail.endswith("le") and tail[:-2].isdigit():
            return int(tail[:-2]), 0, False
    return None


def rgb_matrix(
    colorspace: int, color_range: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Matrix (3, 3) and offset from Y, U, V in 0..1 to R, G, B in 0..255 (ITU-T H.273, 8.3)."""
    red, blue = _LUMA.get(colorspace, _LUMA[_BT601])
    green = 1.0 - red - blue
    matrix = np.array(
        [
            [1.0, 0.0, 2.0 - 2.0 * red],
            [1.0, -(2.0 - 2.0 * blue) * blue / green, -(2.0 - 2.0 * red) * red / green],
            [1.0, 2.0 - 2.0 * blue, 0.0],
        ]
    )
    if color_range == FULL_RANGE:
        scale, black = np.ones(3), np.array([0.0, 128.0, 128.0]) / 255.0
    else:
        scale = 255.0 / np.array([219.0, 224.0, 224.0])
        black = np.array([16.0, 128.0, 128.0]) / 255.0
    matrix = 255.0 * matrix * scale
    return matrix.astype(np.float32), (-matrix @ black).astype(np.float32)
