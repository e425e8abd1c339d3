"""Cutting square pieces out of one plane of a picture, and shrinking it whole, with antialiasing.

Pieces are cut with the triangle of Pillow's ``BILINEAR``: its width grows with the reduction, so
that every pixel under the output counts. Outside of the plane its border is repeated. Whole planes
shrink to the means of their cells.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def _taps(low: float, high: float, size: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """First source index and weights (size, T) of each output pixel along one axis."""
    scale = (high - low) / size
    support = max(scale, 1.0)
    count = int(np.ceil(2.0 * support)) + 2
    first = np.empty(size, np.int64)
    weights = np.zeros((size, count), np.float32)
    for j in range(size):
        centre = low + (j + 0.5) * scale
        first[j] = int(np.floor(centre - support))
        total = 0.0
        for k in range(count):
            weight = 1.0 - abs(first[j] + k + 0.5 - centre) / support
            if weight > 0.0:
                weights[j, k] = weight
                total += weight
        for k in range(count):
            weights[j, k] /= total
    return first, weights


def _signature(dtype: Any) -> Any:
    plane = types.Array(dtype, 2, "C", readonly=True)
    return types.void(
        plane,
        types.int64,
        types.int64,
        types.int64,
        types.Array(types.float64, 1, "C", readonly=True),
        types.Array(types.float32, 2, "C"),
    )


@njit([_signature(types.uint8), _signature(types.uint16)], cache=True, nogil=True)
def resample(
    plane: NDArray[np.uint8] | NDArray[np.uint16],
    width: int,
    step: int,
    phase: int,
    region: NDArray[np.float64],
    out: NDArray[np.float32],
) -> None:
    """Resample ``region`` (``xyxy`` in samples of this plane) into ``out`` (S, S).

    ``plane`` is (H, line) with ``width`` samples a line, of which each ``step``-th entry from
    ``phase`` on is ours (step 2 for the interleaved chroma of NV12). Columns first shrink
    vertically, line by line, which the processor's vector units like; only S lines are then left
    for the horizontal pass.
    """
    size = out.shape[0]
    height = plane.shape[0]
    first_x, weights_x = _taps(region[0], region[2], size)
    first_y, weights_y = _taps(region[1], region[3], size)
    taps_x = weights_x.shape[1]
    taps_y = weights_y.shape[1]
    # The line holds all columns that any tap asks for; those beyond the plane repeat its border.
    origin = first_x[0]
    count = first_x[size - 1] + taps_x - origin
    left = min(max(-origin, 0), count - 1)
    right = min(max(width - origin, left + 1), count)
    start = min(max(origin + left, 0), width - 1)
    inside = min(right - left, width - start)
    line = np.empty((count, step), np.float32)
    flat = line.reshape(-1)[left * step : (left + inside) * step]
    for i in range(size):
        flat[:] = 0.0
        for k in range(taps_y):
            weight = weights_y[i, k]
            if weight == 0.0:
                continue
            # A slice from 0: an index that may wrap around would keep this from being vectorised.
            row = plane[min(max(first_y[i] + k, 0), height - 1)][start * step :]
            for x in range(flat.shape[0]):
                flat[x] += weight * np.float32(row[x])
        for x in range(left):
            line[x] = line[left]
        for x in range(left + inside, count):
            line[x] = line[left + inside - 1]
        for j in range(size):
            base = first_x[j] - origin
            total = np.float32(0.0)
            for k in range(taps_x):
                total += weights_x[j, k] * line[base + k, phase]
            out[i, j] = total


def _shrink_signature(dtype: Any) -> Any:
    plane = types.Array(dtype, 2, "C", readonly=True)
    return types.void(
        plane, types.int64, types.int64, types.int64, types.Array(types.float32, 2, "C")
    )


@njit([_shrink_signature(types.uint8), _shrink_signature(types.uint16)], cache=True, nogil=True)
def shrink(
    plane: NDArray[np.uint8] | NDArray[np.uint16],
    width: int,
    step: int,
    phase: int,
    out: NDArray[np.float32],
) -> None:
    """Means of the cells of a whole plane into ``out`` (h, w), at most as large as the plane.

    ``plane``, ``width``, ``step`` and ``phase`` are those of ``resample``. A cell's edges are
    rounded down to whole samples: what swscale's area filter gives to within a level or two, at a
    fifth of its cost for pictures as small as those that the shot detector looks at.
    """
    height = plane.shape[0]
    line = np.empty(width * step, np.uint32)
    for i in range(out.shape[0]):
        top, bottom = i * height // out.shape[0], (i + 1) * height // out.shape[0]
        line[:] = 0
        for y in range(top, bottom):
            row = plane[y][: line.shape[0]]
            for x in range(line.shape[0]):
                line[x] += row[x]
        for j in range(out.shape[1]):
            left, right = j * width // out.shape[1], (j + 1) * width // out.shape[1]
            total = np.uint64(0)
            for x in range(left, right):
                total += line[x * step + phase]
            out[i, j] = np.float32(total) / np.float32((bottom - top) * (right - left))


@njit(cache=True, nogil=True)
def to_rgb(
    samples: NDArray[np.float32],
    matrix: NDArray[np.float32],
    offset: NDArray[np.float32],
    out: NDArray[np.uint8],
) -> None:
    """Turn planes ``samples`` (3, H, W) into ``out`` (H, W, 3): ``matrix @ sample + offset``."""
    low, high, half = np.float32(0.0), np.float32(255.0), np.float32(0.5)
    for i in range(out.shape[0]):
        for c in range(3):
            a, b, d, e = matrix[c, 0], matrix[c, 1], matrix[c, 2], offset[c] + half
            for j in range(out.shape[1]):
                value = a * samples[0, i, j] + b * samples[1, i, j] + d * samples[2, i, j] + e
                out[i, j, c] = np.uint8(min(max(value, low), high))
