"""From committed tracks to a published dictionary, once and again."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from caststream.learning.batchwise import BatchGrouping
from caststream.learning.characters import Acts, fold
from caststream.learning.classify import Classifier
from caststream.learning.finetune import Tuning
from caststream.learning.grouping import Grouping, Labels, Regrouping, Seen
from caststream.learning.specialise import Specialist
from caststream.messages import F4, I8, Tuned
from caststream.store import acts as act_log
from caststream.store import published
from caststream.store.lock import alone
from caststream.store.published import Published
from caststream.store.reader import StoreReader
from caststream.store.tables import Commit
from caststream.vision.embedder import Head, project, read_head, shipped_digest
from caststream.vision.leads import leading
from caststream.vision.opened import write_trunk

Method = Literal["caststream", "cast"]

PRIOR_CUT = 0.5
"""Similarity at which characters part for vectors of the shipped model."""


class Learner:
    """Holds the grouping of one store between regroupings."""

    _kind: ClassVar[type[Grouping]] = Grouping

    def __init__(self, store: str | Path, method: Method = "caststream", keep: float = 1.0) -> None:
        """Go on where the store's published model left off.

        ``method = "cast"`` groups as the paper does; ``keep`` is the share of samples that it
        keeps, largest clusters first.
        """
        self._method: Method = method
        self._keep = keep
        self._specialist = Specialist()
        self._store = Path(store)
        self._reader = StoreReader(store)
        self._revision = 0
        self._resume()

    def _resume(self) -> None:
        """Go on from the version in force: as the stream begins, and after a rollback."""
        latest = published.current(self._store) or Published()
        self._number = latest.number
        self._revision = max(self._revision, latest.revision)
        self.vectors = int(latest.meta.get("vectors", 0))
        """Number of the head that the vectors are made with, 0 for the shipped one."""
        self.head: Head = latest.head
        """Empty for the shipped one."""
        self._commit = -1
        self._grouping: Grouping | BatchGrouping | None = None
        self._adopt: Published | None = latest if latest.number else None
        """Whose ids to go on with once tracks were taken in anew."""
        if self._method == "caststream" and "micro_sums" in latest.extra:
            self._grouping = self._kind.from_arrays(latest.extra)
            # Versions that were rolled back gave ids as well, and people may have named them.
            self._grouping.next_id = max(self._grouping.next_id, self._free())
            self._commit = int(latest.meta.get("commit", -1))
            self._adopt = None
        self._characters = {int(c["id"]): dict(c) for c in latest.characters}
        self._tuned: dict[str, float] = latest.meta.get("tuned", {})

    def _free(self) -> int:
        """The first id that no version ever gave."""
        return published.highest_character(self._store) + 1

    @property
    def rows(self) -> int:
        """How many rows were taken in: what a fine-tuning of this moment may look at."""
        return self._reader.row_count

    def take_in(self) -> int:
        """Take in what was committed since the last time; returns how many tracks."""
        self._reader.refresh()
        if published.current_number(self._store) != self._number:
            self._resume()
        taken = 0
        for commit in self._reader.since(self._commit):
            taken += self._take(commit)
            self._commit = commit.number
        if self._adopt is not None and self._grouping is not None:
            given = max(int(self._adopt.extra.get("next_id", np.array([1]))[0]), self._free())
            self._grouping.adopt(self._adopt.label_uid, self._adopt.label_character, given)
            self._adopt = None
        return taken

    def _take(self, commit: Commit) -> int:
        tracks, rows = commit.tracks, commit.rows
        if not len(tracks):
            return 0
        vectors, features, owner = rows.vector, rows.features, rows.uid
        if self._grouping is None:
            self._grouping = (
                Grouping(vectors.shape[1], features.shape[1])
                if self._method == "caststream"
                else BatchGrouping(self._keep)
            )
        crops = rows.crop if self._method == "cast" else ()
        teaches = ~leading(rows.score, owner)
        for i, uid in enumerate(tracks.uid.tolist()):
            mine = (owner == uid) & teaches
            times = rows.time[mine]
            made = vectors[mine]
            if int(tracks.model[i]) != self.vectors:
                # Made by a head that is not in force, before a tuning or before a rollback.
                made = self._project(features[mine])
            self._grouping.add(
                Seen(
                    uid,
                    made,
                    features[mine],
                    float(times[-1] - times[0]),
                    float(tracks.score[i]),
                    float(tracks.start[i]),
                    tuple(crops[k] for k in np.flatnonzero(mine)) if crops else (),
                )
            )
        for one, other in commit.apart.tolist():
            self._grouping.apart(one, other)
        return len(tracks)

    def take_up(self, tuning: Tuning) -> Tuned:
        """Let a tuned model go live: everything known is made anew under it."""
        self.head = tuning.head
        self.vectors = 1 + max(self.vectors, published.highest_head(self._store))
        opened = tuning.opened
        if opened is not None:
            trunk = write_trunk(opened.trunk, shipped_digest())
            published.keep_trunk(self._store, self.vectors, trunk)
        if self._grouping is not None:
            self._grouping.reproject(self._project)
            if opened is not None and isinstance(self._grouping, Grouping):
                self._grouping.renew(opened.uid, opened.near, opened.vector)
        done = Tuned(
            self.vectors,
            tuning.pairs,
            tuning.loss,
            tuning.margin_before,
            tuning.margin_after,
        )
        self._tuned = {
            "model": done.model,
            "triplets": done.triplets,
            "loss": done.loss,
            "margin_before": done.margin_before,
            "margin_after": done.margin_after,
        }
        return done

    def _project(self, features: F4) -> F4:
        return project(features, self.head or read_head())

    def regroup(self) -> int:
        """Group anew and publish; returns the revision in force."""
        # People who split make ids too, under the same lock: none is given twice.
        with alone(self._store / "models" / "IDS"):
            grouping = self._grouping
            if grouping is None or published.current_number(self._store) != self._number:
                # Rolled back just now: the next look at the store goes on from there.
                return self._revision
            acts = fold(act_log.read(self._store))
            found = grouping.regroup(PRIOR_CUT, acts)
            self._revision += 1
            self._number = published.publish(self._store, self._publication(grouping, found, acts))
            return self._revision

    def _publication(
        self, grouping: Grouping | BatchGrouping, found: Regrouping, acts: Acts
    ) -> Published:
        # What was labelled anew since still tells what characters look like, and counts no more.
        labels = grouping.labels(without=self._reader.superseded())
        classifier = self._specialist.classifier(
            self._reader, labels.uid, acts.apply(labels.uid, labels.character), acts,
            self.vectors, self._project,
        )  # fmt: skip
        if classifier is not None and classifier.better:
            labels = _filled(labels, *grouping.unknown(), classifier)
        vectors, owners, weight = grouping.gallery()
        for character in np.unique(owners).tolist():
            self._characters.setdefault(character, {"id": character, "aliases": []})
        for gone, stays in found.merged:
            if gone in self._characters:
                self._characters.setdefault(stays, {"id": stays, "aliases": []})
                self._characters[stays]["aliases"].append(gone)
                self._characters[stays]["aliases"] += self._characters.pop(gone)["aliases"]
        return Published(
            revision=self._revision,
            head=self.head,
            prototypes=vectors,
            prototype_character=owners,
            prototype_weight=weight,
            label_uid=labels.uid,
            label_character=labels.character,
            label_confidence=labels.confidence,
            extra={
                **grouping.arrays(),
                **(classifier.arrays() if classifier is not None else {}),
                "label_seconds": labels.seconds,
                "label_start": labels.start,
                "split_uid": found.splits[0],
                "split_character": found.splits[1],
            },
            characters=tuple(self._characters.values()),
            thresholds={"cut": found.cut},
            meta={
                "vectors": self.vectors,
                "commit": self._commit,
                "highest": grouping.next_id - 1,
                "suggestions": found.suggestions,
                "tuned": self._tuned,
            },
        )

    def close(self) -> None:
        """Let go of the store's files."""
        self._reader.close()


def _filled(labels: Labels, uid: I8, vectors: F4, classifier: Classifier) -> Labels:
    """Give tracks that went to nobody, ``uid`` (m,) with vectors (m, d), to whom they look like."""
    if not len(uid) or not len(labels.uid):
        return labels
    who, sure = classifier.predict(vectors)
    at = np.searchsorted(labels.uid, uid)
    at = np.where((at < len(labels.uid)) & (who >= 0), at, -1)
    hit = (at >= 0) & (labels.uid[at] == uid) & (labels.character[at] < 0)
    labels.character[at[hit]] = who[hit]
    labels.confidence[at[hit]] = sure[hit]
    return labels
