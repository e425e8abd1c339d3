"""Places outdoors; each draws over a picture 100 units high, ``ground`` units from the top."""

from __future__ import annotations

import numpy as np
import skia

from . import props
from .colors import STONE, WHITE, WOOD, Color, argb, hsv, mix, pick, scale, vivid
from .pen import Pen, Point, lump, oval, polygon, rect, smooth, tube
from .props_indoor import ball
from .props_nature import Prop, bush, grass, lamp_tree, rock, tree
from .props_street import barrel, boat, crate, fence, house, lamp, statue, umbrella


def draw_sky(pen: Pen, top: Color, low: Color, wide: float, horizon: float) -> None:
    colors = [argb(pen.style.tone(top)), argb(pen.style.tone(low))]
    shader = skia.GradientShader.MakeLinear([skia.Point(0, 0), skia.Point(0, horizon)], colors)
    pen.canvas.drawRect(skia.Rect.MakeWH(wide, 100), skia.Paint(Shader=shader))


def draw_clouds(
    pen: Pen, rng: np.random.Generator, wide: float, low: float, color: Color = WHITE
) -> None:
    for _ in range(int(rng.integers(0, 6))):
        x, y, s = float(rng.uniform(0, wide)), float(rng.uniform(0, low)), float(rng.uniform(3, 13))
        puffs = [
            (
                x + float(rng.uniform(-1.8, 1.8)) * s,
                y + float(rng.uniform(-0.4, 0.3)) * s,
                s * float(rng.uniform(0.4, 0.9)),
            )
            for _ in range(5)
        ]
        for px, py, r in puffs:
            pen.plain(oval(px, py, r * 1.3, r * 0.75), color, 0.85)


def draw_hills(
    pen: Pen, rng: np.random.Generator, wide: float, y: float, color: Color, rough: float
) -> None:
    n = int(rng.integers(4, 9))
    points: list[Point] = [(-20, 110)]
    points += [
        (wide * (i / n) * 1.3 - wide * 0.15, y + float(rng.uniform(-rough, rough)))
        for i in range(n + 1)
    ]
    points.append((wide + 20, 110))
    path = polygon(points) if rng.random() < 0.25 else smooth(points)
    pen.fill(path, color, 0.7, 0.5)


def scatter(
    pen: Pen,
    rng: np.random.Generator,
    kinds: tuple[Prop, ...],
    count: int,
    wide: float,
    ground: float,
    size: tuple[float, float],
) -> None:
    rows = np.sort(rng.uniform(0, 1, count))
    for row in rows:
        y = ground + float(row) * (100 - ground) * 0.5
        high = float(rng.uniform(*size)) * (0.5 + 0.8 * float(row))
        props.place(
            pen, kinds[int(rng.integers(len(kinds)))], rng, float(rng.uniform(0, wide)), y, high
        )


def draw_blades(
    pen: Pen, rng: np.random.Generator, wide: float, ground: float, color: Color, count: int
) -> None:
    dark, light = skia.Path(), skia.Path()
    xs, ys = rng.uniform(0, wide, count), ground + (100 - ground) * rng.uniform(0, 1, count) ** 0.8
    for i in range(count):
        x, y = float(xs[i]), float(ys[i])
        h = 1.0 + 5.0 * (y - ground) / (101 - ground)
        path = dark if i % 2 else light
        path.moveTo(x - 0.18 * h, y)
        path.lineTo(x + ((i * 37) % 11 - 5) * 0.1 * h, y - h)
        path.lineTo(x + 0.18 * h, y)
    pen.plain(dark, scale(color, 0.72), 0.8)
    pen.plain(light, mix(color, (1, 1, 0.6), 0.3), 0.8)


