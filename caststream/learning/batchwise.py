"""The paper's grouping on a store: the baseline that ``Grouping`` is measured against.

Same questions, same answers as ``Grouping``, so that the learner can hold either; but it keeps
every track's samples, and groups them all anew each time (``batch.group``). Time and memory grow
with the square of what a store holds, up to ``MOST`` samples; beyond, it groups an even choice of
them, and gives the others to the cluster whose exemplar is nearest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from caststream.learning import batch
from caststream.learning.characters import Acts, match
from caststream.learning.grouping import Labels, Regrouping, Seen
from caststream.messages import F4, I8

SAMPLES = 4
"""Boxes a track."""
MOST = 3000
"""Samples that are grouped at once: distances of 72 MB, twice over."""
EXEMPLARS = 12
"""Prototypes a character for live labels."""


class BatchGrouping:
    """All samples of a store, and the ids that their tracks went by; grows with the store."""

    def __init__(self, keep: float = 1.0) -> None:
        """``keep`` is the share of the clustered samples to keep, largest clusters first."""
        self.keep = keep
        self.next_id = 1
        self._seen: dict[int, tuple[float, float]] = {}
        """uid -> (seconds, start)"""
        self._uid: list[int] = []
        """One entry a sample, as in all below."""
        self._vectors: list[F4] = []
        self._features: list[NDArray[np.floating]] = []
        self._score: list[float] = []
        self._bits: list[batch.Bits | None] = []
        """Fingerprints of the crops that were kept."""
        self._apart: list[tuple[int, int]] = []
        self._ids: dict[int, int] = {}
        self._agree: dict[int, float] = {}
        self._exemplars: tuple[F4, I8] = (np.zeros((0, 256), np.float32), np.zeros(0, np.int64))

    def add(self, track: Seen) -> None:
        """Take in one track."""
        if track.uid in self._seen:
            return
        rows = np.flatnonzero(np.einsum("nd,nd->n", track.vectors, track.vectors) > 0.25)
        if not len(rows):
            return
        picks = np.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).round().astype(np.int64)
        self._seen[track.uid] = (track.seconds, track.time)
        for row in rows[picks].tolist():
            self._uid.append(track.uid)
            self._vectors.append(track.vectors[row])
            self._features.append(track.features[row])
            self._score.append(track.score)
            crop = track.crops[row] if track.crops else b""
            self._bits.append(batch.fingerprint_crop(crop) if crop else None)

    def apart(self, one: int, other: int) -> None:
        """Note that two tracks were seen side by side."""
        self._apart.append((one, other))

    def adopt(self, uid: I8, character: I8, next_id: int) -> None:
        """Go on from labels (n,) that another way of grouping gave."""
        self._ids = {u: c for u, c in zip(uid.tolist(), character.tolist(), strict=True) if c >= 0}
        self.next_id = max(self.next_id, next_id)

    def reproject(self, project: Callable[[F4], F4]) -> None:
        """Make all vectors anew under another head."""
        if self._features:
            self._vectors = list(project(np.stack(self._features).astype(np.float32)))

    def regroup(self, prior: float, acts: Acts) -> Regrouping:
        """Group everything anew, and give each group the id that it went by before.

        Ids that people named or placed keep their tracks, as in ``Grouping.regroup``.
        """
        if not self._uid:
            return Regrouping(prior, (), ())
        vectors, score = np.stack(self._vectors), np.array(self._score, np.float32)
        tracks, owner = np.unique(np.array(self._uid, np.int64), return_inverse=True)
        label, significance = self._clusters(vectors, owner, score, tracks)
        _, cluster = batch.of_tracks(label, owner)
        seconds = np.array([max(self._seen[u][0], 0.05) for u in tracks.tolist()], np.float32)
        touched = acts.touched()
        earlier = np.array([self._ids.get(u, -1) for u in tracks.tolist()], np.int64)
        resolved = np.array([acts.resolve(c) for c in earlier.tolist()], np.int64)
        grouped = cluster >= 0
        worthy = np.ones(int(label.max(initial=-1)) + 1, bool)
        self.next_id = max(self.next_id, acts.highest + 1)
        found = match(cluster[grouped], resolved[grouped], seconds[grouped], worthy, self.next_id)
        self.next_id = found.next_id
        ids = np.where(grouped, found.ids[cluster], -1) if len(worthy) else np.full(len(tracks), -1)
        held = np.isin(resolved, list(touched)) | np.isin(earlier, list(touched))
        foreign = np.isin(ids, list(touched)) & (earlier >= 0) & (ids != resolved) & ~held
        suggestions = {
            (a, b, 1.0)
            for a, b in zip(earlier[foreign].tolist(), ids[foreign].tolist(), strict=True)
        }
        ids = np.where(held | foreign, earlier, ids)
        self._ids = {u: c for u, c in zip(tracks.tolist(), ids.tolist(), strict=True) if c >= 0}
        right = (label == cluster[owner]) & (label >= 0)
        share = np.bincount(owner, right) / np.bincount(owner)
        self._agree = dict(zip(tracks.tolist(), share.tolist(), strict=True))
        self._exemplars = self._chosen(vectors, ids[owner], np.where(right, significance, 0))
        merged = tuple(pair for pair in found.merged if pair[0] not in touched)
        return Regrouping(prior, merged, tuple(sorted(suggestions)))

    def _clusters(self, vectors: F4, owner: I8, score: F4, tracks: I8) -> tuple[I8, F4]:
        """Cluster of each sample (n,), -1 for noise, and its significance (n,)."""
        home = self._duplicates()
        first = np.flatnonzero(home == np.arange(len(home)))
        if len(first) > MOST:
            first = first[np.linspace(0, len(first) - 1, MOST).round().astype(np.int64)]
        pairs = np.array(self._apart, np.int64).reshape(-1, 2)
        pairs = np.searchsorted(tracks, pairs[np.isin(pairs, tracks).all(axis=1)])
        found = batch.group(vectors[first], owner[first], pairs, score[first], self.keep)
        label = np.full(len(vectors), -2, np.int64)
        significance = np.zeros(len(vectors), np.float32)
        label[first], significance[first] = found.label, found.significance
        label = np.where(label == -2, label[home], label)
        left = np.flatnonzero(label == -2)
        if len(left):
            best = [picks[0] for picks in found.exemplars()]
            label[left] = np.argmax(vectors[left] @ vectors[first[best]].T, axis=1) if best else -1
        return label, significance

    def _duplicates(self) -> I8:
        """The earlier sample that each (n,) nearly repeats, else itself."""
        home = np.arange(len(self._bits), dtype=np.int64)
        have = np.array([i for i, bits in enumerate(self._bits) if bits is not None], np.int64)
        if len(have):
            home[have] = have[batch.fold(np.stack([b for b in self._bits if b is not None]))]
        return home

    def _chosen(self, vectors: F4, character: I8, significance: F4) -> tuple[F4, I8]:
        """The most significant samples of each character, and whose they are."""
        order = np.lexsort((-significance, character))
        order = order[(character[order] >= 0)]
        starts = np.flatnonzero(np.diff(character[order], prepend=-1))
        turn = np.arange(len(order)) - np.repeat(starts, np.diff([*starts, len(order)]))
        picks = order[turn < EXEMPLARS]
        return vectors[picks], character[picks]

    def labels(self, without: Collection[int] = ()) -> Labels:
        """The id of every track that was taken in; sources ``without`` are left out."""
        tracks = np.array(sorted(self._seen), np.int64)
        tracks = tracks[~np.isin(tracks >> 32, list(without))]
        spans = np.array([self._seen[u] for u in tracks.tolist()], np.float64).reshape(-1, 2)
        return Labels(
            tracks,
            np.array([self._ids.get(u, -1) for u in tracks.tolist()], np.int64),
            np.array([self._agree.get(u, 0.0) for u in tracks.tolist()], np.float32),
            spans[:, 0].astype(np.float32),
            spans[:, 1],
        )

    def unknown(self) -> tuple[I8, F4]:
        """Tracks (n,) that are noise, and one vector of each (n, d)."""
        uid, first = np.unique(np.array(self._uid, np.int64), return_index=True)
        lost = np.array([u not in self._ids for u in uid.tolist()], bool)
        vectors = [self._vectors[i] for i in first[lost].tolist()]
        return uid[lost], np.stack(vectors) if vectors else np.zeros((0, 1), np.float32)

    def gallery(self) -> tuple[F4, I8, F4]:
        """Unit exemplars (P, d) of the characters, their ids (P,) and seconds (P,)."""
        vectors, character = self._exemplars
        return vectors, character, np.ones(len(character), np.float32)

    def arrays(self) -> dict[str, np.ndarray]:
        """What has to last besides the labels: the samples are read from the store again."""
        return {"next_id": np.array([self.next_id], np.int64)}
