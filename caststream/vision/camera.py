"""How the camera moved between two pictures of one shot, told from their small copies.

A shift and a zoom are fitted to what lies outside of the characters' boxes: first a shift in whole
pixels by looking at all of them, then shift and zoom together by least squares of brightness
(Lucas & Kanade, *An iterative image registration technique*, IJCAI 1981) with weights that leave
out what moves on its own (Geman-McClure; Odobez & Bouthemy, *Robust multiresolution estimation of
parametric motion models*, JVCIR 6, 1995). A slow change of light is taken out beforehand.

Nothing is believed that has not got the picture's vote: it is divided into blocks, and among those
in which the two answers "it moved" and "it stood still" differ, the first needs a clear majority.
So neither a big thing that moves nor a flat picture passes for a camera.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math
from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

F4 = NDArray[np.float32]
U1 = NDArray[np.uint8]

SPREAD = 6
"""Half width of the window whose mean is taken out, in small pixels."""
TOLERANCE = 16.0
"""Difference of brightness (of 255) at which half of a pixel's weight is gone."""
LEFT = 0.35
"""Share of what is no character that both pictures have to show ..."""
LEAST = 0.08
"""... and which share of the whole picture this has to be."""
ROUNDS = 12
FARTHEST = np.array((6.0, 4.0, 0.06))
"""Usual shift in small pixels and zoom between two pictures: what is not to be seen stays small."""
BLOCKS = (6, 4)
CLEAR = 0.03
"""Mean difference of cost from which on a block has an opinion."""
AYES = 3
"""Blocks that have to say that the camera moved ..."""
MAJORITY = 4
"""... and how many times those that say it did not."""
GAIN = 0.85
"""Cost of the motion, over that of none, up to which it is taken."""
CHANCE = 0.6
"""... and that over the mean cost of all shifts: some shift always fits best by chance."""
HELD = 0.1
"""Cost of no motion up to which the camera surely stood still."""
SAME = 0.002
"""Cost under which two pictures are the same, and no shift is looked for."""


class CameraMotion(NamedTuple):
    """How the picture's contents moved, as shares of its width and height; a point of the one
    picture at ``p`` from its middle is at ``p * exp(zoom) + (x, y)`` in the other."""

    x: float
    y: float
    zoom: float
    """Logarithm of the growth."""
    sure: bool
    """False where nothing could be told; the motion is zero then."""


STILL = CameraMotion(0.0, 0.0, 0.0, False)


class Camera:
    """Follows the camera from picture to picture; ``reset`` at a cut."""

    def __init__(self) -> None:
        self._last: tuple[F4, F4] | None = None
        self._speed = np.zeros(3)

    def reset(self) -> None:
        """Forget the last picture."""
        self._last = None
        self._speed[:] = 0.0

    def update(self, picture: U1, boxes: F4) -> CameraMotion:
        """The motion from the last picture to this one.

        ``picture`` (H, W, 3) RGB, ``boxes`` (N, 4) of the characters in pixels of ``picture``.
        """
        now = prepared(picture, boxes)
        before, self._last = self._last, now
        if before is None or before[0].shape != now[0].shape:
            return STILL
        fit = np.zeros(3)
        sure = _register(*before, *now, self._speed, fit)
        self._speed = fit if sure else np.zeros(3)
        if not sure:
            return STILL
        height, width = now[0].shape
        return CameraMotion(fit[0] / width, fit[1] / height, math.log(1.0 + fit[2]), True)


