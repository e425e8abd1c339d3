"""Groups tracks into characters, in memory and time that do not grow with the stream.

A track gives a few *prototypes* (its poses). Prototypes fall into at most ``capacity``
*micro-clusters*, which keep only sums: of vectors, of weights, of tracks, and of the pairs that
were seen side by side. Average linkage over the micro-clusters then gives the characters
(``caststream.learning.linkage``). Pairs seen side by side push clusters apart softly: a few of them
are wrong (reflections, copies, detector errors), and as hard constraints those few would ruin the
grouping.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caststream.learning.linkage import linkage
from caststream.messages import F4, I8

CAPACITY = 1500
"""Micro-clusters kept; the linkage costs their square."""
JOIN = 0.86
"""A prototype this similar to a micro-cluster falls into it instead of founding its own."""


@dataclass(frozen=True, slots=True)
class Poses:
    """What one track looks like, in a few prototypes."""

    vectors: F4
    """(k, d) unit vectors."""
    features: F4
    """(k, f) mean trunk features, from which another head makes other vectors."""
    share: F4
    """(k,) of the track that each stands for, summing to 1."""

    def __len__(self) -> int:
        return len(self.vectors)


def prototypes(vectors: F4, features: NDArray[Any], most: int = 4, spread: float = 0.8) -> Poses:
    """Pick up to ``most`` poses of one track, farthest first.

    ``vectors`` (n, d) are unit rows, ``features`` (n, f) what they were made of; zero rows are
    left out, so there may be no pose at all. A pose is added only while some view is less than
    ``spread`` similar to all chosen ones.
    """
    seen = np.einsum("nd,nd->n", vectors, vectors) > 0.25
    rows = vectors[seen]
    if not len(rows):
        empty = np.zeros((0, vectors.shape[1]), np.float32)
        return Poses(empty, np.zeros((0, features.shape[1]), np.float32), empty[:, 0])
    chosen = [int(np.argmax(rows @ rows.sum(axis=0)))]
    nearest = rows @ rows[chosen[0]]
    while len(chosen) < most and nearest.min() < spread:
        chosen.append(int(np.argmin(nearest)))
        nearest = np.maximum(nearest, rows @ rows[chosen[-1]])
    owner = np.argmax(rows @ rows[chosen].T, axis=1)
    count = np.bincount(owner, minlength=len(chosen))
    member = (owner[None, :] == np.arange(len(chosen))[:, None]).astype(np.float32)
    sums = member @ rows
    sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6)
    mean = member @ features[seen].astype(np.float32) / count[:, None]
    return Poses(sums, mean.astype(np.float32), (count / len(rows)).astype(np.float32))


class MicroClusters:
    """Sums over prototypes: all that the grouping remembers of the past.

    ``sums`` (M, d) weighted sums of vectors, ``features`` (M, f) of trunk features, ``weight``
    (M,) seconds, ``tracks`` (M,) how many tracks (a track's shares add up to 1), ``apart`` (M, M)
    symmetric counts of side-by-side pairs.
    """

    def __init__(self, dimensions: int, features: int, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.count = 0
        self._features = np.zeros((capacity, features), np.float32)
        self._sums = np.zeros((capacity, dimensions), np.float32)
        self._norm = np.ones(capacity, np.float32)
        """Lengths of the sums: taking them anew for each pose cost more than all else."""
        self._weight = np.zeros(capacity, np.float32)
        self._tracks = np.zeros(capacity, np.float32)
        self._apart = np.zeros((capacity, capacity), np.float32)

    @property
    def sums(self) -> F4:
        """(M, d) weighted sums of unit vectors."""
        return self._sums[: self.count]

    @property
    def features(self) -> F4:
        """(M, f) weighted sums of trunk features."""
        return self._features[: self.count]

    @property
    def means(self) -> F4:
        """(M, d) unit vectors."""
        return np.asarray(self.sums / self._norm[: self.count, None], np.float32)

    def likeness(self, group: I8) -> tuple[F4, F4]:
        """Similarity of each (M,) to the nearest of its own ``group`` (M,) and of any other.

        Those of -1 are of no group. One that holds several tracks vouches for itself by how much
        they agree; where there is nothing to compare with, the similarity is -inf.
        """
        means = self.means
        alike = means @ means.T
        np.fill_diagonal(alike, -np.inf)
        same = group[:, None] == group[None, :]
        known = (group >= 0)[None, :]
        own = np.where(same & known, alike, -np.inf).max(axis=1, initial=-np.inf)
        other = np.where(~same & known, alike, -np.inf).max(axis=1, initial=-np.inf)
        agree = self._norm[: self.count] / np.maximum(self.weight, 1e-6)
        several = (self.tracks >= 1.5) & (group >= 0)
        return np.where(several, np.maximum(own, agree), own), other

    def _measure(self) -> None:
        norm = np.linalg.norm(self.sums, axis=1)
        self._norm[: self.count] = np.maximum(norm, 1e-6)

    @property
    def weight(self) -> F4:
        """(M,) seconds of screen time."""
        return self._weight[: self.count]

    @property
    def tracks(self) -> F4:
        """(M,) tracks, by their shares."""
        return self._tracks[: self.count]

    @property
    def apart(self) -> F4:
        """(M, M) pairs of tracks seen side by side."""
        return self._apart[: self.count, : self.count]

    def add(self, poses: Poses, seconds: float) -> I8:
        """Put one track's prototypes in; returns the micro-cluster of each (k,).

        The caller makes room first (``shrink``): there must be ``len(poses)`` free places.
        """
        homes = np.empty(len(poses), np.int64)
        for i, vector in enumerate(poses.vectors):
            home = -1
            if self.count:
                similarity = (self.sums @ vector) / self._norm[: self.count]
                best = int(np.argmax(similarity))
                if similarity[best] >= JOIN:
                    home = best
            if home < 0:
                home = self.count
                self.count += 1
            amount = max(seconds, 0.05) * float(poses.share[i])
            self._sums[home] += vector * amount
            self._norm[home] = max(float(np.linalg.norm(self._sums[home])), 1e-6)
            self._features[home] += poses.features[i] * amount
            self._weight[home] += amount
            self._tracks[home] += poses.share[i]
            homes[i] = home
        return homes

    def gather(self, homes: I8, sums: F4, features: F4, weight: F4, tracks: F4) -> None:
        """Add micro-clusters (N,) of others to these, each to the one that ``homes`` (N,) names.

        Homes beyond ``count`` are new; the caller sees to it that there is room. ``sums`` (N, d)
        and ``features`` (N, f) are weighted sums.
        """
        self.count = max(self.count, int(homes.max()) + 1)
        np.add.at(self._sums, homes, sums)
        np.add.at(self._features, homes, features)
        np.add.at(self._weight, homes, weight)
        np.add.at(self._tracks, homes, tracks)
        self._measure()

    def beside(self, pairs: I8, counts: F4) -> None:
        """Note how often tracks of micro-clusters (P, 2) were seen side by side (P,)."""
        one, other = pairs[pairs[:, 0] != pairs[:, 1]].T
        counts = counts[pairs[:, 0] != pairs[:, 1]]
        np.add.at(self._apart, (one, other), counts)
        np.add.at(self._apart, (other, one), counts)

    def forbid(self, one: I8, other: I8, share_one: F4, share_other: F4) -> None:
        """Note that two tracks, given by the homes of their prototypes, were seen side by side."""
        for a, sa in zip(one, share_one, strict=True):
            for b, sb in zip(other, share_other, strict=True):
                if a != b:
                    self._apart[a, b] += sa * sb
                    self._apart[b, a] += sa * sb

    def shrink(self, pinned: I8, to: int | None = None) -> I8:
        """Merge the nearest micro-clusters until at most ``to`` are left (default 4/5 of capacity).

        ``pinned`` (M,) character that a micro-cluster is pinned to, -1 for none; those of
        different characters never merge. Returns the new place of each old one (M,).
        """
        target = int(self.capacity * 0.8) if to is None else to
        merges = max(self.count - target, 0)
        return self.regroup(linkage(self, pinned, most=merges).labels_after(merges))

    def regroup(self, group: I8) -> I8:
        """Add up the micro-clusters of one group (M,); returns the new place of each old one."""
        _, new = np.unique(group, return_inverse=True)
        new = new.astype(np.int64)
        count = int(new.max()) + 1 if len(new) else 0
        for array in (self._sums, self._features, self._weight, self._tracks):
            old = array[: self.count].copy()
            array[:] = 0
            np.add.at(array, new, old)
        # Sums of rows, then of columns: a product with a matrix of members cost ten times as much.
        order = np.argsort(new, kind="stable")
        starts = np.searchsorted(new[order], np.arange(count))
        rows = np.add.reduceat(self.apart[order], starts, axis=0) if count else self.apart
        apart = np.add.reduceat(rows[:, order], starts, axis=1) if count else rows
        np.fill_diagonal(apart, 0)
        self._apart[:] = 0
        self._apart[:count, :count] = apart
        self.count = count
        self._measure()
        return new

    def reproject(self, project: Callable[[F4], F4]) -> None:
        """Make all sums anew under another head, from the mean features: one product of matrices.

        How much the members of a micro-cluster agree is taken over from before.
        """
        agree = np.linalg.norm(self.sums, axis=1, keepdims=True)
        mean = self.features / np.maximum(self.weight, 1e-6)[:, None]
        vectors = project(mean.astype(np.float32))
        if vectors.shape[1] != self._sums.shape[1]:
            self._sums = np.zeros((self.capacity, vectors.shape[1]), np.float32)
        self._sums[: self.count] = vectors * agree
        self._measure()

    def turn(self, homes: I8, vectors: F4) -> None:
        """Turn micro-clusters towards the mean of vectors (N, d) that lie in ``homes`` (N,)."""
        sums = np.zeros_like(self.sums)
        np.add.at(sums, homes, vectors)
        length = np.linalg.norm(sums, axis=1, keepdims=True)
        turned = sums / np.maximum(length, 1e-6) * self._norm[: self.count, None]
        self._sums[: self.count] = np.where(length > 1e-6, turned, self.sums)

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything, as arrays that can be stored."""
        rows, columns = np.nonzero(np.triu(self.apart))
        return {
            "micro_sums": self.sums.copy(),
            "micro_features": self.features.copy(),
            "micro_weight": self.weight.copy(),
            "micro_tracks": self.tracks.copy(),
            "micro_apart_pairs": np.stack([rows, columns], axis=1).astype(np.int64),
            "micro_apart_counts": self.apart[rows, columns].astype(np.float32),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], capacity: int = CAPACITY) -> MicroClusters:
        """The inverse of ``arrays``."""
        sums = arrays["micro_sums"]
        features = arrays["micro_features"]
        micro = cls(sums.shape[1], features.shape[1], max(capacity, len(sums)))
        micro.count = len(sums)
        micro._sums[: micro.count] = sums
        micro._measure()
        micro._features[: micro.count] = features
        micro._weight[: micro.count] = arrays["micro_weight"]
        micro._tracks[: micro.count] = arrays["micro_tracks"]
        rows, columns = arrays["micro_apart_pairs"].reshape(-1, 2).T
        micro._apart[rows, columns] = arrays["micro_apart_counts"]
        micro._apart[columns, rows] = arrays["micro_apart_counts"]
        return micro
