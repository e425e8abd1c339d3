"""What the detector is trained by: who answers for which box, and the three losses."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from caststream.vision.networks import BINS

CANDIDATES = 10
"""A box is answered for by at most this many cells."""


def distances(bins: Tensor, stride: Tensor) -> Tensor:
    """Expected distances (..., 4) in pixels of bins (..., 4, BINS) at strides (..., 1)."""
    steps = torch.arange(BINS, dtype=bins.dtype, device=bins.device)
    return bins.softmax(-1) @ steps * stride


def boxes_of(bins: Tensor, grid: Tensor) -> Tensor:
    """Boxes (..., N, 4) xyxy that the bins (..., N, 4, BINS) of the cells (N, 3) say."""
    sides = distances(bins, grid[:, 2:])
    return torch.cat((grid[:, :2] - sides[..., :2], grid[:, :2] + sides[..., 2:]), -1)


def iou(a: Tensor, b: Tensor, generalised: bool = False) -> Tensor:
    """IoU of boxes, broadcast; generalised, less the empty share of the hull (GIoU, 2019)."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(x[..., 2:] - x[..., :2]).clamp(min=0).prod(-1) for x in (a, b)]
    union = (areas[0] + areas[1] - shared).clamp(min=1e-6)
    if not generalised:
        return shared / union
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    hull_area = hull.prod(-1).clamp(min=1e-6)
    return shared / union - (hull_area - union) / hull_area


def assign(logits: Tensor, boxes: Tensor, grid: Tensor, truth: Tensor, true: Tensor) -> Tensor:
    """Which of the boxes ``truth`` (B, M, 4) with ``true`` (B, M) each cell answers for, or -1.

    Cells whose upper left corner lies well inside a box compete; the cost is the score's loss
    plus three times -log IoU of what they say now (``logits`` (B, N), ``boxes`` (B, N, 4)); a box
    gets as many as the sum of its ten best IoUs says (SimOTA; Ge et al., "YOLOX", arXiv
    2107.08430). A cell goes to the cheapest box. All pictures at once, since a GPU is kept waiting
    by every question about one.
    """
    x, y = (grid[:, k, None] + grid[:, 2:] / 2 for k in (0, 1))
    centre = ((truth[..., :2] + truth[..., 2:]) / 2)[:, None]
    half = ((truth[..., 2:] - truth[..., :2]) / 2)[:, None]
    # The middle of a box also counts as inside for cells larger than the box itself.
    reach = torch.maximum(half * 0.9, 1.5 * grid[:, 2:, None].clamp(max=16))
    inside = ((x - centre[..., 0]).abs() < reach[..., 0]) & true[:, None]
    inside &= (y - centre[..., 1]).abs() < reach[..., 1]
    shared = iou(boxes[:, :, None], truth[:, None])
    score = functional.softplus(-logits)[..., None]
    cost = score - 3 * shared.clamp(min=1e-6).log() + 1e4 * ~inside
    most = min(CANDIDATES, shared.shape[1])
    best = shared.where(inside, 0).topk(most, 1).values
    counts = best.sum(1, keepdim=True).round().clamp(min=1)
    cheapest = cost.topk(most, 1, largest=False).indices
    order = torch.arange(most, device=cost.device)[:, None]
    chosen = torch.zeros_like(inside).scatter_(1, cheapest, order < counts) & inside
    lowest, owner = cost.where(chosen, 1e9).min(2)
    return owner.where(lowest < 1e8, -1)


def detection_loss(
    logits: Tensor, bins: Tensor, grid: Tensor, truth: Tensor, true: Tensor, fog: Tensor
) -> tuple[Tensor, Tensor]:
    """Loss of a batch, and its parts for score and box (2,).

    Logits (B, N) and bins (B, N, 4, BINS) of cells ``grid`` (N, 3); boxes ``truth`` (B, M, 4), of
    which (B, M) are ``true`` and ``fog`` to be ignored. Quality focal loss on the score,
    distribution focal loss and GIoU on the box (Li et al., "Generalized Focal Loss"). Cells over
    a box to be ignored say nothing either way.
    """
    boxes = boxes_of(bins, grid)
    with torch.no_grad():
        owner = assign(logits, boxes, grid, truth, true)
        chosen = owner >= 0
        goal = truth.gather(1, owner.clamp(min=0)[..., None].expand(-1, -1, 4))
        targets = iou(boxes, goal) * chosen
        x, y = (grid[:, k, None] + grid[:, 2:] / 2 for k in (0, 1))
        low, high = truth[:, None, :, :2], truth[:, None, :, 2:]
        hidden = (x > low[..., 0]) & (x < high[..., 0]) & (y > low[..., 1]) & (y < high[..., 1])
        weights = chosen | ~(hidden & fog[:, None]).any(2)
        share = targets.clamp(min=0.1) * chosen
        total = share.sum().clamp(min=1)
    quality = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    quality = quality * (targets - logits.sigmoid()).abs().square() * weights
    score = quality.sum() / total
    giou = ((1 - iou(boxes, goal, True)) * share).sum() / total
    sides = torch.cat((grid[:, :2] - goal[..., :2], goal[..., 2:] - grid[:, :2]), -1)
    sides = (sides / grid[:, 2:]).clamp(0, BINS - 1.01)
    below = sides.long()
    above = sides - below
    logs = bins.log_softmax(-1)
    spread = logs.gather(-1, below[..., None])[..., 0] * (1 - above)
    spread = spread + logs.gather(-1, below[..., None] + 1)[..., 0] * above
    loss = score + 2 * giou - 0.25 * (spread.mean(-1) * share).sum() / total
    return loss, torch.stack((score, giou)).detach()
