"""What the page works on: one store, looked at and changed through one door.

Requests come on several threads, readers and editors are for one thread at a time: ``Desk.at_work``
lets one in, brought up to date.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from caststream.errors import UsageError
from caststream.learning.cast import Cast
from caststream.learning.characters import undone
from caststream.learning.edit import Editor, clean_name
from caststream.store import published
from caststream.store.acts import Act
from caststream.store.lock import writer
from caststream.store.schema import SourceInfo
from caststream.web.index import Index
from caststream.web.lookup import Lookup, Match
from caststream.web.onlooker import Onlooker
from caststream.web.pictures import Films, Kept, exemplar_crop
from caststream.web.proposals import Proposal, proposals
from caststream.web.roster import Member, Roster


@dataclass(frozen=True, slots=True)
class Version:
    """One published model in a line."""

    number: int
    head: int
    """Number of the head that makes its vectors, 0 as shipped."""
    characters: int
    tracks: int
    margins: tuple[float, float] | None
    """Share of held-back triplets that kept the margin before and after its tuning."""

    @classmethod
    def of(cls, store: Path, number: int) -> Version:
        """Read it; StoreError where it is not kept any more."""
        model = published.load(store, number)
        tuned = model.meta.get("tuned") or {}
        margins = (tuned["margin_before"], tuned["margin_after"]) if tuned else None
        head = int(model.meta.get("vectors", 0))
        return cls(number, head, len(model.characters), len(model.label_uid), margins)


class Desk:
    """One store on the table."""

    def __init__(self, store: str | Path) -> None:
        """Open it; raises as ``StoreReader`` does."""
        self.store = Path(store)
        self.tag = secrets.token_hex(4)
        """Stands in the addresses of pictures, which browsers keep: another store, another tag."""
        self._lock = threading.RLock()
        self.index = Index(self.store)
        self.editor = Editor(self.store)
        self.roster = Roster(self.index.tracks, self.editor.cast)
        self.films = Films()
        self._kept = Kept()
        self._together: dict[int, tuple[int, ...]] = {}
        """Last act of several that were one to the person -> all of them."""
        self._versions: dict[int, Version] = {}
        self.onlooker = Onlooker(self.store)
        self._lookup = Lookup()
        self._at_lookup = threading.Lock()
        self._proposed: list[Proposal] | None = None
        self.skipped: set[Hashable] = set()
        """Questions that were put off."""
        self.changes = 0
        """Rises whenever a view may look different."""

    @contextmanager
    def at_work(self) -> Iterator[Desk]:
        """Keep others out, and bring everything up to date."""
        with self._lock:
            self.refresh()
            yield self

    def refresh(self) -> int:
        """Take in what was committed, published or said since; returns ``changes``."""
        with self._lock:
            grown = self.index.refresh()
            self.editor.cast.refresh()
            if grown or self.roster.old:
                self.roster = Roster(self.index.tracks, self.editor.cast)
                self._proposed = None
                self.changes += 1
            return self.changes

    # --- acts ----------------------------------------------------------------------------------

    def together(self, acts: Sequence[Act]) -> Act:
        """Note that these acts were one to the person who did them; returns the last."""
        numbers = tuple(act.number for act in acts)
        if len(numbers) > 1:
            self._together[numbers[-1]] = numbers
        return acts[-1]

    def undo(self, number: int) -> None:
        """Take an act back, with those that were done together with it.

        Somebody else may have taken some of them back already.
        """
        gone = undone(self.editor.log())
        left = [n for n in self._together.get(number, ()) if n not in gone]
        for one in reversed(left or [number]):
            self.editor.undo(one)

    def act(self, number: int) -> Act:
        """An act by its number; UsageError where there is none such."""
        for act in self.editor.log():
            if act.number == number:
                return act
        raise UsageError(f"there is no act {number}")

    def last_act(self) -> Act | None:
        """The last act in force that is no undo itself."""
        acts = self.editor.log()
        gone = undone(acts)
        return next((a for a in reversed(acts) if a.kind != "undo" and a.number not in gone), None)

    def current(self, character: int) -> int:
        """The id that a character goes by now: views that were drawn before may show others."""
        cast = self.editor.cast
        return cast.acts.resolve(cast.aliases.get(character, character))

    def holder(self, name: str, character: int) -> Member | None:
        """Another character that has this name already, None where nobody has."""
        own = self.current(character)
        clean = clean_name(name) if name else ""
        named = (m for m in self.roster.members.values() if m.name and not m.ignored)
        return next((m for m in named if m.name == clean and m.id != own), None)

    def proposals(self) -> list[Proposal]:
        """Questions worth asking, the skipped ones left out; found anew after each change."""
        if self._proposed is None:
            self._proposed = proposals(self.index, self.roster)
        return [p for p in self._proposed if p.key not in self.skipped]

    def skip(self, key: Hashable | None) -> None:
        """Leave a question out for now; None asks all of them again."""
        self.skipped = set() if key is None else {*self.skipped, key}
        self.changes += 1

    def models(self) -> list[Version]:
        """The published models that can be returned to, newest first."""
        kept = published.versions(self.store)
        self._versions = {n: self._versions.get(n) or Version.of(self.store, n) for n in kept}
        return [self._versions[n] for n in reversed(kept)]

    @property
    def running(self) -> bool:
        """Whether a stream is writing this store."""
        if all(source.end is not None for source in self.index.sources()):
            return False
        return writer(self.store) is not None

    def look_up(self, picture: NDArray[np.uint8]) -> list[Match]:
        """Who is on a picture (H, W, 3); raises as ``Lookup.find`` does."""
        with self._at_lookup:
            cast = Cast(self.store)  # of its own, so that nobody waits for the networks
            sources = self.index.sources()
            embedder = sources[-1].models.get("embedder") if sources else None
            return self._lookup.find(picture, cast, embedder)

    # --- pictures ------------------------------------------------------------------------------

    def crop(self, uid: int) -> bytes:
        """The most typical crop of a track as JPEG, empty where none is kept.

        KeyError where the store has no such track.
        """

        def read() -> bytes:
            with self._lock:
                at = int(self.index.places(np.array([uid]))[0])
                if at < 0:
                    raise KeyError(f"track {uid}")
                tracks = self.index.tracks
                return exemplar_crop(
                    self.index.reader,
                    int(tracks.first_row[at]),
                    int(tracks.boxes[at]),
                    int(tracks.exemplar[at]),
                )

        return self._kept.get(("crop", uid), read)

    def still(self, source: SourceInfo, frame: int, seconds: float) -> bytes:
        """A picture of the film as JPEG; InputError where it cannot be had."""
        return self._kept.get(
            ("still", source.id, frame), lambda: self.films.still(source, seconds)
        )

    def key(self, source: SourceInfo, shot: int, start: float, end: float) -> bytes:
        """A picture of a shot as JPEG; InputError where it cannot be had."""
        return self._kept.get(("key", source.id, shot), lambda: self.films.key(source, start, end))

    def close(self) -> None:
        """Let go of the store and the films."""
        with self._lock:
            self.index.close()
            self.films.close()
