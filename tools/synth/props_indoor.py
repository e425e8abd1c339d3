"""Furniture and small things; see ``props`` for their size and place."""

from __future__ import annotations

import math

import numpy as np

from .colors import LEAF, WHITE, WOOD, mix, pick, scale, vivid
from .pen import Pen, lump, oval, polygon, rect, smooth, tube
from .props_nature import Prop, flower, fruit, pelt
from .props_street import crate


def chair(pen: Pen, rng: np.random.Generator) -> None:
    """A chair, an armchair or a sofa."""
    color = vivid(rng) if rng.random() < 0.6 else pick(rng, WOOD)
    wide = float(rng.choice([28, 55, 95]))
    if wide < 30:
        for x in (-22, 22):
            pen.fill(rect(x - 3, -45, x + 3, 0), color)
        pen.fill(rect(-26, -50, 26, -43, 2), color)
        pen.fill(rect(-26, -100, -20, -45), color)
        pen.fill(rect(-26, -98, 24, -72, 3), color)
        return
    pen.fill(rect(-wide, -95, wide, -20, 14), color)
    pen.fill(rect(-wide + 6, -45, wide - 6, -18, 6), scale(color, 1.1))
    for side in (-1, 1):
        pen.fill(rect(side * wide - 10, -58, side * wide + 10, -4, 8), scale(color, 0.9))


def table(pen: Pen, rng: np.random.Generator) -> None:
    """A table with something on it."""
    color = pick(rng, WOOD)
    for x in (-62, 62):
        pen.fill(rect(x - 4, -62, x + 4, 0), color)
    pen.fill(rect(-78, -70, 78, -60, 2), color)
    for _ in range(int(rng.integers(0, 4))):
        pen.canvas.save()
        pen.canvas.translate(float(rng.uniform(-55, 55)), -70)
        pen.canvas.scale(0.28, 0.28)
        SMALL[int(rng.integers(len(SMALL)))](pen, rng)
        pen.canvas.restore()


def ball(pen: Pen, rng: np.random.Generator) -> None:
    """A ball, striped or plain."""
    color = vivid(rng)
    shape = oval(0, -50, 50, 50)
    pen.fill(shape, color)
    with pen.clip(shape):
        if rng.random() < 0.6:
            turn = float(rng.uniform(-60, 60))
            with pen.turned(turn, 0, -50):
                pen.plain(rect(-60, -62, 60, -38), vivid(rng))
                pen.plain(oval(0, -50, 15, 49), mix(color, WHITE, 0.5))


def pot(pen: Pen, rng: np.random.Generator) -> None:
    """A plant in a pot."""
    leaf = pick(rng, LEAF, 0.1)
    for k in range(7):
        a = math.pi * (0.1 + 0.8 * k / 6)
        tip = (42 * math.cos(a), -40 - 60 * math.sin(a))
        pen.fill(
            tube([(0, -35), (tip[0] * 0.4, tip[1] * 0.8), tip], [3, 8, 1], True),
            scale(leaf, float(rng.uniform(0.8, 1.2))),
        )
    pen.fill(polygon([(-24, -40), (24, -40), (17, 0), (-17, 0)]), vivid(rng))


def shelf(pen: Pen, rng: np.random.Generator) -> None:
    """A shelf full of books."""
    color = pick(rng, WOOD)
    pen.fill(rect(-42, -102, 42, 0), color)
    for row in range(4):
        y = -6 - 24 * row
        pen.plain(rect(-38, y - 20, 38, y), scale(color, 0.5))
        x = -37.0
        while x < 33:
            w, h = float(rng.uniform(3, 8)), float(rng.uniform(11, 19))
            pen.fill(rect(x, y - h, x + w, y), vivid(rng), 0.5)
            x += w + (float(rng.uniform(0, 9)) if rng.random() < 0.2 else 0.3)


