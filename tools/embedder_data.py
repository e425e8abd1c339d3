"""Crops for training and judging the embedder: drawn characters, and films cut along tracks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from caststream.media.picture import Picture
from caststream.media.resample import resample
from caststream.vision.detector import Detector
from caststream.vision.embedder import CROP_SIZE
from caststream.vision.focus import focus
from tools.synth import make_cast, sample_crop, sample_picture

U1 = NDArray[np.uint8]
F4 = NDArray[np.float32]
I8 = NDArray[np.int64]
CAST = 8
"""Characters of a drawn show."""
VIEWS = 12
"""Crops of a drawn character."""
PICTURE = (640, 360)
"""Width and height of the pictures that half of the drawn crops are cut from."""
MOST_PICTURES = 60
SMALLEST = 20
"""Longer side, in pixels, of the smallest character that is cut from a picture."""
ALIKE = 0.5
FIRST_FRESH = 100_000
"""Shows that are drawn while the network learns have seeds from here on, others lie below."""
FAR = 1000
"""Frames between two drawn crops, which no film connects."""
SAMPLED = 0.25
"""Seconds between the pictures of a film that are searched for tracks."""
SURE = 0.35
"""Score of a detection that is followed."""
LINK = 0.35
"""IoU with the picture before that makes a track go on."""
SKIP = 48
"""Frames between two wanted ones from which on a film is sought in, not decoded through."""
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


class Drawing:
    """A drawn picture (H, W, 3) RGB that crops are cut from as from a decoded one."""

    def __init__(self, picture: U1) -> None:
        self.height, self.width = picture.shape[:2]
        self._lines = np.ascontiguousarray(picture).reshape(self.height, -1)

    def cut(self, regions: NDArray[np.float64], size: int) -> U1:
        """Each region (N, 4) ``xyxy`` as one of (N, size, size, 3) RGB, borders repeated."""
        channels = np.empty((len(regions), 3, size, size), np.float32)
        for region, crop in zip(regions, channels, strict=True):
            for phase in range(3):
                resample(self._lines, self.width, 3, phase, region, crop[phase])
        return (channels.transpose(0, 2, 3, 1) + 0.5).clip(0, 255).astype(np.uint8)


def draw_show(seed: int, alike: float = ALIKE) -> tuple[U1, I8]:
    """Crops (``CAST`` * ``VIEWS``, S, S, 3) of the characters of a show, one after the other.

    Half of the crops are cut from pictures in which characters of the show stand together, in one
    place and one light; the other half are single ones, with another of the cast near by. Also
    returned are the numbers (``CAST``, ``VIEWS``) of the pictures that they were cut from.
    """
    rng = np.random.default_rng((seed, 13))
    cast = make_cast(seed, CAST, alike=alike)
    crops: list[list[U1]] = [[] for _ in cast]
    numbers: list[list[int]] = [[] for _ in cast]
    for number in range(MOST_PICTURES):
        wanting = [k for k in range(CAST) if len(crops[k]) < VIEWS // 2]
        if not wanting:
            break
        count = int(rng.choice([1, 2, 3, 4], p=(0.15, 0.4, 0.3, 0.15)))
        # Those who still lack crops come first, then anybody.
        order = [*rng.permutation(wanting), *rng.permutation(CAST)]
        shown = [cast[k] for k in dict.fromkeys(int(k) for k in order)][:count]
        picture, boxes, seeds, visible = sample_picture(rng, *PICTURE, shown)
        boxes = boxes + rng.normal(0, 0.05, boxes.shape) * np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        cut = focused(Picture(Drawing(picture)), boxes.astype(np.float32))
        for crop, box, who, share in zip(cut, boxes, seeds, visible, strict=True):
            k = next(k for k in range(CAST) if cast[k].seed == who)
            if share >= 0.3 and max(box[2:] - box[:2]) >= SMALLEST and len(crops[k]) < VIEWS // 2:
                crops[k].append(crop)
                numbers[k].append(number)
    for k, who in enumerate(cast):
        others = [other for other in cast if other is not who]
        while len(crops[k]) < VIEWS:
            numbers[k].append(MOST_PICTURES + k * VIEWS + len(crops[k]))
            crop, inside = sample_crop(who, rng, CROP_SIZE, others)
            crops[k].append(focus(crop[None], inside[None])[0])
    return np.array(crops).reshape(-1, CROP_SIZE, CROP_SIZE, 3), np.array(numbers)


class FreshShows:
    """Shows by number, drawn when they are asked for; the more alike, the harder they are."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __getitem__(self, number: int) -> U1:
        """Crops of show ``number``, as ``draw_show`` gives them."""
        rng = np.random.default_rng((self._seed, number))
        return draw_show(int(rng.integers(FIRST_FRESH, 1 << 40)), float(rng.uniform(0.3, 1.0)))[0]


def draw(cache: Path, seed: int) -> None:
    """Draw one show into ``cache``, if it is not there."""
    path = cache / f"show-{seed:05}.npy"
    if path.exists():
        return
    cache.mkdir(parents=True, exist_ok=True)
    crops, numbers = draw_show(seed)
    np.save(path.with_name(f"pictures-{seed:05}.npy"), numbers)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.save(file, crops)
    part.rename(path)


def drawn(cache: Path, seeds: range) -> list[Crops]:
    """The shows with these seeds that lie in ``cache``, one after the other."""
    shows = []
    for path in sorted(cache.glob("show-*.npy")):
        if int(path.stem[5:]) in seeds:
            numbers = np.load(path.with_name(f"pictures-{path.stem[5:]}.npy")).astype(np.int64)
            who = np.arange(CAST * VIEWS) // VIEWS
            shows.append(Crops(np.load(path, mmap_mode="c"), who, numbers.flatten() * FAR))
    return shows


def focused(picture: Picture, boxes: F4) -> U1:
    """Crops of boxes (N, 4) as the stream makes them, (N, S, S, 3)."""
    return focus(picture.crops(boxes, CROP_SIZE), picture.inside(boxes))


def _pictures(film: Path) -> Iterator[tuple[int, float, Picture]]:
    import av

    from caststream.media.surface import CpuSurface, Scalers

    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        scalers = Scalers()
        for index, frame in enumerate(container.decode(stream)):
            yield index, float(frame.time or 0.0), Picture(CpuSurface(frame, scalers))


def _pictures_at(film: Path, wanted: list[int]) -> Iterator[tuple[int, Picture]]:
    """The pictures with these numbers; what lies far between is skipped, not decoded."""
    import av

    from caststream.media.surface import CpuSurface, Scalers

    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        assert stream.time_base and stream.average_rate, "films with truth have a constant rate"
        scalers = Scalers()
        number, frames = -SKIP, iter(())
        for index in wanted:
            if index - number > SKIP:
                time = (index - 0.5) / stream.average_rate
                container.seek(max(0, int(time / stream.time_base)), stream=stream)
                frames = container.decode(stream)
            for frame in frames:
                number = round(frame.time * stream.average_rate)
                if number >= index:
                    break
            if number != index:
                raise ValueError(f"{film}: no picture {index}, the next one is {number}")
            yield index, Picture(CpuSurface(frame, scalers))


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
        for index, picture in _pictures_at(
            film, [index for index in sorted(boxes) if boxes[index]]
        ):
            sides = np.array([box for _, box in boxes[index]], np.float32)
            sides[:, 2:] += sides[:, :2]
            found.append(focused(picture, sides))
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
            crops = focused(picture, boxes)
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
