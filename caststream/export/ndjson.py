"""Writes the label stream of a store again, with final labels everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

import numpy as np

from caststream.export.labels import FinalLabels
from caststream.export.view import StoreView, shots_of
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
from caststream.store.schema import SourceInfo, split_uids
from caststream.store.tables import Commit


def write(view: StoreView, out: TextIO) -> None:
    """Write the records of every film of the view, one after the other.

    Every source gives a whole stream, ``stream`` to ``end``, with one ``dictionary`` of the
    characters that occur in it. A source that has no end yet ends as interrupted after its last
    shot.
    """
    for film in view.films:
        for record in _source_records(view.reader, film.info, view.labels, str(view.path)):
            out.write(dumps(record) + "\n")


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
    for commits in shots_of(reader, info.id):
        frames = list(_frames(commits, shots, info, labels))
        yield from frames
        analysed += sum(record["type"] == "frame" for record in frames)
        shot = commits[-1].shot
        if shot is not None:
            yield shot_record(shot)
            shots += 1
            end = StreamEnd(shot.end_frame, shot.end, "interrupted")
        for commit in commits:
            yield from _tracks(commit, labels)
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


def _frames(
    commits: list[Commit], number: int, info: SourceInfo, labels: FinalLabels
) -> Iterator[Record]:
    """The frames of a source's shot in order, each gap before the first frame that follows it."""
    gaps = sorted((gap for c in commits for gap in c.gaps), key=lambda gap: gap.start)
    numbers, firsts = np.unique(np.concatenate([c.frames for c in commits]), return_index=True)
    times = np.concatenate([c.times for c in commits])[firsts]
    frame = np.concatenate([c.rows.frame for c in commits])
    uid = np.concatenate([c.rows.uid for c in commits])
    order = np.lexsort((uid, frame))
    frame, uid = frame[order], uid[order]
    box = np.concatenate([c.rows.box for c in commits])[order]
    score = np.concatenate([c.rows.score for c in commits])[order]
    owners, of = np.unique(uid, return_inverse=True)
    character, sure = labels.characters(owners)
    who = [c if c >= 0 else None for c in character.tolist()]
    names = [None if c is None else labels.name(c) for c in who]
    shot = _shot_of(commits, number)
    starts = np.searchsorted(frame, numbers, "left").tolist()
    ends = np.searchsorted(frame, numbers, "right").tolist()
    for i, (number, time) in enumerate(zip(numbers.tolist(), times.tolist(), strict=True)):
        yield from _due(gaps, time)
        mine = slice(starts[i], ends[i])
        whose = of[mine].tolist()
        yield frame_record(
            number,
            time,
            shot,
            box[mine],
            score[mine],
            split_uids(uid[mine])[1],
            [who[k] for k in whose],
            [names[k] for k in whose],
            sure[of[mine]],
            width=info.start.width,
            height=info.start.height,
        )
    yield from map(gap_record, gaps)


def _shot_of(commits: list[Commit], number: int) -> int:
    """Number of the shot, from its tracks where the run broke off before its end, else as given."""
    last = commits[-1].shot
    if last is not None:
        return last.index
    return max([number, *(int(shot) for c in commits for shot in c.tracks.shot[:1])])


def _due(gaps: list[Gap], time: float) -> Iterator[Record]:
    while gaps and gaps[0].start <= time:
        yield gap_record(gaps.pop(0))


def _tracks(commit: Commit, labels: FinalLabels) -> Iterator[Record]:
    character, sure = labels.characters(commit.tracks.uid)
    for i, number in enumerate(character.tolist()):
        who = number if number >= 0 else None
        name = None if who is None else labels.name(who)
        yield track_record(commit.tracks.at(i), who, name, float(sure[i]))
