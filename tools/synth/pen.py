"""A pen that draws filled shapes and lines in the manner of a style, on a skia canvas."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import skia

from .colors import BLACK, DARK, Color, argb, luma, mix, scale
from .style import Style
from .tiles import noise_shader

Point = tuple[float, float]
STROKE = skia.Paint.kStroke_Style
_CAP = [math.pi * k / 6 for k in range(1, 6)]
ROUND = {"StrokeCap": skia.Paint.kRound_Cap, "StrokeJoin": skia.Paint.kRound_Join}


def polygon(points: Sequence[Point], close: bool = True) -> skia.Path:
    """A path of straight lines."""
    path = skia.Path()
    path.addPoly([skia.Point(x, y) for x, y in points], close)
    return path


def smooth(points: Sequence[Point], close: bool = True) -> skia.Path:
    """A smooth path that has the points as its control polygon (a quadratic B-spline)."""
    path = skia.Path()
    n = len(points)
    if close:
        ax, ay = points[-1]
        bx, by = points[0]
        path.moveTo((ax + bx) / 2, (ay + by) / 2)
        for i in range(n):
            x, y = points[i]
            nx, ny = points[(i + 1) % n]
            path.quadTo(x, y, (x + nx) / 2, (y + ny) / 2)
        path.close()
        return path
    path.moveTo(*points[0])
    for i in range(1, n - 1):
        x, y = points[i]
        nx, ny = points[i + 1]
        end = (nx, ny) if i == n - 2 else ((x + nx) / 2, (y + ny) / 2)
        path.quadTo(x, y, *end)
    if n == 2:
        path.lineTo(*points[1])
    return path


def oval(x: float, y: float, rx: float, ry: float) -> skia.Path:
    """An ellipse around (x, y)."""
    return skia.Path.Oval(skia.Rect.MakeLTRB(x - rx, y - ry, x + rx, y + ry))


def rect(left: float, top: float, right: float, bottom: float, radius: float = 0.0) -> skia.Path:
    """A rectangle, its corners rounded by ``radius``."""
    box = skia.Rect.MakeLTRB(min(left, right), top, max(left, right), bottom)
    return skia.Path.RRect(skia.RRect.MakeRectXY(box, radius, radius))


def lump(
    x: float,
    y: float,
    rx: float,
    ry: float,
    square: float = 0.0,
    taper: float = 0.0,
    bumps: Sequence[float] = (),
    n: int = 20,
) -> skia.Path:
    """A closed round shape between ellipse and box.

    ``square`` 0..1 makes it boxy, ``taper`` widens the bottom (above 0) or the top (below 0),
    ``bumps`` are factors on the radius around it, from the right going down.
    """
    power = 2.0 / (2.0 + 6.0 * square)
    points: list[Point] = []
    grow = 1.0 / math.cos(math.pi / n) ** (1.0 if square < 0.4 else 0.5)
    for i in range(n):
        angle = 2 * math.pi * i / n
        c, s = math.cos(angle), math.sin(angle)
        px = math.copysign(abs(c) ** power, c)
        py = math.copysign(abs(s) ** power, s)
        k = grow * (bumps[i * len(bumps) // n] if bumps else 1.0)
        points.append((x + px * rx * k * (1.0 + taper * py), y + py * ry * k))
    return smooth(points)


def tube(joints: Sequence[Point], radii: Sequence[float], hose: bool = False) -> skia.Path:
    """The outline of a limb through the joints, round at its ends and as thick as ``radii``."""
    line = [(x, y, r) for (x, y), r in zip(joints, radii, strict=True)]
    # Chaikin's corner cutting: https://doi.org/10.1016/0146-664X(74)90028-8
    for _ in range(3 if hose else 2):
        cut = [line[0]]
        for (ax, ay, ar), (bx, by, br) in itertools.pairwise(line):
            dx, dy, dr = (bx - ax) * 0.25, (by - ay) * 0.25, (br - ar) * 0.25
            cut.append((ax + dx, ay + dy, ar + dr))
            cut.append((bx - dx, by - dy, br - dr))
        cut.append(line[-1])
        line = cut
    left: list[Point] = []
    right: list[Point] = []
    last = len(line) - 1
    for i, (x, y, r) in enumerate(line):
        before, after = line[i - 1 if i else 0], line[i + 1 if i < last else last]
        dx, dy = after[0] - before[0], after[1] - before[1]
        k = r / (math.sqrt(dx * dx + dy * dy) or 1e-6)
        left.append((x - dy * k, y + dx * k))
        right.append((x + dy * k, y - dx * k))
    right.reverse()
    return polygon([*left, *_cap(line[-1], left[-1]), *right, *_cap(line[0], right[-1])])


def _cap(end: tuple[float, float, float], start: Point) -> list[Point]:
    x, y, r = end
    first = math.atan2(start[1] - y, start[0] - x)
    return [(x + r * math.cos(first - t), y + r * math.sin(first - t)) for t in _CAP]


class Pen:
    """Draws in one style; ``unit`` is the number of pixels in one unit of the canvas."""

    def __init__(
        self, canvas: skia.Canvas, style: Style, unit: float, seed: int = 0, fur: bool = False
    ) -> None:
        self.canvas = canvas
        self.style = style
        self.unit = unit
        self.fur = fur and style.fur
        self.width = max(style.line, 0.9 / unit) if style.line else 0.0
        self._seed = seed % 100_000
        self._count = 0

    def _stroke_paint(
        self, path: skia.Path, color: Color, width: float, alpha: float = 1.0
    ) -> skia.Paint:
        paint = skia.Paint(
            AntiAlias=True, Color=argb(color, alpha), Style=STROKE, StrokeWidth=width, **ROUND
        )
        style = self.style
        if style.wobble:
            self._count += 1
            box = path.getBounds()
            # Small shapes shake in small steps, or eyes would become polygons.
            step = min(5.0, 0.22 * max(box.width(), box.height(), 2.0))
            shake = style.wobble * step / 5.0
            paint.setPathEffect(skia.DiscretePathEffect.Make(step, shake, self._seed + self._count))
        return paint

    def fill(self, path: skia.Path, color: Color, line: float = 1.0, shade: float = 1.0) -> None:
        """Fill a shape; ``line`` scales its outline (0: none), ``shade`` its shadow."""
        style = self.style
        canvas = self.canvas
        color = style.tone(color)
        paint = skia.Paint(AntiAlias=True, Color=argb(color))
        kind = style.shade
        if kind in ("paper", "hatch"):
            paint.setColor(argb(mix(color, (1.0, 1.0, 1.0), 0.75 if kind == "hatch" else 0.6)))
        elif kind == "screen":
            paint.setColor(argb(BLACK if luma(color) < 0.22 else (1.0, 1.0, 1.0)))
        if style.family == "cutout" and line and self.unit > 1.0:
            canvas.save()
            canvas.translate(-style.light[0] * 0.8, -style.light[1] * 0.8)
            canvas.drawPath(path, skia.Paint(AntiAlias=True, Color=argb((0, 0, 0), 0.3)))
            canvas.restore()
        if kind == "soft" and shade:
            paint.setShader(self._round_shader(path, color, shade))
        if self.fur and line and self.unit > 0.6:
            self._count += 1
            paint.setPathEffect(skia.DiscretePathEffect.Make(1.6, 0.55, self._seed + self._count))
        canvas.drawPath(path, paint)
        if kind == "cel" and shade:
            self._cel(path, color, shade)
        elif kind == "hatch" and shade and line:
            self._hatch(path, color)
        elif kind == "screen" and shade and line:
            self._screen(path, color)
        if style.texture and line and self.unit > 0.8:
            grain = skia.Paint(
                AntiAlias=True,
                Shader=noise_shader("fur" if self.fur else "cloud", 36 if self.fur else 60),
                BlendMode=skia.BlendMode.kSoftLight,
                Alphaf=style.texture,
            )
            canvas.drawPath(path, grain)
        if line and self.width:
            self.outline(path, color, line)

    def outline(self, path: skia.Path, color: Color, line: float = 1.0) -> None:
        """Draw the style's outline along a path around an (already toned) colour."""
        style = self.style
        edge = style.outline_of(color)
        width = self.width * line
        self.canvas.drawPath(path, self._stroke_paint(path, edge, width))
        if style.line_kind == "sketch":
            self.canvas.drawPath(path, self._stroke_paint(path, edge, width * 0.6, 0.6))

    def texture(self, path: skia.Path, kind: str, size: float, strength: float) -> None:
        """Lay a tile of noise, one tile ``size`` units wide, over a shape."""
        self._count += 1
        shift = (self._seed + 37 * self._count) % 101
        paint = skia.Paint(
            AntiAlias=True,
            Shader=noise_shader(kind, size, shift, shift * 0.7),
            BlendMode=skia.BlendMode.kHardLight if kind == "leaf" else skia.BlendMode.kSoftLight,
            Alphaf=strength,
        )
        self.canvas.drawPath(path, paint)

    def round_off(self, path: skia.Path, strength: float, upright: bool = True) -> None:
        """Darken a shape away from the light, as a column (or a lying log) would be."""
        box = path.getBounds()
        lx, ly = self.style.light
        if upright:
            ends = [skia.Point(box.left(), 0), skia.Point(box.right(), 0)]
        else:
            ends = [skia.Point(0, box.top()), skia.Point(0, box.bottom())]
        middle = min(0.85, max(0.15, 0.5 + 0.35 * (lx if upright else ly)))
        dark = [argb(DARK, strength * share) for share in (1 - middle, 0.0, middle)]
        shader = skia.GradientShader.MakeLinear(ends, dark, [0.0, middle, 1.0])
        self.canvas.drawPath(path, skia.Paint(AntiAlias=True, Shader=shader))

    def plain(self, path: skia.Path, color: Color, alpha: float = 1.0) -> None:
        """Fill a shape with its bare colour, without outline or shadow."""
        self.canvas.drawPath(
            path, skia.Paint(AntiAlias=True, Color=argb(self.style.tone(color), alpha))
        )

    def stroke(self, path: skia.Path, color: Color, width: float) -> None:
        """Draw a line of a given width in units."""
        paint = self._stroke_paint(path, self.style.tone(color), max(width, 0.7 / self.unit))
        self.canvas.drawPath(path, paint)

    @contextmanager
    def clip(self, path: skia.Path) -> Iterator[None]:
        """Draw only inside the path for a while."""
        self.canvas.save()
        self.canvas.clipPath(path, True)
        try:
            yield
        finally:
            self.canvas.restore()

    @contextmanager
    def turned(self, degrees: float, x: float, y: float) -> Iterator[None]:
        """Draw turned around (x, y) for a while."""
        self.canvas.save()
        self.canvas.rotate(degrees, x, y)
        try:
            yield
        finally:
            self.canvas.restore()

    def _round_shader(self, path: skia.Path, color: Color, shade: float) -> skia.Shader:
        box = path.getBounds()
        w, h = box.width(), box.height()
        lx, ly = self.style.light
        k = self.style.contrast * shade
        center = skia.Point(box.centerX() + lx * w * 0.28, box.centerY() + ly * h * 0.28)
        cool = mix(scale(color, 1.0 - 0.75 * k), (0.15, 0.15, 0.35), 0.25 * k)
        colors = [
            argb(mix(color, (1.0, 1.0, 0.95), 0.35 * k)),
            argb(color),
            argb(cool),
            argb(mix(cool, color, 0.3)),
        ]
        return skia.GradientShader.MakeRadial(
            center, max(w, h) * 0.78 + 1e-3, colors, [0.0, 0.4, 0.88, 1.0]
        )

    def _cel(self, path: skia.Path, color: Color, shade: float) -> None:
        box = path.getBounds()
        lx, ly = self.style.light
        reach = 0.16 * min(box.width(), box.height())
        dark = mix(scale(color, 1.0 - 0.6 * self.style.contrast * shade), (0.2, 0.15, 0.4), 0.1)
        moved = skia.Path(path)
        moved.offset(lx * reach, ly * reach)
        shadow = skia.Op(path, moved, skia.PathOp.kDifference_PathOp)
        if shadow is not None:
            self.canvas.drawPath(shadow, skia.Paint(AntiAlias=True, Color=argb(dark)))

    def _hatch(self, path: skia.Path, color: Color) -> None:
        box = path.getBounds()
        lines = skia.Path()
        step = 2.2
        x = box.left() - box.height()
        while x < box.right():
            lines.moveTo(x, box.bottom())
            lines.lineTo(x + box.height(), box.top())
            x += step
        with self.clip(path):
            self.canvas.drawPath(lines, self._stroke_paint(lines, scale(color, 0.7), 0.35, 0.7))

    def _screen(self, path: skia.Path, color: Color) -> None:
        """Grey as comics print it: black dots, the denser the darker the colour."""
        level = luma(color)
        if not 0.22 <= level < 0.8:
            return
        paint = skia.Paint(
            AntiAlias=True,
            Shader=noise_shader("dots", 150.0 / max(1.0, self.unit)),
            BlendMode=skia.BlendMode.kMultiply,
            Alphaf=min(1.0, 1.15 - level),
        )
        self.canvas.drawPath(path, paint)
