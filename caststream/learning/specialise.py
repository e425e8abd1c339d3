"""Examples for the specialised classifier, out of what people named and threw out.

Every named character gives the same number of tracks at most, so that training costs the same
after an hour and after a year. What has no name is one class of its own, so that a stranger is
not called by the nearest name; what people ignore, and doubtful boxes that look like nobody, are
the background.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from caststream.learning.characters import Acts
from caststream.learning.classify import NOBODY, OTHER, Classifier, fit
from caststream.messages import F4, I8
from caststream.store.reader import StoreReader
from caststream.store.tables import TrackTable

TRACKS = 40
"""Tracks of a named character that are learnt from."""
STRANGERS = 120
"""... and of all that have no name, and as many of the background."""
VIEWS = 4
"""Boxes of a track that make up its looks."""
SURE = 0.45
"""Mean detector score from which on a track is an example of somebody."""
GROWTH = 1.25
"""Trained anew when there are this many times the examples, or the names or the head changed."""


class Specialist:
    """Keeps the classifier of one store up to date."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._count = 0
        self._classifier: Classifier | None = None

    def classifier(
        self,
        reader: StoreReader,
        uid: I8,
        character: I8,
        acts: Acts,
        model: int,
        project: Callable[[NDArray[np.floating]], F4],
    ) -> Classifier | None:
        """The classifier for final labels ``character`` (n,) of tracks ``uid`` (n,).

        ``model`` numbers the head that ``project`` applies. None where nobody has a name, or
        there is nothing to tell apart.
        """
        named = {acts.resolve(c) for c in acts.names} - acts.ignored
        if not named:
            return None  # without a look at all tracks, of which a store may have millions
        held = int(np.isin(character, list(named)).sum())
        key = (model, tuple(sorted(named)), tuple(sorted(acts.ignored)), len(acts.placed))
        if key != self._key or held > GROWTH * self._count:
            self._key, self._count = key, held
            found = examples(reader, uid, character, acts, model, project)
            self._classifier = train(*found)
        return self._classifier


def train(vectors: F4, labels: I8, track: I8) -> Classifier | None:
    """The classifier of ``examples``; None where nobody has a name or there is no other class."""
    return fit(vectors, labels, track) if (labels >= 0).any() else None


def examples(
    reader: StoreReader,
    uid: I8,
    character: I8,
    acts: Acts,
    model: int,
    project: Callable[[NDArray[np.floating]], F4],
) -> tuple[F4, I8, I8]:
    """Unit vectors (m, d) of whole tracks, who they are (m,), and their tracks (m,).

    Who is a named character's id, ``OTHER`` or ``NOBODY``.
    """
    table = reader.tracks()
    final = np.full(len(table), -1, np.int64)
    place = {u: i for i, u in enumerate(uid.tolist())}
    at = np.array([place.get(u, -1) for u in table.uid.tolist()], np.int64)
    final[at >= 0] = character[at[at >= 0]]
    named = {acts.resolve(c) for c in acts.names} - acts.ignored
    ignored = list(acts.ignored)  # one that was merged into another is part of that one now
    sure = (table.score >= SURE) & (table.boxes >= 3)
    placed = np.isin(table.uid, list(acts.placed))
    chosen: list[tuple[I8, int]] = []
    for who in sorted(named):
        mine = np.flatnonzero((final == who) & (sure | placed))
        chosen.append((_even(mine, TRACKS), who))
    known = np.isin(final, [*named, *ignored])
    chosen.append((_even(np.flatnonzero(sure & (final >= 0) & ~known), STRANGERS), OTHER))
    junk = np.isin(final, ignored) | ((final < 0) & ~sure)
    chosen.append((_even(np.flatnonzero(junk), STRANGERS), NOBODY))
    lines = np.concatenate([lines for lines, _ in chosen])
    labels = np.concatenate([np.full(len(lines), who, np.int64) for lines, who in chosen])
    vectors = _looks(reader, table, lines, model, project)
    seen = vectors.any(axis=1)
    return vectors[seen], labels[seen], table.uid[lines][seen]


def _even(lines: I8, most: int) -> I8:
    if len(lines) <= most:
        return lines
    return lines[np.linspace(0, len(lines) - 1, most).round().astype(np.int64)]


def _looks(
    reader: StoreReader,
    table: TrackTable,
    lines: I8,
    model: int,
    project: Callable[[NDArray[np.floating]], F4],
) -> F4:
    """Unit mean vector (n, d) of some boxes of each track; zero where it has none."""
    picks = [
        first + np.unique(np.linspace(0, count - 1, min(count, VIEWS)).round().astype(np.int64))
        for first, count in zip(
            table.first_row[lines].tolist(), table.boxes[lines].tolist(), strict=True
        )
    ]
    if not picks:
        return np.zeros((0, 1), np.float32)
    rows = reader.rows_at(np.concatenate(picks))
    counts = np.array([len(p) for p in picks])
    old = np.repeat(table.model[lines] != model, counts)
    vectors = rows.vector
    if old.any():
        vectors = np.where(old[:, None], project(rows.features), vectors)
    sums = np.add.reduceat(vectors, np.cumsum(counts) - counts, axis=0)
    norm = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.maximum(norm, 1e-6), np.float32)
