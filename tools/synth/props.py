"""Things that are no characters: each stands on (0, 0), is about 100 units high, y downwards."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import skia

from .colors import FURS, WHITE, Color, hsv, mix, pick, scale, vivid
from .pen import Pen, lump, oval, polygon, rect, smooth, tube

Prop = Callable[[Pen, np.random.Generator], None]

WOOD: tuple[Color, ...] = (
    (0.55, 0.36, 0.2),
    (0.4, 0.25, 0.14),
    (0.7, 0.5, 0.3),
    (0.62, 0.58, 0.55),
)
LEAF: tuple[Color, ...] = ((0.25, 0.5, 0.2), (0.4, 0.62, 0.25), (0.15, 0.38, 0.25), (0.6, 0.6, 0.2))
DARK: Color = (0.05, 0.05, 0.1)
STONE: tuple[Color, ...] = ((0.55, 0.55, 0.58), (0.7, 0.68, 0.62), (0.42, 0.42, 0.45))


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


def lamp(pen: Pen, rng: np.random.Generator) -> None:
    """A standing lamp or a street lamp."""
    color = vivid(rng)
    pen.fill(rect(-1.8, -80, 1.8, 0), (0.2, 0.2, 0.22))
    pen.fill(lump(0, -2, 14, 4), (0.2, 0.2, 0.22))
    if rng.random() < 0.5:
        pen.fill(polygon([(-10, -100), (10, -100), (20, -72), (-20, -72)]), color)
    else:
        pen.fill(oval(0, -86, 9, 12), (1.0, 0.93, 0.65))


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


def crate(pen: Pen, rng: np.random.Generator) -> None:
    """A crate or a parcel."""
    color = pick(rng, WOOD)
    pen.fill(rect(-48, -92, 48, 0, 1), color)
    for k in range(1, 4):
        pen.stroke(
            polygon([(-48, -92 + 23 * k), (48, -92 + 23 * k)], False), scale(color, 0.6), 1.5
        )
    pen.stroke(polygon([(-46, -90), (46, -2)], False), scale(color, 0.7), 5)


def barrel(pen: Pen, rng: np.random.Generator) -> None:
    """A barrel, a drum or a bin."""
    color = pick(rng, WOOD) if rng.random() < 0.6 else vivid(rng)
    pen.fill(smooth([(-32, 0), (-44, -50), (-32, -100), (32, -100), (44, -50), (32, 0)]), color)
    for y in (-22, -78):
        pen.fill(rect(-38, y - 3, 38, y + 3), (0.35, 0.35, 0.38), 0.6)


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


def pelt(pen: Pen, rng: np.random.Generator) -> None:
    """A shapeless heap: a cushion, a sack, a heap of hay or clothes."""
    color = pick(rng, FURS) if rng.random() < 0.5 else vivid(rng)
    pen.fill(lump(0, -38, 60, 40, float(rng.uniform(0, 0.6)), 0.15, _bumps(rng, 0.08, 10)), color)
    for _ in range(3):
        x = float(rng.uniform(-40, 40))
        pen.stroke(smooth([(x, -60), (x + 6, -40), (x - 4, -12)], False), scale(color, 0.7), 1)


def ladder(pen: Pen, rng: np.random.Generator) -> None:
    """A ladder or a scaffold."""
    color = pick(rng, WOOD)
    for x in (-14, 14):
        pen.fill(rect(x - 2, -110, x + 2, 0), color)
    for k in range(7):
        pen.fill(rect(-14, -100 + 15 * k, 14, -97 + 15 * k), color, 0.7)


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


SMALL: tuple[Prop, ...] = (cup, book, fruit, ball, flower, pot, crate, clock, pelt)
OUTDOOR: tuple[Prop, ...] = (
    tree,
    tree,
    tree,
    bush,
    bush,
    rock,
    flower,
    grass,
    fence,
    lamp_tree,
    house,
    barrel,
    pelt,
)
STREET: tuple[Prop, ...] = (
    car,
    car,
    car,
    lamp,
    sign,
    house,
    bicycle,
    statue,
    tree,
    crate,
    umbrella,
    balloon,
    fence,
    ladder,
)
INDOOR: tuple[Prop, ...] = (
    chair,
    chair,
    table,
    lamp,
    pot,
    shelf,
    crate,
    machine,
    machine,
    ball,
    book,
    barrel,
    umbrella,
    pelt,
    ladder,
    cup,
)
WALL: tuple[Prop, ...] = (frame, frame, clock, frame)
AIR: tuple[Prop, ...] = (plane, balloon, ball)
ANY: tuple[Prop, ...] = (*OUTDOOR, *STREET, *INDOOR, boat, plane, fruit)
NEAR: tuple[Prop, ...] = (
    bush,
    bush,
    grass,
    grass,
    flower,
    rock,
    rock,
    lamp_tree,
    shelf,
    machine,
    lamp,
    sign,
    statue,
    fence,
    crate,
    chair,
    table,
    pot,
    barrel,
    car,
    tree,
    pelt,
)


def place(
    pen: Pen,
    prop: Prop,
    rng: np.random.Generator,
    x: float,
    y: float,
    height: float,
    turn: float = 0.0,
) -> None:
    """Draw a prop on a canvas in pixels: its foot at (x, y), ``height`` pixels high."""
    k = height / 100
    canvas = pen.canvas
    canvas.save()
    canvas.translate(x, y)
    if turn:
        canvas.rotate(turn)
    canvas.scale(k * (-1 if rng.random() < 0.5 else 1), k)
    if not turn and rng.random() < 0.3:
        pen.plain(oval(0, 0, float(rng.uniform(30, 80)), float(rng.uniform(3, 9))), DARK, 0.35)
    prop(Pen(canvas, pen.style, k * pen.unit, int(rng.integers(1 << 30))), rng)
    canvas.restore()
