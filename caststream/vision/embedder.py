"""Turns crops of characters into unit vectors: near for one character, far for two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from caststream.errors import ModelError
from caststream.vision.converted import digest, key_of, read_weights
from caststream.vision.together import Together

if TYPE_CHECKING:
    from caststream.vision.embedder_network import EmbedderNet
    from caststream.vision.runtime import Runtime

U1 = NDArray[np.uint8]
F2 = NDArray[np.float16]
F4 = NDArray[np.float32]
Head = dict[str, NDArray[np.float32]]
"""``weight`` (F, 256) and ``bias`` (256,): all that tuning changes."""

WEIGHTS = Path(__file__).parent / "weights" / "embedder.safetensors"
FORMAT = "caststream-embedder/1"
CROP_SIZE = 128
DIMENSIONS = 256
BATCHES = (1, 2, 4, 8, 16, 32)
"""Numbers of crops for which the network is run; others are filled up, since a runtime prepares
itself anew for each number that it meets."""


class Embedder:
    """Crops to trunk features, and features to unit vectors.

    The features come from a network that never changes; ``project`` puts a head on them, the
    shipped one or a tuned one. So a tuned head makes new vectors out of stored features, without
    a picture. Most callers want ``Embedder.load``. Several threads may share one.
    """

    def __init__(
        self,
        find: Callable[[U1], F4],
        crop_size: int,
        head: Head,
        digest: str,
        name: str,
        batches: Callable[[], Sequence[int]] = lambda: BATCHES,
    ) -> None:
        """``find`` maps crops (N, S, S, 3) to features (N, F), any N of ``batches``."""
        self._find: Callable[[U1], F4] = Together(find)
        self._batches = batches
        self.crop_size = crop_size
        self._head = head
        self.digest = digest
        self.name = name

    @staticmethod
    def load(spec: str = "default", device: str = "auto") -> Embedder:
        """The embedder that ``spec`` names, on ``device`` ("auto", "cpu", "cuda", "cuda:1").

        ``spec`` is "default", a path of our own weights (.safetensors), "torchvision:NAME",
        "timm:NAME", "hf:MODEL" or "onnx:PATH" (``caststream.vision.external_embedders`` says what
        these take).
        Raises ModelError where the model, its weights, its package or the device is missing.
        """
        kind, colon, rest = spec.partition(":")
        if colon and kind in ("torchvision", "timm", "hf", "onnx"):
            from caststream.vision import external_embedders as external

            if kind == "onnx":
                return external.from_onnx(Path(rest))
            make = {
                "torchvision": external.from_torchvision,
                "timm": external.from_timm,
                "hf": external.from_huggingface,
            }[kind]
            return make(rest, device)
        path = WEIGHTS if spec == "default" else Path(spec)
        own = _Own(path, device)
        name = f"{path.stem}-{own.digest}"
        return Embedder(
            own, CROP_SIZE, read_head(path), own.digest, name, lambda: batches_on(own.runtime)
        )

    @property
    def features_dim(self) -> int:
        """F, the length of a feature row."""
        return len(self._head["weight"])

    def features(self, crops: U1) -> F2:
        """Trunk features (N, F) float16 of crops (N, S, S, 3) RGB, S = ``crop_size``.

        Raises ValueError for an array of another shape or type.
        """
        return self._run(crops, self.features_dim).astype(np.float16)

    def _run(self, crops: U1, width: int) -> F4:
        """What the network says (N, width) of crops, in batches that it is prepared for."""
        size = self.crop_size
        if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (size, size, 3):
            raise ValueError(
                f"crops have to be (N, {size}, {size}, 3) uint8, not {crops.shape} {crops.dtype}"
            )
        rows = np.empty((len(crops), width), np.float32)
        done, batches = 0, self._batches()
        while done < len(crops):
            part = crops[done : done + batches[-1]]
            at = next(i for i, number in enumerate(batches) if number >= len(part))
            if at and 4 * len(part) < 3 * batches[at]:
                # Filling up more than a quarter costs more than a smaller run and another.
                at -= 1
                part = part[: batches[at]]
            room = batches[at]
            if room > len(part):
                blank = np.zeros((room - len(part), *part.shape[1:]), np.uint8)
                part = np.concatenate([part, blank])
            kept = min(room, len(crops) - done)
            rows[done : done + kept] = self._find(part)[:kept]
            done += kept
        return rows

    def project(self, features: NDArray[np.floating], head: Head | None = None) -> F4:
        """Unit vectors (N, 256) float32 of features (N, F) under ``head``, or the shipped head.

        Rows that are not finite, or vanish, give zero rows.
        """
        head = head or self._head
        return _unit(np.asarray(features, np.float32)) if head is None else project(features, head)

    def embed(self, crops: U1, head: Head | None = None) -> tuple[F4, F2]:
        """Unit vectors (N, 256) and features (N, F) of crops (N, S, S, 3), under a head."""
        features = self.features(crops)
        return self.project(features, head), features

    def default_head(self) -> Head:
        """A copy of the head that was shipped, to start tuning from."""
        return {name: array.copy() for name, array in self._head.items()}


def project(features: NDArray[np.floating], head: Head) -> F4:
    """Unit vectors (N, D) float32 of features (N, F) under a head.

    Rows that are not finite, or vanish, give zero rows.
    """
    return _unit(np.asarray(features, np.float32) @ head["weight"] + head["bias"])


def _unit(rows: F4) -> F4:
    norm = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))[:, None]
    good = np.isfinite(norm) & (norm > 1e-6)
    return np.where(good, rows / np.where(good, norm, 1.0), 0.0).astype(np.float32)


def load_network(path: Path) -> tuple[EmbedderNet, Head, str]:
    """Network and head of a .safetensors file, and the digest of that file.

    Raises ModelError where the file is missing, is no safetensors file, or holds another network.
    """
    import torch
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load

    from caststream.vision.embedder_network import EmbedderNet

    data = read_weights(path, "embedder")
    try:
        with safe_open(path, "pt") as file:
            form = (file.metadata() or {}).get("format")
        state = {name: value.to(torch.float32) for name, value in load(data).items()}
    except SafetensorError as error:
        raise ModelError(f"{path} is not a readable safetensors file: {error}") from error
    if form != FORMAT:
        raise ModelError(f"{path} holds {form or 'unnamed weights'}, not {FORMAT}")
    network = EmbedderNet()
    try:
        head = {name: state.pop(f"head.{name}").numpy() for name in ("weight", "bias")}
        network.load_state_dict(state)
    except (KeyError, RuntimeError) as error:
        raise ModelError(f"{path} does not fit this version's embedder network") from error
    return network.eval(), head, digest(data)


def read_head(path: Path = WEIGHTS) -> Head:
    """The head alone of a .safetensors file of ours, without torch.

    Raises ModelError where the file is missing or holds no head.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            return {
                name: file.get_tensor(f"head.{name}").astype(np.float32)
                for name in ("weight", "bias")
            }
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} holds no embedder head: {error}") from error


