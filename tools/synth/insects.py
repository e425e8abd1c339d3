"""Bodies of insects and other small things that fly."""

from __future__ import annotations

import math
from functools import partial

import skia

from .colors import BLACK, Color, mix, scale
from .parts import add_head, coat_painter
from .pen import Point, lump, oval, rect, smooth, tube
from .puppet import Figure


def build_insect(fig: Figure) -> None:
    """Butterflies, bees, dragonflies and beetles in the air, with large wings behind."""
    who, pose = fig.who, fig.pose
    half = who.head * 0.32
    long = 16.0 + who.body_length * 0.45
    thick = 4.0 + min(who.waist, 16.0) * (0.7 if who.seed % 2 else 0.3)
    y = -45.0 - pose.lift
    flap = 0.45 + 0.55 * abs(math.sin(pose.wave))
    for side in (-1, 1):
        for part, (up, reach) in enumerate(((0.9, 42.0), (-0.25, 30.0))):
            out = side * reach * (0.7 + 0.4 * who.tail_size) * flap
            root = fig.at(0, y - long * 0.2, -thick * 0.6)
            tip = fig.at(out, y - long * 0.2 - up * reach, -thick * 1.6)
            wing = _wing(root, tip, reach * (0.55 if who.wings != "none" else 0.4))
            color = who.second if part == 0 else mix(who.second, who.trim, 0.4)
            fig.add(fig.depth(0, -thick) - 1 + 0.1 * part, partial(_draw_wing, fig, wing, color))
    tail = fig.at(0, y + long, -thick * 0.5)
    body = tube([fig.at(0, y - long * 0.4, 0), fig.at(0, y, 0), tail], [thick, thick * 1.1, 2.0])
    coat = coat_painter(fig)

    def trunk() -> None:
        fig.pen.fill(body, who.skin)
        coat(body)
        if who.seed % 3 == 0:
            box = body.getBounds()
            with fig.pen.clip(body):
                for k in range(3):
                    at = box.top() + box.height() * (0.3 + 0.22 * k)
                    fig.pen.plain(rect(box.left(), at, box.right(), at + 4), BLACK)

    fig.add(0.0, trunk)
    for side in (-1, 1):
        for k in range(2):
            start = fig.at(side * thick * 0.7, y - long * 0.1 + 7 * k, thick * 0.4)
            end = fig.at(side * thick * 2.2, y + 6 + 9 * k, thick)
            leg = tube([start, end], [0.9, 0.7])
            fig.add(0.4, partial(fig.pen.fill, leg, scale(who.skin, 0.7)))
    add_head(fig, *fig.at(0, y - long * 0.4 - half * 0.8, thick * 0.5), half, 1.5)
    for side in (-1, 1):
        x, top = fig.head.x + side * half * 0.4, fig.head.y - half * 0.8
        feeler = tube(
            [(x, top), (x + side * 3, top - 7), (x + side * 7, top - 10)], [0.7, 0.6, 0.5]
        )
        fig.add(1.4, partial(fig.pen.fill, feeler, scale(who.skin, 0.6)))


def _wing(root: Point, tip: Point, wide: float) -> skia.Path:
    dx, dy = tip[0] - root[0], tip[1] - root[1]
    n = math.hypot(dx, dy) or 1.0
    ox, oy = -dy / n * wide * 0.5, dx / n * wide * 0.5
    return smooth(
        [
            root,
            (root[0] + dx * 0.6 + ox, root[1] + dy * 0.6 + oy),
            (tip[0] + ox, tip[1] + oy),
            (tip[0] - ox, tip[1] - oy),
            (root[0] + dx * 0.5 - ox, root[1] + dy * 0.5 - oy),
        ]
    )


def _draw_wing(fig: Figure, wing: skia.Path, color: Color) -> None:
    fig.pen.fill(wing, color)
    box = wing.getBounds()
    with fig.pen.clip(wing):
        r = min(box.width(), box.height()) * 0.2
        for k in range(fig.who.seed % 4):
            x = box.left() + box.width() * (0.3 + 0.2 * k)
            spot = oval(x, box.top() + box.height() * (0.35 + 0.15 * k), r, r)
            fig.pen.plain(spot, fig.who.trim)
    if fig.who.wings == "bug":
        fig.pen.plain(lump(box.centerX(), box.centerY(), r * 2, r), (1.0, 1.0, 1.0), 0.4)
