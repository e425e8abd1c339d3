"""The machine's dictionary: tracks in, characters with permanent ids out, again and again.

``Grouping`` is all the state that the learner keeps between regroupings: micro-clusters
(bounded), which micro-clusters each track fell into (a few numbers a track), and which id each
micro-cluster went by. It goes into and out of plain arrays, so that it is published and read
back with the model that made its vectors.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caststream.learning.characters import Acts, match
from caststream.learning.clusters import CAPACITY, MicroClusters, prototypes
from caststream.learning.confidence import LEAD, confidence
from caststream.learning.linkage import linkage, measured_cut
from caststream.learning.splits import suggested_splits
from caststream.messages import F4, I8

MIN_BOXES = 3
"""Shorter tracks are labelled, and teach the grouping nothing."""
MIN_SCORE = 0.35
"""Mean detector score under which a track is more likely clutter than a character."""
ATTACH = 0.62
"""A short or doubtful track goes by the id of a micro-cluster at least this similar."""
PENDING = 2000
"""Short tracks that nothing was similar to, kept to be looked at again."""
WORTHY_SECONDS = 2.0
"""A group needs this much screen time before it is given an id."""
VIEWS = 4
"""Prototypes a track."""
LINGER = 0.5
"""Share of the cut before in the present one: a cut that jumps splits and joins for nothing."""
_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Seen:
    """One finished track, as the grouping takes it."""

    uid: int
    vectors: F4
    """(n, d) unit vectors of its boxes."""
    features: NDArray[np.floating]
    """(n, f) trunk features that the vectors were made of."""
    seconds: float
    score: float
    time: float
    """When it was first seen."""
    crops: tuple[bytes, ...] = ()
    """JPEG of each box, empty bytes where none is kept; nothing where nobody asked for them."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The machine's word on every track, ordered by uid."""

    uid: I8
    character: I8
    """(n,) id, -1 for none."""
    confidence: F4
    """(n,) how likely the id is right; 0 where there is none."""
    seconds: F4
    start: NDArray[np.float64]
    """(n,) seconds at which the track begins."""


@dataclass(frozen=True, slots=True)
class Regrouping:
    """What one regrouping changed."""

    cut: float
    merged: tuple[tuple[int, int], ...]
    suggestions: tuple[tuple[int, int, float], ...]
    """(id, id, similarity): probably one character, and a person has named or placed one."""
    splits: tuple[I8, I8] = (_NONE, _NONE)
    """Tracks (n,) that may not be the character (n,) that a person named."""


