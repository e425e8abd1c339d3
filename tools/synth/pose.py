"""Poses and expressions, in angles that every body plan reads as it can."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Face:
    """An expression."""

    open: float = 1.0
    """How far the eyes are open, 0 (closed) to 1.2 (startled)."""
    gaze: tuple[float, float] = (0.0, 0.0)
    brow: float = 0.0
    """Inner ends of the brows: below 0 up (worried), above 0 down (angry)."""
    lift: float = 0.0
    """How high the brows stand."""
    smile: float = 0.5
    """Corners of the mouth, -1 to 1."""
    mouth: float = 0.0
    """How far the mouth is open, 0 to 1."""
    teeth: bool = False
    blush: bool = False
    tear: bool = False


@dataclass(frozen=True)
class Arm:
    """Angles of an arm in radians: ``swing`` forwards, ``lift`` sideways, the rest at the elbow."""

    swing: float = 0.0
    lift: float = 0.15
    bend: float = 0.2
    fold: float = 0.0


@dataclass(frozen=True)
class Leg:
    """Angles of a leg in radians: ``swing`` forwards, ``spread`` sideways, ``knee`` backwards."""

    swing: float = 0.0
    spread: float = 0.05
    knee: float = 0.05


@dataclass(frozen=True)
class Pose:
    """One drawing's pose; ``yaw`` 0 looks at the viewer, +90 degrees to the right."""

    yaw: float = 0.0
    head_yaw: float = 0.0
    head_tilt: float = 0.0
    lean: float = 0.0
    roll: float = 0.0
    squash: float = 1.0
    lift: float = 0.0
    """Height above the ground, in hundredths of the character's height."""
    arms: tuple[Arm, Arm] = (Arm(), Arm())
    legs: tuple[Leg, Leg] = (Leg(), Leg())
    face: Face = Face()
    wave: float = 0.0
    """Phase of tails, wings and hair, in radians."""


POSES = (
    "stand",
    "stand",
    "stand",
    "walk",
    "run",
    "sit",
    "jump",
    "wave",
    "point",
    "cheer",
    "hips",
    "think",
    "any",
    "fall",
    "carry",
    "bow",
)
VIEWS = ("front", "front", "quarter", "quarter", "quarter", "profile", "profile", "back")


def make_face(rng: np.random.Generator) -> Face:
    """Any expression."""
    mood = str(rng.choice(["calm", "happy", "happy", "angry", "sad", "startled", "sleepy", "talk"]))
    gaze = (float(rng.normal(0, 0.45)), float(rng.normal(0, 0.3)))
    u = rng.uniform
    face = Face(open=float(u(0.8, 1.05)), gaze=gaze, smile=float(u(-0.1, 0.8)))
    if mood == "happy":
        face = replace(
            face,
            smile=float(u(0.6, 1)),
            mouth=float(rng.choice([0, u(0.2, 1)])),
            open=float(rng.choice([1.0, 0.9, 0.0])),
            teeth=bool(rng.random() < 0.5),
        )
    elif mood == "angry":
        face = replace(
            face,
            brow=float(u(0.4, 1)),
            smile=float(u(-1, -0.2)),
            open=float(u(0.5, 0.9)),
            mouth=float(rng.choice([0, u(0.2, 0.8)])),
            teeth=bool(rng.random() < 0.6),
        )
    elif mood == "sad":
        face = replace(
            face,
            brow=float(u(-1, -0.4)),
            smile=float(u(-1, -0.3)),
            open=float(u(0.4, 1)),
            tear=bool(rng.random() < 0.3),
        )
    elif mood == "startled":
        face = replace(face, lift=float(u(0.5, 1)), open=1.2, mouth=float(u(0.3, 1)), smile=0.0)
    elif mood == "sleepy":
        face = replace(face, open=float(u(0, 0.45)), smile=float(u(-0.2, 0.3)))
    elif mood == "talk":
        face = replace(face, mouth=float(u(0.1, 0.7)), teeth=bool(rng.random() < 0.4))
    return replace(face, blush=bool(rng.random() < 0.15))


def make_yaw(rng: np.random.Generator, view: str | None = None) -> float:
    """A direction to look in, radians, by view or any."""
    name = view or str(rng.choice(VIEWS))
    middle, spread = {
        "front": (0.0, 0.15),
        "quarter": (0.65, 0.25),
        "profile": (1.45, 0.15),
        "back": (2.9, 0.4),
    }[name]
    return float(rng.choice([-1.0, 1.0]) * (middle + rng.normal(0, spread)))


