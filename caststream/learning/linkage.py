"""Average linkage over micro-clusters, with a soft penalty, and where to cut it.

By sums: for unit vectors the mean similarity of two clusters is the dot product of their sums over
the product of their weights (Müllner, *Modern hierarchical, agglomerative clustering algorithms*,
arXiv 1109.2378, for the linkage itself). Where to cut is measured anew each time, from the pairs
seen side by side: as coarse as possible while at most ``BROKEN`` of them end up in one cluster of
a linkage that *knows nothing of them*. Measured on the penalised one, hardly a pair ever breaks,
and the cut says nothing of how alike a show's characters are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from caststream.messages import F4, I8

if TYPE_CHECKING:
    from caststream.learning.clusters import MicroClusters

BROKEN = 0.08
"""Share of side-by-side pairs that a cut may break."""
APART = 0.35
"""Similarity that a pair of clusters loses where their tracks are regularly seen side by side."""
STAY = 0.15
"""Similarity that two micro-clusters gain by having gone by one id so far."""
PRIOR_PAIRS = 40.0
"""How many side-by-side pairs the shipped cut is worth against those of this show."""
FINER, COARSER = 0.2, 0.1
"""How far the measured cut may lie above and below the shipped one. Below, only half as far: pairs
that no merge breaks are easy ones, and say little of look-alikes that never met."""


@dataclass(frozen=True, slots=True)
class Linkage:
    """The order in which micro-clusters merge."""

    count: int
    merges: I8
    """(K, 2) into which, and which goes."""
    height: F4
    """(K,) effective similarity at each merge."""

    def labels_after(self, merges: int) -> I8:
        """Group number of each micro-cluster (M,) after the first ``merges`` merges."""
        group = np.arange(self.count)
        for into, gone in self.merges[:merges]:
            group[group == gone] = into
        return group

    def labels_at(self, cut: float) -> I8:
        """Group number of each micro-cluster (M,) when merging stops below ``cut``."""
        below = np.flatnonzero(self.height < cut)
        return self.labels_after(int(below[0]) if len(below) else len(self.merges))


def linkage(
    micro: MicroClusters, pinned: I8, earlier: I8 | None = None, most: int | None = None
) -> Linkage:
    """Average linkage with soft side-by-side pairs over all micro-clusters.

    ``pinned`` (M,) as in ``MicroClusters.shrink``: those pinned to one character are one from the
    start, those of different characters never merge. ``earlier`` (M,) is the id that each went by
    before, -1 for none: those of one id are a little nearer, so that what hangs in the balance
    stays where it was. ``most`` merges are made at most.
    """
    dot = _dot(micro)
    weight = micro.weight.astype(np.float64)
    if earlier is not None:
        same = (earlier[:, None] == earlier[None, :]) & (earlier[:, None] >= 0)
        dot += STAY * same * np.outer(weight, weight)
    merges, height, _ = _agglomerate(
        dot,
        weight,
        micro.tracks.astype(np.float64),
        micro.apart.astype(np.float64),
        pinned,
        APART,
        micro.count if most is None else most,
        np.inf,
    )
    return Linkage(micro.count, merges, height.astype(np.float32))


def linkage_within(micro: MicroClusters, members: I8) -> tuple[Linkage, F4]:
    """Average linkage of some micro-clusters (m,) alone, whatever they go by, and how many pairs
    seen side by side each merge (K,) breaks."""
    sums = micro.sums[members].astype(np.float64)
    merges, height, broken = _agglomerate(
        sums @ sums.T,
        micro.weight[members].astype(np.float64),
        micro.tracks[members].astype(np.float64),
        micro.apart[np.ix_(members, members)].astype(np.float64),
        np.full(len(members), -1, np.int64),
        APART,
        len(members),
        np.inf,
    )
    tree = Linkage(len(members), merges, height.astype(np.float32))
    return tree, broken.astype(np.float32)


def measured_cut(micro: MicroClusters, pinned: I8, prior: float) -> float:
    """Similarity at which to stop merging: measured, and held to ``prior`` by how few pairs say so.

    ``pinned`` as in ``linkage``.
    """
    # Whom people named one character stand side by side by right.
    told = (pinned[:, None] == pinned[None, :]) & (pinned >= 0)
    apart = np.where(told, 0.0, micro.apart)
    total = float(np.triu(apart).sum())
    _, height, broken = _agglomerate(
        _dot(micro),
        micro.weight.astype(np.float64),
        micro.tracks.astype(np.float64),
        apart,
        pinned,
        0.0,
        micro.count,
        BROKEN * total,
    )
    over = total > 0 and broken.sum() > BROKEN * total
    measured = float(height[-1]) + 1e-4 if over else prior - COARSER
    trust = total / (total + PRIOR_PAIRS)
    mixed = trust * measured + (1 - trust) * prior
    return float(np.clip(mixed, prior - COARSER, prior + FINER))


def _dot(micro: MicroClusters) -> np.ndarray:
    return micro.sums.astype(np.float64) @ micro.sums.T.astype(np.float64)


@njit(cache=True, nogil=True)
def _effective(dot, weight, tracks, apart, pinned, strength, i, j):  # type: ignore[no-untyped-def]
    """Mean similarity of two clusters less what their side-by-side pairs cost."""
    if pinned[i] >= 0 and pinned[j] >= 0:
        return 2.0 if pinned[i] == pinned[j] else -9.0
    similarity = dot[i, j] / (weight[i] * weight[j] + 1e-12)
    if apart[i, j] > 0:
        # A quarter of the smaller one's tracks beside the other is as telling as all of them.
        rate = apart[i, j] / (0.25 * min(tracks[i], tracks[j]) + 1e-6)
        similarity -= strength * min(1.0, rate)
    return similarity


@njit(cache=True, nogil=True)
def _agglomerate(  # type: ignore[no-untyped-def]
    dot, weight, tracks, apart, pinned_to, strength, most, bearable
):
    """Merge the nearest pair until none is left, ``most`` times, or more than ``bearable`` pairs
    are broken.

    A row whose nearest was merged keeps its score as a bound, since nothing can be nearer than
    that but what was merged just now, and is looked through only when that bound comes first. So
    it is O(M^2) but for those: often many rows share a nearest, which merges again and again.
    """
    n = len(weight)
    merges = np.empty((max(n - 1, 0), 2), np.int64)
    height = np.empty(max(n - 1, 0), np.float64)
    broken = np.empty(max(n - 1, 0), np.float64)
    pinned = pinned_to.copy()
    alive = np.ones(n, np.bool_)
    best = np.full(n, -1, np.int64)
    score = np.full(n, np.inf, np.float64)
    done = 0
    lost = 0.0
    while done < min(n - 1, most):
        top = -1
        for i in range(n):
            if alive[i] and (top < 0 or score[i] > score[top]):
                top = i
        if best[top] < 0:
            if score[top] == -np.inf:
                break  # looked through, and near nobody
            score[top] = -np.inf
            for k in range(n):
                if alive[k] and k != top:
                    s = _effective(dot, weight, tracks, apart, pinned, strength, top, k)
                    if s > score[top]:
                        score[top] = s
                        best[top] = k
            continue
        if score[top] <= -5.0:
            break
        i = min(top, best[top])
        j = max(top, best[top])
        merges[done, 0] = i
        merges[done, 1] = j
        height[done] = score[top]
        broken[done] = apart[i, j]
        lost += apart[i, j]
        done += 1
        if lost > bearable:
            break
        alive[j] = False
        if pinned[i] < 0:
            pinned[i] = pinned[j]
        weight[i] += weight[j]
        tracks[i] += tracks[j]
        for k in range(n):
            if alive[k] and k != i:
                dot[i, k] += dot[j, k]
                dot[k, i] = dot[i, k]
                apart[i, k] += apart[j, k]
                apart[k, i] = apart[i, k]
        score[i] = -np.inf
        best[i] = -1
        for k in range(n):
            if not alive[k] or k == i:
                continue
            s = _effective(dot, weight, tracks, apart, pinned, strength, i, k)
            if s > score[i]:
                score[i] = s
                best[i] = k
            if best[k] == i or best[k] == j:
                best[k] = -1
            if s > score[k]:
                score[k] = s
                best[k] = i
    return merges[:done], height[:done], broken[:done]
