"""Things that are no characters: each can be drawn in every family, and its tiles have no seams."""

from __future__ import annotations

import numpy as np
import pytest

from tools.synth import FAMILIES, make_style, props
from tools.synth.layers import Layers
from tools.synth.pen import Pen
from tools.synth.scenery import PLACES, make_scene
from tools.synth.tiles import KINDS, noise_tile

ALL = {
    prop.__name__: prop
    for kinds in (props.ANY, props.STREET, props.INDOOR, props.WALL, props.NEAR, props.HELD)
    for prop in kinds
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_prop_draws_and_stands_where_it_is_put(family: str) -> None:
    style = make_style(np.random.default_rng(3), family)
    layers = Layers(120, 120)
    for seed, (name, prop) in enumerate(ALL.items()):

        def draw(canvas: object, prop: props.Prop = prop, seed: int = seed) -> None:
            rng = np.random.default_rng(seed)
            props.place(Pen(canvas, style, 1.0, seed), prop, rng, 60, 90, 40)

        layers.clear()
        assert layers.add(draw, True) > 40, name
        left, top, right, bottom = layers.boxes()[0][0]
        assert left < 75 and right > 45, name
        assert 5 <= top < 80 < bottom + 25, name


def test_every_place_fills_the_picture_and_repeats() -> None:
    style = make_style(np.random.default_rng(5), "soft")
    for place in PLACES:
        pictures = []
        for _ in range(2):
            layers = Layers(64, 36)
            make_scene(np.random.default_rng(7), style, place).draw(layers.canvas, 64, 36)
            pictures.append(layers.rgba.copy())
        np.testing.assert_array_equal(*pictures)
        assert pictures[0][..., 3].min() > 170, place


@pytest.mark.parametrize("kind", KINDS)
def test_tiles_repeat_without_seams(kind: str) -> None:
    tile = noise_tile(kind).toarray()[..., 0].astype(float)
    assert tile.std() > 15
    inside = np.abs(np.diff(tile, axis=0)).mean(), np.abs(np.diff(tile, axis=1)).mean()
    seams = np.abs(tile[0] - tile[-1]).mean(), np.abs(tile[:, 0] - tile[:, -1]).mean()
    assert seams[0] < 2 * inside[0] + 2
    assert seams[1] < 2 * inside[1] + 2
