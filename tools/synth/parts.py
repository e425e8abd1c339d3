"""Parts that several body plans share: heads, coats, tails."""

from __future__ import annotations

import math
from collections.abc import Callable

import skia

from .colors import scale
from .ears import draw_ears
from .eyes import Ball, draw_glasses
from .face import draw_face
from .hair import draw_hair, hair_parts
from .headwear import draw_hat, draw_horns
from .identities import Identity
from .pen import lump, oval, polygon, rect, smooth, tube
from .puppet import Figure


def head_path(who: Identity, ball: Ball) -> skia.Path:
    """The outline of the head: people have a skull, cheeks, a jaw and a chin, others are round."""
    if who.plan != "human":
        return lump(ball.x, ball.y, ball.rx, ball.ry, who.square, who.jaw)
    s = math.sin(ball.yaw)
    chin = max(-0.3, min(0.3, who.jaw))
    # Seen from the side the skull reaches back and the jaw sits in front.
    back, front = -0.12 * abs(s), 0.1 * s
    half = (
        (0.42, -1.04, 0.0),
        (0.86, -0.84, 0.0),
        (1.04, -0.3, 0.0),
        (1.0, 0.22, front * 0.3),
        (0.82 + 0.8 * chin + 0.2 * who.square, 0.7, front),
        (0.36 + 0.7 * chin + 0.5 * who.square, 1.08, front * 1.4),
    )
    right = [(x - (back if s < 0 else 0) * (y < 0) + d, y) for x, y, d in half]
    left = [(-x + (back if s > 0 else 0) * (y < 0) + d, y) for x, y, d in half]
    return smooth([(ball.x + ball.rx * x, ball.y + ball.ry * y) for x, y in (*right, *left[::-1])])


def add_head(fig: Figure, x: float, y: float, half: float, depth: float) -> None:
    """Add the head with everything on it, its middle at (x, y)."""
    who, pose, pen = fig.who, fig.pose, fig.pen
    rx = half * who.head_wide * (1.0 if who.plan != "robot" else 0.9 + 0.1 * abs(fig.cos))
    yaw = pose.yaw + pose.head_yaw
    ball = Ball(x, y, rx, half, yaw)
    fig.head = ball
    tilt = math.degrees(pose.head_tilt)
    for d, part in hair_parts(pen, who, ball, depth, pose.wave):
        fig.add(d, part)
    masked = who.marks == "face" and not who.muzzle

    def draw() -> None:
        with pen.turned(tilt, x, y + half):
            draw_horns(pen, who, ball)
            draw_ears(pen, who, ball, who.skin, False, pose.wave)
            shape = head_path(who, ball)
            pen.fill(shape, who.skin)
            draw_markings(fig, shape, ball)
            skin = who.second if masked else who.skin
            draw_ears(pen, who, ball, who.skin, True, pose.wave)
            draw_face(pen, who, pose.face, ball, skin)
            draw_hair(pen, who, ball)
            if who.glasses != "none":
                draw_glasses(pen, who, ball)
            if who.hat != "none":
                draw_hat(pen, who, ball)

    fig.add(depth, draw)


def draw_markings(fig: Figure, shape: skia.Path, ball: Ball) -> None:
    """Paint markings of fur on the head."""
    who, pen = fig.who, fig.pen
    front = math.cos(ball.yaw)
    with pen.clip(shape):
        if who.marks == "face" and front > -0.3:
            x, y, _ = ball.at(0.0, -0.2, 0.75)
            for lon in (-0.45, 0.45):
                ex, ey, c = ball.at(lon, who.eye_level, 0.9)
                if c > 0:
                    pen.plain(oval(ex, ey, ball.rx * 0.5 * c, ball.ry * 0.55), who.second)
            pen.plain(oval(x, y, ball.rx * 0.78, ball.ry * 0.6), who.second)
        elif who.marks == "mask" and front > -0.2:
            for lon in (-who.eye_gap, who.eye_gap):
                x, y, c = ball.at(lon, who.eye_level, 0.97)
                if c > 0.1:
                    pen.plain(
                        oval(x, y, ball.rx * 0.45 * c + 1, ball.ry * 0.36), scale(who.skin, 0.45)
                    )
        elif who.marks == "patch":
            x, y, c = ball.at(who.eye_gap, who.eye_level)
            if c > 0.1:
                pen.plain(oval(x, y, ball.rx * 0.5 * c, ball.ry * 0.5), who.second)
        elif who.marks == "stripes":
            for lon in (-0.35, 0.0, 0.35):
                x, y, c = ball.at(lon, 0.9)
                pen.plain(
                    polygon([(x - 1.5, y - 3), (x + 1.5, y - 3), (x, y + ball.ry * 0.4)]),
                    scale(who.skin, 0.4),
                )
        elif who.marks == "spots":
            for k in range(7):
                x, y, c = ball.at(k * 2.4 + who.seed % 7, math.sin(k * 1.7) * 0.9)
                if c > 0.1:
                    pen.plain(oval(x, y, ball.rx * 0.14 * c, ball.ry * 0.12), scale(who.skin, 0.6))


