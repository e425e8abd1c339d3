"""From committed tracks to a published dictionary, once and again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from caststream.learning.characters import fold
from caststream.learning.grouping import Grouping, Seen
from caststream.store import acts as act_log
from caststream.store import published
from caststream.store.lock import alone
from caststream.store.published import Published
from caststream.store.reader import StoreReader
from caststream.store.tables import Commit

PRIOR_CUT = 0.5
"""Similarity at which characters part for vectors of the shipped model."""


class Learner:
    """Holds the grouping of one store between regroupings."""

    def __init__(self, store: str | Path) -> None:
        self._store = Path(store)
        self._reader = StoreReader(store)
        latest = published.current(store) or Published()
        self._revision = latest.revision
        self._vectors = int(latest.meta.get("vectors", 0))
        self._head = latest.head
        self._commit = int(latest.meta.get("commit", -1))
        self.grouping = (
            Grouping.from_arrays(latest.extra) if "micro_sums" in latest.extra else Grouping()
        )
        self._characters = {int(c["id"]): dict(c) for c in latest.characters}

    def take_in(self) -> int:
        """Take in what was committed since the last time; returns how many tracks."""
        self._reader.refresh()
        taken = 0
        for commit in self._reader.since(self._commit):
            taken += self._take(commit)
            self._commit = commit.number
        return taken

    def _take(self, commit: Commit) -> int:
        tracks, rows = commit.tracks, commit.rows
        if not len(tracks):
            return 0
        vectors, owner = rows.vector, rows.uid
        for i, uid in enumerate(tracks.uid.tolist()):
            if int(tracks.model[i]) != self._vectors:
                continue
            self.grouping.add(
                Seen(
                    uid,
                    vectors[owner == uid],
                    float(tracks.end[i] - tracks.start[i]),
                    float(tracks.score[i]),
                    float(tracks.start[i]),
                )
            )
        for one, other in commit.apart.tolist():
            self.grouping.apart(one, other)
        return len(tracks)

    def regroup(self) -> int:
        """Group anew and publish; returns the new revision."""
        # People who split make ids too, under the same lock: none is given twice.
        with alone(self._store / "models" / "IDS"):
            return self._regroup()

    def _regroup(self) -> int:
        acts = fold(act_log.read(self._store))
        found = self.grouping.regroup(PRIOR_CUT, acts)
        labels = self.grouping.labels()
        vectors, owners, weight = self.grouping.gallery()
        for character in np.unique(owners).tolist():
            self._characters.setdefault(character, {"id": character, "aliases": []})
        for gone, stays in found.merged:
            if gone in self._characters:
                self._characters.setdefault(stays, {"id": stays, "aliases": []})
                self._characters[stays]["aliases"].append(gone)
                self._characters[stays]["aliases"] += self._characters.pop(gone)["aliases"]
        self._revision += 1
        published.publish(
            self._store,
            Published(
                revision=self._revision,
                head=self._head,
                prototypes=vectors,
                prototype_character=owners,
                prototype_weight=weight,
                label_uid=labels.uid,
                label_character=labels.character,
                label_confidence=labels.confidence,
                extra={
                    **self.grouping.arrays(),
                    "label_seconds": labels.seconds,
                    "label_start": labels.start,
                },
                characters=tuple(self._characters.values()),
                thresholds={"cut": found.cut},
                meta={
                    "vectors": self._vectors,
                    "commit": self._commit,
                    "merged": found.merged,
                    "suggestions": found.suggestions,
                },
            ),
        )
        return self._revision

    def close(self) -> None:
        """Let go of the store's files."""
        self._reader.close()
