"""Says who is who, at once and again when more is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from caststream.graph.node import Node
from caststream.messages import (
    Context,
    Dictionary,
    Labelled,
    LabelledTracks,
    Marker,
    ShotEnd,
    StreamEnd,
    StreamStart,
    Tracked,
    Tracks,
    Tuned,
)
from caststream.nodes.said import Said

if TYPE_CHECKING:
    from caststream.learning.cast import Cast, Verdict

MIN_BOXES = 3
"""A track is compared with the gallery once it has this many boxes."""


class _Looks:
    """What one online track has looked like so far."""

    __slots__ = ("called", "count", "model", "sum")

    def __init__(self, model: int) -> None:
        self.count = 0
        self.model = model
        self.sum: np.ndarray = np.zeros(0, np.float32)
        self.called: int | None = None


class Label(Node):
    """Compare tracks with the published gallery; unknown stays unknown rather than guessed."""

    def __init__(self) -> None:
        self._cast: Cast | None = None
        self._context: Context | None = None
        self._online: dict[int, _Looks] = {}
        self._said = Said()
        self._aliases: set[int] = set()
        self._revision = 0

    def open(self, context: Context) -> None:
        """Remember the store; the dictionary is read when the stream starts."""
        self._context = context

    def mark(self, marker: Marker) -> Iterator[Dictionary]:
        """A new source begins with the dictionary of all that were before it."""
        if isinstance(marker, StreamStart):
            from caststream.learning.cast import Cast

            assert self._context is not None, "open comes first"
            self._cast = Cast(self._context.store)
            self._tell()
            self._revision = self._cast.published.revision
            self._aliases = set(self._cast.aliases)
            self._online.clear()
            self._said = Said()
        return iter(())

    def process(
        self, message: Tracked | Tracks
    ) -> Iterator[Labelled | LabelledTracks | Dictionary | Tuned]:
        """Label one picture's boxes, or the finished tracks of a shot."""
        assert self._cast is not None, "a stream starts before its messages"
        if self._cast.refresh_acts():
            yield self._dictionary()
        if isinstance(message, Tracked):
            yield self._frame(message)
        else:
            yield self._tracks(message)

    def _frame(self, message: Tracked) -> Labelled:
        from caststream.learning.cast import one_each

        verdicts = [
            self._look(int(track), message.embedded.vectors[i], message.embedded.model)
            for i, track in enumerate(message.tracks)
        ]
        looks = [self._online.get(int(track)) for track in message.tracks]
        before = [one.called if one else None for one in looks]
        verdicts = one_each(verdicts, ~np.eye(len(verdicts), dtype=bool), before)
        said = {verdict.character for verdict in verdicts} - {None}
        for one, verdict in zip(looks, verdicts, strict=True):
            if one and (verdict.character is not None or one.called in said):
                one.called = verdict.character
        labelled = Labelled(message, *self._columns(verdicts))
        assert self._context is not None
        self._context.vitals.newest = labelled
        return labelled

    def _look(self, track: int, vector: np.ndarray, model: int) -> Verdict:
        from caststream.learning.cast import UNKNOWN

        assert self._cast is not None
        if track < 0:
            return UNKNOWN
        looks = self._online.setdefault(track, _Looks(model))
        looks.sum = vector.copy() if looks.count == 0 else looks.sum + vector
        looks.count += 1
        if looks.count < MIN_BOXES:
            return UNKNOWN
        return self._cast.recognise(looks.sum, looks.model, looks.called)

    def _tracks(self, message: Tracks) -> LabelledTracks:
        from caststream.learning.cast import one_each

        assert self._cast is not None
        verdicts = []
        for track in message.tracks:
            vectors = message.rows.vector[message.rows.track == track.id]
            verdicts.append(self._cast.recognise(vectors.sum(axis=0), message.model))
        verdicts = one_each(verdicts, _beside(message))
        for track, verdict in zip(message.tracks, verdicts, strict=True):
            self._said.say(track.id, verdict.character)
        self._said.forget()
        return LabelledTracks(message, *self._columns(verdicts))

    def _columns(
        self, verdicts: list[Verdict]
    ) -> tuple[tuple[int | None, ...], tuple[str | None, ...], np.ndarray]:
        assert self._cast is not None
        cast = self._cast
        ignored = cast.acts.ignored
        who = tuple(None if v.character in ignored else v.character for v in verdicts)
        return (
            who,
            tuple(cast.name(c) for c in who),
            np.array([v.confidence for v in verdicts], np.float32),
        )

    def end_shot(self, end: ShotEnd) -> Iterator[Dictionary | Tuned]:
        """Forget the shot's tracks, and pick up what was published meanwhile."""
        self._online.clear()
        yield from self._pick_up()

    def end_stream(self, end: StreamEnd) -> Iterator[Dictionary | Tuned]:
        """Pick up the last dictionary."""
        yield from self._pick_up()

    def close(self) -> None:
        """Let go of the picture that was on show."""
        if self._context is not None:
            self._context.vitals.newest = None

    def _tell(self) -> None:
        assert self._cast is not None and self._context is not None
        cast, process = self._cast, self._context.process
        lines = cast.summaries()
        process.characters, process.named = len(lines), sum(1 for one in lines if one.name)
        process.revision, process.model = cast.published.revision, cast.vectors

    def _pick_up(self) -> Iterator[Dictionary | Tuned]:
        if self._cast is None:
            return
        before = self._cast.vectors
        if not self._cast.refresh():
            return
        if self._cast.vectors > before:
            yield Tuned(**self._cast.published.meta["tuned"])
        yield self._dictionary()

    def _dictionary(self) -> Dictionary:
        """What the newest dictionary changes; the revision rises with every one that goes out."""
        from caststream.store.schema import make_uids

        assert self._cast is not None and self._context is not None
        self._tell()
        tracks, before = self._said.columns()
        final, known = self._cast.published_labels(make_uids(self._context.source, tracks))
        now = np.where(np.isin(final, list(self._cast.acts.ignored)), -1, final)
        relabelled = []
        for place in np.flatnonzero(known & (now != before)).tolist():
            track, was, who = (int(column[place]) for column in (tracks, before, now))
            self._said.say(track, _somebody(who))
            relabelled.append((track, _somebody(was), _somebody(who)))
        merged = tuple((a, b) for a, b in self._cast.aliases.items() if a not in self._aliases)
        self._aliases = set(self._cast.aliases)
        self._revision += 1
        return Dictionary(self._revision, self._cast.summaries(), tuple(relabelled), merged)


def _somebody(character: int) -> int | None:
    return None if character < 0 else character


def _beside(message: Tracks) -> NDArray[np.bool_]:
    """Which of the tracks (n,) share a picture with which, (n, n)."""
    ids = np.array([track.id for track in message.tracks], np.int64)
    order = np.argsort(ids)
    frames, frame = np.unique(message.rows.frame, return_inverse=True)
    mine = np.isin(message.rows.track, ids)
    seen = np.zeros((len(ids), len(frames)), np.float32)
    seen[order[np.searchsorted(ids[order], message.rows.track[mine])], frame[mine]] = 1
    return np.asarray(seen @ seen.T > 0)
