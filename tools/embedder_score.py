"""How well unit vectors tell characters apart: ranking, pairs, and clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.stats import rankdata

from caststream.evaluation.scores import b_cubed
from caststream.learning.clusters import MicroClusters, prototypes
from caststream.learning.learner import PRIOR_CUT
from caststream.learning.linkage import linkage as soft_linkage
from caststream.learning.linkage import measured_cut

F4 = NDArray[np.float32]
I8 = NDArray[np.int64]
CUTS = np.arange(-0.2, 0.96, 0.02)
"""Mean similarities at which average linkage is stopped."""


@dataclass(frozen=True)
class Separation:
    """Of one film or show: mean average precision, recall at 1, area under the ROC of pairs."""

    precision: float
    recall: float
    area: float


def separation(vectors: F4, who: I8, frame: I8, apart: int = 24) -> Separation:
    """Rank the boxes of a film by likeness to each of its boxes.

    ``vectors`` (N, D) unit rows. Boxes within ``apart`` frames of the one asked for are left out
    of its ranking, since finding the same drawing again says little.
    """
    likeness = vectors @ vectors.T
    far = np.abs(frame[:, None] - frame[None]) >= apart
    same = who[:, None] == who[None]
    precisions, firsts = [], []
    for k in range(len(who)):
        if not (same[k] & far[k]).any():
            continue
        order = np.argsort(-likeness[k][far[k]], kind="stable")
        hits = same[k][far[k]][order]
        precisions.append((np.cumsum(hits) / (1 + np.arange(len(hits))))[hits].mean())
        firsts.append(hits[0])
    positive, negative = likeness[same & far], likeness[~same]
    ranks = rankdata(np.concatenate([positive, negative]))[: len(positive)].sum()
    area = (ranks - len(positive) * (len(positive) + 1) / 2) / (len(positive) * len(negative))
    return Separation(float(np.mean(precisions)), float(np.mean(firsts)), float(area))


def f1_by_cut(vectors: F4, who: I8) -> F4:
    """B-cubed F1 of average linkage of vectors (N, D) for each of ``CUTS`` (C,)."""
    tree = linkage(vectors, "average", metric="cosine")
    truth = [str(k) for k in who]
    groups = [fcluster(tree, 1 - cut, "distance") for cut in CUTS]
    return np.array([b_cubed(truth, [str(k) for k in g])[2] for g in groups], np.float32)


def default_f1(vectors: F4, who: I8, frame: I8) -> float:
    """B-cubed F1 of the program's own grouping, each box a track, those of one frame apart."""
    groups = default_groups(vectors, frame)
    return b_cubed([str(k) for k in who], [str(k) for k in groups])[2]


def default_groups(vectors: F4, frame: I8) -> I8:
    """The program's own grouping (N,) of vectors (N, D), each a track, those of one frame apart."""
    micro = MicroClusters(vectors.shape[1], 1, len(vectors))
    blank = np.zeros((1, 1), np.float32)
    homes = [micro.add(prototypes(row[None], blank), 1.0) for row in vectors]
    one = np.ones(1, np.float32)
    for a in range(len(frame)):
        for b in range(a):
            if frame[a] == frame[b]:
                micro.forbid(homes[a], homes[b], one, one)
    nobody = np.full(micro.count, -1)
    labels = soft_linkage(micro, nobody).labels_at(measured_cut(micro, nobody, PRIOR_CUT))
    return np.array([labels[home[0]] for home in homes])
