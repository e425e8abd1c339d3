"""Who is in a store: one line a character, counted anew after each change in one pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from caststream.learning.cast import Cast
from caststream.learning.characters import Acts
from caststream.messages import F4, F8, I8
from caststream.store.published import Published
from caststream.web.index import Tracks

LOOKS = 6
"""Pictures a character: the most typical one, and others that differ from it."""


@dataclass(frozen=True, slots=True)
class Member:
    """One character as a card shows it."""

    id: int
    name: str | None
    tracks: int
    seconds: float
    """On screen."""
    first: int
    last: int
    """Lines of the tracks in which it is seen first and last."""
    confidence: float
    """Mean over its screen time, 0..1."""
    ignored: bool


@dataclass(frozen=True)
class Roster:
    """All characters of a store as of one moment: a function of its tracks and its dictionary."""

    tracks: Tracks
    cast: Cast
    character: I8 = field(init=False)
    """(T,) final character of each track, -1 for none."""
    confidence: F4 = field(init=False)
    """(T,)"""
    acts: Acts = field(init=False)
    published: Published = field(init=False)
    """What people said, and what the machine published: as of this roster."""

    def __post_init__(self) -> None:
        character, confidence = self.cast.of_tracks(self.tracks.uid)
        object.__setattr__(self, "character", character)
        object.__setattr__(self, "confidence", confidence)
        object.__setattr__(self, "acts", self.cast.acts)
        object.__setattr__(self, "published", self.cast.published)

    @property
    def old(self) -> bool:
        """Whether the dictionary has gone on since."""
        return self.acts is not self.cast.acts or self.published is not self.cast.published

    @cached_property
    def members(self) -> dict[int, Member]:
        """Id -> character, most screen time first; ignored ones too."""
        kept = np.flatnonzero(self.character >= 0)
        ids, owner = np.unique(self.character[kept], return_inverse=True)
        count = len(ids)
        seconds = self.tracks.seconds[kept]
        total = np.bincount(owner, seconds, count)
        sure = np.bincount(owner, seconds * self.confidence[kept], count)
        number = np.bincount(owner, minlength=count)
        first, last = np.full(count, len(self.tracks)), np.full(count, -1)
        np.minimum.at(first, owner, kept)
        np.maximum.at(last, owner, kept)
        acts = self.acts
        ignored = {acts.resolve(c) for c in acts.ignored}
        return {
            int(ids[k]): Member(
                id=int(ids[k]),
                name=acts.name_of(int(ids[k])),
                tracks=int(number[k]),
                seconds=float(total[k]),
                first=int(first[k]),
                last=int(last[k]),
                confidence=float(sure[k] / max(total[k], 1e-9)),
                ignored=int(ids[k]) in ignored,
            )
            for k in np.lexsort((ids, -total)).tolist()
        }

    @cached_property
    def names(self) -> list[str]:
        """All names, each once, in the order of the alphabet."""
        return sorted({m.name for m in self.members.values() if m.name}, key=str.casefold)

    @property
    def unlabelled(self) -> int:
        """Tracks without a character."""
        return int((self.character < 0).sum())

    def lines_of(self, character: int) -> I8:
        """Lines of ``tracks`` that are this character, in the order of time."""
        return np.flatnonzero(self.character == character)

    def looks(self, characters: list[int], most: int = LOOKS) -> dict[int, list[int]]:
        """Lines of up to ``most`` tracks for each character, the most typical first.

        Tracks that fell into different micro-clusters look different; of each micro-cluster the
        longest sure track is taken, those with most screen time first. Characters without any
        show their longest tracks.
        """
        wanted = np.flatnonzero(np.isin(self.character, characters))
        worth = self._worth[wanted]
        home = self._home[wanted]
        owner = self.character[wanted]
        # Best of each (character, home) first.
        order = np.lexsort((-worth, home, owner))
        lead = np.ones(len(order), bool)
        same = np.diff(owner[order]) == 0
        lead[1:] = ~(same & (np.diff(home[order]) == 0))
        group = np.cumsum(lead) - 1
        weight = np.bincount(group, self.tracks.seconds[wanted][order], minlength=1)[group]
        # Leaders by the weight of their group, then everything else by its own worth.
        rank = np.lexsort((-worth[order], -np.where(lead, weight, 0.0), ~lead, owner[order]))
        chosen: dict[int, list[int]] = {c: [] for c in characters}
        for k in order[rank].tolist():
            listed = chosen[int(owner[k])]
            if len(listed) < most:
                listed.append(int(wanted[k]))
        return chosen

    @cached_property
    def _worth(self) -> F8:
        """(T,) how well a track shows its character: sure, and neither a glimpse nor doubtful."""
        length = np.minimum(self.tracks.boxes, 12) / 12
        worth: F8 = self.tracks.score * (0.5 + self.confidence) * (0.2 + length)
        return worth

    @cached_property
    def _home(self) -> I8:
        """(T,) the micro-cluster in which most of a track lies, -1 for none."""
        extra = self.published.extra
        home = np.full(len(self.tracks), -1, np.int64)
        if "track_home" not in extra:
            return home
        uid, share = extra["track_uid"], extra["track_share"]
        order = np.lexsort((-share, uid))
        lead = np.diff(uid[order], prepend=-1) != 0
        uids, homes = uid[order][lead], extra["track_home"][order][lead]
        if len(uids):
            at = np.minimum(np.searchsorted(uids, self.tracks.uid), len(uids) - 1)
            home = np.where(uids[at] == self.tracks.uid, homes[at], -1)
        return home
