"""Vehicles, buildings and things of the street; see ``props`` for their size and place."""

from __future__ import annotations

import math

import numpy as np

from .colors import STONE, WHITE, WOOD, mix, pick, scale, vivid
from .pen import Pen, lump, oval, polygon, rect, smooth


def car(pen: Pen, rng: np.random.Generator) -> None:
    """A car, a van or a bus from the side."""
    color = vivid(rng)
    glass = (0.65, 0.82, 0.92)
    kind = int(rng.integers(3))
    if kind == 0:
        body = smooth(
            [
                (-105, -14),
                (-108, -48),
                (-60, -56),
                (-38, -92),
                (30, -92),
                (62, -55),
                (104, -48),
                (106, -14),
                (60, -12),
                (-60, -12),
            ]
        )
        pen.fill(body, color)
        pen.fill(polygon([(-45, -57), (-30, -84), (-4, -84), (-4, -57)]), glass)
        pen.fill(polygon([(3, -57), (3, -84), (26, -84), (48, -57)]), glass)
    else:
        pen.fill(rect(-110, -98, 105, -14, 9), color)
        pen.fill(rect(-110, -45, 105, -36, 0), scale(color, 0.7), 0.5)
        n = 3 if kind == 1 else 6
        for k in range(n):
            x = -96 + 196 * k / n
            pen.fill(rect(x, -86, x + 150 / n, -54, 3), glass)
    for x in (-62, 62):
        pen.fill(oval(x, -17, 19, 19), (0.12, 0.12, 0.13))
        pen.fill(oval(x, -17, 8, 8), (0.75, 0.75, 0.78))
    pen.fill(oval(100, -38, 5, 7), (1.0, 0.95, 0.7))


def house(pen: Pen, rng: np.random.Generator) -> None:
    """A house with roof, door and windows."""
    wall, roof = vivid(rng), vivid(rng)
    wide = float(rng.uniform(35, 70))
    pen.fill(rect(-wide, -65, wide, 0), mix(wall, WHITE, 0.4))
    if rng.random() < 0.7:
        pen.fill(
            polygon([(-wide - 8, -62), (-wide * 0.2, -104), (wide * 0.2, -104), (wide + 8, -62)]),
            roof,
        )
    else:
        pen.fill(rect(-wide - 4, -74, wide + 4, -62), roof)
    pen.fill(rect(-8, -30, 8, 0, 2), pick(rng, WOOD))
    for x in (-wide * 0.6, wide * 0.6):
        pen.fill(
            rect(x - 9, -50, x + 9, -30),
            (0.7, 0.85, 0.95) if rng.random() < 0.7 else (1.0, 0.9, 0.5),
        )
        pen.stroke(polygon([(x, -50), (x, -30)], False), WHITE, 1.2)


def lamp(pen: Pen, rng: np.random.Generator) -> None:
    """A standing lamp or a street lamp."""
    color = vivid(rng)
    pen.fill(rect(-1.8, -80, 1.8, 0), (0.2, 0.2, 0.22))
    pen.fill(lump(0, -2, 14, 4), (0.2, 0.2, 0.22))
    if rng.random() < 0.5:
        pen.fill(polygon([(-10, -100), (10, -100), (20, -72), (-20, -72)]), color)
    else:
        pen.fill(oval(0, -86, 9, 12), (1.0, 0.93, 0.65))


def statue(pen: Pen, rng: np.random.Generator) -> None:
    """A column, an obelisk, an urn or a fountain of stone."""
    color = pick(rng, STONE)
    pen.fill(rect(-30, -14, 30, 0), color)
    kind = int(rng.integers(3))
    if kind == 0:
        pen.fill(rect(-15, -92, 15, -14), mix(color, WHITE, 0.2))
        for k in (-8, 0, 8):
            pen.stroke(polygon([(k, -90), (k, -16)], False), scale(color, 0.7), 1)
        pen.fill(rect(-22, -102, 22, -92), color)
    elif kind == 1:
        pen.fill(polygon([(-14, -14), (-8, -92), (0, -104), (8, -92), (14, -14)]), color)
    else:
        pen.fill(
            smooth(
                [
                    (-6, -14),
                    (-8, -40),
                    (-34, -70),
                    (-24, -98),
                    (24, -98),
                    (34, -70),
                    (8, -40),
                    (6, -14),
                ]
            ),
            color,
        )


def sign(pen: Pen, rng: np.random.Generator) -> None:
    """A road sign or a notice."""
    pen.fill(rect(-2, -70, 2, 0), (0.45, 0.45, 0.47))
    color = vivid(rng)
    kind = int(rng.integers(3))
    if kind == 0:
        pen.fill(oval(0, -80, 20, 20), color)
        pen.fill(rect(-13, -84, 13, -76), WHITE, 0.5)
    elif kind == 1:
        pen.fill(rect(-32, -100, 32, -62, 3), color)
        for y in (-90, -80, -71):
            pen.stroke(polygon([(-24, y), (float(rng.uniform(0, 24)), y)], False), WHITE, 3)
    else:
        pen.fill(polygon([(0, -102), (22, -64), (-22, -64)]), (0.95, 0.8, 0.2))


