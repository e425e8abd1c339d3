"""Clips with known boundaries, joined from shots: what the boundary network learns from.

A clip is a line of shots with a transition between each two: cut, dissolve, fade through a colour,
wipe. ``tools.boundary_disturb`` adds what makes finding them hard.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.boundary_shots import HEIGHT, WIDTH

F4 = NDArray[np.float32]
U1 = NDArray[np.uint8]
Rng = np.random.Generator

KINDS = ("dissolve", "fade", "wipe")
REST = 8
"""Frames before a picture comes back from black at which a detector may know that it will."""


@dataclass
class Clip:
    """A clip with what a detector should say of each frame; weights of 0 ask nothing."""

    frames: U1
    """(T, 27, 48, 3)"""
    cut: F4
    """(T,) 1 on the first frame of a shot after a hard cut."""
    inside: F4
    """(T,) 1 inside a gradual transition, also in a lone fade."""
    late: F4
    """(T,) 1 from the middle of a gradual transition to its end."""
    kind: NDArray[np.int64]
    """(T,) index into KINDS, -1 outside transitions."""
    weight: F4
    """(T, 3) of cut, inside, late."""
    boundaries: list[dict[str, int | str]]
    vague: list[dict[str, int | str]]
    """Both as in a truth file; lone fades beside a hard cut are vague."""


def blank(length: int) -> Clip:
    """A clip without pictures and boundaries."""
    return Clip(
        np.zeros((length, HEIGHT, WIDTH, 3), np.uint8),
        np.zeros(length, np.float32),
        np.zeros(length, np.float32),
        np.zeros(length, np.float32),
        np.full(length, -1, np.int64),
        np.ones((length, 3), np.float32),
        [],
        [],
    )


def mark_cut(clip: Clip, at: int) -> None:
    """Write a hard cut before frame ``at`` into the answers."""
    if 0 < at < len(clip.cut):
        clip.cut[at] = 1
        clip.boundaries.append({"frame": at, "type": "cut"})


def mark_gradual(clip: Clip, start: int, end: int, kind: str, late: int | None = None) -> None:
    """Write a transition whose mixed frames are start..end into the answers."""
    length = len(clip.cut)
    middle = (start + end + 1) // 2 if late is None else late
    first, last = max(start, 0), min(end, length - 1)
    if first > last:
        return
    clip.inside[first : last + 1] = 1
    clip.kind[first : last + 1] = KINDS.index(kind)
    clip.late[max(middle, 0) : last + 1] = 1
    for edge in (start, end + 1):
        clip.weight[max(edge - 1, 0) : max(edge + 1, 0), 1] = 0.2
    slack = 1 + (end - start) // 8
    clip.weight[max(middle - slack, 0) : max(middle + slack, 0), 2] = 0.1
    clip.weight[max(end, 0) : max(end + 3, 0), 2] = 0.1
    if middle < length:
        clip.boundaries.append({"start": start, "end": end, "type": kind})
    else:
        clip.vague.append({"start": start, "end": end, "why": "not over at the clip's end"})


def join(rng: Rng, shows: list[list[U1]], length: int) -> Clip:
    """A clip of ``length`` frames out of the shots of some shows."""
    clip = blank(length)
    show = shows[int(rng.integers(len(shows)))]
    pace = np.exp(rng.uniform(np.log(14), np.log(250)))
    frames = np.zeros((length, HEIGHT, WIDTH, 3), np.float32)
    reel = _Reel(rng, show)
    at = 0
    frames[:] = reel.play(0, length)
    if rng.random() < 0.1:
        _begin_with_fade(rng, clip, frames)
    while True:
        at += 7 + int(min(rng.exponential(pace), 150))
        if at >= length - 1:
            break
        beside: _Reel | None = reel
        if rng.random() < 0.25:
            show, beside = shows[int(rng.integers(len(shows)))], None
        elif rng.random() < 0.5:
            beside = None
        reel, after = _other(rng, show, beside, length, frames[min(at, length - 1)], at)
        at = _transition(rng, clip, frames, after, at)
    return clip_from(clip, frames)


def clip_from(clip: Clip, frames: F4) -> Clip:
    """Put float pictures into the clip."""
    clip.frames[:] = np.clip(frames + 0.5, 0, 255).astype(np.uint8)
    return clip


class _Reel:
    """A shot that can be played from any frame of the clip on."""

    def __init__(self, rng: Rng, show: list[U1], beside: _Reel | None = None) -> None:
        """Any shot of a show, or one next to another: often the same view with others in it."""
        self.number = int(rng.integers(len(show)))
        if beside is not None:
            self.number = min(max(beside.number + int(rng.choice([-1, 1])), 0), len(show) - 1)
        self.shot = show[self.number]
        n = len(self.shot)
        self.start = int(rng.integers(0, max(1, n // 2)))
        self.step = int(rng.choice([1, -1]))
        self.hold = int(rng.choice([1, 1, 1, 1, 2, 3]))
        self.speed = float(rng.choice([1.0, 1.0, 1.0, 0.5, 1.6]))
        self.flip = bool(rng.random() < 0.5) if beside is None else beside.flip
        self.still = bool(rng.random() < 0.1)
        self.stop = int(rng.integers(1, 150)) if rng.random() < 0.2 else None

    def play(self, first: int, last: int) -> F4:
        """Frames first..last of the clip; the shot runs back and forth where too short."""
        n = len(self.shot)
        t = np.arange(first, last) - first
        if self.stop is not None:
            # Everything stops for a while, then goes on.
            t = np.where(t > self.stop, np.maximum(self.stop, t - 40), t)
        t = (t // self.hold * self.hold * self.speed).astype(int) * (not self.still)
        t = (self.start + self.step * t) % max(1, 2 * n - 2)
        t = np.where(t >= n, 2 * n - 2 - t, t)
        out = self.shot[t].astype(np.float32)
        return out[:, :, ::-1] if self.flip else out


def _other(
    rng: Rng, show: list[U1], beside: _Reel | None, length: int, before: F4, at: int
) -> tuple[_Reel, F4]:
    """Another shot and its frames, different enough from what is shown to be seen as another."""
    least = float(rng.choice([1.8, 3.5]))  # little differs where only the characters change
    for _ in range(6):
        reel = _Reel(rng, show, beside)
        # It starts early, so that a transition may show it before ``at``.
        frames = reel.play(0, length - at + 1)
        if np.abs(frames[0] - before).mean() > least:
            break
    out = np.zeros((length, HEIGHT, WIDTH, 3), np.float32)
    out[at:] = frames[: length - at]
    return reel, out


def _transition(rng: Rng, clip: Clip, frames: F4, after: F4, at: int) -> int:
    """Go over to ``after`` from frame ``at`` on; gives the last mixed frame."""
    kind = rng.random()
    if kind < 0.5:
        frames[at:] = after[at:]
        mark_cut(clip, at)
        return at
    if kind < 0.72:
        return _dissolve(rng, clip, frames, after, at)
    if kind < 0.87:
        return _fade(rng, clip, frames, after, at)
    return _wipe(rng, clip, frames, after, at)


def _ramp(rng: Rng, n: int) -> F4:
    """Shares 0..1 (exclusive) of n mixed frames: straight, eased or bent."""
    share = np.arange(1, n + 1) / (n + 1)
    kind = rng.random()
    if kind < 0.25:
        share = share * share * (3 - 2 * share)
    elif kind < 0.4:
        share = share ** rng.uniform(0.6, 1.7)
    if rng.random() < 0.1:
        share = np.floor(share * (n + 1) / 2) * 2 / (n + 1)  # mixed on twos
    return share.astype(np.float32)


def _span(rng: Rng, low: float, high: float) -> int:
    return int(np.exp(rng.uniform(np.log(low), np.log(high + 0.99))))


def _dissolve(rng: Rng, clip: Clip, frames: F4, after: F4, at: int) -> int:
    n = _span(rng, 2, 75)
    stop = min(at + n, len(frames))
    share = _ramp(rng, n)[: stop - at, None, None, None]
    frames[at:stop] += share * (after[at:stop] - frames[at:stop])
    frames[stop:] = after[stop:]
    if n <= 3:
        mark_cut_soft(clip, at, at + n - 1)
    else:
        mark_gradual(clip, at, at + n - 1, "dissolve")
    return at + n - 1


def mark_cut_soft(clip: Clip, start: int, end: int) -> None:
    """A mixture of at most three frames: as good as a cut, or a short dissolve."""
    mark_gradual(clip, start, end, "dissolve")
    middle = (start + end + 1) // 2
    clip.weight[max(start - 1, 0) : end + 2] = 0.1
    if 0 < middle < len(clip.cut):
        clip.cut[middle] = 1
        clip.weight[middle, 0] = 0.5


def _fade(rng: Rng, clip: Clip, frames: F4, after: F4, at: int) -> int:
    colour = np.zeros(3, np.float32)
    if rng.random() < 0.35:
        colour = np.full(3, 255, np.float32) if rng.random() < 0.75 else rng.uniform(0, 255, 3)
    colour = colour.astype(np.float32)
    longest = 4 if rng.random() < 0.12 else 45
    out = 0 if rng.random() < 0.15 else _span(rng, 1, longest)
    into = 0 if rng.random() < 0.2 else _span(rng, 1, longest)
    rest = int(rng.integers(0, 6)) if rng.random() < 0.6 else int(rng.integers(6, 50))
    if longest == 4:
        rest = min(rest, int(rng.integers(0, 4)))
    if out == 0 or into == 0:
        rest = max(rest, 1)
    iris = rng.random() < 0.15 and out > 0 and into > 0
    dark, back, end = at + out, at + out + rest, at + out + rest + into
    length = len(frames)
    phi = _pattern(rng, "iris") if iris else None
    for t in range(at, min(dark, length)):
        share = (t - at + 1) / (out + 1)
        mask = share if phi is None else _mask(phi, share, 0.1)
        frames[t] += mask * (colour - frames[t])
    frames[dark:back] = colour
    started = after.copy()
    for t in range(back, min(end, length)):
        share = (t - back + 1) / (into + 1)
        mask = share if phi is None else _mask(1 - phi, share, 0.1)
        frames[t] = colour + mask * (started[t] - colour)
    frames[end:] = started[end:]
    if out == 0 and (into > 0 or rest >= 6):
        # A cut to the colour begins the new shot; its fading in is part of that shot. Coming
        # back hard after a while is a cut of its own.
        mark_cut(clip, at)
        _soften(clip, at + 1, end)
        if into == 0:
            mark_cut(clip, back)
    elif out == 0:
        mark_gradual(clip, at, back, "fade")
        clip.weight[max(at - 1, 0) : back + 2, 0] = 0
    elif into == 0:
        mark_cut(clip, back)
        _soften(clip, at, back)
    else:
        middle = max((at + end) // 2, min(back - REST, end - 1))
        mark_gradual(clip, at, end - 1, "fade", middle)
    return min(end, length)


def _soften(clip: Clip, start: int, end: int) -> None:
    """A fade that leads nowhere by itself: mixed pictures, no boundary."""
    clip.vague.append({"start": start, "end": end - 1, "why": "fade beside a cut"})
    clip.inside[start:end] = 1
    clip.kind[start:end] = KINDS.index("fade")
    clip.weight[start:end, 1] = 0.3


def _begin_with_fade(rng: Rng, clip: Clip, frames: F4) -> None:
    rest, into = int(rng.integers(0, 40)), _span(rng, 3, 60)
    frames[:rest] = 0
    share = (np.arange(1, into + 1) / (into + 1)).astype(np.float32)
    stop = min(rest + into, len(frames))
    frames[rest:stop] *= share[: stop - rest, None, None, None]
    _soften(clip, 0, stop)


def _pattern(rng: Rng, kind: str | None = None) -> F4:
    """When (0..1) a wipe reaches each pixel."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    y, x = y / (HEIGHT - 1), x / (WIDTH - 1)
    kinds = ["line", "line", "line", "iris", "clock", "blinds", "doors", "noise"]
    kind = kind or str(rng.choice(kinds))
    if kind == "line":
        angle = rng.choice([0, 0.5, 1, 1.5]) * np.pi if rng.random() < 0.7 else rng.uniform(0, 6.3)
        phi = np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5)
    elif kind == "iris":
        phi = -np.hypot((x - rng.uniform(0.3, 0.7)) * 1.78, y - rng.uniform(0.3, 0.7))
        phi = -phi if rng.random() < 0.3 else phi
    elif kind == "clock":
        phi = np.arctan2(y - 0.5, x - 0.5) * rng.choice([-1, 1])
    elif kind == "blinds":
        phi = (x if rng.random() < 0.5 else y) * rng.integers(3, 9) % 1.0
    elif kind == "doors":
        phi = np.abs((x if rng.random() < 0.5 else y) - 0.5) * rng.choice([-1, 1])
    else:
        phi = rng.random((HEIGHT, WIDTH))
    phi = phi - phi.min()
    return np.asarray(phi / phi.max(), np.float32)[..., None]


