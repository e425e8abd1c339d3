"""Bodies that stand on two legs and have arms."""

from __future__ import annotations

import math
from functools import partial

from .limbs import add_arm, add_leg, leg_points
from .outfit import dress_torso, hem_path, torso_path
from .parts import add_head, add_tail
from .pen import lump, polygon, smooth, tube
from .puppet import Figure


def build_biped(fig: Figure) -> None:
    """People, animals on two legs, robots and monsters."""
    who, pose = fig.who, fig.pose
    foot_high = who.limb * 0.9 * who.foot_size + 0.8
    ends = [leg_points(fig, leg, side) for leg, side in zip(pose.legs, (-1, 1), strict=True)]
    low = max(points[2][1] for points in ends)
    sitting = min(leg.swing for leg in pose.legs) > 1.0
    hip_y = -max(low + foot_high, who.hip * 0.5 if sitting else 0.0) - pose.lift
    for side, leg, points in zip((-1, 1), pose.legs, ends, strict=True):
        add_leg(fig, side, leg, [(x, y + hip_y, z) for x, y, z in points])
    lean = math.sin(pose.lean) * who.torso
    shoulder_y = hip_y - who.torso * math.cos(pose.lean)
    torso = torso_path(who, fig.cos, fig.sin, hip_y, shoulder_y, lean)
    if who.top_kind in ("dress", "coat", "robe") or who.bottom_kind == "skirt":
        add_hem(fig, hip_y, lean)
    fig.add(
        0.0, lambda: dress_torso(fig.pen, who, torso, fig.cos, fig.sin, hip_y, shoulder_y, lean)
    )
    for side, arm in zip((-1, 1), pose.arms, strict=True):
        add_arm(fig, side, arm, shoulder_y, lean)
    neck_y = shoulder_y - who.neck
    half = who.head / 2
    if who.neck > 0.5:
        r = min(who.shoulder * 0.45, half * 0.5)
        neck = tube([(lean, shoulder_y + 2), (lean, neck_y - half * 0.3)], [r * 1.1, r])
        fig.add(0.05, lambda: fig.pen.fill(neck, who.skin, 0.8))
    nod = pose.head_tilt
    x = lean * 1.1 + math.sin(nod) * half * 0.4
    add_head(fig, x, neck_y - half * 0.86, half, 0.1)
    add_behind(fig, hip_y, shoulder_y, lean)


def add_hem(fig: Figure, hip_y: float, lean: float) -> None:
    """Add a skirt or the tails of a coat."""
    who = fig.who
    drop = {"dress": 0.35 + (who.seed % 5) * 0.14, "coat": 0.55, "robe": 0.94}.get(
        who.top_kind, 0.4
    )
    length = min(who.legs * drop, -hip_y - 0.5)
    spread = max(abs(leg.swing) for leg in fig.pose.legs)
    color = (
        who.bottom
        if who.bottom_kind == "skirt" and who.top_kind not in ("dress", "coat", "robe")
        else who.top
    )
    path = hem_path(who, fig.cos, fig.sin, hip_y, length, spread, math.sin(fig.pose.wave) * 1.2)
    path.offset(lean * 0.1, 0)
    fig.add(-0.2, lambda: fig.pen.fill(path, color))


def add_behind(fig: Figure, hip_y: float, shoulder_y: float, lean: float) -> None:
    """Add what is behind the back: tail, cape, backpack, wings."""
    who, pen = fig.who, fig.pen
    depth = who.shoulder * who.depth
    add_tail(fig, hip_y - 2, -who.hip * who.depth * 0.8)
    if "cape" in who.extras:
        low = hip_y * 0.25
        sway = math.sin(fig.pose.wave) * 2 - fig.sin * 3
        w = fig.wide(who.shoulder * 1.05, depth * 0.4)
        back, _ = fig.at(0, 0, -depth)
        cape = smooth(
            [
                (lean + back * 0.4 - w, shoulder_y),
                (lean + back * 0.4 + w, shoulder_y),
                (back + w * 1.4 + sway, low),
                (back + sway, low + 3),
                (back - w * 1.4 + sway, low),
            ]
        )
        fig.add(
            -1.5 * depth * math.copysign(1, fig.cos) - 4 * fig.cos, lambda: pen.fill(cape, who.trim)
        )
    if "backpack" in who.extras and who.plan == "human":
        bx, by = fig.at(0, (hip_y + shoulder_y) / 2, -depth * 1.2)
        pack = lump(
            bx + lean * 0.5, by, fig.wide(who.shoulder * 0.8, depth * 0.6), who.torso * 0.4, 0.4
        )
        fig.add(fig.depth(0, -depth * 1.3), lambda: pen.fill(pack, who.trim))
    if who.wings != "none":
        flap = math.sin(fig.pose.wave) * 0.4
        for side in (-1, 1):
            root = (lean + fig.at(side * 2, 0, -depth)[0], shoulder_y + who.torso * 0.25)
            reach = 34 * who.tail_size + 8
            x = root[0] + side * reach * max(0.35, abs(fig.cos))
            up = root[1] - reach * (0.6 + flap)
            shape = smooth(
                [
                    root,
                    (x, up),
                    (x + side * 4, root[1]),
                    (x - side * reach * 0.4, root[1] + reach * 0.35),
                ]
            )
            if who.wings == "bat":
                shape = polygon(
                    [
                        root,
                        (x, up),
                        (x + side * 3, root[1] + 4),
                        (x - side * reach * 0.33, root[1]),
                        (x - side * reach * 0.5, root[1] + reach * 0.4),
                        (x - side * reach * 0.75, root[1] + 4),
                    ]
                )
            fig.add(
                -depth * 1.4 * math.copysign(1, fig.cos),
                partial(pen.fill, shape, who.second),
            )
