"""Made-up shots at 48x27, fast enough to be made by the hundred thousand frames.

A *show* has a palette, a few characters and a few sets; its shots look at these sets through a
moving camera. What a boundary detector must not fall for is drawn in: held drawings, whip pans,
shakes, zooms, a big thing crossing, explosions, pulsing light, snow, cards with text.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tools.boundary_scenery import (
    POSES,
    SET_H,
    SET_W,
    SPRITE,
    burst_sprite,
    make_set,
    make_sprite,
    palette,
)

F4 = NDArray[np.float32]
U1 = NDArray[np.uint8]
Rng = np.random.Generator

HEIGHT, WIDTH = 27, 48
LENGTH = 120


def make_show(rng: Rng, shots: int = 8, length: int = LENGTH) -> list[U1]:
    """Shots of one show, each (length, 27, 48, 3) RGB."""
    colours = palette(rng)
    sets = [make_set(rng, colours) for _ in range(int(rng.integers(1, 5)))]
    cast = [make_sprite(rng, colours) for _ in range(int(rng.integers(2, 6)))]
    out: list[U1] = []
    for _ in range(shots):
        if not out or rng.random() < 0.5:
            canvas = sets[int(rng.integers(len(sets)))]
            camera = _camera(rng, length)
        else:
            # Nearly or exactly the same view again, with others in it: the hardest cuts of a show.
            again = _camera(rng, length) if rng.random() < 0.3 else camera[:1].repeat(length, 0)
            again[:, 2] = camera[0, 2] * np.exp(rng.normal(0, rng.choice([0.0, 0.15])))
            again[:, :2] += camera[0, :2] - again[0, :2]
            again[:, :2] += rng.normal(0, rng.choice([0.0, 3.0, 15.0]), 2) * camera[0, 2]
            camera = again
        out.append(make_shot(rng, canvas, camera, cast, length))
    return out


def make_shot(rng: Rng, canvas: F4, camera: F4, cast: list[F4], length: int) -> U1:
    """One shot (length, 27, 48, 3) on a set, through a camera, with some of the cast."""
    actors = [cast[int(rng.integers(len(cast)))] for _ in range(int(rng.integers(0, 5)))]
    paths = [_actor_path(rng, camera, length) for _ in actors]
    if rng.random() < 0.2:
        # Things nearer to the camera than the set: they pass faster when it moves.
        for _ in range(int(rng.integers(1, 4))):
            actors.append(cast[int(rng.integers(len(cast)))])
            paths.append(_near(rng, camera, length))
    gain = np.ones((length, 3), np.float32)
    if rng.random() < 0.12:
        # A big thing crosses the picture.
        actors.append(cast[int(rng.integers(len(cast)))])
        paths.append(_crossing(rng, camera, length))
    if rng.random() < 0.08:
        actors.append(burst_sprite(rng))
        paths.append(_explosion(rng, camera, gain, length))
    if rng.random() < 0.15:
        gain *= _pulse(rng, length)[:, None]
    if rng.random() < 0.08:
        # The light changes for good: day into night.
        tint = rng.uniform(0.4, 1.2, 3)
        middle, width = rng.uniform(0.2, 0.8) * length, rng.uniform(8, 60)
        share = 1 / (1 + np.exp(-(np.arange(length) - middle) / width * 6))
        gain *= (1 + share[:, None] * (tint - 1)).astype(np.float32)
    hold = int(rng.choice([1, 1, 2, 2, 3, 4]))
    phase = int(rng.integers(hold))
    held = np.maximum((np.arange(length) + phase) // hold * hold - phase, 0)
    poses = rng.integers(0, POSES, (len(actors), length))
    change = int(rng.integers(1, 5))
    poses = poses[:, np.arange(length) // (hold * change)]
    track = np.zeros((length, len(actors), 6), np.float32)
    for i, path in enumerate(paths):
        track[:, i, :5] = path[held]
        track[:, i, 5] = poses[i]
    if rng.random() < 0.5:
        camera = camera[held]
    sprites = np.stack(actors) if actors else np.zeros((0, POSES, SPRITE, SPRITE, 4), np.float32)
    out = np.zeros((length, HEIGHT, WIDTH, 3), np.uint8)
    _render(canvas, camera, sprites, track, gain, out)
    if rng.random() < 0.08:
        _snow(rng, out)
    return out


# --- how it moves ------------------------------------------------------------------------------


def _camera(rng: Rng, length: int) -> F4:
    """Path (length, 4): y, x of the view's centre on the set, scale, turn."""
    t = np.arange(length)
    path = np.zeros((length, 4))
    path[:, 0] = rng.uniform(35, SET_H - 35)
    path[:, 1] = rng.uniform(55, SET_W - 55)
    path[:, 2] = np.exp(rng.uniform(np.log(0.35), np.log(1.15)))
    kind = rng.random()
    scale = path[0, 2]
    if kind < 0.25:
        speed = rng.normal(0, 0.5, 2) * scale * rng.choice([0.5, 1, 3])
        path[:, :2] += t[:, None] * speed
    elif kind < 0.4:
        path[:, 2] *= np.exp(np.clip(rng.normal(0, 0.006) * t, -0.9, 0.7))
    elif kind < 0.55:
        # Whip pan: rest, a few very fast frames, rest.
        start = rng.integers(10, length - 20)
        frames = rng.uniform(4, 16)
        share = np.clip((t - start) / frames, 0, 1)
        share = share * share * (3 - 2 * share)
        path[:, 1] += share * rng.choice([-1, 1]) * rng.uniform(30, 160) * scale
        path[:, 0] += share * rng.normal(0, 20) * scale
    elif kind < 0.62:
        # Punch: a quick zoom.
        start = rng.integers(10, length - 20)
        share = np.clip((t - start) / rng.uniform(3, 14), 0, 1)
        path[:, 2] *= np.exp(share * rng.normal(0, 0.5))
    if rng.random() < 0.15:
        first = int(rng.integers(0, length - 10))
        last = first + int(rng.integers(6, 60))
        amount = np.zeros(length)
        amount[first:last] = rng.uniform(1, 7) * scale
        path[:, :2] += rng.normal(0, 1, (length, 2)) * amount[:, None]
    if rng.random() < 0.25:
        drift = np.cumsum(rng.normal(0, 0.25, (length, 2)), 0)
        path[:, :2] += drift * scale
    if rng.random() < 0.06:
        path[:, 3] = rng.normal(0, 0.02) * t
    return path.astype(np.float32)


