"""Plants, stones and other natural things; see ``props`` for their size and place."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import skia

from .colors import FURS, LEAF, STONE, WHITE, WOOD, Color, hsv, pick, scale, vivid
from .pen import Pen, lump, oval, polygon, rect, smooth, tube

Prop = Callable[[Pen, np.random.Generator], None]


def _bumps(rng: np.random.Generator, amount: float, n: int = 20) -> list[float]:
    return [float(b) for b in 1.0 + rng.uniform(-amount, amount, n)]


def _foliage(pen: Pen, path: skia.Path, color: Color) -> None:
    """Fill a crown of leaves; painted and soft shows see single leaves."""
    pen.fill(path, color)
    if pen.style.scenery in ("painted", "soft") and pen.unit > 0.3:
        pen.texture(path, "leaf", 45.0, 0.15 + 0.4 * pen.style.contrast)


def tree(pen: Pen, rng: np.random.Generator) -> None:
    """A tree with a crown of clumps, a cone or a palm's leaves."""
    bark, leaf = pick(rng, WOOD), pick(rng, LEAF, 0.1)
    kind = int(rng.integers(4))
    w = float(rng.uniform(3, 9))
    lean = float(rng.uniform(-6, 6))
    top = -float(rng.uniform(35, 60))
    pen.fill(tube([(0, 2), (lean * 0.4, top / 2), (lean, top)], [w * 1.3, w * 0.9, w * 0.6]), bark)
    if kind == 0:
        for k in range(3):
            y, half = top + 12 - 22 * k, 26 - 6 * k
            pen.fill(
                polygon([(lean - half, y), (lean, y - 36), (lean + half, y)]),
                scale(leaf, 0.85 + 0.1 * k),
            )
    elif kind == 1:
        for k in range(7):
            a = math.pi * (0.05 + 0.9 * k / 6)
            tip = (lean + 34 * math.cos(a), top - 22 * math.sin(a) + 16)
            pen.fill(
                tube(
                    [(lean, top), (lean + 20 * math.cos(a), top - 26 * math.sin(a)), tip],
                    [2, 4.5, 0.5],
                    True,
                ),
                leaf,
            )
    elif kind == 2:
        for _ in range(9):
            x, y = float(rng.normal(lean, 17)), float(rng.normal(top - 18, 13))
            r = float(rng.uniform(9, 19))
            crown = lump(x, y, r, r * 0.85, 0, 0, _bumps(rng, 0.13))
            _foliage(pen, crown, scale(leaf, float(rng.uniform(0.75, 1.15))))
    else:
        _foliage(pen, lump(lean, top - 20, 30, 30, 0, 0, _bumps(rng, 0.1)), leaf)


def bush(pen: Pen, rng: np.random.Generator) -> None:
    """A bush, sometimes with berries or flowers."""
    leaf = pick(rng, LEAF, 0.1)
    for _ in range(5):
        x, r = float(rng.uniform(-40, 40)), float(rng.uniform(20, 42))
        crown = lump(x, -r * 0.7, r, r * 0.8, 0, 0, _bumps(rng, 0.15))
        _foliage(pen, crown, scale(leaf, float(rng.uniform(0.8, 1.1))))
    if rng.random() < 0.5:
        color = vivid(rng)
        for _ in range(8):
            pen.plain(oval(float(rng.uniform(-50, 50)), float(rng.uniform(-55, -8)), 3, 3), color)


def grass(pen: Pen, rng: np.random.Generator) -> None:
    """A tuft of blades."""
    leaf = pick(rng, LEAF, 0.1)
    for _ in range(14):
        x, h = float(rng.uniform(-45, 45)), float(rng.uniform(40, 100))
        lean = float(rng.normal(0, 18))
        pen.fill(
            polygon([(x - 3, 0), (x + lean, -h), (x + 3, 0)]),
            scale(leaf, float(rng.uniform(0.7, 1.2))),
            0.5,
        )


