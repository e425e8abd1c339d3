"""Torsos and what is worn on them."""

from __future__ import annotations

import math

import skia

from .colors import WHITE, mix, scale
from .identities import Identity
from .pen import Pen, lump, oval, polygon, rect, smooth


def torso_path(
    who: Identity, cos: float, sin: float, hip_y: float, shoulder_y: float, lean: float
) -> skia.Path:
    """The outline of the torso, turned; robots are boxes."""

    def wide(w: float) -> float:
        return math.hypot(w * cos, w * who.depth * sin)

    length = hip_y - shoulder_y
    if who.plan == "robot":
        w = wide(who.shoulder * 1.15)
        return rect(-w, shoulder_y - 1, w, hip_y + 2, 1.0 + 4 * (1 - who.square))
    belly = max(0.0, who.waist - who.shoulder) * 0.5 * sin
    low = who.hip * 0.35
    levels = (
        (shoulder_y - length * 0.06, who.shoulder * 0.6, lean, 0.0),
        (shoulder_y + length * 0.02, who.shoulder * 1.05, lean, 0.0),
        (shoulder_y + length * 0.32, who.shoulder * 0.98, lean * 0.68, belly * 0.4),
        (shoulder_y + length * 0.65, who.waist, lean * 0.35, belly),
        (hip_y, who.hip, 0.0, belly * 0.5),
        (hip_y + low, who.hip * 0.7, 0.0, 0.0),
    )
    left = [(x + b - wide(w), y) for y, w, x, b in levels]
    right = [(x + b + wide(w), y) for y, w, x, b in levels]
    return smooth([*left, *right[::-1]])


def hem_path(
    who: Identity, cos: float, sin: float, hip_y: float, length: float, spread: float, sway: float
) -> skia.Path:
    """A skirt or coat tail that falls from the waist by ``length``."""
    flare = 1.25 + 0.12 * (who.seed % 6) + 0.5 * min(spread, 1.0) * abs(sin)
    top = math.hypot(who.waist * cos, who.waist * who.depth * sin) * 1.02
    low = math.hypot(who.hip * cos, who.hip * who.depth * sin) * flare
    y = hip_y - who.torso * 0.22
    return smooth(
        [
            (-top, y),
            (-top, y),
            (-low, hip_y + length * 0.5),
            (-low * 1.12 + sway, hip_y + length),
            (-low * 1.1 + sway, hip_y + length),
            (sway, hip_y + length * 1.06),
            (low * 1.1 + sway, hip_y + length),
            (low * 1.12 + sway, hip_y + length),
            (low, hip_y + length * 0.5),
            (top, y),
            (top, y),
        ]
    )


