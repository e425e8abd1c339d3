"""Crops for training and judging the embedder: drawn characters, and films cut along tracks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from caststream.media.picture import Picture
from caststream.media.surface import CpuSurface, Scalers
from caststream.vision.detector import Detector
from caststream.vision.embedder import CROP_SIZE
from tools.synth import make_cast, sample_crop

U1 = NDArray[np.uint8]
F4 = NDArray[np.float32]
I8 = NDArray[np.int64]
CAST = 8
"""Characters of a drawn show."""
VIEWS = 10
"""Crops of a drawn character."""
ALIKE = 0.5
FAR = 1000
"""Frames between two drawn crops, which no film connects."""
SAMPLED = 0.25
"""Seconds between the pictures of a film that are searched for tracks."""
SURE = 0.35
"""Score of a detection that is followed."""
LINK = 0.35
"""IoU with the picture before that makes a track go on."""
LEVELS = 0.6
"""Overlap of colour histograms that makes a track go on: not over a cut."""


@dataclass
class Crops:
    """Crops of one show or film."""

    pixels: U1
    """(N, S, S, 3) RGB"""
    who: I8
    """(N,) number of the character or track."""
    frame: I8
    """(N,) number of the picture that a crop was cut from."""

    def __len__(self) -> int:
        return len(self.who)


def draw(cache: Path, seed: int) -> None:
    """Draw one show into ``cache``, ``CAST`` characters with ``VIEWS`` crops each, if not there."""
    path = cache / f"show-{seed:05}.npy"
    if path.exists():
        return
    cache.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng((seed, 11))
    crops = [
        sample_crop(who, rng, CROP_SIZE)
        for who in make_cast(seed, CAST, alike=ALIKE)
        for _ in range(VIEWS)
    ]
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.save(file, np.stack(crops))
    part.rename(path)


def drawn(cache: Path, seeds: range) -> list[Crops]:
    """The shows with these seeds that lie in ``cache``, one after the other."""
    shows = []
    for path in sorted(cache.glob("show-*.npy")):
        if int(path.stem[5:]) in seeds:
            rows = np.arange(CAST * VIEWS)
            shows.append(Crops(np.load(path, mmap_mode="r"), rows // VIEWS, rows * FAR))
    return shows


def _pictures(film: Path) -> Iterator[tuple[int, float, Picture]]:
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        scalers = Scalers()
        for index, frame in enumerate(container.decode(stream)):
            yield index, float(frame.time or 0.0), Picture(CpuSurface(frame, scalers))


def truth(film: Path, cache: Path) -> tuple[Crops, list[str]]:
    """Crops of the named true boxes of a film, and the names that ``who`` numbers."""
    kept = cache / f"truth-{film.stem}.npz"
    frames = json.loads(film.with_name(f"{film.stem}.truth.json").read_text())["frames"]
    boxes = {
        frame["frame"]: [
            (box["character"], box["box"])
            for box in frame["boxes"]
            if not box.get("ignore") and box["character"] not in ("extra", "other")
        ]
        for frame in frames
    }
    if not kept.exists():
        found = []
        for index, _, picture in _pictures(film):
            if boxes.get(index):
                sides = np.array([box for _, box in boxes[index]], np.float32)
                sides[:, 2:] += sides[:, :2]
                found.append(picture.crops(sides, CROP_SIZE))
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(kept, pixels=np.concatenate(found))
    listed = [(index, name) for index in sorted(boxes) for name, _ in boxes[index]]
    names, who = np.unique([name for _, name in listed], return_inverse=True)
    pixels = np.load(kept)["pixels"]
    frame = np.array([index for index, _ in listed])
    return Crops(pixels, who.astype(np.int64), frame), list(names)


def tracked(film: Path, cache: Path) -> Crops:
    """Crops along simple tracks of a film's detections; tracks of one picture are left out.

    A box goes on as the box of the picture before that overlaps it most, both ways, unless its
    colours changed as they do over a cut.
    """
    kept = cache / f"tracks-{film.stem}.npz"
    if not kept.exists():
        detector = Detector.load()
        pixels: list[U1] = []
        who: list[int] = []
        frame: list[int] = []
        last: tuple[F4, U1, list[int]] = (np.zeros((0, 4), np.float32), np.zeros(0, np.uint8), [])
        due, tracks = 0.0, 0
        for index, time, picture in _pictures(film):
            if time < due:
                continue
            due = time + SAMPLED - 0.01
            boxes = _detect(detector, picture)
            crops = picture.crops(boxes, CROP_SIZE)
            owners = []
            for _, before in _links(last[0], boxes, last[1], crops):
                owners.append(last[2][before] if before >= 0 else tracks)
                tracks += before < 0
            pixels.append(crops)
            who += owners
            frame += [index] * len(boxes)
            last = (boxes, crops, owners)
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(kept, pixels=np.concatenate(pixels), who=np.array(who), frame=np.array(frame))
    with np.load(kept) as arrays:
        number = arrays["who"].astype(np.int64)
        long = np.bincount(number, minlength=1)[number] >= 3
        return Crops(
            arrays["pixels"][long],
            number[long],
            arrays["frame"][long].astype(np.int64),
        )


def _detect(detector: Detector, picture: Picture) -> F4:
    size = detector.size_for(picture.width, picture.height)
    boxes, scores = detector.detect(picture.resized(*size)[None])[0]
    scale = np.tile([picture.width / size[0], picture.height / size[1]], 2)
    sure: F4 = (boxes[scores >= SURE] * scale).astype(np.float32)
    large = (sure[:, 2:] - sure[:, :2]).max(1, initial=0) > 0.08 * picture.height
    kept: F4 = sure[large]
    return kept


def _links(before: F4, now: F4, crops_before: U1, crops_now: U1) -> Iterator[tuple[int, int]]:
    """(index now, index before or -1) for every box."""
    low = np.maximum(before[:, None, :2], now[None, :, :2])
    high = np.minimum(before[:, None, 2:], now[None, :, 2:])
    shared = (high - low).clip(0).prod(2)
    area = [(b[:, 2:] - b[:, :2]).prod(1) for b in (before, now)]
    iou = shared / (area[0][:, None] + area[1][None] - shared + 1e-6)
    for k in range(len(now)):
        best = int(iou[:, k].argmax()) if len(before) else -1
        good = (
            best >= 0
            and iou[best, k] >= LINK
            and int(iou[best].argmax()) == k
            and np.minimum(levels(crops_before[best]), levels(crops_now[k])).sum() >= LEVELS
        )
        yield k, best if good else -1


def levels(crop: U1) -> F4:
    """Histogram of a crop's colours, 4 levels a channel, (64,) adding up to 1."""
    coarse = (crop[::2, ::2] >> 6).astype(np.int64).reshape(-1, 3) @ np.array([16, 4, 1])
    return (np.bincount(coarse, minlength=64) / len(coarse)).astype(np.float32)