def flower(pen: Pen, rng: np.random.Generator) -> None:
    """A flower on a stem; its middle never has a face."""
    petal, leaf = vivid(rng), pick(rng, LEAF)
    pen.stroke(smooth([(0, 0), (4, -40), (0, -80)], False), leaf, 3)
    pen.fill(tube([(1, -25), (18, -40)], [2, 5]), leaf)
    n = int(rng.integers(5, 10))
    for k in range(n):
        a = 2 * math.pi * k / n
        pen.fill(oval(15 * math.cos(a), -80 + 15 * math.sin(a), 10, 10), petal)
    pen.fill(oval(0, -80, 10, 10), (0.95, 0.8, 0.3))


def rock(pen: Pen, rng: np.random.Generator) -> None:
    """One to three stones."""
    for _ in range(int(rng.integers(1, 4))):
        x, r = float(rng.uniform(-45, 45)), float(rng.uniform(22, 55))
        pen.fill(
            lump(x, -r * 0.6, r * 1.2, r * 0.75, 0.2, 0.1, _bumps(rng, 0.1, 10)), pick(rng, STONE)
        )


def fruit(pen: Pen, rng: np.random.Generator) -> None:
    """An apple, a pear, a pumpkin or a mushroom."""
    kind = int(rng.integers(3))
    color = hsv(float(rng.choice([0.0, 0.08, 0.3, 0.15])), 0.8, 0.85)
    if kind == 0:
        pen.fill(lump(0, -45, 48, 45, 0, -0.12), color)
        pen.fill(tube([(0, -86), (4, -104)], [2.5, 2]), (0.35, 0.22, 0.1))
        pen.fill(tube([(5, -95), (28, -106)], [2, 7]), (0.35, 0.6, 0.2))
    elif kind == 1:
        for k in (-1.0, 1.0, -0.5, 0.5, 0.0):
            pen.fill(oval(k * 32, -40, 26, 40), (0.92, 0.5, 0.12))
        pen.fill(rect(-5, -95, 5, -78, 2), (0.3, 0.45, 0.15))
    else:
        pen.fill(smooth([(-14, 0), (-16, -50), (16, -50), (14, 0)]), (0.95, 0.9, 0.8))
        pen.fill(smooth([(-60, -45), (-40, -100), (40, -100), (60, -45)]), color)
        for x, y in ((-25, -68), (8, -80), (30, -62)):
            pen.plain(oval(x, y, 7, 6), WHITE)


def pelt(pen: Pen, rng: np.random.Generator) -> None:
    """A shapeless heap: a cushion, a sack, a heap of hay or clothes."""
    color = pick(rng, FURS) if rng.random() < 0.5 else vivid(rng)
    pen.fill(lump(0, -38, 60, 40, float(rng.uniform(0, 0.6)), 0.15, _bumps(rng, 0.08, 10)), color)
    for _ in range(3):
        x = float(rng.uniform(-40, 40))
        pen.stroke(smooth([(x, -60), (x + 6, -40), (x - 4, -12)], False), scale(color, 0.7), 1)


def lamp_tree(pen: Pen, rng: np.random.Generator) -> None:
    """A trunk that fills the height, with branches."""
    bark = pick(rng, WOOD)
    w = float(rng.uniform(10, 26))
    pen.fill(
        smooth(
            [(-w * 1.6, 4), (-w, -20), (-w * 0.8, -130), (w * 0.8, -130), (w, -20), (w * 1.6, 4)]
        ),
        bark,
    )
    for _ in range(5):
        x, y = float(rng.uniform(-w * 0.7, w * 0.7)), float(rng.uniform(-110, -10))
        pen.stroke(
            smooth([(x, y), (x + 2, y - 10), (x - 1, y - 22)], False), scale(bark, 0.65), 1.2
        )
    pen.fill(tube([(0, -80), (w * 1.5, -95), (w * 2.4, -120)], [5, 4, 2]), bark)
