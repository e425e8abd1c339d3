"""Finds characters in pictures: boxes with scores."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from caststream.errors import ModelError
from caststream.vision.cells import cells
from caststream.vision.converted import digest, key_of, read_weights
from caststream.vision.together import Pictures, Together

if TYPE_CHECKING:
    from caststream.vision.networks import CharacterNet

U1 = NDArray[np.uint8]
F4 = NDArray[np.float32]
Found = tuple[F4, F4]
"""Boxes (N, 4) xyxy in pixels of the picture, scores (N,) falling."""

WEIGHTS = Path(__file__).parent / "weights" / "detector.safetensors"
FORMAT = "caststream-detector/1"
SIZE = (512, 288)
FLOOR = 0.08
"""Boxes that score less are not given: a tracker can use doubtful boxes, but not noise."""
OVERLAP = 0.6
"""IoU above which the lower of two boxes is dropped; characters in front of others overlap much."""
PROMPT = "an animated character"
MOST = 100
"""Boxes a picture at most: the highest."""


class Detector:
    """Finds characters in batches of pictures.

    ``find`` does the work for one batch, ``digest`` tells its weights from others, ``name`` is for
    people, ``fixed`` is the one (width, height) that it takes, None where any multiple of 32 does,
    ``tensors`` says that ``find`` takes pictures on a device as well.
    Most callers want ``Detector.load``. Several threads may share one: what they ask for
    at the same time goes through ``find`` as one batch.
    """

    def __init__(
        self,
        find: Callable[[Any], list[Found]],
        digest: str,
        name: str,
        fixed: tuple[int, int] | None = None,
        tensors: bool = False,
    ) -> None:
        self._find: Callable[[Pictures], list[Found]] = Together(find)
        self._fixed = fixed
        self._tensors = tensors
        self.digest = digest
        self.name = name

    @staticmethod
    def load(spec: str = "default", device: str = "auto", prompt: str = PROMPT) -> Detector:
        """The detector that ``spec`` names, on ``device`` ("auto", "cpu", "cuda", "cuda:1").

        ``spec`` is "default", a path of our own weights (.safetensors), "torchvision:NAME",
        "onnx:PATH" or "hf:MODEL" (``caststream.vision.external`` says what these take); ``prompt``
        is what a model of open vocabulary is asked for.
        Raises ModelError where the model, its weights, its package or the device is missing.
        """
        kind, colon, rest = spec.partition(":")
        if colon and kind in ("torchvision", "onnx", "hf"):
            from caststream.vision import external

            if kind == "torchvision":
                return external.from_torchvision(rest, device)
            if kind == "onnx":
                return external.from_onnx(Path(rest))
            return external.from_huggingface(rest, device, prompt)
        path = WEIGHTS if spec == "default" else Path(spec)
        if colon and not path.exists():
            raise ModelError(
                f"no detector {spec!r}: give default, a path of our own weights, "
                "torchvision:NAME, onnx:PATH or hf:MODEL"
            )
        own = _Own(path, device)
        return Detector(own, own.digest, f"{path.stem}-{own.digest}", tensors=own.tensors)

    @property
    def size(self) -> tuple[int, int]:
        """The (width, height) that suits a picture of 16:9."""
        return self.size_for(*SIZE)

    def size_for(self, width: int, height: int) -> tuple[int, int]:
        """The (width, height) to which pictures of ``width`` x ``height`` are best scaled."""
        return self._fixed or fitting_size(width, height)

    def detect(self, pictures: Pictures) -> list[Found]:
        """Characters in pictures (B, H, W, 3) RGB, all of one size, as ``size_for`` says.

        A tensor on a device stays there where the network can be asked there.

        For each picture boxes (N, 4) xyxy float32, in its pixels and inside it, and scores (N,)
        float32, the highest first; overlapping doubles are gone. Scores begin at ``FLOOR``; 0.4
        is a sensible limit for a box that has to stand alone.
        Raises ValueError for an array of another shape or type.
        """
        if not isinstance(pictures, np.ndarray) and not self._tensors:
            pictures = pictures.cpu().numpy()
        eight = str(pictures.dtype).removeprefix("torch.") == "uint8"
        if not eight or pictures.ndim != 4 or pictures.shape[3] != 3:
            raise ValueError(
                f"pictures have to be (B, H, W, 3) uint8, not {pictures.shape} {pictures.dtype}"
            )
        return self._find(pictures) if len(pictures) else []


@cache
def fitting_size(width: int, height: int, pixels: int = SIZE[0] * SIZE[1]) -> tuple[int, int]:
    """Size (width, height) of about ``pixels`` to which a picture is best scaled for ``detect``.

    Sides are multiples of 32, as the network wants them; of the sizes that have between 80 and
    105 % of ``pixels`` the one whose shape is nearest to the picture's, larger first.
    """
    wanted = np.log(width / height)
    best, best_cost = SIZE, np.inf
    for w in range(64, 2049, 32):
        for h in range(64, 2049, 32):
            if 0.8 * pixels <= w * h <= 1.05 * pixels:
                cost = abs(np.log(w / h) - wanted) - 0.1 * w * h / pixels
                if cost < best_cost:
                    best, best_cost = (w, h), cost
    return best


def load_network(path: Path) -> tuple[CharacterNet, str]:
    """Our network with the weights of a .safetensors file, and the digest of that file.

    Raises ModelError where the file is missing, is no safetensors file, or holds another network.
    """
    import torch
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load

    from caststream.vision.networks import CharacterNet

    data = read_weights(path, "detector")
    try:
        with safe_open(path, "pt") as file:
            form = (file.metadata() or {}).get("format")
        state = load(data)
    except SafetensorError as error:
        raise ModelError(f"{path} is not a readable safetensors file: {error}") from error
    if form != FORMAT:
        raise ModelError(f"{path} holds {form or 'unnamed weights'}, not {FORMAT}")
    network = CharacterNet()
    try:
        network.load_state_dict({name: value.to(torch.float32) for name, value in state.items()})
    except RuntimeError as error:
        raise ModelError(f"{path} does not fit this version's detector network") from error
    return network.eval(), digest(data)


class _Own:
    """Our own network, with the weights at a path, on a runtime."""

    def __init__(self, path: Path, device: str) -> None:
        from caststream.vision.runtime import Runtime, own_device

        data = read_weights(path, "detector")
        self.digest = digest(data)
        key = key_of(data, Path(__file__).parent / "networks.py")
        device = own_device(device)
        self._runtime = Runtime(lambda: load_network(path)[0], SIZE, device, key=key)
        self.tensors = self._runtime.takes_tensors

    def __call__(self, pictures: Pictures) -> list[Found]:
        height, width = pictures.shape[1:3]
        if width % 32 or height % 32:
            raise ValueError(f"pictures of {width}x{height}: sides have to be multiples of 32")
        logits, bins = self._runtime(pictures)
        return [decode(logits[i], bins[i], width, height) for i in range(len(pictures))]


def decode(logits: F4, bins: F4, width: int, height: int) -> Found:
    """Boxes and scores of one picture from logits (N,) and bins (N, 4, BINS) of its cells."""
    limit = np.float32(np.log(FLOOR / (1 - FLOOR)))
    kept = np.flatnonzero(logits >= limit)
    kept = kept[np.argsort(-logits[kept], kind="stable")][: 10 * MOST]
    chosen = bins[kept]
    chosen = np.exp(chosen - chosen.max(2, keepdims=True))
    steps = np.arange(chosen.shape[2], dtype=np.float32)
    grid = cells(height, width)[kept]
    sides = (chosen @ steps) / chosen.sum(2) * grid[:, 2:]
    boxes = np.concatenate((grid[:, :2] - sides[:, :2], grid[:, :2] + sides[:, 2:]), 1)
    boxes[:, 0::2] = boxes[:, 0::2].clip(0, width)
    boxes[:, 1::2] = boxes[:, 1::2].clip(0, height)
    boxes = boxes.astype(np.float32)
    rest = suppress(boxes, OVERLAP)[:MOST]
    scores = 1 / (1 + np.exp(-logits[kept[rest]]))
    return boxes[rest], scores.astype(np.float32)


@njit(cache=True, nogil=True)
def suppress(boxes: F4, overlap: float) -> NDArray[np.int64]:
    """Indices of boxes (N, 4), best first, that overlap no better kept one by more than IoU.

    Greedy non-maximum suppression; boxes without area are dropped.
    """
    kept = np.empty(len(boxes), np.int64)
    count = 0
    for i in range(len(boxes)):
        area = (boxes[i, 2] - boxes[i, 0]) * (boxes[i, 3] - boxes[i, 1])
        good = boxes[i, 2] > boxes[i, 0] and boxes[i, 3] > boxes[i, 1]
        for k in range(count):
            if not good:
                break
            j = kept[k]
            w = min(boxes[i, 2], boxes[j, 2]) - max(boxes[i, 0], boxes[j, 0])
            h = min(boxes[i, 3], boxes[j, 3]) - max(boxes[i, 1], boxes[j, 1])
            if w > 0 and h > 0:
                other = (boxes[j, 2] - boxes[j, 0]) * (boxes[j, 3] - boxes[j, 1])
                shared = w * h
                good = shared <= overlap * (area + other - shared)
        if good:
            kept[count] = i
            count += 1
    return kept[:count]