def make_pose(rng: np.random.Generator, name: str | None = None, view: str | None = None) -> Pose:
    """A pose of the given name seen from the given view, or any."""
    name = name or str(rng.choice(POSES))
    u = rng.uniform
    yaw = make_yaw(rng, view)
    pose = Pose(
        yaw=yaw,
        head_yaw=float(rng.normal(0, 0.3)),
        head_tilt=float(rng.normal(0, 0.1)),
        lean=float(rng.normal(0, 0.05)),
        squash=float(np.clip(rng.normal(1, 0.04), 0.85, 1.15)),
        arms=(_rest(rng), _rest(rng)),
        legs=(
            Leg(float(rng.normal(0, 0.08)), float(u(0, 0.15))),
            Leg(float(rng.normal(0, 0.08)), float(u(0, 0.15))),
        ),
        face=make_face(rng),
        wave=float(u(0, 2 * math.pi)),
    )
    if name in ("walk", "run"):
        return stride(pose, float(u(0, 2 * math.pi)), name == "run")
    if name == "sit":
        thigh, spread = float(u(1.2, 1.6)), float(u(0, 0.4))
        legs = (Leg(thigh, spread, float(u(0, 1.7))), Leg(thigh, spread, float(u(0, 1.7))))
        return replace(pose, legs=legs)
    if name == "jump":
        arms = (Arm(lift=float(u(0.8, 2.6))), Arm(lift=float(u(0.8, 2.6))))
        legs = (
            Leg(float(u(-0.5, 1.2)), 0.3, float(u(0.2, 1.6))),
            Leg(float(u(-0.5, 1.2)), 0.3, float(u(0.2, 1.6))),
        )
        return replace(pose, arms=arms, legs=legs, lift=float(u(3, 25)))
    if name == "wave":
        return replace(
            pose, arms=(pose.arms[0], Arm(lift=float(u(1.6, 2.4)), bend=float(u(0, 0.9))))
        )
    if name == "point":
        return replace(pose, arms=(Arm(swing=float(u(0.9, 1.8)), bend=0.05), pose.arms[1]))
    if name == "cheer":
        return replace(pose, arms=(Arm(lift=float(u(2.0, 3.0))), Arm(lift=float(u(2.0, 3.0)))))
    if name == "hips":
        arm = Arm(lift=0.85, bend=-1.7)
        return replace(pose, arms=(arm, arm if rng.random() < 0.6 else pose.arms[1]))
    if name == "think":
        return replace(pose, arms=(pose.arms[0], Arm(swing=0.5, lift=0.3, fold=2.1)))
    if name == "carry":
        arm = Arm(swing=float(u(0.5, 1.0)), fold=float(u(0.6, 1.2)))
        return replace(pose, arms=(arm, arm))
    if name == "bow":
        return replace(pose, lean=float(rng.choice([-1, 1]) * u(0.2, 0.5)))
    if name == "fall":
        return replace(
            pose,
            roll=float(u(-1.8, 1.8)),
            lift=float(u(0, 10)),
            arms=(Arm(lift=float(u(0.5, 2.8))), Arm(lift=float(u(0.5, 2.8)))),
        )
    if name == "any":
        arms = (_any_arm(rng), _any_arm(rng))
        legs = (_any_leg(rng), _any_leg(rng))
        return replace(pose, arms=arms, legs=legs)
    return pose


def stride(pose: Pose, phase: float, run: bool = False) -> Pose:
    """The pose at one phase (radians) of a walk or a run."""
    reach = 0.95 if run else 0.5
    s, c = math.sin(phase), math.cos(phase)
    lift = 1.1 if run else 0.6
    return replace(
        pose,
        legs=(Leg(reach * s, 0.02, lift * max(0.1, c)), Leg(-reach * s, 0.02, lift * max(0.1, -c))),
        arms=(
            Arm(-reach * s, 0.12, 0.1, 1.4 if run else 0.3),
            Arm(reach * s, 0.12, 0.1, 1.4 if run else 0.3),
        ),
        lean=pose.lean + (0.15 if run else 0.03) * math.copysign(1.0, math.sin(pose.yaw)),
        lift=(4.0 if run else 1.2) * abs(c),
        wave=phase,
    )


def _rest(rng: np.random.Generator) -> Arm:
    return Arm(
        float(rng.normal(0.1, 0.25)),
        float(rng.uniform(0.05, 0.5)),
        float(rng.uniform(-0.2, 0.3)),
        float(rng.uniform(0, 0.6)),
    )


def _any_arm(rng: np.random.Generator) -> Arm:
    u = rng.uniform
    return Arm(float(u(-0.8, 2)), float(u(0, 2)), float(u(-1, 1)), float(u(0, 1.8)))


def _any_leg(rng: np.random.Generator) -> Leg:
    u = rng.uniform
    return Leg(float(u(-0.5, 0.9)), float(u(0, 0.4)), float(u(0, 0.9)))
