"""The last word on every track of a store: the published labels with what people did over them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from caststream.learning.characters import Acts, fold
from caststream.messages import F4, I8, CharacterSummary
from caststream.store import acts, published
from caststream.store.tables import TrackTable


@dataclass(frozen=True, slots=True)
class FinalLabels:
    """Characters, names and confidence by track, as of one moment."""

    number: int
    """Published model that they come from, 0 where nothing was published."""
    revision: int
    """Of the dictionary."""
    _uid: I8
    _character: I8
    _confidence: F4
    _acts: Acts

    @classmethod
    def of(cls, path: str | Path) -> FinalLabels:
        """Those in force in the store at ``path``."""
        model = published.current(path) or published.Published()
        order = np.argsort(model.label_uid)
        return cls(
            model.number,
            model.revision,
            model.label_uid[order],
            model.label_character[order],
            model.label_confidence[order],
            fold(acts.read(path)),
        )

    def characters(self, uid: I8) -> tuple[I8, F4]:
        """Character (n,) of each track, -1 for none, and how sure that is (n,) in 0..1.

        What a person placed is sure; tracks that came after the model was published, and
        characters that a person ignores, have none.
        """
        character = np.full(len(uid), -1, np.int64)
        confidence = np.zeros(len(uid), np.float32)
        place = np.searchsorted(self._uid, uid)
        known = place < len(self._uid)
        known[known] = self._uid[place[known]] == uid[known]
        character[known] = self._character[place[known]]
        confidence[known] = self._confidence[place[known]]
        confidence[np.isin(uid, list(self._acts.placed))] = 1.0
        final = self._acts.apply(uid, character)
        ignored = [self._acts.resolve(c) for c in self._acts.ignored]
        final[np.isin(final, ignored)] = -1
        confidence[final < 0] = 0.0
        return final, confidence

    def name(self, character: int) -> str | None:
        """What people call a character."""
        return self._acts.name_of(character)

    def summaries(self, tracks: TrackTable) -> tuple[CharacterSummary, ...]:
        """The characters of these tracks, in the order of their ids."""
        character, _ = self.characters(tracks.uid)
        seconds = tracks.end - tracks.start
        return tuple(
            CharacterSummary(
                id=int(number),
                name=self.name(int(number)),
                tracks=int(mine.sum()),
                seconds=float(seconds[mine].sum()),
                first_time=float(tracks.start[mine].min()),
            )
            for number in np.unique(character[character >= 0])
            if (mine := character == number).any()
        )
