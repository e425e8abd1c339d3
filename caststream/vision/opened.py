"""The embedder with its trunk's last stage opened: a second, tuned copy of that stage beside it.

The shipped network stays whole, so the features that a store keeps are always the shipped ones and
never mix with others. The opened stage makes features of its own, out of which the *vectors* of its
model come. Beside them the model has a head for shipped features, which makes nearly the same
vectors where there is no picture any more.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from caststream.errors import ModelError
from caststream.vision.converted import digest, key_of, read_weights
from caststream.vision.embedder import (
    CROP_SIZE,
    F2,
    F4,
    U1,
    WEIGHTS,
    Embedder,
    Head,
    batches_on,
    project,
)

if TYPE_CHECKING:
    from caststream.vision.embedder_network import OpenedNet
    from caststream.vision.runtime import Runtime

Trunk = dict[str, NDArray[np.float32]]
"""``stage.*`` weights of the opened stage, and ``head.weight`` (F, D), ``head.bias`` (D,)."""

FORMAT = "caststream-opened/1"


class OpenedEmbedder(Embedder):
    """An ``Embedder`` whose vectors come from an opened stage, and whose features are shipped."""

    def __init__(self, runtime: Runtime, trunk: Trunk, digest: str, name: str) -> None:
        """``runtime`` gives shipped and opened features side by side (N, 2 F)."""
        head = {name: trunk[f"head.{name}"] for name in ("weight", "bias")}
        super().__init__(
            lambda crops: runtime(crops)[0],
            CROP_SIZE, head, digest, name,
            lambda: batches_on(runtime),
        )  # fmt: skip

    @staticmethod
    def open(path: Path, device: str = "auto", base: Path = WEIGHTS) -> OpenedEmbedder:
        """The embedder with the tuned stage in the file ``path``, over the weights ``base``.

        Raises ModelError where either is missing or damaged, or the stage was tuned over others.
        """
        from caststream.vision.runtime import Runtime, own_device

        weights, data = read_weights(base, "embedder"), read_weights(path, "opened embedder")
        trunk = read_trunk(path, digest(weights))
        here = Path(__file__).parent
        key = key_of(weights, data, *(here / f"{m}.py" for m in ("networks", "embedder_network")))
        runtime = Runtime(
            lambda: build(trunk, base), (CROP_SIZE, CROP_SIZE), own_device(device), key=f"{key}-o"
        )
        found = digest(weights)
        return OpenedEmbedder(runtime, trunk, found, f"{base.stem}-{found}")

    def embed(self, crops: U1, head: Head | None = None) -> tuple[F4, F2]:
        """Unit vectors (N, D) of the opened stage, and shipped features (N, F)."""
        both = self._run(crops, 2 * self.features_dim)
        shipped, opened = np.split(both, 2, axis=1)
        return project(opened, self._head), shipped.astype(np.float16)

    def features(self, crops: U1) -> F2:
        """Shipped features (N, F), as of ``Embedder.features``."""
        return self.embed(crops)[1]


def build(trunk: Trunk | None = None, base: Path = WEIGHTS) -> OpenedNet:
    """The network with the stage of ``trunk`` over the weights ``base``.

    Without ``trunk`` the opened stage begins as a copy of the shipped one. Raises ModelError where
    the stage has another shape.
    """
    import torch

    from caststream.vision.embedder import load_network
    from caststream.vision.embedder_network import OpenedNet

    network = OpenedNet(load_network(base)[0])
    if trunk is not None:
        state = {
            name.removeprefix("stage."): torch.from_numpy(array)
            for name, array in trunk.items()
            if name.startswith("stage.")
        }
        try:
            network.stage.load_state_dict(state)
        except RuntimeError as error:
            raise ModelError("the opened stage does not fit this version's embedder") from error
    return network


def write_trunk(trunk: Trunk, base: str) -> bytes:
    """A file of an opened stage, as bytes; ``base`` is the digest of the weights below it."""
    from safetensors.numpy import save

    return save(
        {name: np.ascontiguousarray(array) for name, array in trunk.items()},
        {"format": FORMAT, "base": base},
    )


def read_trunk(path: Path, base: str | None = None) -> Trunk:
    """The inverse of ``write_trunk``; ModelError unless it goes over the weights ``base``."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            facts = file.metadata() or {}
            trunk = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} holds no opened stage that can be read: {error}") from error
    if facts.get("format") != FORMAT:
        raise ModelError(f"{path} holds {facts.get('format') or 'unnamed weights'}, not {FORMAT}")
    if base is not None and facts.get("base") != base:
        raise ModelError(
            f"{path} was tuned over the embedder {facts.get('base')}, and this one is {base}: "
            "roll the store's models back, or use that embedder"
        )
    return trunk
