"""Things that look alive and are not: carved pumpkins, portraits, emblems, eggs; see ``props``."""

from __future__ import annotations

import math

import numpy as np

from .colors import STONE, WHITE, WOOD, mix, pick, scale, vivid
from .figure import make_figure
from .identities import make_identity
from .pen import Pen, lump, oval, polygon, rect, smooth, tube
from .pose import make_pose

GLOW = (1.0, 0.85, 0.3)


def lantern(pen: Pen, rng: np.random.Generator) -> None:
    """A carved pumpkin, or one that nobody has carved yet."""
    color = mix((0.92, 0.5, 0.12), vivid(rng), 0.3 * float(rng.random()))
    for k in (-1.0, 1.0, -0.5, 0.5, 0.0):
        pen.fill(oval(k * 34, -42, 28, 42), color)
    pen.fill(tube([(0, -80), (5, -98)], [6, 4]), (0.3, 0.45, 0.15))
    if rng.random() < 0.2:
        return
    light = GLOW if rng.random() < 0.7 else (0.1, 0.06, 0.03)
    wide, y = float(rng.uniform(16, 26)), float(rng.uniform(-62, -50))
    for side in (-1, 1):
        x = side * wide
        eye = (
            polygon([(x - 11, y + 8), (x, y - 10), (x + 11, y + 8)])
            if rng.random() < 0.7
            else oval(x, y, 9, 10)
        )
        pen.fill(eye, light, 0.6, 0)
    grin = [(-36.0, -34.0)]
    for k in range(5):
        grin += [(-24 + 12 * k, -30 + 6 * (k % 2)), (-18 + 12 * k, -24 - 6 * (k % 2))]
    grin += [(36.0, -34.0), (20.0, -14.0), (-20.0, -14.0)]
    pen.fill(polygon(grin), light, 0.6, 0)


def egg(pen: Pen, rng: np.random.Generator) -> None:
    """An egg or a bauble with bands and spots."""
    shape = lump(0, -50, 38, 50, 0, 0.12)
    pen.fill(shape, mix(vivid(rng), WHITE, 0.3))
    with pen.clip(shape):
        for k in range(int(rng.integers(0, 4))):
            y = -85 + 24 * k + float(rng.uniform(-4, 4))
            if rng.random() < 0.5:
                pen.plain(rect(-50, y, 50, y + 9), vivid(rng))
            else:
                color = vivid(rng)
                for x in range(-30, 31, 15):
                    pen.plain(oval(x, y, 5, 5), color)


def emblem(pen: Pen, rng: np.random.Generator) -> None:
    """A badge or a logo: a disc or shield with a sign on it."""
    color, sign = vivid(rng), mix(vivid(rng), WHITE, 0.6)
    pen.fill(
        oval(0, -50, 48, 48)
        if rng.random() < 0.6
        else smooth([(-44, -98), (44, -98), (44, -40), (0, 6), (-44, -40)]),
        color,
    )
    kind = int(rng.integers(4))
    if kind == 0:
        points = []
        for k in range(10):
            r, a = (34 if k % 2 == 0 else 14), math.pi * (k / 5 - 0.5)
            points.append((r * math.cos(a), -52 + r * math.sin(a)))
        pen.fill(polygon(points), sign)
    elif kind == 1:
        pen.fill(rect(-4, -52, 4, -18), sign)
        for x, y, r in ((0, -70, 20), (-16, -58, 13), (16, -58, 13)):
            pen.fill(oval(x, y, r, r * 0.85), sign)
    elif kind == 2:
        pen.fill(polygon([(-26, -30), (0, -84), (26, -30)]), sign)
        pen.fill(oval(0, -46, 8, 8), color)
    else:
        for r in (34, 22, 10):
            pen.fill(oval(0, -50, r, r), sign if r != 22 else color)


def portrait(pen: Pen, rng: np.random.Generator) -> None:
    """Somebody in a frame, on a poster or on a screen."""
    box = rect(-42, -104, 42, 0)
    pen.fill(rect(-48, -110, 48, 6, 2), pick(rng, WOOD) if rng.random() < 0.6 else vivid(rng))
    pen.plain(box, mix(vivid(rng), WHITE, 0.4))
    who = make_identity(int(rng.integers(1 << 30)), pen.style)
    canvas = pen.canvas
    with pen.clip(box):
        canvas.translate(0, float(rng.uniform(40, 110)))
        canvas.scale(1.5, 1.5)
        make_figure(Pen(canvas, pen.style, pen.unit * 1.5), who, make_pose(rng, "stand")).draw()
    if rng.random() < 0.4:
        pen.plain(box, vivid(rng), float(rng.uniform(0.2, 0.5)))


