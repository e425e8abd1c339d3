"""The boundary network, run in numpy one frame at a time with everything cached.

A small convolutional encoder looks at each picture once and keeps a code of it and the map that
its pairing with a later picture needs; codes are compared with those of earlier frames and
drawings; causal dilated convolutions over time keep their own past. A frame costs a dozen small
matrix products, which numpy does faster than any runtime's call overhead allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from caststream.errors import ModelError
from caststream.vision.boundary_features import (
    DRAWINGS,
    FEATURES,
    HEIGHT,
    LAGS,
    MEMORY,
    WIDTH,
    History,
)

F4 = NDArray[np.float32]
U1 = NDArray[np.uint8]

WEIGHTS = Path(__file__).parent / "weights" / "boundary.safetensors"
SCORED = 10
"""Frames that the network looks ahead: an answer is about the frame this far back."""
DILATIONS = (1, 2, 4, 8, 16, 32)
Gradual = Literal["dissolve", "fade", "wipe"]
GRADUAL: tuple[Gradual, ...] = ("dissolve", "fade", "wipe")
LOOKS = len(LAGS) + DRAWINGS


class Answer(NamedTuple):
    """What the network says of one frame, all in 0..1."""

    cut: float
    """The frame is the first after a hard cut."""
    inside: float
    """The frame lies inside a dissolve, fade or wipe."""
    late: float
    """The frame lies between the middle and the end of one that leads to another shot."""
    kinds: tuple[float, float, float]
    """Shares of dissolve, fade, wipe; they add up to 1."""


class BoundaryNetwork:
    """Push pictures, get answers ``SCORED`` frames later; ``reset`` before another stream."""

    def __init__(self, weights: Mapping[str, NDArray[np.floating]], digest: str = "") -> None:
        """Take the arrays of a weights file; raises ModelError where they do not fit."""
        self.digest = digest
        try:
            self._prepare({name: value.astype(np.float32) for name, value in weights.items()})
        except (KeyError, ValueError) as error:
            raise ModelError(
                f"the weights are not those of a boundary network ({error}); "
                "train one with tools/train_boundary.py or install caststream anew"
            ) from error
        self.reset()

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> BoundaryNetwork:
        """Read a safetensors file, by default the shipped one."""
        try:
            content = path.read_bytes()
            return cls(load(content), sha256(content).hexdigest())
        except (OSError, SafetensorError) as error:
            raise ModelError(
                f"the boundary network {path} cannot be read ({error}); install caststream anew"
            ) from error

    def _prepare(self, w: dict[str, F4]) -> None:
        a, b, c = (len(w[f"conv{i}.bias"]) for i in (1, 2, 3))
        self._conv1 = _Convolution(HEIGHT, WIDTH, [w["conv1.weight"]], w["conv1.bias"])
        self._conv2 = _Convolution(14, 24, [w["conv2.weight"]], w["conv2.bias"])
        # The third convolution and both halves of the pairing read the same patches.
        pair = w["conv_pair.weight"]
        bias = np.concatenate([w["conv3.bias"], w["conv_pair.bias"], np.zeros(c, np.float32)])
        self._conv3 = _Convolution(7, 12, [w["conv3.weight"], pair[:, :b], pair[:, b:]], bias)
        self._cells, self._channels = 24, c
        self._code = _by_place(w["code.weight"], c, self._cells), w["code.bias"]
        self._pair = _by_place(w["pair.weight"], c, self._cells), w["pair.bias"]
        self._join = np.ascontiguousarray(w["join.weight"].T), w["join.bias"]
        self._layers = [
            (
                np.ascontiguousarray(w[f"layers.{i}.weight"].transpose(2, 1, 0)).reshape(
                    -1, len(w[f"layers.{i}.bias"])
                ),
                w[f"layers.{i}.bias"],
            )
            for i in range(len(DILATIONS))
        ]
        self._head = np.ascontiguousarray(w["head.weight"].T), w["head.bias"]
        self._mean, self._scale = w["mean"], w["scale"]
        width = FEATURES + LOOKS + len(w["code.bias"]) + len(w["pair.bias"])
        if self._join[0].shape[0] != width or a < 1:
            raise ValueError(f"{self._join[0].shape[0]} inputs instead of {width}")

    def reset(self) -> None:
        """Forget all frames."""
        self._history = History()
        self._codes = np.zeros((MEMORY, len(self._code[1])), np.float32)
        self._before = np.zeros((MEMORY, self._cells, self._channels), np.float32)
        width = len(self._join[1])
        self._pasts = [np.zeros((2 * d, width), np.float32) for d in DILATIONS]

    def fork(self) -> BoundaryNetwork:
        """Another one in the same state, with the same weights: to try out what comes next."""
        other = copy(self)
        other._history = self._history.copy()
        other._codes, other._before = self._codes.copy(), self._before.copy()
        other._pasts = [past.copy() for past in self._pasts]
        return other

    def push(self, small: U1) -> Answer | None:
        """Take the next picture (27, 48, 3); None while no frame is ``SCORED`` frames back."""
        first = self._history.count == 0
        now = self._history.count % MEMORY
        features, rows = self._history.push(small)
        x = small.astype(np.float32)
        x *= np.float32(1 / 255)
        x -= np.float32(0.5)
        x = self._conv2(np.maximum(self._conv1(x), 0))
        maps = self._conv3(np.maximum(x, 0)).reshape(self._cells, 3, self._channels)
        code = np.maximum(maps[:, 0], 0).ravel() @ self._code[0] + self._code[1]
        code /= max(float(np.sqrt(code @ code)), 1e-12)
        self._codes[now] = code
        self._before[now] = maps[:, 2]
        pair = np.maximum(maps[:, 1] + self._before[rows[len(LAGS)]], 0).ravel()
        pair = np.maximum(pair @ self._pair[0] + self._pair[1], 0)
        features -= self._mean
        features *= self._scale
        np.clip(features, -5, 5, out=features)
        h = np.concatenate([features, self._codes[rows] @ code, code, pair])
        h = np.maximum(h @ self._join[0] + self._join[1], 0)
        at = self._history.count - 1
        for (weight, bias), past, dilation in zip(
            self._layers, self._pasts, DILATIONS, strict=True
        ):
            if first:
                past[:] = h
            row = at % (2 * dilation)
            window = np.concatenate([past[row], past[(at - dilation) % (2 * dilation)], h])
            past[row] = h
            h = h + np.maximum(window @ weight + bias, 0)
        if at < SCORED:
            return None
        out = h @ self._head[0] + self._head[1]
        chance = 1 / (1 + np.exp(-np.clip(out[:3], -30, 30)))
        kinds = np.exp(out[3:] - out[3:].max())
        kinds /= kinds.sum()
        return Answer(
            float(chance[0]),
            float(chance[1]),
            float(chance[2]),
            (float(kinds[0]), float(kinds[1]), float(kinds[2])),
        )


class _Convolution:
    """3x3, stride 2, one pixel of zeros around: patches gathered by index, then one product."""

    def __init__(self, height: int, width: int, weights: list[F4], bias: F4) -> None:
        channels = weights[0].shape[1]
        rows, columns = (height + 1) // 2, (width + 1) // 2
        self._shape = (rows, columns, len(bias))
        self._padded = np.zeros((height + 2, width + 2, channels), np.float32)
        place = np.arange(self._padded.size).reshape(self._padded.shape)
        self._index = np.stack(
            [
                place[2 * y : 2 * y + 3, 2 * x : 2 * x + 3].ravel()
                for y in range(rows)
                for x in range(columns)
            ]
        )
        self._weight = np.concatenate(
            [w.transpose(2, 3, 1, 0).reshape(9 * channels, -1) for w in weights], axis=1
        )
        self._bias = bias

    def __call__(self, x: F4) -> F4:
        """(height, width, channels) to (rows, columns, outputs)."""
        self._padded[1:-1, 1:-1] = x
        out = self._padded.ravel().take(self._index) @ self._weight
        out += self._bias
        return np.asarray(out.reshape(self._shape))


def _by_place(weight: F4, channels: int, cells: int) -> F4:
    """A linear layer over (channel, cell) as one over (cell, channel), transposed."""
    out = len(weight)
    return np.ascontiguousarray(
        weight.reshape(out, channels, cells).transpose(2, 1, 0).reshape(-1, out)
    )
