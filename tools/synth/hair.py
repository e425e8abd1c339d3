"""Hair, ears, horns and hats, around the ball of a head."""

from __future__ import annotations

import math
from collections.abc import Callable

import skia

from .colors import WHITE, Color, mix, scale
from .face import Ball
from .identities import Identity
from .pen import Pen, Point, lump, oval, polygon, rect, smooth, tube

Part = tuple[float, Callable[[], None]]
"""Depth towards the viewer in units, and what to draw there."""


def _less(path: skia.Path, cut: skia.Path) -> skia.Path:
    rest = skia.Op(path, cut, skia.PathOp.kDifference_PathOp)
    return path if rest is None else rest


def draw_hair(pen: Pen, who: Identity, ball: Ball) -> None:
    """Draw the hair that lies on the head: cap, sides and fringe."""
    kind = who.hair_kind
    x, y, rx, ry, yaw = ball.x, ball.y, ball.rx, ball.ry, ball.yaw
    if kind in ("none", "bald"):
        return
    if kind == "tuft":
        tx, ty, _ = ball.at(0.0, 1.3)
        for k in (-0.3, 0.0, 0.3):
            pen.fill(
                tube(
                    [
                        (tx, ty + 0.1 * ry),
                        (tx + k * rx, ty - 0.3 * ry),
                        (tx + k * 2 * rx, ty - 0.35 * ry),
                    ],
                    [0.1 * ry, 0.08 * ry, 0.01],
                ),
                who.hair,
                0.8,
            )
        return
    if kind == "mohawk":
        s = math.sin(yaw)
        for k in range(5):
            a = -math.pi / 2 + (k - 2) * 0.42 * (abs(s) + 0.12)
            bx, by = x + rx * math.cos(a), y + ry * math.sin(a)
            pen.fill(
                smooth(
                    [
                        (bx - 0.16 * rx, by + 0.1 * ry),
                        (x + rx * 1.6 * math.cos(a), y + ry * 1.6 * math.sin(a)),
                        (bx + 0.16 * rx, by + 0.1 * ry),
                    ]
                ),
                who.hair,
            )
        return
    thick = {"crop": 1.04, "ring": 1.08, "afro": 1.3, "curly": 1.22, "mane": 1.2}.get(kind, 1.12)
    low = {
        "crop": 0.05,
        "short": 0.25,
        "spiky": 0.3,
        "ring": 0.3,
        "afro": 0.35,
        "curly": 0.5,
        "bun": 0.2,
        "tail": 0.2,
        "pigtails": 0.3,
        "bob": 0.75,
        "long": 0.8,
        "wild": 0.6,
        "mane": 0.6,
    }.get(kind, 0.4)
    bumps: list[float] = []
    if kind in ("curly", "afro", "mane"):
        bumps = [1.0 + 0.05 * ((i * 7 + who.seed) % 3) for i in range(20)]
    elif kind in ("spiky", "wild"):
        bumps = [
            1.0 + 0.13 * ((i + who.seed) % 2) + 0.05 * ((i * 5 + who.seed) % 3) for i in range(20)
        ]
    outer = lump(x, y - 0.05 * ry, rx * thick, ry * thick, who.square * 0.7, 0.0, bumps)
    opening = _opening(who, ball)
    shape = outer if opening is None else _less(outer, opening)
    back = 0.25 * max(0.0, -math.cos(yaw))
    shape = _less(shape, rect(x - 3 * rx, y + (low + back) * ry, x + 3 * rx, y + 4 * ry))
    if kind == "ring":
        shape = _less(shape, rect(x - 3 * rx, y - 3 * ry, x + 3 * rx, y - 0.25 * ry))
    pen.fill(shape, who.hair)
    if who.fringe in ("locks", "zigzag", "parted") and low > 0.15 and math.cos(yaw) > -0.3:
        for side in (-1, 1):
            lx, ly, near = ball.at(side * 1.15, 0.35, 1.06)
            if near > 0.05:
                tip = (lx + side * 0.08 * rx, y + ry * (0.35 + 0.6 * who.ear_size))
                lock = [(lx, ly - 0.1 * ry), (lx + side * 0.06 * rx, y + 0.2 * ry), tip]
                pen.fill(tube(lock, [0.14 * rx, 0.13 * rx, 0.01]), who.hair)
    if ry * pen.unit > 14 and kind not in ("ring", "crop"):
        shine = (
            mix(who.hair, WHITE, 0.35)
            if who.style.shade in ("cel", "soft")
            else scale(who.hair, 0.7)
        )
        with pen.clip(shape):
            for k in (-0.6, -0.25, 0.2, 0.55):
                pen.stroke(
                    smooth(
                        [
                            (x + k * rx * 0.4, y - ry * 1.05),
                            (x + k * rx * 1.1, y - 0.7 * ry),
                            (x + k * rx * 1.5, y - 0.1 * ry),
                        ],
                        False,
                    ),
                    shine,
                    0.025 * ry,
                )


