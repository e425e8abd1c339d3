"""Random stills of cartoons with the boxes of their characters, to train detectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
import skia

from . import props
from .casts import look_alike
from .colors import BLACK, WHITE, Color, argb, mix, vivid
from .identities import Identity, make_identity
from .layers import Layers
from .lettering import words, write
from .pen import Pen, oval
from .pose import POSES, Pose, make_pose
from .scenery import make_scene
from .staging import Stand, cel_light, draw_stand, frame_stands
from .style import Style, make_style
from .wear import light_picture, make_wear, soften, store_picture

Sample = tuple[
    npt.NDArray[np.uint8], npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.float32]
]
COUNTS = (0.09, 0.33, 0.25, 0.13, 0.07, 0.04, 0.04, 0.03, 0.02)
"""Share of pictures with 0, 1, 2 ... characters."""


def sample_picture(
    rng: np.random.Generator,
    width: int = 512,
    height: int = 288,
    shown: Sequence[Identity] = (),
    clutter: int = 0,
) -> Sample:
    """A random still of a random show, or of the show of the characters to be ``shown``.

    So many things more stand or hang behind the characters as ``clutter`` says, as large as these.

    Returns the picture (height, width, 3) as RGB, tight boxes (N, 4) xyxy of what is seen of each
    character, clipped to the picture, the seeds of their identities (N,), and the share of each
    that no other cel hides (N,). Characters of which almost nothing can be seen get no box.
    """
    style = shown[0].style if shown else make_style(rng)
    layers = Layers(width, height)
    scene = make_scene(rng, style)
    scene.draw(layers.canvas, width, height)
    count = len(shown) or int(rng.choice(len(COUNTS), p=COUNTS))
    framing = _framing(rng, count)
    if count and framing in ("full", "far", "crowd") and rng.random() < 0.3:
        soften(layers.rgba, float(rng.uniform(0.002, 0.015)))
    elif count and rng.random() < 0.35:
        soften(layers.rgba, float(rng.uniform(0.004, 0.03)))
    cast = [(who, make_pose(rng)) for who in shown] or _cast(rng, style, count)
    stands = frame_stands(rng, cast, width / height, scene.ground, framing)
    if not shown and rng.random() < 0.15:
        stands = [_camouflaged(rng, stand, layers) for stand in stands]
    if rng.random() < 0.22:
        loom, skew = float(rng.uniform(-0.35, 0.35)), float(rng.normal(0, 0.08))
        stands = [replace(stand, loom=loom, skew=skew) for stand in stands]
    for _ in range(clutter):
        high = height * float(rng.uniform(0.12, 0.85))
        foot = float(rng.uniform(max(high, 0.5 * height), 1.1 * height))
        _foreground(rng, layers, style, props.ANY, float(rng.uniform(0, width)), foot, high)
    shadows = rng.random() < 0.5
    light = cel_light(rng, style, width, height)
    for stand in stands:
        if shadows and framing != "floating":
            _shadow(layers.canvas, stand, height)
        layers.add(partial(draw_stand, stand=stand, height=height), True, light)
        at = (stand.x * height, stand.y * height, stand.size * height)
        if rng.random() < 0.2:
            _encumber(rng, layers, style, *at)
    for _ in range(int(rng.choice([0, 0, 0, 0, 1, 1, 2]))):
        _foreground(
            rng,
            layers,
            style,
            props.NEAR,
            float(rng.uniform(0, width)),
            height * float(rng.uniform(0.95, 1.2)),
            height * float(rng.uniform(0.15, 0.9)),
        )
    boxes, visible, seen = layers.boxes()
    wear = make_wear(rng, style)
    seed = int(rng.integers(1 << 30))
    if wear.softness:
        soften(layers.rgba, wear.softness)
    if rng.random() < 0.06:
        soften(layers.rgba, float(rng.uniform(0.005, 0.04)), 0.0)
    if rng.random() < 0.16:
        _overlay(rng, layers, width, height)
    light_picture(layers.canvas, wear, width, height, seed)
    rgb = store_picture(layers.rgb(), wear)
    sides = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    keep = (seen >= 24) & (sides >= 4) & (visible >= 0.08)
    ids = np.array([s.who.seed for s in stands], np.int64)
    return rgb, boxes[keep], ids[keep], visible[keep]


def _framing(rng: np.random.Generator, count: int) -> str:
    if count >= 5:
        return str(rng.choice(["crowd", "crowd", "far", "full", "medium"]))
    return str(
        rng.choice(["full", "medium", "close", "far", "floating"], p=(0.42, 0.22, 0.18, 0.12, 0.06))
    )


def _cast(rng: np.random.Generator, style: Style, count: int) -> list[tuple[Identity, Pose]]:
    """Who is in the picture: mostly different ones, now and then twins or a swarm of one kind."""
    cast: list[tuple[Identity, Pose]] = []
    swarm = count >= 3 and rng.random() < 0.2
    shared = str(rng.choice(POSES)) if rng.random() < 0.25 else None
    who: Identity | None = None
    for _ in range(count):
        if who is None or not swarm:
            if who is not None and rng.random() < 0.12:
                who = look_alike(who, rng)
            else:
                who = make_identity(int(rng.integers(1 << 62)), style)
        cast.append((who, make_pose(rng, shared)))
    return cast


def _shadow(canvas: skia.Canvas, stand: Stand, height: int) -> None:
    k = stand.size * height
    pen = Pen(canvas, stand.who.style, 1.0)
    pen.plain(oval(stand.x * height, stand.y * height, 0.2 * k, 0.03 * k), (0.05, 0.05, 0.1), 0.35)


def _camouflaged(rng: np.random.Generator, stand: Stand, layers: Layers) -> Stand:
    """The same character in the colours of what is behind it, or nearly so."""
    height, width = layers.rgba.shape[:2]
    share = float(rng.uniform(0.4, 0.95))
    places = rng.uniform((-0.2, 0.1), (0.2, 0.9), (4, 2)) * stand.size
    changes: dict[str, Color] = {}
    for name, (dx, up) in zip(("skin", "hair", "top", "bottom"), places, strict=True):
        column = int(np.clip((stand.x + dx) * height, 0, width - 1))
        row = int(np.clip((stand.y - up) * height, 0, height - 1))
        red, green, blue = (float(c) / 255 for c in layers.rgba[row, column, :3])
        changes[name] = mix(getattr(stand.who, name), (red, green, blue), share)
    changes["second"] = mix(changes["skin"], stand.who.second, 0.4)
    return replace(stand, who=replace(stand.who, **changes))  # type: ignore[arg-type]


def _encumber(
    rng: np.random.Generator, layers: Layers, style: Style, x: float, y: float, high: float
) -> None:
    """Put something in somebody's way: before the feet, in the arms, under the seat, half over."""
    kind = str(rng.choice(["before", "held", "ridden", "beside"], p=(0.35, 0.3, 0.15, 0.2)))
    u = rng.uniform
    if kind == "before":
        _foreground(rng, layers, style, props.NEAR, x, y, high * 0.5)
    elif kind == "held":
        up, size = float(u(0.15, 0.5)), float(u(0.12, 0.5))
        x += high * float(u(-0.2, 0.2))
        _foreground(rng, layers, style, props.HELD, x, y - up * high, size * high)
    elif kind == "ridden":
        size = float(u(0.3, 0.7))
        _foreground(rng, layers, style, props.RIDDEN, x, y + 0.1 * high, size * high)
    else:
        x += high * float(rng.choice([-1, 1]) * u(0.1, 0.35))
        _foreground(rng, layers, style, props.NEAR, x, y + 0.05 * high, high * float(u(0.7, 1.4)))


