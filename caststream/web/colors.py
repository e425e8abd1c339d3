"""One colour a character, the same in every view and at every start."""

from __future__ import annotations

from colorsys import hls_to_rgb
from functools import lru_cache

_GOLDEN = 0.618034
"""Share of a turn between the hues of two ids that follow each other: no two of a few are near."""
UNKNOWN = "#8b8d98"


@lru_cache(4096)
def color_of(character: int | None) -> str:
    """Hex colour of a character, grey for nobody; reads on light and on dark ground (3:1)."""
    if character is None or character < 0:
        return UNKNOWN
    hue = (0.58 + character * _GOLDEN) % 1.0
    # Yellows and greens look lighter than they are: all are brought to one luminance.
    low, high = 0.2, 0.8
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if _luminance(hue, middle) < 0.2 else (low, middle)
    return "#" + "".join(f"{round(255 * part):02x}" for part in hls_to_rgb(hue, low, 0.72))


def _luminance(hue: float, lightness: float) -> float:
    """Relative luminance (WCAG 2.2)."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in hls_to_rgb(hue, lightness, 0.72)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
