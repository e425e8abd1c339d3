"""The dictionary as people see it: the machine's published labels with people's acts on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from caststream.learning.characters import Acts, fold
from caststream.learning.classify import Classifier
from caststream.learning.confidence import recognised
from caststream.messages import F4, I8, CharacterSummary
from caststream.store import acts as act_log
from caststream.store import published
from caststream.store.published import Published

_OTHERS = ("micro_", "pending", "span")
"""What a published version holds for the learner alone: tens of megabytes after some hours."""
MIN_CONFIDENCE = 0.4
"""Under this a character stays unknown rather than being guessed. The confidence is modest: what it
says of 0.4 to 0.5 was right more often than not, see docs/identity.md."""
HELD = 0.1
"""Confidence that another one needs above who goes by a character, to go by it instead."""
NEAR = 8
"""Nearest looks that are asked whose they are."""
OTHERS = 3
"""Characters that somebody is compared with in full, the nearest ones."""
LOYAL = 0.05
"""Similarity that a track's character so far is ahead of itself: it stays in doubt, and another one
has to be clearly nearer. A name that comes and goes is worse than one that comes late."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who somebody is."""

    character: int | None
    confidence: float


UNKNOWN = Verdict(None, 0.0)


class Cast:
    """The dictionary of one store; without a store nobody is known.

    Not to be shared between threads.
    """

    def __init__(self, store: str | Path | None) -> None:
        self._store = None if store is None else Path(store)
        self.published = Published()
        self.acts = Acts()
        self._classifier: Classifier | None = None
        self._acts_stamp: tuple[int, int] | None = None
        self._final: I8 = self.published.label_character
        self._owners: I8 = self.published.prototype_character
        self._ids: I8 = self._owners
        self._place: I8 = self._owners
        """Where each prototype's owner stands among the ids."""
        self._means: F4 = self.published.prototypes
        self.refresh()

    # --- keeping up ---------------------------------------------------------------------------

    def refresh(self) -> bool:
        """Take up what was published or said since; true where there was something."""
        if self._store is None:
            return False
        number = published.current_number(self._store)
        fresh = number != self.published.number
        if fresh:
            self.published = published.current(self._store, _OTHERS) or Published()
            extra = self.published.extra
            held = "classifier_limits" in extra
            self._classifier = Classifier.from_arrays(extra) if held else None
        return self.refresh_acts(anyway=fresh) or fresh

    def refresh_acts(self, anyway: bool = False) -> bool:
        """Take up only what people said; a glance at one file where nothing is new."""
        if self._store is None:
            return False
        try:
            stat = (self._store / act_log.FILE).stat()
            stamp = (stat.st_size, stat.st_mtime_ns)
        except FileNotFoundError:
            stamp = (0, 0)
        if stamp == self._acts_stamp and not anyway:
            return False
        if stamp != self._acts_stamp:
            self.acts = fold(act_log.read(self._store)) if stamp != (0, 0) else Acts()
            self._acts_stamp = stamp
        self._final = self.acts.apply(self.published.label_uid, self.published.label_character)
        self._owners = np.array(
            [self.acts.resolve(int(c)) for c in self.published.prototype_character], np.int64
        )
        self._ids, self._place = np.unique(self._owners, return_inverse=True)
        self._means = self._gathered()
        return True

    def _gathered(self) -> F4:
        """Mean of all looks of each character (K, d), by time; shorter the less they agree."""
        weight = self.published.prototype_weight
        time = np.bincount(self._place, weight, len(self._ids))
        looks = np.zeros((len(time), self.published.prototypes.shape[1]), np.float32)
        np.add.at(looks, self._place, self.published.prototypes * weight[:, None])
        return np.asarray(looks / np.maximum(time, 1e-6)[:, None], np.float32)

    # --- who is who ---------------------------------------------------------------------------

    @property
    def vectors(self) -> int:
        """Number of the model whose vectors this dictionary can be compared with."""
        return int(self.published.meta.get("vectors", 0))

    @property
    def labels(self) -> I8:
        """(T,) final id of each of ``published.label_uid``, -1 for none."""
        return self._final

    def name(self, character: int | None) -> str | None:
        """The name that a person gave, None where nobody did."""
        return None if character is None else self.acts.name_of(character)

    @property
    def aliases(self) -> dict[int, int]:
        """Ids that go by another one now, merged by the machine or by people."""
        machine = {int(a): int(c["id"]) for c in self.published.characters for a in c["aliases"]}
        merged = {a: self.acts.resolve(b) for a, b in machine.items()}
        return merged | {a: self.acts.resolve(a) for a in self.acts.joined}

    def published_labels(self, uid: I8) -> tuple[I8, NDArray[np.bool_]]:
        """Final character (n,) of each track, -1 for none, and whether it was published (n,)."""
        uids = self.published.label_uid
        place = np.searchsorted(uids, uid)
        known = place < len(uids)
        known[known] = uids[place[known]] == uid[known]
        final = np.full(len(uid), -1, np.int64)
        final[known] = self._final[place[known]]
        return final, known

    def of_tracks(self, uid: I8) -> tuple[I8, F4]:
        """Final character (n,) of each track, -1 for none, and how sure that is (n,) in 0..1.

        What a person placed is sure; tracks that came after the model was published have none.
        Ignored characters are in it.
        """
        uids = self.published.label_uid
        machine = np.full(len(uid), -1, np.int64)
        confidence = np.zeros(len(uid), np.float32)
        order = np.argsort(uids, kind="stable")
        place = np.searchsorted(uids, uid, sorter=order)
        known = place < len(uids)
        place[known] = order[place[known]]
        known[known] = uids[place[known]] == uid[known]
        machine[known] = self.published.label_character[place[known]]
        confidence[known] = self.published.label_confidence[place[known]]
        confidence[np.isin(uid, list(self.acts.placed))] = 1.0
        final = self.acts.apply(uid, machine)
        confidence[final < 0] = 0.0
        return final, confidence

    def recognise(self, vector: F4, model: int, called: int | None = None) -> Verdict:
        """Compare a track's mean vector (d,) of model ``model`` with the gallery.

        ``called`` is the character that the track went by so far, which it goes by a little more
        readily. The specialised classifier has the word where it is better than nearest prototypes.
        """
        return self.candidates(vector, model, called)[0]

    def candidates(self, vector: F4, model: int, called: int | None = None) -> list[Verdict]:
        """What ``recognise`` says, then who it may be if somebody else is that, the nearest first.

        These are as convincing as the first has to be; there may be none.
        """
        called = None if called is None else self.acts.resolve(called)
        ranked = self._ranked(vector, model, None, called, OTHERS)
        if not ranked:
            return [UNKNOWN]
        nearest: list[Verdict] = []
        for above, agree, character in ranked:
            enough = recognised(above, agree) >= MIN_CONFIDENCE
            ahead = LOYAL if character == called else 0.0
            if enough or not nearest:
                given = character if enough else None
                nearest.append(Verdict(given, recognised(above - ahead, agree)))
            if nearest[0].character is None:
                break
        if self._classifier is None or not self._classifier.better:
            return nearest
        # It knows only who has a name: whom it does not call so may still be somebody without one.
        classes = {self.acts.resolve(c) for c in self._classifier.character.tolist()}
        nameless = [v for v in nearest if v.character is not None and v.character not in classes]
        unit = np.asarray(vector / np.linalg.norm(vector), np.float32)
        who, chance = self._classifier.predict(unit[None])
        if who[0] >= 0:
            return [Verdict(self.acts.resolve(int(who[0])), float(chance[0])), *nameless]
        return [UNKNOWN] if nearest[0].character in classes else nearest

    def nearest(
        self, vector: F4, model: int, without: int | None = None
    ) -> tuple[float, float, int] | None:
        """How far a track's nearest character lies above the cut, how much agrees, and its id.

        A character is as near as half its nearest look and half all of its looks: the nearest one
        alone is often a pose that others have too. What agrees is the share of the ``NEAR`` nearest
        looks that are its own. None without a gallery of that model's vectors, or for a vector (d,)
        of nothing. It is as if the dictionary did not hold the character ``without``.
        """
        found = self._ranked(vector, model, without, None, 1)
        return found[0] if found else None

    def _ranked(
        self, vector: F4, model: int, without: int | None, called: int | None, most: int
    ) -> list[tuple[float, float, int]]:
        """The ``most`` nearest, as ``nearest`` has one; as if ``called`` were ``LOYAL`` nearer."""
        norm = float(np.linalg.norm(vector))
        if not len(self._owners) or model != self.vectors or norm < 1e-6:
            return []
        unit = np.asarray(vector / norm, np.float32)
        looks = self.published.prototypes @ unit
        if without is not None:
            looks = np.where(self._owners == without, -np.inf, looks)
        best = np.full(len(self._ids), -np.inf, np.float32)
        np.maximum.at(best, self._place, looks)
        near = (best + self._means @ unit) / 2
        if called is not None:
            near[self._ids == called] += LOYAL
        rank = np.argsort(-looks, kind="stable")[:NEAR]
        rank = rank[np.isfinite(looks[rank])]
        cut = self.published.thresholds.get("cut", 0.5)
        return [
            (float(near[k]) - cut, float(np.mean(self._place[rank] == k)), int(self._ids[k]))
            for k in np.argsort(-near, kind="stable")[:most].tolist()
            if np.isfinite(near[k])
        ]

    def splits(self) -> dict[int, list[int]]:
        """Named characters that may be two -> the tracks (uids) that may be somebody else.

        What people said since is left out: tracks that they put elsewhere, and characters of which
        they said that they are one.
        """
        extra, acts = self.published.extra, self.acts
        if "split_uid" not in extra:
            return {}
        whose = np.array([acts.resolve(int(c)) for c in extra["split_character"]], np.int64)
        final, _ = self.published_labels(extra["split_uid"])
        refused = {acts.resolve(character) for _, character in acts.whole}
        said = {track for track, _ in acts.whole}
        found = {}
        for one in np.unique(whose[final == whose]).tolist():
            tracks = extra["split_uid"][(final == whose) & (whose == one)].tolist()
            known = one in refused and not said.isdisjoint(tracks)
            if not known and one not in acts.ignored and acts.name_of(one):
                found[one] = tracks
        return found

    def summaries(self) -> tuple[CharacterSummary, ...]:
        """One line a character, most screen time first; ignored ones are left out."""
        extra = self.published.extra
        if "label_seconds" not in extra:
            return ()
        ids, first, whose, tracks = np.unique(
            self._final, return_index=True, return_inverse=True, return_counts=True
        )
        seconds = np.bincount(whose, extra["label_seconds"], len(ids))
        lines = [
            CharacterSummary(
                character,
                self.name(character),
                int(tracks[place]),
                float(seconds[place]),
                float(extra["label_start"][first[place]]),
            )
            for place, character in enumerate(ids.tolist())
            if character >= 0 and character not in self.acts.ignored
        ]
        return tuple(sorted(lines, key=lambda line: (-line.seconds, line.id)))