def _actor_path(rng: Rng, camera: F4, length: int) -> F4:
    """Path (length, 5) of an actor: y, x on the set, scale, turn, opacity."""
    t = np.arange(length)
    out = np.zeros((length, 5))
    scale = camera[0, 2]
    at = camera[int(rng.integers(length))]
    out[:, 0] = at[0] + rng.uniform(-15, 25) * scale
    out[:, 1] = at[1] + rng.uniform(-40, 40) * scale
    out[:, 2] = np.exp(rng.uniform(np.log(0.3), np.log(2.0))) * scale
    out[:, 4] = 1.0
    kind = rng.random()
    if kind < 0.35:
        out[:, 1] += t * rng.normal(0, 0.8) * scale
        out[:, 0] += rng.uniform(0, 3) * scale * np.abs(np.sin(t * rng.uniform(0.1, 0.6)))
    elif kind < 0.5:
        start = rng.integers(0, length)
        out[:, 1] += np.maximum(t - start, 0) * rng.choice([-1, 1]) * rng.uniform(2, 9) * scale
    elif kind < 0.62:
        out[:, :2] += np.cumsum(rng.normal(0, 1.2, (length, 2)), 0) * scale
    elif kind < 0.7:
        out[:, 2] *= np.exp(np.clip(rng.normal(0, 0.02) * t, -1.5, 1.5))
    if rng.random() < 0.25:
        # A close-up: fills much of the picture, turns and leans.
        out[:, 2] = rng.uniform(1.5, 4.0) * scale
        out[:, 0] = at[0] + rng.uniform(0, 25) * scale
        out[:, 1] += rng.uniform(0, 12) * scale * np.sin(t * rng.uniform(0.02, 0.3))
    if rng.random() < 0.5:
        out[:, 3] = rng.uniform(0, 0.8) * np.sin(t * rng.uniform(0.03, 0.5) + rng.random() * 6)
        out[:, 2] *= 1 + rng.uniform(0, 0.15) * np.sin(t * rng.uniform(0.05, 0.6))
    if rng.random() < 0.1:
        # Comes or goes softly, the shot goes on.
        start, width = rng.uniform(0, length), rng.uniform(4, 30)
        share = np.clip((t - start) / width, 0, 1)
        out[:, 4] = share if rng.random() < 0.5 else 1 - share
    return out.astype(np.float32)


