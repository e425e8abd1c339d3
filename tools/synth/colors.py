"""Colours as (red, green, blue) floats in 0..1, and how to vary them."""

from __future__ import annotations

import colorsys

import numpy as np

Color = tuple[float, float, float]

BLACK: Color = (0.04, 0.04, 0.05)
WHITE: Color = (0.98, 0.98, 0.97)
SKINS: tuple[Color, ...] = (
    (1.0, 0.87, 0.76),
    (0.98, 0.80, 0.66),
    (0.91, 0.70, 0.52),
    (0.78, 0.56, 0.39),
    (0.60, 0.40, 0.27),
    (0.42, 0.27, 0.19),
    (0.99, 0.85, 0.35),
    (1.0, 0.78, 0.72),
)
FURS: tuple[Color, ...] = (
    (0.80, 0.78, 0.76),
    (0.55, 0.55, 0.58),
    (0.62, 0.42, 0.25),
    (0.82, 0.60, 0.36),
    (0.88, 0.45, 0.18),
    (0.30, 0.22, 0.18),
    (0.95, 0.93, 0.88),
    (0.17, 0.16, 0.18),
    (0.45, 0.50, 0.60),
)
HAIRS: tuple[Color, ...] = (
    (0.10, 0.08, 0.08),
    (0.28, 0.17, 0.10),
    (0.50, 0.30, 0.15),
    (0.93, 0.78, 0.36),
    (0.80, 0.34, 0.13),
    (0.75, 0.75, 0.77),
)

WOOD: tuple[Color, ...] = (
    (0.55, 0.36, 0.2),
    (0.4, 0.25, 0.14),
    (0.7, 0.5, 0.3),
    (0.62, 0.58, 0.55),
)
LEAF: tuple[Color, ...] = ((0.25, 0.5, 0.2), (0.4, 0.62, 0.25), (0.15, 0.38, 0.25), (0.6, 0.6, 0.2))
STONE: tuple[Color, ...] = ((0.55, 0.55, 0.58), (0.7, 0.68, 0.62), (0.42, 0.42, 0.45))
DARK: Color = (0.05, 0.05, 0.1)


def clamp(value: float) -> float:
    """The value, kept within 0..1."""
    return 0.0 if value < 0.0 else 1.0 if value > 1.0 else value


def argb(color: Color, alpha: float = 1.0) -> int:
    """The colour as the 32-bit number that skia takes."""
    red, green, blue = (int(clamp(c) * 255 + 0.5) for c in color)
    return int(alpha * 255 + 0.5) << 24 | red << 16 | green << 8 | blue


def mix(a: Color, b: Color, share: float) -> Color:
    """Colour ``a`` with a share of ``b`` in it."""
    k = 1.0 - share
    return (a[0] * k + b[0] * share, a[1] * k + b[1] * share, a[2] * k + b[2] * share)


def scale(color: Color, factor: float) -> Color:
    """The colour, brighter (above 1) or darker (below 1)."""
    return (clamp(color[0] * factor), clamp(color[1] * factor), clamp(color[2] * factor))


def luma(color: Color) -> float:
    """Brightness of the colour as the eye weighs it (Rec. 601)."""
    return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]


def hsv(hue: float, saturation: float, value: float) -> Color:
    """Colour from hue (turns), saturation and value."""
    return colorsys.hsv_to_rgb(hue % 1.0, clamp(saturation), clamp(value))


def shifted(color: Color, hue: float, saturation: float, value: float) -> Color:
    """The colour with its hue turned and its saturation and value multiplied."""
    h, s, v = colorsys.rgb_to_hsv(*color)
    return hsv(h + hue, s * saturation, v * value)


def pick(rng: np.random.Generator, palette: tuple[Color, ...], spread: float = 0.03) -> Color:
    """One colour of the palette, slightly varied."""
    color = palette[int(rng.integers(len(palette)))]
    return shifted(
        color,
        float(rng.normal(0, spread * 0.4)),
        float(rng.uniform(0.8, 1.15)),
        float(rng.uniform(0.88, 1.08)),
    )


def vivid(rng: np.random.Generator) -> Color:
    """Any colour that clothes, monsters or robots may have."""
    if rng.random() < 0.18:
        return hsv(0.0, 0.0, float(rng.choice([0.08, 0.25, 0.5, 0.8, 0.97])))
    return hsv(float(rng.random()), float(rng.uniform(0.25, 0.95)), float(rng.uniform(0.35, 1.0)))
