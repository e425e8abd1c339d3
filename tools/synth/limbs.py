"""Arms, legs, hands and feet."""

from __future__ import annotations

import math

import skia

from .colors import WHITE
from .pen import Point, lump, oval, polygon, rect, tube
from .pose import Arm, Leg
from .puppet import Figure


def leg_points(
    fig: Figure, leg: Leg, side: int, length: float | None = None, out: float | None = None
) -> list[tuple[float, float, float]]:
    """Hip, knee and ankle in space, the hip at height 0."""
    who = fig.who
    span = (length if length is not None else who.legs) * 0.5
    x = side * (out if out is not None else who.hip * 0.5)
    spread = math.sin(leg.spread) * side
    knee = (
        x + span * spread,
        span * math.cos(leg.swing) * math.cos(leg.spread),
        span * math.sin(leg.swing),
    )
    back = leg.swing - leg.knee
    ankle = (
        knee[0] + span * spread,
        knee[1] + span * math.cos(back) * math.cos(leg.spread),
        knee[2] + span * math.sin(back),
    )
    return [(x, 0.0, 0.0), knee, ankle]


def add_leg(fig: Figure, side: int, leg: Leg, points: list[tuple[float, float, float]]) -> None:
    """Add a leg with its trousers and its foot."""
    who = fig.who
    joints = [fig.at(*p) for p in points]
    thick = who.limb * 1.15
    top = max(thick * 1.3, who.hip * 0.42) if who.plan == "human" else thick * 1.4
    radii = [top, thick * 1.1, thick * 0.85] if not who.hose else [thick] * 3
    bare = who.bottom_kind in ("none", "skirt", "shorts")
    color = who.skin if bare else who.bottom
    limb = tube(joints, radii, who.hose)
    upper = None
    if who.bottom_kind == "shorts":
        mid = tuple((a + b) / 2 for a, b in zip(joints[0], joints[1], strict=True))
        upper = tube([joints[0], mid, joints[1]], [top * 1.1, thick * 1.5, thick * 1.4])  # type: ignore[list-item]
    ankle = points[2]
    forward = math.sin(leg.swing - leg.knee) * 0.3 + 0.7
    size = who.foot_size * (who.limb * 0.9 + 1.2)
    long = size * (1.9 if who.foot in ("shoe", "boot", "paw") else 2.6)
    fx, fy = fig.at(ankle[0], ankle[1] + size * 0.35, ankle[2] + long * 0.45 * forward)
    foot = lump(fx, fy, fig.wide(size * 1.15, long), size * 0.85, 0.15, 0.2)
    clad = who.foot in ("shoe", "boot", "big") and (
        who.plan in ("human", "robot") or who.foot != "big"
    )

    def draw() -> None:
        fig.pen.fill(limb, color)
        if upper is not None:
            fig.pen.fill(upper, who.bottom)
        if who.foot == "boot":
            cuff = tuple(a + (b - a) * 0.55 for a, b in zip(joints[1], joints[2], strict=True))
            fig.pen.fill(tube([cuff, joints[2]], [thick * 1.35, thick * 1.25]), who.shoes)  # type: ignore[list-item]
        fig.pen.fill(
            foot, who.shoes if clad else who.second if who.coat == "two-tone" else who.skin
        )
        if who.foot == "claws":
            for k in (-1, 0, 1):
                cx = fx + fig.sin * long * 0.8 + k * size * 0.6
                fig.pen.fill(
                    polygon([(cx - 0.6, fy), (cx + fig.sin * 2, fy + size * 0.8), (cx + 0.6, fy)]),
                    WHITE,
                    0.6,
                    0,
                )

    depth = fig.depth((points[0][0] + points[2][0]) / 2, points[1][2])
    fig.add(depth - 3.0, draw)


