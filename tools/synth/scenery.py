"""Backgrounds: places, plain colours, abstract fields and clutter, drawn in a style."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import skia

from . import props
from .colors import WHITE, Color, argb, hsv, mix, pick, scale, vivid
from .lettering import words, write
from .pen import Pen, Point, lump, noise_shader, oval, polygon, rect, smooth, tube
from .style import Style

PLACES = (
    "meadow",
    "forest",
    "room",
    "city",
    "sea",
    "desert",
    "night",
    "space",
    "plain",
    "gradient",
    "rays",
    "pattern",
    "paint",
    "leaves",
    "foliage",
    "cave",
    "snow",
    "stage",
    "sky",
)
_SHARES = (
    0.17,
    0.11,
    0.17,
    0.1,
    0.05,
    0.03,
    0.04,
    0.03,
    0.06,
    0.04,
    0.02,
    0.02,
    0.03,
    0.03,
    0.04,
    0.02,
    0.02,
    0.01,
    0.01,
)


@dataclass(frozen=True)
class Scene:
    """One place, always drawn the same from its seed."""

    place: str
    seed: int
    style: Style
    clutter: float
    """How much stands around, 0 to 1."""

    @property
    def ground(self) -> float:
        """Height of the line where the ground begins, as a share of the picture's height."""
        return 0.45 + 0.4 * ((self.seed * 7919) % 1000) / 1000

    def draw(self, canvas: skia.Canvas, width: int, height: int) -> None:
        """Draw the place over the whole picture (pixels)."""
        rng = np.random.default_rng((self.seed, 11))
        pen = Pen(canvas, _calm(self.style), height / 100, self.seed)
        canvas.save()
        canvas.scale(height / 100, height / 100)
        _PLACES[self.place](pen, rng, 100.0 * width / height, self.ground * 100, self.clutter)
        canvas.restore()
        if self.style.scenery in ("painted", "soft", "sketch") and self.place != "plain":
            strength = {"painted": 0.55, "soft": 0.3, "sketch": 0.25}[self.style.scenery]
            grain = skia.Paint(
                Shader=noise_shader("cloud", height * float(rng.uniform(0.3, 1.4)), self.seed % 97),
                BlendMode=skia.BlendMode.kSoftLight,
                Alphaf=strength * float(rng.uniform(0.3, 1.0)),
            )
            canvas.drawPaint(grain)


def make_scene(rng: np.random.Generator, style: Style, place: str | None = None) -> Scene:
    """A place of a show."""
    if place is None:
        if style.scenery == "plain" and rng.random() < 0.5:
            place = str(rng.choice(["plain", "gradient", "pattern"]))
        else:
            place = str(rng.choice(PLACES, p=_SHARES))
    return Scene(place, int(rng.integers(1 << 30)), style, float(rng.uniform(0.0, 1.0)))


def _calm(style: Style) -> Style:
    """The style as backgrounds use it: thinner lines or none, no fur."""
    line = style.line * (0.0 if style.scenery in ("painted", "soft") else 0.55)
    shade = {"soft": "soft", "painted": "flat", "vector": style.shade, "plain": style.shade}.get(
        style.scenery, "paper"
    )
    return replace(style, line=line, shade=shade, fur=False, wobble=style.wobble * 0.7)


def _sky(pen: Pen, top: Color, low: Color, wide: float, horizon: float) -> None:
    colors = [argb(pen.style.tone(top)), argb(pen.style.tone(low))]
    shader = skia.GradientShader.MakeLinear([skia.Point(0, 0), skia.Point(0, horizon)], colors)
    pen.canvas.drawRect(skia.Rect.MakeWH(wide, 100), skia.Paint(Shader=shader))