def coat_painter(fig: Figure) -> Callable[[skia.Path], None]:
    """A function that paints the pattern of the coat on a body."""
    who, pen = fig.who, fig.pen

    def paint(body: skia.Path) -> None:
        box = body.getBounds()
        w, h = box.width(), box.height()
        with pen.clip(body):
            if who.coat == "belly" and fig.cos > -0.4:
                x = box.centerX() + fig.sin * w * 0.2
                pen.plain(oval(x, box.bottom() - h * 0.3, w * 0.36, h * 0.42), who.second)
            elif who.coat == "spots":
                for k in range(9):
                    x = box.left() + w * (
                        (k * 0.37 + who.seed % 10 / 10 + fig.pose.yaw / 6.3) % 1.0
                    )
                    y = box.top() + h * ((k * 0.61) % 1.0)
                    pen.plain(oval(x, y, w * 0.07, h * 0.08), scale(who.skin, 0.6))
            elif who.coat == "stripes":
                for k in range(6):
                    x = box.left() + w * (k + 0.3) / 6
                    pen.plain(
                        polygon(
                            [
                                (x, box.top()),
                                (x + w * 0.07, box.top()),
                                (x + w * 0.02, box.top() + h * 0.6),
                            ]
                        ),
                        scale(who.skin, 0.4),
                    )
            elif who.coat == "two-tone":
                pen.plain(
                    rect(box.left(), box.top() + h * 0.62, box.right(), box.bottom()), who.second
                )

    return paint


def add_tail(fig: Figure, y: float, z: float) -> None:
    """Add the tail, which begins at (0, y, z)."""
    who, pen = fig.who, fig.pen
    if who.tail == "none":
        return
    size = 16 * who.tail_size
    sway = math.sin(fig.pose.wave) * 3
    root = fig.at(0, y, z)
    side = -fig.sin if abs(fig.sin) > 0.25 else 0.6
    out = max(0.5, abs(fig.sin))
    if who.tail == "puff":
        path = lump(root[0] + side * 2, root[1], size * 0.3, size * 0.3)
    elif who.tail == "short":
        path = tube([root, (root[0] + side * size * 0.5, root[1] - size * 0.3)], [2.2, 0.6])
    elif who.tail == "bushy":
        path = tube(
            [
                root,
                (root[0] + side * size * out, root[1] + size * 0.1),
                (root[0] + side * size * 1.5 * out + sway, root[1] - size * 1.5),
            ],
            [size * 0.12, size * 0.42, size * 0.1],
            True,
        )
    elif who.tail == "thick":
        path = tube(
            [
                root,
                (root[0] + side * size * 0.9, root[1] + size * 0.6),
                (root[0] + side * size * 2 + sway, min(-1.5, root[1] + size * 1.1)),
            ],
            [size * 0.45, size * 0.3, 0.8],
        )
    elif who.tail == "curl":
        path = tube(
            [
                root,
                (root[0] + side * size, root[1]),
                (root[0] + side * size, root[1] - size),
                (root[0] + side * size * 0.4, root[1] - size * 0.7),
            ],
            [1.8, 1.6, 1.5, 1.0],
            True,
        )
    else:
        path = tube(
            [
                root,
                (root[0] + side * size * 1.3 * out, root[1] + size * 0.3),
                (root[0] + side * size * 1.7 * out + sway, root[1] - size),
            ],
            [1.6, 1.3, 0.8],
            True,
        )
    fig.add(
        fig.depth(0, z) * 1.2 - 0.5,
        lambda: pen.fill(path, who.skin if who.coat != "two-tone" else who.second),
    )