def add_arm(
    fig: Figure,
    side: int,
    arm: Arm,
    shoulder_y: float,
    lean: float,
    out: float | None = None,
    length: float | None = None,
) -> None:
    """Add an arm with its sleeve and its hand; ``out`` is how far from the middle it begins."""
    who = fig.who
    span = (length if length is not None else who.arms) * 0.5
    r = who.limb * (0.95 if length is None else 0.8)
    sx = side * ((who.shoulder - r * 0.7) if out is None else out)
    start = (sx, shoulder_y + r * 1.1, 0.0)

    def step(
        p: tuple[float, float, float], swing: float, lift: float
    ) -> tuple[float, float, float]:
        flat = math.cos(lift)
        return (
            p[0] + side * span * math.sin(lift),
            p[1] + span * flat * math.cos(swing),
            p[2] + span * flat * math.sin(swing),
        )

    elbow = step(start, arm.swing, arm.lift)
    hand = step(elbow, arm.swing + arm.fold, arm.lift + arm.bend)
    joints = [(x + lean, y) for x, y in (fig.at(*p) for p in (start, elbow, hand))]
    limb = tube(joints, [r * 1.2, r, r * 0.8] if not who.hose else [r * 0.8] * 3, who.hose)
    sleeve: skia.Path | None = None
    clothed = who.top_kind not in ("none", "vest", "tank", "overalls")
    if clothed or who.top_kind == "overalls":
        reach = (
            who.sleeves if who.top_kind not in ("coat", "suit", "robe", "hoodie", "long") else 0.95
        )
        if reach > 0.5:
            sleeve = tube(
                [joints[0], joints[1], _between(joints[1], joints[2], 0.85)],
                [r * 1.45, r * 1.25, r * 1.15],
                who.hose,
            )
        elif reach > 0:
            sleeve = tube([joints[0], _between(joints[0], joints[1], 0.8)], [r * 1.5, r * 1.5])
    elbow_depth = fig.depth((start[0] + hand[0]) / 2, (elbow[2] + hand[2]) / 2)

    def draw() -> None:
        fig.pen.fill(limb, who.skin)
        if sleeve is not None:
            fig.pen.fill(sleeve, who.top if who.top_kind != "overalls" else who.trim)
        draw_hand(fig, joints[1], joints[2], side, r)

    bias = 0.6 if abs(fig.sin) < 0.8 or -sx * fig.sin > 0 else -1.0
    fig.add(elbow_depth + bias, draw)


def draw_hand(fig: Figure, elbow: Point, hand: Point, side: int, r: float) -> None:
    """Draw a hand at the end of a forearm."""
    who, pen = fig.who, fig.pen
    size = r * 1.15 * who.hand_size + 0.9
    gloved = "gloves" in who.extras or who.hand == "glove"
    color = (who.trim if who.plan == "human" else WHITE) if gloved else who.skin
    if who.coat == "two-tone" and not gloved:
        color = who.second
    dx, dy = hand[0] - elbow[0], hand[1] - elbow[1]
    n = math.hypot(dx, dy) or 1.0
    dx, dy = dx / n, dy / n
    cx, cy = hand[0] + dx * size * 0.5, hand[1] + dy * size * 0.5
    fine = size * pen.unit > 3
    if side > 0:
        _draw_held(fig, cx, cy, size)
    if who.hand in ("fingers", "glove", "claws") and fine:
        for k in (-0.55, 0.0, 0.55):
            a = math.atan2(dy, dx) + k
            tip = (cx + math.cos(a) * size * 1.5, cy + math.sin(a) * size * 1.5)
            if who.hand == "claws":
                pen.fill(tube([(cx, cy), tip], [size * 0.4, 0.1]), color, 0.8)
            else:
                pen.fill(tube([(cx, cy), tip], [size * 0.36, size * 0.32]), color, 0.8)
    if fine:
        a = math.atan2(dy, dx) - side * 1.25
        pen.fill(
            tube(
                [(cx, cy), (cx + math.cos(a) * size * 1.15, cy + math.sin(a) * size * 1.15)],
                [size * 0.36, size * 0.3],
            ),
            color,
            0.8,
        )
    pen.fill(oval(cx, cy, size, size * 0.95), color)
    if gloved and fine:
        nx, ny = -dy * size * 0.8, dx * size * 0.8
        pen.fill(
            tube(
                [(hand[0] + nx, hand[1] + ny), (hand[0] - nx, hand[1] - ny)],
                [size * 0.3, size * 0.3],
            ),
            color,
            0.8,
        )


def _draw_held(fig: Figure, x: float, y: float, size: float) -> None:
    """Draw what the character carries about in one hand."""
    who, pen = fig.who, fig.pen
    if "stick" in who.extras:
        lean = 0.3 * (who.seed % 7 - 3)
        tip = (x + lean * size * 3, y - size * 6)
        pen.fill(tube([(x - lean * size, y + size * 2), tip], [size * 0.25, size * 0.2]), who.trim)
        if who.seed % 2:
            pen.fill(oval(*tip, size * 0.7, size * 0.7), who.top, 0.8)
    elif "bag" in who.extras:
        pen.fill(lump(x, y + size * 3, size * 2.0, size * 1.8, 0.5, 0.1), who.trim)
    elif "book" in who.extras:
        pen.fill(rect(x - size * 1.3, y - size * 1.8, x + size * 1.3, y + size * 1.2), who.trim)
    elif "mug" in who.extras:
        pen.fill(rect(x - size, y - size * 1.6, x + size, y + size * 0.6, size * 0.2), who.trim)


def _between(a: Point, b: Point, share: float) -> Point:
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)
