"""Characters that people named and that may be two: never split by the machine, only suggested.

Regroupings leave a named character be, so one that was two when it got its name stays one. What
tells is that its own tracks were seen side by side: what falls into two parts under the linkage
that knows of such pairs is asked about. Without such pairs parts are mostly poses.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from caststream.learning.clusters import MicroClusters
from caststream.learning.linkage import linkage_within
from caststream.messages import F4, I8

BESIDE = 1.0
"""Pairs of tracks seen side by side, one in each part, from which on a character is asked about."""
WORTHY_SECONDS = 2.0
"""Screen time that the smaller part needs to be worth a question."""


def suggested_splits(
    micro: MicroClusters,
    character: I8,
    named: Collection[int],
    cut: float,
    poses: tuple[I8, I8, F4],
) -> tuple[I8, I8]:
    """Tracks (n,) that may be somebody else than the named character (n,) that they go by.

    ``character`` (M,) is the id of each micro-cluster, ``named`` are those to ask about, ``cut`` is
    the similarity at which characters part, and ``poses`` are the track of each pose (P,), its
    micro-cluster and its share of the track. Of each character one part is given at most: the
    smaller of the two that have most pairs between them.
    """
    uids, whose = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for one in sorted(named):
        part = _part(micro, np.flatnonzero(character == one), cut)
        if len(part):
            tracks = _mostly_in(part, poses)
            uids.append(tracks)
            whose.append(np.full(len(tracks), one, np.int64))
    return np.concatenate(uids), np.concatenate(whose)


def _part(micro: MicroClusters, members: I8, cut: float) -> I8:
    """Those of some micro-clusters (m,) that may be another character, none where all is one."""
    none = np.zeros(0, np.int64)
    if np.triu(micro.apart[np.ix_(members, members)]).sum() < BESIDE:
        return none
    tree, broken = linkage_within(micro, members)
    against = np.where(tree.height < cut, broken, 0.0)
    if not len(against) or against.max() < BESIDE:
        return none
    top = int(np.argmax(against))
    group = tree.labels_after(top)
    sides = [members[group == side] for side in tree.merges[top]]
    smaller = min(sides, key=lambda side: float(micro.weight[side].sum()))
    return smaller if micro.weight[smaller].sum() >= WORTHY_SECONDS else none


def _mostly_in(part: I8, poses: tuple[I8, I8, F4]) -> I8:
    """Tracks of which more than half lies in a part."""
    uid, home, share = poses
    tracks, owner = np.unique(uid, return_inverse=True)
    inside = np.bincount(owner, share * np.isin(home, part), len(tracks))
    return np.asarray(tracks[inside > 0.5 * np.bincount(owner, share, len(tracks))], np.int64)
