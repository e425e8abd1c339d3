"""The ball of a head that turns, and the eyes, brows and glasses on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .colors import BLACK, WHITE, Color, luma, mix, scale
from .identities import Identity
from .pen import Pen, lump, oval, polygon, rect, smooth
from .pose import Face


@dataclass(frozen=True)
class Ball:
    """Where a head is: centre, half sizes, and the direction that it looks in (radians)."""

    x: float
    y: float
    rx: float
    ry: float
    yaw: float

    def at(self, lon: float, lat: float, out: float = 1.0) -> tuple[float, float, float]:
        """A place on the ball: x, y, and how squarely it faces the viewer (-1..1)."""
        turn = lon + self.yaw
        flat = math.cos(lat)
        return (
            self.x + self.rx * out * math.sin(turn) * flat,
            self.y - self.ry * out * math.sin(lat),
            math.cos(turn) * flat,
        )


def dark_line(pen: Pen, skin: Color) -> Color:
    """A colour for drawn lines that can be seen on the skin."""
    color = pen.style.line_color if pen.style.line else scale(skin, 0.3)
    return color if abs(luma(color) - luma(skin)) > 0.25 else mix(skin, WHITE, 0.8)


def draw_eyes(pen: Pen, who: Identity, face: Face, ball: Ball, skin: Color) -> None:
    """Draw the eyes, their lids and brows."""
    count = who.eye_count
    size = who.eye_size * 2 * ball.ry * {1: 1.5, 2: 1.0, 3: 0.75, 4: 0.7}[count]
    gap = who.eye_gap
    if who.eyes == "joined":
        gap = min(0.6, math.asin(min(0.9, size * 0.78 / ball.rx)))
    places = {
        1: [(0.0, 0.05)],
        2: [(-gap, 0.0), (gap, 0.0)],
        3: [(-gap, 0.0), (gap, 0.0), (0.0, 0.42)],
        4: [(-gap, 0.0), (gap, 0.0), (-gap * 0.6, 0.42), (gap * 0.6, 0.42)],
    }[count]
    for lon, lat in places:
        x, y, c = ball.at(lon, who.eye_level + lat, 0.97)
        if c < 0.16:
            continue
        wide = min(1.0, 0.25 + 0.85 * c)
        _eye(pen, who, face, x, y, size * wide, size, 1 if lon > 0 else -1, skin)
        if who.brows and count <= 2:
            _brow(pen, who, face, x, y - size * (1.2 + 0.5 * face.lift), size * wide, lon, skin)


def _eye(
    pen: Pen,
    who: Identity,
    face: Face,
    x: float,
    y: float,
    w: float,
    h: float,
    side: int,
    skin: Color,
) -> None:
    kind = who.eyes
    dark = dark_line(pen, skin)
    line = max(pen.width, 0.09 * h)
    if face.open < 0.15:
        bend = 0.45 * h if face.smile < 0.4 else -0.45 * h
        path = smooth([(x - w * 0.7, y), (x, y + bend), (x + w * 0.7, y)], False)
        pen.stroke(path, dark, max(line, 0.16 * h))
        return
    if kind in ("dot", "bean"):
        tall = 0.5 if kind == "dot" else 0.8
        pen.plain(oval(x, y, w * 0.42, h * tall * min(1.0, face.open)), dark)
        if h * pen.unit > 4:
            pen.plain(oval(x - w * 0.12, y - h * tall * 0.4, w * 0.13, h * 0.14), WHITE)
        return
    gx, gy = face.gaze[0] * w * 0.35, -face.gaze[1] * h * 0.3
    if kind == "anime":
        _anime_eye(
            pen, who, face, x, y, w * 1.05, h * min(1.1, 0.35 + 0.75 * face.open), side, gx, dark
        )
        return
    tall = {"oval": 1.0, "joined": 1.1, "pie": 1.15, "round": 0.9, "ring": 0.8}[kind]
    broad = {"oval": 0.72, "joined": 0.85, "pie": 0.62, "round": 0.9, "ring": 0.8}[kind]
    path = oval(x, y, w * broad, h * tall * min(1.12, 0.5 + 0.55 * face.open))
    pen.fill(path, WHITE, 0.9, 0.35)
    if not pen.width and luma(pen.style.tone(skin)) > 0.75:
        pen.stroke(path, scale(skin, 0.6), 0.06 * h)
    with pen.clip(path):
        if kind == "pie":
            pen.plain(oval(x + gx, y + gy + h * 0.15, w * 0.4, h * 0.72), BLACK)
            wedge = [
                (x + gx, y + gy),
                (x + gx + w, y + gy - h * 0.9),
                (x + gx + w, y + gy - h * 0.1),
            ]
            pen.plain(polygon(wedge), WHITE)
        elif kind in ("round",):
            r = 0.56 * h
            pen.plain(oval(x + gx, y + gy, r * w / h, r), who.iris)
            pen.plain(oval(x + gx, y + gy, r * 0.55 * w / h, r * 0.55), BLACK)
            pen.plain(oval(x + gx - r * 0.3, y + gy - r * 0.35, r * 0.22, r * 0.22), WHITE)
        else:
            r = h * (0.3 if kind != "ring" else 0.2)
            pen.plain(oval(x + gx, y + gy, r * w / h, r * 1.1), BLACK)
        if face.open < 0.9:
            edge = y - h * tall + 2 * h * tall * (0.95 - face.open) * 0.8
            lid = mix(skin, scale(skin, 0.6), 0.35)
            pen.plain(rect(x - w * 1.3, y - h * 1.6, x + w * 1.3, edge), lid)
            pen.stroke(polygon([(x - w * 1.2, edge), (x + w * 1.2, edge)], False), dark, line)
        if face.brow > 0.5:
            inner = x - side * w * 0.9
            scowl = [
                (inner, y - h * 0.05),
                (x + side * w, y - h * 0.9),
                (x + side * w, y - h * 2),
                (inner, y - h * 2),
            ]
            pen.plain(polygon(scowl), scale(skin, 0.85))
    if who.lashes:
        for k in range(3):
            a = -math.pi / 2 + side * (0.45 + 0.35 * k)
            sx, sy = x + w * broad * math.cos(a), y + h * tall * math.sin(a)
            pen.stroke(
                polygon(
                    [(sx, sy), (sx + 0.35 * w * math.cos(a), sy + 0.35 * h * math.sin(a))], False
                ),
                dark,
                line,
            )


def _anime_eye(
    pen: Pen,
    who: Identity,
    face: Face,
    x: float,
    y: float,
    w: float,
    h: float,
    side: int,
    gx: float,
    dark: Color,
) -> None:
    white = lump(x, y, w * 0.8, h * 0.95, 0.25)
    pen.plain(white, WHITE)
    with pen.clip(white):
        ix = x + gx - side * w * 0.05
        pen.plain(oval(ix, y + h * 0.05, w * 0.58, h * 0.92), who.iris)
        pen.plain(oval(ix, y - h * 0.35, w * 0.58, h * 0.62), scale(who.iris, 0.4))
        pen.plain(oval(ix, y + h * 0.02, w * 0.24, h * 0.42), scale(who.iris, 0.2))
        pen.plain(oval(ix, y + h * 0.6, w * 0.3, h * 0.2), mix(who.iris, WHITE, 0.5))
    pen.plain(oval(x - w * 0.22, y - h * 0.42, w * 0.2, h * 0.24), WHITE)
    pen.plain(oval(x + w * 0.25, y + h * 0.3, w * 0.09, h * 0.1), WHITE)
    drop = face.brow * 0.2 * h
    lash = [
        (x - w * 0.95, y - h * 0.5 + side * drop),
        (x - w * 0.4, y - h * 1.0),
        (x + w * 0.4, y - h * 1.0),
        (x + w * 0.95, y - h * 0.5 - side * drop),
    ]
    pen.stroke(smooth(lash, False), dark, h * (0.26 if who.lashes else 0.16))
    low = [(x - w * 0.4, y + h * 0.95), (x + w * 0.4, y + h * 0.95)]
    pen.stroke(smooth(low, False), dark, h * 0.07)


def _brow(
    pen: Pen, who: Identity, face: Face, x: float, y: float, w: float, lon: float, skin: Color
) -> None:
    side = 1 if lon > 0 else -1
    tilt = face.brow * w * 0.6
    color = who.hair if who.plan == "human" else scale(skin, 0.4)
    if abs(luma(color) - luma(skin)) < 0.12:
        color = scale(skin, 0.5)
    path = smooth(
        [(x - side * w * 0.8, y + tilt), (x, y - w * 0.25), (x + side * w * 0.9, y - tilt * 0.6)],
        False,
    )
    pen.stroke(path, color, max(0.5, who.brows * 60 * w / 14))


def draw_glasses(pen: Pen, who: Identity, ball: Ball) -> None:
    """Draw what sits before the eyes."""
    kind = who.glasses
    gap = who.eye_gap
    places: list[tuple[float, float, float]] = []
    for lon in (-gap, gap):
        x, y, c = ball.at(lon, who.eye_level, 1.03)
        if c > 0.12:
            places.append((x, y, min(1.0, 0.3 + 0.8 * c)))
    r = max(who.eye_size * 2.3, 0.26) * ball.ry
    dark: Color = who.trim if who.seed % 2 else (0.1, 0.1, 0.12)
    if kind in ("mono", "patch"):
        places = places[-1:]
    for x, y, c in places:
        shape = (
            rect(x - r * c * 1.1, y - r * 0.75, x + r * c * 1.1, y + r * 0.8, r * 0.2)
            if kind == "square"
            else (oval(x, y, r * c, r))
        )
        if kind in ("dark", "patch"):
            pen.fill(shape, (0.08, 0.08, 0.1), 1.0, 0.4)
        elif kind == "goggles":
            pen.fill(shape, (0.65, 0.85, 0.95), 1.0, 0.4)
            pen.stroke(shape, dark, 0.22 * r)
        else:
            pen.plain(shape, WHITE, 0.25)
            pen.stroke(shape, dark, max(0.5, 0.12 * r))
    if len(places) == 2:
        (ax, ay, ac), (bx, by, bc) = places
        pen.stroke(polygon([(ax + r * ac, ay), (bx - r * bc, by)], False), dark, max(0.5, 0.12 * r))
    if places and kind in ("patch", "goggles", "dark", "round", "square"):
        for side in (-1, 1):
            ex, ey, c = ball.at(side * 1.5, who.eye_level + 0.1, 1.0)
            near = places[0] if abs(places[0][0] - ex) < abs(places[-1][0] - ex) else places[-1]
            if c > -0.3:
                pen.stroke(
                    polygon([(near[0], near[1]), (ex, ey)], False)
                    if kind == "patch"
                    else polygon(
                        [(near[0] + math.copysign(r * near[2], ex - near[0]), near[1]), (ex, ey)],
                        False,
                    ),
                    dark,
                    max(0.5, 0.1 * r),
                )
