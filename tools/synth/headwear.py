"""Horns, antlers and hats, on top of a head."""

from __future__ import annotations

import math

from .colors import WHITE, mix, scale
from .eyes import Ball
from .hair import less
from .identities import Identity
from .pen import Pen, Point, lump, oval, polygon, rect, smooth, tube


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
            hood = less(
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
