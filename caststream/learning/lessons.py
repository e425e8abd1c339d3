"""What the store knows for certain of who is who: the material of a fine-tuning.

Same: rows of one track, and tracks that people put together. Different: tracks that were seen
side by side, and tracks that people told apart. Every other pair is unknown and never used.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from caststream.learning.cast import Cast
from caststream.messages import F2, I8
from caststream.store.reader import StoreReader
from caststream.store.tables import TrackTable

TRACKS = 3000
"""Tracks that one fine-tuning looks at; with ``ROWS`` it bounds its memory and time."""
ROWS = 8
"""Boxes a track, spread over its time."""
HELD_BACK = 5
"""One shot in this many, of those with tracks side by side, is held back to judge by."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """Rows of tracks and what is known of pairs of them."""

    features: F2
    """(N, F) trunk features."""
    track: I8
    """(N,) which track, 0..T-1, rows of one track side by side."""
    person: I8
    """(T,) character that a person put each track into or named, -1 for none."""
    apart: I8
    """(P, 2) tracks that are different characters."""
    held: NDArray[np.bool_]
    """(T,) tracks of the shots that are held back."""
    uid: I8 = field(default_factory=lambda: np.zeros(0, np.int64))
    """(T,) of the tracks, and"""
    crops: tuple[bytes, ...] = ()
    """JPEG of each row: both only where pictures were asked for."""

    @property
    def tracks(self) -> int:
        """T"""
        return len(self.person)

    def part(self, held: bool) -> Lessons:
        """Only what is held back, or only what is not."""
        keep = self.held == held
        new = np.cumsum(keep) - 1
        rows = keep[self.track]
        pairs = self.apart[keep[self.apart].all(axis=1)] if len(self.apart) else self.apart
        return Lessons(
            self.features[rows],
            new[self.track[rows]],
            self.person[keep],
            new[pairs].reshape(-1, 2),
            self.held[keep],
            self.uid[keep] if len(self.uid) else self.uid,
            tuple(self.crops[k] for k in np.flatnonzero(rows)) if self.crops else (),
        )


def gather(
    reader: StoreReader,
    cast: Cast,
    random: np.random.Generator,
    rows: int | None = None,
    pictured: bool = False,
) -> Lessons:
    """Collect lessons from a store, replayed evenly over its characters.

    At most ``TRACKS`` tracks: each character gives the same share as far as it has one, so that
    the lead does not crowd out the others and old episodes are not forgotten. ``rows`` leaves out
    what was committed after that many rows. ``pictured`` takes only rows whose crop is kept.
    """
    table = reader.tracks()
    if rows is not None:
        table = table.where(table.first_row < rows)
    table = table.where((table.boxes >= 2) & (table.score >= 0.35))
    chosen = _balanced(table, cast, random)
    table = table.where(chosen)
    numbers, owner = _picked(reader, table, pictured)
    if pictured:
        # Tracks whose crops are gone teach nothing here.
        seen, owner = np.unique(owner, return_inverse=True)
        table = table.where(np.isin(np.arange(len(table)), seen))
    order = np.argsort(numbers, kind="stable")
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    found = reader.rows_at(numbers[order])
    crops = found.crop if pictured else ()
    place = {uid: i for i, uid in enumerate(table.uid.tolist())}
    pairs = [(place[a], place[b]) for a, b in reader.apart().tolist() if a in place and b in place]
    person = _people(table, cast)
    apart = _without_contradictions(np.array(pairs, np.int64).reshape(-1, 2), person)
    return Lessons(
        found.features[back] if len(numbers) else np.zeros((0, 0), np.float16),
        owner,
        person,
        apart,
        _held_back((table.source << 32) | table.shot, apart),
        *((table.uid, tuple(crops[k] for k in back.tolist())) if pictured else ()),
    )


def _picked(reader: StoreReader, table: TrackTable, pictured: bool) -> tuple[I8, I8]:
    """Numbers of rows to learn from (N,), up to ``ROWS`` a track, and the line of each (N,)."""
    counts = table.boxes
    line = np.repeat(np.arange(len(table)), counts)
    every = np.repeat(table.first_row - np.cumsum(counts) + counts, counts) + np.arange(len(line))
    if pictured:
        order = np.argsort(every, kind="stable")
        kept = np.zeros(len(every), bool)
        kept[order] = reader.rows_at(every[order]).pictured
        every, line = every[kept], line[kept]
    ends = np.searchsorted(line, np.arange(len(table) + 1))
    picks = [
        first + np.unique(np.linspace(0, last - first - 1, min(last - first, ROWS)).round())
        for first, last in itertools.pairwise(ends.tolist())
        if last > first
    ]
    chosen = np.concatenate([np.zeros(0), *picks]).astype(np.int64)
    return every[chosen], line[chosen]


def _held_back(shot: I8, apart: I8) -> NDArray[np.bool_]:
    """Tracks (T,) of every fifth shot that has a pair; ``shot`` (T,) numbers them store-wide."""
    telling = np.unique(shot[apart])
    return np.isin(shot, telling[HELD_BACK - 1 :: HELD_BACK])


def _balanced(table: TrackTable, cast: Cast, random: np.random.Generator) -> NDArray[np.bool_]:
    if len(table) <= TRACKS:
        return np.ones(len(table), bool)
    uids = cast.published.label_uid
    at = np.clip(np.searchsorted(uids, table.uid), 0, max(len(uids) - 1, 0))
    label = np.full(len(table), -1, np.int64)
    if len(uids):
        found = uids[at] == table.uid
        label[found] = cast.labels[at[found]]
    known, inverse, count = np.unique(label, return_inverse=True, return_counts=True)
    # The first tracks of every character come first, in turns.
    turn = np.empty(len(table), np.int64)
    mixed = random.permutation(len(table))
    for which in range(len(known)):
        mine = mixed[inverse[mixed] == which]
        turn[mine] = np.arange(count[which])
    keep = np.zeros(len(table), bool)
    keep[np.lexsort((np.arange(len(table)), turn))[:TRACKS]] = True
    return keep


def _people(table: TrackTable, cast: Cast) -> I8:
    """Only what people said of single tracks: a name on a character is no word on each of them."""
    placed = cast.acts.placed
    return np.array(
        [cast.acts.resolve(placed[u]) if u in placed else -1 for u in table.uid.tolist()], np.int64
    )


def _without_contradictions(pairs: I8, person: I8) -> I8:
    """People know better than standing side by side does."""
    one, other = person[pairs[:, 0]], person[pairs[:, 1]]
    keep: I8 = pairs[~((one >= 0) & (one == other))]
    return keep
