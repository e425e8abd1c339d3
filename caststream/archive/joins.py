"""Where the spans of a film join, from their tables of shots alone.

Spans overlap, so that both sides have seen what lies around a join. They join at a shot boundary
that both found, the nearest to the middle of the overlap: then nothing is cut. Where there is
none, one shot goes on from span to span, and its parts are stitched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from caststream.learning.summary import Summary
from caststream.messages import I8


@dataclass(frozen=True, slots=True)
class Span:
    """A span of a film as joining sees it."""

    summary: Summary
    frame: int
    """Number of its first frame in the film."""
    frames: int

    def ends(self) -> I8:
        """(C,) frame of the film at which each commit's shot ends, -1 for a window."""
        return self._frames(3)

    def starts(self) -> I8:
        """(C,) frame of the film at which each commit's shot starts, -1 for a window."""
        return self._frames(2)

    def _frames(self, column: int) -> I8:
        local = self.summary.shot[:, column]
        return np.where(np.isnan(local), -1, np.nan_to_num(local) + self.frame).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Part:
    """Commits of one span, and which frames of them count."""

    span: int
    first: int
    """Line of its first commit in the span's table."""
    last: int
    """Exclusive."""
    low: int = 0
    """First frame of the film that counts; only for parts of a shot that is stitched."""
    high: int | None = None
    """Exclusive; None where all count to the end."""


Piece = Part | tuple[Part, ...]
"""Commits to be taken as they are, or the parts of one shot that has to be stitched."""


@dataclass(frozen=True, slots=True)
class _Join:
    left: tuple[int, int]
    """Commits of the left span that belong to the shot that goes on; none at a boundary."""
    right: tuple[int, int]
    frame: int


def pieces(spans: list[Span]) -> list[Piece]:
    """All commits of a film, once each, in order."""
    found: list[Piece] = []
    going: list[Part] = []
    first, shot_end, low = 0, 0, 0
    for number, span in enumerate(spans):
        join = _join(span, spans[number + 1]) if number + 1 < len(spans) else None
        if going:
            goes_on = join is not None and join.left == (first, shot_end)
            high = join.frame if join is not None and goes_on else None
            going.append(Part(number, first, shot_end, low, high))
            first = shot_end
            if goes_on and join is not None:
                (first, shot_end), low = join.right, join.frame
                continue
            found.append(tuple(going))
            going = []
        until = len(span.summary.commit) if join is None else max(first, join.left[0])
        if until > first:
            found.append(Part(number, first, until))
        if join is not None:
            if join.left[0] < join.left[1]:
                going = [Part(number, *join.left, high=join.frame)]
            (first, shot_end), low = join.right, join.frame
    return found


def _join(left: Span, right: Span) -> _Join:
    """Where two spans join."""
    over = left.frame + left.frames
    lefts, rights = left.ends(), right.starts()
    commits = len(left.summary.commit)
    if over <= right.frame:
        # The left one broke off before the right one begins.
        return _Join((commits, commits), (0, 0), right.frame)
    middle = (right.frame + over) // 2
    # The ends of a span are no boundaries.
    common = np.intersect1d(lefts, rights)
    common = common[(common > right.frame) & (common < over)]
    if len(common):
        frame = int(common[np.argmin(np.abs(common - middle))])
        line = int(np.flatnonzero(lefts == frame)[0]) + 1
        begin = _shot_at(right, frame)[0]
        return _Join((line, line), (begin, begin), frame)
    return _Join(_shot_at(left, middle), _shot_at(right, middle), middle)


def _shot_at(span: Span, frame: int) -> tuple[int, int]:
    """The commits, first and last (exclusive), of the shot that a frame of the film lies in."""
    ends = span.ends()
    shots = np.flatnonzero(ends >= 0)
    if not len(shots):
        return 0, len(ends)
    place = min(int(np.searchsorted(ends[shots], frame, "right")), len(shots) - 1)
    return (int(shots[place - 1]) + 1 if place else 0), int(shots[place]) + 1
