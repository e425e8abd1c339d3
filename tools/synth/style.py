"""How a show looks: rendering family, line, shading, palette, and wear of the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .colors import BLACK, Color, hsv, luma, mix, scale, shifted

FAMILIES = (
    "flat",
    "outlined",
    "soft",
    "pencil",
    "retro",
    "anime",
    "storybook",
    "cutout",
    "ink",
    "cel",
    "watercolour",
    "manga",
)
_SHARES = (0.1, 0.16, 0.22, 0.06, 0.08, 0.12, 0.06, 0.04, 0.04, 0.06, 0.03, 0.03)


@dataclass(frozen=True)
class Style:
    """One show's look; every character and background of the show is drawn with it."""

    family: str
    line: float
    """Width of outlines in units of a hundredth of a character's height; 0 for none."""
    line_kind: str
    """"black", "tone" (a darker shade of what it surrounds) or "sketch" (doubled, shaky)."""
    line_color: Color
    shade: str
    """"flat", "cel" (one hard shadow), "soft" (round, 3D-like), "paper", "hatch" or "screen"
    (dots, as comics are printed)."""
    contrast: float
    """How much darker shadows are than lit parts, 0..1."""
    wobble: float
    """Shakiness of outlines, in the units of ``line``."""
    saturation: float
    value: float
    gray: bool
    tint: Color
    tint_share: float
    texture: float
    """Strength of grain inside painted surfaces, 0..1."""
    fur: bool
    light: tuple[float, float]
    """Direction towards the light on the picture, y downwards, unit length."""
    eyes: str
    """Preferred kind of eyes, or "any"."""
    build: str
    """Proportions of people: "real" (seven heads and small eyes), "chibi" (two heads) or "any"."""
    scenery: str
    """How backgrounds are done: "vector", "painted", "soft", "sketch" or "plain"."""
    grain: float
    vignette: float
    softness: float
    """Blur of the whole picture as a share of its height."""
    hold: int
    """Pictures of film for which one drawing is held."""

    def tone(self, color: Color) -> Color:
        """The colour as this show's palette has it."""
        color = shifted(color, 0.0, self.saturation, self.value)
        if self.gray:
            level = luma(color)
            level = min(1.0, max(0.0, (level - 0.5) * 1.15 + 0.5))
            color = (level, level, level)
        return mix(color, self.tint, self.tint_share) if self.tint_share else color

    def outline_of(self, color: Color) -> Color:
        """The colour of the outline around a surface of this (already toned) colour."""
        return (
            scale(mix(color, self.line_color, 0.25), 0.45)
            if self.line_kind == "tone"
            else (self.line_color)
        )


