"""CAST's own costs of a shot's flow, kept to compare with.

Nir, Rapoport & Shamir 2022 (arXiv 2201.07619): a link's likeness is a product of
powers (cosine of looks 3.5, distance in scales 4.5, distance in the picture 2, IoU 1.5, scale 1.5,
time 1), and it costs ``log2(1 - p)``: never more than nothing, so that a bad link is not
penalised, which `refine`'s own costs mend. The weights are the paper's; how each likeness falls
from one to nothing is written anew, so this is its model and not its code. Kept from its traps:
likenesses end short of one, and pieces without looks leave them out.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from caststream.vision.flow import Flow, least_cost_flow

F4 = NDArray[np.float32]
F8 = NDArray[np.float64]

END_BITS = 5.6
"""What a track's beginning costs, and its end."""


def cast_flow(
    time: F8, box: F8, score: F4, looks: F4, first: NDArray[np.int64], last: NDArray[np.int64],
    wait: float,
) -> Flow:  # fmt: skip
    """The flow over pieces (rows ``first`` to ``last``, inclusive, sorted by their beginning).

    ``time`` (N,), ``box`` (N, 4), ``score`` (N,) and ``looks`` (N, D) are rows; ``wait`` is the
    longest time unseen, in seconds.
    """
    sure = np.clip(score.astype(np.float64), 0.01, 0.99)
    bits = np.concatenate(([0.0], np.cumsum(np.log2((1.0 - sure) / sure))))
    use = bits[last + 1] - bits[first]
    size = box[:, 2:] - box[:, :2]
    scale = np.sqrt(size.prod(axis=1))
    picture = float(np.hypot(*box[:, 2:].max(axis=0))) if len(box) else 1.0
    links, cost = [], []
    for i in range(len(first)):
        a = int(last[i])
        for j in range(len(first)):
            b = int(first[j])
            gap = time[b] - time[a]
            if not 0 < gap <= wait:
                continue
            likeness = _likeness(box[a], box[b], scale[a], scale[b], picture, gap / wait)
            if looks[a].any() and looks[b].any():
                likeness *= max(0.0, float(looks[a] @ looks[b])) ** 3.5
            links.append((i, j))
            cost.append(math.log2(1.0 - min(likeness, 0.999)))
    ends = np.full(len(first), END_BITS)
    return least_cost_flow(
        use, ends, ends, np.array(links, np.int64).reshape(-1, 2), np.array(cost)
    )


def _likeness(a: F8, b: F8, sa: float, sb: float, picture: float, gap: float) -> float:
    far = float(np.hypot(*(0.5 * (a[:2] + a[2:] - b[:2] - b[2:]))))
    both = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0.0, None))
    iou = float(both / (sa * sa + sb * sb - both))
    return float(
        math.exp(-far / math.sqrt(sa * sb)) ** 4.5
        * max(0.0, 1.0 - far / picture) ** 2
        * (0.5 + 0.5 * iou) ** 1.5
        * (min(sa, sb) / max(sa, sb)) ** 1.5
        * (1.0 - 0.5 * gap)
    )
