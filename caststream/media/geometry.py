"""How the pixels of a picture lie in the source's own picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Geometry:
    """An axis-aligned map ``source = scale * picture + offset``, one pair an axis.

    Coordinates run over the edges of pixels: the first pixel covers 0 to 1. A negative scale is a
    mirrored axis, which filters such as ``hflip`` make.
    """

    scale_x: float = 1.0
    offset_x: float = 0.0
    scale_y: float = 1.0
    offset_y: float = 0.0

    def after(self, first: Geometry) -> Geometry:
        """The map that goes through ``first`` and then through this one."""
        return Geometry(
            self.scale_x * first.scale_x,
            self.scale_x * first.offset_x + self.offset_x,
            self.scale_y * first.scale_y,
            self.scale_y * first.offset_y + self.offset_y,
        )

    def to_source(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes (N, 4) ``xyxy`` of the picture as boxes of the source, not clipped."""
        return _ordered(boxes, np.array(self.scales), np.array(self.offsets))

    def from_source(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes (N, 4) ``xyxy`` of the source as boxes of the picture, not clipped."""
        scales = 1.0 / np.array(self.scales)
        return _ordered(boxes, scales, -np.array(self.offsets) * scales)

    @property
    def scales(self) -> tuple[float, float, float, float]:
        """Scale of each of the four numbers of a box."""
        return (self.scale_x, self.scale_y, self.scale_x, self.scale_y)

    @property
    def offsets(self) -> tuple[float, float, float, float]:
        """Offset of each of the four numbers of a box."""
        return (self.offset_x, self.offset_y, self.offset_x, self.offset_y)


def _ordered(
    boxes: NDArray[np.float32], scales: NDArray[np.float64], offsets: NDArray[np.float64]
) -> NDArray[np.float32]:
    moved = np.asarray(boxes, np.float64).reshape(-1, 4) * scales + offsets
    low = np.minimum(moved[:, :2], moved[:, 2:])
    high = np.maximum(moved[:, :2], moved[:, 2:])
    return np.concatenate([low, high], axis=1).astype(np.float32)
