"""Titles, captions and signs in a stroke alphabet of our own, so that no font is needed."""

from __future__ import annotations

import numpy as np
import skia

from .colors import Color, argb
from .pen import ROUND, STROKE

# Strokes on a grid 4 wide and 6 high, from the top left; lines of points.
_GLYPHS = {
    "A": "06 20 46|14 34",
    "B": "06 00 30 41 32 03|33 44 45 36 06",
    "C": "41 30 10 01 05 16 36 45",
    "D": "06 00 20 42 44 26 06",
    "E": "40 00 06 46|03 33",
    "F": "40 00 06|03 33",
    "G": "41 30 10 01 05 16 36 45 43 23",
    "H": "00 06|40 46|03 43",
    "I": "20 26",
    "J": "40 45 36 16 05",
    "K": "00 06|40 03 46",
    "L": "00 06 46",
    "M": "06 00 23 40 46",
    "N": "06 00 46 40",
    "O": "10 30 41 45 36 16 05 01 10",
    "P": "06 00 30 41 42 33 03",
    "R": "06 00 30 41 42 33 03|23 46",
    "S": "41 30 10 01 02 13 33 44 45 36 16 05",
    "T": "00 40|20 26",
    "U": "00 05 16 36 45 40",
    "V": "00 26 40",
    "W": "00 16 23 36 40",
    "X": "00 46|40 06",
    "Y": "00 23 40|23 26",
    "Z": "00 40 06 46",
    "1": "11 20 26",
    "2": "01 10 30 41 42 06 46",
    "3": "00 40 23 43 45 36 16 05",
    "!": "20 24|26 26",
    "?": "01 10 30 41 42 23 24|26 26",
    ".": "26 26",
    ",": "25 17",
}
_VOWELS, _OTHERS = "AEIOU", "BCDFGHJKLMNPRSTVWYZ"


def words(rng: np.random.Generator, count: int) -> str:
    """Made-up words of one to four syllables."""
    made = []
    for _ in range(count):
        made.append(
            "".join(
                _OTHERS[int(rng.integers(len(_OTHERS)))] + _VOWELS[int(rng.integers(5))]
                for _ in range(int(rng.integers(1, 4)))
            )
            + (_OTHERS[int(rng.integers(len(_OTHERS)))] if rng.random() < 0.6 else "")
        )
    return " ".join(made)


def write(
    canvas: skia.Canvas,
    text: str,
    x: float,
    y: float,
    height: float,
    color: Color,
    weight: float = 0.12,
    edge: Color | None = None,
    centred: bool = True,
) -> float:
    """Write one line with its middle (or left end) at (x, y top), in pixels; gives its width."""
    unit = height / 6
    advance = unit * 5.6
    width = advance * len(text)
    left = x - width / 2 if centred else x
    path = skia.Path()
    for i, letter in enumerate(text):
        for stroke in _GLYPHS.get(letter, "").split("|"):
            for k, point in enumerate(stroke.split()):
                px, py = left + i * advance + int(point[0]) * unit, y + int(point[1]) * unit
                if k == 0:
                    path.moveTo(px, py)
                else:
                    path.lineTo(px, py + (0.01 if point == stroke.split()[k - 1] else 0))
    if edge is not None:
        canvas.drawPath(
            path,
            skia.Paint(
                AntiAlias=True,
                Color=argb(edge),
                Style=STROKE,
                StrokeWidth=height * weight * 2.2,
                **ROUND,
            ),
        )
    canvas.drawPath(
        path,
        skia.Paint(
            AntiAlias=True,
            Color=argb(color),
            Style=STROKE,
            StrokeWidth=max(1.0, height * weight),
            **ROUND,
        ),
    )
    return width
