"""Tunes the trunk's last stage and a head on top of it, on the crops that a store keeps.

The loss is that of ``finetune``; crops are moved, mirrored and lit anew each time that they are
looked at. What comes out is a model of two parts: the opened stage, which makes vectors of
pictures, and a head for shipped features, which makes nearly the same vectors where only features
are left. Crops of up to ``lessons.TRACKS`` tracks are embedded anew at the end, so that the
learner can move what it remembers without looking at a picture.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from caststream.learning.finetune import Batch, Opened, Tuning, descend, judged, too_few
from caststream.learning.lessons import Lessons
from caststream.messages import F4, I8
from caststream.vision.embedder import CROP_SIZE, WEIGHTS, Head, project
from caststream.vision.opened import Trunk, build
from caststream.vision.runtime import resolve_device

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from caststream.vision.embedder_network import OpenedNet

STEPS = 160
BATCH = Batch(pairs=12, alone=8, views=3)
"""About 90 crops: half a second of a core, and nothing to speak of on a GPU."""
RATE, HEAD_RATE = 2e-4, 1e-3
PULL = 0.3
"""Ridge of the head for shipped features: how much it is held to the head of the opened stage."""
_ONCE = 64


def tune_full(
    lessons: Lessons,
    head: Head,
    trunk: Trunk | None = None,
    seed: int = 0,
    steps: int = STEPS,
    device: str = "auto",
    base: Path = WEIGHTS,
) -> Tuning:
    """Tune an opened stage on pictured lessons, and judge it on what was held back.

    Goes on from ``trunk``, or from the shipped stage under ``head``. On one CPU the same lessons
    and seed give the same model. Raises ModelError where the device is not there.
    """
    import torch

    few = too_few(lessons, head)
    if few is not None:
        return few
    place = torch.device(resolve_device(device))
    network = build(trunk, base).to(place)
    before = head if trunk is None else _head_of(trunk)
    pixels = np.stack([_pixels(crop) for crop in lessons.crops])
    was = _features(network, pixels)
    old = project(was[1], before)  # an opened stage that was not tuned yet is the shipped one
    taught, held = lessons.part(False), lessons.part(True)
    mine = lessons.held[lessons.track]
    with torch.random.fork_rng(devices=[] if place.type == "cpu" else [place]):
        torch.manual_seed(seed)
        after, loss = _run(network, before, taught, pixels[~mine], seed, steps, place)
    shipped, seen = _features(network, pixels)
    raw = seen @ after["weight"] + after["bias"]
    plain = _imitation(shipped, raw, after)
    vectors = project(seen, after)
    stage = network.stage.state_dict()
    made: Trunk = {f"stage.{name}": value.cpu().numpy() for name, value in stage.items()}
    made |= {f"head.{name}": array for name, array in after.items()}
    opened = Opened(made, lessons.uid[lessons.track], project(shipped, plain), vectors)
    return judged(held, old[mine], vectors[mine], plain, len(taught.apart), loss, opened)


def _head_of(trunk: Trunk) -> Head:
    return {name: trunk[f"head.{name}"] for name in ("weight", "bias")}


def _pixels(crop: bytes) -> NDArray[np.uint8]:
    picture = Image.open(io.BytesIO(crop)).convert("RGB")
    if picture.size != (CROP_SIZE, CROP_SIZE):
        picture = picture.resize((CROP_SIZE, CROP_SIZE))
    return np.asarray(picture)


def _features(network: OpenedNet, pixels: NDArray[np.uint8]) -> tuple[F4, F4]:
    """Shipped and opened features (N, F) of crops (N, S, S, 3)."""
    import torch

    place = next(network.parameters()).device
    with torch.inference_mode():
        parts = [
            network(torch.from_numpy(pixels[k : k + _ONCE]).to(place)).float().cpu().numpy()
            for k in range(0, len(pixels), _ONCE)
        ]
    shipped, opened = np.split(np.concatenate(parts), 2, axis=1)
    return shipped, opened


def _run(
    network: OpenedNet, head: Head, lessons: Lessons, pixels: NDArray[np.uint8], seed: int,
    steps: int, place: torch.device,
) -> tuple[Head, float]:  # fmt: skip
    """Train the opened stage in place, and a head on it; returns the head and the loss."""
    import torch
    from torch.nn import functional

    first = {name: torch.from_numpy(array.copy()).to(place) for name, array in head.items()}
    weights = {name: value.clone().requires_grad_() for name, value in first.items()}
    stage = {f"stage.{name}": value for name, value in network.stage.named_parameters()}
    begun = copy.deepcopy(network.stage).requires_grad_(False)
    change = _augmentation()

    def look(rows: I8, _: np.random.Generator) -> tuple[Tensor, Tensor]:
        crops = torch.from_numpy(pixels[rows]).to(place).permute(0, 3, 1, 2) / 255.0
        seen = change(crops).clamp(0, 1).permute(0, 2, 3, 1) * 255.0
        with torch.no_grad():
            fine, middle, _ = network.shipped.trunk(seen)
            still = network.shipped.gathered(fine, middle, begun(middle))
            still = functional.normalize(still @ first["weight"] + first["bias"])
        features = network.shipped.gathered(fine, middle, network.stage(middle))
        return functional.normalize(features @ weights["weight"] + weights["bias"]), still

    rates = dict.fromkeys(weights, HEAD_RATE) | dict.fromkeys(stage, RATE)
    loss = descend(lessons, weights | stage, rates, look, BATCH, seed, steps)
    return {name: value.detach().cpu().numpy() for name, value in weights.items()}, loss


def _augmentation() -> Callable[[Tensor], Tensor]:
    """What may happen to a character from one shot to the next, on (B, 3, S, S) in 0..1."""
    from kornia import augmentation as k

    change: Callable[[Tensor], Tensor] = k.AugmentationSequential(
        k.RandomHorizontalFlip(p=0.5),
        k.RandomAffine(8.0, (0.06, 0.06), (0.85, 1.15), p=0.7, padding_mode="border"),
        k.ColorJiggle(0.25, 0.2, 0.2, 0.02, p=0.7),
        k.RandomGaussianBlur((5, 5), (0.3, 1.5), p=0.2),
        k.RandomErasing((0.02, 0.15), (0.4, 2.5), p=0.3),
        data_keys=["input"],
    )
    return change


def _imitation(shipped: F4, raw: F4, head: Head) -> Head:
    """The head that makes of shipped features (N, F) nearly what ``raw`` (N, D) is.

    Ridge regression of what the opened stage changed, onto the head of the opened stage.
    """
    x = np.concatenate([shipped, np.ones((len(shipped), 1), np.float32)], axis=1).astype(np.float64)
    rest = raw - (shipped @ head["weight"] + head["bias"])
    square = x.T @ x + PULL * len(x) * np.eye(x.shape[1])
    change = np.linalg.solve(square, x.T @ rest).astype(np.float32)
    return {"weight": head["weight"] + change[:-1], "bias": head["bias"] + change[-1]}
