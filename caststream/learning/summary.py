"""What finding characters needs to know of one unit of an archive, in a megabyte or less.

A unit's tracks fall into micro-clusters of its own, by the same rules as in a stream. Their means
under the shipped head, their mean trunk features, and where each track fell are all that is read
to group the tracks of many units; rows and pictures stay where they are.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caststream.errors import StoreError
from caststream.learning.grouping import Grouping, Seen
from caststream.messages import F2, F4, F8, I8
from caststream.store.reader import StoreReader
from caststream.store.tables import Commit
from caststream.vision.leads import leading

UNIT_CAPACITY = 256
"""Micro-clusters of a unit at most."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Commits, tracks and micro-clusters of one unit, under the numbers that they have there."""

    commit: I8
    """(C, 4) number, first row, rows, and shot (-1 for a window of a shot that goes on)."""
    shot: F8
    """(C, 4) first and last (exclusive) second and frame of the shot; NaN for a window."""
    track: I8
    """(T, 2) uid, and commit as a line of ``commit``; in the order of the store."""
    span: F8
    """(T, 2) seconds on the screen, and when it begins."""
    vectors: F2
    """(M, d) means of unit vectors under the shipped head; shorter where members agree less."""
    features: F2
    """(M, F) mean trunk features."""
    weight: F4
    """(M,) seconds of screen time."""
    tracks: F4
    """(M,) tracks, by their shares."""
    apart: I8
    """(P, 2) micro-clusters of which tracks were seen side by side."""
    beside: F4
    """(P,) how many pairs of tracks."""
    uid: I8
    """(H,) track of each pose."""
    home: I8
    """(H,) the micro-cluster that it fell into."""
    share: F4
    """(H,) of its track."""
    short: I8
    """(S,) uids of short or doubtful tracks, which teach nothing."""
    short_vectors: F2
    """(S, d)"""
    short_features: F2
    """(S, F)"""

    def save(self) -> bytes:
        """As a safetensors file."""
        from safetensors.numpy import save

        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})

    @classmethod
    def load(cls, data: bytes) -> Summary:
        """The inverse of ``save``; StoreError where it is something else."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            arrays = load(data)
            return cls(**{field.name: arrays[field.name] for field in fields(cls)})
        except (SafetensorError, KeyError) as error:
            raise StoreError(f"a unit's summary is damaged ({error}): do the unit anew") from error


def summarise(reader: StoreReader) -> Summary:
    """Summarise a store of one source whose vectors the shipped head made."""
    grouping = Grouping(0, 0, UNIT_CAPACITY)
    commits: list[tuple[int, int, int, int]] = []
    shots: list[tuple[float, ...]] = []
    tracks: list[tuple[int, int]] = []
    spans: list[tuple[float, float]] = []
    row = 0
    for line, commit in enumerate(reader.commits(0)):
        shot = commit.shot
        number, rows = commit.number, len(commit.rows)
        commits.append((number, row, rows, -1 if shot is None else shot.index))
        row += rows
        shots.append(
            (np.nan,) * 4
            if shot is None
            else (shot.start, shot.end, shot.start_frame, shot.end_frame)
        )
        for seen in _seen(commit):
            if not grouping.micro.sums.shape[1]:
                grouping = Grouping(seen.vectors.shape[1], seen.features.shape[1], UNIT_CAPACITY)
            grouping.add(seen)
            tracks.append((seen.uid, line))
            spans.append((seen.seconds, seen.time))
        for one, other in commit.apart.tolist():
            grouping.apart(one, other)
    arrays = grouping.arrays()
    weight = np.maximum(arrays["micro_weight"], 1e-6)[:, None]
    return Summary(
        commit=_table(commits, np.int64, 4),
        shot=_table(shots, np.float64, 4),
        track=_table(tracks, np.int64, 2),
        span=_table(spans, np.float64, 2),
        vectors=(arrays["micro_sums"] / weight).astype(np.float16),
        features=(arrays["micro_features"] / weight).astype(np.float16),
        weight=arrays["micro_weight"],
        tracks=arrays["micro_tracks"],
        apart=arrays["micro_apart_pairs"],
        beside=arrays["micro_apart_counts"],
        uid=arrays["track_uid"],
        home=arrays["track_home"],
        share=arrays["track_share"],
        short=arrays["pending_uid"],
        short_vectors=arrays["pending"].astype(np.float16),
        short_features=arrays["pending_features"].astype(np.float16),
    )


def _seen(commit: Commit) -> list[Seen]:
    table, rows = commit.tracks, commit.rows
    if not len(table):
        return []
    taught = np.where(leading(rows.score, rows.uid), -1, rows.uid)
    return [
        Seen(
            uid,
            rows.vector[taught == uid],
            rows.features[taught == uid],
            float(np.ptp(rows.time[taught == uid])),
            float(table.score[i]),
            float(table.start[i]),
        )
        for i, uid in enumerate(table.uid.tolist())
    ]


def _table(lines: list[Any], kind: type, columns: int) -> NDArray[Any]:
    return np.array(lines, kind).reshape(len(lines), columns)
