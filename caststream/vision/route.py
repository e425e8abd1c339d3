"""Where the camera stood at each frame of a shot, so that places of different frames compare."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

F4 = NDArray[np.float32]


class Route:
    """The frames of a shot and where the camera stood.

    Works in pixels from the picture's middle, as seen at the latest frame.
    """

    def __init__(self) -> None:
        self._at: dict[int, tuple[float, float, float]] = {}

    def move(self, x: float, y: float, zoom: float) -> None:
        """The camera moved what it shows by (x, y) pixels and the logarithm of a growth."""
        if x or y or zoom:
            grow = math.exp(zoom)
            self._at = {
                k: (a * grow + x, b * grow + y, z + zoom) for k, (a, b, z) in self._at.items()
            }

    def mark(self, frame: int) -> None:
        """This frame is seen from where the camera stands now."""
        self._at[frame] = (0.0, 0.0, 0.0)

    def keep(self, frames: set[int]) -> None:
        """Forget all other frames."""
        self._at = {k: v for k, v in self._at.items() if k in frames}

    def boxes(self, box: F4, frame: NDArray[np.int64]) -> F4:
        """Boxes (N, 4), from the middle, of frames (N,) as the camera would show them now."""
        there = np.array([self._at[k] for k in frame.tolist()]).reshape(-1, 3)
        grow = np.exp(there[:, 2:])
        moved: F4 = (box * grow + there[:, [0, 1, 0, 1]]).astype(np.float32)
        return moved