def _foreground(
    rng: np.random.Generator,
    layers: Layers,
    style: Style,
    kinds: tuple[props.Prop, ...],
    x: float,
    y: float,
    high: float,
) -> None:
    prop = kinds[int(rng.integers(len(kinds)))]
    seed = int(rng.integers(1 << 30))

    def draw(canvas: skia.Canvas) -> None:
        props.place(Pen(canvas, style, 1.0, seed), prop, np.random.default_rng(seed), x, y, high)

    layers.add(draw, False)


def _overlay(rng: np.random.Generator, layers: Layers, width: int, height: int) -> None:
    """Letterbox bars, a caption, a logo in the corner or a title."""
    canvas = layers.canvas
    kind = int(rng.integers(4))
    if kind == 0:
        bar = height * float(rng.uniform(0.06, 0.13))
        black = skia.Paint(Color=argb((0, 0, 0)))
        canvas.drawRect(skia.Rect.MakeWH(width, bar), black)
        canvas.drawRect(skia.Rect.MakeXYWH(0, height - bar, width, bar), black)
    elif kind == 1:
        for k in range(int(rng.integers(1, 3))):
            write(
                canvas,
                words(rng, int(rng.integers(2, 5))),
                width / 2,
                height * (0.84 + 0.07 * k),
                height * 0.04,
                WHITE,
                0.16,
                BLACK,
            )
    elif kind == 2:
        write(
            canvas,
            words(rng, 1),
            width * float(rng.choice([0.12, 0.88])),
            height * 0.06,
            height * 0.045,
            WHITE,
            0.14,
        )
    else:
        write(
            canvas,
            words(rng, int(rng.integers(1, 3))),
            width / 2,
            height * float(rng.uniform(0.1, 0.7)),
            height * float(rng.uniform(0.07, 0.15)),
            vivid(rng),
            0.16,
            BLACK,
        )
