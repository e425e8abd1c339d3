"""What disturbs a boundary detector: flashes, captions, and the marks of film and codecs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tools.boundary_clips import Clip, clip_from
from tools.boundary_shots import HEIGHT, WIDTH

F4 = NDArray[np.float32]
U1 = NDArray[np.uint8]
Rng = np.random.Generator


def disturb(rng: Rng, clip: Clip, pictures: list[list[U1]]) -> Clip:
    """Add flashes, captions, and the marks of cameras, film and codecs; in place."""
    length = len(clip.frames)
    frames = clip.frames.astype(np.float32)
    if rng.random() < 0.45:
        for _ in range(int(rng.integers(1, 5))):
            _flash(rng, clip, frames, pictures)
    if rng.random() < 0.35:
        _captions(rng, frames)
    if rng.random() < 0.1:
        y, x = int(rng.choice([1, 22])), int(rng.choice([2, 40]))
        frames[:, y : y + 4, x : x + 5] *= 1 - 0.7
        frames[:, y : y + 4, x : x + 5] += 0.7 * rng.uniform(0, 255, 3)
    _grade(rng, frames)
    if rng.random() < 0.12:
        # An unsteady gate: the whole picture trembles.
        place = np.clip(rng.normal(0, 0.7, (length, 2)).round(), -2, 2).astype(int)
        for t in range(length):
            if place[t].any():
                frames[t] = np.roll(frames[t], tuple(place[t]), (0, 1))
    if rng.random() < 0.12:
        frames *= (1 + rng.normal(0, rng.uniform(0.005, 0.05), (length, 1, 1, 1))).astype("f4")
    if rng.random() < 0.6:
        strength = float(np.exp(rng.uniform(np.log(0.2), np.log(4.0))))
        still = int(rng.choice([1, 1, 1, 12]))  # codecs renew their noise once a group
        grain = rng.standard_normal((length // still + 1, HEIGHT, WIDTH, 1), dtype=np.float32)
        frames += strength * grain[np.arange(length) // still]
    if rng.random() < 0.12:
        bar = int(rng.integers(1, 5))
        if rng.random() < 0.6:
            frames[:, :bar] = frames[:, -bar:] = 0
        else:
            frames[:, :, : 2 * bar] = frames[:, :, -2 * bar :] = 0
    clip_from(clip, frames)
    if rng.random() < 0.12:
        _retime(rng, clip)
    return clip


def _flash(rng: Rng, clip: Clip, frames: F4, pictures: list[list[U1]]) -> None:
    length = len(frames)
    at, n = int(rng.integers(2, length - 8)), int(rng.integers(1, 5))
    near = slice(max(at - 4, 0), at + n + 4)
    on_cut = rng.random() < 0.15 and clip.cut[max(at, 0)] > 0
    if (clip.cut[near].any() or clip.inside[near].any()) and not on_cut:
        return
    kind = rng.random()
    spot = frames[at : at + n]
    if kind < 0.4:
        strength = rng.uniform(0.4, 1) if rng.random() < 0.6 else 1.0
        spot += strength * (rng.choice([0, 255, 255]) - spot)
    elif kind < 0.55:
        spot[:] = 255 - spot
    elif kind < 0.7:
        spot *= rng.uniform(1.5, 4, 3).astype(np.float32)
    elif kind < 0.8:
        spot[:] = rng.uniform(0, 255, 3)
    else:
        show = pictures[int(rng.integers(len(pictures)))]
        shot = show[int(rng.integers(len(show)))]
        spot[:] = shot[int(rng.integers(len(shot)))]
    if rng.random() < 0.4:
        # It dies away.
        tail = frames[at + n : at + n + 8]
        fall = np.exp(-np.arange(1, len(tail) + 1) / rng.uniform(1, 4)).astype(np.float32)
        if not clip.cut[at + n : at + n + 8].any():
            tail += fall[:, None, None, None] * (255 - tail) * rng.uniform(0.2, 0.9)


def _captions(rng: Rng, frames: F4) -> None:
    """Subtitles that jump in and out, or large titles that come and go softly."""
    title = rng.random() < 0.4
    y = int(rng.integers(1, 14)) if title else int(rng.choice([20, 21, 22, 23, 2]))
    ink = np.float32([255, 255, 255]) if rng.random() < 0.7 else np.float32([255, 230, 60])
    if title and rng.random() < 0.4:
        ink = rng.uniform(0, 255, 3).astype(np.float32)
    t = int(rng.integers(0, 40))
    while t < len(frames):
        until = t + int(rng.integers(15, 80))
        left, right = int(rng.integers(3, 18)), int(rng.integers(28, 46))
        height = int(rng.integers(3, 12)) if title else int(rng.integers(1, 3)) * 2
        letters = (rng.random((height, right - left)) < 0.6)[..., None]
        letters = letters * np.float32(rng.uniform(0.3, 0.9))
        spot = frames[t:until, y : y + height, left:right]
        soft = rng.uniform(3, 25) if title else 0.5
        age = np.arange(len(spot)) + 1.0
        show = np.clip(np.minimum(age, until - t + 1 - age) / soft, 0, 1).astype(np.float32)
        spot += show[:, None, None, None] * letters[: spot.shape[1]] * (ink - spot)
        t = until + int(rng.choice([0, 2, 20, 60]))


def _grade(rng: Rng, frames: F4) -> None:
    if rng.random() < 0.15:
        grey = frames @ np.float32([0.3, 0.59, 0.11])
        tint = np.float32([1, 1, 1]) if rng.random() < 0.6 else np.float32([1.05, 0.95, 0.8])
        frames[:] = grey[..., None] * tint
    if rng.random() < 0.5:
        frames *= rng.uniform(0.75, 1.25, 3).astype(np.float32)
    if rng.random() < 0.4:
        np.clip(frames, 0, 255, out=frames)
        frames[:] = 255 * (frames / 255) ** np.float32(rng.uniform(0.6, 1.7))
    if rng.random() < 0.15:
        frames *= np.float32(rng.uniform(0.12, 0.5))
    elif rng.random() < 0.1:
        frames[:] = 255 - np.float32(rng.uniform(0.2, 0.6)) * (255 - frames)


def _retime(rng: Rng, clip: Clip) -> None:
    """Frames doubled by a conversion of rates, or mixed with the frame before."""
    frames = clip.frames
    if rng.random() < 0.5:
        mixed = frames.astype(np.uint16)
        odd = np.arange(1, len(frames), int(rng.integers(2, 6)))
        frames[odd] = ((mixed[odd] + mixed[odd - 1]) // 2).astype(np.uint8)
    else:
        odd = np.arange(int(rng.integers(1, 5)), len(frames), int(rng.integers(2, 6)))
        # A doubled frame hides a cut for one frame.
        frames[odd] = frames[odd - 1]
        for t in odd[(clip.cut[odd] > 0) & (odd < len(frames) - 1)]:
            clip.cut[t], clip.cut[t + 1] = 0, 1
            clip.weight[t : t + 2, 0] = 0.3
