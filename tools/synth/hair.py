"""Hair: what lies on the head and what hangs off it."""

from __future__ import annotations

import math
from collections.abc import Callable

import skia

from .colors import WHITE, mix, scale
from .eyes import Ball
from .identities import Identity
from .pen import Pen, Point, lump, polygon, rect, smooth, tube

Part = tuple[float, Callable[[], None]]
"""Depth towards the viewer in units, and what to draw there."""


def less(path: skia.Path, cut: skia.Path) -> skia.Path:
    """The path without what the other covers."""
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
    thick = {"crop": 1.04, "ring": 1.08, "afro": 1.3, "curly": 1.22, "lion": 1.2}.get(kind, 1.12)
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
        "lion": 0.6,
    }.get(kind, 0.4)
    bumps: list[float] = []
    if kind in ("curly", "afro", "lion"):
        bumps = [1.0 + 0.05 * ((i * 7 + who.seed) % 3) for i in range(20)]
    elif kind in ("spiky", "wild"):
        bumps = [
            1.0 + 0.13 * ((i + who.seed) % 2) + 0.05 * ((i * 5 + who.seed) % 3) for i in range(20)
        ]
    outer = lump(x, y - 0.05 * ry, rx * thick, ry * thick, who.square * 0.7, 0.0, bumps)
    opening = _opening(who, ball)
    shape = outer if opening is None else less(outer, opening)
    back = 0.25 * max(0.0, -math.cos(yaw))
    shape = less(shape, rect(x - 3 * rx, y + (low + back) * ry, x + 3 * rx, y + 4 * ry))
    if kind == "ring":
        shape = less(shape, rect(x - 3 * rx, y - 3 * ry, x + 3 * rx, y - 0.25 * ry))
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
    elif kind in ("spiky", "lion"):
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
