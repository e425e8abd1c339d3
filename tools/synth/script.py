"""The script of an episode: shots, transitions, cameras and effects, all from two seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .acting import Actor, make_actor
from .casts import make_cast
from .colors import Color, vivid
from .identities import Identity, make_identity
from .lettering import words
from .pose import make_pose
from .scenery import Scene, make_scene
from .staging import frame_stands
from .style import Style, make_style
from .wear import Wear, make_wear

TRANSITIONS = ("cut", "dissolve", "fade", "wipe")
_SHARES = (0.78, 0.1, 0.07, 0.05)
USUAL = ("meadow", "forest", "room", "room", "city", "sea", "night", "snow", "gradient", "plain")
CAMERAS = ("fixed", "pan", "zoom", "whip", "shake", "follow")
SWEEPS = ("pan", "whip", "follow")


@dataclass(frozen=True)
class Effect:
    """Something short that covers the picture and is no boundary."""

    kind: str
    """"flash", "negative", "insert", "explosion", "crossing", "lightning" or "ghost"."""
    start: int
    """First frame within the shot."""
    length: int
    color: Color
    x: float
    y: float
    seed: int


@dataclass(frozen=True)
class Shot:
    """One shot: what stands in front of the camera and how the camera moves."""

    scene: Scene
    actors: tuple[Actor, ...]
    extras: int
    first: int
    """Its first frame in the film, also where it is still mixed with the shot before."""
    last: int
    """Its last frame in the film, also where it is already mixed with the next one."""
    hold: int
    camera: str
    views: tuple[tuple[float, float, float], tuple[float, float, float]]
    """Camera at start and end: middle x and y in picture heights, and zoom."""
    wide: float
    """Width of the shot's world in picture heights."""
    wear: Wear
    effects: tuple[Effect, ...]
    front: tuple[tuple[int, float, float, float], ...]
    """Foreground props: seed, x, y, height."""
    weather: str
    caption: str
    title: str
    blur: float
    """Defocus of the background, as a share of picture height."""
    seed: int


@dataclass(frozen=True)
class Transition:
    """How a shot comes after the one before; frames ``start`` to ``end`` (both) are mixed."""

    kind: str
    start: int
    end: int
    color: Color
    wipe: str
    soft: float


@dataclass(frozen=True)
class Script:
    """A whole episode, ready to be drawn."""

    show_seed: int
    episode_seed: int
    width: int
    height: int
    fps: float
    style: Style
    cast: tuple[tuple[str, Identity], ...]
    shots: tuple[Shot, ...]
    transitions: tuple[Transition, ...]
    """One between each two shots."""
    frame_count: int
    fade_in: int
    fade_out: int


def make_script(
    *,
    show_seed: int,
    episode_seed: int,
    seconds: float = 60.0,
    width: int = 640,
    height: int = 360,
    fps: float = 24.0,
    style: str | None = None,
    cameras: tuple[str, ...] = (),
) -> Script:
    """Write the script of one episode of a show; ``style`` names a rendering family.

    ``cameras`` (of `CAMERAS`) are the only ones to be used, each as often as the others; all of
    them, mostly fixed ones, where none are given.
    """
    show = np.random.default_rng((show_seed, 1))
    look = make_style(show, style)
    people = make_cast(int(show.integers(1 << 40)), int(show.integers(4, 9)), look)
    names: list[str] = []
    while len(names) < len(people):
        name = words(show, 1).title()
        if name not in names and len(name) > 2:
            names.append(name)
    cast = tuple(zip(names, people, strict=True))
    places = [
        make_scene(show, look, None if show.random() < 0.3 else str(show.choice(USUAL)))
        for _ in range(int(show.integers(4, 9)))
    ]
    weathers = {p.seed: replace(make_wear(show, look, 0.7), quality=0, fade=0.0) for p in places}
    rng = np.random.default_rng((show_seed, episode_seed, 2))
    count = max(1, round(seconds * fps))
    shots: list[Shot] = []
    transitions: list[Transition] = []
    start = 0
    average = float(rng.uniform(1.6, 4.0))
    grid = _Grid(width / height, fps)
    scene = places[0]
    while start < count:
        length = int(fps * float(np.clip(np.exp(rng.normal(np.log(average), 0.6)), 0.5, 12.0)))
        if count - (start + length) < fps:
            length = count - start
        if rng.random() < 0.55 or not shots:
            scene = places[int(rng.integers(len(places)))]
        shot = _make_shot(
            rng, grid, look, cast, scene, weathers[scene.seed], start, length, not shots, cameras
        )
        if shots and not (shot.actors or shots[-1].actors) and scene is shots[-1].scene:
            # Nobody could tell two views of one empty place apart: this is another place.
            scene = places[(places.index(scene) + 1) % len(places)]
            shot = replace(shot, scene=scene, wear=weathers[scene.seed])
        if shots:
            transition = _make_transition(
                rng, start, shots[-1].last - shots[-1].first + 1, length, fps
            )
            if transition.kind in ("dissolve", "wipe"):
                shots[-1] = replace(shots[-1], last=transition.end)
                shot = replace(shot, first=transition.start)
            transitions.append(transition)
        shots.append(shot)
        start += length
    half = round(fps * 0.5)
    return Script(
        show_seed,
        episode_seed,
        width,
        height,
        fps,
        look,
        cast,
        tuple(shots),
        tuple(transitions),
        count,
        fade_in=half if rng.random() < 0.4 and shots[0].last > 3 * half else 0,
        fade_out=half if rng.random() < 0.4 and shots[-1].last - shots[-1].first > 3 * half else 0,
    )


