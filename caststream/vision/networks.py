"""The networks: a ShuffleNetV2 trunk, a ghost feature pyramid, and a head for one class.

Every convolution carries a bias and no batch norm: the trunk's statistics were folded into it, and
all training goes on from there. Pictures go in as they are kept, (B, H, W, 3) RGB 0..255;
normalising them is part of the network, so that no caller can get it wrong.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from caststream.vision.cells import STRIDES

LEAK = 0.1
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
TRUNK_CHANNELS = (116, 232, 464)
"""Channels of the trunk's three outputs, at 1/8, 1/16 and 1/32 of the picture."""
_REPEATS = (4, 8, 4)
BINS = 8
KINDS = 12
WIDTH = 96


def _conv(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups)


def _act() -> nn.LeakyReLU:
    return nn.LeakyReLU(LEAK, inplace=True)


class _Shuffle(nn.Module):
    """Unit of ShuffleNetV2; a stride of 2 works on all channels with a second branch."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        half = outputs // 2
        self.side: nn.Sequential | None = None
        if stride == 2:
            self.side = nn.Sequential(
                _conv(inputs, inputs, 3, 2, inputs), _conv(inputs, half, 1), _act()
            )
        first = inputs if stride == 2 else half
        self.main = nn.Sequential(
            _conv(first, half, 1),
            _act(),
            _conv(half, half, 3, stride, half),
            _conv(half, half, 1),
            _act(),
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.side is None:
            kept, x = x.chunk(2, 1)
        else:
            kept = self.side(x)
        # Channel shuffle with two groups: the two halves become every other channel.
        return torch.stack((kept, self.main(x)), 2).flatten(1, 2)


class Trunk(nn.Module):
    """ShuffleNetV2 1.0x with LeakyReLU(0.1), batch norm folded into the convolutions.

    ``forward`` takes (B, H, W, 3) RGB pictures, 0..255, uint8 or float, and returns three maps
    (B, 116, H/8, W/8), (B, 232, H/16, W/16), (B, 464, H/32, W/32); sizes round up.
    Ma et al., "ShuffleNet V2", ECCV 2018; torchvision's ``shufflenet_v2_x1_0`` without ``conv5``.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)
        self.stem = nn.Sequential(_conv(3, 24, 3, 2), _act(), nn.MaxPool2d(3, 2, 1))
        inputs = 24
        stages = []
        for outputs, repeats in zip(TRUNK_CHANNELS, _REPEATS, strict=True):
            units = [_Shuffle(inputs, outputs, 2)]
            units += [_Shuffle(outputs, outputs, 1) for _ in range(repeats - 1)]
            stages.append(nn.Sequential(*units))
            inputs = outputs
        self.stages = nn.ModuleList(stages)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Three maps of (B, H, W, 3) pictures."""
        x = pictures.permute(0, 3, 1, 2).to(self.mean.dtype)
        x = self.stem((x - self.mean) / self.std)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


def fold_torchvision(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of ``shufflenet_v2_x1_0`` that take BGR as weights of ``Trunk`` that takes RGB.

    Batch norms are folded into the convolutions before them. ``conv5`` and ``fc`` are left out.
    """
    folded: dict[str, Tensor] = {}
    places = {"branch1": ("side", {0: 0, 2: 1}), "branch2": ("main", {0: 0, 3: 2, 5: 3})}
    for name, weight in state.items():
        parts = name.split(".")
        if weight.ndim != 4 or parts[0] == "conv5":
            continue
        if parts[0] == "conv1":
            target, norm = "stem.0", "conv1.1"
            weight = weight.flip(1)
        else:
            branch, slots = places[parts[2]]
            slot = int(parts[3])
            stage = int(parts[0].removeprefix("stage")) - 2
            target = f"stages.{stage}.{parts[1]}.{branch}.{slots[slot]}"
            norm = ".".join((*parts[:3], str(slot + 1)))
        scale = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + 1e-5).sqrt()
        folded[f"{target}.weight"] = weight * scale.view(-1, 1, 1, 1)
        folded[f"{target}.bias"] = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    return folded


