"""Crops of something that is seen for long: few, spread, readable."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from caststream.media.views import Views, encoded


def test_few_and_spread_however_many_come() -> None:
    views = Views(6)
    for k in range(1000):
        views.offer(k, np.full((4, 4, 3), k % 256, np.uint8))
        assert len(views.crops) <= 6
    frames = list(views.crops)
    assert frames[0] == 0 and len(set(np.diff(frames))) == 1 and frames[-1] > 500
    assert abs(np.asarray(Image.open(io.BytesIO(views.crops[0]))).mean()) < 3


def test_nothing_to_encode() -> None:
    assert encoded(np.zeros((0, 0, 3), np.uint8)) == b""