class Grouping:
    """Micro-clusters, tracks and ids; grows by a few numbers a track."""

    def __init__(self, dimensions: int, features: int, capacity: int = CAPACITY) -> None:
        self.micro = MicroClusters(dimensions, features, capacity)
        self.character = np.zeros(0, np.int64)
        """(M,) id that each micro-cluster goes by, -1 for none."""
        self.next_id = 1
        self.cut: float | None = None
        """Similarity at which the last groups parted."""
        # A stream of weeks has millions of tracks: plain numbers side by side, not objects.
        self._tracks = array("q")
        """uid of each track, rising"""
        self._seconds = array("d")
        self._start = array("d")
        self._first = array("q")
        """Place of its first pose, -1 for none; the others follow."""
        self._uid = array("q")
        """uid of each pose"""
        self._home = array("q")
        self._share = array("f")
        self._pending: deque[tuple[int, F4, F4]] = deque(maxlen=PENDING)
        """uid, vector and features of short tracks"""

    # --- taking tracks in ---------------------------------------------------------------------

    def add(self, track: Seen) -> None:
        """Take in one track; a short or doubtful one gets an id, and teaches nothing."""
        poses = prototypes(track.vectors, track.features, VIEWS)
        if not len(poses) or self._place(track.uid) >= 0:
            return
        if len(track.vectors) < MIN_BOXES or track.score < MIN_SCORE:
            self._begin(track.uid, track.seconds, track.time)
            top = int(np.argmax(poses.share))
            # Copied: a row would keep all poses of its track in memory.
            vector, features = poses.vectors[top].copy(), poses.features[top].copy()
            self._pending.append((track.uid, vector, features))
            return
        if self.micro.count + len(poses) > self.micro.capacity:
            self._moved(self.micro.shrink(self.character))
        homes = self.micro.add(poses, track.seconds)
        grown = self.micro.count - len(self.character)
        self.character = np.concatenate([self.character, np.full(grown, -1, np.int64)])
        self._begin(track.uid, track.seconds, track.time)
        self._remember(track.uid, homes, poses.share)

    def _place(self, uid: int) -> int:
        """Where a track stands in the arrays, -1 where it was not taken in."""
        place = bisect_left(self._tracks, uid)
        return place if place < len(self._tracks) and self._tracks[place] == uid else -1

    def _begin(self, uid: int, seconds: float, start: float) -> None:
        # At the end or near it: only sources side by side come out of order.
        place = bisect_left(self._tracks, uid)
        self._tracks.insert(place, uid)
        self._seconds.insert(place, seconds)
        self._start.insert(place, start)
        self._first.insert(place, -1)

    def _remember(self, uid: int, homes: I8, share: F4) -> None:
        self._first[self._place(uid)] = len(self._uid)
        self._uid.extend([uid] * len(homes))
        self._home.extend(homes.tolist())
        self._share.extend(share.tolist())

    def _poses_of(self, uid: int) -> tuple[I8, F4]:
        """Micro-cluster and share of each pose of a track, none of one that taught nothing."""
        place = self._place(uid)
        first = last = self._first[place] if place >= 0 else -1
        if first < 0:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        while last < len(self._uid) and self._uid[last] == uid:
            last += 1
        return np.array(self._home[first:last]), np.array(self._share[first:last])

    def _attach_pending(self) -> None:
        """Give short tracks the id of what they look like, as far as there is something."""
        means = self.micro.means
        for _ in range(len(self._pending)):
            uid, vector, features = self._pending.popleft()
            similarity = means @ vector
            home = int(np.argmax(similarity)) if len(similarity) else -1
            if home >= 0 and similarity[home] >= ATTACH and self.character[home] >= 0:
                self._remember(uid, np.array([home]), np.ones(1, np.float32))
            else:
                self._pending.append((uid, vector, features))

    def apart(self, one: int, other: int) -> None:
        """Note that two tracks were seen side by side; unknown ones are passed over."""
        homes_one, share_one = self._poses_of(one)
        homes_other, share_other = self._poses_of(other)
        self.micro.forbid(homes_one, homes_other, share_one, share_other)

    def adopt(self, uid: I8, character: I8, next_id: int) -> None:
        """Go on from labels (n,) that another way of grouping gave: micro-clusters take their ids.

        Each goes by the id that most of its tracks' time goes by.
        """
        self.next_id = max(self.next_id, next_id)
        homes = np.array(self._home)
        known, column = np.unique(character, return_inverse=True)
        place = {u: i for i, u in enumerate(uid.tolist())}
        rows = [(k, place[u]) for k, u in enumerate(self._uid) if u in place]
        votes = np.zeros((self.micro.count, len(known)), np.float32)
        for k, at in rows:
            if character[at] >= 0:
                seconds = max(self._seconds[self._place(self._uid[k])], 0.05)
                votes[homes[k], column[at]] += self._share[k] * seconds
        if votes.size:
            self.character = np.where(votes.max(1) > 0, known[np.argmax(votes, 1)], -1)

    def _moved(self, new: I8) -> None:
        """Follow the micro-clusters to their new places."""
        character = np.full(self.micro.count, -1, np.int64)
        np.maximum.at(character, new, self.character)
        self.character = character
        self._home = array("q", new[np.array(self._home)].tobytes())

    def reproject(self, project: Callable[[F4], F4]) -> None:
        """Make all vectors anew under another head (``project``: features (n, f) -> unit (n, d)).

        The work is bounded by the micro-clusters, whatever the history.
        """
        self.micro.reproject(project)
        self.cut = None
        pending = list(self._pending)
        if pending:
            vectors = project(np.stack([features for _, _, features in pending]))
            self._pending.clear()
            self._pending.extend(
                (uid, vector, features)
                for (uid, _, features), vector in zip(pending, vectors, strict=True)
            )

    def renew(self, uid: I8, near: F4, vectors: F4) -> None:
        """Put what crops look like under an opened stage in the place of what features say of it.

        For crops of tracks ``uid`` (n,): ``vectors`` (n, d) of the stage, and ``near`` (n, d) of
        the head that ``reproject`` was called with, by which each finds the pose that it shows.
        Micro-clusters of which there is no crop stay as they are.
        """
        means = self.micro.means
        homes = np.full(len(uid), -1, np.int64)
        for k, track in enumerate(uid.tolist()):
            own, _ = self._poses_of(track)
            if len(own):
                homes[k] = own[np.argmax(means[own] @ near[k])]
        self.micro.turn(homes[homes >= 0], vectors[homes >= 0])

    # --- grouping -----------------------------------------------------------------------------

    def regroup(self, prior: float, acts: Acts) -> Regrouping:
        """Group all micro-clusters anew, and give each group the id it went by before.

        ``prior`` is the similarity at which the shipped model's groups part. Ids that people
        named or placed are pinned: what went by one still does, and no other id is merged into
        it; where that would have happened, it comes back as a suggestion.
        """
        touched = acts.touched()
        pinned = np.array(
            [acts.resolve(int(c)) if int(c) in touched else -1 for c in self.character], np.int64
        )
        resolved = np.array([acts.resolve(int(c)) for c in self.character], np.int64)
        tree = linkage(self.micro, pinned, resolved)
        cut = measured_cut(self.micro, pinned, prior)
        if self.cut is not None:
            cut = LINGER * self.cut + (1 - LINGER) * cut
        self.cut = cut
        group = tree.labels_at(cut)
        group, suggestions = self._keep_touched_apart(group, pinned)
        _, group = np.unique(group, return_inverse=True)
        groups = int(group.max()) + 1 if len(group) else 0
        seconds = np.bincount(group, self.micro.weight, groups)
        self.next_id = max(self.next_id, acts.highest + 1)
        found = match(group, resolved, self.micro.weight, seconds >= WORTHY_SECONDS, self.next_id)
        self.next_id = found.next_id
        fresh = found.ids[group]
        # What a person merged keeps the id it had underneath, so that an undo finds it again.
        held = (pinned >= 0) & (fresh == pinned)
        self.character = np.where(held, self.character, fresh)
        self._attach_pending()
        asked = set(acts.names) - acts.ignored
        splits = suggested_splits(self.micro, self.character, asked, cut, self._all_poses())
        return Regrouping(cut, found.merged, suggestions, splits)

    def _keep_touched_apart(
        self, group: I8, pinned: I8
    ) -> tuple[I8, tuple[tuple[int, int, float], ...]]:
        """Take other ids out of the groups that hold a pinned one, as suggestions."""
        group = group.copy()
        fresh = int(group.max()) + 1 if len(group) else 0
        means = self.micro.means
        suggestions = []
        for pin in np.unique(pinned[pinned >= 0]):
            core = pinned == pin
            for place in np.unique(group[core]):
                inside = (group == place) & (pinned < 0) & (self.character >= 0)
                for other in np.unique(self.character[inside]):
                    out = inside & (self.character == other)
                    likeness = float(np.max(means[out] @ means[core].T))
                    suggestions.append((int(other), int(pin), likeness))
                    group[out] = fresh
                    fresh += 1
        return group, tuple(suggestions)

    # --- what comes out -----------------------------------------------------------------------

    def labels(self, without: Collection[int] = ()) -> Labels:
        """The id of every track that was taken in, short and doubtful ones too.

        Tracks of the sources ``without`` are left out.
        """
        tracks, spans = self._all_seen()
        uid, home, share = self._all_poses()
        track, who = np.searchsorted(tracks, uid), self.character[home]
        ids = _elected(track, who, share, len(tracks))
        agree = (who == ids[track]) & (who >= 0)
        right = np.bincount(track, agree * share * self._sure()[home], len(tracks))
        sure = right / np.maximum(np.bincount(track, share, len(tracks)), 1e-6)
        keep = ~np.isin(tracks >> 32, list(without))
        return Labels(
            tracks[keep],
            ids[keep],
            sure[keep].astype(np.float32),
            spans[keep, 0].astype(np.float32),
            spans[keep, 1],
        )

    def _sure(self) -> F4:
        """How likely each micro-cluster (M,) goes by the right id: by the nearest one of the same
        id, or its own other tracks, against the nearest one of another."""
        own, other = self.micro.likeness(self.character)
        # A character that nothing else looks like is whoever it is, and no likeness vouches for it.
        own = np.where(np.isfinite(own), own, self.cut or 0.0)
        return confidence(own - (self.cut or 0.0), np.minimum(own - other, LEAD))

    def _all_seen(self) -> tuple[I8, NDArray[np.float64]]:
        """Tracks (T,) in order, and seconds and beginning of each (T, 2)."""
        return np.array(self._tracks), np.stack([self._seconds, self._start], axis=1)

    def _all_poses(self) -> tuple[I8, I8, F4]:
        """Track of each pose (P,), the micro-cluster that it fell into, and its share."""
        return np.array(self._uid), np.array(self._home), np.array(self._share)

    def unknown(self) -> tuple[I8, F4]:
        """Short and doubtful tracks (n,) that went to nobody, and their vectors (n, d)."""
        uid = np.array([uid for uid, _, _ in self._pending], np.int64)
        return uid, _stacked([v for _, v, _ in self._pending], self.micro.sums.shape[1])

    def gallery(self) -> tuple[F4, I8, F4]:
        """Unit prototypes (P, d) of the characters, their ids (P,) and seconds (P,)."""
        known = self.character >= 0
        return self.micro.means[known], self.character[known], self.micro.weight[known]

    def arrays(self) -> dict[str, np.ndarray]:
        """All state as arrays; the inverse is ``from_arrays``."""
        uid, home, share = self._all_poses()
        tracks, spans = self._all_seen()
        return {
            **self.micro.arrays(),
            "micro_character": self.character,
            "track_uid": uid,
            "track_home": home,
            "track_share": share,
            "next_id": np.array([self.next_id], np.int64),
            "last_cut": np.array([self.cut] if self.cut is not None else [], np.float64),
            "span_uid": tracks,
            "span": spans,
            "pending_uid": np.array([uid for uid, _, _ in self._pending], np.int64),
            "pending": _stacked([v for _, v, _ in self._pending], self.micro.sums.shape[1]),
            "pending_features": _stacked(
                [f for _, _, f in self._pending], self.micro.features.shape[1]
            ),
        }

    def _read_cut(self, arrays: Mapping[str, np.ndarray]) -> None:
        last = arrays.get("last_cut")  # stores from before the cut lingered have none
        if last is not None and len(last):
            self.cut = float(last[0])

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Grouping:
        """Read back what ``arrays`` gave."""
        grouping = cls(arrays["micro_sums"].shape[1], arrays["micro_features"].shape[1])
        grouping.micro = MicroClusters.from_arrays(arrays)
        grouping.character = arrays["micro_character"].astype(np.int64)
        grouping.next_id = int(arrays["next_id"][0])
        grouping._read_cut(arrays)
        uids = arrays["track_uid"].astype(np.int64)
        grouping._uid.frombytes(uids.tobytes())
        grouping._home.frombytes(arrays["track_home"].astype(np.int64).tobytes())
        grouping._share.frombytes(arrays["track_share"].astype(np.float32).tobytes())
        tracks, span = arrays["span_uid"].astype(np.int64), arrays["span"].astype(np.float64)
        lead = np.flatnonzero(np.diff(uids, prepend=-1))
        first = np.full(len(tracks), -1, np.int64)
        first[np.searchsorted(tracks, uids[lead])] = lead
        for held, column in (
            (grouping._tracks, tracks), (grouping._seconds, span[:, 0]),
            (grouping._start, span[:, 1]), (grouping._first, first),
        ):  # fmt: skip
            held.frombytes(column.tobytes())
        pending = zip(
            arrays["pending_uid"].tolist(),
            arrays["pending"],
            arrays["pending_features"],
            strict=True,
        )
        grouping._pending.extend(pending)
        return grouping


def _elected(track: I8, who: I8, share: F4, tracks: int) -> I8:
    """Whom most poses of each track (T,) are of, -1 for nobody.

    ``track`` (P,) 0..T-1, ``who`` (P,) and ``share`` (P,) of each pose. Of equals the first id.
    """
    ids = np.full(tracks, -1, np.int64)
    if not len(track):
        return ids
    width = int(who.max()) + 2
    pairs, member = np.unique(track * width + who + 1, return_inverse=True)
    votes = np.bincount(member, share)
    owner = pairs // width
    # Sorted by track, then by votes: the last of each track has most.
    order = np.lexsort((-pairs, votes, owner))
    best = order[np.flatnonzero(np.diff(owner[order], append=-1))]
    ids[owner[best]] = pairs[best] % width - 1
    return ids


def _stacked(rows: list[F4], width: int) -> F4:
    return np.array(rows, np.float32).reshape(len(rows), width)
