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
            down = weights(y0, y1, size, lines, False, plane.device)
            across = weights(x0, x1, size, columns, False, plane.device).mT
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
            self._luma, self._chroma = _fetched(self._luma), _fetched(self._chroma)
            self._keep = None
            with torch.inference_mode():
                return work()


def _brought(pixels: Tensor) -> NDArray[np.uint8]:
    """The same in main memory: one transfer."""
    found: NDArray[np.uint8] = pixels.cpu().numpy()
    return found


def _fetched(plane: Tensor) -> Tensor:
    """A plane in main memory, which takes none of the device's.

    Its lines lie apart; torch would pack them before the transfer, on the device that is full.
    """
    span = 1 + sum(
        (size - 1) * step for size, step in zip(plane.shape, plane.stride(), strict=True)
    )
    lines = plane.as_strided((span,), (1,)).to("cpu", copy=True)
    return lines.as_strided(plane.shape, plane.stride())


def weights(
    low: NDArray[np.float64], high: NDArray[np.float64], size: int, length: int, box: bool,
    device: torch.device | None = None,
) -> Tensor:  # fmt: skip
    """How much of each of ``length`` samples goes into each of ``size`` outputs of N regions.

    (N, size, length). The outputs of a region share its ``low`` to ``high`` (N,) (in samples)
    evenly; beyond the ends the border counts. With ``box`` each output is the mean of what lies
    under it, else the triangle of Pillow's ``BILINEAR``, which widens with the reduction.
    """
    widest = float((high - low).max()) / size
    reach = int(np.ceil(widest if box else 2 * max(widest, 1.0))) + 2
    start, end = torch.from_numpy(np.stack([low, high])).to(device)[..., None]
    scale = (end - start) / size
    support = 0.5 * scale if box else scale.clamp(min=1.0)
    steps = torch.arange(max(size, reach), device=device)
    centres = start + (steps[:size] + 0.5) * scale
    taps = (centres - support).floor()[..., None] + steps[:reach]
    centres, support = centres[..., None], support[..., None]
    if box:
        ends = torch.minimum(taps + 1, centres + support)
        share = (ends - torch.maximum(taps, centres - support)).clamp(min=0.0)
    else:
        share = (1.0 - (taps + 0.5 - centres).abs() / support).clamp(min=0.0)
    share = share / share.sum(2, keepdim=True)
    # What lies outside is written anywhere there, and counts for the border: sums in a settled
    # order, which adding up in place would not be on a GPU.
    places = (taps + 1).clamp(0, length + 1).to(torch.int64)
    made = torch.zeros((len(low), size, length + 2), device=device)
    made = made.scatter_(2, places, share.to(torch.float32))[..., 1:-1]
    for border, beyond in ((0, taps < 0), (-1, taps >= length)):
        made[..., border] += (share * beyond).sum(2)
    return made


@lru_cache(maxsize=32)
def _whole(length: int, size: int, smaller: bool, device: torch.device) -> Tensor:
    """Weights (size, length) of a whole side; kept, since each picture of a stream wants them."""
    return weights(np.zeros(1), np.array([float(length)]), size, length, smaller, device)[0]


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
