"""Stills and crops: repeatable, varied, and their boxes lie on what is drawn."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import skia

from tools.synth import (
    FAMILIES,
    look_alike,
    make_cast,
    make_identity,
    make_style,
    sample_crop,
    sample_picture,
)
from tools.synth.identities import PLANS
from tools.synth.layers import Layers
from tools.synth.pose import POSES, make_pose
from tools.synth.staging import Stand, draw_stand


def test_pictures_repeat_from_their_seed() -> None:
    for seed in range(4):
        first = sample_picture(np.random.default_rng(seed), 160, 90)
        second = sample_picture(np.random.default_rng(seed), 160, 90)
        for a, b in zip(first, second, strict=True):
            np.testing.assert_array_equal(a, b)


def test_pictures_have_valid_boxes_and_all_kinds_of_counts() -> None:
    counts = []
    for seed in range(40):
        rgb, boxes, identities, visible = sample_picture(np.random.default_rng(seed), 160, 90)
        assert rgb.shape == (90, 160, 3)
        assert rgb.dtype == np.uint8
        assert boxes.dtype == np.float32
        assert len(boxes) == len(identities) == len(visible)
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2] <= 160).all()
        assert (boxes[:, 3] <= 90).all()
        assert ((boxes[:, 2:] - boxes[:, :2]) >= 4).all()
        assert ((visible > 0) & (visible <= 1)).all()
        counts.append(len(boxes))
    assert min(counts) == 0
    assert max(counts) >= 4


@pytest.mark.parametrize("family", FAMILIES)
def test_every_plan_draws_in_every_family(family: str) -> None:
    style = make_style(np.random.default_rng(3), family)
    rng = np.random.default_rng(4)
    layers = Layers(64, 64)
    for index, plan in enumerate(PLANS):
        who = make_identity(index, style, plan)
        pose = make_pose(rng, POSES[index % len(POSES)])
        layers.clear()
        stand = Stand(who, pose, 0.5, 0.95, 0.8)
        area = layers.add(partial(draw_stand, stand=stand, height=64), True)
        boxes, visible, seen = layers.boxes()
        assert area == seen[0] > 60, plan
        assert visible[0] == 1.0
        assert boxes[0, 2] - boxes[0, 0] > 4, plan


def test_cover_hides_and_shrinks_boxes() -> None:
    layers = Layers(40, 20)
    layers.add(partial(draw_bar, left=5, right=15), True)
    layers.add(partial(draw_bar, left=10, right=30), True)
    layers.add(partial(draw_bar, left=25, right=40), False)
    boxes, visible, seen = layers.boxes()
    np.testing.assert_array_equal(boxes, [[5, 0, 10, 20], [10, 0, 25, 20]])
    np.testing.assert_allclose(visible, [0.5, 0.75])
    np.testing.assert_array_equal(seen, [100, 300])


def draw_bar(canvas: skia.Canvas, left: int, right: int) -> None:
    canvas.drawRect(skia.Rect.MakeLTRB(left, 0, right, 20), skia.Paint(Color=0xFFFF0000))


def test_look_alikes_differ_but_stay_of_one_kind() -> None:
    for seed in range(30):
        who = make_identity(seed)
        twin = look_alike(who, np.random.default_rng(seed))
        assert twin.seed != who.seed
        assert twin.style == who.style
        assert twin.plan == who.plan
        changed = [k for k, v in vars(who).items() if v != getattr(twin, k) and k != "seed"]
        assert 1 <= len(changed) <= 14


def test_casts_share_a_style_and_hold_different_people() -> None:
    cast = make_cast(7, 6)
    assert len({who.seed for who in cast}) == 6
    assert len({who.style for who in cast}) == 1
    assert cast == make_cast(7, 6)


def test_crops_show_the_same_identity_differently() -> None:
    who = make_identity(11)
    crops = [sample_crop(who, np.random.default_rng(seed), 48)[0] for seed in range(4)]
    assert all(crop.shape == (48, 48, 3) and crop.dtype == np.uint8 for crop in crops)
    again = sample_crop(who, np.random.default_rng(2), 48)[0]
    np.testing.assert_array_equal(crops[2], again)
    assert np.abs(crops[0].astype(int) - crops[1]).mean() > 2


def test_a_crop_says_where_its_box_lies() -> None:
    crops, found = [], []
    for seed in range(12):
        crop, inside = sample_crop(make_identity(seed), np.random.default_rng(seed), 64)
        crops.append(crop)
        found.append(inside)
    low, high = np.hsplit(np.array(found), 2)
    sides = high - low
    # The longer side fills the square but for the margin, the middle is the box's.
    assert np.median(sides.max(1)) == pytest.approx(1 / 1.1, abs=0.02)
    assert np.median(np.abs((low + high) / 2 - 0.5)) < 0.05
    assert len({crop.tobytes() for crop in crops}) == 12


def test_a_crop_can_show_others_of_the_cast() -> None:
    who, *others = make_cast(3, 5)
    alone = [sample_crop(who, np.random.default_rng(k), 32)[0] for k in range(8)]
    beside = [sample_crop(who, np.random.default_rng(k), 32, others)[0] for k in range(8)]
    assert any((a != b).any() for a, b in zip(alone, beside, strict=True))


def test_a_picture_shows_the_characters_asked_for() -> None:
    shown = make_cast(5, 3, alike=0.0)
    _, boxes, seeds, visible = sample_picture(np.random.default_rng(1), 320, 180, shown)
    assert len(boxes) == len(seeds) == len(visible) > 0
    assert set(seeds.tolist()) <= {who.seed for who in shown}