def _opening(who: Identity, ball: Ball) -> skia.Path | None:
    x, y, rx, ry, yaw = ball.x, ball.y, ball.rx, ball.ry, ball.yaw
    yaw = math.remainder(yaw, 2 * math.pi)
    half = 1.12
    lo, hi = yaw - half, yaw + half
    if lo > math.pi / 2 or hi < -math.pi / 2:
        return None
    left = x - 2.2 * rx if lo < -math.pi / 2 else x + rx * math.sin(lo)
    right = x + 2.2 * rx if hi > math.pi / 2 else x + rx * math.sin(hi)
    level = {
        "straight": 0.42,
        "swept": 0.5,
        "parted": 0.55,
        "zigzag": 0.42,
        "high": 0.72,
        "curve": 0.5,
        "locks": 0.38,
    }[who.fringe]
    level = max(level, who.eye_level + 0.12)
    top = y - ry * level
    n = 8
    points: list[Point] = []
    for i in range(n + 1):
        t = i / n
        dy = 0.0
        if who.fringe == "swept":
            dy = 0.3 * t
        elif who.fringe == "parted":
            dy = 0.5 * abs(t - 0.5)
        elif who.fringe == "zigzag":
            dy = 0.16 * (i % 2)
        elif who.fringe == "curve":
            dy = 0.9 * (t - 0.5) ** 2
        elif who.fringe == "locks":
            dy = 0.22 * (i % 3 == 1) + 0.15 * abs(t - 0.5)
        points.append((left + (right - left) * t, top + dy * ry))
    points += [(right, y + 3 * ry), (left, y + 3 * ry)]
    return polygon(points)