def dress_torso(
    pen: Pen,
    who: Identity,
    torso: skia.Path,
    cos: float,
    sin: float,
    hip_y: float,
    shoulder_y: float,
    lean: float,
) -> None:
    """Fill the torso with skin or clothes and draw what is worn on it."""
    length = hip_y - shoulder_y
    kind = who.top_kind
    color = who.skin if kind in ("none", "overalls") else who.top
    if kind == "overalls":
        color = who.trim
    pen.fill(torso, color)
    box = torso.getBounds()
    middle = box.centerX() + sin * box.width() * 0.22
    front = cos > -0.2
    with pen.clip(torso):
        if kind == "none":
            _belly(pen, who, box, cos, sin)
        else:
            _pattern(pen, who, box)
        if who.bottom_kind in ("trousers", "shorts", "leggings", "skirt") and kind not in (
            "dress",
            "robe",
            "coat",
        ):
            waist = hip_y - length * (0.12 + 0.02 * (who.seed % 6))
            pen.plain(rect(box.left(), waist, box.right(), box.bottom() + 2), who.bottom)
            if pen.width:
                pen.outline(
                    polygon([(box.left(), waist), (box.right(), waist)], False),
                    pen.style.tone(who.bottom),
                    0.8,
                )
        if kind == "overalls":
            pen.plain(
                rect(box.left(), shoulder_y + length * 0.5, box.right(), box.bottom() + 2),
                who.bottom,
            )
            if front:
                w = box.width() * 0.3
                pen.plain(
                    rect(middle - w, shoulder_y + length * 0.22, middle + w, hip_y), who.bottom
                )
            for k in (-0.3, 0.3):
                x = middle + k * box.width()
                pen.plain(rect(x - 1, box.top(), x + 1, shoulder_y + length * 0.55), who.bottom)
        if kind in ("suit", "coat", "vest", "robe", "hoodie") and front:
            w = box.width() * (0.16 if kind != "robe" else 0.1) * max(0.3, cos)
            pen.plain(
                polygon(
                    [
                        (middle - w, box.top()),
                        (middle + w, box.top()),
                        (middle, hip_y - length * 0.15),
                    ]
                ),
                who.trim if kind != "suit" else WHITE,
            )
            pen.stroke(
                polygon([(middle, hip_y - length * 0.2), (middle, box.bottom())], False),
                scale(color, 0.55),
                0.4,
            )
        if kind == "armor":
            pen.stroke(
                smooth(
                    [
                        (box.left(), shoulder_y + length * 0.45),
                        (middle, shoulder_y + length * 0.6),
                        (box.right(), shoulder_y + length * 0.45),
                    ],
                    False,
                ),
                scale(color, 0.5),
                0.7,
            )
            pen.plain(oval(middle, shoulder_y + length * 0.3, 2.4, 2.4), who.trim)
        if kind in ("tank", "dress") and who.seed % 3 and front:
            pen.plain(
                oval(
                    box.centerX() + sin * 2 + lean * 0.8,
                    shoulder_y - length * 0.06,
                    box.width() * 0.3,
                    length * 0.2,
                ),
                who.skin,
            )
        if who.plan == "robot" and front:
            w = box.width() * 0.3
            pen.fill(
                rect(
                    middle - w, shoulder_y + length * 0.2, middle + w, shoulder_y + length * 0.6, 1
                ),
                who.trim,
                0.6,
            )
            for k in range(3):
                pen.plain(
                    oval(
                        middle + (k - 1) * w * 0.6, shoulder_y + length * 0.78, w * 0.18, w * 0.18
                    ),
                    who.second,
                )
    _extras(pen, who, box, middle, front, hip_y, shoulder_y, cos, sin, lean)


def _belly(pen: Pen, who: Identity, box: skia.Rect, cos: float, sin: float) -> None:
    w, h = box.width(), box.height()
    if who.coat == "belly" and cos > -0.5:
        x = box.centerX() + sin * w * 0.4
        pen.plain(oval(x, box.top() + h * 0.58, w * 0.36 * max(0.5, cos), h * 0.4), who.second)
    elif who.coat == "spots":
        for k in range(7):
            pen.plain(
                oval(
                    box.left() + w * ((k * 0.37) % 1),
                    box.top() + h * ((k * 0.61) % 1),
                    w * 0.09,
                    w * 0.08,
                ),
                scale(who.skin, 0.6),
            )
    elif who.coat == "stripes":
        for k in range(4):
            y = box.top() + h * (k + 0.5) / 4
            for side in (box.left(), box.right()):
                pen.plain(
                    polygon(
                        [
                            (side, y - h * 0.05),
                            (box.centerX() + (side - box.centerX()) * 0.4, y),
                            (side, y + h * 0.05),
                        ]
                    ),
                    scale(who.skin, 0.45),
                )
    elif who.coat == "two-tone":
        pen.plain(rect(box.left(), box.top() + h * 0.5, box.right(), box.bottom()), who.second)