def _near(rng: Rng, camera: F4, length: int) -> F4:
    out = np.zeros((length, 5))
    scale = camera[:, 2]
    speed = rng.uniform(-2.0, -0.3)
    out[:, :2] = camera[:, :2] + (camera[:, :2] - camera[length // 2, :2]) * speed
    out[:, 0] += rng.uniform(-25, 30) * scale
    out[:, 1] += rng.uniform(-50, 50) * scale
    out[:, 2] = rng.uniform(0.8, 3.0) * scale
    out[:, 4] = 1.0
    return out.astype(np.float32)


def _crossing(rng: Rng, camera: F4, length: int) -> F4:
    out = np.zeros((length, 5))
    start = int(rng.integers(5, length - 10))
    frames = rng.uniform(5, 30)
    share = (np.arange(length) - start) / frames
    scale = camera[:, 2]
    size = rng.uniform(2.0, 5.0)
    reach = 48 + size * SPRITE / 2
    side = rng.choice([-1, 1])
    out[:, 0] = camera[:, 0] + rng.normal(0, 8) * scale
    out[:, 1] = camera[:, 1] + side * (2 * share - 1) * reach * scale
    out[:, 2] = size * scale
    out[:, 4] = (share > 0) & (share < 1)
    return out.astype(np.float32)


def _explosion(rng: Rng, camera: F4, gain: F4, length: int) -> F4:
    out = np.zeros((length, 5))
    start = int(rng.integers(5, length - 10))
    age = np.arange(length) - start
    scale = camera[:, 2]
    out[:, 0] = camera[:, 0] + rng.normal(0, 10) * scale
    out[:, 1] = camera[:, 1] + rng.normal(0, 20) * scale
    out[:, 2] = scale * rng.uniform(1.0, 5.0) * np.clip(age / rng.uniform(1, 8), 0.05, 1)
    out[:, 4] = np.where(age >= 0, np.exp(-np.maximum(age, 0) / rng.uniform(4, 20)), 0)
    if rng.random() < 0.5:
        # A flash goes before it; as a gain it leaves black things black, which lightning does.
        frames = int(rng.integers(1, 4))
        gain[start : start + frames] += np.float32(rng.uniform(1, 12))
    gain *= (1 + np.where(age >= 0, np.exp(-np.maximum(age, 0) / 4), 0) * rng.uniform(0, 2))[
        :, None
    ].astype(np.float32)
    return out.astype(np.float32)


def _pulse(rng: Rng, length: int) -> F4:
    t = np.arange(length)
    depth = rng.uniform(0.1, 0.7)
    if rng.random() < 0.5:
        wave = 0.5 + 0.5 * np.sin(t * rng.uniform(0.05, 1.2))
    else:
        wave = rng.random(length // 3 + 2)[t // int(rng.integers(1, 6)) % (length // 3)]
    return np.asarray(1 - depth * wave, np.float32)


def _snow(rng: Rng, out: U1) -> None:
    count = int(rng.integers(10, 70))
    place = rng.random((count, 2)) * (HEIGHT, WIDTH)
    speed = rng.normal(0, 0.3, (count, 2)) + rng.normal(0, 1.0, 2)
    shade = rng.uniform(0, 255) if rng.random() < 0.2 else 255.0
    opacity = rng.uniform(0.3, 1.0)
    for t in range(len(out)):
        y = (place[:, 0] + t * speed[:, 0]).astype(int) % HEIGHT
        x = (place[:, 1] + t * speed[:, 1]).astype(int) % WIDTH
        out[t, y, x] = (out[t, y, x] * (1 - opacity) + shade * opacity).astype(np.uint8)


# --- kernels -----------------------------------------------------------------------------------


@njit(cache=True, nogil=True, fastmath=True)
def _render(canvas, camera, sprites, track, gain, out):
    rgb = np.zeros(3, np.float32)
    for t in range(out.shape[0]):
        after = min(t + 1, out.shape[0] - 1)
        speed = np.hypot(camera[after, 0] - camera[t, 0], camera[after, 1] - camera[t, 1])
        steps = min(5, 1 + int(speed / camera[t, 2] / 3.0))
        cos, sin = np.cos(camera[t, 3]), np.sin(camera[t, 3])
        for py in range(HEIGHT):
            for px in range(WIDTH):
                rgb[:] = 0.0
                for step in range(steps):
                    share = step / steps
                    cy = camera[t, 0] + share * (camera[after, 0] - camera[t, 0])
                    cx = camera[t, 1] + share * (camera[after, 1] - camera[t, 1])
                    v = (py + 0.5 - HEIGHT / 2) * 2.0 * camera[t, 2]
                    u = (px + 0.5 - WIDTH / 2) * 2.0 * camera[t, 2]
                    _look(canvas, cy + v * cos - u * sin, cx + v * sin + u * cos, rgb)
                for c in range(3):
                    rgb[c] /= steps
                y = camera[t, 0] + (py + 0.5 - HEIGHT / 2) * 2.0 * camera[t, 2]
                x = camera[t, 1] + (px + 0.5 - WIDTH / 2) * 2.0 * camera[t, 2]
                for i in range(sprites.shape[0]):
                    size = track[t, i, 2]
                    v, u = (y - track[t, i, 0]) / size, (x - track[t, i, 1]) / size
                    turn_cos, turn_sin = np.cos(track[t, i, 3]), np.sin(track[t, i, 3])
                    sy = v * turn_cos - u * turn_sin + SPRITE / 2
                    sx = v * turn_sin + u * turn_cos + SPRITE / 2
                    if 0 <= sy < SPRITE - 1 and 0 <= sx < SPRITE - 1:
                        pose = int(track[t, i, 5])
                        _blend(sprites[i, pose], sy, sx, track[t, i, 4], rgb)
                for c in range(3):
                    value = rgb[c] * gain[t, c] * 255.0
                    out[t, py, px, c] = np.uint8(min(max(value, 0.0), 255.0))


@njit(cache=True, nogil=True, fastmath=True)
def _look(canvas, y, x, rgb):
    """Add the set's colour at (y, x); beyond its edges it is mirrored."""
    height, width = canvas.shape[0] - 1, canvas.shape[1] - 1
    y = abs(y) % (2 * height)
    x = abs(x) % (2 * width)
    if y > height:
        y = 2 * height - y
    if x > width:
        x = 2 * width - x
    y0, x0 = min(int(y), height - 1), min(int(x), width - 1)
    fy, fx = y - y0, x - x0
    for c in range(3):
        top = canvas[y0, x0, c] * (1 - fx) + canvas[y0, x0 + 1, c] * fx
        bottom = canvas[y0 + 1, x0, c] * (1 - fx) + canvas[y0 + 1, x0 + 1, c] * fx
        rgb[c] += top * (1 - fy) + bottom * fy


@njit(cache=True, nogil=True, fastmath=True)
def _blend(sprite, y, x, opacity, rgb):
    y0, x0 = int(y), int(x)
    fy, fx = y - y0, x - x0
    w00, w01 = (1 - fy) * (1 - fx), (1 - fy) * fx
    w10, w11 = fy * (1 - fx), fy * fx
    alpha = (
        sprite[y0, x0, 3] * w00
        + sprite[y0, x0 + 1, 3] * w01
        + sprite[y0 + 1, x0, 3] * w10
        + sprite[y0 + 1, x0 + 1, 3] * w11
    )
    if alpha <= 0.01:
        return
    for c in range(3):
        value = (
            sprite[y0, x0, c] * w00
            + sprite[y0, x0 + 1, c] * w01
            + sprite[y0 + 1, x0, c] * w10
            + sprite[y0 + 1, x0 + 1, c] * w11
        )
        # Colours were painted on a clear ground: undo its share before mixing.
        rgb[c] += opacity * alpha * (min(value / alpha, 1.0) - rgb[c])
