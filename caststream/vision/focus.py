"""Blurs what lies around a character's box in its square crop, so that it tells who is meant."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

CELLS = 8
"""Surroundings are blurred to so many cells a side: colours stay, shapes go."""
EDGE = 0.02
"""Softness of the border, as a share of the crop's side."""


def focus(crops: NDArray[np.uint8], inside: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Crops with everything outside of their boxes blurred.

    A square crop of a tall or wide box shows whoever stands beside, and the network cannot know
    which of the two is asked for. Blurred surroundings keep the place's colour and light.

    ``crops`` (N, S, S, 3) RGB; ``inside`` (N, 4) ``xyxy`` of the boxes as shares of the crop's
    sides. Returns a new array; raises ValueError for other shapes.
    """
    count, size = len(crops), crops.shape[1] if crops.ndim == 4 else 0
    if crops.shape != (count, size, size, 3) or inside.shape != (count, 4):
        raise ValueError(f"crops {crops.shape} and boxes inside {inside.shape} do not fit")
    out = np.empty_like(crops)
    if count:
        _focus(np.ascontiguousarray(crops), np.asarray(inside, np.float32), out)
    return out


@njit(cache=True, nogil=True)
def _focus(crops, inside, out):  # type: ignore[no-untyped-def]
    size = crops.shape[1]
    cells = min(CELLS, size)
    coarse = np.empty((cells, cells, 3), np.float32)
    cell = np.empty(size, np.int64)
    members = np.zeros(cells, np.float32)
    place = np.empty(size, np.int64)
    share = np.empty(size, np.float32)
    for k in range(size):
        cell[k] = k * cells // size
        members[cell[k]] += 1
        at = min(max((k + 0.5) * cells / size - 0.5, 0.0), cells - 1.0)
        place[k] = min(int(at), max(cells - 2, 0))
        share[k] = at - place[k]
    across = np.empty(size, np.float32)
    for n in range(len(crops)):
        coarse[:] = 0
        for y in range(size):
            for x in range(size):
                for c in range(3):
                    coarse[cell[y], cell[x], c] += crops[n, y, x, c]
        for y in range(cells):
            for x in range(cells):
                coarse[y, x] /= members[y] * members[x]
        for x in range(size):
            across[x] = _within((x + 0.5) / size, inside[n, 0], inside[n, 2])
        for y in range(size):
            down = _within((y + 0.5) / size, inside[n, 1], inside[n, 3])
            top, low = place[y], share[y]
            under = min(top + 1, cells - 1)
            for x in range(size):
                kept = down * across[x]
                left, right = place[x], share[x]
                beside = min(left + 1, cells - 1)
                for c in range(3):
                    above = coarse[top, left, c] * (1 - right) + coarse[top, beside, c] * right
                    below = coarse[under, left, c] * (1 - right) + coarse[under, beside, c] * right
                    blurred = above * (1 - low) + below * low
                    out[n, y, x, c] = np.uint8(
                        crops[n, y, x, c] * kept + blurred * (1 - kept) + 0.5
                    )


@njit(cache=True, nogil=True)
def _within(at, low, high):  # type: ignore[no-untyped-def]
    """1 between ``low`` and ``high``, 0 outside, in between over ``EDGE`` on both sides."""
    near = min(at - low, high - at) / (2 * EDGE) + 0.5
    return min(max(near, 0.0), 1.0)
