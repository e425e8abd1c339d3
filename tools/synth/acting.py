"""What an actor does during a shot: key poses, walks, entrances, talk, as a function of time."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from .identities import Identity
from .pose import Pose, make_pose, stride
from .staging import Stand


@dataclass(frozen=True)
class Actor:
    """One character in one shot; places are in picture heights of the shot's world."""

    who: Identity
    name: str
    """Name in the truth, "extra" for nameless ones."""
    action: str
    """"act" (key poses), "walk", "run", "hop", "still" or "float"."""
    keys: tuple[tuple[float, Pose], ...]
    """Times in seconds and the poses taken then; the first at 0."""
    path: tuple[tuple[float, float, float, float], ...]
    """Times and places (x, y, size); between them the actor moves evenly."""
    talks: bool
    pace: float
    """Steps a second."""
    phase: float

    def stand(self, time: float) -> Stand:
        """Where and how the actor stands at a time since the shot's start."""
        x, y, size = self._place(time)
        pose = self._pose(time)
        beat = 2 * math.pi * self.pace * time + self.phase
        if self.action in ("walk", "run"):
            pose = stride(pose, beat, self.action == "run")
        elif self.action == "hop":
            pose = replace(
                pose,
                lift=14 * abs(math.sin(beat / 2)),
                squash=1.0 - 0.08 * math.cos(beat),
                wave=beat,
            )
        elif self.action == "float":
            y += 0.02 * math.sin(beat / 2) * size
            pose = replace(pose, wave=beat, lift=5.0)
        elif self.action == "act":
            pose = replace(pose, wave=beat * 0.5, squash=pose.squash + 0.008 * math.sin(beat))
        return Stand(self.who, self._speak(pose, time), x, y, size)

    def _place(self, time: float) -> tuple[float, float, float]:
        path = self.path
        if len(path) == 1 or time <= path[0][0]:
            return path[0][1:]
        for (t0, *a), (t1, *b) in itertools.pairwise(path):
            if time <= t1:
                k = (time - t0) / (t1 - t0)
                x, y, size = (p + (q - p) * k for p, q in zip(a, b, strict=True))
                return (x, y, size)
        return path[-1][1:]

    def _pose(self, time: float) -> Pose:
        last = self.keys[0][1]
        for start, pose in self.keys[1:]:
            if time < start:
                break
            k = min(1.0, (time - start) / 0.3)
            last = blend(last, pose, k * k * (3 - 2 * k))
        return last

    def _speak(self, pose: Pose, time: float) -> Pose:
        face = pose.face
        if self.talks:
            flap = abs(math.sin(time * 11 + self.phase) * math.sin(time * 4.3 + 2 * self.phase))
            face = replace(face, mouth=flap if flap > 0.15 else 0.0)
        if (time + self.phase) % 2.9 < 0.12:
            face = replace(face, open=0.0)
        return replace(pose, face=face)


def blend(a: Any, b: Any, share: float) -> Any:
    """A pose (or any part of one: a number, a flag, a tuple) between two others."""
    if share <= 0.0 or share >= 1.0:
        return a if share <= 0.0 else b
    if isinstance(a, bool):
        return b if share > 0.5 else a
    if isinstance(a, float | int):
        return a + (b - a) * share
    if isinstance(a, tuple):
        return tuple(blend(p, q, share) for p, q in zip(a, b, strict=True))
    changed = {f.name: blend(getattr(a, f.name), getattr(b, f.name), share) for f in fields(a)}
    return replace(a, **changed)


def make_actor(
    rng: np.random.Generator,
    who: Identity,
    name: str,
    seconds: float,
    stand: Stand,
    view: tuple[float, float],
) -> Actor:
    """An actor who does something around a place for a shot's time.

    ``view`` is the left and right end of what the camera shows, in picture heights.
    """
    u = rng.uniform
    action = str(
        rng.choice(
            ["act", "walk", "run", "hop", "still", "float"], p=(0.56, 0.2, 0.05, 0.03, 0.12, 0.04)
        )
    )
    if who.plan in ("fish", "ghost") and action in ("walk", "run"):
        action = "float"
    if stand.size > 1.5 and action in ("walk", "run", "hop"):
        action = "act"
    first = stand.pose
    place = (stand.x, stand.y, stand.size)
    path: tuple[tuple[float, float, float, float], ...] = ((0.0, *place),)
    keys: list[tuple[float, Pose]] = [(0.0, first)]
    if action in ("walk", "run", "hop", "float") and rng.random() < 0.85:
        speed = stand.size * float(u(0.25, 0.6)) * (2.0 if action == "run" else 1.0)
        reach = speed * seconds
        way = str(rng.choice(["across", "enter", "leave", "stroll"]))
        side = float(rng.choice([-1.0, 1.0]))
        out = view[0] - 0.35 * stand.size if side > 0 else view[1] + 0.35 * stand.size
        if way == "enter":
            path = ((0.0, out, *place[1:]), (max(0.3, abs(place[0] - out) / speed), *place))
        elif way == "leave":
            gone = view[1] + 0.4 * stand.size if side > 0 else view[0] - 0.4 * stand.size
            wait = float(u(0, 0.6)) * seconds
            path = (
                (0.0, *place),
                (wait + 1e-3, *place),
                (wait + max(0.3, abs(gone - place[0]) / speed), gone, *place[1:]),
            )
        elif way == "across":
            path = (
                (0.0, out, *place[1:]),
                (max(seconds, 0.3), out + side * max(reach, 0.7 * (view[1] - view[0])), *place[1:]),
            )
        else:
            path = (
                (0.0, place[0] - side * reach / 2, *place[1:]),
                (max(seconds, 0.3), place[0] + side * reach / 2, *place[1:]),
            )
        first = replace(
            first, yaw=side * float(u(0.9, 1.6)), head_yaw=float(rng.normal(0, 0.2)), roll=0.0
        )
        keys = [(0.0, first)]
        if way == "enter" and path[-1][0] < seconds - 0.5:
            keys.append((path[-1][0], make_pose(rng, "stand")))
            action = "act" if action in ("walk", "run") else action
            if action == "act":
                # Seen walking only while moving: glide in with one long pose otherwise.
                action = "walk"
    elif action == "act":
        time = float(u(0.2, 1.5))
        turns = rng.random() < 0.3
        while time < seconds:
            pose = make_pose(rng, None if rng.random() < 0.7 else "any")
            if not turns:
                pose = replace(pose, yaw=first.yaw + float(rng.normal(0, 0.15)))
            keys.append(
                (
                    time,
                    replace(pose, roll=first.roll, lift=pose.lift if rng.random() < 0.2 else 0.0),
                )
            )
            time += float(u(0.4, 2.5))
        if rng.random() < 0.1:
            grow = float(u(0.7, 1.5))
            path = (
                (0.0, *place),
                (seconds, place[0], place[1] + place[2] * (grow - 1) * 0.4, place[2] * grow),
            )
    return Actor(
        who,
        name,
        action,
        tuple(keys),
        path,
        bool(rng.random() < 0.35),
        float(u(0.7, 1.6)),
        float(u(0, 6.28)),
    )
