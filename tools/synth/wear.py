"""What light, lenses, film, tape and compression do to a finished picture."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import skia
from PIL import Image

from .colors import Color, argb, hsv
from .style import Style
from .tiles import noise_shader


@dataclass(frozen=True)
class Wear:
    """What is done to a picture after it was drawn; 0 and None leave it alone."""

    light: Color | None = None
    """Colour that everything is multiplied by (dusk, night, fire)."""
    glow: Color | None = None
    vignette: float = 0.0
    softness: float = 0.0
    grain: float = 0.0
    fade: float = 0.0
    fade_color: Color = (0.0, 0.0, 0.0)
    gamma: float = 1.0
    quality: int = 0
    """JPEG quality, 0 for none."""
    shrink: float = 1.0
    """Resolution that is left of each side."""


def make_wear(rng: np.random.Generator, style: Style, strength: float = 1.0) -> Wear:
    """Wear of a picture in a show of this style."""
    u = rng.uniform
    light: Color | None = None
    if rng.random() < 0.14 * strength:
        light = hsv(
            float(rng.choice([0.62, 0.68, 0.08, 0.03, 0.3, u()])),
            float(u(0.1, 0.5)),
            float(u(0.5, 1.0)),
        )
    fade = float(u(0.05, 0.65)) if rng.random() < 0.06 * strength else 0.0
    return Wear(
        light=light,
        glow=hsv(float(u()), float(u(0, 0.5)), 1.0) if rng.random() < 0.1 * strength else None,
        vignette=max(style.vignette, float(u(0.1, 0.5)) if rng.random() < 0.1 * strength else 0.0),
        softness=style.softness
        + (float(u(0.001, 0.007)) if rng.random() < 0.08 * strength else 0.0),
        grain=max(style.grain, float(u(0.1, 0.6)) if rng.random() < 0.12 * strength else 0.0),
        fade=fade,
        fade_color=(1.0, 1.0, 1.0) if rng.random() < 0.3 else (0.0, 0.0, 0.0),
        gamma=float(u(0.8, 1.25)) if rng.random() < 0.25 * strength else 1.0,
        quality=int(rng.choice([0, int(u(12, 40)), int(u(40, 90))], p=(0.45, 0.15, 0.4))),
        shrink=float(u(0.35, 0.9)) if rng.random() < 0.12 * strength else 1.0,
    )


def light_picture(canvas: skia.Canvas, wear: Wear, width: int, height: int, seed: int) -> None:
    """Lay light, glow, vignette, grain and fade over the picture on the canvas."""
    if wear.light is not None:
        canvas.drawPaint(skia.Paint(Color=argb(wear.light), BlendMode=skia.BlendMode.kMultiply))
    if wear.glow is not None:
        x, y = (seed % 89) / 89 * width, (seed % 53) / 53 * height * 0.6
        shader = skia.GradientShader.MakeRadial(
            skia.Point(x, y), width * 0.7, [argb(wear.glow, 0.55), argb(wear.glow, 0.0)]
        )
        canvas.drawPaint(skia.Paint(Shader=shader, BlendMode=skia.BlendMode.kScreen))
    if wear.vignette:
        shader = skia.GradientShader.MakeRadial(
            skia.Point(width / 2, height / 2),
            width * 0.65,
            [argb((0, 0, 0), 0.0), argb((0, 0, 0), 0.0), argb((0, 0, 0), min(0.95, wear.vignette))],
            [0.0, 0.45, 1.0],
        )
        canvas.drawPaint(skia.Paint(Shader=shader))
    if wear.grain:
        shader = noise_shader("grain", 256.0, seed % 251, seed % 241)
        canvas.drawPaint(
            skia.Paint(Shader=shader, BlendMode=skia.BlendMode.kOverlay, Alphaf=0.45 * wear.grain)
        )
    if wear.fade:
        canvas.drawPaint(skia.Paint(Color=argb(wear.fade_color, min(1.0, wear.fade))))


def soften(rgba: npt.NDArray[np.uint8], share: float, upright: float | None = None) -> None:
    """Blur an opaque picture (H, W, 4) in place by ``share`` of its height: small, then large.

    ``upright`` is the share up and down where it is another, as when the camera sweeps.
    """
    height, width = rgba.shape[:2]
    across = 1.0 + 1.6 * share * height
    down = across if upright is None else 1.0 + 1.6 * upright * height
    small = Image.fromarray(rgba, "RGBX").resize(
        (max(8, int(width / across)), max(8, int(height / down))), Image.Resampling.BILINEAR
    )
    rgba[...] = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
    rgba[..., 3] = 255


def store_picture(rgb: npt.NDArray[np.uint8], wear: Wear) -> npt.NDArray[np.uint8]:
    """What low resolution, tone curve and compression leave of an RGB picture (H, W, 3)."""
    height, width = rgb.shape[:2]
    if wear.gamma != 1.0:
        curve = (np.linspace(0, 1, 256) ** wear.gamma * 255 + 0.5).astype(np.uint8)
        rgb = curve[rgb]
    if wear.shrink < 1.0 or wear.quality:
        image = Image.fromarray(rgb)
        if wear.shrink < 1.0:
            image = image.resize(
                (max(8, int(width * wear.shrink)), max(8, int(height * wear.shrink))),
                Image.Resampling.BILINEAR,
            )
        if wear.quality:
            memory = io.BytesIO()
            image.save(memory, "JPEG", quality=wear.quality)
            image = Image.open(memory)
        if wear.shrink < 1.0:
            image = image.resize((width, height), Image.Resampling.BICUBIC)
        rgb = np.asarray(image.convert("RGB"))
    return np.ascontiguousarray(rgb)
