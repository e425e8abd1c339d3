"""The dictionary over units of an archive: micro-clusters of micro-clusters.

Each unit brings its own few hundred micro-clusters (``summary.py``). They fall into at most
``MERGED_CAPACITY`` of the whole, which are grouped into characters as those of a stream are. When
the whole is full, its nearest ones are joined, and what is as near as those falls together from
then on (the growing threshold of BIRCH: Zhang, Ramakrishnan, Livny, SIGMOD 1996). Of each track a
few numbers are kept, in arrays.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from caststream.learning.clusters import JOIN, MicroClusters
from caststream.learning.grouping import ATTACH, Grouping
from caststream.learning.learner import Learner
from caststream.learning.linkage import linkage
from caststream.learning.summary import Summary
from caststream.messages import F4, F8, I8

MERGED_CAPACITY = 4000
"""Micro-clusters of all units together; memory and time of a grouping go with its square."""


class Merged(Grouping):
    """Takes in units instead of tracks; otherwise what ``Grouping`` is."""

    def __init__(self, dimensions: int, features: int, capacity: int = MERGED_CAPACITY) -> None:
        super().__init__(dimensions, features, capacity)
        self.join = JOIN
        """A micro-cluster this similar to one of the whole falls into it."""
        self._poses: list[tuple[I8, I8, F4]] = []
        """Runs of (track, micro-cluster that a pose of it fell into, share of the track)."""
        self._seen: list[tuple[I8, F8]] = []
        """Runs of (track, [seconds, start])."""

    def absorb(self, unit: Summary, vectors: F4, names: I8, spans: F8) -> None:
        """Take in a unit.

        ``vectors`` (M + S, d) are the means of its micro-clusters and its short tracks under the
        head in force, ``names`` (T, 2) its tracks and the tracks that they are here (one of its
        own may be two, or gone), ``spans`` (N, 2) seconds and beginning of each distinct one of
        those in the order of their numbers.
        """
        here = np.unique(names[:, 1])
        self._seen.append((here, spans))
        size = len(unit.weight)
        homes = self._fall(unit, vectors[:size]) if size else np.zeros(0, np.int64)
        self._note(unit.uid, homes[unit.home], unit.share, names)
        means = self.micro.means
        if not len(means) or not len(unit.short):
            return
        home, likeness = _nearest(vectors[size:], means)
        near = likeness >= ATTACH
        self._note(unit.short[near], home[near], np.ones(int(near.sum()), np.float32), names)
        known = dict(names.tolist())
        for place in np.flatnonzero(~near).tolist():
            track = known.get(int(unit.short[place]))
            if track is not None:
                features = unit.short_features[place].astype(np.float32)
                self._pending.append((track, vectors[size + place], features))

    def _begin(self, uid: int, seconds: float, start: float) -> None:
        self._seen.append((np.array([uid]), np.array([[seconds, start]])))

    def _fall(self, unit: Summary, vectors: F4) -> I8:
        """The micro-cluster of the whole that each of the unit (M,) falls into."""
        rows = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
        while True:
            homes, near = _nearest(rows, self.micro.means)
            fresh = np.flatnonzero(near < self.join)
            place, grown = _leaders(rows[fresh], self.join)
            if self.micro.count + grown <= self.micro.capacity:
                break
            self._tighten()
        homes[fresh] = self.micro.count + place
        self.character = np.concatenate([self.character, np.full(grown, -1, np.int64)])
        self.micro.gather(
            homes,
            vectors * unit.weight[:, None],
            unit.features.astype(np.float32) * unit.weight[:, None],
            unit.weight,
            unit.tracks,
        )
        self.micro.beside(homes[unit.apart], unit.beside)
        return homes

    def _tighten(self) -> None:
        """Join the nearest micro-clusters until a fifth of the room is free again."""
        merges = self.micro.count - int(self.micro.capacity * 0.8)
        tree = linkage(self.micro, self.character)
        if merges > len(tree.merges):
            # Too many characters to keep apart what belongs to different ones.
            tree = linkage(self.micro, np.full(self.micro.count, -1, np.int64))
        self.join = min(self.join, float(tree.height[merges - 1]))
        self._moved(self.micro.regroup(tree.labels_after(merges)))

    def _note(self, tracks: I8, homes: I8, share: F4, names: I8) -> None:
        """Remember where poses of a unit's tracks fell, under the tracks' numbers here."""
        order = np.argsort(names[:, 0], kind="stable")
        own, here = names[order].T
        first = np.searchsorted(own, tracks, "left")
        count = np.searchsorted(own, tracks, "right") - first
        again = np.repeat(np.arange(len(tracks)), count)
        place = (
            np.repeat(first, count)
            + np.arange(len(again))
            - np.repeat(np.cumsum(count) - count, count)
        )
        self._poses.append((here[place], homes[again], share[again]))

    def _remember(self, uid: int, homes: I8, share: F4) -> None:
        self._poses.append((np.full(len(homes), uid, np.int64), homes, share))

    def _moved(self, new: I8) -> None:
        character = np.full(self.micro.count, -1, np.int64)
        np.maximum.at(character, new, self.character)
        self.character = character
        uid, home, share = self._all_poses()
        self._poses = [(uid, new[home], share)]

    def _all_poses(self) -> tuple[I8, I8, F4]:
        none = np.zeros(0, np.int64)
        runs = [(none, none, np.zeros(0, np.float32)), *self._poses]
        uid, home, share = (np.concatenate(column) for column in zip(*runs, strict=True))
        self._poses = [(uid, home, share)]
        return uid, home, share

    def _all_seen(self) -> tuple[I8, F8]:
        """Tracks (T,) in order and their spans (T, 2)."""
        runs = [(np.zeros(0, np.int64), np.zeros((0, 2))), *self._seen]
        uid = np.concatenate([run[0] for run in runs])
        spans = np.concatenate([run[1] for run in runs])
        uid, first = np.unique(uid, return_index=True)
        self._seen = [(uid, spans[first])]
        return uid, spans[first]

    def arrays(self) -> dict[str, np.ndarray]:
        """All state under the names that ``Grouping.arrays`` gives it, and the threshold."""
        return {**super().arrays(), "merged_join": np.array([self.join])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Merged:
        """Read back what ``arrays`` gave, or what that of a stream's ``Grouping`` did."""
        held = dict(arrays)
        tracks = {name: held.pop(name) for name in ("track_uid", "track_home", "track_share")}
        seen = {name: held.pop(name) for name in ("span_uid", "span")}
        merged = cls(held["micro_sums"].shape[1], held["micro_features"].shape[1])
        merged.micro = MicroClusters.from_arrays(held, MERGED_CAPACITY)
        merged.character = held["micro_character"].astype(np.int64)
        merged.next_id = int(held["next_id"][0])
        merged._read_cut(held)
        merged.join = float(held.get("merged_join", np.array([JOIN]))[0])
        merged._poses = [(tracks["track_uid"], tracks["track_home"], tracks["track_share"])]
        merged._seen = [(seen["span_uid"], seen["span"])]
        merged._pending.extend(
            zip(
                held["pending_uid"].tolist(),
                held["pending"],
                held["pending_features"],
                strict=True,
            )
        )
        return merged


