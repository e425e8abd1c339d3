"""Solid things with texture and round shadows: trunks, stumps, logs, boulders; see ``props``.

They are what takes detectors in most in 3D films: upright, rounded, textured like a coat of fur.
"""

from __future__ import annotations

import math

import numpy as np
import skia

from .colors import LEAF, STONE, WOOD, Color, mix, pick, scale
from .pen import Pen, Point, lump, oval, polygon, smooth, tube


def _solid(
    pen: Pen, path: skia.Path, color: Color, tile: str, rng: np.random.Generator, upright: bool
) -> None:
    """Fill a body with its surface: coarse and fine grain, then the shadow of its roundness."""
    rough = pen.style.scenery in ("painted", "soft", "sketch") or rng.random() < 0.3
    pen.fill(path, color, 1.0, 0.3 if rough else 1.0)
    if not rough:
        return
    strength = float(rng.uniform(0.25, 1.0))
    pen.texture(path, tile, float(rng.uniform(30, 90)), strength)
    if rng.random() < 0.5:
        pen.texture(path, "cloud", float(rng.uniform(60, 160)), float(rng.uniform(0.2, 0.8)))
    pen.round_off(path, float(rng.uniform(0.2, 0.85)), upright)


def _moss(pen: Pen, path: skia.Path, rng: np.random.Generator) -> None:
    """Patches of moss, lichen or sun on a body."""
    box = path.getBounds()
    color = pick(rng, LEAF, 0.1) if rng.random() < 0.7 else (0.95, 0.9, 0.7)
    with pen.clip(path):
        for _ in range(int(rng.integers(2, 7))):
            x = float(rng.uniform(box.left(), box.right()))
            y = float(rng.uniform(box.top(), box.bottom()))
            r = float(rng.uniform(0.06, 0.25)) * min(box.width(), box.height())
            bumps = [float(b) for b in rng.uniform(0.6, 1.2, 9)]
            pen.plain(lump(x, y, r * 1.4, r, 0, 0, bumps), color, float(rng.uniform(0.2, 0.7)))


def trunk(pen: Pen, rng: np.random.Generator) -> None:
    """The lower part of a tree: a wide trunk with roots, maybe branches, a hollow or knots."""
    bark = mix(pick(rng, WOOD), pick(rng, STONE), float(rng.uniform(0, 0.6)))
    w = float(rng.uniform(9, 40))
    lean = float(rng.normal(0, 8))
    top = -float(rng.uniform(105, 190))
    flare = float(rng.uniform(1.3, 2.6))
    for _ in range(int(rng.integers(0, 3))):
        side = float(rng.choice([-1, 1]))
        y = float(rng.uniform(top * 0.8, -50))
        reach = w + float(rng.uniform(15, 60))
        limb = [(lean * 0.6, y), (side * reach * 0.7, y - 14), (side * reach, y - 45)]
        _solid(pen, tube(limb, [w * 0.35, w * 0.22, 1.5]), bark, "bark", rng, False)
    left: list[Point] = [(-w * flare, 5), (-w * 1.15, -14), (-w, -45), (lean - w * 0.85, top)]
    right = [(2 * lean * (y == top) - x * float(rng.uniform(0.85, 1.15)), y) for x, y in left[::-1]]
    body = smooth([*left, *right])
    for k in range(int(rng.integers(0, 5))):
        x = w * float(rng.uniform(-1, 1))
        tip = (x * (2.0 + 0.4 * k), 4 + 6 * float(rng.random()))
        root = tube([(x * 0.7, -16), (x * 1.4, -3), tip], [w * 0.3, w * 0.24, 1.0])
        _solid(pen, root, bark, "bark", rng, False)
    _solid(pen, body, bark, "bark", rng, True)
    if rng.random() < 0.4:
        _moss(pen, body, rng)
    for _ in range(int(rng.choice([0, 0, 1, 2]))):
        x, y = w * float(rng.uniform(-0.5, 0.5)), float(rng.uniform(top * 0.7, -25))
        r = w * float(rng.uniform(0.12, 0.4))
        pen.fill(oval(x, y, r, r * float(rng.uniform(0.9, 1.8))), scale(bark, 0.4), 0.6)


