"""Bodies that are all head: blobs, ghosts, things with a face."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import skia

from .eyes import Ball, draw_glasses
from .face import draw_face
from .headwear import draw_hat, draw_horns
from .limbs import add_arm, add_leg, leg_points
from .parts import coat_painter
from .pen import Point, lump, polygon, rect, smooth, tube
from .puppet import Figure


def build_blob(fig: Figure) -> None:
    """Blobs, ghosts and things with a face: the body is the head."""
    who, pose = fig.who, fig.pose
    legs = (
        0.0
        if who.plan == "ghost" or who.tail in ("none", "puff")
        else min(26.0, 100 - who.head) + 4
    )
    ry = (100 - legs) / 2 * 0.95
    rx = ry * min(1.3, who.head_wide) * (1.0 if who.plan != "object" else 0.8)
    float_up = 12.0 if who.plan == "ghost" else 0.0
    y = -legs - ry - pose.lift - float_up
    body = blob_path(fig, rx * (1.0 if who.plan != "object" else 0.55 + 0.45 * abs(fig.cos)), ry, y)
    coat = coat_painter(fig)

    def trunk() -> None:
        fig.pen.fill(body, who.skin)
        coat(body)

    fig.add(0.0, trunk)
    if legs:
        ends = [
            leg_points(fig, leg, side, legs, rx * 0.4)
            for leg, side in zip(pose.legs, (-1, 1), strict=True)
        ]
        low = max(points[2][1] for points in ends)
        for side, leg, points in zip((-1, 1), pose.legs, ends, strict=True):
            add_leg(fig, side, leg, [(px, py - low - 2 - pose.lift, pz) for px, py, pz in points])
    if legs or who.hand in ("glove", "fingers"):
        for side, arm in zip((-1, 1), pose.arms, strict=True):
            add_arm(fig, side, arm, y + ry * 0.1, 0.0, rx * 0.93, 34.0)
    yaw = math.remainder(pose.yaw + pose.head_yaw * 0.3, 2 * math.pi)
    if who.plan == "object":
        yaw *= 0.6
    ball = Ball(0, y - ry * 0.12, rx * 0.86, ry * 0.62, yaw)
    fig.head = Ball(0, y, rx, ry, yaw)
    small = replace(
        who, eye_size=who.eye_size * 0.75, beard="none" if who.plan != "monster" else who.beard
    )

    def features() -> None:
        draw_horns(fig.pen, small, fig.head)
        draw_face(fig.pen, small, pose.face, ball, who.skin)
        if who.glasses != "none":
            draw_glasses(fig.pen, small, ball)
        if who.hat != "none":
            draw_hat(fig.pen, small, Ball(0, y - ry * 0.25, rx * 0.7, ry * 0.7, yaw))

    fig.add(1.0, features)


def blob_path(fig: Figure, rx: float, ry: float, y: float) -> skia.Path:
    """The outline of the body."""
    who, pose = fig.who, fig.pose
    if who.plan == "ghost":
        n = 5
        points: list[Point] = [
            (-rx, y + ry * 0.9),
            (-rx, y - ry * 0.4),
            (-rx * 0.6, y - ry),
            (rx * 0.6, y - ry),
            (rx, y - ry * 0.4),
            (rx, y + ry * 0.9),
        ]
        for k in range(2 * n + 1):
            t = 1 - k / n
            points.append((rx * t, y + ry * (1.15 if k % 2 else 0.8) + 2 * math.sin(pose.wave + k)))
        return smooth(points)
    if who.plan == "object":
        kind = who.seed % 6
        if kind == 0:
            return rect(-rx, y - ry, rx, y + ry, ry * 0.12)
        if kind == 1:
            return smooth(
                [
                    (-rx * 0.7, y + ry),
                    (-rx, y - ry),
                    (-rx * 0.9, y - ry),
                    (rx * 0.9, y - ry),
                    (rx, y - ry),
                    (rx * 0.7, y + ry),
                ]
            )
        if kind == 2:
            star = [
                (r * rx * math.sin(k * math.pi / 5), y - r * ry * math.cos(k * math.pi / 5))
                for k in range(10)
                for r in (1.15 if k % 2 == 0 else 0.62,)
            ]
            return polygon(star)
        if kind == 3:
            return lump(0, y, rx, ry, 0.0, 0.35)
        if kind == 4:
            return smooth(
                [
                    (0, y - ry * 1.35),
                    (rx * 1.2, y + ry * 0.2),
                    (rx * 0.8, y + ry * 1.1),
                    (-rx * 0.8, y + ry * 1.1),
                    (-rx * 1.2, y + ry * 0.2),
                ]
            )
        return lump(0, y, rx, ry, 0.9)
    bumps = [
        1 + 0.07 * math.sin(i * (1 + who.seed % 3) + who.seed) + 0.04 * math.sin(pose.wave + i)
        for i in range(20)
    ]
    return lump(0, y, rx, ry, who.square, 0.12, bumps)


def build_octopus(fig: Figure) -> None:
    """A big head on tentacles."""
    who, pose = fig.who, fig.pose
    head = 22.0 + who.head * 0.12
    base = -28.0 - pose.lift
    for k in range(7):
        turn = 2 * math.pi * k / 7
        sway = math.sin(pose.wave + k) * 6
        out = head * (1.2 + 0.4 * math.sin(k * 2.1 + who.seed))
        x, z = math.cos(turn), math.sin(turn)
        joints = [
            fig.at(x * head * 0.5, base - 4, z * head * 0.5),
            fig.at(x * out + sway * 0.4, base + 14, z * out),
            fig.at(x * out * 1.3 + sway, base + 27, z * out * 1.2),
        ]
        arm = tube(joints, [head * 0.26, head * 0.2, head * 0.08], True)
        fig.add(fig.depth(x * out, z * out) - 1.0, partial(fig.pen.fill, arm, who.skin))
    y = base - head * 0.9
    body = lump(0, y, head * who.head_wide, head * 1.15, 0.0, -0.1)
    ball = Ball(0, y + head * 0.25, head * who.head_wide * 0.9, head * 0.75, pose.yaw)
    fig.head = Ball(0, y, head, head, pose.yaw)
    coat = coat_painter(fig)
    small = replace(who, muzzle=0.0, beard="none")

    def crown() -> None:
        fig.pen.fill(body, who.skin)
        coat(body)
        draw_face(fig.pen, small, pose.face, ball, who.skin)
        if who.hat != "none":
            draw_hat(fig.pen, small, Ball(0, y, head * 0.9, head, pose.yaw))

    fig.add(1.0, crown)
