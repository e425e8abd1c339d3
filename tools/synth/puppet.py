"""A character as a puppet: parts in space, turned by the pose, drawn from back to front.

Units: the nominal height of the character is 100; it stands on (0, 0), y points downwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .eyes import Ball
from .identities import Identity
from .pen import Pen, Point
from .pose import Pose

MIDDLE = 45.0
"""Height of the point around which a rolling figure turns."""


class Figure:
    """One character in one pose; body plans add parts to it, then it is drawn."""

    def __init__(self, pen: Pen, who: Identity, pose: Pose) -> None:
        self.pen = pen
        self.who = who
        self.pose = pose
        self.cos, self.sin = math.cos(pose.yaw), math.sin(pose.yaw)
        self.head = Ball(0, -80, 10, 10, 0)
        self._parts: list[tuple[float, int, Callable[[], None]]] = []

    def draw(self) -> None:
        """Draw all parts, the farthest first."""
        canvas = self.pen.canvas
        canvas.save()
        if self.pose.roll:
            canvas.rotate(math.degrees(self.pose.roll), 0, -MIDDLE)
        if self.pose.squash != 1.0:
            canvas.scale(2.0 - self.pose.squash, self.pose.squash)
        for _, _, part in sorted(self._parts, key=lambda p: p[:2]):
            part()
        canvas.restore()

    def at(self, x: float, y: float, z: float) -> Point:
        """Where a place in space lies on the picture."""
        return (x * self.cos + z * self.sin, y)

    def depth(self, x: float, z: float) -> float:
        """How near to the viewer a place is."""
        return z * self.cos - x * self.sin

    def add(self, depth: float, part: Callable[[], None]) -> None:
        """Add a part to be drawn at a depth."""
        self._parts.append((depth, len(self._parts), part))

    def wide(self, x: float, z: float) -> float:
        """Half width on the picture of something that reaches x sideways and z forwards."""
        return math.hypot(x * self.cos, z * self.sin)
