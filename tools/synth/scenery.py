"""Backgrounds: places, plain colours, abstract fields and clutter, drawn in a style."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import skia

from .pen import Pen
from .places_built import city, room, space, stage
from .places_nature import cave, desert, foliage, forest, meadow, night, sea, snow
from .places_plain import credits, gradient, leaves, open_sky, paint, pattern, plain, rays
from .places_rough import canyon, grove
from .style import Style
from .tiles import noise_shader

PLACES = (
    "meadow",
    "forest",
    "room",
    "city",
    "sea",
    "desert",
    "night",
    "space",
    "plain",
    "gradient",
    "rays",
    "pattern",
    "paint",
    "leaves",
    "foliage",
    "credits",
    "cave",
    "snow",
    "stage",
    "sky",
    "grove",
    "canyon",
)
_SHARES = (
    0.12,
    0.06,
    0.14,
    0.09,
    0.04,
    0.02,
    0.04,
    0.03,
    0.05,
    0.04,
    0.02,
    0.02,
    0.03,
    0.03,
    0.04,
    0.02,
    0.02,
    0.02,
    0.01,
    0.01,
    0.11,
    0.04,
)


@dataclass(frozen=True)
class Scene:
    """One place, always drawn the same from its seed."""

    place: str
    seed: int
    style: Style
    clutter: float
    """How much stands around, 0 to 1."""

    @property
    def ground(self) -> float:
        """Height of the line where the ground begins, as a share of the picture's height."""
        return 0.45 + 0.4 * ((self.seed * 7919) % 1000) / 1000

    def draw(self, canvas: skia.Canvas, width: int, height: int) -> None:
        """Draw the place over the whole picture (pixels)."""
        rng = np.random.default_rng((self.seed, 11))
        pen = Pen(canvas, _calm(self.style), height / 100, self.seed)
        canvas.save()
        canvas.scale(height / 100, height / 100)
        _PLACES[self.place](pen, rng, 100.0 * width / height, self.ground * 100, self.clutter)
        canvas.restore()
        if self.style.scenery in ("painted", "soft", "sketch") and self.place != "plain":
            strength = {"painted": 0.55, "soft": 0.3, "sketch": 0.25}[self.style.scenery]
            grain = skia.Paint(
                Shader=noise_shader("cloud", height * float(rng.uniform(0.3, 1.4)), self.seed % 97),
                BlendMode=skia.BlendMode.kSoftLight,
                Alphaf=strength * float(rng.uniform(0.3, 1.0)),
            )
            canvas.drawPaint(grain)


def make_scene(rng: np.random.Generator, style: Style, place: str | None = None) -> Scene:
    """A place of a show."""
    if place is None:
        if style.scenery == "plain" and rng.random() < 0.5:
            place = str(rng.choice(["plain", "gradient", "pattern"]))
        else:
            place = str(rng.choice(PLACES, p=_SHARES))
    return Scene(place, int(rng.integers(1 << 30)), style, float(rng.uniform(0.0, 1.0)))


def _calm(style: Style) -> Style:
    """The style as backgrounds use it: thinner lines or none, no fur."""
    line = style.line * (0.0 if style.scenery in ("painted", "soft") else 0.55)
    shade = {"soft": "soft", "painted": "flat", "vector": style.shade, "plain": style.shade}.get(
        style.scenery, "screen" if style.shade == "screen" else "paper"
    )
    return replace(style, line=line, shade=shade, fur=False, wobble=style.wobble * 0.7)


_PLACES = {
    "meadow": meadow,
    "forest": forest,
    "room": room,
    "city": city,
    "sea": sea,
    "desert": desert,
    "night": night,
    "space": space,
    "plain": plain,
    "gradient": gradient,
    "rays": rays,
    "pattern": pattern,
    "paint": paint,
    "leaves": leaves,
    "foliage": foliage,
    "credits": credits,
    "cave": cave,
    "snow": snow,
    "stage": stage,
    "sky": open_sky,
    "grove": grove,
    "canyon": canyon,
}