def hair_parts(pen: Pen, who: Identity, ball: Ball, depth: float, wave: float) -> list[Part]:
    """What hangs off the head: long hair, tails, buns, spikes; each with its depth."""
    kind = who.hair_kind
    x, y, rx, ry = ball.x, ball.y, ball.rx, ball.ry
    s, c = math.sin(ball.yaw), math.cos(ball.yaw)
    parts: list[Part] = []
    sway = math.sin(wave) * 0.12 * ry
    color = who.hair

    def place(px: float, pz: float) -> tuple[float, float]:
        return x + px * c * rx + pz * s * rx, depth + (pz * c - px * s) * rx

    if kind in ("long", "wild"):
        bx, d = place(0.0, -0.35)
        length = ry * (1.6 + (who.seed % 7) * 0.3)
        w = rx * 1.05
        shape = smooth(
            [
                (bx - w, y - 0.3 * ry),
                (bx - w * 0.6, y - ry),
                (bx + w * 0.6, y - ry),
                (bx + w, y - 0.3 * ry),
                (bx + w * 1.1 + sway, y + length * 0.8),
                (bx + w * 0.5 + sway, y + length),
                (bx + sway, y + length * 0.9),
                (bx - w * 0.5 + sway, y + length),
                (bx - w * 1.1 + sway, y + length * 0.8),
            ]
        )
        parts.append(
            (d - 2.0 * rx * math.copysign(1.0, c), lambda: pen.fill(shape, scale(color, 0.85)))
        )
    elif kind == "bob":
        bx, d = place(0.0, -0.2)
        shape_b = lump(bx, y + 0.25 * ry, rx * 1.15, ry * 0.8, 0.4, 0.1)
        parts.append((d - 0.5 * rx, lambda: pen.fill(shape_b, scale(color, 0.85))))
    elif kind == "tail":
        bx, d = place(0.0, -0.95)
        ex, _ = place(0.0, -1.5)
        tail = tube(
            [(bx, y - 0.5 * ry), (ex, y - 0.1 * ry), (ex + sway, y + 1.4 * ry)],
            [0.2 * ry, 0.32 * ry, 0.05 * ry],
            True,
        )
        parts.append((d, lambda: pen.fill(tail, color)))
    elif kind == "pigtails":
        for side in (-1.0, 1.0):
            bx, d = place(0.95 * side, -0.1)
            ex, _ = place(1.4 * side, -0.2)
            tail_p = tube(
                [(bx, y - 0.3 * ry), (ex, y), (ex + sway, y + 1.2 * ry)],
                [0.16 * ry, 0.28 * ry, 0.05 * ry],
                True,
            )

            def pig(path: skia.Path = tail_p) -> None:
                pen.fill(path, color)

            parts.append((d - 0.05 * rx, pig))
    elif kind == "bun":
        bx, d = place(0.0, -0.4)
        parts.append(
            (d - 0.8 * rx, lambda: pen.fill(lump(bx, y - 1.05 * ry, 0.42 * rx, 0.38 * ry), color))
        )
    elif kind == "afro":
        parts.append(
            (
                depth - rx,
                lambda: pen.fill(
                    lump(x, y - 0.25 * ry, rx * 1.5, ry * 1.35, 0, 0, [1.0, 1.06, 0.98, 1.04]),
                    scale(color, 0.9),
                ),
            )
        )
    elif kind in ("spiky", "mane"):
        n = 11
        k = 1.55 if kind == "spiky" else 1.4
        star: list[Point] = []
        for i in range(2 * n):
            a = (
                math.pi * (0.9 + 1.2 * i / (2 * n - 1))
                if kind == "spiky"
                else 2 * math.pi * i / (2 * n)
            )
            r = (k + 0.2 * math.sin(i * 2.3 + who.seed)) if i % 2 else 0.95
            star.append((x + rx * r * math.cos(a) - s * 0.2 * rx, y + ry * r * math.sin(a)))
        star_path = polygon(star)
        parts.append((depth - rx, lambda: pen.fill(star_path, scale(color, 0.9))))
    return parts


def draw_ears(pen: Pen, who: Identity, ball: Ball, skin: Color, front: bool, wave: float) -> None:
    """Draw the ears that lie before (``front``) or behind the head."""
    kind = who.ears
    if kind == "none":
        return
    s = math.sin(ball.yaw)
    size = who.ear_size * ball.ry
    inner = mix(who.second, (0.95, 0.6, 0.6), 0.5)
    for side in (-1, 1):
        if kind in ("human", "fin"):
            x, y, c = ball.at(side * 1.5, -0.05, 1.02)
            if (c > 0.12) != front:
                continue
            if kind == "human":
                r = 0.2 * ball.ry
                pen.fill(oval(x, y, r * (0.6 + 0.4 * abs(s)), r * 1.2), skin)
                if front:
                    pen.plain(oval(x, y, r * 0.35, r * 0.7), scale(skin, 0.8))
            else:
                pen.fill(
                    polygon(
                        [
                            (x, y - size * 0.4),
                            (
                                x + side * size * 0.9 * max(0.4, abs(math.cos(ball.yaw))),
                                y - size * 0.7,
                            ),
                            (x, y + size * 0.3),
                        ]
                    ),
                    who.second,
                )
            continue
        turn = math.remainder(ball.yaw + side * 1.57, 2 * math.pi)
        near = math.cos(turn) > 0.25 and abs(s) > 0.55
        if near != front:
            continue
        lat = 0.95 if kind in ("long", "cat", "antenna", "tuft") else 0.8
        x, y, _ = ball.at(side * 1.57, lat, 0.95)
        tilt = math.degrees(who.ear_tilt) * side * math.cos(ball.yaw) + 6 * math.sin(wave)
        with pen.turned(tilt, x, y):
            _ear(pen, who, kind, x, y, size, side, skin, inner)


