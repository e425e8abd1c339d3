"""Streams of `Embedded` messages for the tests of what comes after `embed`."""

from __future__ import annotations

from typing import Any

import av
import numpy as np

from caststream import messages as m
from caststream.media.picture import Picture
from caststream.media.surface import CpuSurface, Scalers

SIZE = 16
PICTURE = Picture(CpuSurface(av.VideoFrame(960, 540, "rgb24"), Scalers()))


def embedded(
    index: int, time: float, boxes: Any, looks: Any, shot: int = 0, score: float = 0.9,
    blend: bool = False, model: int = 0, small: m.U1 | None = None,
) -> m.Embedded:  # fmt: skip
    """One frame with ``boxes`` (N, 4) that look like ``looks`` (N, D), and grey crops."""
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    looks = np.array(looks, np.float32)
    if len(boxes) == 0:
        looks = np.zeros((0, 8), np.float32)
    frame = m.Frame(index, time, PICTURE)
    blank = np.zeros((27, 48, 3), np.uint8)
    source = m.ShotFrame(frame, shot, blank if small is None else small, blend)
    n = len(boxes)
    return m.Embedded(
        m.Detections(source, boxes, np.full(n, score, np.float32)),
        looks,
        np.ones((n, 4), np.float16),
        np.full((n, SIZE, SIZE, 3), 128, np.uint8),
        model,
    )


def box(x: float, y: float = 100.0) -> list[float]:
    """A box of 60 to 120 pixels."""
    return [x, y, x + 60, y + 120]


def shot_end(index: int = 0) -> m.ShotEnd:
    """The marker that ends shot ``index``."""
    return m.ShotEnd(m.Shot(index, 0, 100, 0.0, 4.0, "cut", 1.0))