@cache
def shipped_digest() -> str:
    """The digest of the shipped weights."""
    return digest(WEIGHTS.read_bytes())


def save_network(network: EmbedderNet, head: Head, path: Path) -> None:
    """Write network and head in half precision, so that ``load_network`` reads them."""
    import torch
    from safetensors.torch import save

    state = {
        name: value.detach().to("cpu", torch.float16)
        for name, value in network.state_dict().items()
    }
    state |= {f"head.{name}": torch.from_numpy(array).half() for name, array in head.items()}
    data = save({name: value.contiguous() for name, value in state.items()}, {"format": FORMAT})
    path.write_bytes(data)


def batches_on(runtime: Runtime) -> Sequence[int]:
    """Numbers of crops for which our network is run: on a GPU one, where 32 take what one takes."""
    return BATCHES if runtime.device == "cpu" else BATCHES[-1:]


class _Own:
    """Our own network, with the weights at a path, on a runtime."""

    def __init__(self, path: Path, device: str) -> None:
        from caststream.vision.runtime import Runtime, own_device

        data = read_weights(path, "embedder")
        self.digest = digest(data)
        here = Path(__file__).parent
        key = key_of(data, here / "networks.py", here / "embedder_network.py")
        size = (CROP_SIZE, CROP_SIZE)
        device = own_device(device)
        self.runtime = Runtime(lambda: load_network(path)[0], size, device, key=key)

    def __call__(self, crops: U1) -> F4:
        return self.runtime(crops)[0]