def _pattern(pen: Pen, who: Identity, box: skia.Rect) -> None:
    w, h = box.width(), box.height()
    kind, color = who.pattern, who.trim
    if kind == "stripes":
        n = 3 + who.seed % 4
        for k in range(n):
            y = box.top() + h * (k + 0.5) / n
            if who.seed % 5:
                pen.plain(rect(box.left(), y - h * 0.2 / n, box.right(), y + h * 0.25 / n), color)
            else:
                x = box.left() + w * (k + 0.5) / n
                pen.plain(rect(x - w * 0.2 / n, box.top(), x + w * 0.2 / n, box.bottom()), color)
    elif kind == "dots":
        for row in range(4):
            for column in range(4):
                x = box.left() + w * (column + 0.25 + 0.5 * (row % 2)) / 4
                pen.plain(oval(x, box.top() + h * (row + 0.5) / 4, w * 0.05, w * 0.05), color)
    elif kind == "checks":
        for row in range(4):
            for column in range(4):
                if (row + column) % 2:
                    pen.plain(
                        rect(
                            box.left() + w * column / 4,
                            box.top() + h * row / 4,
                            box.left() + w * (column + 1) / 4,
                            box.top() + h * (row + 1) / 4,
                        ),
                        mix(who.top, color, 0.6),
                    )
    elif kind == "diamonds":
        for k in range(5):
            x, y = box.left() + w * (k + 0.5) / 5, box.centerY()
            pen.plain(
                polygon([(x, y - h * 0.12), (x + w * 0.1, y), (x, y + h * 0.12), (x - w * 0.1, y)]),
                color,
            )
    elif kind == "logo":
        x, y, r = box.centerX(), box.top() + h * 0.4, w * 0.17
        if who.seed % 2:
            pen.plain(oval(x, y, r, r), color)
        else:
            pen.plain(polygon([(x, y - r), (x + r, y + r * 0.8), (x - r, y + r * 0.8)]), color)
    elif kind == "zip":
        pen.stroke(
            polygon([(box.centerX(), box.top()), (box.centerX(), box.bottom())], False), color, 0.7
        )


def _extras(
    pen: Pen,
    who: Identity,
    box: skia.Rect,
    middle: float,
    front: bool,
    hip_y: float,
    shoulder_y: float,
    cos: float,
    sin: float,
    lean: float,
) -> None:
    length = hip_y - shoulder_y
    neck = box.centerX() * 0.2 + lean * 0.8 + sin * box.width() * 0.15
    if "belt" in who.extras:
        y = hip_y - length * 0.12
        pen.fill(
            rect(box.left() + 1, y - 1.2, box.right() - 1, y + 1.2, 0.5), scale(who.shoes, 0.8), 0.6
        )
        if front:
            pen.fill(rect(middle - 1.5, y - 1.5, middle + 1.5, y + 1.5), (0.95, 0.8, 0.3), 0.6)
    if "buttons" in who.extras and front:
        for k in range(3):
            pen.fill(oval(middle, shoulder_y + length * (0.25 + 0.22 * k), 0.9, 0.9), who.trim, 0.6)
    if "apron" in who.extras and cos > 0.4:
        w = box.width() * 0.32
        pen.fill(
            rect(middle - w, shoulder_y + length * 0.3, middle + w, hip_y + length * 0.4, 1.5),
            (0.95, 0.94, 0.9),
        )
    if "tie" in who.extras and front:
        pen.fill(
            polygon(
                [
                    (neck - 1, shoulder_y),
                    (neck + 1, shoulder_y),
                    (middle + 1.6, shoulder_y + length * 0.55),
                    (middle, shoulder_y + length * 0.65),
                    (middle - 1.6, shoulder_y + length * 0.55),
                ]
            ),
            who.trim,
            0.7,
        )
    if "bowtie" in who.extras and front:
        r = min(4.0, who.shoulder * 0.4)
        for side in (-1, 1):
            pen.fill(
                polygon(
                    [
                        (neck, shoulder_y),
                        (neck + side * r * max(0.4, cos), shoulder_y - r * 0.6),
                        (neck + side * r * max(0.4, cos), shoulder_y + r * 0.6),
                    ]
                ),
                who.trim,
                0.8,
            )
    if "collar" in who.extras and who.top_kind != "none":
        pen.fill(
            lump(neck, shoulder_y - 0.5, max(2.5, who.shoulder * 0.55), 1.6, 0.3),
            mix(who.top, WHITE, 0.6),
            0.8,
        )
    if "scarf" in who.extras:
        pen.fill(lump(neck, shoulder_y, max(3.0, who.shoulder * 0.7), 2.4, 0.4), who.trim)
        pen.fill(rect(neck + 1, shoulder_y, neck + 3.4, shoulder_y + length * 0.5, 0.6), who.trim)
    if "necklace" in who.extras and front:
        pen.fill(oval(neck, shoulder_y + length * 0.12, 1.3, 1.3), (0.95, 0.8, 0.3), 0.7)
