"""The boundary network as torch trains it; the package runs the same in numpy."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from caststream.vision.boundary_features import DRAWINGS, FEATURES, LAGS

LOOKS = len(LAGS) + DRAWINGS
CHANNELS = (12, 24, 32)
CODE, PAIR, WIDTH = 64, 32, 96
INPUTS = FEATURES + LOOKS + CODE + PAIR
DILATIONS = (1, 2, 4, 8, 16, 32)
HEADS = 6
"""cut, inside, late, and the kinds dissolve, fade, wipe."""


class BoundaryModel(nn.Module):
    """Encoder a frame, comparison with earlier frames, causal dilated convolutions over time."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c = CHANNELS
        self.conv1 = nn.Conv2d(3, a, 3, 2, 1)
        self.conv2 = nn.Conv2d(a, b, 3, 2, 1)
        self.conv3 = nn.Conv2d(b, c, 3, 2, 1)
        self.code = nn.Linear(c * 24, CODE)
        self.conv_pair = nn.Conv2d(2 * b, c, 3, 2, 1)
        self.pair = nn.Linear(c * 24, PAIR)
        self.join = nn.Linear(INPUTS, WIDTH)
        self.layers = nn.ModuleList(nn.Conv1d(WIDTH, WIDTH, 3, dilation=d) for d in DILATIONS)
        self.head = nn.Linear(WIDTH, HEADS)
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("scale", torch.ones(FEATURES))
        for layer in self.layers:
            nn.init.normal_(layer.weight, std=0.03)

    def forward(self, frames: Tensor, features: Tensor, rows: Tensor) -> Tensor:
        """Answers (B, T, 6) to frames (B, T, 27, 48, 3) uint8; row t speaks of an earlier frame.

        ``features`` (B, T, FEATURES) and ``rows`` (B, T, LOOKS) come from ``describe_clip``.
        """
        return self.decide(self.compare(self.look(frames), features, rows))

    def look(self, frames: Tensor) -> Tensor:
        """Maps (B * T, channels, 7, 12) of frames (B, T, 27, 48, 3), each seen by itself."""
        x = frames.flatten(0, 1).permute(0, 3, 1, 2).float() / 255 - 0.5
        return functional.relu(self.conv2(functional.relu(self.conv1(x))))

    def compare(self, x: Tensor, features: Tensor, rows: Tensor) -> Tensor:
        """What is known of each frame beside single others: (B, T, INPUTS), from their maps."""
        batch, time = features.shape[:2]
        # The third convolution and both halves of the pairing read the same patches.
        now, old = self.conv_pair.weight.chunk(2, 1)
        maps = functional.conv2d(x, torch.cat([self.conv3.weight, now, old]), None, 2, 1)
        single, now, old = maps.chunk(3, 1)
        single = functional.relu(single + self.conv3.bias[:, None, None]).flatten(1)
        code = functional.normalize(self.code(single), dim=1).view(batch, time, CODE)
        looks = rows.long()
        alike = (code @ code.transpose(1, 2)).gather(2, looks)
        before = looks[..., len(LAGS)] + torch.arange(batch)[:, None] * time
        pair = now + old.index_select(0, before.flatten()) + self.conv_pair.bias[:, None, None]
        pair = functional.relu(self.pair(functional.relu(pair).flatten(1))).view(batch, time, PAIR)
        known = ((features - self.mean) * self.scale).clamp(-5, 5)
        return torch.cat([known, alike, code, pair], -1)

    def decide(self, seen: Tensor) -> Tensor:
        """Answers (B, T, 6) to what ``compare`` gives, over time."""
        h = functional.relu(self.join(seen)).transpose(1, 2)
        for layer, dilation in zip(self.layers, DILATIONS, strict=True):
            h = h + functional.relu(layer(functional.pad(h, (2 * dilation, 0), mode="replicate")))
        return self.head(h.transpose(1, 2))
