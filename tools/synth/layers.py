"""A picture built from layers that knows which pixels belong to which character."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import skia

SOLID = 110
"""Alpha from which a pixel counts as covered."""


class Layers:
    """A picture of ``width`` x ``height`` pixels; draw from back to front, then ask for boxes."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.rgba: npt.NDArray[np.uint8] = np.zeros((height, width, 4), np.uint8)
        self.surface = skia.Surface(self.rgba)
        self.canvas: skia.Canvas = self.surface.getCanvas()
        self._cel: npt.NDArray[np.uint8] = np.zeros((height, width, 4), np.uint8)
        self._cel_surface = skia.Surface(self._cel)
        # Shares the cel's memory: it always shows what was drawn last, without a copy.
        self._cel_image = skia.Image.fromarray(self._cel, copy=False)
        self._owner: npt.NDArray[np.int16] = np.full((height, width), -1, np.int16)
        self._areas: list[int] = []

    def clear(self) -> None:
        """Start a new picture."""
        self._owner.fill(-1)
        self._areas.clear()

    def add(
        self,
        draw: Callable[[skia.Canvas], object],
        character: bool,
        light: skia.Paint | None = None,
    ) -> int:
        """Draw one cel over the picture; a character gets the next index, other cels only cover.

        ``light`` is laid over what is drawn on the cel (its blend mode should keep alpha).

        Returns the number of pixels that the cel covers.
        """
        self._cel.fill(0)
        canvas = self._cel_surface.getCanvas()
        draw(canvas)
        if light is not None:
            canvas.drawPaint(light)
        alpha = self._cel[..., 3]
        rows = np.flatnonzero(alpha.any(axis=1))
        area = 0
        if len(rows):
            top, bottom = rows[0], rows[-1] + 1
            columns = np.flatnonzero(alpha[top:bottom].any(axis=0))
            left, right = columns[0], columns[-1] + 1
            solid = alpha[top:bottom, left:right] > SOLID
            area = int(np.count_nonzero(solid))
            owner = len(self._areas) if character else -1
            self._owner[top:bottom, left:right][solid] = owner
            self.canvas.save()
            self.canvas.clipRect(skia.Rect.MakeLTRB(left, top, right, bottom))
            self.canvas.drawImage(self._cel_image, 0, 0)
            self.canvas.restore()
        if character:
            self._areas.append(area)
        return area

    def boxes(
        self,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Tight boxes of what is seen of each character.

        Returns xyxy boxes (N, 4) in pixels (all 0 where nothing is seen), the share of its pixels
        inside the picture that nothing hides (N,), and the number of pixels seen (N,).
        """
        count = len(self._areas)
        boxes = np.zeros((count, 4), np.float32)
        visible = np.zeros(count, np.float32)
        seen = np.zeros(count, np.int64)
        for i in range(count):
            mask = self._owner == i
            columns = np.flatnonzero(mask.any(axis=0))
            if not len(columns):
                continue
            rows = np.flatnonzero(mask.any(axis=1))
            boxes[i] = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
            seen[i] = np.count_nonzero(mask)
            visible[i] = seen[i] / max(1, self._areas[i])
        return boxes, visible, seen

    def rgb(self) -> npt.NDArray[np.uint8]:
        """The picture as it stands, a copy of shape (height, width, 3)."""
        return np.ascontiguousarray(self.rgba[..., :3])
