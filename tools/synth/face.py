"""Faces: eyes, brows, noses, mouths, muzzles and beaks, on a ball that turns."""

from __future__ import annotations

import math

from .colors import BLACK, WHITE, Color, luma, mix, scale
from .eyes import Ball, dark_line, draw_eyes
from .identities import Identity
from .pen import Pen, Point, lump, oval, polygon, rect, smooth, tube
from .pose import Face


def draw_face(pen: Pen, who: Identity, face: Face, ball: Ball, skin: Color) -> None:
    """Draw all features on the front of the ball, if they can be seen."""
    front = math.cos(ball.yaw)
    if who.beard != "none":
        _beard(pen, who, ball)
    if (who.marks in ("blush",) or face.blush) and front > -0.3:
        for side in (-1, 1):
            x, y, c = ball.at(side * 0.75, -0.25)
            if c > 0.1:
                pen.plain(oval(x, y, 0.2 * ball.rx * c, 0.13 * ball.ry), (0.98, 0.5, 0.5), 0.5)
    if who.marks == "freckles":
        for i in range(6):
            x, y, c = ball.at((-1 if i % 2 else 1) * (0.45 + 0.08 * i), -0.15 - 0.07 * (i % 3))
            if c > 0.1:
                pen.plain(oval(x, y, 0.03 * ball.rx, 0.03 * ball.ry), scale(skin, 0.7))
    eyes_first = who.muzzle > 0.45
    if eyes_first:
        draw_eyes(pen, who, face, ball, skin)
    tip = (0.0, 0.0)
    if who.plan == "bird":
        _beak(pen, who, face, ball)
    elif who.muzzle and front > -0.55:
        tip = _muzzle(pen, who, face, ball, skin)
    elif front > -0.25:
        _mouth(pen, who, face, ball, skin)
    if not eyes_first:
        draw_eyes(pen, who, face, ball, skin)
    if not who.muzzle and who.plan != "bird":
        _nose(pen, who, ball, skin)
    elif who.muzzle and tip != (0.0, 0.0):
        _snout(pen, who, ball, tip)
    if face.tear:
        x, y, c = ball.at(who.eye_gap + 0.15, who.eye_level - 0.4)
        if c > 0:
            pen.fill(lump(x, y, 0.07 * ball.rx, 0.14 * ball.ry, 0, 0.4), (0.6, 0.85, 1.0), 0.5)
    if who.marks == "scar":
        x, y, c = ball.at(0.5, 0.1)
        if c > 0.1:
            pen.stroke(
                smooth([(x - 1, y - 3), (x, y), (x - 0.5, y + 4)], False), scale(skin, 0.6), 0.6
            )


def _nose(pen: Pen, who: Identity, ball: Ball, skin: Color) -> None:
    kind = who.nose
    if kind == "none" or math.cos(ball.yaw) < -0.15:
        return
    size = who.nose_size * ball.ry
    s = math.sin(ball.yaw)
    x, y, _c = ball.at(0.0, -0.12, 1.0)
    dark = mix(skin, dark_line(pen, skin), 0.75)
    if kind == "dot":
        pen.plain(oval(x, y, size * 0.25, size * 0.2), dark)
    elif kind == "line":
        path = smooth(
            [(x, y - size), (x + s * size * 0.8 + size * 0.3, y), (x, y + size * 0.1)], False
        )
        pen.stroke(path, dark, max(0.35, size * 0.12))
    elif kind == "wedge":
        lean = s if abs(s) > 0.2 else 0.4
        pen.fill(
            polygon([(x, y - size), (x + lean * size * 1.6, y + size * 0.2), (x, y + size * 0.4)]),
            mix(skin, (0.9, 0.4, 0.3), 0.15),
            0.8,
        )
    elif kind == "hook":
        lean = s if abs(s) > 0.2 else 0.5
        path = smooth(
            [
                (x - lean, y - size * 1.4),
                (x + lean * size * 1.2, y - size * 0.4),
                (x + lean * size * 1.5, y + size * 0.5),
                (x - lean, y + size * 0.5),
            ]
        )
        pen.fill(path, mix(skin, (0.9, 0.4, 0.3), 0.12), 0.8)
    else:
        r = size * (0.7 if kind == "button" else 1.15)
        color = mix(skin, (0.95, 0.35, 0.3), 0.3)
        pen.fill(oval(x + s * r * 0.6, y, r, r * 0.85), color, 0.9)


def _snout(pen: Pen, who: Identity, ball: Ball, tip: Point) -> None:
    r = max(0.1, who.nose_size) * ball.ry * 1.1
    x, y = tip
    color = BLACK if luma(who.skin) > 0.25 and who.seed % 3 else (0.85, 0.45, 0.45)
    if who.nose == "heart":
        pen.fill(lump(x, y, r, r * 0.75, 0.0, -0.5), color, 0.8)
    elif who.nose == "big":
        pen.fill(oval(x, y, r * 1.5, r * 1.2), color, 0.8)
    else:
        pen.fill(oval(x, y, r * 1.05, r * 0.75), color, 0.8)
    if r * pen.unit > 2:
        pen.plain(oval(x - r * 0.3, y - r * 0.3, r * 0.28, r * 0.18), WHITE, 0.8)


