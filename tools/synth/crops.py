"""Random pictures of one given character, to train embedders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
import skia

from . import props
from .identities import Identity, make_identity
from .layers import Layers
from .pen import Pen
from .pose import make_pose
from .scenery import Scene, make_scene
from .staging import Stand, cel_light, draw_stand, head_height
from .wear import light_picture, make_wear, soften, store_picture


def sample_crop(
    identity: Identity,
    rng: np.random.Generator,
    size: int = 128,
    others: Sequence[Identity] = (),
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """The character in any pose, view, light and place of its show, cut out by a jittered box.

    One of ``others`` stands near it, behind or before it, in half of the crops; when none are
    given a stranger stands behind it in a quarter.

    Returns RGB of shape (size, size, 3), and where the box lies in it, ``xyxy`` in shares of its
    side; it is cut square around a box that is a little off, as a detector's boxes are.
    """
    style = identity.style
    u = rng.uniform
    # A picture around the character: its box is cut out afterwards.
    fine = size * float(u(0.7, 1.5)) if rng.random() < 0.75 else size * float(u(0.3, 0.7))
    side = max(24, int(fine))
    layers = Layers(side * 2, side * 2)
    frame = float(side * 2)
    scene = make_scene(rng, style)
    _draw_part(scene, layers, rng, side * 2)
    if rng.random() < 0.4:
        soften(layers.rgba, float(u(0.004, 0.03)))
    pose = make_pose(rng)
    zoom, x, y = 0.5 * float(u(0.9, 1.1)), 0.5, 0.92
    if rng.random() < 0.4:
        # The frame cuts the body: framed by the head, as close shots are.
        up, aside, tall = head_height(identity, pose)
        zoom = max(zoom, float(u(0.25, 0.75)) / (2 * tall))
        x, y = 0.5 - aside * zoom, float(u(0.3, 0.5)) + up * zoom
    stand = Stand(identity, pose, x, y, zoom)
    beside: Stand | None = None
    if rng.random() < (0.5 if others else 0.25):
        other = (
            others[int(rng.integers(len(others)))]
            if others
            else make_identity(int(rng.integers(1 << 62)), style)
        )
        near, far = (0.15, 0.4) if others else (0.25, 0.5)
        beside = Stand(
            other,
            make_pose(rng),
            0.5 + float(rng.choice([-1, 1]) * u(near, far)),
            y,
            stand.size * float(u(0.8, 1.1)),
        )
    before = beside is not None and bool(others) and rng.random() < 0.35
    if beside is not None and not before:
        draw_stand(layers.canvas, beside, frame)
    light = cel_light(rng, style, side * 2, side * 2)
    layers.add(partial(draw_stand, stand=stand, height=frame), True, light)
    if beside is not None and before:
        layers.add(partial(draw_stand, stand=beside, height=frame), False, light)
    if rng.random() < 0.2:
        prop = props.NEAR[int(rng.integers(len(props.NEAR)))]
        seed = int(rng.integers(1 << 30))
        left, foot = frame * float(u(0.3, 0.7)), frame * float(u(0.95, 1.1))
        cover_high = frame * float(u(0.2, 0.45))

        def cover(canvas: skia.Canvas) -> None:
            pen = Pen(canvas, style, 1.0, seed)
            props.place(pen, prop, np.random.default_rng(seed), left, foot, cover_high)

        layers.add(cover, False)
    boxes, _, _ = layers.boxes()
    box = boxes[0]
    if box[2] - box[0] < 6 or box[3] - box[1] < 6:
        box = np.array([frame * 0.2, frame * 0.1, frame * 0.8, frame * 0.95], np.float32)
    wear = replace(make_wear(rng, style), fade=0.0)
    if wear.softness:
        soften(layers.rgba, wear.softness)
    light_picture(layers.canvas, wear, side * 2, side * 2, int(rng.integers(1 << 30)))
    # Square and a tenth wider than the box's longer side, moved inside: as ``Picture.crops`` cuts.
    jitter = rng.normal(0, 0.05, 4) * np.tile(box[2:] - box[:2], 2)
    low, high = np.hsplit(box + jitter, 2)
    half = min(float((high - low).max()) * 0.55, frame / 2)
    middle = np.clip((low + high) / 2, half, frame - half)
    cut = skia.Rect.MakeLTRB(*(float(v) for v in (*(middle - half), *(middle + half))))
    out = skia.Surface(size, size)
    out.getCanvas().drawImageRect(
        layers.surface.makeImageSnapshot(),
        cut,
        skia.Rect.MakeWH(size, size),
        skia.SamplingOptions(skia.FilterMode.kLinear, skia.MipmapMode.kLinear),
    )
    rgb = np.ascontiguousarray(out.toarray(colorType=skia.kRGBA_8888_ColorType)[..., :3])
    inside = (np.concatenate([low, high]) - np.tile(middle - half, 2)) / (2 * half)
    return store_picture(rgb, wear), inside.astype(np.float32)


def _draw_part(scene: Scene, layers: Layers, rng: np.random.Generator, side: int) -> None:
    """Draw a random part of a scene, seen from nearer or farther, over the layers' canvas."""
    canvas = layers.canvas
    canvas.save()
    zoom = float(rng.uniform(1.0, 2.2))
    canvas.translate(
        -float(rng.uniform(0, 1)) * side * (zoom * 1.5 - 1),
        -float(rng.uniform(0, 1)) * side * (zoom - 1),
    )
    canvas.scale(zoom, zoom)
    scene.draw(canvas, int(side * 1.5), side)
    canvas.restore()
