"""A colour for every character: the same one in videos, subtitles and exports."""

from __future__ import annotations

import colorsys

GRAY = (160, 160, 160)
"""Whoever is not known."""
_GOLDEN = 0.381966
"""Steps of the golden angle keep any number of neighbours apart on the wheel."""


def character_color(character: int | None) -> tuple[int, int, int]:
    """Red, green and blue (0..255) of a character's number, gray for None."""
    if character is None:
        return GRAY
    # Brightness alternates too, since twenty characters leave hues close to each other.
    value = (1.0, 0.82)[character // 8 % 2]
    red, green, blue = colorsys.hsv_to_rgb(character * _GOLDEN % 1.0, 0.72, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def ink_on(color: tuple[int, int, int]) -> tuple[int, int, int]:
    """Black or white, whichever can be read on a colour (WCAG 2.2, relative luminance)."""
    linear = [
        c / 12.92 if (c := value / 255) <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for value in color
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (0, 0, 0) if luminance > 0.179 else (255, 255, 255)
