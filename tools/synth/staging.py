"""Who stands where: framing of characters in a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import skia

from .colors import argb, hsv, vivid
from .figure import make_figure
from .identities import Identity
from .pen import Pen
from .pose import Pose
from .puppet import MIDDLE, Figure
from .style import Style

FURRY = ("critter", "quadruped", "bird", "monster", "worm", "insect")
FRAMINGS = ("full", "medium", "close", "far", "crowd", "floating")


@dataclass(frozen=True)
class Stand:
    """A character's place: ``x``, ``y`` of its feet and its height, in shares of picture height."""

    who: Identity
    pose: Pose
    x: float
    y: float
    size: float
    loom: float = 0.0
    """Perspective: above 0 the head is near and large (seen from above), below 0 the feet are."""
    skew: float = 0.0


def draw_stand(canvas: skia.Canvas, stand: Stand, height: float) -> Figure:
    """Draw a character where it stands, on a canvas in pixels of a picture ``height`` high."""
    unit = stand.size * height / 100
    canvas.save()
    canvas.translate(stand.x * height, stand.y * height)
    canvas.scale(unit, unit)
    if stand.loom or stand.skew:
        lens = skia.Matrix.MakeAll(1, stand.skew, 0, 0, 1, 0, 0, stand.loom / 100, 1)
        canvas.concat(lens)
    pen = Pen(canvas, stand.who.style, unit, stand.who.seed, fur=stand.who.plan in FURRY)
    figure = make_figure(pen, stand.who, stand.pose)
    figure.draw()
    canvas.restore()
    return figure


def cel_light(rng: np.random.Generator, style: Style, width: int, height: int) -> skia.Paint | None:
    """How the place lights all that stands in it: not at all, from one side, or from behind."""
    u = rng.uniform
    kind = str(
        rng.choice(["none", "side", "below", "tint", "behind"], p=(0.7, 0.13, 0.07, 0.05, 0.05))
    )
    if kind == "none":
        return None
    dark = style.tone(hsv(float(u(0.5, 0.8)), float(u(0.2, 0.6)), float(u(0.05, 0.25))))
    if kind in ("tint", "behind"):
        share = float(u(0.15, 0.4)) if kind == "tint" else float(u(0.6, 0.97))
        color = vivid(rng) if kind == "tint" else dark
        return skia.Paint(Color=argb(color, share), BlendMode=skia.BlendMode.kSrcATop)
    lx, ly = (style.light[0], style.light[1]) if kind == "side" else (0.0, -1.0)
    ends = [
        skia.Point(width * (0.5 + 0.5 * lx), height * (0.5 + 0.5 * ly)),
        skia.Point(width * (0.5 - 0.5 * lx), height * (0.5 - 0.5 * ly)),
    ]
    shader = skia.GradientShader.MakeLinear(
        ends, [argb(dark, 0.0), argb(dark, float(u(0.3, 0.85)))]
    )
    return skia.Paint(Shader=shader, BlendMode=skia.BlendMode.kSrcATop)


def head_height(who: Identity, pose: Pose) -> tuple[float, float, float]:
    """Middle of the head above and beside the feet and its half height, as shares of size."""
    head = make_figure(Pen(skia.Surface(1, 1).getCanvas(), who.style, 0.1), who, pose).head
    # The whole figure is turned around its middle, see ``Figure.draw``.
    up, c, s = head.y + MIDDLE, math.cos(pose.roll), math.sin(pose.roll)
    return (
        (MIDDLE - head.x * s - up * c) / 100,
        (head.x * c - up * s) / 100,
        head.ry / 100,
    )


def frame_stands(
    rng: np.random.Generator,
    cast: list[tuple[Identity, Pose]],
    aspect: float,
    ground: float,
    framing: str,
) -> list[Stand]:
    """Places for the given characters in one framing, the farthest first.

    ``aspect`` is width / height of the picture, ``ground`` the ground line's share of its height.
    """
    u = rng.uniform
    count = len(cast)
    if not count:
        return []
    base = {
        "full": float(u(0.35, 0.95)),
        "medium": float(u(0.18, 0.45)),
        "close": float(u(0.4, 1.1)),
        "far": float(u(0.07, 0.3)),
        "crowd": float(u(0.2, 0.7)),
        "floating": float(u(0.15, 0.8)),
    }[framing]
    slots = (np.arange(count) + 0.5) / count
    tight = float(u(0.35, 1.0)) if count > 1 else 0.0
    xs = 0.5 + (slots - 0.5) * tight + rng.normal(0, 0.12 if count == 1 else 0.25 / count, count)
    rng.shuffle(xs)
    stands: list[Stand] = []
    for (who, pose), x in zip(cast, xs, strict=True):
        spread = 0.35 if framing in ("crowd", "far") else 0.18
        size = base * float(np.exp(rng.normal(0, spread)))
        size = min(size, 6.0)
        if framing in ("full", "far", "crowd"):
            depth = float(u(0.0, 1.0))
            y = (
                ground + (1.02 - ground) * (0.1 + 0.9 * depth)
                if framing != "crowd"
                else float(u(ground, 1.25))
            )
            if framing == "crowd":
                size = base * (0.5 + (y - ground) * 1.4)
            elif framing == "full" and rng.random() < 0.75:
                y = max(y, min(1.02, 0.06 + size))
        elif framing == "floating":
            y = float(u(0.15, 1.0)) + size * 0.5
        else:
            # Framed by the head: from head and knees to a face that the frame cuts.
            up, aside, half = head_height(who, pose)
            part = base * float(np.exp(rng.normal(0, 0.12))) / (2 * half)
            size = min(part, 8.0)
            y = float(u(0.28, 0.55)) + up * size
            x = x - aside * size / aspect
        stands.append(Stand(who, pose, float(x) * aspect, y, size))
    return sorted(stands, key=lambda s: s.y)