def fence(pen: Pen, rng: np.random.Generator) -> None:
    """A picket fence."""
    color = WHITE if rng.random() < 0.5 else pick(rng, WOOD)
    for y in (-70, -25):
        pen.fill(rect(-150, y - 5, 150, y + 5), color)
    for k in range(13):
        x = -144 + 24 * k
        pen.fill(polygon([(x - 8, 0), (x - 8, -88), (x, -102), (x + 8, -88), (x + 8, 0)]), color)


def boat(pen: Pen, rng: np.random.Generator) -> None:
    """A sailing boat."""
    pen.fill(smooth([(-60, -26), (-60, -26), (-45, 0), (45, 0), (66, -30), (66, -30)]), vivid(rng))
    pen.fill(rect(-2, -100, 2, -26), pick(rng, WOOD))
    pen.fill(polygon([(4, -98), (48, -34), (4, -34)]), mix(vivid(rng), WHITE, 0.5))


def plane(pen: Pen, rng: np.random.Generator) -> None:
    """An aeroplane or a rocket in the air."""
    color = vivid(rng)
    if rng.random() < 0.5:
        pen.fill(
            smooth([(-90, -55), (-60, -66), (70, -66), (96, -50), (70, -38), (-60, -42)]), color
        )
        pen.fill(polygon([(-86, -55), (-98, -88), (-76, -86), (-60, -60)]), scale(color, 0.8))
        pen.fill(polygon([(-10, -52), (-40, -18), (-22, -16), (24, -50)]), scale(color, 0.85))
        for k in range(5):
            pen.fill(oval(-30 + 20 * k, -56, 4, 4), (0.7, 0.88, 0.95), 0.6)
    else:
        pen.fill(smooth([(0, -112), (22, -70), (20, -15), (-20, -15), (-22, -70)]), color)
        pen.fill(oval(0, -66, 9, 9), (0.7, 0.88, 0.95))
        for side in (-1, 1):
            pen.fill(polygon([(side * 18, -40), (side * 36, -6), (side * 16, -14)]), vivid(rng))


def bicycle(pen: Pen, rng: np.random.Generator) -> None:
    """A bicycle without a rider."""
    color = vivid(rng)
    for x in (-52, 52):
        pen.stroke(oval(x, -34, 32, 32), (0.12, 0.12, 0.13), 4)
        for k in range(4):
            a = k * math.pi / 4
            pen.stroke(
                polygon(
                    [
                        (x - 31 * math.cos(a), -34 - 31 * math.sin(a)),
                        (x + 31 * math.cos(a), -34 + 31 * math.sin(a)),
                    ],
                    False,
                ),
                (0.6, 0.6, 0.6),
                0.8,
            )
    pen.stroke(polygon([(-52, -34), (-18, -76), (36, -76), (-4, -34), (-52, -34)], False), color, 4)
    pen.stroke(polygon([(-18, -76), (-4, -34)], False), color, 4)
    pen.stroke(polygon([(52, -34), (34, -92), (20, -96)], False), color, 4)
    pen.fill(lump(-20, -84, 13, 4), (0.15, 0.13, 0.12))


def balloon(pen: Pen, rng: np.random.Generator) -> None:
    """A balloon or a hot-air balloon."""
    color = vivid(rng)
    pen.stroke(smooth([(0, -50), (4, -25), (0, 0)], False), (0.4, 0.4, 0.4), 1.0)
    pen.fill(lump(0, -76, 22, 27, 0, -0.15), color)
    if rng.random() < 0.3:
        pen.fill(rect(-9, -14, 9, 0, 2), pick(rng, WOOD))


def umbrella(pen: Pen, rng: np.random.Generator) -> None:
    """A parasol."""
    color = vivid(rng)
    pen.fill(rect(-1.6, -88, 1.6, 0), (0.8, 0.8, 0.8))
    for k in range(4):
        pen.fill(
            smooth(
                [
                    (0, -102),
                    (-56 + 28 * k, -66),
                    (-56 + 28 * k, -62),
                    (-28 + 28 * k, -62),
                    (-28 + 28 * k, -66),
                ]
            ),
            color if k % 2 else WHITE,
        )


def ladder(pen: Pen, rng: np.random.Generator) -> None:
    """A ladder or a scaffold."""
    color = pick(rng, WOOD)
    for x in (-14, 14):
        pen.fill(rect(x - 2, -110, x + 2, 0), color)
    for k in range(7):
        pen.fill(rect(-14, -100 + 15 * k, 14, -97 + 15 * k), color, 0.7)


def barrel(pen: Pen, rng: np.random.Generator) -> None:
    """A barrel, a drum or a bin."""
    color = pick(rng, WOOD) if rng.random() < 0.6 else vivid(rng)
    pen.fill(smooth([(-32, 0), (-44, -50), (-32, -100), (32, -100), (44, -50), (32, 0)]), color)
    for y in (-22, -78):
        pen.fill(rect(-38, y - 3, 38, y + 3), (0.35, 0.35, 0.38), 0.6)


def crate(pen: Pen, rng: np.random.Generator) -> None:
    """A crate or a parcel."""
    color = pick(rng, WOOD)
    pen.fill(rect(-48, -92, 48, 0, 1), color)
    for k in range(1, 4):
        pen.stroke(
            polygon([(-48, -92 + 23 * k), (48, -92 + 23 * k)], False), scale(color, 0.6), 1.5
        )
    pen.stroke(polygon([(-46, -90), (46, -2)], False), scale(color, 0.7), 5)