def _clouds(
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


def _hills(
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


def _scatter(
    pen: Pen,
    rng: np.random.Generator,
    kinds: tuple[props.Prop, ...],
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


def _blades(
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


def _meadow(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    warm = rng.random() < 0.3
    top = hsv(
        float(rng.uniform(0.52, 0.62)), float(rng.uniform(0.2, 0.7)), float(rng.uniform(0.7, 1))
    )
    low = mix(WHITE, (1.0, 0.75, 0.7) if warm else top, float(rng.uniform(0.1, 0.7)))
    _sky(pen, top, low, wide, ground)
    if rng.random() < 0.4:
        pen.plain(
            oval(float(rng.uniform(0, wide)), float(rng.uniform(5, 30)), 7, 7), (1.0, 0.93, 0.6)
        )
    _clouds(pen, rng, wide, ground * 0.7)
    green = hsv(
        float(rng.uniform(0.18, 0.38)), float(rng.uniform(0.35, 0.8)), float(rng.uniform(0.45, 0.9))
    )
    for k in range(int(rng.integers(1, 4)), 0, -1):
        _hills(pen, rng, wide, ground - 5 * k, mix(green, low, 0.25 * k), 6)
        if rng.random() < clutter:
            _scatter(pen, rng, (props.tree, props.bush), 4, wide, ground - 6 * k, (6, 16))
    field = rect(-5, ground, wide + 5, 110)
    pen.fill(field, green, 0.6, 0.4)
    if pen.style.scenery in ("painted", "soft") and rng.random() < 0.7:
        pen.texture(field, "leaf", float(rng.uniform(15, 50)), float(rng.uniform(0.1, 0.5)))
    if rng.random() < 0.6:
        _blades(pen, rng, wide, ground, green, int(rng.integers(40, 420)))
    if rng.random() < 0.3:
        pen.fill(
            smooth(
                [(wide * 0.4, ground), (wide * 0.45, ground), (wide * 0.7, 110), (wide * 0.2, 110)]
            ),
            (0.85, 0.74, 0.55),
            0.6,
        )
    _scatter(pen, rng, props.OUTDOOR, int(7 * clutter), wide, ground, (10, 45))


def _forest(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    deep = hsv(
        float(rng.uniform(0.2, 0.5)), float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.15, 0.6))
    )
    _sky(
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
        _blades(pen, rng, wide, ground + 4, deep, int(rng.integers(40, 300)))
    _scatter(pen, rng, props.OUTDOOR, int(8 * clutter), wide, ground, (10, 50))


def _room(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    wall = mix(vivid(rng), hsv(float(rng.random()), 0.15, 0.9), float(rng.uniform(0.2, 0.9)))
    floor = pick(rng, props.WOOD) if rng.random() < 0.6 else mix(vivid(rng), WHITE, 0.3)
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
                _hills(pen, rng, wide, y + h * 0.7, pick(rng, props.LEAF), 3)
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
        pen.fill(rect(x - 10, ground - 42, x + 10, ground, 1), pick(rng, props.WOOD))
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
    _scatter(pen, rng, props.INDOOR, int(1 + 6 * clutter), wide, ground, (15, 50))


def _city(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    night = rng.random() < 0.3
    sky = hsv(float(rng.uniform(0.5, 0.75)), 0.5, 0.25 if night else 0.95)
    _sky(pen, sky, mix(sky, (1.0, 0.8, 0.7), 0.5), wide, ground)
    _clouds(pen, rng, wide, ground * 0.5, mix(WHITE, sky, 0.4))
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
    _scatter(pen, rng, props.STREET, int(1 + 7 * clutter), wide, ground + 4, (14, 45))
    if rng.random() < 0.5:
        x, y = float(rng.uniform(10, wide - 10)), float(rng.uniform(ground * 0.3, ground * 0.8))
        text = words(rng, 1)
        pen.fill(
            rect(x - 3.2 * len(text) - 2, y - 2, x + 3.2 * len(text) + 2, y + 9, 1), vivid(rng)
        )
        write(pen.canvas, text, x, y, 6.5, pen.style.tone(WHITE))


def _sea(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    if rng.random() < 0.35:
        blue = hsv(float(rng.uniform(0.48, 0.62)), 0.7, float(rng.uniform(0.4, 0.8)))
        _sky(pen, mix(blue, WHITE, 0.4), scale(blue, 0.5), wide, 100)
        _hills(pen, rng, wide, 90, (0.85, 0.77, 0.55), 5)
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
    _sky(pen, sky, mix(sky, WHITE, 0.6), wide, ground)
    _clouds(pen, rng, wide, ground * 0.7)
    sea = hsv(float(rng.uniform(0.48, 0.6)), 0.7, float(rng.uniform(0.5, 0.85)))
    pen.fill(rect(-5, ground - 14, wide + 5, 110), sea, 0.5, 0.2)
    for _ in range(14):
        x, y = float(rng.uniform(0, wide)), float(rng.uniform(ground - 13, ground + 12))
        pen.stroke(smooth([(x - 6, y), (x, y - 1.2), (x + 6, y)], False), mix(sea, WHITE, 0.5), 0.5)
    if rng.random() < 0.7:
        _hills(pen, rng, wide, ground + 14, (0.93, 0.84, 0.62), 4)
        _scatter(
            pen,
            rng,
            (props.tree, props.umbrella, props.rock, props.ball, props.boat),
            int(5 * clutter),
            wide,
            ground + 16,
            (12, 40),
        )
    for _ in range(int(3 * clutter)):
        props.place(
            pen, props.boat, rng, float(rng.uniform(0, wide)), ground - 6, float(rng.uniform(6, 22))
        )


def _desert(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    sky = hsv(float(rng.choice([0.08, 0.55, 0.95])), 0.4, 1.0)
    _sky(pen, sky, mix(sky, (1, 0.9, 0.7), 0.6), wide, ground)
    for k in range(3):
        _hills(
            pen,
            rng,
            wide,
            ground - 14 + 8 * k,
            hsv(0.07 + 0.015 * k, 0.55, 0.6 + 0.12 * k),
            9 - 2 * k,
        )
    pen.fill(rect(-5, ground + 6, wide + 5, 110), hsv(0.1, 0.5, 0.9), 0.5, 0.2)
    _scatter(
        pen,
        rng,
        (props.rock, props.rock, props.grass, props.statue, props.lamp_tree),
        int(7 * clutter),
        wide,
        ground + 4,
        (8, 35),
    )


def _night(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    sky = hsv(float(rng.uniform(0.55, 0.8)), 0.7, float(rng.uniform(0.08, 0.35)))
    _sky(pen, scale(sky, 0.6), mix(sky, WHITE, 0.15), wide, ground)
    for _ in range(40):
        r = float(rng.uniform(0.1, 0.5))
        pen.plain(
            oval(float(rng.uniform(0, wide)), float(rng.uniform(0, ground)), r, r), WHITE, 0.8
        )
    if rng.random() < 0.6:
        pen.plain(
            oval(float(rng.uniform(0, wide)), float(rng.uniform(8, 30)), 8, 8), (0.98, 0.96, 0.85)
        )
    _hills(pen, rng, wide, ground - 8, scale(sky, 0.5), 10)
    pen.fill(rect(-5, ground, wide + 5, 110), scale(mix(sky, (0.1, 0.3, 0.2), 0.4), 0.7), 0.5, 0.2)
    _scatter(
        pen,
        rng,
        (*props.OUTDOOR, props.lamp, props.house),
        int(7 * clutter),
        wide,
        ground,
        (12, 45),
    )


def _space(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    _sky(pen, (0.03, 0.03, 0.08), hsv(float(rng.uniform(0.6, 0.9)), 0.7, 0.25), wide, 100)
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
        _hills(pen, rng, wide, ground + 12, pick(rng, props.STONE), 5)
    if rng.random() < 0.4:
        props.place(
            pen,
            props.plane,
            rng,
            float(rng.uniform(0, wide)),
            float(rng.uniform(30, 70)),
            18,
            float(rng.uniform(-60, 60)),
        )


def _plain(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    color = WHITE if rng.random() < 0.35 else vivid(rng)
    pen.plain(rect(-5, -5, wide + 5, 110), mix(color, WHITE, float(rng.uniform(0, 0.8))))
    if rng.random() < 0.4:
        pen.plain(rect(-5, ground + 10, wide + 5, 110), scale(color, 0.85))
    if clutter > 0.6:
        _scatter(pen, rng, props.ANY, int(5 * clutter), wide, ground + 10, (12, 50))


def _gradient(
    pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float
) -> None:
    a, b = vivid(rng), vivid(rng)
    if rng.random() < 0.5:
        _sky(pen, a, mix(a, b, 0.6), wide, 100)
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


def _rays(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
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


def _pattern(
    pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float
) -> None:
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


def _paint(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
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


def _leaves(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
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


def _foliage(
    pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float
) -> None:
    """A wall of leaves at several scales, with branches and holes of light."""
    all_of_it = rect(-5, -5, wide + 5, 110)
    green = hsv(
        float(rng.uniform(0.12, 0.45)), float(rng.uniform(0.3, 0.8)), float(rng.uniform(0.2, 0.8))
    )
    _sky(pen, mix(green, WHITE, float(rng.uniform(0, 0.7))), scale(green, 0.5), wide, 100)
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
        pen.fill(tube(branch, [float(rng.uniform(1.5, 7)), 2.5, 0.6]), pick(rng, props.WOOD))


def _cave(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    stone = mix(pick(rng, props.STONE), hsv(float(rng.random()), 0.5, 0.3), 0.5)
    _sky(pen, scale(stone, 0.3), scale(stone, 0.7), wide, 100)
    for k in range(int(6 + 10 * clutter)):
        x, w, h = float(rng.uniform(0, wide)), float(rng.uniform(3, 10)), float(rng.uniform(8, 40))
        color = scale(stone, float(rng.uniform(0.4, 0.9)))
        y = -3.0 if k % 2 else 103.0
        pen.fill(polygon([(x - w, y), (x, y + (h if k % 2 else -h * 0.7)), (x + w, y)]), color)
    _scatter(
        pen,
        rng,
        (props.rock, props.rock, props.barrel, props.crate),
        int(6 * clutter),
        wide,
        ground + 10,
        (10, 35),
    )


def _snow(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    sky = hsv(
        float(rng.uniform(0.52, 0.66)), float(rng.uniform(0.1, 0.5)), float(rng.uniform(0.5, 0.95))
    )
    _sky(pen, sky, mix(sky, WHITE, 0.6), wide, ground)
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
    _hills(pen, rng, wide, ground, (0.95, 0.97, 1.0), 4)
    _scatter(
        pen,
        rng,
        (props.tree, props.rock, props.house, props.fence),
        int(6 * clutter),
        wide,
        ground + 4,
        (12, 40),
    )


def _stage(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
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
    pen.fill(rect(-5, max(70.0, ground), wide + 5, 110), pick(rng, props.WOOD), 0.5, 0.3)
    if clutter > 0.4:
        pen.plain(oval(wide * float(rng.uniform(0.3, 0.7)), 85, 30, 8), (1, 1, 0.85), 0.5)


def _open_sky(
    pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float
) -> None:
    sky = hsv(float(rng.uniform(0.5, 0.65)), float(rng.uniform(0.2, 0.7)), 0.95)
    _sky(pen, sky, mix(sky, WHITE, 0.5), wide, 100)
    _clouds(pen, rng, wide, 100)
    _clouds(pen, rng, wide, 100)
    for _ in range(int(3 * clutter)):
        props.place(
            pen,
            props.AIR[int(rng.integers(len(props.AIR)))],
            rng,
            float(rng.uniform(0, wide)),
            float(rng.uniform(20, 90)),
            float(rng.uniform(6, 25)),
        )


_PLACES = {
    "meadow": _meadow,
    "forest": _forest,
    "room": _room,
    "city": _city,
    "sea": _sea,
    "desert": _desert,
    "night": _night,
    "space": _space,
    "plain": _plain,
    "gradient": _gradient,
    "rays": _rays,
    "pattern": _pattern,
    "paint": _paint,
    "leaves": _leaves,
    "foliage": _foliage,
    "cave": _cave,
    "snow": _snow,
    "stage": _stage,
    "sky": _open_sky,
}
