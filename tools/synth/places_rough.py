"""Places full of solid, textured things seen from near by; drawn like ``places_nature``."""

from __future__ import annotations

import numpy as np

from . import props
from .colors import LEAF, STONE, WHITE, WOOD, hsv, mix, pick, scale, vivid
from .pen import Pen, lump, polygon, rect
from .places_nature import draw_blades, draw_hills, draw_sky, scatter
from .props_nature import bush, grass
from .props_solid import boulder, heap, log, pinnacle, stump, trunk


def grove(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    """Among large trees: trunks near and far, stumps, boulders, spots of sun on the ground."""
    deep = hsv(
        float(rng.uniform(0.12, 0.5)), float(rng.uniform(0.15, 0.7)), float(rng.uniform(0.2, 0.9))
    )
    draw_sky(pen, mix(deep, WHITE, float(rng.uniform(0, 0.7))), deep, wide, ground)
    if rng.random() < 0.7:
        back = rect(-5, -5, wide + 5, ground + 4)
        pen.texture(back, "leaf", float(rng.uniform(20, 90)), float(rng.uniform(0.1, 0.6)))
    soil = mix(deep, pick(rng, (*WOOD, *LEAF)), float(rng.uniform(0.3, 0.9)))
    floor = rect(-5, ground, wide + 5, 110)
    scatter(pen, rng, (trunk, bush), int(rng.integers(0, 6)), wide, ground - 6, (30, 75))
    pen.fill(floor, soil, 0.6, 0.4)
    tile = str(rng.choice(["leaf", "stone", "cloud", "fur"]))
    pen.texture(floor, tile, float(rng.uniform(12, 60)), float(rng.uniform(0.1, 0.6)))
    if rng.random() < 0.5:
        draw_blades(pen, rng, wide, ground, mix(soil, deep, 0.5), int(rng.integers(40, 400)))
    for _ in range(int(rng.integers(0, 8))):
        x, y = float(rng.uniform(0, wide)), float(rng.uniform(ground + 3, 100))
        r = float(rng.uniform(2, 14))
        pen.plain(lump(x, y, r * 1.8, r * 0.35), mix(soil, WHITE, 0.5), 0.4)
    for _ in range(int(1 + 3.5 * clutter)):
        x, high = float(rng.uniform(0, wide)), float(rng.uniform(40, 130))
        props.place(pen, trunk, rng, x, ground + float(rng.uniform(0, 25)), high)
    kinds = (stump, log, boulder, boulder, bush, grass, heap)
    scatter(pen, rng, kinds, int(1 + 6 * clutter), wide, ground + 3, (8, 34))


def canyon(pen: Pen, rng: np.random.Generator, wide: float, ground: float, clutter: float) -> None:
    """Rocks: cliffs behind, boulders and pillars of stone in front."""
    stone = mix(pick(rng, (*STONE, *WOOD)), hsv(float(rng.random()), 0.5, 0.6), 0.3)
    sky = mix(vivid(rng), WHITE, float(rng.uniform(0.3, 0.9)))
    draw_sky(pen, sky, mix(sky, stone, 0.3), wide, ground)
    draw_hills(pen, rng, wide, ground - 12, mix(stone, sky, 0.6), 12)
    for _ in range(int(1 + 4 * clutter)):
        x, w = float(rng.uniform(0, wide)), float(rng.uniform(8, 45))
        top = float(rng.uniform(-10, ground * 0.8))
        n = int(rng.integers(3, 7))
        edge = [(x - w + 2 * w * k / n, top + float(rng.uniform(-6, 6))) for k in range(n + 1)]
        cliff = polygon([(x - w * 1.2, ground + 4), *edge, (x + w * 1.2, ground + 4)])
        pen.fill(cliff, scale(stone, float(rng.uniform(0.6, 1.1))), 1.0, 0.5)
        pen.texture(cliff, "stone", float(rng.uniform(20, 90)), float(rng.uniform(0.2, 0.9)))
        pen.round_off(cliff, float(rng.uniform(0.1, 0.6)))
    floor = rect(-5, ground, wide + 5, 110)
    pen.fill(floor, mix(stone, WHITE, 0.15), 0.6, 0.3)
    pen.texture(floor, "stone", float(rng.uniform(15, 60)), float(rng.uniform(0.05, 0.5)))
    kinds = (boulder, boulder, pinnacle, pinnacle, heap, log)
    scatter(pen, rng, kinds, int(2 + 7 * clutter), wide, ground, (10, 55))
