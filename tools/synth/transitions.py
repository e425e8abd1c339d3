"""Dissolves, fades and wipes between two shots."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .painter import Picture, Seen
from .script import Script, Transition


def mix_frames(
    script: Script, transition: Transition, number: int, frame: int, paint: object
) -> tuple[Picture, tuple[Seen, ...], int]:
    """One frame of a dissolve, fade or wipe between shot ``number`` and the next."""
    length = transition.end - transition.start + 1
    t = (frame - transition.start + 1) / (length + 1)
    if transition.kind == "fade":
        shot = number if t < 0.5 else number + 1
        picture, seen, _ = paint(shot)  # type: ignore[operator]
        # The colour may stand alone for a while in the middle.
        rest = 2 * transition.soft
        level = max(0.0, (abs(t - 0.5) * 2 - rest) / (1 - rest))
        color = np.array(transition.color, np.float32) * 255
        out = (picture * np.float32(level) + color * np.float32(1 - level)).astype(np.uint8)
        return out, tuple(ignored(s) for s in seen) if level < 0.4 else seen, shot
    old, old_seen, _ = paint(number)  # type: ignore[operator]
    new, new_seen, _ = paint(number + 1)  # type: ignore[operator]
    shot = number + 1 if t > 0.5 else number
    if transition.kind == "dissolve":
        out = (old * np.float32(1 - t) + new * np.float32(t) + 0.5).astype(np.uint8)
        kept = [ignored(s) if t > 0.5 else s for s in old_seen] + [
            ignored(s) if t <= 0.5 else s for s in new_seen
        ]
        return out, tuple(kept), shot
    mask = _wipe_mask(script.width, script.height, transition, t)
    out = (old + (new.astype(np.float32) - old) * mask[..., None]).astype(np.uint8)
    kept = [_masked(s, 1 - mask) for s in old_seen] + [_masked(s, mask) for s in new_seen]
    return out, tuple(s for s in kept if s is not None), shot


def _masked(seen: Seen, mask: npt.NDArray[np.float32]) -> Seen | None:
    """What a wipe leaves of a character's box, None where it is gone."""
    left, top, right, bottom = (int(v) for v in seen.box)
    part = mask[top:bottom, left:right] > 0.5
    columns, rows = np.flatnonzero(part.any(axis=0)), np.flatnonzero(part.any(axis=1))
    if not len(columns):
        return None
    share = float(part.mean())
    box = (
        float(left + columns[0]),
        float(top + rows[0]),
        float(left + columns[-1] + 1),
        float(top + rows[-1] + 1),
    )
    ignore = seen.ignore or share < 0.9
    return Seen(
        seen.shot,
        seen.actor,
        seen.name,
        box,
        round(seen.visible * share, 3),
        seen.occluded or share < 0.9,
        seen.truncated,
        ignore,
    )


def _wipe_mask(
    width: int, height: int, transition: Transition, t: float
) -> npt.NDArray[np.float32]:
    """Share of the new picture in each pixel."""
    x = (np.arange(width, dtype=np.float32) + 0.5)[None, :] / width
    y = (np.arange(height, dtype=np.float32) + 0.5)[:, None] / height
    kind = transition.wipe
    if kind == "left":
        order = 1 - x + 0 * y
    elif kind == "right":
        order = x + 0 * y
    elif kind == "up":
        order = 1 - y + 0 * x
    elif kind == "down":
        order = y + 0 * x
    elif kind == "clock":
        order = (np.arctan2(x - 0.5, 0.5 - y) / (2 * np.pi)) % 1.0
    else:
        order = np.hypot((x - 0.5) * width / height, y - 0.5) / math.hypot(
            0.5 * width / height, 0.5
        )
    soft = max(transition.soft, 1e-3)
    return np.clip((t * (1 + soft) - order) / soft, 0, 1).astype(np.float32)


def ignored(seen: Seen) -> Seen:
    return Seen(
        seen.shot,
        seen.actor,
        seen.name,
        seen.box,
        seen.visible,
        seen.occluded,
        seen.truncated,
        True,
    )
