"""Draws the frames of one shot."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import skia

from . import props
from .colors import BLACK, WHITE, argb
from .layers import Layers
from .lettering import write
from .pen import Pen, lump, polygon
from .props_nature import bush, lamp_tree
from .props_street import car, crate
from .script import Effect, Script, Shot, view_at
from .staging import cel_light, draw_stand
from .wear import light_picture, soften, store_picture

Picture = npt.NDArray[np.uint8]


Draw = Callable[[skia.Canvas], object]


@dataclass(frozen=True)
class Seen:
    """One character as it is seen in one frame."""

    shot: int
    actor: int
    """Index of the actor in its shot."""
    name: str
    box: tuple[float, float, float, float]
    """xyxy in pixels, clipped to the picture."""
    visible: float
    occluded: bool
    truncated: bool
    ignore: bool
    """Too little, too faint or too small to be asked for."""


class ShotPainter:
    """Draws any frame of one shot; keeps its background and the last drawing."""

    def __init__(self, script: Script, number: int) -> None:
        self.script = script
        self.number = number
        self.shot: Shot = script.shots[number]
        self._layers = Layers(script.width, script.height)
        self._last: tuple[object, Picture, tuple[Seen, ...]] | None = None
        self._background = self._draw_background()
        rng = np.random.default_rng(self.shot.scene.seed)
        self._light = cel_light(rng, script.style, script.width, script.height)

    def _draw_background(self) -> skia.Image:
        shot, height = self.shot, self.script.height
        width = math.ceil(shot.wide * height) + 2
        rgba = np.zeros((height, width, 4), np.uint8)
        surface = skia.Surface(rgba)
        shot.scene.draw(surface.getCanvas(), width, height)
        if shot.blur:
            soften(rgba, shot.blur)
        return surface.makeImageSnapshot()

    def paint(self, frame: int) -> tuple[Picture, tuple[Seen, ...], bool]:
        """Draw one frame (number within the shot): RGB, who is seen, and if nothing changed."""
        shot, fps = self.shot, self.script.fps
        drawing = frame // shot.hold
        view = view_at(shot, frame, fps)
        active = tuple(e for e in shot.effects if e.start <= frame < e.start + e.length)
        moving = (
            bool(active)
            or shot.weather != ""
            or shot.wear.grain > 0
            or (shot.title and frame < fps)
        )
        key: object = (drawing, view, frame if moving else -1)
        if self._last is not None and self._last[0] == key:
            return self._last[1], self._last[2], True
        seen = self._compose(frame, drawing * shot.hold / fps, view, active)
        picture = store_picture(self._layers.rgb(), shot.wear)
        self._last = (key, picture, seen)
        return picture, seen, False

    def _compose(
        self, frame: int, time: float, view: tuple[float, float, float], active: tuple[Effect, ...]
    ) -> tuple[Seen, ...]:
        shot, script, layers = self.shot, self.script, self._layers
        width, height = script.width, script.height
        layers.clear()
        canvas = layers.canvas
        x, y, zoom = view
        dx, dy = width / 2 - x * height * zoom, height / 2 - y * height * zoom
        canvas.drawImageRect(
            self._background,
            skia.Rect.MakeXYWH(dx, dy, self._background.width() * zoom, height * zoom),
            skia.SamplingOptions(skia.FilterMode.kLinear),
        )

        def in_world(draw: Draw) -> Draw:
            def apply(target: skia.Canvas) -> None:
                target.save()
                target.translate(dx, dy)
                target.scale(zoom, zoom)
                draw(target)
                target.restore()

            return apply

        stands = [actor.stand(time) for actor in shot.actors]
        order = sorted(range(len(stands)), key=lambda i: stands[i].y)
        for i in order:
            layers.add(
                in_world(partial(draw_stand, stand=stands[i], height=height)), True, self._light
            )
        for prop in shot.front:
            layers.add(in_world(partial(self._front, place=prop)), False)
        for effect in active:
            if effect.kind == "crossing":
                layers.add(partial(self._crossing, effect=effect, frame=frame), False)
        speed = self._speed(frame)
        if speed > 0.02:
            blur = skia.ImageFilters.Blur(min(60.0, speed * height * 0.35), 0.01)
            canvas.drawImage(
                layers.surface.makeImageSnapshot(),
                0,
                0,
                skia.SamplingOptions(),
                skia.Paint(ImageFilter=blur),
            )
        self._over(canvas, frame, active)
        boxes, visible, seen = layers.boxes()
        hidden = any(e.kind in ("flash", "insert", "explosion") for e in active) or speed > 0.12
        found: list[Seen] = []
        for place, i in enumerate(order):
            if seen[place] < max(6, height * width * 2e-5):
                continue
            left, top, right, bottom = (float(v) for v in boxes[place])
            nominal = stands[i].size * height * zoom
            small = (
                max(right - left, bottom - top) < 0.22 * nominal
                or min(right - left, bottom - top) < 0.015 * height
            )
            share = float(visible[place])
            found.append(
                Seen(
                    self.number,
                    i,
                    shot.actors[i].name,
                    (left, top, right, bottom),
                    round(share, 3),
                    share < 0.9,
                    left <= 0 or top <= 0 or right >= width or bottom >= height,
                    hidden or small or share < 0.25,
                )
            )
        return tuple(found)

    def _speed(self, frame: int) -> float:
        if self.shot.camera != "whip" or frame == 0:
            return 0.0
        fps = self.script.fps
        return abs(view_at(self.shot, frame, fps)[0] - view_at(self.shot, frame - 1, fps)[0])

    def _front(self, canvas: skia.Canvas, place: tuple[int, float, float, float]) -> None:
        seed, x, y, high = place
        rng = np.random.default_rng(seed)
        height = self.script.height
        prop = props.NEAR[int(rng.integers(len(props.NEAR)))]
        props.place(
            Pen(canvas, self.script.style, 1.0, seed),
            prop,
            rng,
            x * height,
            y * height,
            high * height,
        )

    def _crossing(self, canvas: skia.Canvas, effect: Effect, frame: int) -> None:
        """A big thing passes close to the camera."""
        rng = np.random.default_rng(effect.seed)
        width, height = self.script.width, self.script.height
        t = (frame - effect.start + 0.5) / effect.length
        side = 1 if effect.seed % 2 else -1
        x = width * (0.5 + side * (t - 0.5) * 3.2)
        prop = (car, lamp_tree, bush, crate)[effect.seed % 4]
        props.place(
            Pen(canvas, self.script.style, 1.0, 1), prop, rng, x, height * 1.15, height * 1.5
        )

    def _over(self, canvas: skia.Canvas, frame: int, active: tuple[Effect, ...]) -> None:
        """Weather, effects, letters and light, which belong to no place of the world."""
        shot, script = self.shot, self.script
        width, height = script.width, script.height
        if shot.weather:
            self._weather(canvas, frame)
        for effect in active:
            self._effect(canvas, effect, frame)
        wear = shot.wear
        if wear.softness:
            soften(self._layers.rgba, wear.softness)
        light_picture(canvas, wear, width, height, shot.seed + (frame * 7919 if wear.grain else 0))
        if shot.title:
            show = min(1.0, frame / script.fps * 1.5)
            canvas.saveLayerAlpha(None, int(255 * show))
            write(
                canvas,
                shot.title,
                width / 2,
                height * 0.4,
                min(height * 0.15, width * 0.9 / (len(shot.title) + 1)),
                WHITE,
                0.16,
                BLACK,
            )
            canvas.restore()
        if shot.caption and 0.3 < frame / script.fps < 2.6:
            size = min(height * 0.05, width * 0.9 / (len(shot.caption) + 1))
            write(canvas, shot.caption, width / 2, height * 0.88, size, WHITE, 0.16, BLACK)

    def _weather(self, canvas: skia.Canvas, frame: int) -> None:
        rng = np.random.default_rng(self.shot.seed)
        width, height = self.script.width, self.script.height
        xs, ys = rng.uniform(0, width, 70), rng.uniform(0, height, 70)
        speed = {"rain": 0.09, "snow": 0.012, "dust": 0.004}[self.shot.weather] * height
        paint = skia.Paint(
            AntiAlias=True,
            Color=argb(WHITE, 0.55),
            Style=skia.Paint.kStroke_Style,
            StrokeWidth=max(1.0, height * (0.003 if self.shot.weather == "rain" else 0.008)),
            StrokeCap=skia.Paint.kRound_Cap,
        )
        long = height * 0.05 if self.shot.weather == "rain" else 0.1
        for x, y in zip(xs, ys, strict=True):
            py = (float(y) + speed * frame) % height
            canvas.drawLine(float(x), py, float(x) - long * 0.2, py + long, paint)

    def _effect(self, canvas: skia.Canvas, effect: Effect, frame: int) -> None:
        width, height = self.script.width, self.script.height
        t = (frame - effect.start) / effect.length
        if effect.kind in ("flash", "lightning"):
            level = (1.0 - 0.5 * t) * (1.0 if effect.kind == "flash" else 0.6)
            canvas.drawPaint(skia.Paint(Color=argb(effect.color, level)))
        elif effect.kind == "negative":
            canvas.drawPaint(skia.Paint(Color=0xFFFFFFFF, BlendMode=skia.BlendMode.kDifference))
        elif effect.kind == "insert":
            pen = Pen(canvas, self.script.style, 1.0)
            canvas.drawPaint(skia.Paint(Color=argb(effect.color)))
            pen.plain(
                polygon([(width * effect.x, 0), (width, height * effect.y), (0, height)]), BLACK
            )
        elif effect.kind == "explosion":
            k = math.sin(math.pi * min(1.0, t + 0.05))
            x, y = effect.x * width, effect.y * height
            for share, color in (
                (1.0, (0.9, 0.35, 0.1)),
                (0.7, (1.0, 0.75, 0.2)),
                (0.4, (1.0, 0.98, 0.85)),
            ):
                r = height * (0.1 + 0.9 * t) * share
                bumps = [1 + 0.2 * math.sin(i * 2.7 + effect.seed + frame) for i in range(16)]
                canvas.drawPath(
                    lump(x, y, r, r, 0, 0, bumps),
                    skia.Paint(AntiAlias=True, Color=argb(color, min(1.0, 1.5 * k))),
                )
            if t < 0.25:
                canvas.drawPaint(skia.Paint(Color=argb(WHITE, 0.8 - 2 * t)))
