"""One picture, wherever its pixels are kept; the rest of the program sees only this.

Boxes outside of ``media`` are always in pixels of the source's own picture, that is of the decoded
picture in the size that the stream announced first, turned upright where the file asks for it.
Non-square pixels (anamorphic DVDs) are *not* stretched in these coordinates, since every tool that
opens the file sees the stored pixels; only crops are cut square as displayed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from caststream.media.geometry import Geometry

if TYPE_CHECKING:
    from caststream.media.surface import Pixels, Surface

CROP_MARGIN = 0.1
"""How much wider a crop is than its box's longer side."""


class Picture:
    """A picture to be looked at small, large, or under boxes.

    Safe to use from several threads; keeps the decoded frame alive as long as it lives itself.
    """

    __slots__ = ("_aspect", "_geometry", "_surface", "height", "width")

    def __init__(
        self,
        surface: Surface,
        width: int | None = None,
        height: int | None = None,
        geometry: Geometry | None = None,
        aspect: float = 1.0,
    ) -> None:
        """Wrap a surface that shows what ``geometry`` says of a source of ``width`` x ``height``.

        ``aspect`` is the width of a displayed source pixel over its height.
        """
        self._surface = surface
        self._geometry = geometry or Geometry()
        self._aspect = aspect
        self.width = surface.width if width is None else width
        self.height = surface.height if height is None else height

    def resized(self, width: int, height: int) -> NDArray[np.uint8]:
        """The picture, as filters left it, as (height, width, 3) RGB; stretched if need be."""
        return self._surface.resized(width, height)

    def pixels(self, width: int, height: int) -> Pixels:
        """As ``resized``; of a picture on a device a uint8 tensor there, for a network there."""
        return self._surface.pixels(width, height)

    def boxes_from(
        self, boxes: NDArray[np.float32], width: int, height: int
    ) -> NDArray[np.float32]:
        """Boxes (N, 4) found in ``resized(width, height)`` as boxes of the source, clipped."""
        shown = np.array([self._surface.width / width, self._surface.height / height] * 2)
        picture = np.asarray(boxes, np.float32).reshape(-1, 4) * shown.astype(np.float32)
        source = self._geometry.to_source(picture)
        limit = np.array([self.width, self.height] * 2, np.float32)
        return np.clip(source, np.float32(0.0), limit)

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height in which the picture is to be shown: as filters left it."""
        return self._surface.width, self._surface.height

    @property
    def aspect(self) -> float:
        """Width of a displayed pixel over its height."""
        return self._aspect

    def boxes_to(self, boxes: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
        """The inverse of ``boxes_from``: source boxes (N, 4) as they lie in ``resized``."""
        surface = self._geometry.from_source(np.asarray(boxes, np.float32).reshape(-1, 4))
        scale = np.array([width / self._surface.width, height / self._surface.height] * 2)
        return np.asarray(surface * scale.astype(np.float32))

    def crops(self, boxes: NDArray[np.float32], size: int) -> NDArray[np.uint8]:
        """What lies under source boxes (N, 4), as (N, size, size, 3) RGB.

        Each is a square as displayed, ``CROP_MARGIN`` wider than its box's longer side: the
        surroundings pad a narrow box, nothing is stretched. The box lies in its middle, or off it
        where the square would leave the picture; what cannot fit shows the border repeated.
        Boxes are clipped to the picture before. Raises ``ValueError`` for boxes that are NaN.
        """
        _, source = self._squares(boxes)
        return self._surface.cut(self._geometry.from_source(source).astype(np.float64), size)

    def inside(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Where source boxes (N, 4) lie in their ``crops``, (N, 4) ``xyxy`` in shares of a side.

        Raises ``ValueError`` for boxes that are NaN.
        """
        clipped, source = self._squares(boxes)
        # A filter that mirrors the picture mirrors the crops with it.
        box = self._geometry.from_source(clipped.astype(np.float32))
        square = self._geometry.from_source(source)
        side = np.tile(square[:, 2:] - square[:, :2], 2)
        return np.asarray((box - np.tile(square[:, :2], 2)) / side, np.float32)

    def _squares(
        self, boxes: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Source boxes clipped to the picture, and the squares that are cut out for them."""
        limit = np.array([self.width, self.height] * 2, np.float64)
        clipped = np.clip(np.asarray(boxes, np.float64).reshape(-1, 4), 0.0, limit)
        if not np.isfinite(clipped).all():
            raise ValueError("boxes have to be numbers")
        low, high = np.hsplit(clipped, 2)
        sides = (high - low) * (self._aspect, 1.0)
        half = np.maximum(sides.max(axis=1, initial=1.0) * (1.0 + CROP_MARGIN) / 2.0, 0.5)
        reach = half[:, None] / (self._aspect, 1.0)
        shown = self._geometry.to_source(
            np.array([[0, 0, self._surface.width, self._surface.height]], np.float32)
        ).astype(np.float64)
        # Moved inside where it fits, centred where it does not.
        first, last = shown[:, :2] + reach, shown[:, 2:] - reach
        middle = np.clip((low + high) / 2.0, np.minimum(first, last), np.maximum(first, last))
        middle = np.where(first > last, shown[:, :2] / 2.0 + shown[:, 2:] / 2.0, middle)
        squares = np.concatenate([middle - reach, middle + reach], axis=1).astype(np.float32)
        return clipped, squares