def meadow(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    warm = rng.random() < 0.3
    top = hsv(
        float(rng.uniform(0.52, 0.62)), float(rng.uniform(0.2, 0.7)), float(rng.uniform(0.7, 1))
    )
    low = mix(WHITE, (1.0, 0.75, 0.7) if warm else top, float(rng.uniform(0.1, 0.7)))
    draw_sky(pen, top, low, wide, ground)
    if rng.random() < 0.4:
        pen.plain(
            oval(float(rng.uniform(0, wide)), float(rng.uniform(5, 30)), 7, 7), (1.0, 0.93, 0.6)
        )
    draw_clouds(pen, rng, wide, ground * 0.7)
    green = hsv(
        float(rng.uniform(0.18, 0.38)), float(rng.uniform(0.35, 0.8)), float(rng.uniform(0.45, 0.9))
    )
    for k in range(int(rng.integers(1, 4)), 0, -1):
        draw_hills(pen, rng, wide, ground - 5 * k, mix(green, low, 0.25 * k), 6)
        if rng.random() < clutter:
            scatter(pen, rng, (tree, bush), 4, wide, ground - 6 * k, (6, 16))
    field = rect(-5, ground, wide + 5, 110)
    pen.fill(field, green, 0.6, 0.4)
    if pen.style.scenery in ("painted", "soft") and rng.random() < 0.7:
        pen.texture(field, "leaf", float(rng.uniform(15, 50)), float(rng.uniform(0.1, 0.5)))
    if rng.random() < 0.6:
        draw_blades(pen, rng, wide, ground, green, int(rng.integers(40, 420)))
    if rng.random() < 0.3:
        pen.fill(
            smooth(
                [(wide * 0.4, ground), (wide * 0.45, ground), (wide * 0.7, 110), (wide * 0.2, 110)]
            ),
            (0.85, 0.74, 0.55),
            0.6,
        )
    scatter(pen, rng, props.OUTDOOR, int(7 * clutter), wide, ground, (10, 45))


def forest(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    deep = hsv(
        float(rng.uniform(0.2, 0.5)), float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.15, 0.6))
    )
    draw_sky(
        pen,
        mix(deep, WHITE, float(rng.uniform(0, 0.5))),
        mix(deep, WHITE, float(rng.uniform(0.1, 0.6))),
        wide,
        ground,
    )
    for k in range(3):
        bark = mix(scale(deep, 0.5), (0.35, 0.25, 0.18), 0.3 + 0.2 * k)
        for _ in range(int(rng.integers(2, 8))):
            x, w = float(rng.uniform(0, wide)), float(rng.uniform(1, 3)) * (1 + k * 1.3)
            lean = float(rng.normal(0, 5))
            pen.fill(
                tube(
                    [(x, ground + 6 + 8 * k), (x + lean, 30), (x + lean * 1.5, -8)],
                    [w * 1.3, w, w * 0.9],
                ),
                mix(bark, deep, 0.6 - 0.3 * k),
            )
        for _ in range(int(rng.integers(3, 14))):
            r = float(rng.uniform(4, 15))
            pen.plain(
                lump(
                    float(rng.uniform(0, wide)),
                    float(rng.uniform(-5, 28)),
                    r * 1.3,
                    r,
                    0,
                    0,
                    [1, 1.1, 0.92, 1.05],
                ),
                scale(deep, float(rng.uniform(0.5, 1.5))),
            )
    pen.fill(
        rect(-5, ground + 4, wide + 5, 110),
        mix(deep, (0.4, 0.33, 0.2), float(rng.uniform(0, 0.8))),
        0.6,
        0.4,
    )
    if rng.random() < 0.6:
        draw_blades(pen, rng, wide, ground + 4, deep, int(rng.integers(40, 300)))
    scatter(pen, rng, props.OUTDOOR, int(8 * clutter), wide, ground, (10, 50))


