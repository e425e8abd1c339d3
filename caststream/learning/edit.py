"""What people may do to the dictionary: checked, then appended to the store's log of acts.

Nothing is overwritten: every act can be undone, and a running stream takes it up at once.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from caststream.errors import UsageError
from caststream.learning.cast import Cast
from caststream.learning.characters import undone
from caststream.messages import character_text
from caststream.store import acts as act_log
from caststream.store import published
from caststream.store.acts import Act
from caststream.store.lock import alone
from caststream.store.schema import make_uid, split_uid

MAX_NAME = 200
"""Characters; longer ones are no names."""
_DIGITS = 18
"""Of a number that 64 bits hold for certain."""


class Editor:
    """Acts on the dictionary of one store; several people may do so at once."""

    def __init__(self, store: str | Path) -> None:
        """Open; StoreError where there is no store."""
        self._store = Path(store)
        act_log.read(store)
        self.cast = Cast(store)

    def name(self, character: int, name: str, *, also: bool = False) -> Act:
        """Name a character; an empty name takes its name away.

        Raises ``UsageError`` for an unknown character, for what cannot be a name, and for a name
        that another one has already, unless ``also`` says that both shall have it.
        """
        clean = clean_name(name) if name else ""
        self._known(character)
        other = None if also else self._holder(clean, self._resolved(character))
        if other is not None:
            one, two = character_text(character), character_text(other)
            raise UsageError(
                f'{two} is called "{clean}" already: merge {one} {two} makes them one,'
                " --also lets both have the name"
            )
        return self._append("name", {"character": character, "name": clean})

    def merge(self, gone: int, into: int) -> Act:
        """Make two characters one, which keeps the second's id and either's name."""
        self._known(gone)
        self._known(into)
        if self._resolved(gone) == self._resolved(into):
            raise UsageError(f"{character_text(gone)} and {character_text(into)} are one already")
        return self._append("merge", {"from": gone, "into": into})

    def split(self, tracks: Sequence[int]) -> Act:
        """Make a character of its own of some tracks (uids); the act tells its new id."""
        self._known_tracks(tracks)
        # The learner gives out ids as well, under the same lock: none is given twice.
        with alone(self._store / "models" / "IDS"):
            self.cast.refresh()
            given = self.cast.published.extra.get("next_id", np.array([1]))
            ever = max(published.highest_character(self._store), self.cast.acts.highest)
            into = max(int(given[0]), ever + 1)
            return self._append("split", {"tracks": list(tracks), "into": into})

    def move(self, tracks: Sequence[int], into: int) -> Act:
        """Put some tracks (uids) into another character."""
        self._known_tracks(tracks)
        self._known(into)
        return self._append("move", {"tracks": list(tracks), "into": into})

    def not_this(self, tracks: Sequence[int], character: int) -> Act:
        """Say that some tracks (uids) are not this character, whoever else they are."""
        self._known_tracks(tracks)
        self._known(character)
        return self._append("not_this", {"tracks": list(tracks), "character": character})

    def apart(self, one: int, other: int) -> Act:
        """Say that two characters are not one: they are neither merged nor suggested again."""
        self._known(one)
        self._known(other)
        if self._resolved(one) == self._resolved(other):
            raise UsageError(f"{character_text(one)} and {character_text(other)} are one already")
        return self._append("apart", {"one": one, "other": other})

    def whole(self, character: int) -> Act:
        """Say that a character is one: to split off what was suggested is not suggested again."""
        self._known(character)
        tracks = self.cast.splits().get(self._resolved(character))
        if tracks is None:
            raise UsageError(f"nobody suggests to split {character_text(character)}; info lists it")
        return self._append("whole", {"tracks": tracks, "character": character})

    def ignore(self, character: int, ignored: bool = True) -> Act:
        """Leave a character out of all labels from now on, or take it in again."""
        self._known(character)
        return self._append("ignore", {"character": character, "ignored": ignored})

    def undo(self, number: int | None = None) -> Act:
        """Take an act back, by default the last one that is in force and no undo itself."""
        acts = self.log()
        gone = undone(acts)
        if number is None:
            live = [a.number for a in acts if a.kind != "undo" and a.number not in gone]
            if not live:
                raise UsageError("there is nothing to undo")
            number = live[-1]
        elif number not in {a.number for a in acts}:
            raise UsageError(f"there is no act {number}; log lists them")
        elif number in gone:
            raise UsageError(f"act {number} is undone already")
        return self._append("undo", {"act": number})

    def log(self) -> list[Act]:
        """All acts, oldest first, undone ones too."""
        return act_log.read(self._store)

    def _append(self, kind: act_log.Kind, arguments: dict[str, object]) -> Act:
        act = act_log.append(self._store, kind, arguments)
        self.cast.refresh()
        return act

    def _holder(self, name: str, but: int) -> int | None:
        """Another character in the labels that has this name already."""
        acts, labels = self.cast.acts, self.cast.labels
        for other, called in acts.names.items():
            held = called == name and other not in (but, *acts.ignored)
            if held and name and acts.resolve(other) == other and other in labels:
                return other
        return None

    def _resolved(self, character: int) -> int:
        return self.cast.acts.resolve(self.cast.aliases.get(character, character))

    def _known(self, character: int) -> None:
        labels = self.cast.labels
        if self._resolved(character) not in labels and character not in self.cast.acts.minted:
            count = len(np.unique(labels[labels >= 0]))
            raise UsageError(
                f"there is no character {character_text(character)} among the {count} of"
                f" {self._store}; info lists them"
            )

    def _known_tracks(self, tracks: Sequence[int]) -> None:
        if not tracks:
            raise UsageError("give at least one track, as source:track")
        _, known = self.cast.published_labels(np.array(tracks, np.int64))
        for uid in np.array(tracks)[~known].tolist():
            raise UsageError(f"there is no track {track_text(uid)} in {self._store}")


def clean_name(name: str) -> str:
    """A name without stray white space; any script will do.

    Raises ``UsageError`` for more than one line, control characters, or more than ``MAX_NAME``.
    """
    clean = unicodedata.normalize("NFC", name).strip()
    if not clean:
        raise UsageError("a name needs at least one character that can be seen")
    if len(clean) > MAX_NAME:
        raise UsageError(f"a name of {len(clean)} characters is too long; {MAX_NAME} is the most")
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in clean):
        raise UsageError("a name is one line without control characters")
    return clean


def read_character(text: str) -> int:
    """``"c7"`` or ``"7"`` -> 7; UsageError for anything else."""
    digits = text.strip().lower().removeprefix("c")
    if not digits.isdecimal() or len(digits) > _DIGITS:
        raise UsageError(f'"{text}" is no character; write it as c7')
    return int(digits)


def read_track(text: str) -> int:
    """``"2:17"`` -> the uid of track 17 of source 2; UsageError for anything else."""
    source, colon, track = text.partition(":")
    numbers = source.isdecimal() and track.isdecimal() and len(source + track) <= 2 * _DIGITS
    if not (colon and numbers and int(source) >> 31 == 0 and int(track) >> 32 == 0):
        raise UsageError(f'"{text}" is no track; write it as source:track, such as 1:17')
    return make_uid(int(source), int(track))


def track_text(uid: int) -> str:
    """The inverse of ``read_track``."""
    return "{}:{}".format(*split_uid(uid))
