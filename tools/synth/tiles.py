"""Grey tiles of noise that repeat without seams: the grain of papers, coats, leaves and stones."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import skia

from .colors import argb

KINDS = ("grain", "cloud", "fur", "leaf", "bark", "stone", "dots")


@lru_cache(maxsize=8)
def noise_tile(kind: str, size: int = 256) -> skia.Image:
    """One tile: "grain", "cloud", "fur" (streaks), "leaf", "bark", "stone" or "dots" (a screen)."""
    if kind == "leaf":
        return _leaves(size)
    rng = np.random.default_rng(len(kind))
    fy = np.fft.fftfreq(size)[:, None] * size
    fx = np.fft.rfftfreq(size)[None, :] * size

    def field(weight: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        spectrum = np.fft.rfft2(rng.normal(size=(size, size)))
        noise = np.fft.irfft2(spectrum * weight, s=(size, size))
        return np.asarray(noise / noise.std(), np.float64)

    if kind == "cloud":
        level = field(1.0 / (3.0 + np.hypot(fx, fy)) ** 1.6) * 30 + 128
    elif kind == "fur":
        level = field(np.exp(-(((np.hypot(fx, fy * 0.35) - 30) / 22) ** 2))) * 34 + 128
    elif kind == "bark":
        # Furrows that run up and down: where long narrow waves cross zero.
        ridges = np.abs(field(np.exp(-(((np.hypot(fx, fy * 4.0) - 11) / 6) ** 2))))
        level = 60 + 105 * np.minimum(ridges, 1.3) + 16 * field(np.exp(-((fx / 70) ** 2)))
    elif kind == "stone":
        # Turbulence (Perlin, "An image synthesizer", 1985): absolute noise, octave upon octave.
        level = np.full((size, size), 60.0)
        for octave in (4, 8, 16, 32):
            band = np.exp(-(((np.hypot(fx, fy) - octave) / (0.6 * octave)) ** 2))
            level = level + 230.0 / octave**0.7 * np.abs(field(band)) ** 0.7
    elif kind == "dots":
        y, x = np.mgrid[:size, :size] * (2 * np.pi * 32 / size)
        level = np.where(np.cos(x) * np.cos(y) > 0.35, 0.0, 255.0)
    else:
        level = field(np.exp(-((np.hypot(fx, fy) / 70) ** 2))) * 34 + 128
    grey = np.clip(level, 0, 255).astype(np.uint8)
    rgba = np.dstack([grey, grey, grey, np.full_like(grey, 255)])
    return skia.Image.fromarray(np.ascontiguousarray(rgba))


def _leaves(size: int) -> skia.Image:
    """Overlapping light and dark leaves: what foliage looks like from afar."""
    rng = np.random.default_rng(9)
    surface = skia.Surface(size, size)
    canvas = surface.getCanvas()
    canvas.clear(0xFF606060)
    for i in range(900):
        x, y, turn = rng.uniform(0, size), rng.uniform(0, size), rng.uniform(0, 180)
        long, level = rng.uniform(3, 11), float(rng.uniform(0.12, 0.92)) * (0.4 + 0.6 * i / 900)
        for dx in (-size, 0, size):
            for dy in (-size, 0, size):
                if -16 < x + dx < size + 16 and -16 < y + dy < size + 16:
                    canvas.save()
                    canvas.translate(x + dx, y + dy)
                    canvas.rotate(turn)
                    canvas.drawOval(
                        skia.Rect.MakeLTRB(-long, -long * 0.42, long, long * 0.42),
                        skia.Paint(AntiAlias=True, Color=argb((level, level, level))),
                    )
                    canvas.restore()
    return surface.makeImageSnapshot()


def noise_shader(kind: str, size: float, dx: float = 0.0, dy: float = 0.0) -> skia.Shader:
    """The tile as a shader, one tile ``size`` units wide, moved by (dx, dy)."""
    matrix = skia.Matrix.Translate(dx, dy).preScale(size / 256, size / 256)
    return noise_tile(kind).makeShader(
        skia.TileMode.kRepeat,
        skia.TileMode.kRepeat,
        skia.SamplingOptions(skia.FilterMode.kLinear),
        matrix,
    )
