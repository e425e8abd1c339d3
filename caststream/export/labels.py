"""The last word on every track of a store: the published labels with what people did over them."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np

from caststream.learning.cast import Cast
from caststream.messages import F4, I8, CharacterSummary, character_text
from caststream.store.tables import TrackTable


class FinalLabels:
    """Characters, names and confidence by track, as of one moment."""

    def __init__(self, store: str | Path) -> None:
        """Take those in force in the store."""
        self._cast = Cast(store)
        published = self._cast.published
        self.number = published.number
        """Published model that they come from, 0 where nothing was published."""
        self.revision = published.revision
        """Of the dictionary."""
        self._names = set(self._cast.acts.names.values())

    def characters(self, uid: I8) -> tuple[I8, F4]:
        """Character (n,) of each track, -1 for none, and how sure that is (n,) in 0..1.

        What a person placed is sure; tracks that came after the model was published, and
        characters that a person ignores, have none.
        """
        final, confidence = self._cast.of_tracks(uid)
        acts = self._cast.acts
        final[np.isin(final, [acts.resolve(c) for c in acts.ignored])] = -1
        confidence[final < 0] = 0.0
        return final, confidence

    def splits(self) -> dict[int, list[int]]:
        """Named characters that may be two -> the tracks that may be somebody else."""
        return self._cast.splits()

    def name(self, character: int) -> str | None:
        """What people call a character."""
        return self._cast.name(character)

    def resolve(self, character: I8) -> I8:
        """The ids (n,) that people's merges make of published ones (n,)."""
        acts = self._cast.acts
        return np.array([acts.resolve(int(c)) for c in character], np.int64)

    def title(self, character: int) -> str:
        """One line that tells a character from others: its name, else its id.

        Two characters may share a name; then they share a title too, since people said so.
        """
        name = " ".join(writable(self.name(character) or "").split())
        if name:
            return name
        own = character_text(character) or ""
        return f"{own} (unnamed)" if own in self._names else own

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


def writable(text: str) -> str:
    """Text with a space for each character that XML has no way to write (XML 1.0, 2.2)."""
    barred = "\ufffe\uffff"
    return "".join(
        " " if unicodedata.category(c) in ("Cc", "Cs") or c in barred else c for c in text
    )