def _mask(phi: F4, share: float, soft: float) -> F4:
    return np.asarray(np.clip((share * (1 + soft) - phi) / soft, 0, 1), np.float32)


def _wipe(rng: Rng, clip: Clip, frames: F4, after: F4, at: int) -> int:
    n = _span(rng, 4, 48)
    length = len(frames)
    stop = min(at + n, length)
    kind = rng.random()
    share = _ramp(rng, n)
    if kind < 0.7:
        phi = _pattern(rng)
        soft = float(rng.choice([0.02, 0.1, 0.4]))
        for t in range(at, stop):
            frames[t] += _mask(phi, float(share[t - at]), soft) * (after[t] - frames[t])
    elif kind < 0.88:
        # The new picture pushes the old one out, or slides over it.
        side, push = bool(rng.random() < 0.5), rng.random() < 0.6
        axis = 1 if rng.random() < 0.7 else 0
        for t in range(at, stop):
            size = frames.shape[1 + axis]
            shift = round(float(share[t - at]) * size)
            old, new = frames[t], after[t]
            if side:
                old, new = np.flip(old, axis), np.flip(new, axis)
            moved = np.roll(old, -shift, axis) if push else old.copy()
            target = np.moveaxis(moved, axis, 0)
            target[size - shift :] = np.moveaxis(new, axis, 0)[:shift]
            frames[t] = np.flip(moved, axis) if side else moved
    else:
        _whip(rng, frames, after, at, min(n, 14), stop)
        n = min(n, 14)
        stop = min(at + n, length)
    frames[stop:] = after[stop:]
    mark_gradual(clip, at, at + n - 1, "wipe")
    return at + n - 1


def _whip(rng: Rng, frames: F4, after: F4, at: int, n: int, stop: int) -> None:
    """A cut hidden in a fast blurred pan."""
    way = int(rng.choice([-1, 1]))
    for i in range(min(n, stop - at)):
        share = (i + 1) / (n + 1)
        source = frames[at + i] if share < 0.5 else after[at + i]
        speed = 1 + int(rng.uniform(10, 24) * (1 - abs(2 * share - 1)))
        shift = int((share if share < 0.5 else share - 1) * n * 4)
        total = np.zeros_like(source)
        for k in range(speed):
            total += np.roll(source, way * (shift + k), 1)
        frames[at + i] = total / speed
