"""A character as a puppet: parts in space, turned by the pose, drawn from back to front.

Units: the nominal height of the character is 100; it stands on (0, 0), y points downwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import skia

from .colors import WHITE, mix, scale
from .face import Ball, draw_face, draw_glasses
from .hair import draw_ears, draw_hair, draw_hat, draw_horns, hair_parts
from .identities import Identity
from .outfit import dress_torso, hem_path, torso_path
from .pen import Pen, Point, lump, oval, polygon, rect, smooth, tube
from .pose import Arm, Leg, Pose

BIPEDS = ("human", "critter", "robot", "monster")


class Figure:
    """One character in one pose, ready to be drawn."""

    def __init__(self, pen: Pen, who: Identity, pose: Pose) -> None:
        self.pen = pen
        self.who = who
        self.pose = pose
        self.cos, self.sin = math.cos(pose.yaw), math.sin(pose.yaw)
        self.head = Ball(0, -80, 10, 10, 0)
        self._parts: list[tuple[float, int, Callable[[], None]]] = []
        build = {"quadruped": self._quadruped, "bird": self._bird, "fish": self._fish}.get(
            who.plan, self._biped if who.plan in BIPEDS else self._blob
        )
        build()

    def draw(self) -> None:
        """Draw all parts, the farthest first."""
        canvas = self.pen.canvas
        canvas.save()
        if self.pose.roll:
            canvas.rotate(math.degrees(self.pose.roll), 0, -45)
        if self.pose.squash != 1.0:
            canvas.scale(2.0 - self.pose.squash, self.pose.squash)
        for _, _, part in sorted(self._parts, key=lambda p: p[:2]):
            part()
        canvas.restore()

    # -- helpers

    def _at(self, x: float, y: float, z: float) -> Point:
        return (x * self.cos + z * self.sin, y)

    def _depth(self, x: float, z: float) -> float:
        return z * self.cos - x * self.sin

    def _add(self, depth: float, part: Callable[[], None]) -> None:
        self._parts.append((depth, len(self._parts), part))

    def _wide(self, x: float, z: float) -> float:
        return math.hypot(x * self.cos, z * self.sin)

    # -- plans

    def _biped(self) -> None:
        who, pose = self.who, self.pose
        foot_high = who.limb * 0.9 * who.foot_size + 0.8
        ends = [self._leg_points(leg, side) for leg, side in zip(pose.legs, (-1, 1), strict=True)]
        low = max(points[2][1] for points in ends)
        sitting = min(leg.swing for leg in pose.legs) > 1.0
        hip_y = -max(low + foot_high, who.hip * 0.5 if sitting else 0.0) - pose.lift
        for side, leg, points in zip((-1, 1), pose.legs, ends, strict=True):
            self._leg(side, leg, [(x, y + hip_y, z) for x, y, z in points])
        lean = math.sin(pose.lean) * who.torso
        shoulder_y = hip_y - who.torso * math.cos(pose.lean)
        torso = torso_path(who, self.cos, self.sin, hip_y, shoulder_y, lean)
        if who.top_kind in ("dress", "coat", "robe") or who.bottom_kind == "skirt":
            self._hem(hip_y, lean)
        self._add(0.0, lambda: dress_torso(self.pen, who, torso, self.cos, self.sin, hip_y, shoulder_y, lean))
        for side, arm in zip((-1, 1), pose.arms, strict=True):
            self._arm(side, arm, shoulder_y, lean)
        neck_y = shoulder_y - who.neck
        half = who.head / 2
        if who.neck > 0.5:
            r = min(who.shoulder * 0.45, half * 0.5)
            neck = tube([(lean, shoulder_y + 2), (lean, neck_y - half * 0.3)], [r * 1.1, r])
            self._add(0.05, lambda: self.pen.fill(neck, who.skin, 0.8))
        nod = pose.head_tilt
        x = lean * 1.1 + math.sin(nod) * half * 0.4
        self._head(x, neck_y - half * 0.86, half, 0.1)
        self._behind(hip_y, shoulder_y, lean)

    def _quadruped(self) -> None:
        who, pose = self.who, self.pose
        length = who.body_length / 2
        high = min(18.0, who.waist * 0.9 + 3)
        legs = min(who.legs * 0.8, 34.0)
        wide = high * (0.6 + 0.3 * who.depth)
        y = -(legs + high * 0.7) - pose.lift
        swing = [pose.legs[0].swing, pose.legs[1].swing]
        coat = self._coat_painter()
        for i, (side, end) in enumerate(((-1, 1), (1, 1), (1, -1), (-1, -1))):
            x, z = side * wide * 0.6, end * length * 0.72
            a = swing[i % 2] * 0.7
            r = who.limb * 1.25 + 0.6
            knee = (x, y + high * 0.5 + legs * 0.45, z + math.sin(a) * legs * 0.45)
            bend = max(0.0, pose.legs[i % 2].knee - 0.1) * 0.5
            foot = (x, min(-r * 0.8, knee[1] + legs * 0.52 * math.cos(a - bend)), knee[2] + math.sin(a - bend) * legs * 0.5)
            joints = [self._at(x, y, z), self._at(*knee), self._at(*foot)]
            paw = self._at(foot[0], foot[1] + r * 0.2, foot[2] + r * 0.5)
            limb = tube(joints, [r * 1.7, r * 1.15, r], who.hose)
            toe = lump(*paw, r * 1.1 + self._wide(0, r * 0.6), r * 0.85)

            def leg(limb: skia.Path = limb, toe: skia.Path = toe) -> None:
                self.pen.fill(limb, who.skin)
                self.pen.fill(toe, who.second if who.coat == "two-tone" else who.skin)

            self._add(self._depth(x, z) * 0.8 - 1, leg)
        half_wide = self._wide(wide, length)
        body = lump(0, y, half_wide, high * (0.9 + 0.1 * abs(self.sin)), 0.1, 0.05)

        def trunk() -> None:
            self.pen.fill(body, who.skin)
            coat(body)

        self._add(0.0, trunk)
        head_z = length * 1.0 + who.head * 0.12
        head_y = y - high * 0.5 - who.head * (0.3 + 0.004 * who.ear_size * 50) - who.neck * 1.5
        neck = tube([self._at(0, y - high * 0.1, length * 0.7), self._at(0, head_y, head_z)], [high * 0.6, who.head * 0.27])
        depth = self._depth(0, head_z)
        self._add(depth * 0.5 + 0.3, lambda: self.pen.fill(neck, who.skin))
        hx, _ = self._at(0, 0, head_z)
        self._head(hx, head_y, who.head / 2 * 0.95, depth + 1.5)
        self._tail(y - high * 0.3, -length)

    def _bird(self) -> None:
        who, pose = self.who, self.pose
        leg = 4.0 + min(who.legs, 40) * 0.5
        high = (100 - leg - who.head * 0.6) / 2
        wide = high * (0.55 + 0.02 * min(who.waist, 20))
        y = -leg - high * 0.95 - pose.lift
        for side, stance in zip((-1, 1), pose.legs, strict=True):
            x = side * wide * 0.4
            foot = self._at(x, -1.0 - pose.lift, math.sin(stance.swing) * leg)
            hip = self._at(x, -leg - 2 - pose.lift, 0)
            shin = tube([hip, foot], [1.1, 0.9])
            toes = lump(foot[0] + self.sin * 2.5, foot[1], 3 + 2 * abs(self.sin), 1.4)

            def step(shin: skia.Path = shin, toes: skia.Path = toes) -> None:
                color = mix((0.95, 0.6, 0.15), who.trim, 0.3)
                self.pen.fill(shin, color, 0.8)
                self.pen.fill(toes, color, 0.8)

            self._add(self._depth(x, 0) * 0.5 - 1, step)
        half_wide = self._wide(wide, wide * 1.15)
        body = lump(-self.sin * wide * 0.1, y, half_wide, high, 0.0, 0.12)
        coat = self._coat_painter()

        def trunk() -> None:
            self.pen.fill(body, who.skin)
            coat(body)

        self._add(0.0, trunk)
        flap = math.sin(pose.wave) * (0.9 if pose.lift > 3 else 0.15)
        for side in (-1, 1):
            root = self._at(side * wide * 0.85, y - high * 0.25, 0)
            spread = pose.arms[(side + 1) // 2].lift + flap
            tip = self._at(side * (wide * 0.9 + math.sin(spread) * high), y - high * 0.25 + math.cos(spread) * high, -wide * 0.5)
            wing = tube([root, ((root[0] + tip[0]) / 2, (root[1] + tip[1]) / 2 + high * 0.1), tip], [high * 0.22, high * 0.3, 0.5])

            def flapper(wing: skia.Path = wing) -> None:
                self.pen.fill(wing, scale(who.skin, 0.85) if who.coat != "two-tone" else who.second)

            self._add(self._depth(side * wide, -0.1) + 0.5, flapper)
        back = self._at(0, y + high * 0.4, -wide)
        tip = self._at(0, y + high * 0.2, -wide * 1.9)
        tail = smooth([(back[0], back[1] - 4), (tip[0] - 3, tip[1] - 5), (tip[0], tip[1] + 3), (back[0], back[1] + 6)])
        self._add(self._depth(0, -wide), lambda: self.pen.fill(tail, scale(who.skin, 0.8)))
        self._head(*self._at(0, y - high * 0.75 - who.head * 0.2, wide * 0.25), who.head * 0.42, 2.0)
        self._clothe_small(y - high * 0.55, half_wide)

    def _fish(self) -> None:
        who, pose = self.who, self.pose
        length, high = 34.0, 14.0 + who.waist * 0.6
        wide = high * 0.6
        y = -50.0 - pose.lift
        back, tip = self._at(0, y, -length * 0.85), self._at(0, y, -length * 1.6)
        sway = math.sin(pose.wave) * 4
        fin = smooth([(back[0], back[1]), (tip[0], tip[1] - high + sway), (tip[0] * 0.93, tip[1]), (tip[0], tip[1] + high + sway)])
        self._add(self._depth(0, -length), lambda: self.pen.fill(fin, who.second))
        crest = self._at(0, y - high * 0.8, -2)
        dorsal = smooth([(crest[0] - 10 * self.sin - 2, crest[1] + 4), (crest[0] - 6 * self.sin, crest[1] - 10),
                         (crest[0] + 8 * self.sin + 2, crest[1] + 4)])
        self._add(-0.5, lambda: self.pen.fill(dorsal, who.second))
        body = lump(0, y, self._wide(wide, length), high)
        coat = self._coat_painter()

        def trunk() -> None:
            self.pen.fill(body, who.skin)
            coat(body)

        self._add(0.0, trunk)
        for side in (-1, 1):
            root = self._at(side * wide, y + high * 0.25, 4)
            side_fin = polygon([root, (root[0] - 9 * self.sin + side * 5 * self.cos, root[1] + 9), (root[0] - 9 * self.sin, root[1] + 1)])
            self._add(self._depth(side * wide, 0), lambda path=side_fin: self.pen.fill(path, who.second))  # type: ignore[misc]
        hx, _ = self._at(0, 0, length * 0.45)
        ball = Ball(hx, y, self._wide(wide, length * 0.5), high * 0.8, pose.yaw + pose.head_yaw * 0.3)
        self.head = ball
        plain = replace(who, muzzle=0.0, ears="none", beard="none")
        self._add(3.0, lambda: draw_face(self.pen, plain, pose.face, ball, who.skin))

    def _blob(self) -> None:
        who, pose = self.who, self.pose
        legs = 0.0 if who.plan == "ghost" or who.tail in ("none", "puff") else min(26.0, 100 - who.head) + 4
        ry = (100 - legs) / 2 * 0.95
        rx = ry * min(1.3, who.head_wide) * (1.0 if who.plan != "object" else 0.8)
        float_up = 12.0 if who.plan == "ghost" else 0.0
        y = -legs - ry - pose.lift - float_up
        body = self._blob_path(rx * (1.0 if who.plan != "object" else 0.55 + 0.45 * abs(self.cos)), ry, y)
        coat = self._coat_painter()

        def trunk() -> None:
            self.pen.fill(body, who.skin)
            coat(body)

        self._add(0.0, trunk)
        if legs:
            ends = [self._leg_points(leg, side, legs, rx * 0.4) for leg, side in zip(pose.legs, (-1, 1), strict=True)]
            low = max(points[2][1] for points in ends)
            for side, leg, points in zip((-1, 1), pose.legs, ends, strict=True):
                self._leg(side, leg, [(px, py - low - 2 - pose.lift, pz) for px, py, pz in points])
        if legs or who.hand in ("glove", "fingers"):
            for side, arm in zip((-1, 1), pose.arms, strict=True):
                self._arm(side, arm, y + ry * 0.1, 0.0, rx * 0.93, 34.0)
        yaw = math.remainder(pose.yaw + pose.head_yaw * 0.3, 2 * math.pi)
        if who.plan == "object":
            yaw *= 0.6
        ball = Ball(0, y - ry * 0.12, rx * 0.86, ry * 0.62, yaw)
        self.head = Ball(0, y, rx, ry, yaw)
        small = replace(who, eye_size=who.eye_size * 0.75, beard="none" if who.plan != "monster" else who.beard)

        def features() -> None:
            draw_horns(self.pen, small, self.head)
            draw_face(self.pen, small, pose.face, ball, who.skin)
            if who.glasses != "none":
                draw_glasses(self.pen, small, ball)
            if who.hat != "none":
                draw_hat(self.pen, small, Ball(0, y - ry * 0.25, rx * 0.7, ry * 0.7, yaw))

        self._add(1.0, features)

    def _blob_path(self, rx: float, ry: float, y: float) -> skia.Path:
        who, pose = self.who, self.pose
        if who.plan == "ghost":
            n = 5
            points: list[Point] = [(-rx, y + ry * 0.9), (-rx, y - ry * 0.4), (-rx * 0.6, y - ry), (rx * 0.6, y - ry),
                                   (rx, y - ry * 0.4), (rx, y + ry * 0.9)]
            for k in range(2 * n + 1):
                t = 1 - k / n
                points.append((rx * t, y + ry * (1.15 if k % 2 else 0.8) + 2 * math.sin(pose.wave + k)))
            return smooth(points)
        if who.plan == "object":
            kind = who.seed % 6
            if kind == 0:
                return rect(-rx, y - ry, rx, y + ry, ry * 0.12)
            if kind == 1:
                return smooth([(-rx * 0.7, y + ry), (-rx, y - ry), (-rx * 0.9, y - ry), (rx * 0.9, y - ry), (rx, y - ry), (rx * 0.7, y + ry)])
            if kind == 2:
                star = [
                    (r * rx * math.sin(k * math.pi / 5), y - r * ry * math.cos(k * math.pi / 5))
                    for k in range(10) for r in (1.15 if k % 2 == 0 else 0.62,)
                ]
                return polygon(star)
            if kind == 3:
                return lump(0, y, rx, ry, 0.0, 0.35)
            if kind == 4:
                return smooth([(0, y - ry * 1.35), (rx * 1.2, y + ry * 0.2), (rx * 0.8, y + ry * 1.1), (-rx * 0.8, y + ry * 1.1), (-rx * 1.2, y + ry * 0.2)])
            return lump(0, y, rx, ry, 0.9)
        bumps = [1 + 0.07 * math.sin(i * (1 + who.seed % 3) + who.seed) + 0.04 * math.sin(pose.wave + i) for i in range(20)]
        return lump(0, y, rx, ry, who.square, 0.12, bumps)

    # -- parts

    def _leg_points(
        self, leg: Leg, side: int, length: float | None = None, out: float | None = None
    ) -> list[tuple[float, float, float]]:
        who = self.who
        span = (length if length is not None else who.legs) * 0.5
        x = side * (out if out is not None else who.hip * 0.5)
        spread = math.sin(leg.spread) * side
        knee = (x + span * spread, span * math.cos(leg.swing) * math.cos(leg.spread), span * math.sin(leg.swing))
        back = leg.swing - leg.knee
        ankle = (knee[0] + span * spread, knee[1] + span * math.cos(back) * math.cos(leg.spread), knee[2] + span * math.sin(back))
        return [(x, 0.0, 0.0), knee, ankle]

    def _leg(self, side: int, leg: Leg, points: list[tuple[float, float, float]]) -> None:
        who = self.who
        joints = [self._at(*p) for p in points]
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
        fx, fy = self._at(ankle[0], ankle[1] + size * 0.35, ankle[2] + long * 0.45 * forward)
        foot = lump(fx, fy, self._wide(size * 1.15, long), size * 0.85, 0.15, 0.2)
        clad = who.foot in ("shoe", "boot", "big") and (who.plan in ("human", "robot") or who.foot != "big")

        def draw() -> None:
            self.pen.fill(limb, color)
            if upper is not None:
                self.pen.fill(upper, who.bottom)
            if who.foot == "boot":
                cuff = tuple(a + (b - a) * 0.55 for a, b in zip(joints[1], joints[2], strict=True))
                self.pen.fill(tube([cuff, joints[2]], [thick * 1.35, thick * 1.25]), who.shoes)  # type: ignore[list-item]
            self.pen.fill(foot, who.shoes if clad else who.second if who.coat == "two-tone" else who.skin)
            if who.foot == "claws":
                for k in (-1, 0, 1):
                    cx = fx + self.sin * long * 0.8 + k * size * 0.6
                    self.pen.fill(polygon([(cx - 0.6, fy), (cx + self.sin * 2, fy + size * 0.8), (cx + 0.6, fy)]), WHITE, 0.6, 0)

        depth = self._depth((points[0][0] + points[2][0]) / 2, points[1][2])
        self._add(depth - 3.0, draw)

    def _arm(
        self, side: int, arm: Arm, shoulder_y: float, lean: float, out: float | None = None, length: float | None = None
    ) -> None:
        who = self.who
        span = (length if length is not None else who.arms) * 0.5
        r = who.limb * (0.95 if length is None else 0.8)
        sx = side * ((who.shoulder - r * 0.7) if out is None else out)
        start = (sx, shoulder_y + r * 1.1, 0.0)

        def step(p: tuple[float, float, float], swing: float, lift: float) -> tuple[float, float, float]:
            flat = math.cos(lift)
            return (p[0] + side * span * math.sin(lift), p[1] + span * flat * math.cos(swing), p[2] + span * flat * math.sin(swing))

        elbow = step(start, arm.swing, arm.lift)
        hand = step(elbow, arm.swing + arm.fold, arm.lift + arm.bend)
        joints = [(x + lean, y) for x, y in (self._at(*p) for p in (start, elbow, hand))]
        limb = tube(joints, [r * 1.2, r, r * 0.8] if not who.hose else [r * 0.8] * 3, who.hose)
        sleeve: skia.Path | None = None
        clothed = who.top_kind not in ("none", "vest", "tank", "overalls")
        if clothed or who.top_kind == "overalls":
            reach = who.sleeves if who.top_kind not in ("coat", "suit", "robe", "hoodie", "long") else 0.95
            if reach > 0.5:
                sleeve = tube([joints[0], joints[1], _between(joints[1], joints[2], 0.85)], [r * 1.45, r * 1.25, r * 1.15], who.hose)
            elif reach > 0:
                sleeve = tube([joints[0], _between(joints[0], joints[1], 0.8)], [r * 1.5, r * 1.5])
        elbow_depth = self._depth((start[0] + hand[0]) / 2, (elbow[2] + hand[2]) / 2)

        def draw() -> None:
            self.pen.fill(limb, who.skin)
            if sleeve is not None:
                self.pen.fill(sleeve, who.top if who.top_kind != "overalls" else who.trim)
            self._hand(joints[1], joints[2], side, r)

        bias = 0.6 if abs(self.sin) < 0.8 or -sx * self.sin > 0 else -1.0
        self._add(elbow_depth + bias, draw)

    def _hand(self, elbow: Point, hand: Point, side: int, r: float) -> None:
        who, pen = self.who, self.pen
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
            pen.fill(tube([(cx, cy), (cx + math.cos(a) * size * 1.15, cy + math.sin(a) * size * 1.15)], [size * 0.36, size * 0.3]), color, 0.8)
        pen.fill(oval(cx, cy, size, size * 0.95), color)
        if gloved and fine:
            nx, ny = -dy * size * 0.8, dx * size * 0.8
            pen.fill(tube([(hand[0] + nx, hand[1] + ny), (hand[0] - nx, hand[1] - ny)], [size * 0.3, size * 0.3]), color, 0.8)

    def _head(self, x: float, y: float, half: float, depth: float) -> None:
        who, pose, pen = self.who, self.pose, self.pen
        rx = half * who.head_wide * (1.0 if who.plan != "robot" else 0.9 + 0.1 * abs(self.cos))
        yaw = pose.yaw + pose.head_yaw
        ball = Ball(x, y, rx, half, yaw)
        self.head = ball
        tilt = math.degrees(pose.head_tilt)
        for d, part in hair_parts(pen, who, ball, depth, pose.wave):
            self._add(d, part)
        masked = who.marks == "face" and not who.muzzle

        def draw() -> None:
            with pen.turned(tilt, x, y + half):
                draw_horns(pen, who, ball)
                draw_ears(pen, who, ball, who.skin, False, pose.wave)
                shape = lump(x, y, rx, half, who.square, who.jaw)
                pen.fill(shape, who.skin)
                self._markings(shape, ball)
                skin = who.second if masked else who.skin
                draw_ears(pen, who, ball, who.skin, True, pose.wave)
                draw_face(pen, who, pose.face, ball, skin)
                draw_hair(pen, who, ball)
                if who.glasses != "none":
                    draw_glasses(pen, who, ball)
                if who.hat != "none":
                    draw_hat(pen, who, ball)

        self._add(depth, draw)

    def _markings(self, shape: skia.Path, ball: Ball) -> None:
        who, pen = self.who, self.pen
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
                        pen.plain(oval(x, y, ball.rx * 0.45 * c + 1, ball.ry * 0.36), scale(who.skin, 0.45))
            elif who.marks == "patch":
                x, y, c = ball.at(who.eye_gap, who.eye_level)
                if c > 0.1:
                    pen.plain(oval(x, y, ball.rx * 0.5 * c, ball.ry * 0.5), who.second)
            elif who.marks == "stripes":
                for lon in (-0.35, 0.0, 0.35):
                    x, y, c = ball.at(lon, 0.9)
                    pen.plain(polygon([(x - 1.5, y - 3), (x + 1.5, y - 3), (x, y + ball.ry * 0.4)]), scale(who.skin, 0.4))
            elif who.marks == "spots":
                for k in range(7):
                    x, y, c = ball.at(k * 2.4 + who.seed % 7, math.sin(k * 1.7) * 0.9)
                    if c > 0.1:
                        pen.plain(oval(x, y, ball.rx * 0.14 * c, ball.ry * 0.12), scale(who.skin, 0.6))

    def _coat_painter(self) -> Callable[[skia.Path], None]:
        who, pen = self.who, self.pen

        def paint(body: skia.Path) -> None:
            box = body.getBounds()
            w, h = box.width(), box.height()
            with pen.clip(body):
                if who.coat == "belly" and self.cos > -0.4:
                    x = box.centerX() + self.sin * w * 0.2
                    pen.plain(oval(x, box.bottom() - h * 0.3, w * 0.36, h * 0.42), who.second)
                elif who.coat == "spots":
                    for k in range(9):
                        x = box.left() + w * ((k * 0.37 + who.seed % 10 / 10 + self.pose.yaw / 6.3) % 1.0)
                        y = box.top() + h * ((k * 0.61) % 1.0)
                        pen.plain(oval(x, y, w * 0.07, h * 0.08), scale(who.skin, 0.6))
                elif who.coat == "stripes":
                    for k in range(6):
                        x = box.left() + w * (k + 0.3) / 6
                        pen.plain(polygon([(x, box.top()), (x + w * 0.07, box.top()), (x + w * 0.02, box.top() + h * 0.6)]), scale(who.skin, 0.4))
                elif who.coat == "two-tone":
                    pen.plain(rect(box.left(), box.top() + h * 0.62, box.right(), box.bottom()), who.second)

        return paint

    def _hem(self, hip_y: float, lean: float) -> None:
        who = self.who
        drop = {"dress": 0.35 + (who.seed % 5) * 0.14, "coat": 0.55, "robe": 0.94}.get(who.top_kind, 0.4)
        length = min(who.legs * drop, -hip_y - 0.5)
        spread = max(abs(leg.swing) for leg in self.pose.legs)
        color = who.bottom if who.bottom_kind == "skirt" and who.top_kind not in ("dress", "coat", "robe") else who.top
        path = hem_path(who, self.cos, self.sin, hip_y, length, spread, math.sin(self.pose.wave) * 1.2)
        path.offset(lean * 0.1, 0)
        self._add(-0.2, lambda: self.pen.fill(path, color))

    def _behind(self, hip_y: float, shoulder_y: float, lean: float) -> None:
        who, pen = self.who, self.pen
        depth = who.shoulder * who.depth
        self._tail(hip_y - 2, -who.hip * who.depth * 0.8)
        if "cape" in who.extras:
            low = hip_y * 0.25
            sway = math.sin(self.pose.wave) * 2 - self.sin * 3
            w = self._wide(who.shoulder * 1.05, depth * 0.4)
            back, _ = self._at(0, 0, -depth)
            cape = smooth([(lean + back * 0.4 - w, shoulder_y), (lean + back * 0.4 + w, shoulder_y), (back + w * 1.4 + sway, low),
                           (back + sway, low + 3), (back - w * 1.4 + sway, low)])
            self._add(-1.5 * depth * math.copysign(1, self.cos) - 4 * self.cos, lambda: pen.fill(cape, who.trim))
        if "backpack" in who.extras and who.plan == "human":
            bx, by = self._at(0, (hip_y + shoulder_y) / 2, -depth * 1.2)
            pack = lump(bx + lean * 0.5, by, self._wide(who.shoulder * 0.8, depth * 0.6), who.torso * 0.4, 0.4)
            self._add(self._depth(0, -depth * 1.3), lambda: pen.fill(pack, who.trim))
        if who.wings != "none":
            flap = math.sin(self.pose.wave) * 0.4
            for side in (-1, 1):
                root = (lean + self._at(side * 2, 0, -depth)[0], shoulder_y + who.torso * 0.25)
                reach = 34 * who.tail_size + 8
                x = root[0] + side * reach * max(0.35, abs(self.cos))
                up = root[1] - reach * (0.6 + flap)
                shape = smooth([root, (x, up), (x + side * 4, root[1]), (x - side * reach * 0.4, root[1] + reach * 0.35)])
                if who.wings == "bat":
                    shape = polygon([root, (x, up), (x + side * 3, root[1] + 4), (x - side * reach * 0.33, root[1]),
                                     (x - side * reach * 0.5, root[1] + reach * 0.4), (x - side * reach * 0.75, root[1] + 4)])
                self._add(-depth * 1.4 * math.copysign(1, self.cos), lambda path=shape: pen.fill(path, who.second))  # type: ignore[misc]

    def _tail(self, y: float, z: float) -> None:
        who, pen = self.who, self.pen
        if who.tail == "none":
            return
        size = 16 * who.tail_size
        sway = math.sin(self.pose.wave) * 3
        root = self._at(0, y, z)
        side = -self.sin if abs(self.sin) > 0.25 else 0.6
        out = max(0.5, abs(self.sin))
        if who.tail == "puff":
            path = lump(root[0] + side * 2, root[1], size * 0.3, size * 0.3)
        elif who.tail == "short":
            path = tube([root, (root[0] + side * size * 0.5, root[1] - size * 0.3)], [2.2, 0.6])
        elif who.tail == "bushy":
            path = tube([root, (root[0] + side * size * out, root[1] + size * 0.1), (root[0] + side * size * 1.5 * out + sway, root[1] - size * 1.5)],
                        [size * 0.12, size * 0.42, size * 0.1], True)
        elif who.tail == "thick":
            path = tube([root, (root[0] + side * size * 0.9, root[1] + size * 0.6), (root[0] + side * size * 2 + sway, min(-1.5, root[1] + size * 1.1))],
                        [size * 0.45, size * 0.3, 0.8])
        elif who.tail == "curl":
            path = tube([root, (root[0] + side * size, root[1]), (root[0] + side * size, root[1] - size), (root[0] + side * size * 0.4, root[1] - size * 0.7)],
                        [1.8, 1.6, 1.5, 1.0], True)
        else:
            path = tube([root, (root[0] + side * size * 1.3 * out, root[1] + size * 0.3), (root[0] + side * size * 1.7 * out + sway, root[1] - size)],
                        [1.6, 1.3, 0.8], True)
        self._add(self._depth(0, z) * 1.2 - 0.5, lambda: pen.fill(path, who.skin if who.coat != "two-tone" else who.second))

    def _clothe_small(self, y: float, wide: float) -> None:
        who, pen = self.who, self.pen
        if "scarf" in who.extras or "bowtie" in who.extras or "tie" in who.extras:
            scarf = lump(0, y, wide * 0.75, 3.5, 0.3)
            self._add(1.0, lambda: pen.fill(scarf, who.trim))


def _between(a: Point, b: Point, share: float) -> Point:
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)


def draw_figure(pen: Pen, who: Identity, pose: Pose) -> Figure:
    """Draw a character standing on the canvas's origin, and give the puppet back."""
    figure = Figure(pen, who, pose)
    figure.draw()
    return figure


