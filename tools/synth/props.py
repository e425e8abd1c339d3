"""Things that are no characters: each stands on (0, 0), is about 100 units high, y downwards."""

from __future__ import annotations

import numpy as np

from .colors import DARK
from .pen import Pen, oval
from .props_decoy import (
    blossom,
    board,
    egg,
    emblem,
    grave,
    lantern,
    mushroom,
    portrait,
    telescope,
    tractor,
)
from .props_indoor import ball, book, chair, clock, cup, frame, machine, pot, shelf, table
from .props_nature import (
    Prop,
    bush,
    flower,
    fruit,
    grass,
    lamp_tree,
    pelt,
    rock,
    tree,
)
from .props_solid import boulder, heap, log, pinnacle, stump, trunk
from .props_street import (
    balloon,
    barrel,
    bicycle,
    boat,
    car,
    crate,
    fence,
    house,
    ladder,
    lamp,
    plane,
    sign,
    statue,
    umbrella,
)

OUTDOOR: tuple[Prop, ...] = (
    tree,
    tree,
    tree,
    bush,
    bush,
    rock,
    flower,
    grass,
    fence,
    lamp_tree,
    house,
    barrel,
    pelt,
    trunk,
    trunk,
    stump,
    log,
    boulder,
    boulder,
    pinnacle,
    heap,
    lantern,
    mushroom,
    blossom,
    blossom,
    grave,
    egg,
    tractor,
)
STREET: tuple[Prop, ...] = (
    car,
    car,
    car,
    lamp,
    sign,
    house,
    bicycle,
    statue,
    tree,
    crate,
    umbrella,
    balloon,
    fence,
    ladder,
    emblem,
    portrait,
    telescope,
    tractor,
    lantern,
    boulder,
    blossom,
    grave,
)
INDOOR: tuple[Prop, ...] = (
    chair,
    chair,
    table,
    lamp,
    pot,
    shelf,
    crate,
    machine,
    machine,
    ball,
    book,
    barrel,
    umbrella,
    pelt,
    ladder,
    cup,
    portrait,
    telescope,
    egg,
    lantern,
    board,
    blossom,
    emblem,
)
WALL: tuple[Prop, ...] = (frame, frame, clock, frame, portrait, portrait, emblem)
AIR: tuple[Prop, ...] = (plane, balloon, ball)
ANY: tuple[Prop, ...] = (*OUTDOOR, *STREET, *INDOOR, boat, plane, fruit)
HELD: tuple[Prop, ...] = (board, board, ball, book, egg, fruit, flower, umbrella, crate, lantern)
"""What somebody may hold before the body."""
RIDDEN: tuple[Prop, ...] = (tractor, car, boat, bicycle, barrel, log, boulder, stump)
NEAR: tuple[Prop, ...] = (
    bush,
    bush,
    grass,
    grass,
    flower,
    rock,
    rock,
    lamp_tree,
    shelf,
    machine,
    lamp,
    sign,
    statue,
    fence,
    crate,
    chair,
    table,
    pot,
    barrel,
    car,
    tree,
    pelt,
    trunk,
    trunk,
    stump,
    log,
    boulder,
    boulder,
    pinnacle,
    blossom,
    telescope,
    tractor,
    lantern,
)


def place(
    pen: Pen,
    prop: Prop,
    rng: np.random.Generator,
    x: float,
    y: float,
    height: float,
    turn: float = 0.0,
) -> None:
    """Draw a prop on a canvas in pixels: its foot at (x, y), ``height`` pixels high."""
    k = height / 100
    canvas = pen.canvas
    canvas.save()
    canvas.translate(x, y)
    if turn:
        canvas.rotate(turn)
    canvas.scale(k * (-1 if rng.random() < 0.5 else 1), k)
    if not turn and rng.random() < 0.3:
        pen.plain(oval(0, 0, float(rng.uniform(30, 80)), float(rng.uniform(3, 9))), DARK, 0.35)
    prop(Pen(canvas, pen.style, k * pen.unit, int(rng.integers(1 << 30))), rng)
    canvas.restore()
