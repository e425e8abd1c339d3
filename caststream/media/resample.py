"""Cutting square pieces out of one plane of a picture, with antialiasing.

The filter is the triangle of Pillow's ``BILINEAR``: its width grows with the reduction, so that
every pixel under the output counts. Outside of the plane its border is repeated.
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
    left = min(max(first_x[0], 0), width - 1)
    right = min(max(first_x[size - 1] + taps_x, left + 1), width)
    start = left * step
    line = np.empty((right - left) * step, np.float32)
    for i in range(size):
        line[:] = 0.0
        for k in range(taps_y):
            weight = weights_y[i, k]
            if weight == 0.0:
                continue
            # A slice from 0: an index that may wrap around would keep this from being vectorised.
            row = plane[min(max(first_y[i] + k, 0), height - 1)][start : start + line.shape[0]]
            for x in range(line.shape[0]):
                line[x] += weight * np.float32(row[x])
        for j in range(size):
            total = np.float32(0.0)
            for k in range(taps_x):
                column = min(max(first_x[j] + k, left), right - 1) - left
                total += weights_x[j, k] * line[column * step + phase]
            out[i, j] = total


@njit(cache=True, nogil=True)
def to_rgb(
    samples: NDArray[np.float32],
    matrix: NDArray[np.float32],
    offset: NDArray[np.float32],
    out: NDArray[np.uint8],
) -> None:
    """Turn planes ``samples`` (3, S, S) into ``out`` (S, S, 3): ``matrix @ sample + offset``."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            for c in range(3):
                value = offset[c] + np.float32(0.5)
                for k in range(3):
                    value += matrix[c, k] * samples[k, i, j]
                out[i, j, c] = np.uint8(min(max(value, np.float32(0.0)), np.float32(255.0)))
