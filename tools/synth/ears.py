"""Ears, fins and antennae, at the sides of a head."""

from __future__ import annotations

import math

import skia

from .colors import Color, mix, scale
from .eyes import Ball
from .identities import Identity
from .pen import Pen, lump, oval, polygon, smooth, tube


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
        if who.seed % 4:
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
