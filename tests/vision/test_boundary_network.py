"""The network in numpy: beside a plain one, frame by frame, and on files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from caststream.errors import ModelError
from caststream.vision.boundary_features import FEATURES, LAGS, describe_clip
from caststream.vision.boundary_network import (
    DILATIONS,
    LOOKS,
    SCORED,
    WEIGHTS,
    Answer,
    BoundaryNetwork,
)

Weights = dict[str, NDArray[np.float32]]


def random_weights(seed: int) -> Weights:
    rng = np.random.default_rng(seed)
    a, b, c, code, pair, width = 4, 6, 5, 7, 3, 8
    shapes: dict[str, tuple[int, ...]] = {
        "conv1.weight": (a, 3, 3, 3),
        "conv1.bias": (a,),
        "conv2.weight": (b, a, 3, 3),
        "conv2.bias": (b,),
        "conv3.weight": (c, b, 3, 3),
        "conv3.bias": (c,),
        "conv_pair.weight": (c, 2 * b, 3, 3),
        "conv_pair.bias": (c,),
        "code.weight": (code, c * 24),
        "code.bias": (code,),
        "pair.weight": (pair, c * 24),
        "pair.bias": (pair,),
        "join.weight": (width, FEATURES + LOOKS + code + pair),
        "join.bias": (width,),
        "head.weight": (6, width),
        "head.bias": (6,),
        "mean": (FEATURES,),
        "scale": (FEATURES,),
    }
    for i in range(len(DILATIONS)):
        shapes[f"layers.{i}.weight"] = (width, width, 3)
        shapes[f"layers.{i}.bias"] = (width,)
    return {
        name: rng.normal(0, 1.5 / np.sqrt(max(np.prod(shape[1:]), 4)), shape).astype(np.float32)
        for name, shape in shapes.items()
    }


def convolve(x: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """(C, H, W) with (O, C, 3, 3), stride 2, one pixel of zeros around."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))[:, ::2, ::2]
    return np.asarray(np.einsum("chwyx,ocyx->ohw", windows, weight), np.float32)


def plain(w: Weights, clip: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The network over a whole clip without any cache: (T, 6) before the last squashing."""
    features = np.empty((len(clip), FEATURES), np.float32)
    rows = np.empty((len(clip), LOOKS), np.int32)
    describe_clip(clip, features, rows)
    maps, codes = [], []
    for picture in clip:
        x = picture.transpose(2, 0, 1).astype(np.float32) / 255 - 0.5
        for i in (1, 2):
            x = np.maximum(convolve(x, w[f"conv{i}.weight"]) + w[f"conv{i}.bias"][:, None, None], 0)
        maps.append(x)
        y = np.maximum(convolve(x, w["conv3.weight"]) + w["conv3.bias"][:, None, None], 0)
        code = w["code.weight"] @ y.ravel() + w["code.bias"]
        codes.append(code / np.linalg.norm(code))
    inputs = []
    for t in range(len(clip)):
        both = np.concatenate([maps[t], maps[rows[t, len(LAGS)]]])
        z = convolve(both, w["conv_pair.weight"]) + w["conv_pair.bias"][:, None, None]
        pair = np.maximum(w["pair.weight"] @ np.maximum(z, 0).ravel() + w["pair.bias"], 0)
        known = np.clip((features[t] - w["mean"]) * w["scale"], -5, 5)
        alike = [codes[t] @ codes[row] for row in rows[t]]
        joined = np.concatenate([known, alike, codes[t], pair])
        inputs.append(np.maximum(w["join.weight"] @ joined + w["join.bias"], 0))
    h = np.stack(inputs)
    for i, d in enumerate(DILATIONS):
        past = np.concatenate([h[:1].repeat(2 * d, axis=0), h])
        kernel = w[f"layers.{i}.weight"]
        out = sum(past[k * d : k * d + len(h)] @ kernel[:, :, k].T for k in range(3))
        h = h + np.maximum(out + w[f"layers.{i}.bias"], 0)
    return np.asarray(h @ w["head.weight"].T + w["head.bias"], np.float64)


def pushed(network: BoundaryNetwork, clip: NDArray[np.uint8]) -> list[Answer | None]:
    return [network.push(picture) for picture in clip]


@pytest.mark.parametrize("seed", [0, 1])
def test_frame_by_frame_is_the_same_as_all_at_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    clip = rng.integers(0, 256, (12, 27, 48, 3), dtype=np.uint8).repeat(12, axis=0)[: 140 - seed]
    weights = random_weights(seed)
    out = plain(weights, clip)
    answers = pushed(BoundaryNetwork(weights), clip)
    assert answers[:SCORED] == [None] * SCORED
    for t in range(SCORED, len(clip)):
        answer = answers[t]
        assert answer is not None
        expected = 1 / (1 + np.exp(-out[t, :3]))
        np.testing.assert_allclose([answer.cut, answer.inside, answer.late], expected, atol=2e-3)
        kinds = np.exp(out[t, 3:] - out[t, 3:].max())
        np.testing.assert_allclose(answer.kinds, kinds / kinds.sum(), atol=2e-3)


def test_reset_forgets_everything() -> None:
    rng = np.random.default_rng(2)
    network = BoundaryNetwork(random_weights(2))
    clip = rng.integers(0, 256, (40, 27, 48, 3), dtype=np.uint8)
    first = pushed(network, clip)
    network.reset()
    assert pushed(network, clip) == first


def test_files_that_are_no_boundary_network(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.safetensors"):
        BoundaryNetwork.load(tmp_path / "gone.safetensors")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(WEIGHTS.read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"broken\.safetensors"):
        BoundaryNetwork.load(broken)
    other = tmp_path / "other.safetensors"
    save_file({"weight": np.zeros((2, 2), np.float32)}, other)
    with pytest.raises(ModelError, match="not those of a boundary network"):
        BoundaryNetwork.load(other)
    weights = random_weights(0)
    weights["join.weight"] = weights["join.weight"][:, :-1]
    with pytest.raises(ModelError, match="inputs instead of"):
        BoundaryNetwork(weights)


def test_the_shipped_weights_are_small() -> None:
    assert WEIGHTS.stat().st_size < 1_000_000
    assert len(BoundaryNetwork.load().digest) == 64