def _nearest(rows: F4, means: F4) -> tuple[I8, F4]:
    """Which of ``means`` (M, d) is nearest to each row (N, d), and its similarity; -1 for none."""
    if not len(means):
        return np.full(len(rows), -1, np.int64), np.full(len(rows), -1, np.float32)
    likeness = rows @ means.T
    best = np.argmax(likeness, axis=1)
    return best, likeness[np.arange(len(rows)), best]


def _leaders(rows: F4, join: float) -> tuple[I8, int]:
    """Let rows (N, d) that are as near fall together, the first of each leading; how many lead."""
    place = np.full(len(rows), -1, np.int64)
    likeness = rows @ rows.T
    count = 0
    for i in range(len(rows)):
        if place[i] < 0:
            place[(place < 0) & (likeness[i] >= join)] = count
            place[i] = count
            count += 1
    return place, count


class UnitLearner(Learner):
    """Holds the grouping of a store whose sources are units of an archive."""

    _kind = Merged

    @property
    def commit(self) -> int:
        """Number of the last commit that the published dictionary knows; -1 for none."""
        return self._commit

    def absorb(self, unit: Summary, names: I8, spans: F8) -> None:
        """Take in a unit; ``names`` and ``spans`` as in ``Merged.absorb``."""
        features = np.concatenate([unit.features, unit.short_features]).astype(np.float32)
        vectors = np.concatenate([unit.vectors, unit.short_vectors]).astype(np.float32)
        if self.vectors:
            # How much the members of a micro-cluster agree is taken over from before.
            agree = np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors = self._project(features) * agree
        if not isinstance(self._grouping, Merged):
            self._grouping = Merged(vectors.shape[1], features.shape[1])
        self._grouping.absorb(unit, vectors, names, spans)

    def publish(self) -> float:
        """Find characters in all that was taken in, and publish them.

        Returns the similarity from which on looks fell together: ``JOIN`` where there was room
        for all, and less the more had to be joined.
        """
        self._reader.refresh()
        self._commit = self._reader.last_commit
        self.regroup()
        return self._grouping.join if isinstance(self._grouping, Merged) else JOIN
