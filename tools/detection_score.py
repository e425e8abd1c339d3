"""AP50 of boxes found in single frames, and what was missed or wrongly found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F4 = NDArray[np.float32]
MATCH = 0.5


@dataclass
class Score:
    """AP50, and precision and recall of the boxes that score at least ``limit``."""

    ap50: float
    precision: float
    recall: float
    limit: float
    truths: int


def overlaps(a: F4, b: F4) -> F4:
    """IoU (N, M) of boxes (N, 4) and (M, 4), xyxy."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), 2)
    areas = [np.prod(np.maximum(x[:, 2:] - x[:, :2], 0), 1) for x in (a, b)]
    return (shared / np.maximum(areas[0][:, None] + areas[1] - shared, 1e-9)).astype(np.float32)


def judge(boxes: F4, truth: F4, ignore: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Truth index of each box (best first), -1 for a false alarm, -2 where it does not count.

    A box takes the free truth that it overlaps most, from ``MATCH`` on; a truth to be ignored
    may be taken by many, and only by what fits no other.
    """
    found = np.full(len(boxes), -1)
    free = ~ignore
    shared = overlaps(boxes, truth)
    for i, row in enumerate(shared):
        fits = np.where(free, row, -1)
        if len(row) and fits.max() >= MATCH:
            found[i] = fits.argmax()
            free[found[i]] = False
        elif (row[ignore] >= MATCH).any():
            found[i] = -2
    return found


def score(
    found: Sequence[tuple[F4, F4]],
    truth: Sequence[tuple[F4, NDArray[np.bool_]]],
    limit: float = 0.4,
) -> Score:
    """Score found (boxes, scores) against true (boxes, ignore), frame by frame.

    AP is the area under the precision-recall curve with precision made falling, all points.
    """
    scores, hits = [], []
    for (boxes, points), (true, ignore) in zip(found, truth, strict=True):
        kinds = judge(boxes, true, ignore)
        scores.append(points[kinds != -2])
        hits.append(kinds[kinds != -2] >= 0)
    truths = int(sum((~ignore).sum() for _, ignore in truth))
    points = np.concatenate(scores)
    order = np.argsort(-points, kind="stable")
    hit = np.concatenate(hits)[order]
    right = hit.cumsum()
    precision = right / np.arange(1, len(hit) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    sure = int((points >= limit).sum())
    at = (right[sure - 1], precision[sure - 1]) if sure else (0, 1.0)
    return Score(
        float(falling[hit].sum() / truths), float(at[1]), float(at[0] / truths), limit, truths
    )
