"""Bodies of animals: on four legs, birds, fish."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import skia

from .colors import Color, mix, scale
from .eyes import Ball
from .face import draw_face
from .parts import add_head, add_tail, coat_painter
from .pen import lump, polygon, smooth, tube
from .puppet import Figure


def build_quadruped(fig: Figure) -> None:
    """Animals on four legs."""
    who, pose = fig.who, fig.pose
    length = who.body_length / 2
    high = min(18.0, who.waist * 0.9 + 3)
    legs = min(who.legs * 0.8, 34.0)
    wide = high * (0.6 + 0.3 * who.depth)
    y = -(legs + high * 0.7) - pose.lift
    swing = [pose.legs[0].swing, pose.legs[1].swing]
    coat = coat_painter(fig)
    for i, (side, end) in enumerate(((-1, 1), (1, 1), (1, -1), (-1, -1))):
        x, z = side * wide * 0.6, end * length * 0.72
        a = swing[i % 2] * 0.7
        r = who.limb * 1.25 + 0.6
        knee = (x, y + high * 0.5 + legs * 0.45, z + math.sin(a) * legs * 0.45)
        bend = max(0.0, pose.legs[i % 2].knee - 0.1) * 0.5
        foot = (
            x,
            min(-r * 0.8, knee[1] + legs * 0.52 * math.cos(a - bend)),
            knee[2] + math.sin(a - bend) * legs * 0.5,
        )
        joints = [fig.at(x, y, z), fig.at(*knee), fig.at(*foot)]
        paw = fig.at(foot[0], foot[1] + r * 0.2, foot[2] + r * 0.5)
        limb = tube(joints, [r * 1.7, r * 1.15, r], who.hose)
        toe = lump(*paw, r * 1.1 + fig.wide(0, r * 0.6), r * 0.85)

        def leg(limb: skia.Path = limb, toe: skia.Path = toe) -> None:
            fig.pen.fill(limb, who.skin)
            fig.pen.fill(toe, who.second if who.coat == "two-tone" else who.skin)

        fig.add(fig.depth(x, z) * 0.8 - 1, leg)
    half_wide = fig.wide(wide, length)
    body = lump(0, y, half_wide, high * (0.9 + 0.1 * abs(fig.sin)), 0.1, 0.05)

    def trunk() -> None:
        fig.pen.fill(body, who.skin)
        coat(body)

    fig.add(0.0, trunk)
    head_z = length * 1.0 + who.head * 0.12
    head_y = y - high * 0.5 - who.head * (0.3 + 0.004 * who.ear_size * 50) - who.neck * 1.5
    neck = tube(
        [fig.at(0, y - high * 0.1, length * 0.7), fig.at(0, head_y, head_z)],
        [high * 0.6, who.head * 0.27],
    )
    depth = fig.depth(0, head_z)
    fig.add(depth * 0.5 + 0.3, lambda: fig.pen.fill(neck, who.skin))
    hx, _ = fig.at(0, 0, head_z)
    add_head(fig, hx, head_y, who.head / 2 * 0.95, depth + 1.5)
    add_tail(fig, y - high * 0.3, -length)
    if who.wings != "none":
        _add_wings(fig, y - high * 0.6, wide)


def build_bird(fig: Figure) -> None:
    """Birds."""
    who, pose = fig.who, fig.pose
    leg = 4.0 + min(who.legs, 40) * 0.5
    high = (100 - leg - who.head * 0.6) / 2
    wide = high * (0.55 + 0.02 * min(who.waist, 20))
    y = -leg - high * 0.95 - pose.lift
    for side, stance in zip((-1, 1), pose.legs, strict=True):
        x = side * wide * 0.4
        foot = fig.at(x, -1.0 - pose.lift, math.sin(stance.swing) * leg)
        hip = fig.at(x, -leg - 2 - pose.lift, 0)
        shin = tube([hip, foot], [1.1, 0.9])
        toes = lump(foot[0] + fig.sin * 2.5, foot[1], 3 + 2 * abs(fig.sin), 1.4)

        def step(shin: skia.Path = shin, toes: skia.Path = toes) -> None:
            color = mix((0.95, 0.6, 0.15), who.trim, 0.3)
            fig.pen.fill(shin, color, 0.8)
            fig.pen.fill(toes, color, 0.8)

        fig.add(fig.depth(x, 0) * 0.5 - 1, step)
    half_wide = fig.wide(wide, wide * 1.15)
    body = lump(-fig.sin * wide * 0.1, y, half_wide, high, 0.0, 0.12)
    coat = coat_painter(fig)

    def trunk() -> None:
        fig.pen.fill(body, who.skin)
        coat(body)

    fig.add(0.0, trunk)
    flap = math.sin(pose.wave) * (0.9 if pose.lift > 3 else 0.15)
    for side in (-1, 1):
        root = fig.at(side * wide * 0.85, y - high * 0.25, 0)
        spread = pose.arms[(side + 1) // 2].lift + flap
        tip = fig.at(
            side * (wide * 0.9 + math.sin(spread) * high),
            y - high * 0.25 + math.cos(spread) * high,
            -wide * 0.5,
        )
        wing = tube(
            [root, ((root[0] + tip[0]) / 2, (root[1] + tip[1]) / 2 + high * 0.1), tip],
            [high * 0.22, high * 0.3, 0.5],
        )

        def flapper(wing: skia.Path = wing) -> None:
            fig.pen.fill(wing, scale(who.skin, 0.85) if who.coat != "two-tone" else who.second)

        fig.add(fig.depth(side * wide, -0.1) + 0.5, flapper)
    back = fig.at(0, y + high * 0.4, -wide)
    tip = fig.at(0, y + high * 0.2, -wide * 1.9)
    tail = smooth(
        [
            (back[0], back[1] - 4),
            (tip[0] - 3, tip[1] - 5),
            (tip[0], tip[1] + 3),
            (back[0], back[1] + 6),
        ]
    )
    fig.add(fig.depth(0, -wide), lambda: fig.pen.fill(tail, scale(who.skin, 0.8)))
    add_head(fig, *fig.at(0, y - high * 0.75 - who.head * 0.2, wide * 0.25), who.head * 0.42, 2.0)
    add_scarf(fig, y - high * 0.55, half_wide)


def build_fish(fig: Figure) -> None:
    """Fish; they float."""
    who, pose = fig.who, fig.pose
    length, high = 34.0, 14.0 + who.waist * 0.6
    wide = high * 0.6
    y = -50.0 - pose.lift
    back, tip = fig.at(0, y, -length * 0.85), fig.at(0, y, -length * 1.6)
    sway = math.sin(pose.wave) * 4
    fin = smooth(
        [
            (back[0], back[1]),
            (tip[0], tip[1] - high + sway),
            (tip[0] * 0.93, tip[1]),
            (tip[0], tip[1] + high + sway),
        ]
    )
    fig.add(fig.depth(0, -length), lambda: fig.pen.fill(fin, who.second))
    crest = fig.at(0, y - high * 0.8, -2)
    dorsal = smooth(
        [
            (crest[0] - 10 * fig.sin - 2, crest[1] + 4),
            (crest[0] - 6 * fig.sin, crest[1] - 10),
            (crest[0] + 8 * fig.sin + 2, crest[1] + 4),
        ]
    )
    fig.add(-0.5, lambda: fig.pen.fill(dorsal, who.second))
    body = lump(0, y, fig.wide(wide, length), high)
    coat = coat_painter(fig)

    def trunk() -> None:
        fig.pen.fill(body, who.skin)
        coat(body)

    fig.add(0.0, trunk)
    for side in (-1, 1):
        root = fig.at(side * wide, y + high * 0.25, 4)
        side_fin = polygon(
            [
                root,
                (root[0] - 9 * fig.sin + side * 5 * fig.cos, root[1] + 9),
                (root[0] - 9 * fig.sin, root[1] + 1),
            ]
        )
        fig.add(fig.depth(side * wide, 0), partial(fig.pen.fill, side_fin, who.second))
    hx, _ = fig.at(0, 0, length * 0.45)
    ball = Ball(hx, y, fig.wide(wide, length * 0.5), high * 0.8, pose.yaw + pose.head_yaw * 0.3)
    fig.head = ball
    plain = replace(who, muzzle=0.0, ears="none", beard="none")
    fig.add(3.0, lambda: draw_face(fig.pen, plain, pose.face, ball, who.skin))


def add_scarf(fig: Figure, y: float, wide: float) -> None:
    """Add a scarf around a neck at height y."""
    who, pen = fig.who, fig.pen
    if "scarf" in who.extras or "bowtie" in who.extras or "tie" in who.extras:
        scarf = lump(0, y, wide * 0.75, 3.5, 0.3)
        fig.add(1.0, lambda: pen.fill(scarf, who.trim))


def build_worm(fig: Figure) -> None:
    """Worms, snakes, caterpillars and slim dragons: a chain of balls behind a head."""
    who, pose = fig.who, fig.pose
    count = 5 + who.seed % 6
    thick = 6.0 + min(who.waist, 14.0) * 0.5
    step = thick * (1.1 + 0.05 * (who.seed % 9))
    rear = 0.25 + 0.1 * (who.seed % 5)
    for k in range(count):
        along = -step * k
        shrink = 1.0 - 0.55 * k / count
        wave = math.sin(pose.wave + k * 0.9) * thick * 0.35
        up = max(0.0, 1.0 - k / (count * rear)) * who.head * 0.9
        x, y = fig.at(wave * 0.6, -thick * shrink - up - abs(wave) * 0.4 - pose.lift, along)
        ball = lump(x, y, thick * shrink * 1.15, thick * shrink)
        color = who.second if who.coat in ("stripes", "two-tone") and k % 2 else who.skin
        feet = lump(x, y + thick * shrink * 0.95, thick * 0.3, thick * 0.25)

        def link(ball: skia.Path = ball, feet: skia.Path = feet, color: Color = color) -> None:
            if who.coat == "belly":
                fig.pen.fill(feet, who.trim)
            fig.pen.fill(ball, color)

        fig.add(fig.depth(0, along) - 0.01 * k, link)
    high = -thick * 1.4 - who.head * 1.05 - pose.lift
    neck = tube(
        [fig.at(0, high + who.head * 0.3, 2), fig.at(0, -thick - who.head * 0.5, 0)], [thick, thick]
    )
    fig.add(0.5, lambda: fig.pen.fill(neck, who.skin))
    add_head(fig, *fig.at(0, high, thick * 0.6), who.head * 0.5, fig.depth(0, thick) + 2.0)


def _add_wings(fig: Figure, y: float, wide: float) -> None:
    who = fig.who
    flap = math.sin(fig.pose.wave) * 0.5
    reach = 26.0 + 16.0 * who.tail_size
    for side in (-1, 1):
        root = fig.at(side * wide * 0.4, y, 2.0)
        tip = fig.at(side * reach, y - reach * (0.6 + flap), -reach * 0.7)
        low = fig.at(side * reach * 0.8, y - reach * 0.05, -reach * 0.9)
        wing = polygon([root, tip, low, ((root[0] + low[0]) / 2, y - reach * 0.12)])
        shade = who.second if side < 0 else scale(who.second, 0.9)
        fig.add(fig.depth(side * wide, -wide), partial(fig.pen.fill, wing, shade))
