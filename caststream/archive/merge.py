"""One store and one dictionary over all units of an archive.

The store names the commits of units where they lie, and holds itself only what had to be made
anew: shots that were stitched over the join of two spans. Characters are found in the units'
summaries. A film comes in once all of its units are done; what is done later comes in with the
next merge, and ids, names and the log of acts stay as they are.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from caststream.archive.joins import Part, Span, pieces
from caststream.archive.plan import Unit
from caststream.archive.stitch import Seen, Stitched, stitch
from caststream.archive.unit import Committed, done_units, read_committed
from caststream.errors import StoreError
from caststream.learning.merged import UnitLearner
from caststream.messages import F8, I8, StreamEnd, StreamStart
from caststream.store.places import Place
from caststream.store.reader import StoreReader
from caststream.store.schema import Reference, make_uids
from caststream.store.writer import StoreWriter

CROWDED = 0.55
"""Looks that fell together at less than this likeness may have been of two characters."""
_AT_ONCE = 32
"""Films whose units are read at the same time, by as many threads as ``_READERS``."""
_READERS = 8


@dataclass(slots=True)
class Merging:
    """What a merge did."""

    films: int = 0
    """Taken in now."""
    units: int = 0
    known: int = 0
    """Films that the store held already."""
    waiting: list[str] = field(default_factory=list)
    """Films of which some unit is not done yet."""
    stitched: int = 0
    """Shots that went on over a join."""
    join: float = 1.0
    """How alike looks are that fell together."""


def merge(units: Sequence[Unit], archive: Place, store: str | Path) -> Merging:
    """Bring all units that are done into ``store``, which is made where there is none.

    Raises StoreError and StoreLockedError for a store that cannot be used, for an archive that
    cannot be read and for units whose embedder is not that of the store, OutputError where the disk
    refuses. What was merged before stays as it was.
    """
    done = Merging()
    finished = done_units(archive)
    with StoreWriter.open(store) as writer:
        learner = UnitLearner(store)
        known, embedder = _known(store, learner.commit)
        wanted: list[list[Unit]] = []
        for film in _films(units):
            if film[0].fingerprint in known:
                done.known += 1
            elif all(unit.id in finished for unit in film):
                wanted.append(film)
            else:
                done.waiting.append(film[0].uri)
        for read in _read(wanted, archive):
            embedder = read.same_embedder(embedder)
            done.stitched += read.bring(writer, learner)
            done.films += 1
            done.units += len(read.units)
        writer.seal()
        if done.films:
            done.join = learner.publish()
        learner.close()
    return done


def _known(store: str | Path, commit: int) -> tuple[set[str], str | None]:
    """Fingerprints of the films that the store's dictionary knows, and digest of its embedder.

    Films that came in without the dictionary, since a merge broke off, are brought in anew.
    """
    with StoreReader(store) as reader:
        late = {c.source for c in reader.since(commit)} if reader.last_commit > commit else set()
        sources = [s for s in reader.sources() if s.id not in late]
        embedders = [s.models["embedder"] for s in sources if "embedder" in s.models]
        prints = {source.start.fingerprint for source in sources if source.complete}
        return prints, embedders[-1] if embedders else None


def _films(units: Sequence[Unit]) -> list[list[Unit]]:
    """Units by film, spans in order."""
    films: dict[str, list[Unit]] = {}
    for unit in units:
        films.setdefault(unit.fingerprint, []).append(unit)
    return [sorted(film, key=lambda unit: unit.span) for film in films.values()]


def _read(films: list[list[Unit]], archive: Place) -> Iterator[_Film]:
    waiting = iter(films)
    with ThreadPoolExecutor(_READERS) as pool:
        while some := list(islice(waiting, _AT_ONCE)):
            yield from pool.map(lambda film: _Film(film, archive), some)


class _Film:
    """The units of one film on their way into a store."""

    def __init__(self, units: list[Unit], archive: Place) -> None:
        self.units = units
        self._archive = archive
        self._committed: list[Committed] = []
        self._spans: list[Span] = []
        self._tracks = [0]
        """What is added to the track numbers of each span."""
        frame = 0
        for unit in units:
            one = read_committed(unit.id, archive)
            self._committed.append(one)
            self._spans.append(Span(one.summary(archive), frame, one.end.frames))
            self._tracks.append(self._tracks[-1] + one.ids)
            frame += one.frames
        self._names: list[list[I8]] = [[] for _ in units]
        """(N, 2) of each span: tracks there, and the tracks of the film that they are."""
        self._seen: list[list[F8]] = [[] for _ in units]
        """(N, 2) of each span: seconds and beginning of those."""

    def same_embedder(self, wanted: str | None) -> str | None:
        """Digest of its embedder; StoreError where it is not the wanted one."""
        for unit in self._committed:
            own = unit.models.get("embedder")
            if wanted is not None and own != wanted:
                raise StoreError(
                    f"{unit.start.uri} was looked at with the embedder {own}, what is in the store"
                    f" with {wanted}: their vectors say nothing of each other; merge into another"
                    " store"
                )
            wanted = own
        return wanted

    def bring(self, writer: StoreWriter, learner: UnitLearner) -> int:
        """Write its commits and let the dictionary see it; returns how many shots were stitched."""
        start = self._committed[0].start
        source = writer.begin_source(start, True, graph="unit", models=self._committed[0].models)
        shots = stitched = 0
        for piece in pieces(self._spans):
            if isinstance(piece, Part):
                shots += self._take(piece, writer, source, shots)
            else:
                whole = self._stitched(piece, shots)
                writer.commit(whole.shot, [whole.mined], whole.gaps)
                shots += 1
                stitched += 1
        last, end = self._spans[-1], self._committed[-1].end
        seconds = self.units[-1].start + end.seconds
        writer.end_source(StreamEnd(last.frame + end.frames, seconds, "eof"))
        for span, names, seen in zip(self._spans, self._names, self._seen, strict=True):
            if names:
                pairs, spans = np.concatenate(names), np.concatenate(seen)
                pairs[:, 1] = make_uids(source, pairs[:, 1])
                _, first = np.unique(pairs[:, 1], return_index=True)
                learner.absorb(span.summary, pairs, spans[first])
        return stitched

    def _take(self, part: Part, writer: StoreWriter, source: int, shots: int) -> int:
        """Refer to commits as they are; returns how many shots they hold."""
        for reference, rows in self._references(part, source, shots):
            writer.refer(reference, rows)
        summary = self._spans[part.span].summary
        inside = (summary.track[:, 1] >= part.first) & (summary.track[:, 1] < part.last)
        own = summary.track[inside, 0]
        self._names[part.span].append(np.stack([own, own + self._tracks[part.span]], axis=1))
        seen = summary.span[inside] + (0.0, self.units[part.span].start)
        self._seen[part.span].append(seen)
        return int((summary.commit[part.first : part.last, 3] >= 0).sum())

    def _stitched(self, parts: Sequence[Part], shots: int) -> Stitched:
        """The shot that goes on from span to span."""
        with tempfile.TemporaryDirectory(prefix="caststream-join-") as folder:
            with StoreWriter.open(folder) as writer:
                writer.begin_source(StreamStart("", 0, 0, None, None, ""))
                for part in parts:
                    for reference, rows in self._references(part, 0, shots):
                        writer.refer(reference, rows)
            with StoreReader(folder) as reader:
                commits = iter(reader.commits(0))
                seen = [
                    Seen(list(islice(commits, part.last - part.first)), part.low, part.high)
                    for part in parts
                ]
                whole = stitch(seen)
        times = {t.id: (t.end - t.start, t.start) for t in whole.mined.tracks.tracks}
        for part, became in zip(parts, whole.became, strict=True):
            pairs = np.array(list(became.items()), np.int64).reshape(-1, 2)
            self._seen[part.span].append(
                np.array([times[track] for track in pairs[:, 1].tolist()]).reshape(-1, 2)
            )
            pairs[:, 0] -= self._tracks[part.span]
            self._names[part.span].append(pairs)
        return whole

    def _references(self, part: Part, source: int, shots: int) -> Iterator[tuple[Reference, int]]:
        """Commits by the segments that hold them, and their rows; ``shots`` come before them."""
        summary, unit = self._spans[part.span].summary, self._committed[part.span]
        number = summary.commit[:, 0]
        own = summary.commit[part.first : part.last, 3]
        own = own[own >= 0]
        for segment in unit.segments:
            held = np.flatnonzero((number >= segment.first) & (number <= segment.last))
            lines = held[(held >= part.first) & (held < part.last)]
            if not len(lines):
                continue
            begin, end = int(lines[0]), int(lines[-1]) + 1
            yield (
                Reference(
                    group=unit.group(self._archive, segment),
                    commits=(begin - int(held[0]), end - int(held[0])),
                    row=int(summary.commit[begin, 1]),
                    source=source,
                    track=self._tracks[part.span],
                    shot=shots - int(own[0]) if len(own) else 0,
                    frame=self._spans[part.span].frame,
                    time=self.units[part.span].start,
                ),
                int(summary.commit[begin:end, 2].sum()),
            )
