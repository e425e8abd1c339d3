"""The embedder's loss, and augmentation of crops in batches."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from tools.course import falling

TEMPERATURE = 0.1
MIDDLE, SLOPE, CALIBRATION = 0.4, 10.0, 0.3


def contrastive_loss(vectors: Tensor, same: Tensor, other: Tensor) -> Tensor:
    """Loss of unit vectors (B, D), given which pairs (B, B) are known to be one or two characters.

    Pairs in neither mask are unknown and do not count. Each positive competes with all negatives
    of its anchor (Khosla et al., "Supervised Contrastive Learning", NeurIPS 2020, without other
    positives in the denominator, as in Yeh et al., "Decoupled Contrastive Learning", ECCV 2022).
    A second term judges each pair alone against one common limit, so that one cut suits all shows
    (in the manner of Zhai et al., "Sigmoid Loss", ICCV 2023).
    """
    likeness = vectors @ vectors.T
    logits = likeness / TEMPERATURE
    against = logits.masked_fill(~other, -1e4).logsumexp(1, keepdim=True)
    each = functional.softplus(against - logits)
    ranked = _mean(each, same)
    near = _mean(functional.softplus(SLOPE * (MIDDLE - likeness)), same)
    far = _mean(functional.softplus(SLOPE * (likeness - MIDDLE)), other)
    return ranked + CALIBRATION * (near + far)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over a row's masked pairs, then over the rows that have any."""
    count = mask.sum(1)
    rows = (values * mask).sum(1) / count.clamp_min(1)
    return rows.sum() / (count > 0).sum().clamp_min(1)


def augment(
    crops: Tensor,
    size: int,
    generator: torch.Generator,
    light: Tensor | None = None,
    gray: Tensor | None = None,
) -> Tensor:
    """Crops (B, S, S, 3) uint8 as (B, size, size, 3) float, each changed in its own way.

    Mirrored, turned, shifted, zoomed, now and then to a part; coarser, brighter, paler, tinted,
    hazy, now and then gray; shaded in one place more than in another, as 3D pictures are; with a
    part covered, or another crop of the batch reaching in from a side. Crops with the same number
    in ``light`` (B,), each below B, are lit alike: put different characters into one light, and
    one character into several, and light tells nothing. Those in ``gray`` (B,) are without colours
    before anything else. Colours themselves change little, since they tell characters apart.
    All is done where the crops are; ``generator`` is of the same device.
    """
    count, device = len(crops), crops.device
    groups = torch.arange(count, device=device) if light is None else light

    def uniform(*shape: int) -> Tensor:
        return torch.rand((count, *shape), generator=generator, device=device)

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return uniform(*shape) * (high - low) + low

    def lit(low: float, high: float, channels: int = 1) -> Tensor:
        return draw(low, high, channels, 1, 1)[groups]

    def chance(share: float) -> Tensor:
        return uniform(1, 1, 1) < share

    zoom, turn = draw(0.75, 1.08), draw(-0.12, 0.12)
    zoom = torch.where(draw(0, 1) < 0.12, draw(0.45, 0.75), zoom)
    flip = torch.where(draw(0, 1) < 0.5, -1.0, 1.0)
    cos, sin = zoom * turn.cos(), zoom * turn.sin()
    shift = draw(-0.1, 0.1, 2)
    theta = torch.stack(
        [
            torch.stack([cos * flip, -sin, shift[:, 0]], 1),
            torch.stack([sin * flip, cos, shift[:, 1]], 1),
        ],
        1,
    )
    grid = functional.affine_grid(theta, [count, 3, size, size], align_corners=False)
    x = crops.permute(0, 3, 1, 2).float()
    if gray is not None:
        luma = 0.299 * x[:, 0:1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:3]
        x = torch.where(gray[:, None, None, None], luma, x)
    x = functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
    # Another crop reaches in from the left or the right: rolled by half, its middle is at a side.
    columns = torch.arange(size, device=device).view(1, 1, 1, size) / size
    other = x[torch.randperm(count, generator=generator, device=device)].roll(size // 2, 3)
    reach, left = draw(0.08, 0.25, 1, 1, 1), chance(0.5)
    inside = torch.where(left, columns < reach, columns > 1 - reach)
    x = torch.where(inside & chance(0.25), other, x)
    for factor, share in ((2, 0.15), (4, 0.12)):
        coarse = functional.avg_pool2d(x, factor)
        coarse = functional.interpolate(coarse, size=(size, size), mode="bilinear")
        x = torch.where(chance(share), coarse, x)
    # A covered rectangle, as foreground props cover.
    rows = torch.arange(size, device=device).view(1, 1, size, 1) / size
    y, z = draw(-0.2, 0.9, 1, 1, 1), draw(-0.2, 0.9, 1, 1, 1)
    high, wide = draw(0.15, 0.45, 1, 1, 1), draw(0.15, 0.45, 1, 1, 1)
    inside = (rows >= y) & (rows < y + high) & (columns >= z) & (columns < z + wide)
    x = torch.where(inside & chance(0.25), draw(0, 255, 3, 1, 1), x)
    shade = functional.interpolate(draw(0.45, 1.3, 1, 3, 3), size=(size, size), mode="bicubic")
    x = torch.where(chance(0.35), x * shade, x)
    # Light, the same for all of a group.
    gray = x.mean(1, keepdim=True)
    x = gray + (x - gray) * torch.where(lit(0, 1) < 0.04, 0.0, lit(0.65, 1.25))
    level = x.mean((1, 2, 3), keepdim=True)
    x = level + (x - level) * lit(0.7, 1.25)
    x = x * lit(0.6, 1.3) * lit(0.93, 1.07, 3)
    x = 255 * (x.clamp(0, 255) / 255) ** lit(0.7, 1.5)
    tint, haze = lit(0.5, 1.1, 3), lit(0, 255, 3)
    x = torch.where(lit(0, 1) < 0.2, x * tint, x)
    x = torch.where(lit(0, 1) < 0.12, x.lerp(haze.expand_as(x), 0.4), x)
    return x.clamp(0, 255).permute(0, 2, 3, 1)


def rate(share: float) -> float:
    """Share of the learning rate: a short warm-up, then half a cosine down to nothing."""
    return min(1.0, share / 0.05 + 0.01) * falling(share)
