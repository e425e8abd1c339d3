"""Pictures for training the detector: sources, and augmentation that keeps the boxes right."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch.utils.data import get_worker_info

U1 = NDArray[np.uint8]
F4 = NDArray[np.float32]
SMALLEST = 8.0
"""Boxes with a shorter side than this after augmentation, in pixels, are only to be ignored."""
HIDDEN = 0.25
"""Drawn characters of which less is to be seen are to be ignored."""
FRESH = 16
"""New drawn pictures for each batch."""
KEPT = 16
"""Batches for which a drawn picture is kept."""
CLUTTERED, MOST_CLUTTER = 0.3, 6
"""Share of new drawn pictures with one to so many things more that are no characters."""
SEEN = 0.3
"""A box of which less than this share is left inside the picture is only to be ignored."""


@dataclass
class Sample:
    """A picture (H, W, 3) RGB, its boxes (N, 4) xyxy, and (N,) which of them to ignore."""

    picture: U1
    boxes: F4
    ignore: NDArray[np.bool_]


class Batch(NamedTuple):
    """Pictures (B, H, W, 3) RGB, boxes (B, M, 4) xyxy, and two masks (B, M) of these.

    ``true`` are to be found and ``fog`` to be ignored; rows in neither fill up.
    """

    pictures: U1
    boxes: F4
    true: NDArray[np.bool_]
    fog: NDArray[np.bool_]


def batch_of(samples: Sequence[Sample]) -> Batch:
    """Samples of one size as arrays."""
    most = max(1, *(len(sample.boxes) for sample in samples))
    boxes = np.zeros((len(samples), most, 4), np.float32)
    true, fog = np.zeros((2, len(samples), most), bool)
    for k, sample in enumerate(samples):
        count = len(sample.boxes)
        boxes[k, :count], fog[k, :count] = sample.boxes, sample.ignore
        true[k, :count] = ~sample.ignore
    return Batch(np.stack([sample.picture for sample in samples]), boxes, true, fog)


def window(rng: np.random.Generator, sample: Sample, size: tuple[int, int]) -> Sample:
    """A random cut of the picture, zoomed and sometimes mirrored, at ``size`` (width, height).

    Zoomed out, the picture lies on a plain or blurred ground; zoomed in, characters are cut by
    the edge as in close-ups.
    """
    height, width = sample.picture.shape[:2]
    zoom = float(np.exp(rng.uniform(-0.5, 0.6)))
    shape = float(np.exp(rng.normal(0, 0.12)))
    w = width / zoom * shape**0.5
    h = w * size[1] / size[0] / shape
    x = rng.uniform(min(0, width - w), max(0, width - w))
    y = rng.uniform(min(0, height - h), max(0, height - h))
    image = Image.fromarray(sample.picture)
    scale = np.array((size[0] / w, size[1] / h), np.float32)
    inner = np.array((max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)))
    start = np.round((inner[:2] - (x, y)) * scale).astype(int)
    end = np.minimum(np.round((inner[2:] - (x, y)) * scale).astype(int), size)
    end = np.maximum(end, start + 1)
    part = image.resize(
        tuple(end - start), Image.Resampling.BILINEAR, box=tuple(inner), reducing_gap=2.0
    )
    if (end - start < size).any():
        if rng.random() < 0.5:
            ground = part.resize(size).filter(ImageFilter.GaussianBlur(12))
        else:
            ground = Image.new("RGB", size, tuple(int(c) for c in rng.integers(0, 256, 3)))
        ground.paste(part, tuple(int(s) for s in start))
        part = ground
    boxes = (sample.boxes - np.array((x, y, x, y), np.float32)) * np.tile(scale, 2)
    moved = _clipped(np.asarray(part), boxes, sample.ignore)
    return mirrored(moved) if rng.random() < 0.5 else moved


def _clipped(picture: U1, boxes: F4, ignore: NDArray[np.bool_]) -> Sample:
    height, width = picture.shape[:2]
    inside = boxes.copy()
    inside[:, 0::2] = inside[:, 0::2].clip(0, width)
    inside[:, 1::2] = inside[:, 1::2].clip(0, height)
    sides = inside[:, 2:] - inside[:, :2]
    share = sides.prod(1) / np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(1), 1e-6)
    kept = sides.min(1, initial=np.inf) > 1
    small = (sides.min(1, initial=np.inf) < SMALLEST) | (share < SEEN)
    return Sample(picture, inside[kept].astype(np.float32), (ignore | small)[kept])


def mirrored(sample: Sample) -> Sample:
    """The picture from the other side."""
    boxes = sample.boxes.copy()
    boxes[:, [0, 2]] = sample.picture.shape[1] - boxes[:, [2, 0]]
    return Sample(sample.picture[:, ::-1], boxes, sample.ignore)


def mosaic(rng: np.random.Generator, samples: Sequence[Sample], size: tuple[int, int]) -> Sample:
    """Four pictures side by side, meeting at a random point."""
    width, height = size
    middle = (int(width * rng.uniform(0.3, 0.7)), int(height * rng.uniform(0.3, 0.7)))
    picture = np.empty((height, width, 3), np.uint8)
    boxes, ignore = [], []
    for i, sample in enumerate(samples):
        x = (0, middle[0], width)[i % 2 : i % 2 + 2]
        y = (0, middle[1], height)[i // 2 : i // 2 + 2]
        part = window(rng, sample, (x[1] - x[0], y[1] - y[0]))
        picture[y[0] : y[1], x[0] : x[1]] = part.picture
        boxes.append(part.boxes + np.array((x[0], y[0]) * 2, np.float32))
        ignore.append(part.ignore)
    return Sample(picture, np.concatenate(boxes), np.concatenate(ignore))


def recoloured(rng: np.random.Generator, picture: U1) -> U1:
    """The same drawing as another hand, camera or codec would have left it."""
    style = rng.random()
    if style < 0.10:
        picture = _as_lines(rng, picture)
    elif style < 0.20:
        picture = _as_flat(rng, picture)
    elif style < 0.28:
        picture = _as_other_paint(rng, picture)
    image = Image.fromarray(picture)
    if rng.random() < 0.8:
        contrast, light = rng.uniform(0.6, 1.4), rng.uniform(-40, 40)
        if rng.random() < 0.12:
            dark = rng.uniform(0.2, 0.6)
            contrast, light = contrast * dark, (light + 128) * dark - 128
        matrix = _colour_matrix(rng) * contrast
        moved = np.full((3, 1), 128 + light - 128 * contrast)
        # Pillow's own kernel takes a fifth of the time that numpy needs for the same.
        image = image.convert("RGB", tuple(np.hstack([matrix, moved]).ravel().tolist()))
    if rng.random() < 0.05:
        red, green, blue = (image.getchannel(int(k)) for k in rng.permutation(3))
        image = Image.merge("RGB", (red, green, blue))
    if rng.random() < 0.15:
        grain = rng.standard_normal((image.height, image.width, 1), np.float32)
        grain *= np.float32(rng.uniform(2, 14))
        image = Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8))
    if rng.random() < 0.15:
        image = image.filter(ImageFilter.BoxBlur(float(rng.uniform(0.5, 1.8))))
    if rng.random() < 0.3:
        size = image.size
        if rng.random() < 0.4:
            # A low bitrate: fewer pixels, coarser blocks.
            share = rng.uniform(0.35, 0.8)
            image = image.resize((int(size[0] * share), int(size[1] * share)))
        coded = io.BytesIO()
        image.save(coded, "JPEG", quality=int(rng.integers(10, 80)))
        image = Image.open(coded).resize(size)
    return np.asarray(image)


def _colour_matrix(rng: np.random.Generator) -> F4:
    """Saturation (0 to 1.6, often none at all) and a turn of the hues about the grey axis."""
    gray = np.full((3, 3), 1, np.float32) * np.array((0.299, 0.587, 0.114), np.float32)
    saturation = 0.0 if rng.random() < 0.15 else rng.uniform(0.4, 1.6)
    angle = rng.normal(0, 0.4)
    cos, sin = np.cos(angle), np.sin(angle)
    third, root = (1 - cos) / 3, sin / np.sqrt(3)
    turn = np.full((3, 3), third) + np.diag(np.full(3, cos))
    turn += root * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    return np.asarray(turn @ (gray + saturation * (np.eye(3) - gray)), np.float32)


def _as_lines(rng: np.random.Generator, picture: U1) -> U1:
    """A line drawing: what is darker than its surroundings, on paper; sometimes with faint fill."""
    image = Image.fromarray(picture).convert("L")
    around = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(1.0, 3.0))))
    gray, near = np.asarray(image, np.float32), np.asarray(around, np.float32)
    lines = np.clip((near - gray) * rng.uniform(4, 14), 0, 255)[..., None]
    paper = rng.uniform(200, 255, 3).astype(np.float32)
    if rng.random() < 0.5:
        fill = rng.uniform(0.1, 0.5)
        paper = paper * (1 - fill) + picture.astype(np.float32) * fill
    return np.asarray(np.clip(paper - lines, 0, 255), np.uint8)


def _as_flat(rng: np.random.Generator, picture: U1) -> U1:
    """A flat drawing: few colours in large areas, with dark outlines in half of the cases."""
    image = Image.fromarray(picture)
    # At half the size, where a small median does: these two filters are slow.
    coarse = image.reduce(2).filter(ImageFilter.MedianFilter(3))
    flat = coarse.quantize(int(rng.integers(6, 24))).convert("RGB").resize(image.size)
    colours = np.asarray(flat, np.float32)
    if rng.random() < 0.5:
        edges = np.asarray(flat.convert("L").filter(ImageFilter.FIND_EDGES), np.float32)
        colours = colours - np.clip(edges * 3, 0, 255)[..., None]
    return np.asarray(np.clip(colours, 0, 255), np.uint8)


def _as_other_paint(rng: np.random.Generator, picture: U1) -> U1:
    """Another texture on the same shapes: a random small filter, half mixed in.

    Xu et al., "Robust and generalizable visual representation learning via random convolutions",
    ICLR 2021; the turn of the colours that follows does the rest.
    """
    kernel = rng.normal(0, 0.5, 9)
    kernel[4] += 1.0
    total = float(kernel.sum())
    scale = total if abs(total) > 0.3 else 0.3
    image = Image.fromarray(picture)
    painted = image.filter(ImageFilter.Kernel((3, 3), kernel.tolist(), scale))
    return np.asarray(Image.blend(image, painted, float(rng.uniform(0.3, 1.0))))


def draw_one(rng: np.random.Generator, width: int, height: int) -> Sample:
    """A drawn picture; characters that are hidden for the most part are ignored."""
    from tools.synth import sample_picture

    clutter = int(rng.integers(1, MOST_CLUTTER + 1)) if rng.random() < CLUTTERED else 0
    picture, boxes, _, visible = sample_picture(rng, width, height, clutter=clutter)
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    return Sample(picture, boxes, np.asarray(visible) < HIDDEN)


class Fresh(Sequence[Sample]):
    """Drawn pictures that are made when a batch needs them: ``FRESH`` new ones and those before.

    A picture depends on the seed and its number alone. Of several processes that take turns with
    the batches each draws for its own, and keeps what it drew for its last ``KEPT``.
    """

    def __init__(self, seed: int, width: int = 512, height: int = 288) -> None:
        self._seed = seed
        self._size = (width, height)
        self._drawn: dict[int, list[Sample]] = {}
        self._shown: list[Sample] = []

    def go_to(self, batch: int, turns: int) -> None:
        """Have the pictures for ``batch`` ready, made by one of ``turns`` processes."""
        numbers = range(batch, -1, -turns)[:KEPT]
        self._drawn = {k: self._drawn.get(k) or self._draw(k) for k in numbers}
        self._shown = [sample for drawn in self._drawn.values() for sample in drawn]

    def _draw(self, batch: int) -> list[Sample]:
        numbers = range(batch * FRESH, (batch + 1) * FRESH)
        rngs = [np.random.default_rng((self._seed, number)) for number in numbers]
        return [draw_one(rng, *self._size) for rng in rngs]

    def __len__(self) -> int:
        return len(self._shown)

    def __getitem__(self, number: int) -> Sample:  # type: ignore[override]
        return self._shown[number]


class Mixture:
    """Augmented batches from several sources, each with its share, by number and without end.

    Batch ``n`` depends on the seed and on ``n`` alone (and, where pictures are drawn for it, on
    how many processes take turns), so a run that was stopped goes on as if it had not been.
    """

    def __init__(
        self,
        sources: Sequence[tuple[float, Sequence[Sample]]],
        batch: int,
        sizes: Sequence[tuple[int, int]],
        seed: int,
    ) -> None:
        used = [part for part in sources if part[0] and (isinstance(part[1], Fresh) or part[1])]
        self._sources = [samples for _, samples in used]
        shares = np.array([share for share, _ in used])
        self._shares = shares / shares.sum()
        self._batch = batch
        self._sizes = sizes
        self._seed = seed

    def _pick(self, rng: np.random.Generator) -> Sample:
        source = self._sources[rng.choice(len(self._sources), p=self._shares)]
        return source[int(rng.integers(len(source)))]

    def _one(self, rng: np.random.Generator, size: tuple[int, int]) -> Sample:
        if rng.random() < 0.25:
            sample = mosaic(rng, [self._pick(rng) for _ in range(4)], size)
        else:
            sample = window(rng, self._pick(rng), size)
        return Sample(recoloured(rng, sample.picture), sample.boxes, sample.ignore)

    def __getitem__(self, number: int) -> Batch:
        """Batch ``number``."""
        worker = get_worker_info()
        for source in self._sources:
            if isinstance(source, Fresh):
                source.go_to(number, worker.num_workers if worker else 1)
        rng = np.random.default_rng((self._seed, number))
        size = self._sizes[int(rng.integers(len(self._sizes)))]
        return batch_of([self._one(rng, size) for _ in range(self._batch)])