def stump(pen: Pen, rng: np.random.Generator) -> None:
    """What is left of a tree: rings on top, roots below."""
    bark = pick(rng, WOOD)
    w = float(rng.uniform(28, 60))
    top = -float(rng.uniform(45, 95))
    body = smooth([(-w * 1.6, 4), (-w, -20), (-w, top), (w, top), (w, -20), (w * 1.6, 4)])
    _solid(pen, body, bark, "bark", rng, True)
    face = mix(bark, (1.0, 0.9, 0.7), 0.5)
    pen.fill(oval(0, top * 0.86, w * 0.88, w * 0.26), face)
    for k in (0.65, 0.4, 0.18):
        pen.stroke(oval(w * 0.05, top * 0.86, w * 0.88 * k, w * 0.26 * k), scale(face, 0.7), 0.8)
    if rng.random() < 0.5:
        _moss(pen, body, rng)


def log(pen: Pen, rng: np.random.Generator) -> None:
    """A trunk that lies on the ground, sometimes hollow."""
    bark = pick(rng, WOOD)
    r = float(rng.uniform(22, 48))
    wide = float(rng.uniform(70, 150))
    body = tube([(-wide, -r), (0, -r * 0.95), (wide, -r)], [r * 0.9, r, r])
    _solid(pen, body, bark, "bark", rng, False)
    if rng.random() < 0.5:
        _moss(pen, body, rng)
    face = mix(bark, (1.0, 0.9, 0.7), 0.4)
    pen.fill(oval(wide, -r, r * 0.45, r), face)
    if rng.random() < 0.5:
        pen.fill(oval(wide + 1, -r, r * 0.33, r * 0.75), (0.06, 0.05, 0.05), 0.5, 0)
    else:
        pen.stroke(oval(wide, -r, r * 0.24, r * 0.55), scale(face, 0.7), 0.9)


def boulder(pen: Pen, rng: np.random.Generator) -> None:
    """One to four boulders, often upright, edged or mossy."""
    stone = mix(pick(rng, STONE), pick(rng, WOOD), float(rng.uniform(0, 0.5)))
    for _ in range(int(rng.integers(1, 5))):
        x = float(rng.uniform(-55, 55))
        rx, ry = float(rng.uniform(20, 60)), float(rng.uniform(22, 60))
        color = scale(stone, float(rng.uniform(0.75, 1.15)))
        if rng.random() < 0.4:
            n = int(rng.integers(6, 10))
            turns = [math.pi * 2 * (k + float(rng.uniform(-0.3, 0.3))) / n for k in range(n)]
            corners = [(x + rx * math.cos(a), -ry * 0.8 + ry * math.sin(a)) for a in turns]
            body = polygon(corners)
        else:
            bumps = [float(b) for b in rng.uniform(0.82, 1.15, 11)]
            body = lump(x, -ry * 0.8, rx, ry, float(rng.uniform(0, 0.5)), 0.12, bumps)
        _solid(pen, body, color, "stone", rng, bool(rng.random() < 0.5))
        if rng.random() < 0.35:
            _moss(pen, body, rng)
        if rng.random() < 0.4:
            pen.stroke(
                smooth([(x, -ry * 1.4), (x + rx * 0.2, -ry), (x - rx * 0.1, -ry * 0.4)], False),
                scale(color, 0.55),
                1.0,
            )


def pinnacle(pen: Pen, rng: np.random.Generator) -> None:
    """A pillar of rock, a termite mound or an icicle's stump: upright as a figure."""
    color = mix(pick(rng, STONE), pick(rng, WOOD), float(rng.uniform(0, 1)))
    w = float(rng.uniform(14, 38))
    side = [
        (w * float(rng.uniform(0.7, 1.3)) * k, y)
        for k, y in ((1.2, 3), (1.0, -25), (0.9, -55), (0.75, -80), (0.4, -106))
    ]
    other = [(-x * float(rng.uniform(0.7, 1.3)), y) for x, y in side[::-1]]
    body = smooth([*side, *other])
    _solid(pen, body, color, "stone", rng, True)
    if rng.random() < 0.5:
        _moss(pen, body, rng)


def heap(pen: Pen, rng: np.random.Generator) -> None:
    """Hay, snow, earth or a carpet of leaves, heaped up."""
    color = pick(rng, (*WOOD, *STONE, (0.9, 0.78, 0.4), (0.93, 0.94, 0.97)))
    bumps = [float(b) for b in rng.uniform(0.88, 1.1, 13)]
    body = lump(0, -30, float(rng.uniform(50, 110)), float(rng.uniform(32, 70)), 0.1, 0.25, bumps)
    tile = str(rng.choice(["fur", "leaf", "cloud", "stone"]))
    _solid(pen, body, color, tile, rng, bool(rng.random() < 0.5))
