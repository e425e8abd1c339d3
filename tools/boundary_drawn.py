"""Shots of ``tools.synth`` at 48x27 without their transitions, to be joined anew for training.

Its shows have what the quick ones of ``tools.boundary_shots`` lack: characters of many body plans
that act, twelve ways of rendering, sets that the next shot sees again with others in it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools.boundary_shots import HEIGHT, LENGTH, WIDTH

U1 = NDArray[np.uint8]

SEEDS = 100_000
"""Show seeds of training begin here; benches draw theirs from below."""
TIMES = 3
"""Shots are painted so many times larger, then each pixel is a mean."""


def draw_show(seed: int) -> list[U1]:
    """Shots of one show in the order of its film, each (16 to 120, 27, 48, 3) RGB."""
    from tools.synth.painter import ShotPainter
    from tools.synth.script import make_script

    width, height = WIDTH * TIMES, HEIGHT * TIMES
    script = make_script(
        show_seed=SEEDS + seed, episode_seed=0, seconds=30, width=width, height=height
    )
    shots = []
    for number, shot in enumerate(script.shots):
        length = min(shot.last - shot.first + 1, LENGTH)
        if length < 16:
            continue
        painter = ShotPainter(script, number)
        small = np.empty((length, HEIGHT, WIDTH, 3), np.uint8)
        for frame in range(length):
            picture, _, same = painter.paint(frame)
            if same and frame:
                small[frame] = small[frame - 1]
            else:
                cells = picture.reshape(HEIGHT, TIMES, WIDTH, TIMES, 3)
                small[frame] = cells.mean((1, 3)).round()
        shots.append(small)
    return shots


def draw_shows(count: int, cache: Path) -> list[list[U1]]:
    """The first ``count`` shows, each kept in ``cache`` for the next time."""
    shows = []
    for seed in range(count):
        kept = cache / f"show-{seed}.npz"
        if not kept.exists():
            cache.mkdir(parents=True, exist_ok=True)
            unfinished = kept.with_name(f"part-{kept.name}")
            np.savez(unfinished, *draw_show(seed))
            unfinished.rename(kept)
        with np.load(kept) as arrays:
            shows.append([arrays[name] for name in arrays.files])
    return [show for show in shows if show]
