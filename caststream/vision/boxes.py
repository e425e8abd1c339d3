"""Geometry of half-open ``xyxy`` boxes, for arrays and for numba kernels."""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

F4 = NDArray[np.float32]


@nb.njit(cache=True, nogil=True, inline="always")
def overlap(ax1, ay1, ax2, ay2, bx1, by1, bx2, by2):  # type: ignore[no-untyped-def]
    """Intersection over union of two boxes given by their corners; 0 where they only touch."""
    w = min(ax2, bx2) - max(ax1, bx1)
    h = min(ay2, by2) - max(ay1, by1)
    if w <= 0.0 or h <= 0.0:
        return 0.0
    both = w * h
    return both / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - both)


@nb.njit(cache=True, nogil=True)
def _iou(a, b, out):  # type: ignore[no-untyped-def]
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            out[i, j] = overlap(
                a[i, 0], a[i, 1], a[i, 2], a[i, 3], b[j, 0], b[j, 1], b[j, 2], b[j, 3]
            )


@nb.njit(cache=True, nogil=True)
def _shared(a, b, of_smaller):  # type: ignore[no-untyped-def]
    """What two boxes have in common, as a share of their union or of the smaller one."""
    if not of_smaller:
        return overlap(a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3])
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if not (w > 0.0 and h > 0.0):
        return 0.0
    return w * h / min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))


@nb.njit(cache=True, nogil=True)
def _most_shared(boxes, frame, of_smaller, out):  # type: ignore[no-untyped-def]
    start = 0
    n = boxes.shape[0]
    while start < n:
        stop = start + 1
        while stop < n and frame[stop] == frame[start]:
            stop += 1
        for i in range(start, stop):
            for j in range(i + 1, stop):
                v = _shared(boxes[i], boxes[j], of_smaller)
                out[i] = max(out[i], v)
                out[j] = max(out[j], v)
        start = stop


def iou(a: F4, b: F4) -> F4:
    """Intersection over union of each box of ``a`` (N, 4) with each of ``b`` (M, 4): (N, M)."""
    out = np.zeros((len(a), len(b)), np.float32)
    _iou(np.ascontiguousarray(a, np.float32), np.ascontiguousarray(b, np.float32), out)
    return out


def covering(a: F4, b: F4) -> F4:
    """Which share of each box of ``a`` (N, 4) lies in each of ``b`` (M, 4): (N, M)."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.clip(high - low, 0.0, None).prod(axis=2)
    area = (a[:, 2:] - a[:, :2]).prod(axis=1)[:, None]
    share: F4 = np.divide(both, area, where=area > 0, out=np.zeros_like(both)).astype(np.float32)
    return share


def sharing(boxes: F4, frame: NDArray[np.int64]) -> F4:
    """Largest share of the smaller one that each box has in common with another one: (N,).

    Boxes (N, 4) are compared with those of the same ``frame`` (N,), which has to be sorted. Boxes
    that are not finite share nothing.
    """
    return _with_finite(boxes, frame, of_smaller=True)


def crowding(boxes: F4, frame: NDArray[np.int64]) -> F4:
    """Largest IoU of each box (N, 4) with another box of the same frame: (N,).

    ``frame`` (N,) has to be sorted. Boxes that are not finite overlap nothing.
    """
    return _with_finite(boxes, frame, of_smaller=False)


def _with_finite(boxes: F4, frame: NDArray[np.int64], of_smaller: bool) -> F4:
    out = np.zeros(len(boxes), np.float32)
    fine = np.flatnonzero(np.isfinite(boxes).all(axis=1))
    part = np.zeros(len(fine), np.float32)
    held = np.ascontiguousarray(boxes[fine], np.float32)
    _most_shared(held, frame[fine].astype(np.int64), of_smaller, part)
    out[fine] = part
    return out