def make_style(rng: np.random.Generator, family: str | None = None) -> Style:
    """A new show's look, within one rendering family."""
    name = family or str(rng.choice(FAMILIES, p=_SHARES))
    angle = float(rng.uniform(-2.6, -0.5))
    u = rng.uniform
    dark = mix(BLACK, hsv(float(u()), 0.6, 0.3), float(u(0, 0.6)))
    base = {
        "family": name,
        "line": 0.0,
        "line_kind": "black",
        "line_color": BLACK if rng.random() < 0.6 else dark,
        "shade": "flat",
        "contrast": float(u(0.2, 0.5)),
        "wobble": 0.0,
        "saturation": float(u(0.75, 1.2)),
        "value": float(u(0.85, 1.1)),
        "gray": False,
        "tint": hsv(float(u()), 0.5, float(u(0.4, 1.0))),
        "tint_share": float(u(0, 0.12)),
        "texture": 0.0,
        "fur": False,
        "light": (math.cos(angle), math.sin(angle)),
        "eyes": "any",
        "build": "any",
        "scenery": str(rng.choice(["vector", "vector", "painted", "plain"])),
        "grain": 0.0,
        "vignette": 0.0,
        "softness": 0.0,
        "hold": int(rng.choice([1, 2, 2, 3])),
    }
    look: dict[str, object] = {}
    if name == "flat":
        look = {"shade": str(rng.choice(["flat", "flat", "cel"]))}
    elif name == "outlined":
        look = {
            "line": float(rng.choice([u(0.5, 1.0), u(1.0, 2.2)])),
            "line_kind": str(rng.choice(["black", "black", "tone"])),
            "shade": str(rng.choice(["flat", "flat", "cel", "soft"], p=(0.4, 0.2, 0.3, 0.1))),
            "wobble": float(rng.choice([0.0, 0.0, u(0.1, 0.4)])),
        }
    elif name == "soft":
        look = {
            "shade": "soft",
            "contrast": float(u(0.35, 0.75)),
            "texture": float(u(0, 0.7)),
            "fur": bool(rng.random() < 0.6),
            "scenery": str(rng.choice(["soft", "soft", "painted"])),
            "softness": float(rng.choice([0.0, u(0.001, 0.004)])),
            "vignette": float(u(0, 0.4)),
            "hold": 1,
            "eyes": str(rng.choice(["any", "round", "round"])),
            "build": str(rng.choice(["any", "real"], p=(0.65, 0.35))),
        }
    elif name == "pencil":
        look = {
            "line": float(u(0.4, 1.1)),
            "line_kind": "sketch",
            "shade": str(rng.choice(["paper", "paper", "hatch", "flat"])),
            "wobble": float(u(0.3, 0.9)),
            "saturation": float(u(0.1, 0.8)),
            "scenery": str(rng.choice(["sketch", "sketch", "plain"])),
            "texture": float(u(0, 0.4)),
            "hold": int(rng.choice([2, 3, 4])),
        }
    elif name == "retro":
        look = {
            "line": float(u(0.8, 2.0)),
            "gray": bool(rng.random() < 0.7),
            "saturation": float(u(0.4, 0.9)),
            "tint": (0.85, 0.72, 0.5),
            "tint_share": float(rng.choice([0.0, u(0.05, 0.3)])),
            "eyes": str(rng.choice(["pie", "oval", "any"])),
            "scenery": str(rng.choice(["painted", "vector"])),
            "grain": float(u(0.0, 0.6)),
            "vignette": float(u(0.1, 0.7)),
            "softness": float(u(0.0, 0.005)),
            "hold": int(rng.choice([1, 2, 2])),
        }
    elif name == "anime":
        look = {
            "line": float(u(0.3, 0.8)),
            "line_kind": str(rng.choice(["black", "tone"])),
            "shade": "cel",
            "eyes": str(rng.choice(["anime", "anime", "any"])),
            "scenery": str(rng.choice(["painted", "painted", "soft", "vector"])),
            "softness": float(rng.choice([0.0, u(0.0, 0.003)])),
            "grain": float(rng.choice([0.0, u(0.0, 0.3)])),
            "build": str(rng.choice(["any", "real", "chibi"], p=(0.5, 0.3, 0.2))),
            "hold": int(rng.choice([2, 3, 3, 4])),
        }
    elif name == "storybook":
        look = {
            "shade": str(rng.choice(["soft", "flat", "cel"])),
            "texture": float(u(0.4, 1.0)),
            "scenery": "painted",
            "line": float(rng.choice([0.0, u(0.3, 0.7)])),
            "line_kind": "tone",
            "wobble": float(u(0.0, 0.5)),
        }
    elif name == "cutout":
        look = {
            "shade": "flat",
            "texture": float(u(0.2, 0.6)),
            "scenery": str(rng.choice(["vector", "painted"])),
            "hold": int(rng.choice([2, 3, 4])),
        }
    elif name == "ink":
        look = {
            "line": float(u(0.8, 2.4)),
            "shade": str(rng.choice(["paper", "flat"])),
            "gray": True,
            "scenery": str(rng.choice(["plain", "sketch", "vector"])),
            "tint_share": 0.0,
        }
    elif name == "cel":
        # Painted on sheets over painted backgrounds, then faded, scratched and copied.
        look = {
            "line": float(u(0.4, 1.3)),
            "line_kind": str(rng.choice(["black", "black", "tone"])),
            "shade": str(rng.choice(["flat", "flat", "cel"])),
            "wobble": float(rng.choice([0.0, u(0.1, 0.3)])),
            "saturation": float(u(0.5, 1.1)),
            "value": float(u(0.7, 1.0)),
            "tint": hsv(float(rng.choice([0.08, 0.13, 0.55, 0.95])), 0.5, float(u(0.4, 0.9))),
            "tint_share": float(u(0.0, 0.3)),
            "build": str(rng.choice(["any", "any", "real"])),
            "scenery": "painted",
            "grain": float(u(0.0, 0.5)),
            "vignette": float(rng.choice([0.0, u(0.0, 0.4)])),
            "softness": float(u(0.0, 0.005)),
            "hold": int(rng.choice([1, 2, 2, 3])),
        }
    elif name == "watercolour":
        look = {
            "line": float(rng.choice([0.0, u(0.3, 0.8)])),
            "line_kind": str(rng.choice(["tone", "sketch"])),
            "shade": str(rng.choice(["paper", "flat", "soft"])),
            "wobble": float(u(0.2, 0.7)),
            "saturation": float(u(0.4, 1.0)),
            "texture": float(u(0.5, 1.0)),
            "tint": (1.0, 0.98, 0.9),
            "tint_share": float(u(0.0, 0.35)),
            "scenery": str(rng.choice(["painted", "painted", "sketch"])),
        }
    elif name == "manga":
        look = {
            "line": float(u(0.3, 0.9)),
            "shade": "screen",
            "gray": True,
            "eyes": str(rng.choice(["anime", "anime", "any"])),
            "build": str(rng.choice(["any", "real", "chibi"], p=(0.4, 0.4, 0.2))),
            "scenery": str(rng.choice(["plain", "vector", "sketch"])),
            "tint_share": 0.0,
            "hold": int(rng.choice([2, 3, 4])),
        }
    return Style(**{**base, **look})  # type: ignore[arg-type]