def prepared(picture: U1, boxes: F4) -> tuple[F4, F4]:
    """Brightness without its slow part, and the weight of each pixel: 0 under a box."""
    grey = picture.astype(np.float32) @ np.array((0.299, 0.587, 0.114), np.float32)
    height, width = grey.shape
    sums = np.zeros((height + 1, width + 1))
    sums[1:, 1:] = grey.cumsum(0).cumsum(1)
    y, x = np.arange(height), np.arange(width)
    top, bottom = np.maximum(y - SPREAD, 0), np.minimum(y + SPREAD + 1, height)
    left, right = np.maximum(x - SPREAD, 0), np.minimum(x + SPREAD + 1, width)
    part = sums[bottom][:, right] - sums[top][:, right] - sums[bottom][:, left] + sums[top][:, left]
    area = (bottom - top)[:, None] * (right - left)
    weight = np.ones_like(grey)
    for x0, y0, x1, y1 in np.clip(boxes, -1.0, 1e6).tolist():
        if x1 > x0 and y1 > y0:
            rows = slice(max(0, math.floor(y0)), max(0, math.ceil(y1)))
            weight[rows, max(0, math.floor(x0)) : max(0, math.ceil(x1))] = 0.0
    return (grey - part / area).astype(np.float32), weight


@nb.njit(cache=True, nogil=True)
def _rho(r):
    # Geman-McClure: 0 where two pixels agree, 1 where they have nothing to do with each other.
    r = r * r
    return r / (r + TOLERANCE * TOLERANCE)


@nb.njit(cache=True, nogil=True)
def _cost(a, wa, b, wb, fit, blocks):
    # Mean cost of a motion, what leaves the picture counting like a stranger; by blocks as well.
    height, width = a.shape
    cx, cy = 0.5 * (width - 1), 0.5 * (height - 1)
    blocks[:] = 0.0
    total = 0.0
    both = 0.0
    whole = 0.0
    for y in range(height):
        for x in range(width):
            if wa[y, x] == 0.0:
                continue
            whole += 1.0
            u = cx + (x - cx) * (1.0 + fit[2]) + fit[0]
            v = cy + (y - cy) * (1.0 + fit[2]) + fit[1]
            if not (0.0 <= u <= width - 1.0 and 0.0 <= v <= height - 1.0):
                continue
            i = min(int(u), width - 2)
            j = min(int(v), height - 2)
            if wb[min(int(v + 0.5), height - 1), min(int(u + 0.5), width - 1)] == 0.0:
                continue
            fu, fv = u - i, v - j
            value = (1.0 - fv) * ((1.0 - fu) * b[j, i] + fu * b[j, i + 1]) + fv * (
                (1.0 - fu) * b[j + 1, i] + fu * b[j + 1, i + 1]
            )
            c = _rho(value - a[y, x])
            total += c
            both += 1.0
            k = (y * BLOCKS[1]) // height * BLOCKS[0] + (x * BLOCKS[0]) // width
            blocks[k, 0] += c
            blocks[k, 1] += 1.0
    if both < LEAST * width * height or both < LEFT * whole:
        return np.inf
    return total / both


@nb.njit(cache=True, nogil=True)
def _refine(a, wa, b, wb, fit):
    # Weighted least squares of brightness over shift and zoom, again and again.
    height, width = a.shape
    cx, cy = 0.5 * (width - 1), 0.5 * (height - 1)
    m = np.zeros((3, 3))
    g = np.zeros(3)
    d = np.zeros(3)
    noise = 0.25 * TOLERANCE * TOLERANCE
    for _ in range(ROUNDS):
        for c in range(3):
            for e in range(3):
                m[c, e] = 0.0
            m[c, c] = noise / (FARTHEST[c] * FARTHEST[c])
            g[c] = -fit[c] * m[c, c]
        for y in range(height):
            for x in range(width):
                if wa[y, x] == 0.0:
                    continue
                px, py = x - cx, y - cy
                u = cx + px * (1.0 + fit[2]) + fit[0]
                v = cy + py * (1.0 + fit[2]) + fit[1]
                if not (0.0 <= u <= width - 1.0 and 0.0 <= v <= height - 1.0):
                    continue
                i = min(int(u), width - 2)
                j = min(int(v), height - 2)
                if wb[min(int(v + 0.5), height - 1), min(int(u + 0.5), width - 1)] == 0.0:
                    continue
                fu, fv = u - i, v - j
                p, q = b[j, i], b[j, i + 1]
                r, s = b[j + 1, i], b[j + 1, i + 1]
                value = (1.0 - fv) * ((1.0 - fu) * p + fu * q) + fv * ((1.0 - fu) * r + fu * s)
                miss = value - a[y, x]
                w = 1.0 / (1.0 + miss * miss / (TOLERANCE * TOLERANCE))
                w *= w
                d[0] = (1.0 - fv) * (q - p) + fv * (s - r)
                d[1] = (1.0 - fu) * (r - p) + fu * (s - q)
                d[2] = d[0] * px + d[1] * py
                for c in range(3):
                    g[c] -= w * d[c] * miss
                    for e in range(3):
                        m[c, e] += w * d[c] * d[e]
        step = np.linalg.solve(m, g)
        for c in range(3):
            fit[c] += step[c]
        if abs(step[0]) + abs(step[1]) + 20.0 * abs(step[2]) < 0.01:
            break