def telescope(pen: Pen, rng: np.random.Generator) -> None:
    """A telescope, a camera or a lamp on three legs."""
    color, dark = vivid(rng), (0.2, 0.2, 0.22)
    for x in (-30, 0, 30):
        pen.fill(tube([(0, -58), (x, 0)], [3, 2]), dark)
    with pen.turned(float(rng.uniform(-50, 10)), 0, -64):
        if rng.random() < 0.6:
            pen.fill(rect(-42, -74, 44, -54, 4), color)
            pen.fill(rect(38, -79, 54, -49, 3), mix(color, WHITE, 0.5))
            pen.fill(rect(-56, -70, -42, -58, 2), dark)
        else:
            pen.fill(rect(-26, -88, 26, -54, 4), dark)
            pen.fill(oval(32, -71, 12, 14), color)
            pen.fill(oval(34, -71, 7, 8), (0.6, 0.8, 0.95))


def tractor(pen: Pen, rng: np.random.Generator) -> None:
    """A tractor, a cart or a train engine."""
    color = vivid(rng)
    pen.fill(rect(-20, -64, 84, -26, 6), color)
    pen.fill(rect(-62, -104, -8, -24, 4), mix(color, WHITE, 0.15))
    pen.fill(rect(-54, -96, -16, -64, 3), (0.65, 0.82, 0.92))
    pen.fill(rect(54, -96, 64, -62, 2), (0.25, 0.25, 0.27))
    for x, r in ((-38, 34), (62, 22)):
        pen.fill(oval(x, -r, r, r), (0.13, 0.13, 0.14))
        pen.fill(oval(x, -r, r * 0.5, r * 0.5), vivid(rng))
        pen.fill(oval(x, -r, r * 0.16, r * 0.16), (0.8, 0.8, 0.8))


def board(pen: Pen, rng: np.random.Generator) -> None:
    """Something long: a surfboard, a ski, an oar or a guitar."""
    color = vivid(rng)
    shape = smooth([(0, -118), (17, -70), (15, -20), (0, 6), (-15, -20), (-17, -70)])
    if rng.random() < 0.3:
        pen.fill(rect(-4, -112, 4, -48, 1), pick(rng, WOOD))
        for y, r in ((-44, 18), (-16, 25)):
            pen.fill(oval(0, y, r, r), color)
        pen.fill(oval(0, -26, 8, 8), (0.1, 0.07, 0.05))
        return
    pen.fill(shape, color)
    with pen.clip(shape):
        pen.plain(rect(-4, -130, 4, 10), mix(color, WHITE, 0.6))
        if rng.random() < 0.5:
            pen.plain(rect(-30, -60, 30, -40), vivid(rng))


def grave(pen: Pen, rng: np.random.Generator) -> None:
    """A gravestone, a milestone or a letter box."""
    color = pick(rng, STONE) if rng.random() < 0.7 else vivid(rng)
    body = smooth([(-36, 4), (-36, 4), (-38, -84), (-20, -106), (20, -106), (38, -84), (36, 4)])
    pen.fill(body, color)
    if pen.style.scenery in ("painted", "soft"):
        pen.texture(body, "stone", 60.0, float(rng.uniform(0.2, 0.9)))
    for k in range(int(rng.integers(0, 4))):
        x = float(rng.uniform(10, 24))
        pen.stroke(polygon([(-x, -74 + 16 * k), (x, -74 + 16 * k)], False), scale(color, 0.6), 3)


def mushroom(pen: Pen, rng: np.random.Generator) -> None:
    """A mushroom or a group of them."""
    cap = vivid(rng)
    for k in range(int(rng.integers(1, 4))):
        x, high = -30.0 * k * (-1) ** k, 1.0 / (1 + 0.5 * k)
        stem = [(x - 12, 2.0), (x - 14, -55 * high), (x + 14, -55 * high), (x + 12, 2.0)]
        pen.fill(smooth(stem), (0.95, 0.9, 0.8))
        y = -50 * high
        pen.fill(smooth([(x - 50, y), (x - 40, y - 55), (x + 40, y - 55), (x + 50, y)]), cap)
        for dx, dy in ((-22, -20), (6, -34), (24, -16)):
            pen.plain(oval(x + dx, y + dy, 7, 6), WHITE)


def blossom(pen: Pen, rng: np.random.Generator) -> None:
    """Many flowers or bright leaves together."""
    petal, heart = vivid(rng), mix(vivid(rng), (1.0, 0.9, 0.3), 0.5)
    for _ in range(int(rng.integers(4, 12))):
        x, y, r = float(rng.normal(0, 34)), float(rng.uniform(-90, -6)), float(rng.uniform(6, 17))
        n = int(rng.integers(4, 9))
        for k in range(n):
            a = 2 * math.pi * k / n
            pen.fill(oval(x + r * math.cos(a), y + r * math.sin(a), r * 0.7, r * 0.7), petal, 0.6)
        pen.fill(oval(x, y, r * 0.6, r * 0.6), heart, 0.6)
