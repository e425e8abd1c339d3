"""A few crops of something that is seen for long, as JPEG."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

U1 = NDArray[np.uint8]


class Views:
    """Crops by their frames, at most ``most``, at even distances that double when there are too
    many."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.every = 1
        self.seen = 0
        self.crops: dict[int, bytes] = {}

    def offer(self, frame: int, crop: U1) -> None:
        """Keep the (S, S, 3) RGB crop of this frame if it is its turn."""
        if self.seen % self.every == 0:
            self.crops[frame] = encoded(crop)
            if len(self.crops) > self.most:
                self.crops = dict(list(self.crops.items())[::2])
                self.every *= 2
        self.seen += 1


def encoded(crop: U1) -> bytes:
    """One (S, S, 3) RGB crop as JPEG; empty where there is nothing in it."""
    if crop.size == 0:
        return b""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(crop).save(out, "JPEG", quality=85)
    return out.getvalue()
