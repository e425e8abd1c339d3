"""Films with hand-made truth: pictures of their truth frames, and of frames nobody labelled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import av

U1 = NDArray[np.uint8]
F4 = NDArray[np.float32]
KEPT_HEIGHT = 480
"""Truth frames are kept at this height at most, which leaves room to zoom in."""
LOOSE_HEIGHT = 360
LOOSE_EVERY = 1.5
NEIGHBOUR = 0.25


@dataclass
class Labelled:
    """A picture with its boxes: (H, W, 3) RGB, (N, 4) xyxy in its pixels, (N,) bool ignore."""

    film: str
    frame: int
    picture: U1
    boxes: F4
    ignore: NDArray[np.bool_]


@dataclass
class Loose:
    """An unlabelled picture with what was shown a moment before and after."""

    film: str
    frame: int
    pictures: U1
    """(3, H, W, 3): before, itself, after."""


def read_truth(path: Path) -> dict[int, tuple[F4, NDArray[np.bool_]]]:
    """Frame -> boxes (N, 4) xyxy in the clip's pixels and which of them to ignore."""
    found = {}
    for frame in json.loads(path.read_text())["frames"]:
        boxes = np.array([b["box"] for b in frame["boxes"]], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        ignore = np.array([b.get("ignore", False) for b in frame["boxes"]], bool)
        found[frame["frame"]] = (boxes, ignore)
    return found


def read_film(film: Path, cache: Path) -> tuple[list[Labelled], list[Loose]]:
    """All truth frames of a film and loose frames every ``LOOSE_EVERY`` seconds.

    One pass over the film; pictures are kept in ``cache`` for the next time.
    """
    truth_path = film.with_name(f"{film.stem}.truth.json")
    truth = read_truth(truth_path) if truth_path.exists() else {}
    kept = cache / f"{film.stem}.npz"
    if not kept.exists():
        _decode(film, sorted(truth), kept)
    with np.load(kept) as arrays:
        exact, loose = arrays["truth"], arrays["loose"]
        frames, scale = arrays["loose_frames"], float(arrays["scale"])
    labelled = [
        Labelled(
            film.stem, index, picture, (truth[index][0] * scale).astype(np.float32), truth[index][1]
        )
        for index, picture in zip(sorted(truth), exact, strict=True)
    ]
    return labelled, [Loose(film.stem, int(f), p) for f, p in zip(frames, loose, strict=True)]


def _decode(film: Path, wanted: list[int], kept: Path) -> None:
    import av

    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        width, height = stream.width, stream.height
        rate = float(stream.average_rate or 24)
        exact_size = _fit(width, height, KEPT_HEIGHT)
        loose_size = _fit(width, height, LOOSE_HEIGHT)
        every, step = round(LOOSE_EVERY * rate), round(NEIGHBOUR * rate)
        exact: dict[int, U1] = {}
        strip: list[U1] = []
        for index, frame in enumerate(container.decode(stream)):
            if index in wanted:
                exact[index] = _rgb(frame, exact_size)
            if index % every in (0, step, 2 * step):
                strip.append(_rgb(frame, loose_size))
    whole = len(strip) // 3
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.with_suffix(".part").open("wb") as file:
        np.savez(
            file,
            truth=np.array([exact[i] for i in wanted], np.uint8),
            loose=np.array(strip[: 3 * whole], np.uint8).reshape(whole, 3, *strip[0].shape),
            loose_frames=np.arange(whole) * every + step,
            scale=exact_size[0] / width,
        )
    kept.with_suffix(".part").rename(kept)


def _fit(width: int, height: int, limit: int) -> tuple[int, int]:
    scale = min(1.0, limit / height)
    return round(width * scale / 2) * 2, round(height * scale / 2) * 2


def _rgb(frame: av.VideoFrame, size: tuple[int, int]) -> U1:
    picture = frame.reformat(*size, format="rgb24", interpolation="AREA")
    return np.asarray(picture.to_ndarray(), np.uint8)
