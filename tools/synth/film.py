"""Draws the frames of a script, with the boxes of every character in every frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .painter import Picture, Seen, ShotPainter
from .script import Script
from .transitions import ignored, mix_frames


@dataclass(frozen=True)
class FrameInfo:
    """What is true of one frame."""

    frame: int
    shot: int
    """The shot that fills most of the picture."""
    seen: tuple[Seen, ...]
    repeated: bool
    """The same drawing as the frame before."""


def frames(script: Script, every: int = 1) -> Iterator[tuple[Picture, FrameInfo]]:
    """Draw the episode frame by frame: RGB of shape (height, width, 3), and what is true of it.

    Only each ``every``-th frame is drawn, just as it is among all.
    """
    painters: dict[int, ShotPainter] = {}
    number = 0
    for frame in range(0, script.frame_count, every):
        while number + 1 < len(script.shots) and frame >= script.transitions[number].start:
            if frame <= script.transitions[number].end and script.transitions[number].kind != "cut":
                break
            number += 1
        for old in [n for n in painters if n < number]:
            del painters[old]
        mixed = number + 1 < len(script.shots) and frame >= script.transitions[number].start

        def paint(n: int, at: int = frame) -> tuple[Picture, tuple[Seen, ...], bool]:
            if n not in painters:
                painters[n] = ShotPainter(script, n)
            return painters[n].paint(max(0, at - script.shots[n].first))

        if mixed:
            picture, seen, shot = mix_frames(
                script, script.transitions[number], number, frame, paint
            )
            yield picture, FrameInfo(frame, shot, seen, False)
            continue
        picture, seen, same = paint(number)
        level = _edge_level(script, frame)
        if level < 1.0:
            picture = (picture * level).astype(np.uint8)
            seen = tuple(ignored(s) for s in seen) if level < 0.4 else seen
        yield picture, FrameInfo(frame, number, seen, same and level == 1.0)


def _edge_level(script: Script, frame: int) -> float:
    level = 1.0
    if frame < script.fade_in:
        level = frame / script.fade_in
    left = script.frame_count - 1 - frame
    if left < script.fade_out:
        level = min(level, left / script.fade_out)
    return level