@dataclass(frozen=True)
class _Grid:
    aspect: float
    fps: float


def view_at(shot: Shot, frame: int, fps: float) -> tuple[float, float, float]:
    """Middle x and y (in picture heights) and zoom of the camera, ``frame`` frames into a shot."""
    length = max(1, shot.last - shot.first)
    t = min(1.0, frame / length)
    if shot.camera == "whip":
        middle, span = 0.5, 0.22 * fps / length
        t = min(1.0, max(0.0, (t - middle) / span + 0.5))
        t = t * t * (3 - 2 * t)
    elif shot.camera in ("pan", "zoom"):
        t = min(1.0, max(0.0, (t - 0.1) / 0.8))
        t = t * t * (3 - 2 * t)
    a, b = shot.views
    x, y, zoom = (p + (q - p) * t for p, q in zip(a, b, strict=True))
    if shot.camera == "shake":
        force = 0.02 * abs(math.sin(frame / fps * 2.0 + shot.seed))
        x += force * math.sin(frame * 2.4 + shot.seed)
        y += force * math.cos(frame * 3.1)
    return (round(x, 5), round(y, 5), round(zoom, 5))


def _make_transition(
    rng: np.random.Generator, middle: int, before: int, after: int, fps: float
) -> Transition:
    """A transition around frame ``middle``, no longer than the shots around it allow."""
    kind = str(rng.choice(TRANSITIONS, p=_SHARES))
    room = min(before, after) // 2 - 1
    length = min(int(fps * float(rng.uniform(0.15, 1.4))), room)
    color: Color = (1.0, 1.0, 1.0) if rng.random() < 0.2 else (0.0, 0.0, 0.0)
    wipe = str(rng.choice(["left", "right", "up", "down", "iris", "clock"]))
    if kind == "cut" or length < 3:
        return Transition("cut", middle, middle, color, wipe, 0.0)
    start = middle - length // 2
    soft = float(rng.choice([0.0, rng.uniform(0.02, 0.2)]))
    return Transition(kind, start, start + length - 1, color, wipe, soft)


