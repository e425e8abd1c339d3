"""Where the cells of the detector's pyramid lie in a picture."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

STRIDES = (8, 16, 32, 64)


@cache
def cells(height: int, width: int) -> NDArray[np.float32]:
    """The cells of ``CharacterNet`` for one picture size, (N, 3): x, y and stride in pixels.

    A cell's distances are measured from its upper left corner, not from its middle. Read-only.
    """
    parts = []
    for stride in STRIDES:
        ys, xs = np.mgrid[: -(-height // stride), : -(-width // stride)] * stride
        parts.append(np.stack((xs.ravel(), ys.ravel(), np.full(xs.size, stride)), 1))
    found = np.concatenate(parts).astype(np.float32)
    found.flags.writeable = False
    return found
