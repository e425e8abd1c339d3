"""Sets and characters of made-up shows, painted at the size that 48x27 needs."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

F4 = NDArray[np.float32]
Rng = np.random.Generator

SET_H, SET_W = 128, 224
"""A set is larger than what the camera sees of it: 54x96 at scale 1."""
SPRITE = 40
POSES = 4


def palette(rng: Rng) -> F4:
    """Twelve colours that go together."""
    kind = rng.random()
    hue = rng.random(12) if kind < 0.4 else rng.random() + rng.normal(0, 0.08, 12)
    saturation = np.clip(rng.random() * rng.uniform(0.3, 1.4, 12), 0, 1)
    value = np.clip(rng.uniform(0.2, 1.0) * rng.uniform(0.3, 1.5, 12), 0.02, 1)
    if kind > 0.9:
        saturation *= 0.0
    k = (np.array([5.0, 3.0, 1.0]) + hue[:, None] * 6) % 6
    shade = np.clip(np.minimum(k, 4 - k), 0, 1)
    return (value[:, None] * (1 - saturation[:, None] * shade)).astype(np.float32)


def _noise(rng: Rng, height: int, width: int, cells: int) -> F4:
    """Smooth noise in 0..1 with about ``cells`` bumps across the height."""
    coarse = rng.random((cells + 2, int(cells * width / height) + 2)).astype(np.float32)
    ys = np.linspace(0, coarse.shape[0] - 1.001, height)
    xs = np.linspace(0, coarse.shape[1] - 1.001, width)
    y0, x0 = ys.astype(int), xs.astype(int)
    fy = (ys - y0)[:, None].astype(np.float32)
    fx = (xs - x0)[None].astype(np.float32)
    top = coarse[y0][:, x0] * (1 - fx) + coarse[y0][:, x0 + 1] * fx
    bottom = coarse[y0 + 1][:, x0] * (1 - fx) + coarse[y0 + 1][:, x0 + 1] * fx
    return np.asarray(top * (1 - fy) + bottom * fy, np.float32)


def make_set(rng: Rng, colours: F4) -> F4:
    """A background (SET_H, SET_W, 3) in 0..1."""

    def pick() -> F4:
        return np.asarray(colours[int(rng.integers(len(colours)))], np.float32)

    kind = rng.random()
    canvas = np.empty((SET_H, SET_W, 3), np.float32)
    if kind < 0.12:
        _card(rng, canvas, colours)
        return canvas
    top, bottom = pick(), pick()
    mix = np.linspace(0, 1, SET_H, dtype=np.float32)[:, None, None]
    canvas[:] = top * (1 - mix) + bottom * mix if kind < 0.6 else top
    if rng.random() < 0.6:
        horizon = SET_H * rng.uniform(0.35, 0.8)
        x = np.arange(SET_W)
        for layer in range(int(rng.integers(1, 4))):
            line = horizon + layer * 14
            for _ in range(3):
                line = line + rng.uniform(0, 8) * np.sin(
                    x * rng.uniform(0.01, 0.15) + rng.random() * 6
                )
            below = np.arange(SET_H)[:, None] > line[None]
            canvas[below] = pick()
    for _ in range(int(rng.integers(0, 40) if rng.random() < 0.8 else 90)):
        size = np.exp(rng.uniform(np.log(3), np.log(45)))
        _shape(
            canvas,
            int(rng.integers(3)),
            rng.uniform(0, SET_H),
            rng.uniform(0, SET_W),
            size * rng.uniform(0.4, 1.6),
            size,
            rng.uniform(0, 3.2),
            pick() * np.float32(rng.uniform(0.6, 1.3)),
            rng.uniform(0.5, 1.0),
        )
    texture = rng.random()
    if texture < 0.6:
        cells = int(rng.integers(4, 40))
        layer = _noise(rng, SET_H, SET_W, cells) - 0.5
        layer += 0.5 * (_noise(rng, SET_H, SET_W, cells * 2) - 0.5)
        canvas *= 1 + rng.uniform(0.1, 1.6) * layer[..., None]
    if rng.random() < 0.3:
        y, x = np.mgrid[0:SET_H, 0:SET_W]
        spot = np.hypot(y - rng.uniform(0, SET_H), x - rng.uniform(0, SET_W))
        canvas *= 0.25 + 1.1 * np.exp(-((spot / rng.uniform(25, 90)) ** 2))[..., None]
    if rng.random() < 0.15:
        canvas *= rng.uniform(0.08, 0.4)
    return np.clip(canvas, 0, 1)


def _card(rng: Rng, canvas: F4, colours: F4) -> None:
    """A title card: flat ground, lines of text."""
    ground = np.zeros(3) if rng.random() < 0.6 else colours[int(rng.integers(len(colours)))]
    ink = np.ones(3) * rng.uniform(0.5, 1) if rng.random() < 0.7 else colours[0]
    canvas[:] = ground
    y = rng.uniform(0, SET_H * 0.6)
    for _ in range(int(rng.integers(1, 9))):
        height = rng.uniform(1.5, 9)
        x, end = rng.uniform(0.2, 0.45) * SET_W, rng.uniform(0.5, 0.8) * SET_W
        while x < end:
            word = rng.uniform(3, 22)
            _shape(canvas, 1, y, x + word / 2, height / 2, word / 2, 0.0, np.float32(ink), 0.9)
            x += word + height * 0.6
        y += height * rng.uniform(1.3, 4)


def make_sprite(rng: Rng, colours: F4) -> F4:
    """A character (POSES, SPRITE, SPRITE, 4): blobs and bars that move a little between poses."""
    parts = int(rng.integers(3, 10))
    centre = rng.uniform(0.25, 0.75, (parts, 2)) * SPRITE
    centre[0] = SPRITE / 2
    size = rng.uniform(0.05, 0.25, (parts, 2)) * SPRITE
    size[0] = rng.uniform(0.2, 0.42, 2) * SPRITE
    angle = rng.uniform(0, 3.2, parts)
    kind = rng.integers(0, 2, parts)
    colour = colours[rng.integers(0, len(colours), parts)] * rng.uniform(0.5, 1.4, (parts, 1))
    colour = np.clip(colour, 0, 1).astype(np.float32)
    if rng.random() < 0.4:
        colour = np.clip(colour + rng.normal(0, 0.3, 3), 0, 1).astype(np.float32)
    out = np.zeros((POSES, SPRITE, SPRITE, 4), np.float32)
    loose = rng.uniform(0, 0.12) * SPRITE
    for pose in range(POSES):
        for i in range(parts):
            move = rng.normal(0, loose, 2) * (i > 0)
            y, x = centre[i] + move
            turn = angle[i] + rng.normal(0, 0.3) * (i > 0)
            rgba = np.append(colour[i], 1.0).astype(np.float32)
            _shape(out[pose], int(kind[i]), y, x, size[i, 0], size[i, 1], turn, rgba, 1.0)
    return out


def burst_sprite(rng: Rng) -> F4:
    y, x = np.mgrid[0:SPRITE, 0:SPRITE] - (SPRITE - 1) / 2
    reach = np.hypot(y, x) / (SPRITE / 2)
    out = np.zeros((POSES, SPRITE, SPRITE, 4), np.float32)
    for pose in range(POSES):
        ragged = reach * (1 + 0.5 * (_noise(rng, SPRITE, SPRITE, 6) - 0.5))
        heat = np.clip(1 - ragged, 0, 1)
        out[pose, ..., 0] = np.clip(0.8 + heat, 0, 1)
        out[pose, ..., 1] = np.clip(0.2 + 1.4 * heat, 0, 1)
        out[pose, ..., 2] = np.clip(2.5 * heat - 1, 0, 1)
        out[pose, ..., 3] = np.clip(heat * 3, 0, 1)
    return out


@njit(cache=True, nogil=True, fastmath=True)
def _shape(image, kind, cy, cx, ry, rx, angle, colour, opacity):
    """Paint an ellipse (0), a box (1) or a triangle (2) with a soft edge, in place."""
    reach = 1.5 * max(ry, rx) + 1
    cos, sin = np.cos(angle), np.sin(angle)
    for y in range(max(0, int(cy - reach)), min(image.shape[0], int(cy + reach) + 1)):
        for x in range(max(0, int(cx - reach)), min(image.shape[1], int(cx + reach) + 1)):
            v = ((y - cy) * cos - (x - cx) * sin) / max(ry, 0.5)
            u = ((y - cy) * sin + (x - cx) * cos) / max(rx, 0.5)
            if kind == 0:
                edge = 1.0 - np.sqrt(u * u + v * v)
            elif kind == 1:
                edge = 1.0 - max(abs(u), abs(v))
            else:
                edge = min(1.0 - v, 1.0 + v - 2.0 * abs(u)) * 0.5
            share = min(max(edge * min(ry, rx) + 0.5, 0.0), 1.0) * opacity
            if share > 0:
                for c in range(image.shape[2]):
                    image[y, x, c] += share * (colour[c] - image[y, x, c])
