"""How well `vision.camera` tells the camera's motion in drawn shots, whose truth is exact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from caststream.vision.camera import Camera
from tools.synth.painter import ShotPainter
from tools.synth.script import CAMERAS, Shot, make_script, view_at

WIDTH, HEIGHT, FPS = 192, 108, 24.0
SMALL = (48, 27)
CORNERS = np.array([(x, y) for x in (-0.5, 0.5) for y in (-0.5, 0.5)])
GOOD = 0.01
"""Error at the corners, as a share of the picture's width, up to which a motion is right."""


class Pair(NamedTuple):
    """One step from an analysed picture to the next."""

    camera: str
    truth: NDArray[np.float64]
    """(3,) shift as shares of width and height, and logarithm of the growth."""
    pictures: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    boxes: tuple[NDArray[np.float32], NDArray[np.float32]]
    """In small pixels."""
    first: bool
    """The first pair of its shot."""


def pairs(seed: int, seconds: float, rate: float) -> Iterator[Pair]:
    """Analysed pictures of one drawn film whose cameras all move, outside of transitions."""
    script = make_script(
        show_seed=seed, episode_seed=1, seconds=seconds, width=WIDTH, height=HEIGHT, fps=FPS,
        cameras=CAMERAS,
    )  # fmt: skip
    every = round(FPS / rate)
    for number, shot in enumerate(script.shots):
        painter = ShotPainter(script, number)
        last = None
        for frame in range(0, shot.last - shot.first + 1, every):
            picture, seen, _ = painter.paint(frame)
            boxes = np.array([s.box for s in seen], np.float32).reshape(-1, 4) / (WIDTH / SMALL[0])
            now = (small(picture), boxes, view_at(shot, frame, FPS))
            if last is not None:
                truth = motion(shot, last[2], now[2])
                yield Pair(shot.camera, truth, (last[0], now[0]), (last[1], now[1]), frame == every)
            last = now


def small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(27, 48, 3) by means of 4 x 4 pixels."""
    step = WIDTH // SMALL[0]
    mean = picture.reshape(SMALL[1], step, SMALL[0], step, 3).mean(axis=(1, 3))
    return mean.round().astype(np.uint8)


def motion(
    shot: Shot, before: tuple[float, float, float], after: tuple[float, float, float]
) -> NDArray[np.float64]:
    """What the contents of the picture do when the camera goes from one view to another."""
    x0, y0, z0 = before
    x1, y1, z1 = after
    # World (X, Y) is seen at ((X - x) * z, (Y - y) * z) from the middle, in picture heights.
    return np.array([(x0 - x1) * z1 * HEIGHT / WIDTH, (y0 - y1) * z1, np.log(z1 / z0)])


def error(found: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Largest displacement between two motions at the picture's corners, in widths."""
    aspect = np.array((1.0, HEIGHT / WIDTH))
    a, b = (CORNERS * np.exp(m[2]) + m[:2] for m in (found, truth))
    return float(np.linalg.norm((a - b) * aspect, axis=1).max())


def judged(seeds: Iterable[int], seconds: float = 20.0, rate: float = 4.0) -> dict[str, dict]:
    """By kind of camera: how many steps, and what became of them."""
    found: dict[str, list[tuple[float, float, bool]]] = {}
    for seed in seeds:
        camera = Camera()
        for pair in pairs(seed, seconds, rate):
            if pair.first:
                camera.reset()
                camera.update(pair.pictures[0], pair.boxes[0])
            told = camera.update(pair.pictures[1], pair.boxes[1])
            size = error(np.zeros(3), pair.truth)
            found.setdefault(pair.camera, []).append(
                (error(np.array(told[:3]), pair.truth), size, told.sure)
            )
    return {kind: summed(np.array(rows, float)) for kind, rows in sorted(found.items())}


def summed(rows: NDArray[np.float64]) -> dict[str, float]:
    """Shares of all steps, and median error in percent of the width where one was told."""
    off, size, sure = rows.T
    sure = sure > 0
    moves = size > GOOD
    return {
        "steps": len(rows),
        "moved, %": round(100 * float(moves.mean()), 1),
        "right, %": round(100 * float((off <= GOOD).mean()), 1),
        "unknown, %": round(100 * float((~sure).mean()), 1),
        "told wrongly, %": round(100 * float((sure & (off > GOOD)).mean()), 1),
        "worse than none, %": round(100 * float((off > size + GOOD).mean()), 1),
        "median error where told, %": round(100 * float(np.median(off[sure])), 2) if sure.any()
        else float("nan"),
    }  # fmt: skip