def _ear(
    pen: Pen,
    who: Identity,
    kind: str,
    x: float,
    y: float,
    size: float,
    side: int,
    skin: Color,
    inner: Color,
) -> None:
    def both(path: skia.Path, inside: skia.Path) -> None:
        pen.fill(path, skin)
        if math.cos(0) and who.seed % 4:
            pen.plain(inside, inner)

    if kind == "round":
        both(
            oval(x, y - size * 0.2, size * 0.55, size * 0.55),
            oval(x, y - size * 0.2, size * 0.32, size * 0.32),
        )
    elif kind == "mouse":
        both(
            oval(x, y - size * 0.45, size * 0.85, size * 0.85),
            oval(x, y - size * 0.45, size * 0.6, size * 0.6),
        )
    elif kind in ("cat", "point"):
        w = size * (0.5 if kind == "cat" else 0.38)
        both(
            smooth(
                [
                    (x - w, y + size * 0.3),
                    (x - w * 0.6, y - size * 0.4),
                    (x, y - size * 1.3),
                    (x + w * 0.6, y - size * 0.4),
                    (x + w, y + size * 0.3),
                ]
            ),
            polygon([(x - w * 0.45, y), (x, y - size * 0.7), (x + w * 0.45, y)]),
        )
    elif kind == "long":
        both(
            lump(x, y - size * 1.1, size * 0.36, size * 1.5, 0, -0.15),
            lump(x, y - size * 1.1, size * 0.2, size * 1.15),
        )
    elif kind == "flop":
        both(
            tube(
                [
                    (x, y - size * 0.1),
                    (x + side * size * 0.6, y - size * 0.1),
                    (x + side * size * 0.75, y + size * 1.3),
                ],
                [size * 0.22, size * 0.34, size * 0.3],
                True,
            ),
            skia.Path(),
        )
    elif kind == "tuft":
        both(
            polygon(
                [
                    (x - size * 0.4, y + size * 0.3),
                    (x - side * size * 0.1, y - size * 1.2),
                    (x + size * 0.1, y - size * 0.5),
                    (x + side * size * 0.4, y - size * 0.9),
                    (x + size * 0.4, y + size * 0.3),
                ]
            ),
            skia.Path(),
        )
    elif kind == "antenna":
        pen.fill(
            tube([(x, y), (x, y - size), (x + side * size * 0.3, y - size * 1.4)], [0.5, 0.5, 0.4]),
            skin,
        )
        pen.fill(oval(x + side * size * 0.3, y - size * 1.5, size * 0.18, size * 0.18), who.trim)


