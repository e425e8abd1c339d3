"""Rooms, streets, stages and space; drawn like ``places_nature``."""

from __future__ import annotations

import numpy as np
import skia

from . import props
from .colors import LEAF, STONE, WHITE, WOOD, hsv, mix, pick, scale, vivid
from .lettering import words, write
from .pen import Pen, oval, polygon, rect, smooth
from .places_nature import draw_clouds, draw_hills, draw_sky, scatter
from .props_street import plane


def room(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    wall = mix(vivid(rng), hsv(float(rng.random()), 0.15, 0.9), float(rng.uniform(0.2, 0.9)))
    floor = pick(rng, WOOD) if rng.random() < 0.6 else mix(vivid(rng), WHITE, 0.3)
    ground = max(62.0, ground)
    pen.fill(rect(-5, -5, wide + 5, ground), wall, 0, 0)
    trim = mix(wall, WHITE, 0.5) if rng.random() < 0.5 else scale(wall, 0.8)
    kind = int(rng.integers(5))
    if kind == 0:
        step = float(rng.uniform(4, 14))
        for k in range(int(wide / step) + 1):
            pen.plain(rect(k * step, 0, k * step + step * 0.5, ground), trim, 0.5)
    elif kind == 1:
        step = float(rng.uniform(5, 12))
        for k in range(int(wide / step) + 1):
            for j in range(int(ground / step) + 1):
                pen.plain(
                    oval(k * step + (j % 2) * step / 2, j * step, step * 0.15, step * 0.15),
                    trim,
                    0.6,
                )
    elif kind == 2:
        for j in range(int(ground / 6)):
            for k in range(int(wide / 12) + 1):
                pen.stroke(
                    rect(k * 12 - (j % 2) * 6, j * 6, k * 12 + 12 - (j % 2) * 6, j * 6 + 6),
                    trim,
                    0.4,
                )
    elif kind == 3:
        pen.plain(rect(0, ground * 0.6, wide, ground), trim)
    pen.fill(rect(-5, ground, wide + 5, 110), floor, 0.6, 0.3)
    if rng.random() < 0.5:
        vx = float(rng.uniform(0, wide))
        for k in range(-8, 9):
            pen.stroke(
                polygon([(vx + k * wide * 0.12, ground), (vx + k * wide * 0.4, 105)], False),
                scale(floor, 0.75),
                0.4,
            )
    pen.plain(rect(0, ground - 2, wide, ground), scale(trim, 0.9))
    for _ in range(int(rng.integers(0, 3))):
        x, w, h = float(rng.uniform(0, wide)), float(rng.uniform(8, 22)), float(rng.uniform(14, 32))
        y = float(rng.uniform(8, 20))
        glass = rect(x - w, y, x + w, y + h)
        pen.fill(
            glass,
            hsv(
                float(rng.uniform(0.5, 0.65)),
                float(rng.uniform(0.1, 0.6)),
                float(rng.uniform(0.2, 1)),
            ),
            0.8,
            0.3,
        )
        with pen.clip(glass):
            if rng.random() < 0.5:
                draw_hills(pen, rng, wide, y + h * 0.7, pick(rng, LEAF), 3)
        pen.stroke(glass, trim, 1.5)
        pen.stroke(polygon([(x, y), (x, y + h)], False), trim, 1.0)
        if rng.random() < 0.5:
            cloth = vivid(rng)
            for side in (-1, 1):
                pen.fill(
                    smooth(
                        [
                            (x + side * w * 0.5, y - 2),
                            (x + side * w * 1.3, y - 2),
                            (x + side * w * 1.3, y + h + 5),
                            (x + side * w, y + h + 5),
                        ]
                    ),
                    cloth,
                )
    if rng.random() < 0.3:
        x = float(rng.uniform(0, wide))
        pen.fill(rect(x - 10, ground - 42, x + 10, ground, 1), pick(rng, WOOD))
        pen.plain(oval(x + 7, ground - 20, 1, 1), (0.9, 0.8, 0.4))
    for _ in range(int(4 * clutter)):
        props.place(
            pen,
            props.WALL[int(rng.integers(len(props.WALL)))],
            rng,
            float(rng.uniform(0, wide)),
            float(rng.uniform(20, 45)),
            float(rng.uniform(7, 18)),
        )
    if rng.random() < 0.4:
        pen.plain(
            oval(float(rng.uniform(0, wide)), ground + (100 - ground) * 0.5, 30, 6), vivid(rng), 0.8
        )
    scatter(pen, rng, props.INDOOR, int(1 + 6 * clutter), wide, ground, (15, 50))


def city(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    night = rng.random() < 0.3
    sky = hsv(float(rng.uniform(0.5, 0.75)), 0.5, 0.25 if night else 0.95)
    draw_sky(pen, sky, mix(sky, (1.0, 0.8, 0.7), 0.5), wide, ground)
    draw_clouds(pen, rng, wide, ground * 0.5, mix(WHITE, sky, 0.4))
    for k in range(3):
        x = -10.0
        tone = mix(sky, vivid(rng), 0.3 + 0.3 * k)
        while x < wide:
            w, h = float(rng.uniform(6, 26)), float(rng.uniform(15, ground * 0.95)) * (1 - 0.2 * k)
            color = mix(tone, vivid(rng), 0.25)
            pen.fill(rect(x, ground - h, x + w, ground + 2), color, 0.7, 0.3)
            if k > 0 or rng.random() < 0.4:
                lit = (1.0, 0.9, 0.5) if night else mix(color, (0.7, 0.85, 0.95), 0.6)
                windows = skia.Path()
                step = float(rng.uniform(3, 6))
                for row in range(int(h / step)):
                    for column in range(int(w / step)):
                        if (row * 7 + column * 3 + int(x)) % 4:
                            windows.addRect(
                                skia.Rect.MakeXYWH(
                                    x + (column + 0.3) * step,
                                    ground - h + (row + 0.3) * step,
                                    step * 0.45,
                                    step * 0.5,
                                )
                            )
                pen.plain(windows, lit)
            x += w + float(rng.uniform(-2, 6))
    road = hsv(0.6, 0.05, float(rng.uniform(0.3, 0.7)))
    pen.fill(rect(-5, ground, wide + 5, 110), road, 0.5, 0.2)
    pen.plain(rect(0, ground, wide, ground + 4), mix(road, WHITE, 0.4))
    for k in range(8):
        pen.plain(rect(k * wide / 7, ground + 18, k * wide / 7 + 8, ground + 19.5), WHITE)
    scatter(pen, rng, props.STREET, int(1 + 7 * clutter), wide, ground + 4, (14, 45))
    if rng.random() < 0.5:
        x, y = float(rng.uniform(10, wide - 10)), float(rng.uniform(ground * 0.3, ground * 0.8))
        text = words(rng, 1)
        pen.fill(
            rect(x - 3.2 * len(text) - 2, y - 2, x + 3.2 * len(text) + 2, y + 9, 1), vivid(rng)
        )
        write(pen.canvas, text, x, y, 6.5, pen.style.tone(WHITE))


def space(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    draw_sky(pen, (0.03, 0.03, 0.08), hsv(float(rng.uniform(0.6, 0.9)), 0.7, 0.25), wide, 100)
    for _ in range(70):
        r = float(rng.uniform(0.1, 0.6))
        pen.plain(oval(float(rng.uniform(0, wide)), float(rng.uniform(0, 100)), r, r), WHITE, 0.9)
    for _ in range(int(1 + 3 * clutter)):
        x, y, r = float(rng.uniform(0, wide)), float(rng.uniform(0, 70)), float(rng.uniform(3, 20))
        color = vivid(rng)
        pen.fill(oval(x, y, r, r), color)
        if rng.random() < 0.4:
            pen.stroke(oval(x, y, r * 1.8, r * 0.4), mix(color, WHITE, 0.4), 0.8)
    if rng.random() < 0.6:
        draw_hills(pen, rng, wide, ground + 12, pick(rng, STONE), 5)
    if rng.random() < 0.4:
        props.place(
            pen,
            plane,
            rng,
            float(rng.uniform(0, wide)),
            float(rng.uniform(30, 70)),
            18,
            float(rng.uniform(-60, 60)),
        )


def stage(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    cloth = vivid(rng)
    pen.plain(rect(-5, -5, wide + 5, 110), scale(cloth, 0.5))
    n = int(rng.integers(8, 20))
    for k in range(n):
        x = wide * k / n
        pen.fill(
            smooth(
                [(x, -5), (x + wide / n, -5), (x + wide / n * 1.1, 90), (x - wide / n * 0.1, 90)]
            ),
            scale(cloth, 0.7 + 0.3 * (k % 2)),
        )
    pen.fill(rect(-5, max(70.0, ground), wide + 5, 110), pick(rng, WOOD), 0.5, 0.3)
    if clutter > 0.4:
        pen.plain(oval(wide * float(rng.uniform(0.3, 0.7)), 85, 30, 8), (1, 1, 0.85), 0.5)
