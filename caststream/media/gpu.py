"""A decoded picture that stays on the GPU: NV12 or P010 planes as torch tensors.

Resizing and cutting are two products of matrices (weights of the lines, weights of the columns)
for the luma and two for both chroma planes, the same filters as on the processor: a box for whole
pictures, Pillow's triangle for crops. What whole pictures are multiplied with stays on the device;
all crops of a picture are cut at once. Colours are converted last, when little is left, and only
the result is brought back in one transfer, or nothing at all where a network on the device looks
at it. All of it runs on tensors of any device, so a GPU whose memory is full hands its planes to
the processor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from caststream.media.hardware import say_once
from caststream.media.surface import FULL_RANGE, rgb_matrix
from caststream.memory import gpu_is_full

T = TypeVar("T")

_AT_ONCE = 32
"""Crops that are cut at the same time: of a 4K picture their weights take some 100 MiB."""


class TorchSurface:
    """One picture as Y (H, W) and interleaved chroma (H/2, W/2, 2), 8 bits or P010's 16.

    Consumed on torch's default stream, which is the one that FFmpeg decodes on.
    """

    def __init__(
        self, luma: Tensor, chroma: Tensor, colorspace: int, color_range: int, keep: Any = None
    ) -> None:
        """``keep`` is what owns the memory of the planes."""
        self._luma, self._chroma = luma, chroma
        self._keep = keep
        self._colors = colorspace, color_range

    @classmethod
    def of(cls, frame: Any) -> TorchSurface:
        """A frame of PyAV whose format is ``cuda``, without copying it.

        Raises ``NotImplementedError`` for planes other than those of NV12 and P010.
        """
        # The capsule and not the plane, which torch would ask to wait for one of its streams.
        luma, chroma = (from_dlpack(plane.__dlpack__()) for plane in frame.planes[:2])
        return cls(luma, chroma, int(frame.colorspace), int(frame.color_range), keep=frame)

    @property
    def width(self) -> int:
        """Pixels a line."""
        return int(self._luma.shape[1])

    @property
    def height(self) -> int:
        """Lines."""
        return int(self._luma.shape[0])

    def resized(self, width: int, height: int) -> NDArray[np.uint8]:
        """The whole picture as (height, width, 3) RGB."""
        return _brought(self.pixels(width, height))

    def pixels(self, width: int, height: int) -> Tensor:
        """The whole picture as (height, width, 3) RGB, where its planes lie."""

        def work() -> Tensor:
            planes = []
            for plane in self._planes():
                _, lines, columns = plane.shape
                smaller = width <= columns and height <= lines
                down = _whole(lines, height, smaller, plane.device)
                planes.append(down @ plane @ _whole(columns, width, smaller, plane.device).mT)
            return self._rgb(torch.cat(planes))

        return self._anyhow(work)

    def cut(self, regions: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
        """Each region (N, 4) ``xyxy`` as one of (N, size, size, 3) RGB, borders repeated."""
        if not len(regions):
            return np.empty((0, size, size, 3), np.uint8)

        def work() -> Tensor:
            planes = self._planes()
            return torch.cat(
                [self._cut(planes, some, size) for some in np.array_split(regions, parts)]
            )

        parts = -(-len(regions) // _AT_ONCE)
        return _brought(self._anyhow(work))

    def _cut(self, planes: Sequence[Tensor], regions: NDArray[np.float64], size: int) -> Tensor:
        """Some regions (N, 4) as (N, size, size, 3) RGB, where the planes lie."""
        cuts = []
        for plane in planes:
            _, lines, columns = plane.shape
            x0, y0, x1, y1 = (regions * ([columns / self.width, lines / self.height] * 2)).T
            down, across = (
                torch.stack([weights(*ends, size, length, False) for ends in spans])
                for spans, length in (
                    (zip(y0, y1, strict=True), lines), (zip(x0, x1, strict=True), columns)
                )
            )  # fmt: skip
            down, across = down.to(plane.device), across.to(plane.device).mT
            # One channel at a time: a product with both would copy them for each region.
            cuts += [down @ channel @ across for channel in plane]
        return self._rgb(torch.stack(cuts, dim=1))

    def _planes(self) -> tuple[Tensor, Tensor]:
        """Luma (1, H, W) and chroma (2, H/2, W/2) as float32, where they lie."""
        chroma = self._chroma.reshape(self._chroma.shape[0], -1, 2).permute(2, 0, 1)
        return _numbers(self._luma[None]), _numbers(chroma)

    def _rgb(self, planes: Tensor) -> Tensor:
        """Planes (..., 3, h, w) of samples as (..., h, w, 3) RGB."""
        deep = self._luma.dtype != torch.uint8
        matrix, offset = _conversion(*self._colors, deep, planes.device)
        colors = torch.tensordot(planes, matrix, dims=([planes.ndim - 3], [1])) + offset
        rounded: Tensor = colors.add_(0.5).clamp_(0.0, 255.0).to(torch.uint8)
        return rounded

    def _anyhow(self, work: Callable[[], T]) -> T:
        """Do it on the GPU, or on the processor where the GPU's memory is full."""
        try:
            with torch.inference_mode():
                return work()
        except RuntimeError as error:
            if not gpu_is_full(error):
                raise
            say_once("the GPU's memory is full: pictures are resized and cut by the processor")
            self._luma, self._chroma = self._luma.cpu(), self._chroma.cpu()
            self._keep = None
            with torch.inference_mode():
                return work()


