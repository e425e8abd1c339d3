"""Writes the label stream of a store again, with final labels everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np

from caststream.errors import StoreError
from caststream.export.labels import FinalLabels
from caststream.messages import Dictionary, Gap, StreamEnd
from caststream.records import (
    Record,
    dictionary_record,
    dumps,
    end_record,
    frame_record,
    gap_record,
    shot_record,
    stream_record,
    track_record,
)
from caststream.store.reader import StoreReader
from caststream.store.schema import SourceInfo
from caststream.store.tables import Commit


def export_ndjson(store: str | Path, out: TextIO, source: int | None = None) -> None:
    """Write the records of one source, or of all that are not superseded, one after the other.

    Every source gives a whole stream, ``stream`` to ``end``, with one ``dictionary`` of the
    characters that occur in it. A source that has no end yet ends as interrupted after its last
    shot. Raises StoreError for a store that cannot be read and for an unknown source.
    """
    with StoreReader(store) as reader:
        labels = FinalLabels(store)
        for info in _chosen(reader, source):
            for record in _source_records(reader, info, labels, str(store)):
                out.write(dumps(record) + "\n")


def _chosen(reader: StoreReader, source: int | None) -> list[SourceInfo]:
    if source is None:
        return reader.sources()
    chosen = [s for s in reader.sources(superseded=True) if s.id == source]
    if not chosen:
        held = ", ".join(str(s.id) for s in reader.sources(superseded=True)) or "none"
        raise StoreError(f"{reader.path} has no source {source}: it has {held}")
    return chosen


def _source_records(
    reader: StoreReader, info: SourceInfo, labels: FinalLabels, store: str
) -> Iterator[Record]:
    yield stream_record(
        info.start,
        source=info.id,
        graph=info.graph,
        store=store,
        models=info.models,
        started=info.started,
    )
    analysed = shots = 0
    end = StreamEnd(0, 0.0, "interrupted")
    held: list[Record] = []
    for commit in reader.commits(info.id):
        yield from _frames(commit, info, labels)
        held.extend(_tracks(commit, labels))
        analysed += len(commit.frames)
        if commit.shot is not None:
            yield shot_record(commit.shot)
            # Tracks of a very long shot's windows wait for the shot, as in the live stream.
            yield from held
            held.clear()
            shots += 1
            end = StreamEnd(commit.shot.end_frame, commit.shot.end, "interrupted")
    yield from held
    tracks = reader.tracks(info.id)
    characters = labels.summaries(tracks)
    yield dictionary_record(Dictionary(labels.revision, characters, (), ()))
    yield end_record(
        info.end or end,
        analysed=analysed,
        shots=shots,
        tracks=len(tracks),
        characters=len(characters),
        elapsed=info.elapsed or 0.0,
    )


def _frames(commit: Commit, info: SourceInfo, labels: FinalLabels) -> Iterator[Record]:
    """The frames of a commit in order, each gap before the first frame that follows it."""
    gaps = sorted(commit.gaps, key=lambda gap: gap.start)
    if not len(commit.frames):
        yield from map(gap_record, gaps)
        return
    rows = commit.rows
    frame, uid, box, score = rows.frame, rows.uid, rows.box, rows.score
    owners, of = np.unique(uid, return_inverse=True)
    character, sure = labels.characters(owners)
    numbers = [c if c >= 0 else None for c in character.tolist()]
    names = [None if c is None else labels.name(c) for c in numbers]
    shot_of = dict(zip(commit.tracks.uid.tolist(), commit.tracks.shot.tolist(), strict=True))
    shot = commit.shot.index if commit.shot else next(iter(shot_of.values()))
    order = np.lexsort((uid, frame))
    for number, time in zip(commit.frames.tolist(), commit.times.tolist(), strict=True):
        yield from _due(gaps, time)
        first, last = np.searchsorted(frame[order], [number, number + 1])
        mine = order[first:last]
        whose = of[mine].tolist()
        yield frame_record(
            number,
            time,
            shot,
            box[mine],
            score[mine],
            uid[mine] & 0xFFFFFFFF,
            [numbers[i] for i in whose],
            [names[i] for i in whose],
            sure[of[mine]],
            width=info.start.width,
            height=info.start.height,
        )
    yield from map(gap_record, gaps)


def _due(gaps: list[Gap], time: float) -> Iterator[Record]:
    while gaps and gaps[0].start <= time:
        yield gap_record(gaps.pop(0))


def _tracks(commit: Commit, labels: FinalLabels) -> Sequence[Record]:
    character, sure = labels.characters(commit.tracks.uid)
    return [
        track_record(
            commit.tracks.at(i),
            number if number >= 0 else None,
            labels.name(number) if number >= 0 else None,
            confidence,
        )
        for i, (number, confidence) in enumerate(
            zip(character.tolist(), sure.tolist(), strict=True)
        )
    ]
