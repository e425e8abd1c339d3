"""Plain colours, patterns, clutter and pages of text; drawn like ``places_nature``."""

from __future__ import annotations

import math

import numpy as np
import skia

from . import props
from .colors import WHITE, argb, hsv, mix, scale, vivid
from .lettering import words, write
from .pen import Pen, lump, oval, polygon, rect, tube
from .places_nature import draw_clouds, draw_sky, scatter


def plain(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    color = WHITE if rng.random() < 0.35 else vivid(rng)
    pen.plain(rect(-5, -5, wide + 5, 110), mix(color, WHITE, float(rng.uniform(0, 0.8))))
    if rng.random() < 0.4:
        pen.plain(rect(-5, ground + 10, wide + 5, 110), scale(color, 0.85))
    if clutter > 0.6:
        scatter(pen, rng, props.ANY, int(5 * clutter), wide, ground + 10, (12, 50))


def gradient(
    pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float
) -> None:
    a, b = vivid(rng), vivid(rng)
    if rng.random() < 0.5:
        draw_sky(pen, a, mix(a, b, 0.6), wide, 100)
    else:
        shader = skia.GradientShader.MakeRadial(
            skia.Point(wide * float(rng.uniform(0.3, 0.7)), float(rng.uniform(20, 70))),
            wide * float(rng.uniform(0.4, 0.8)),
            [argb(pen.style.tone(mix(a, WHITE, 0.5))), argb(pen.style.tone(a))],
        )
        pen.canvas.drawRect(skia.Rect.MakeWH(wide, 100), skia.Paint(Shader=shader))
    for _ in range(int(6 * clutter)):
        r = float(rng.uniform(2, 18))
        pen.plain(
            lump(
                float(rng.uniform(0, wide)), float(rng.uniform(0, 100)), r, r, float(rng.random())
            ),
            mix(a, WHITE, 0.4),
            0.4,
        )


def rays(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    a, b = vivid(rng), vivid(rng)
    pen.plain(rect(-5, -5, wide + 5, 110), a)
    x, y = float(rng.uniform(0.2, 0.8)) * wide, float(rng.uniform(20, 80))
    n = int(rng.integers(10, 60))
    for k in range(n):
        t = 2 * math.pi * k / n
        d = math.pi / n * float(rng.uniform(0.2, 1.0))
        near = float(rng.uniform(0, 25)) if clutter > 0.5 else 0.0
        pen.plain(
            polygon(
                [
                    (x + near * math.cos(t), y + near * math.sin(t)),
                    (x + 250 * math.cos(t - d), y + 250 * math.sin(t - d)),
                    (x + 250 * math.cos(t + d), y + 250 * math.sin(t + d)),
                ]
            ),
            b if clutter < 0.7 else mix(a, WHITE, 0.6),
        )


def pattern(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    a, b = vivid(rng), vivid(rng)
    pen.plain(rect(-5, -5, wide + 5, 110), a)
    step = float(rng.uniform(6, 25))
    kind = int(rng.integers(4))
    turn = float(rng.uniform(-45, 45))
    with pen.turned(turn, wide / 2, 50):
        for i in range(-12, int(wide / step) + 12):
            if kind == 0:
                pen.plain(rect(i * step, -100, i * step + step / 2, 200), b)
                continue
            for j in range(-12, int(100 / step) + 12):
                if kind == 1 and (i + j) % 2:
                    pen.plain(rect(i * step, j * step, i * step + step, j * step + step), b)
                elif kind == 2:
                    pen.plain(
                        oval(i * step, j * step + (i % 2) * step / 2, step * 0.28, step * 0.28), b
                    )
                elif kind == 3 and (i * 3 + j) % 2:
                    pen.plain(
                        polygon(
                            [
                                (i * step, j * step),
                                (i * step + step, j * step),
                                (i * step, j * step + step),
                            ]
                        ),
                        b,
                    )


def paint(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    base = vivid(rng)
    pen.plain(rect(-5, -5, wide + 5, 110), base)
    for _ in range(int(30 + 60 * clutter)):
        x, y, r = float(rng.uniform(0, wide)), float(rng.uniform(0, 100)), float(rng.uniform(2, 16))
        a = float(rng.uniform(-0.6, 0.6))
        pen.plain(
            tube(
                [
                    (x - r * math.cos(a), y - r * math.sin(a)),
                    (x + r * math.cos(a), y + r * math.sin(a)),
                ],
                [r * 0.2, r * 0.28],
            ),
            mix(base, vivid(rng), float(rng.uniform(0, 0.5))),
            0.7,
        )


def leaves(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    """Dead leaves: overlapping shapes of all sizes have the statistics of photographs."""
    n = int(80 + 160 * clutter)
    sizes = np.sort(np.clip(1.5 / rng.uniform(0.02, 1, n) ** 0.8, 1.0, 40))[::-1]
    dull = float(rng.uniform(0, 0.9))
    pen.plain(rect(-5, -5, wide + 5, 110), mix(vivid(rng), (0.5, 0.5, 0.5), dull))
    for r in sizes:
        color = mix(vivid(rng), hsv(0.1, 0.1, float(rng.random())), dull)
        pen.fill(
            lump(
                float(rng.uniform(0, wide)),
                float(rng.uniform(0, 100)),
                float(r),
                float(r) * float(rng.uniform(0.4, 1.4)),
                float(rng.random()),
            ),
            color,
            0.6,
        )


def credits(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    """A page of text."""
    paper = (0.02, 0.02, 0.03) if rng.random() < 0.6 else vivid(rng)
    ink = WHITE if sum(paper) < 1.5 else (0.05, 0.05, 0.05)
    pen.plain(rect(-5, -5, wide + 5, 110), paper)
    y, middle = float(rng.uniform(-3, 25)), wide * float(rng.uniform(0.35, 0.65))
    small = float(rng.uniform(2.0, 5.0))
    while y < 96:
        size = small * (2.0 if rng.random() < 0.15 else 1.0)
        text = words(rng, int(rng.integers(1, 6)))
        write(pen.canvas, text, middle, y, size, pen.style.tone(ink), float(rng.uniform(0.1, 0.2)))
        y += size * float(rng.choice([1.6, 1.6, 3.0]))


def open_sky(
    pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float
) -> None:
    sky = hsv(float(rng.uniform(0.5, 0.65)), float(rng.uniform(0.2, 0.7)), 0.95)
    draw_sky(pen, sky, mix(sky, WHITE, 0.5), wide, 100)
    draw_clouds(pen, rng, wide, 100)
    draw_clouds(pen, rng, wide, 100)
    for _ in range(int(3 * clutter)):
        props.place(
            pen,
            props.AIR[int(rng.integers(len(props.AIR)))],
            rng,
            float(rng.uniform(0, wide)),
            float(rng.uniform(20, 90)),
            float(rng.uniform(6, 25)),
        )