class _Ghost(nn.Module):
    """Ghost module: half of the channels by a 1x1, the other half by a 3x3 a channel of those."""

    def __init__(self, inputs: int, outputs: int, active: bool) -> None:
        super().__init__()
        half = outputs // 2
        self.primary = nn.Sequential(_conv(inputs, half, 1))
        self.cheap = nn.Sequential(_conv(half, half, 3, 1, half))
        if active:
            self.primary.append(_act())
            self.cheap.append(_act())

    def forward(self, x: Tensor) -> Tensor:
        x = self.primary(x)
        return torch.cat((x, self.cheap(x)), 1)


class _GhostBlock(nn.Module):
    """Two ghost modules beside a depthwise shortcut (Han et al., "GhostNet", CVPR 2020)."""

    def __init__(self) -> None:
        super().__init__()
        inputs = 2 * WIDTH
        self.main = nn.Sequential(_Ghost(inputs, WIDTH, True), _Ghost(WIDTH, WIDTH, False))
        self.shortcut = nn.Sequential(_conv(inputs, inputs, 5, 1, inputs), _conv(inputs, WIDTH, 1))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.main(x) + self.shortcut(x)
        return found


def _separable(stride: int) -> list[nn.Module]:
    return [_conv(WIDTH, WIDTH, 5, stride, WIDTH), _act(), _conv(WIDTH, WIDTH, 1), _act()]


class _Pyramid(nn.Module):
    """Top-down and bottom-up paths of ghost blocks over the trunk's maps, and one coarser level."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce = nn.ModuleList(
            nn.Sequential(_conv(channels, WIDTH, 1), _act()) for channels in TRUNK_CHANNELS
        )
        self.top_down = nn.ModuleList(_GhostBlock() for _ in range(2))
        self.down = nn.ModuleList(nn.Sequential(*_separable(2)) for _ in range(2))
        self.bottom_up = nn.ModuleList(_GhostBlock() for _ in range(2))
        self.coarse_in = nn.Sequential(*_separable(2))
        self.coarse_out = nn.Sequential(*_separable(2))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        fine, middle, deep = (reduce(x) for reduce, x in zip(self.reduce, maps, strict=True))
        middle = self.top_down[0](torch.cat((_twice(deep), middle), 1))
        fine = self.top_down[1](torch.cat((_twice(middle), fine), 1))
        middle = self.bottom_up[0](torch.cat((self.down[0](fine), middle), 1))
        coarse = self.coarse_in(deep)
        deep = self.bottom_up[1](torch.cat((self.down[1](middle), deep), 1))
        return [fine, middle, deep, coarse + self.coarse_out(deep)]


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear")


class CharacterNet(nn.Module):
    """Detector network of one class, "character"; no anchors, four levels of cells.

    The arrangement follows NanoDet-Plus (RangiLyu, github.com/RangiLyu/nanodet, Apache-2.0), with
    one class in place of 80. Its score is the largest of ``KINDS`` logits a cell, a maxout
    (Goodfellow et al., ICML 2013): each kind starts as one of the COCO classes that can be a
    character, and training is free to make anything of them. The score is trained to be the IoU
    of the box, and each side of a box is a distribution over ``BINS`` distances of one stride
    (Li et al., "Generalized Focal Loss", NeurIPS 2020).

    ``forward`` takes (B, H, W, 3) RGB pictures, 0..255, H and W multiples of 32, and returns
    logits (B, N) and bins (B, N, 4, BINS), unnormalised, for N cells: the levels one after
    another, each row by row, as ``cells(H, W)`` lists them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk()
        self.pyramid = _Pyramid()
        self.heads = nn.ModuleList(
            nn.Sequential(*_separable(1), *_separable(1), _conv(WIDTH, KINDS + 4 * BINS, 1))
            for _ in STRIDES
        )

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and bins of all cells of (B, H, W, 3) pictures."""
        levels = self.pyramid(self.trunk(pictures))
        found = torch.cat(
            [head(x).flatten(2) for head, x in zip(self.heads, levels, strict=True)], 2
        ).transpose(1, 2)
        bins = found[..., KINDS:].reshape(*found.shape[:2], 4, BINS)
        return found[..., :KINDS].amax(2), bins