def _mouth_shape(
    pen: Pen, who: Identity, face: Face, x: float, y: float, w: float, skin: Color
) -> None:
    smile = face.smile * w * 0.5
    dark = dark_line(pen, skin)
    if face.mouth < 0.12:
        path = smooth([(x - w, y - smile * 0.5), (x, y + smile), (x + w, y - smile * 0.5)], False)
        if who.mouth == "lips":
            pen.stroke(path, (0.8, 0.25, 0.3), max(0.8, w * 0.3))
        pen.stroke(path, dark, max(0.45, w * 0.11))
        if who.mouth == "beans" and w > 1:
            for side in (-1, 1):
                pen.stroke(
                    smooth(
                        [
                            (x + side * w, y - smile * 0.5 - w * 0.2),
                            (x + side * w * 1.1, y - smile * 0.4),
                            (x + side * w, y - smile * 0.3 + w * 0.15),
                        ],
                        False,
                    ),
                    dark,
                    max(0.35, w * 0.08),
                )
    else:
        h = w * (0.35 + 0.9 * face.mouth)
        if face.smile > 0.3:
            path = smooth(
                [
                    (x - w, y - h * 0.3),
                    (x, y - h * 0.15),
                    (x + w, y - h * 0.3),
                    (x + w * 0.8, y + h * 0.9),
                    (x, y + h * 1.3),
                    (x - w * 0.8, y + h * 0.9),
                ]
            )
        else:
            path = lump(x, y + h * 0.3, w * (0.65 + 0.25 * face.smile), h * 0.9, 0.2, 0.15)
        pen.fill(path, (0.35, 0.08, 0.1), 0.9, 0)
        with pen.clip(path):
            pen.plain(oval(x, y + h * 1.25, w * 0.7, h * 0.6), (0.9, 0.4, 0.42))
            if face.teeth or who.mouth in ("fangs", "buck"):
                pen.plain(rect(x - w, y - h, x + w, y + h * 0.02), WHITE)
        if pen.width:
            pen.outline(path, pen.style.tone(skin))
    if who.mouth == "fangs":
        for side in (-1, 1):
            fx = x + side * w * 0.5
            pen.fill(
                polygon(
                    [
                        (fx - w * 0.14, y + smile * 0.4),
                        (fx + w * 0.14, y + smile * 0.4),
                        (fx, y + w * 0.45),
                    ]
                ),
                WHITE,
                0.6,
                0,
            )
    elif who.mouth == "buck":
        pen.fill(
            rect(x - w * 0.28, y + smile * 0.6, x, y + smile * 0.6 + w * 0.5, 0.2), WHITE, 0.6, 0
        )
        pen.fill(
            rect(x, y + smile * 0.6, x + w * 0.28, y + smile * 0.6 + w * 0.5, 0.2), WHITE, 0.6, 0
        )


def _mouth(pen: Pen, who: Identity, face: Face, ball: Ball, skin: Color) -> None:
    x, y, c = ball.at(0.0, who.mouth_level, 0.97)
    c = max(0.3, c)
    width = ball.rx * {"wide": 0.55, "line": 0.34, "lips": 0.27, "beans": 0.45}.get(who.mouth, 0.4)
    x -= math.sin(ball.yaw) * width * 0.6 * (1 - c)
    with pen.clip(lump(ball.x, ball.y, ball.rx, ball.ry, who.square, who.jaw)):
        _mouth_shape(pen, who, face, x, y, width * c, skin)