def _make_shot(
    rng: np.random.Generator,
    grid: _Grid,
    style: Style,
    cast: tuple[tuple[str, Identity], ...],
    scene: Scene,
    wear: Wear,
    start: int,
    length: int,
    first: bool,
    cameras: tuple[str, ...],
) -> Shot:
    u = rng.uniform
    seconds = length / grid.fps
    camera = str(rng.choice(CAMERAS, p=(0.55, 0.16, 0.14, 0.04, 0.06, 0.05)))
    if cameras:
        camera = cameras[int(rng.integers(len(cameras)))]
    wide = grid.aspect * (float(u(1.3, 2.2)) if camera in SWEEPS else 1.15)
    views = _make_views(rng, camera, wide, grid.aspect)
    seen = (views[0][0] - grid.aspect / 2, views[0][0] + grid.aspect / 2)
    title = words(rng, int(rng.integers(1, 4))) if rng.random() < (0.3 if first else 0.03) else ""
    empty = bool(title) and rng.random() < 0.7
    count = (
        0 if empty else int(rng.choice([0, 1, 2, 3, 4, 6], p=(0.08, 0.38, 0.28, 0.15, 0.07, 0.04)))
    )
    chosen = [cast[int(i)] for i in rng.permutation(len(cast))[:count]]
    nameless = int(rng.integers(1, 4)) if rng.random() < 0.12 and not empty else 0
    chosen += [("extra", make_identity(int(rng.integers(1 << 62)), style)) for _ in range(nameless)]
    framing = str(rng.choice(["full", "medium", "close", "far"], p=(0.45, 0.28, 0.18, 0.09)))
    if len(chosen) > 4:
        framing = str(rng.choice(["crowd", "full"]))
    stands = frame_stands(
        rng, [(who, make_pose(rng)) for _, who in chosen], grid.aspect, scene.ground, framing
    )
    by_seed = {who.seed: name for name, who in chosen}
    actors = []
    for stand in stands:
        # Under a moving camera people stand all along its way.
        along = float(u(0, 1)) * (views[1][0] - views[0][0]) if camera in SWEEPS else 0.0
        stand = replace(stand, x=stand.x + seen[0] + along)
        actors.append(make_actor(rng, stand.who, by_seed[stand.who.seed], seconds, stand, seen))
    hold = style.hold if rng.random() < 0.7 else int(rng.choice([1, 2, 3, 4]))
    if rng.random() < 0.06:
        hold = int(grid.fps * float(u(0.3, 2.0)))
    weather = str(rng.choice(["rain", "snow", "dust"])) if rng.random() < 0.07 else ""
    front = tuple(
        (int(rng.integers(1 << 30)), float(u(0, wide)), float(u(0.97, 1.2)), float(u(0.15, 0.7)))
        for _ in range(int(rng.choice([0, 0, 0, 1, 2])))
    )
    return Shot(
        scene=scene,
        actors=tuple(actors),
        extras=nameless,
        first=start,
        last=start + length - 1,
        hold=max(1, hold),
        camera=camera,
        views=views,
        wide=wide,
        wear=wear,
        effects=_make_effects(rng, length, grid.fps),
        front=front,
        weather=weather,
        caption=words(rng, int(rng.integers(3, 6))) if rng.random() < 0.08 else "",
        title=title,
        blur=float(u(0.003, 0.02)) if framing == "close" and rng.random() < 0.6 else 0.0,
        seed=int(rng.integers(1 << 30)),
    )


def _make_views(
    rng: np.random.Generator, camera: str, wide: float, aspect: float
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    low, high = aspect / 2, wide - aspect / 2
    middle = float(rng.uniform(low, high))
    if camera in SWEEPS:
        ends = (low, high) if rng.random() < 0.5 else (high, low)
        return (ends[0], 0.5, 1.0), (ends[1], 0.5, 1.0)
    if camera == "zoom":
        near = (
            middle + float(rng.uniform(-0.15, 0.15)),
            float(rng.uniform(0.4, 0.6)),
            float(rng.uniform(1.15, 1.9)),
        )
        far = (middle, 0.5, 1.0)
        return (far, near) if rng.random() < 0.6 else (near, far)
    still = (middle, 0.5, 1.0 if camera == "fixed" else 1.05)
    return still, still


def _make_effects(rng: np.random.Generator, length: int, fps: float) -> tuple[Effect, ...]:
    effects = []
    if rng.random() < 0.16 and length > fps:
        kind = str(
            rng.choice(
                ["flash", "flash", "negative", "insert", "explosion", "crossing", "lightning"]
            )
        )
        frames = {
            "explosion": int(fps * 0.7),
            "crossing": int(fps * float(rng.uniform(0.3, 0.8))),
        }.get(kind, int(rng.integers(1, 5)))
        for _ in range(int(rng.integers(1, 4)) if kind in ("flash", "lightning") else 1):
            at = int(rng.integers(3, max(4, length - frames - 4)))
            color: Color = (1.0, 1.0, 1.0) if rng.random() < 0.6 else vivid(rng)
            effects.append(
                Effect(
                    kind,
                    at,
                    frames,
                    color,
                    float(rng.uniform(0.2, 0.8)),
                    float(rng.uniform(0.2, 0.8)),
                    int(rng.integers(1 << 30)),
                )
            )
    return tuple(effects)
