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
def _crowding(boxes, frame, out):  # type: ignore[no-untyped-def]
    start = 0
    n = boxes.shape[0]
    while start < n:
        stop = start + 1
        while stop < n and frame[stop] == frame[start]:
            stop += 1
        for i in range(start, stop):
            for j in range(i + 1, stop):
                v = overlap(
                    boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3],
                    boxes[j, 0], boxes[j, 1], boxes[j, 2], boxes[j, 3],
                )  # fmt: skip
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


@nb.njit(cache=True, nogil=True)
def _sharing(boxes, frame, out):  # type: ignore[no-untyped-def]
    start = 0
    n = boxes.shape[0]
    while start < n:
        stop = start + 1
        while stop < n and frame[stop] == frame[start]:
            stop += 1
        for i in range(start, stop):
            for j in range(i + 1, stop):
                w = min(boxes[i, 2], boxes[j, 2]) - max(boxes[i, 0], boxes[j, 0])
                h = min(boxes[i, 3], boxes[j, 3]) - max(boxes[i, 1], boxes[j, 1])
                if not (w > 0.0 and h > 0.0):
                    continue
                smaller = min(
                    (boxes[i, 2] - boxes[i, 0]) * (boxes[i, 3] - boxes[i, 1]),
                    (boxes[j, 2] - boxes[j, 0]) * (boxes[j, 3] - boxes[j, 1]),
                )
                v = w * h / smaller
                out[i] = max(out[i], v)
                out[j] = max(out[j], v)
        start = stop


def sharing(boxes: F4, frame: NDArray[np.int64]) -> F4:
    """Largest share of the smaller one that each box has in common with another one: (N,).

    Boxes (N, 4) are compared with those of the same ``frame`` (N,), which has to be sorted. Boxes
    that are not finite share nothing.
    """
    out = np.zeros(len(boxes), np.float32)
    fine = np.flatnonzero(np.isfinite(boxes).all(axis=1))
    part = np.zeros(len(fine), np.float32)
    _sharing(np.ascontiguousarray(boxes[fine], np.float32), frame[fine].astype(np.int64), part)
    out[fine] = part
    return out


def crowding(boxes: F4, frame: NDArray[np.int64]) -> F4:
    """Largest IoU of each box (N, 4) with another box of the same frame: (N,).

    ``frame`` (N,) has to be sorted.
    """
    out = np.zeros(len(boxes), np.float32)
    _crowding(np.ascontiguousarray(boxes, np.float32), np.ascontiguousarray(frame, np.int64), out)
    return out