def draw_horns(pen: Pen, who: Identity, ball: Ball) -> None:
    """Draw horns, spikes, antlers or eye stalks on top of the head."""
    kind = who.horns
    if kind == "none":
        return
    ry = ball.ry
    ivory = mix((0.95, 0.9, 0.75), who.trim, 0.3)
    if kind == "spikes":
        for k in range(5):
            x, y, _ = ball.at((k - 2) * 0.55, 1.0 - 0.12 * abs(k - 2))
            pen.fill(
                polygon(
                    [
                        (x - 0.12 * ry, y + 0.12 * ry),
                        (x, y - 0.42 * ry),
                        (x + 0.12 * ry, y + 0.12 * ry),
                    ]
                ),
                ivory,
            )
        return
    if kind == "unicorn":
        x, y, _ = ball.at(0.0, 0.9)
        s = math.sin(ball.yaw)
        pen.fill(
            polygon(
                [
                    (x - 0.1 * ry, y),
                    (x + s * 0.5 * ry, y - 0.8 * ry),
                    (x + 0.12 * ry, y + 0.05 * ry),
                ]
            ),
            ivory,
        )
        return
    for side in (-1, 1):
        x, y, _ = ball.at(side * 1.2, 0.95)
        lean = side * math.cos(ball.yaw)
        if kind == "horns":
            pen.fill(
                tube(
                    [
                        (x, y + 0.1 * ry),
                        (x + lean * 0.5 * ry, y - 0.15 * ry),
                        (x + lean * 0.4 * ry, y - 0.7 * ry),
                    ],
                    [0.17 * ry, 0.12 * ry, 0.02 * ry],
                    True,
                ),
                ivory,
            )
        elif kind == "stalks":
            tip = (x + lean * 0.3 * ry, y - 0.8 * ry)
            pen.fill(tube([(x, y + 0.1 * ry), tip], [0.07 * ry, 0.06 * ry]), who.skin)
            pen.fill(oval(*tip, 0.2 * ry, 0.2 * ry), WHITE)
            pen.plain(oval(tip[0] + 0.04 * ry, tip[1], 0.08 * ry, 0.08 * ry), (0.05, 0.05, 0.05))
        else:
            pen.fill(
                tube(
                    [
                        (x, y + 0.1 * ry),
                        (x + lean * 0.6 * ry, y - 0.3 * ry),
                        (x + lean * 0.7 * ry, y - 1.1 * ry),
                    ],
                    [0.09 * ry, 0.08 * ry, 0.03 * ry],
                ),
                (0.5, 0.35, 0.2),
            )
            pen.fill(
                tube(
                    [(x + lean * 0.5 * ry, y - 0.3 * ry), (x + lean * 1.1 * ry, y - 0.7 * ry)],
                    [0.07 * ry, 0.02 * ry],
                ),
                (0.5, 0.35, 0.2),
            )