def _muzzle(pen: Pen, who: Identity, face: Face, ball: Ball, skin: Color) -> Point:
    m = who.muzzle
    s, c = math.sin(ball.yaw), math.cos(ball.yaw)
    mx = ball.x + s * ball.rx * (0.72 + 0.35 * m)
    my = ball.y + ball.ry * 0.36
    rx = ball.rx * m * (abs(c) * 1.0 + abs(s) * 1.15)
    ry = ball.ry * m * 0.82
    color = who.second if who.marks in ("face", "mask") or who.coat == "belly" else skin
    jaw = face.mouth
    if jaw > 0.12:
        chin = lump(mx - s * rx * 0.15, my + ry * (0.5 + 0.5 * jaw), rx * 0.72, ry * 0.6)
        pen.fill(chin, scale(color, 0.92))
        pen.plain(oval(mx, my + ry * (0.45 + 0.3 * jaw), rx * 0.55, ry * 0.5), (0.4, 0.1, 0.12))
        pen.plain(oval(mx, my + ry * (0.65 + 0.35 * jaw), rx * 0.35, ry * 0.3), (0.92, 0.45, 0.45))
    pen.fill(lump(mx, my, rx, ry, 0.0, 0.1), color, 1.0 if color == skin or abs(s) > 0.5 else 0.7)
    tip = (mx + s * rx * 0.78, my - ry * 0.55)
    if c > -0.2 and jaw <= 0.12:
        w = rx * 0.6
        x, y = mx + s * rx * 0.35, my + ry * 0.25
        dark = dark_line(pen, color)
        width = max(0.4, 0.05 * ball.ry)
        drop = face.smile * w * 0.35
        pen.stroke(
            smooth([(x - w, y - drop * 0.5), (x - w * 0.45, y + w * 0.3), (x, y)], False),
            dark,
            width,
        )
        pen.stroke(
            smooth([(x, y), (x + w * 0.45, y + w * 0.3), (x + w, y - drop * 0.5)], False),
            dark,
            width,
        )
        pen.stroke(polygon([tip, (x, y)], False), dark, width)
        if who.mouth == "buck":
            pen.fill(rect(x - w * 0.3, y + w * 0.1, x + w * 0.3, y + w * 0.65, 0.3), WHITE, 0.6, 0)
    if who.seed % 5 == 0:
        dark = dark_line(pen, color)
        for side in (-1, 1):
            for k in (-0.2, 0.1, 0.4):
                wx = mx + side * rx * 0.6
                pen.stroke(
                    polygon(
                        [(wx, my + k * ry), (wx + side * ball.rx * 0.7, my + k * ry * 2.2)], False
                    ),
                    dark,
                    0.25,
                )
    return tip


def _beak(pen: Pen, who: Identity, face: Face, ball: Ball) -> None:
    s, c = math.sin(ball.yaw), math.cos(ball.yaw)
    if c < -0.5:
        return
    size = ball.ry * (0.35 + who.muzzle * 0.6)
    x, y = ball.x + s * ball.rx * 0.85, ball.y + ball.ry * 0.1
    half = ball.ry * 0.26
    color = mix((1.0, 0.7, 0.15), who.trim, 0.3)
    gape = face.mouth * half
    tip = (x + s * size * 1.3, y + (1 - abs(s)) * half * 0.9)
    wide = half * (0.4 + abs(c))
    if gape:
        pen.fill(
            smooth(
                [
                    (x - wide * 0.8, y),
                    (x + wide * 0.8, y),
                    (tip[0] - s * size * 0.2, tip[1] + gape * 1.8),
                ]
            ),
            scale(color, 0.75),
        )
    top = [(x - wide, y), (x, y - half * 1.2), (x + wide, y), (tip[0], tip[1] + 0.2), tip]
    if abs(s) > 0.4:
        top = [
            (x - s * half * 0.3, y - half),
            (x + s * size * 0.7, y - half * 0.5),
            tip,
            (x + s * size * 0.4, y + half * 0.5),
            (x - s * half * 0.3, y + half * 0.5),
        ]
    pen.fill(smooth(top), color)


def _beard(pen: Pen, who: Identity, ball: Ball) -> None:
    s, c = math.sin(ball.yaw), math.cos(ball.yaw)
    if c < -0.2:
        return
    kind = who.beard
    x = ball.x + s * ball.rx * 0.35
    rx, ry = ball.rx, ball.ry
    if kind == "stubble":
        with pen.clip(lump(ball.x, ball.y, rx, ry, who.square, who.jaw)):
            pen.plain(oval(x, ball.y + ry * 0.75, rx * 0.9, ry * 0.5), scale(who.skin, 0.72), 0.7)
        return
    if kind in ("full", "long"):
        low = ball.y + ry * (1.25 if kind == "full" else 2.1)
        path = smooth(
            [
                (x - rx * 0.95, ball.y + ry * 0.05),
                (x - rx * 0.45, ball.y + ry * 0.3),
                (x + rx * 0.45, ball.y + ry * 0.3),
                (x + rx * 0.95, ball.y + ry * 0.05),
                (x + rx * 0.8, ball.y + ry * 0.9),
                (x, low),
                (x - rx * 0.8, ball.y + ry * 0.9),
            ]
        )
        pen.fill(path, who.hair)
    elif kind == "goatee":
        pen.fill(
            lump(x + s * rx * 0.4, ball.y + ry * 0.95, rx * 0.25, ry * 0.28, 0, -0.4), who.hair
        )
    mx = ball.x + s * rx * 0.8
    my = ball.y + ry * 0.3
    w = rx * 0.5 * (0.4 + 0.6 * abs(c))
    if kind != "goatee":
        pen.fill(
            tube(
                [(mx - w, my + 0.12 * ry), (mx, my - 0.02 * ry), (mx + w, my + 0.12 * ry)],
                [0.03 * ry, 0.11 * ry, 0.03 * ry],
            ),
            who.hair,
        )
