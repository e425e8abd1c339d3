"""What to ask people next: pairs that may be one character, named ones that may be two, and tracks
that may be somebody else.

Each answer is one of the acts that people can do anyway; the questions are ordered by how much
screen time an answer settles.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from caststream.messages import F4, F8, I8
from caststream.web.index import Index
from caststream.web.roster import Roster

MOST = 200
"""Questions kept of each kind."""
BELOW = 0.12
"""How far under the similarity at which characters part two of them may still be one."""
BESIDE = 2
"""Pairs of their tracks seen side by side from which on two characters are two."""
DOUBT = 0.5
"""Confidence of a track under which it is worth a look."""
GLIMPSE = 0.5
"""Seconds under which a track is not worth one."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One question, with what it would settle."""

    kind: Literal["pair", "split", "track"]
    character: int
    """The one that stays, that may be two, or that the track is said to be."""
    other: int
    """The character that may be the same, the track (uid), or the first one to be split off."""
    likeness: float
    """Mean similarity of a pair (cosine), confidence of a track; 0 for a split."""
    seconds: float
    """Screen time that an answer settles."""
    tracks: tuple[int, ...] = ()
    """All tracks (uids) to be split off."""

    @property
    def key(self) -> Hashable:
        """The same question asked again is known by this."""
        return self.kind, self.character, self.other


def proposals(index: Index, roster: Roster) -> list[Proposal]:
    """All questions worth asking, those that settle most first."""
    found = [*_pairs(index, roster), *_splits(roster), *_tracks(roster)]
    return sorted(found, key=lambda p: (-p.seconds, p.kind, p.character, p.other))


def _pairs(index: Index, roster: Roster) -> list[Proposal]:
    members = roster.members
    ids = np.array([m.id for m in members.values() if not m.ignored], np.int64)
    alike = _likeness(roster, ids)
    beside = _beside(index, roster, ids)
    cut = roster.published.thresholds.get("cut", 0.5)
    alike[beside >= BESIDE] = -1
    one, other = np.nonzero(np.triu(alike >= cut - BELOW, 1))
    seconds = np.array([members[int(i)].seconds for i in ids], np.float64)
    settled = np.minimum(seconds[one], seconds[other]) if len(ids) else np.zeros(0)
    asked = []
    for k in np.argsort(-settled, kind="stable").tolist():
        a, b = members[int(ids[one[k]])], members[int(ids[other[k]])]
        # Two that people gave names to are two, unless the names are the same.
        if roster.acts.are_apart(a.id, b.id) or (a.name and b.name and a.name != b.name):
            continue
        stays, goes = (a, b) if (bool(a.name), a.seconds) >= (bool(b.name), b.seconds) else (b, a)
        asked.append(
            Proposal("pair", stays.id, goes.id, float(alike[one[k], other[k]]), float(settled[k]))
        )
        if len(asked) == MOST:
            break
    return asked


def _splits(roster: Roster) -> list[Proposal]:
    asked = []
    for character, tracks in roster.cast.splits().items():
        mine = np.isin(roster.tracks.uid, tracks)
        seconds = float(roster.tracks.seconds[mine].sum())
        if mine.any() and not roster.members[character].ignored:
            asked.append(Proposal("split", character, tracks[0], 0.0, seconds, tuple(tracks)))
    return asked


def _likeness(roster: Roster, ids: I8) -> F4:
    """(C, C) mean similarity of the prototypes of two characters (average linkage, by which the
    machine groups as well), -1 on the diagonal."""
    published = roster.published
    owner = np.array([roster.acts.resolve(int(c)) for c in published.prototype_character], np.int64)
    place = _places(ids, owner) if len(ids) else np.full(len(owner), -1)
    kept = place >= 0
    place, weight = place[kept], published.prototype_weight[kept]
    weights = csr_array((weight, (place, np.arange(len(place)))), (len(ids), len(place)))
    sums = np.asarray(weights @ published.prototypes[kept], np.float32)
    sums /= np.maximum(np.bincount(place, weight, len(ids)), 1e-6)[:, None].astype(np.float32)
    alike = np.asarray(sums @ sums.T, np.float32)
    np.fill_diagonal(alike, -1)
    return alike


def _beside(index: Index, roster: Roster, ids: I8) -> I8:
    """(C, C) how many pairs of tracks of two characters were seen side by side."""
    size = len(ids)
    pairs = index.apart()
    if not len(pairs) or not size:
        return np.zeros((size, size), np.int64)
    place = _places(ids, roster.character[pairs])
    place = place[(place >= 0).all(axis=1)]
    count = np.bincount(place[:, 0] * size + place[:, 1], minlength=size * size)
    count = count.reshape(size, size)
    return np.asarray(count + count.T)


def _places(ids: I8, wanted: I8) -> I8:
    """Where in ``ids`` each of these stands, -1 where it does not."""
    table = np.full(max(int(ids.max()), int(wanted.max(initial=0))) + 2, -1, np.int64)
    table[ids] = np.arange(len(ids))
    return np.asarray(table[wanted])  # -1, nobody, finds the last entry, which is nobody's


def _tracks(roster: Roster) -> list[Proposal]:
    seconds: F8 = roster.tracks.seconds
    ignored = [m.id for m in roster.members.values() if m.ignored]
    doubtful = (
        (roster.character >= 0) & (roster.confidence < DOUBT) & (seconds >= GLIMPSE)
    ) & ~np.isin(roster.character, ignored)
    lines = np.flatnonzero(doubtful)
    lines = lines[np.argsort(-seconds[lines], kind="stable")][:MOST]
    return [
        Proposal(
            "track",
            int(roster.character[k]),
            int(roster.tracks.uid[k]),
            float(roster.confidence[k]),
            float(seconds[k]),
        )
        for k in lines.tolist()
    ]