def _brought(pixels: Tensor) -> NDArray[np.uint8]:
    """The same in main memory: one transfer."""
    found: NDArray[np.uint8] = pixels.cpu().numpy()
    return found


def weights(low: float, high: float, size: int, length: int, box: bool) -> Tensor:
    """How much of each of ``length`` samples goes into each of ``size`` outputs: (size, length).

    The outputs share ``low`` to ``high`` (in samples) evenly; beyond the ends the border counts.
    With ``box`` each output is the mean of what lies under it, else the triangle of Pillow's
    ``BILINEAR``, which widens with the reduction.
    """
    scale = (high - low) / size
    support = 0.5 * scale if box else max(scale, 1.0)
    centres = low + (np.arange(size) + 0.5) * scale
    first = np.floor(centres - support).astype(np.int64)
    taps = first[:, None] + np.arange(int(np.ceil(2 * support)) + 2)
    if box:
        under = np.minimum(taps + 1, (centres + support)[:, None])
        share = np.clip(under - np.maximum(taps, (centres - support)[:, None]), 0.0, None)
    else:
        share = np.clip(1.0 - np.abs(taps + 0.5 - centres[:, None]) / support, 0.0, None)
    share /= share.sum(axis=1, keepdims=True)
    made = np.zeros((size, length), np.float32)
    rows = np.broadcast_to(np.arange(size)[:, None], taps.shape)
    np.add.at(made, (rows, np.clip(taps, 0, length - 1)), share.astype(np.float32))
    return torch.from_numpy(made)


@lru_cache(maxsize=32)
def _whole(length: int, size: int, smaller: bool, device: torch.device) -> Tensor:
    """Weights (size, length) of a whole side; kept, since each picture of a stream wants them."""
    return weights(0.0, length, size, length, smaller).to(device)


@lru_cache(maxsize=32)
def _conversion(
    colorspace: int, color_range: int, deep: bool, device: torch.device
) -> tuple[Tensor, Tensor]:
    """``rgb_matrix`` for samples as they lie in the planes, on a device."""
    matrix, offset = rgb_matrix(colorspace, color_range)
    peak = 255.0
    if deep:
        # P010: ten bits, shifted up by six; limited range scales by powers of two.
        peak = float(1023 << 6) if color_range == FULL_RANGE else float(1020 << 6)
    scaled = torch.from_numpy(matrix / np.float32(peak))
    return scaled.to(device), torch.from_numpy(offset).to(device)


def _numbers(plane: Tensor) -> Tensor:
    # uint16 is not an arithmetic type in torch; its bits are those of int16, and of int32 & 0xffff.
    if plane.dtype == torch.uint16:
        plane = plane.view(torch.int16).to(torch.int32) & 0xFFFF
    return plane.to(torch.float32)
