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
    steps = torch.arange(BINS, dtype=bins.dtype)
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


def assign(logits: Tensor, boxes: Tensor, grid: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """The cells that answer for the true boxes of one picture, and the boxes they answer for.

    Cells whose upper left corner lies well inside a box compete; the cost is the score's loss
    plus three times -log IoU of what they say now; a box gets as many as the sum of its ten best
    IoUs says (SimOTA; Ge et al., "YOLOX", arXiv 2107.08430). A cell goes to the cheapest box.
    """
    x, y = grid[:, None, 0] + grid[:, None, 2] / 2, grid[:, None, 1] + grid[:, None, 2] / 2
    centre, half = (truth[:, :2] + truth[:, 2:]) / 2, (truth[:, 2:] - truth[:, :2]) / 2
    # The middle of a box also counts as inside for cells larger than the box itself.
    reach = torch.maximum(half[None] * 0.9, 1.5 * grid[:, None, 2:].clamp(max=16))
    inside = ((x - centre[:, 0]).abs() < reach[..., 0]) & ((y - centre[:, 1]).abs() < reach[..., 1])
    shared = iou(boxes[:, None], truth[None])
    score = functional.softplus(-logits)[:, None]
    cost = score - 3 * shared.clamp(min=1e-6).log() + 1e4 * ~inside
    best = shared.where(inside, 0).topk(min(CANDIDATES, len(shared)), 0).values
    counts = best.sum(0).round().clamp(min=1).long()
    rank = cost.argsort(0).argsort(0)
    cost = cost.where((rank < counts) & inside, 1e9)
    lowest, owner = cost.min(1)
    cells = (lowest < 1e8).nonzero()[:, 0]
    return cells, owner[cells]


def detection_loss(
    logits: Tensor,
    bins: Tensor,
    grid: Tensor,
    truths: list[tuple[Tensor, Tensor]],
) -> tuple[Tensor, dict[str, float]]:
    """Loss of a batch: logits (B, N), bins (B, N, 4, BINS), true (boxes, ignore) a picture.

    Quality focal loss on the score, distribution focal loss and GIoU on the box (Li et al.,
    "Generalized Focal Loss"). Cells over a box to be ignored say nothing either way.
    """
    boxes = boxes_of(bins, grid)
    targets, weights = torch.zeros_like(logits), torch.ones_like(logits)
    rows, cells, goals = [], [], []
    for i, (truth, ignore) in enumerate(truths):
        with torch.no_grad():
            if ignore.any():
                fog = truth[ignore]
                x, y = grid[:, :1] + grid[:, 2:] / 2, grid[:, 1:2] + grid[:, 2:] / 2
                hidden = (x > fog[:, 0]) & (x < fog[:, 2]) & (y > fog[:, 1]) & (y < fog[:, 3])
                weights[i, hidden.any(1)] = 0
            if ignore.all():
                continue
            true = truth[~ignore]
            chosen, owner = assign(logits[i], boxes[i], grid, true)
            targets[i, chosen] = iou(boxes[i, chosen], true[owner])
            weights[i, chosen] = 1
            rows.append(torch.full_like(chosen, i))
            cells.append(chosen)
            goals.append(true[owner])
    quality = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    quality = quality * (targets - logits.sigmoid()).abs().square() * weights
    if not rows:
        return quality.sum(), {"score": float(quality.detach().sum()), "box": 0.0}
    row, cell, goal = torch.cat(rows), torch.cat(cells), torch.cat(goals)
    said, where = bins[row, cell], grid[cell]
    share = targets[row, cell].clamp(min=0.1)
    total = share.sum().clamp(min=1)
    score = quality.sum() / total
    giou = ((1 - iou(boxes[row, cell], goal, True)) * share).sum() / total
    sides = torch.cat((where[:, :2] - goal[:, :2], goal[:, 2:] - where[:, :2]), 1) / where[:, 2:]
    sides = sides.clamp(0, BINS - 1.01)
    low = sides.long()
    high_share = sides - low
    logs = said.log_softmax(-1)
    below = logs.gather(-1, low[..., None])[..., 0]
    above = logs.gather(-1, low[..., None] + 1)[..., 0]
    spread = (-(below * (1 - high_share) + above * high_share).mean(1) * share).sum() / total
    loss = score + 2 * giou + 0.25 * spread
    return loss, {"score": float(score.detach()), "box": float(giou.detach())}