def draw_hat(pen: Pen, who: Identity, ball: Ball) -> None:
    """Draw the hat."""
    kind = who.hat
    x, y, rx, ry = ball.x, ball.y, ball.rx, ball.ry
    s, c = math.sin(ball.yaw), math.cos(ball.yaw)
    color, trim = who.top if who.seed % 2 else who.trim, who.bottom
    w = rx * 1.16
    base = y - ry * 0.5
    dome = smooth(
        [
            (x - w, base),
            (x - w * 1.02, base - ry * 0.55),
            (x - w * 0.5, y - ry * 1.3),
            (x + w * 0.5, y - ry * 1.3),
            (x + w * 1.02, base - ry * 0.55),
            (x + w, base),
        ]
    )
    if kind in ("cap", "police"):
        pen.fill(dome, color)
        bx = x + s * rx * 1.0
        if c > -0.5:
            pen.fill(
                lump(bx, base + ry * 0.02, rx * (0.75 + 0.25 * abs(c)), ry * 0.16, 0.1),
                trim if kind == "cap" else (0.1, 0.1, 0.12),
            )
        if kind == "police" and c > 0:
            pen.fill(
                oval(x + s * rx * 0.8, base - ry * 0.35, ry * 0.16, ry * 0.16), (0.95, 0.8, 0.3)
            )
    elif kind in ("beanie", "helmet"):
        pen.fill(dome, color)
        if kind == "beanie":
            pen.fill(rect(x - w, base - ry * 0.16, x + w, base + ry * 0.12, ry * 0.1), trim)
            pen.fill(lump(x, y - ry * 1.3, ry * 0.2, ry * 0.2), trim)
        else:
            pen.fill(
                smooth(
                    [
                        (x - w * 0.1, base),
                        (x - w * 0.15, y - ry * 1.35),
                        (x + w * 0.15, y - ry * 1.35),
                        (x + w * 0.1, base),
                    ]
                ),
                trim,
            )
    elif kind in ("top", "bowler", "chef"):
        h = {"top": 1.1, "bowler": 0.65, "chef": 0.9}[kind]
        shade = (0.96, 0.96, 0.95) if kind == "chef" else color
        flare = 1.15 if kind == "chef" else 0.9 if kind == "bowler" else 1.0
        pen.fill(
            smooth(
                [
                    (x - w * 0.75, base),
                    (x - w * 0.75, base),
                    (x - w * 0.78 * flare, base - ry * h),
                    (x, base - ry * h * 1.12),
                    (x + w * 0.78 * flare, base - ry * h),
                    (x + w * 0.75, base),
                    (x + w * 0.75, base),
                ]
            ),
            shade,
        )
        if kind != "chef":
            pen.fill(
                rect(x - w * 0.72, base - ry * 0.25, x + w * 0.72, base - ry * 0.02), trim, 0.6
            )
            pen.fill(lump(x, base, w * 1.25, ry * 0.13, 0.1), shade)
    elif kind == "straw":
        pen.fill(lump(x, base - ry * 0.3, w * 0.75, ry * 0.5), (0.93, 0.8, 0.45))
        pen.fill(lump(x, base, w * 1.6, ry * 0.17), (0.9, 0.76, 0.4))
    elif kind == "wizard":
        lean = 0.3 * rx * (1 if who.seed % 4 < 2 else -1)
        pen.fill(
            smooth(
                [
                    (x - w, base),
                    (x - w, base),
                    (x - w * 0.3, base - ry * 1.0),
                    (x + lean, base - ry * 1.9),
                    (x + lean, base - ry * 1.9),
                    (x + w * 0.3, base - ry * 1.0),
                    (x + w, base),
                    (x + w, base),
                ]
            ),
            color,
        )
        if who.seed % 3:
            pen.fill(lump(x, base, w * 1.45, ry * 0.15), color)
    elif kind == "crown":
        points: list[Point] = [(x - w * 0.8, base)]
        for k in range(5):
            points += [
                (x + w * 0.8 * (k / 2 - 1), base - ry * 0.75),
                (x + w * 0.8 * ((k + 0.5) / 2 - 1), base - ry * 0.4),
            ]
        pen.fill(polygon([*points[:-1], (x + w * 0.8, base)]), (0.98, 0.8, 0.25))
    elif kind == "band":
        pen.fill(rect(x - w * 0.98, y - ry * 0.62, x + w * 0.98, y - ry * 0.4, 1), color)
    elif kind in ("bow", "flower"):
        bx, by, depth = ball.at(0.7, 0.9, 1.1)
        if depth < -0.6:
            return
        if kind == "bow":
            for side in (-1, 1):
                pen.fill(
                    smooth(
                        [
                            (bx, by),
                            (bx + side * 0.55 * ry, by - 0.35 * ry),
                            (bx + side * 0.55 * ry, by + 0.3 * ry),
                        ]
                    ),
                    color,
                )
            pen.fill(oval(bx, by, 0.12 * ry, 0.14 * ry), scale(color, 0.8))
        else:
            for k in range(5):
                a = k * 2 * math.pi / 5
                pen.fill(
                    oval(
                        bx + 0.18 * ry * math.cos(a),
                        by + 0.18 * ry * math.sin(a),
                        0.15 * ry,
                        0.15 * ry,
                    ),
                    color,
                    0.7,
                )
            pen.fill(oval(bx, by, 0.12 * ry, 0.12 * ry), (0.98, 0.85, 0.3), 0.7)
    elif kind == "hood":
        hood = lump(x, y - 0.05 * ry, rx * 1.3, ry * 1.28, 0, 0.0)
        face_x = x + s * rx * 0.45
        if c > -0.4:
            hood = _less(
                hood, oval(face_x, y + 0.12 * ry, rx * (0.88 if c > 0.3 else 0.7), ry * 0.95)
            )
        pen.fill(hood, color)
    elif kind == "phones":
        pen.stroke(
            smooth(
                [
                    (x - rx * 1.08, y),
                    (x - rx, y - ry * 1.25),
                    (x + rx, y - ry * 1.25),
                    (x + rx * 1.08, y),
                ],
                False,
            ),
            color,
            0.14 * ry,
        )
        for side in (-1, 1):
            ex, ey, depth = ball.at(side * 1.5, 0.0, 1.08)
            if depth > -0.3:
                pen.fill(lump(ex, ey, 0.17 * rx + 0.16 * rx * abs(s), 0.34 * ry, 0.2), color)
