"""Who stands where: framing of characters in a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import skia

from .figure import Figure
from .identities import Identity
from .pen import Pen
from .pose import Pose

FRAMINGS = ("full", "medium", "close", "far", "crowd", "floating")


@dataclass(frozen=True)
class Stand:
    """A character's place: ``x``, ``y`` of its feet and its height, in shares of picture height."""

    who: Identity
    pose: Pose
    x: float
    y: float
    size: float


def draw_stand(canvas: skia.Canvas, stand: Stand, height: float) -> Figure:
    """Draw a character where it stands, on a canvas in pixels of a picture ``height`` high."""
    unit = stand.size * height / 100
    canvas.save()
    canvas.translate(stand.x * height, stand.y * height)
    canvas.scale(unit, unit)
    pen = Pen(canvas, stand.who.style, unit, stand.who.seed, fur=stand.who.plan != "robot")
    figure = Figure(pen, stand.who, stand.pose)
    figure.draw()
    canvas.restore()
    return figure


def head_height(who: Identity, pose: Pose) -> tuple[float, float]:
    """Where the middle of the head is above the feet and its half height, as shares of size."""
    figure = Figure(Pen(skia.Surface(1, 1).getCanvas(), who.style, 0.1), who, pose)
    return -figure.head.y / 100, figure.head.ry / 100


def frame_stands(
    rng: np.random.Generator, cast: list[tuple[Identity, Pose]], aspect: float, ground: float,
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
        "full": float(u(0.35, 0.95)), "medium": float(u(0.9, 1.9)), "close": float(u(1.6, 4.0)),
        "far": float(u(0.07, 0.3)), "crowd": float(u(0.2, 0.7)), "floating": float(u(0.15, 0.8)),
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
            y = ground + (1.02 - ground) * (0.1 + 0.9 * depth) if framing != "crowd" else float(u(ground, 1.25))
            if framing == "crowd":
                size = base * (0.5 + (y - ground) * 1.4)
            elif framing == "full" and rng.random() < 0.75:
                y = max(y, min(1.02, 0.06 + size))
        elif framing == "floating":
            y = float(u(0.15, 1.0)) + size * 0.5
        else:
            up, _ = head_height(who, pose)
            aim = float(u(0.25, 0.55))
            y = aim + up * size
        stands.append(Stand(who, pose, float(x) * aspect, y, size))
    return sorted(stands, key=lambda s: s.y)