def one_each(
    candidates: Sequence[Sequence[Verdict]],
    beside: NDArray[np.bool_],
    before: Sequence[int | None] = (),
) -> list[Verdict]:
    """Call nobody by a character that a surer one beside it goes by, but by the next of its own.

    ``candidates`` are those of each of the n, at least one, as ``Cast.candidates`` has them.
    ``beside`` (n, n) is symmetric: which of the n were seen in one picture. ``before`` is what each
    of the n went by so far, if that is known: who went by it already keeps it from one that is
    hardly surer. Look-alikes side by side were the greater half of what regroupings took back.
    """
    kept = [ranked[0] for ranked in candidates]

    def turn(i: int, place: int) -> tuple[float, int, int]:
        """The surest first, of equals the first of them."""
        verdict = candidates[i][place]
        held = i < len(before) and before[i] is not None and before[i] == verdict.character
        return -verdict.confidence - HELD * held, i, place

    waiting = [turn(i, 0) for i, verdict in enumerate(kept) if verdict.character is not None]
    heapify(waiting)
    goes: dict[int, list[int]] = {}
    while waiting:
        _, i, place = heappop(waiting)
        verdict = candidates[i][place]
        assert verdict.character is not None, "only the first may be nobody"
        holders = goes.setdefault(verdict.character, [])
        if not any(beside[i, j] for j in holders):
            holders.append(i)
            kept[i] = verdict
        elif place + 1 < len(candidates[i]):
            heappush(waiting, turn(i, place + 1))
        else:
            kept[i] = UNKNOWN
    return kept
