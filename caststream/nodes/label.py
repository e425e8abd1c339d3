"""Says who is who, at once and again when more is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from caststream.graph.node import Node
from caststream.messages import (
    F4,
    Context,
    Dictionary,
    Labelled,
    LabelledTracks,
    Marker,
    ShotEnd,
    StreamEnd,
    StreamStart,
    Track,
    Tracked,
    Tracks,
    Tuned,
)
from caststream.nodes.said import Said

if TYPE_CHECKING:
    from caststream.learning.cast import Cast, Verdict

MIN_BOXES = 3
"""A track is compared with the gallery once it has this many boxes."""
INSIDE = 0.7
"""Two boxes of which one holds more than this of the other may be one character."""


class _Looks:
    """What one online track has looked like so far, whom it went by and who was beside it."""

    __slots__ = ("beside", "called", "count", "model", "sum", "sure")

    def __init__(self, model: int) -> None:
        self.count = 0
        self.model = model
        self.sum: np.ndarray = np.zeros(0, np.float32)
        self.called: int | None = None
        self.sure = 0.0
        """Confidence with which it was called last."""
        self.beside: set[int] = set()
        """Tracks that were in a picture with it, in another place."""


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
        from caststream.learning.cast import Verdict, one_each

        tracks = message.tracks.tolist()
        seen = {track for track in tracks if track >= 0}
        candidates = [
            self._look(track, message.embedded.vectors[i], message.embedded.model)
            for i, track in enumerate(tracks)
        ]
        self._note_beside(tracks, message.embedded.detections.boxes)
        # Who has left the picture still goes by its character, beside those who saw it there.
        wanted = {verdict.character for ranked in candidates for verdict in ranked} - {None}
        away = [t for t, one in self._online.items() if one.called in wanted and t not in seen]
        looks = [self._online.get(track) for track in (*tracks, *away)]
        beside = _together([*tracks, *away], looks, len(tracks))
        before = [None if one is None else one.called for one in looks]
        candidates += [[Verdict(one.called, one.sure)] for one in looks[len(tracks) :] if one]
        verdicts = one_each(candidates, beside, before)
        for i, one in enumerate(looks):
            who = verdicts[i].character
            if one is None:
                continue
            if who is not None:
                one.called, one.sure = who, verdicts[i].confidence
            elif any(verdicts[j].character == one.called for j in np.flatnonzero(beside[i])):
                one.called = None
        labelled = Labelled(message, *self._columns(verdicts[: len(tracks)]))
        assert self._context is not None
        self._context.vitals.newest = labelled
        return labelled

    def _note_beside(self, tracks: list[int], boxes: F4) -> None:
        """Remember who is in a picture with whom; of two boxes on one place, both may be one."""
        from caststream.vision.boxes import covering

        inside = covering(boxes, boxes)
        apart = np.maximum(inside, inside.T) <= INSIDE
        for i, track in enumerate(tracks):
            if track >= 0:
                self._online[track].beside.update(tracks[j] for j in np.flatnonzero(apart[i]))

    def _look(self, track: int, vector: np.ndarray, model: int) -> list[Verdict]:
        from caststream.learning.cast import UNKNOWN

        assert self._cast is not None
        if track < 0:
            return [UNKNOWN]
        looks = self._online.setdefault(track, _Looks(model))
        looks.sum = vector.copy() if looks.count == 0 else looks.sum + vector
        looks.count += 1
        if looks.count < MIN_BOXES:
            return [UNKNOWN]
        return self._cast.candidates(looks.sum, looks.model, looks.called)

    def _tracks(self, message: Tracks) -> LabelledTracks:
        from caststream.learning.cast import one_each

        assert self._cast is not None
        candidates = []
        for track in message.tracks:
            vectors = message.rows.vector[message.rows.track == track.id]
            candidates.append(self._cast.candidates(vectors.sum(axis=0), message.model))
        verdicts = one_each(candidates, _beside(message), [self._called(t) for t in message.tracks])
        for track, verdict in zip(message.tracks, verdicts, strict=True):
            self._said.say(track.id, verdict.character)
        self._said.forget()
        return LabelledTracks(message, *self._columns(verdicts))

    def _called(self, track: Track) -> int | None:
        """Whom the longest online part of a track went by in its pictures."""
        parts = [one for one in map(self._online.get, track.online) if one is not None]
        return max(parts, key=lambda one: one.count).called if parts else None

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


def _together(tracks: list[int], looks: list[_Looks | None], now: int) -> NDArray[np.bool_]:
    """Which of the online tracks (n,) shared a picture with which in this shot, (n, n).

    The first ``now`` do so at this moment.
    """
    beside = np.zeros((len(tracks), len(tracks)), bool)
    for i, one in enumerate(looks):
        if one is not None:
            beside[i] = [track in one.beside for track in tracks]
    beside[:now, :now] = True
    np.fill_diagonal(beside, False)
    return beside