def cup(pen: Pen, rng: np.random.Generator) -> None:
    """A cup, a bottle, a vase or a bowl."""
    color = vivid(rng)
    kind = int(rng.integers(3))
    if kind == 0:
        pen.stroke(oval(34, -45, 18, 22), color, 8)
        pen.fill(rect(-34, -85, 34, 0, 8), color)
    elif kind == 1:
        pen.fill(
            smooth(
                [
                    (-24, 0),
                    (-28, -55),
                    (-8, -75),
                    (-9, -104),
                    (9, -104),
                    (8, -75),
                    (28, -55),
                    (24, 0),
                ]
            ),
            color,
        )
        pen.fill(rect(-24, -45, 24, -18), WHITE, 0.5)
    else:
        pen.fill(smooth([(-20, 0), (-60, -50), (-60, -60), (60, -60), (60, -50), (20, 0)]), color)


def book(pen: Pen, rng: np.random.Generator) -> None:
    """A stack of books."""
    y = 0.0
    for _ in range(int(rng.integers(1, 5))):
        h, w, x = float(rng.uniform(14, 26)), float(rng.uniform(35, 60)), float(rng.normal(0, 6))
        pen.fill(rect(x - w, y - h, x + w, y, 2), vivid(rng))
        y -= h


def clock(pen: Pen, rng: np.random.Generator) -> None:
    """A round clock or a plate: round, with marks, and no face."""
    pen.fill(oval(0, -50, 50, 50), vivid(rng))
    pen.fill(oval(0, -50, 41, 41), (0.97, 0.96, 0.92))
    for k in range(12):
        a = k * math.pi / 6
        pen.plain(oval(34 * math.cos(a), -50 + 34 * math.sin(a), 2.2, 2.2), (0.1, 0.1, 0.1))
    for length in (30, 20):
        a = float(rng.uniform(0, 6.3))
        pen.stroke(
            polygon([(0, -50), (length * math.cos(a), -50 + length * math.sin(a))], False),
            (0.1, 0.1, 0.1),
            2.5,
        )


def frame(pen: Pen, rng: np.random.Generator) -> None:
    """A framed picture of a landscape or of shapes."""
    w = float(rng.uniform(35, 75))
    pen.fill(rect(-w, -100, w, 0), pick(rng, WOOD) if rng.random() < 0.6 else (0.85, 0.7, 0.3))
    inside = rect(-w + 7, -93, w - 7, -7)
    pen.fill(inside, mix((0.7, 0.85, 0.95), vivid(rng), 0.4), 0.5, 0)
    with pen.clip(inside):
        if rng.random() < 0.6:
            for k in range(2):
                x = float(rng.uniform(-w, w))
                pen.plain(
                    smooth([(x - 60, 0), (x, -70 + 20 * k), (x + 60, 0)]), pick(rng, LEAF, 0.1)
                )
            pen.plain(oval(float(rng.uniform(-w, w)), -72, 8, 8), (1.0, 0.9, 0.5))
        else:
            for _ in range(5):
                pen.plain(
                    lump(
                        float(rng.uniform(-w, w)),
                        float(rng.uniform(-90, -10)),
                        float(rng.uniform(5, 25)),
                        float(rng.uniform(5, 25)),
                        float(rng.random()),
                    ),
                    vivid(rng),
                )


def machine(pen: Pen, rng: np.random.Generator) -> None:
    """A cupboard, a stove, a screen or a machine full of knobs."""
    color = vivid(rng)
    pen.fill(rect(-36, -100, 36, 0, 3), color)
    if rng.random() < 0.4:
        pen.fill(rect(-30, -94, 30, -46, 4), (0.2, 0.28, 0.32))
        pen.fill(polygon([(-22, -88), (0, -88), (-22, -60)]), (0.4, 0.5, 0.55), 0, 0)
    else:
        for side in (-1, 1):
            pen.fill(rect(side * 18 - 15, -92, side * 18 + 15, -38, 1), scale(color, 1.1))
            pen.plain(oval(side * 6, -65, 2, 2), (0.9, 0.8, 0.4))
    for k in range(4):
        pen.fill(oval(-24 + 16 * k, -24, 4, 4), vivid(rng), 0.7)


SMALL: tuple[Prop, ...] = (cup, book, fruit, ball, flower, pot, crate, clock, pelt)