@nb.njit(cache=True, nogil=True)
def _shift(a, wa, b, wb, out):
    # The shift in whole pixels that fits best; gives the mean cost of all.
    chance = 0.0
    tried = 0.0
    height, width = a.shape
    best = np.inf
    reach_x, reach_y = width // 2, height // 2
    whole = wa.sum()
    for dy in range(-reach_y, reach_y + 1):
        for dx in range(-reach_x, reach_x + 1):
            total = np.float32(0.0)
            both = np.float32(0.0)
            for y in range(max(0, -dy), min(height, height - dy)):
                for x in range(max(0, -dx), min(width, width - dx)):
                    w = wa[y, x] * wb[y + dy, x + dx]
                    r = b[y + dy, x + dx] - a[y, x]
                    r *= r
                    total += w * r / (r + np.float32(TOLERANCE * TOLERANCE))
                    both += w
            if both > LEAST * width * height and both > LEFT * whole:
                mean = float(total / both)
                chance += mean
                tried += 1.0
                if mean < best:
                    best = mean
                    out[0] = dx
                    out[1] = dy
    return chance / max(tried, 1.0)


@nb.njit(cache=True, nogil=True)
def _register(a, wa, b, wb, speed, fit):
    """Write the best motion to ``fit`` (3,); tells if it is to be believed."""
    count = BLOCKS[0] * BLOCKS[1]
    still = np.zeros((count, 2))
    moved = np.zeros((count, 2))
    fit[:] = 0.0
    zero = _cost(a, wa, b, wb, fit, still)
    if zero == np.inf:
        return False
    best = np.inf
    guess = np.zeros((3, 3))
    guess[1] = speed
    chance = _shift(a, wa, b, wb, guess[2]) if zero > SAME else 0.0
    for k in range(3):
        if k > 0 and guess[k, 0] == 0.0 and guess[k, 1] == 0.0 and guess[k, 2] == 0.0:
            continue
        _refine(a, wa, b, wb, guess[k])
        cost = _cost(a, wa, b, wb, guess[k], moved)
        if cost < best:
            best = cost
            fit[:] = guess[k]
    if best == np.inf or best >= zero:
        fit[:] = 0.0
        return zero < HELD
    _cost(a, wa, b, wb, fit, moved)
    ayes = 0.0
    nays = 0.0
    for k in range(count):
        if still[k, 1] < 4.0 or moved[k, 1] < 4.0:
            continue
        gain = still[k, 0] / still[k, 1] - moved[k, 0] / moved[k, 1]
        if gain > CLEAR:
            ayes += 1.0
        elif gain < -CLEAR:
            nays += 1.0
    if ayes >= AYES and ayes > MAJORITY * nays and best < min(GAIN * zero, CHANCE * chance):
        return True
    fit[:] = 0.0
    # It stood still where most of what is to be seen says so; else nobody knows.
    return zero < HELD
