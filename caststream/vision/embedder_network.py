"""The embedder's fixed part: a trunk, attention over its maps, and pooled features."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from caststream.vision.networks import TRUNK_CHANNELS, Trunk

FEATURES = 2 * TRUNK_CHANNELS[0] + 2 * TRUNK_CHANNELS[1] + TRUNK_CHANNELS[2]
"""Mean and deviation at 1/8 and 1/16, mean at 1/32."""
_PRIOR = 0.6
"""Width of the bell that the attention starts from, as a share of half the crop."""


class EmbedderNet(nn.Module):
    """Crops to features: what lies in the middle and looks like a figure counts most.

    A map of attention over the cells at 1/16, computed from the two deeper stages on top of a bell
    around the middle, weighs each stage's mean and deviation, since a square crop holds
    surroundings too. Colours and textures live in the shallow stages' statistics (in the manner of
    Gatys et al., "Image Style Transfer", CVPR 2016), shapes in the deep stage's mean. The
    features are standardised, so that heads on top of them are well conditioned and 16 bits do.

    ``forward`` takes (B, S, S, 3) RGB crops, 0..255, S a multiple of 32, and returns (B,
    ``FEATURES``).
    """

    centre: Tensor
    spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk()
        self.look_fine = nn.Conv2d(TRUNK_CHANNELS[1], 1, 1)
        self.look_deep = nn.Conv2d(TRUNK_CHANNELS[2], 1, 1, bias=False)
        for layer in (self.look_fine, self.look_deep):
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(self.look_fine.bias)  # type: ignore[arg-type]
        self.register_buffer("centre", torch.zeros(FEATURES))
        self.register_buffer("spread", torch.ones(FEATURES))

    def pooled(self, crops: Tensor) -> Tensor:
        """Features (B, ``FEATURES``) before they are standardised."""
        return self._pooled(*self.trunk(crops))

    def gathered(self, fine: Tensor, middle: Tensor, deep: Tensor) -> Tensor:
        """Features (B, ``FEATURES``) of the trunk's three maps."""
        pooled = self._pooled(fine, middle, deep)
        return ((pooled - self.centre) / self.spread).clamp(-30.0, 30.0)

    def _pooled(self, fine: Tensor, middle: Tensor, deep: Tensor) -> Tensor:
        logits = self.look_fine(middle) + _twice(self.look_deep(deep)) + _bell(middle)
        attention = functional.softmax(logits.flatten(1), 1).view_as(logits)
        # The finest map is brought to the attention's cells; its deviation inside them stays.
        fine_mean = functional.avg_pool2d(fine, 2)
        fine_square = functional.avg_pool2d(fine * fine, 2)
        parts = [
            *_moments(fine_mean, fine_square, attention),
            *_moments(middle, middle * middle, attention),
            (deep * (4 * functional.avg_pool2d(attention, 2))).sum((2, 3)),
        ]
        return torch.cat(parts, 1)

    def forward(self, crops: Tensor) -> Tensor:
        """Features (B, ``FEATURES``) of crops (B, S, S, 3)."""
        return self.gathered(*self.trunk(crops))


class OpenedNet(nn.Module):
    """A shipped network that stays as it is, and beside it a copy of its last stage to be tuned.

    ``forward`` takes crops (B, S, S, 3) and returns (B, 2 ``FEATURES``): the shipped features, and
    those with ``stage`` in the last stage's place.
    """

    def __init__(self, shipped: EmbedderNet) -> None:
        super().__init__()
        self.shipped = shipped.requires_grad_(False)
        self.stage = copy.deepcopy(shipped.trunk.stages[-1]).requires_grad_(True)

    def forward(self, crops: Tensor) -> Tensor:
        """Both kinds of features (B, 2 ``FEATURES``) of crops (B, S, S, 3)."""
        fine, middle, deep = self.shipped.trunk(crops)
        shipped = self.shipped.gathered(fine, middle, deep)
        opened = self.shipped.gathered(fine, middle, self.stage(middle))
        return torch.cat([shipped, opened], 1)


def _moments(values: Tensor, squares: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    mean = (values * weight).sum((2, 3))
    variance = (squares * weight).sum((2, 3)) - mean * mean
    return mean, (variance.clamp_min(0.0) + 1e-4).sqrt()


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear")


def _bell(like: Tensor) -> Tensor:
    """Logarithm of a bell around the middle, up to a constant, (1, 1, H, W)."""
    height, width = like.shape[2:]
    ys = (torch.arange(height, dtype=like.dtype, device=like.device) + 0.5) * (2 / height) - 1
    xs = (torch.arange(width, dtype=like.dtype, device=like.device) + 0.5) * (2 / width) - 1
    far = ys[:, None] ** 2 + xs[None, :] ** 2
    return (-far / (2 * _PRIOR * _PRIOR))[None, None]
