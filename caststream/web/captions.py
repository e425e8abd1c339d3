"""Where the names of boxes stand on a picture, so that none lies on another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SIZE = 0.034
"""Height of the letters, as a share of the picture's."""
_GROWN = 1.9
"""How much larger phones show them (``views.css``)."""
_WIDE = 0.62
"""Mean width of a letter, as a share of its height."""


@dataclass(frozen=True, slots=True)
class Caption:
    """One name: where its corner is in pixels, and how far its line lies from there in letters."""

    text: str
    x: float
    y: float
    dy: float
    anchor: str


def captions(boxes: Sequence[dict[str, Any]], height: float) -> list[Caption]:
    """Names of the boxes that have one, on a picture of ``height``.

    Each stands above its box, else inside of it: in the first place where it hides no other and
    is on the picture.
    """
    letter = SIZE * height * _GROWN
    taken: list[tuple[float, float, float, float]] = []
    placed = []
    for box in boxes:
        if box["character"] is None and not box["numbered"]:
            continue
        x0, y0, x1, y1 = box["box"]
        text = str(box["title"])
        wide = letter * (_WIDE * len(text) + 0.6)
        corners = [
            (x0, y0, -0.4, "start"),
            (x0, y0, 1.1, "start"),
            (x1, y0, 1.1, "end"),
            (x1, y0, -0.4, "end"),
            *((x0, y0, dy, "start") for dy in (2.4, 3.7, 5.0)),
            (x0, y1, -0.4, "start"),
        ]
        areas = []
        for x, y, dy, anchor in corners:
            left = max(x, 0.0) if anchor == "start" else x - wide
            line = y + dy * letter
            areas.append((left, line - letter, left + wide, line + 0.2 * letter))
        free = [
            k for k, area in enumerate(areas)
            if min(area[:2]) >= 0 and not any(_touch(area, other) for other in taken)
        ]  # fmt: skip
        best = free[0] if free else 1
        taken.append(areas[best])
        x, y, dy, anchor = corners[best]
        inset = 0.35 * SIZE * height
        x = max(x, 2.0) + inset if anchor == "start" else x - inset
        placed.append(Caption(text, round(x, 1), round(y, 1), dy, anchor))
    return placed


def _touch(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return (
        one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
    )  # fmt: skip
