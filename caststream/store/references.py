"""Commits that stay in another store: a segment by reference, counted as if it lay here.

An archive's units are stores of their own; one dictionary over many of them names their commits
instead of copying them. What differs are numbers (commits, rows, sources, tracks, shots, frames)
and times, and these are shifted as they are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caststream.messages import I8
from caststream.store.log import Record
from caststream.store.parts import LogPart, SegmentPart
from caststream.store.schema import COLUMNS, LINES, Segment, make_uid, segment_from, split_uids

Array = NDArray[Any]


class ReferencePart:
    """Some commits of a segment of another store, under this store's numbers."""

    def __init__(self, segment: Segment, record: Record | None = None) -> None:
        """``record`` is the log's record that names it, None where it is sealed."""
        assert segment.reference is not None
        self.segment = segment
        self.record = record
        self.first, self.last = segment.first, segment.last
        self.first_row, self.rows = segment.first_row, segment.rows
        self._to = segment.reference
        self._there = SegmentPart(segment.reference.group, segment)
        self._ends: Array | None = None
        self._places: I8 | None = None

    def _span(self, name: str) -> tuple[int, int]:
        """First and last (exclusive) line of an array there."""
        if name == "commits":
            return self._to.commits
        if self._ends is None:
            counts = self._there.read("commits")
            self._ends = np.concatenate([np.zeros_like(counts[:1]), np.cumsum(counts, axis=0)])
        column = COLUMNS["commits"].index(LINES.get(name, name))
        first, last = self._ends[list(self._to.commits), column].tolist()
        return first, last

    def count(self, name: str) -> int:
        """How many lines an array has."""
        first, last = self._span(name)
        return last - first

    def read(self, name: str, first: int = 0, last: int | None = None) -> Array:
        """Lines ``first`` to ``last`` (exclusive) of an array."""
        begin, end = self._span(name)
        end = end if last is None else min(end, begin + last)
        return self._shifted(name, self._there.read(name, begin + first, end), first)

    def read_at(self, name: str, lines: I8) -> Array:
        """Lines of an array by their ascending numbers."""
        found = self._there.read_at(name, lines + self._span(name)[0])
        return self._shifted(name, found, int(lines[0]))

    def crop_places(self) -> I8:
        """(rows + 1,) where each row's JPEG begins in ``crops``."""
        if self._places is None:
            first, last = self._span("rows")
            places = self._there.crop_places()[first : last + 1]
            self._places = places - places[0]
        return self._places

    def holds(self, source: int) -> bool:
        """Whether a commit of this source may be in it."""
        return self._to.source == source

    def _shifted(self, name: str, lines: Array, first: int) -> Array:
        """Lines under the numbers of this store; ``first`` is the number of the first one."""
        to, rows = self._to, self.segment.first_row - self._to.row
        lines = lines.copy()
        match name:
            case "commits":
                lines[:, 0] = self.first + first + np.arange(len(lines))
                lines[:, 1] = to.source
            case "shots":
                lines[:, :5] += (to.shot, to.frame, to.frame, to.time, to.time)
            case "gaps":
                lines[:, 1:3] += to.time
            case "frames":
                lines += (to.frame, to.time)
            case "tracks":
                lines[:, 0] = self._uids(lines[:, 0])
                # shot, start_frame, end_frame, boxes, exemplar, first_row
                lines[:, 1:7] += (to.shot, to.frame, to.frame, 0, to.frame, rows)
            case "spans":
                lines[:, :2] += to.time
            case "online":
                lines += to.track
            case "apart":
                lines[:] = self._uids(lines)
            case "triplets":
                lines += rows
            case "rows":
                lines[:, 0] += to.frame
                lines[:, 1] = self._uids(lines[:, 1])
            case "times":
                lines += to.time
        return lines

    def _uids(self, there: I8) -> I8:
        return split_uids(there)[1] + make_uid(self._to.source, self._to.track)


def part_of(store: Path, segment: Segment) -> SegmentPart | ReferencePart:
    """A sealed segment, wherever it lies."""
    if segment.reference is not None:
        return ReferencePart(segment)
    return SegmentPart(store / "segments" / segment.name, segment)


def logged(record: Record, first_row: int) -> LogPart | ReferencePart:
    """A record of the log as a part."""
    if "refer" in record.event:
        return ReferencePart(segment_from(record.event["refer"]), record)
    return LogPart(record, first_row)


def first_of(record: Record) -> int:
    """Number of a record's first commit; its own number is that of the last."""
    refer = record.event.get("refer")
    return refer["first"] if refer else record.number


def runs(parts: Sequence[LogPart | ReferencePart]) -> Iterator[list[LogPart] | ReferencePart]:
    """What becomes a segment each when these are sealed, in order."""
    run: list[LogPart] = []
    for part in [*parts, None]:
        if isinstance(part, LogPart):
            run.append(part)
            continue
        if any(one.count("commits") for one in run):
            yield run
        run = []
        if part is not None:
            yield part


def differs(parts: Sequence[LogPart | ReferencePart], arrays: Mapping[str, Array]) -> bool:
    """Whether a commit's vectors have another width than those that it would be sealed with."""
    for part in reversed(parts):
        if isinstance(part, ReferencePart):
            return False  # what lies on both sides of it is sealed apart
        if part.rows and "rows" in arrays:
            return any(
                part.record.shape(name)[1:] != arrays[name].shape[1:]
                for name in ("vectors", "features")
                if name in arrays
            )
    return False