def sea(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    if rng.random() < 0.35:
        blue = hsv(float(rng.uniform(0.48, 0.62)), 0.7, float(rng.uniform(0.4, 0.8)))
        draw_sky(pen, mix(blue, WHITE, 0.4), scale(blue, 0.5), wide, 100)
        draw_hills(pen, rng, wide, 90, (0.85, 0.77, 0.55), 5)
        for _ in range(int(12 * clutter)):
            x, h = float(rng.uniform(0, wide)), float(rng.uniform(10, 45))
            pen.fill(
                tube([(x, 98), (x + 3, 98 - h / 2), (x - 2, 98 - h)], [1.5, 1.8, 0.3], True),
                vivid(rng),
            )
        for _ in range(15):
            pen.plain(
                oval(float(rng.uniform(0, wide)), float(rng.uniform(0, 90)), 1, 1), WHITE, 0.4
            )
        return
    sky = hsv(float(rng.uniform(0.5, 0.6)), float(rng.uniform(0.1, 0.6)), 0.97)
    draw_sky(pen, sky, mix(sky, WHITE, 0.6), wide, ground)
    draw_clouds(pen, rng, wide, ground * 0.7)
    sea = hsv(float(rng.uniform(0.48, 0.6)), 0.7, float(rng.uniform(0.5, 0.85)))
    pen.fill(rect(-5, ground - 14, wide + 5, 110), sea, 0.5, 0.2)
    for _ in range(14):
        x, y = float(rng.uniform(0, wide)), float(rng.uniform(ground - 13, ground + 12))
        pen.stroke(smooth([(x - 6, y), (x, y - 1.2), (x + 6, y)], False), mix(sea, WHITE, 0.5), 0.5)
    if rng.random() < 0.7:
        draw_hills(pen, rng, wide, ground + 14, (0.93, 0.84, 0.62), 4)
        scatter(
            pen,
            rng,
            (tree, umbrella, rock, ball, boat),
            int(5 * clutter),
            wide,
            ground + 16,
            (12, 40),
        )
    for _ in range(int(3 * clutter)):
        props.place(
            pen, boat, rng, float(rng.uniform(0, wide)), ground - 6, float(rng.uniform(6, 22))
        )


def desert(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    sky = hsv(float(rng.choice([0.08, 0.55, 0.95])), 0.4, 1.0)
    draw_sky(pen, sky, mix(sky, (1, 0.9, 0.7), 0.6), wide, ground)
    for k in range(3):
        draw_hills(
            pen,
            rng,
            wide,
            ground - 14 + 8 * k,
            hsv(0.07 + 0.015 * k, 0.55, 0.6 + 0.12 * k),
            9 - 2 * k,
        )
    pen.fill(rect(-5, ground + 6, wide + 5, 110), hsv(0.1, 0.5, 0.9), 0.5, 0.2)
    scatter(
        pen,
        rng,
        (rock, rock, grass, statue, lamp_tree),
        int(7 * clutter),
        wide,
        ground + 4,
        (8, 35),
    )


def cave(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    stone = mix(pick(rng, STONE), hsv(float(rng.random()), 0.5, 0.3), 0.5)
    draw_sky(pen, scale(stone, 0.3), scale(stone, 0.7), wide, 100)
    for k in range(int(6 + 10 * clutter)):
        x, w, h = float(rng.uniform(0, wide)), float(rng.uniform(3, 10)), float(rng.uniform(8, 40))
        color = scale(stone, float(rng.uniform(0.4, 0.9)))
        y = -3.0 if k % 2 else 103.0
        pen.fill(polygon([(x - w, y), (x, y + (h if k % 2 else -h * 0.7)), (x + w, y)]), color)
    scatter(
        pen,
        rng,
        (rock, rock, barrel, crate),
        int(6 * clutter),
        wide,
        ground + 10,
        (10, 35),
    )


def snow(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    sky = hsv(
        float(rng.uniform(0.52, 0.66)), float(rng.uniform(0.1, 0.5)), float(rng.uniform(0.5, 0.95))
    )
    draw_sky(pen, sky, mix(sky, WHITE, 0.6), wide, ground)
    for k in range(3):
        x, w = float(rng.uniform(0, wide)), float(rng.uniform(20, 50))
        h = float(rng.uniform(20, 50))
        pen.fill(
            polygon([(x - w, ground), (x, ground - h), (x + w, ground)]),
            mix(sky, (0.4, 0.45, 0.55), 0.3 + 0.2 * k),
        )
        pen.plain(
            polygon(
                [(x - w * 0.3, ground - h * 0.7), (x, ground - h), (x + w * 0.3, ground - h * 0.7)]
            ),
            WHITE,
        )
    draw_hills(pen, rng, wide, ground, (0.95, 0.97, 1.0), 4)
    scatter(
        pen,
        rng,
        (tree, rock, house, fence),
        int(6 * clutter),
        wide,
        ground + 4,
        (12, 40),
    )


def foliage(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    """A wall of leaves at several scales, with branches and holes of light."""
    all_of_it = rect(-5, -5, wide + 5, 110)
    green = hsv(
        float(rng.uniform(0.12, 0.45)), float(rng.uniform(0.3, 0.8)), float(rng.uniform(0.2, 0.8))
    )
    draw_sky(pen, mix(green, WHITE, float(rng.uniform(0, 0.7))), scale(green, 0.5), wide, 100)
    for size in (float(rng.uniform(80, 160)), float(rng.uniform(25, 70))):
        pen.texture(all_of_it, "leaf", size, float(rng.uniform(0.2, 0.7)))
    for _ in range(int(4 + 8 * clutter)):
        x, y, r = float(rng.uniform(0, wide)), float(rng.uniform(0, 100)), float(rng.uniform(8, 30))
        clump = lump(x, y, r * 1.3, r, 0, 0, [1, 1.12, 0.9, 1.06, 0.94])
        pen.plain(clump, scale(green, float(rng.uniform(0.4, 1.5))), 0.8)
        pen.texture(clump, "leaf", float(rng.uniform(25, 70)), float(rng.uniform(0.2, 0.6)))
    for _ in range(int(rng.integers(0, 4))):
        x, y = float(rng.uniform(0, wide)), float(rng.uniform(20, 100))
        branch = [
            (x, 104),
            (x + float(rng.normal(0, 12)), y),
            (x + float(rng.normal(0, 40)), y - 50),
        ]
        pen.fill(tube(branch, [float(rng.uniform(1.5, 7)), 2.5, 0.6]), pick(rng, WOOD))


def night(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    sky = hsv(float(rng.uniform(0.55, 0.8)), 0.7, float(rng.uniform(0.08, 0.35)))
    draw_sky(pen, scale(sky, 0.6), mix(sky, WHITE, 0.15), wide, ground)
    for _ in range(40):
        r = float(rng.uniform(0.1, 0.5))
        pen.plain(
            oval(float(rng.uniform(0, wide)), float(rng.uniform(0, ground)), r, r), WHITE, 0.8
        )
    if rng.random() < 0.6:
        pen.plain(
            oval(float(rng.uniform(0, wide)), float(rng.uniform(8, 30)), 8, 8), (0.98, 0.96, 0.85)
        )
    draw_hills(pen, rng, wide, ground - 8, scale(sky, 0.5), 10)
    pen.fill(rect(-5, ground, wide + 5, 110), scale(mix(sky, (0.1, 0.3, 0.2), 0.4), 0.7), 0.5, 0.2)
    scatter(
        pen,
        rng,
        (*props.OUTDOOR, lamp, house),
        int(7 * clutter),
        wide,
        ground,
        (12, 45),
    )
