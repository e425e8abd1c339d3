"""One shot out of the parts that several spans saw of it.

Each part comes with its frames and tracks under the film's numbers. Where two parts overlap, a
track of one and a track of the other are the same if their boxes lie on each other there; they
become one track, under the number of the earlier part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from caststream.messages import F4, F8, I8, Gap, Mined, Rows, Shot, Track, Tracks
from caststream.store.schema import split_uids
from caststream.store.tables import Commit
from caststream.vision.boxes import iou

MOMENT = 0.13
"""Seconds that two looks at one moment may lie apart: half of the time between two looks."""
SAME = 0.3
"""Mean overlap of their boxes from which on two tracks are one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one span saw of the shot, under the film's numbers."""

    commits: Sequence[Commit]
    low: int
    """First frame that counts."""
    high: int | None
    """Exclusive."""

    def counts(self, frames: I8) -> np.ndarray:
        """Which frames (n,) count."""
        high = np.iinfo(np.int64).max if self.high is None else self.high
        return (frames >= self.low) & (frames < high)


@dataclass(frozen=True, slots=True)
class Stitched:
    """A shot as one commit."""

    shot: Shot
    mined: Mined
    gaps: tuple[Gap, ...]
    became: tuple[dict[int, int], ...]
    """For each part: track of it -> track of the film that it became, where any of it is left."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """The rows of one part."""

    time: F8
    box: F4
    track: I8


def stitch(parts: Sequence[Seen]) -> Stitched:
    """Make one shot of its parts, in order of time; the last one has the shot's end."""
    names: list[dict[int, int]] = []
    before: _Columns | None = None
    for part in parts:
        now = _columns(part)
        own = {track: track for track in np.unique(now.track).tolist()}
        if before is not None:
            for earlier, later in _same(before, now):
                own[later] = names[-1][earlier]
        names.append(own)
        before = now
    rows, numbers = _rows(parts, names)
    shots = [commit.shot for commit in parts[-1].commits if commit.shot is not None]
    firsts = [c.shot for c in parts[0].commits if c.shot is not None]
    shot = _shot(firsts[-1], shots[-1])
    mined = _mined(parts, names, rows, numbers, shot)
    left = set(rows.track.tolist())
    became = tuple({a: b for a, b in own.items() if b in left} for own in names)
    return Stitched(shot, mined, _gaps(parts), became)


def _columns(part: Seen) -> _Columns:
    tables = [c.rows for c in part.commits]
    return _Columns(
        np.concatenate([t.time for t in tables]),
        np.concatenate([t.box for t in tables]),
        split_uids(np.concatenate([t.uid for t in tables]))[1],
    )


def _same(one: _Columns, other: _Columns) -> list[tuple[int, int]]:
    """Tracks of two parts that are one, by their boxes at the moments that both saw."""
    if not len(one.time) or not len(other.time):
        return []
    begin, end = other.time.min() - MOMENT, one.time.max() + MOMENT
    ours = np.flatnonzero(one.time >= begin)
    theirs = np.flatnonzero(other.time <= end)
    if not len(ours) or not len(theirs):
        return []
    tracks, left = np.unique(one.track[ours], return_inverse=True)
    others, right = np.unique(other.track[theirs], return_inverse=True)
    total = np.zeros((len(tracks), len(others)))
    count = np.zeros_like(total)
    times = other.time[theirs]
    for time in np.unique(one.time[ours]).tolist():
        here = np.flatnonzero(one.time[ours] == time)
        nearest = times[np.argmin(np.abs(times - time))]
        if abs(nearest - time) > MOMENT:
            continue
        there = np.flatnonzero(times == nearest)
        overlap = iou(one.box[ours[here]], other.box[theirs[there]])
        at = np.ix_(left[here], right[there])
        total[at] += overlap
        count[at] += 1
    # A moment at which one of the two is not seen speaks against them.
    seen = np.maximum(count.max(axis=0)[None, :], count.max(axis=1)[:, None])
    likeness = total / np.maximum(seen, 1)
    found = zip(*linear_sum_assignment(likeness, maximize=True), strict=True)
    return [(int(tracks[i]), int(others[j])) for i, j in found if likeness[i, j] >= SAME]


def _rows(parts: Sequence[Seen], names: list[dict[int, int]]) -> tuple[Rows, I8]:
    """The rows that count, by frame, and their numbers in the store that they come from."""
    found: list[Rows] = []
    numbers: list[I8] = []
    for part, own in zip(parts, names, strict=True):
        for commit in part.commits:
            table = commit.rows
            keep = part.counts(table.frame)
            if not keep.any():
                continue
            tracks = split_uids(table.uid[keep])[1]
            crops = table.crop
            found.append(
                Rows(
                    table.frame[keep],
                    table.time[keep],
                    table.box[keep],
                    table.score[keep],
                    np.array([own[t] for t in tracks.tolist()], np.int64),
                    table.vector[keep],
                    table.features[keep],
                    tuple(crops[i] for i in np.flatnonzero(keep)),
                    table.blend[keep],
                )
            )
            numbers.append(table.number[keep])
    if not found:
        none = np.zeros(0, np.int64)
        box, blank = np.zeros((0, 4), np.float32), np.zeros((0, 0), np.float32)
        no = none.astype(bool)
        rows = Rows(
            none, np.zeros(0), box, box[:, 0], none, blank, blank.astype(np.float16), (), no
        )
        return rows, none
    columns = {
        name: np.concatenate([getattr(rows, name) for rows in found])
        for name in ("frame", "time", "box", "score", "track", "vector", "features", "blend")
    }
    order = np.argsort(columns["frame"], kind="stable")
    crops = tuple(crop for rows in found for crop in rows.crop)
    rows = Rows(
        crop=tuple(crops[i] for i in order.tolist()),
        **{name: column[order] for name, column in columns.items()},
    )
    return rows, np.concatenate(numbers)[order]


def _shot(first: Shot, last: Shot) -> Shot:
    return Shot(
        first.index,
        first.start_frame,
        last.end_frame,
        first.start,
        last.end,
        first.transition,
        first.score,
    )


def _mined(
    parts: Sequence[Seen], names: list[dict[int, int]], rows: Rows, numbers: I8, shot: Shot
) -> Mined:
    exemplars: dict[int, int] = {}
    online: dict[int, list[int]] = {}
    apart: set[tuple[int, int]] = set()
    triplets: list[I8] = []
    evidence: list[F4] = []
    frames: list[I8] = []
    times: list[F8] = []
    for part, own in zip(parts, names, strict=True):
        for commit in part.commits:
            keep = part.counts(commit.frames)
            frames.append(commit.frames[keep])
            times.append(commit.times[keep])
            for i, track in enumerate(split_uids(commit.tracks.uid)[1].tolist()):
                exemplars.setdefault(own[track], int(commit.tracks.exemplar[i]))
                online.setdefault(own[track], []).extend(commit.tracks.online[i])
            for a, b in split_uids(commit.apart)[1].tolist():
                one, other = own.get(a, a), own.get(b, b)
                if one != other:
                    apart.add((min(one, other), max(one, other)))
            triplets.append(commit.triplets)
            evidence.append(commit.evidence)
    left = np.unique(rows.track)
    tracks = tuple(
        _track(track, shot.index, rows, exemplars[track], tuple(dict.fromkeys(online[track])))
        for track in left.tolist()
    )
    known = set(left.tolist())
    pairs = sorted(pair for pair in apart if known.issuperset(pair))
    number, first = np.unique(np.concatenate(frames), return_index=True)
    taught, kept = _triplets(np.concatenate(triplets), numbers, rows.track)
    return Mined(
        Tracks(shot.index, 0, rows, tracks, number, np.concatenate(times)[first]),
        taught,
        np.array(pairs, np.int64).reshape(-1, 2),
        np.concatenate(evidence)[kept],
    )


def _triplets(wanted: I8, numbers: I8, track: I8) -> tuple[I8, NDArray[np.intp]]:
    """Triplets (M, 3) of row numbers as indices into the rows that are left, and which they are."""
    order = np.argsort(numbers)
    kept = np.flatnonzero(np.isin(wanted, numbers).all(axis=1))
    found: I8 = order[np.searchsorted(numbers[order], wanted[kept])]
    # What was another track before may be the same one now.
    other = track[found[:, 0]] != track[found[:, 2]]
    return found[other], kept[other]


def _track(number: int, shot: int, rows: Rows, exemplar: int, online: tuple[int, ...]) -> Track:
    mine = np.flatnonzero(rows.track == number)
    frames, times = rows.frame[mine], rows.time[mine]
    if exemplar not in frames:
        exemplar = int(frames[len(frames) // 2])
    return Track(
        id=number,
        shot=shot,
        start_frame=int(frames[0]),
        end_frame=int(frames[-1]) + 1,
        start=float(times[0]),
        end=float(times[-1]),
        boxes=len(mine),
        score=float(rows.score[mine].mean(dtype=np.float64)),
        exemplar=exemplar,
        online=online,
    )


def _gaps(parts: Sequence[Seen]) -> tuple[Gap, ...]:
    """Gaps before the time at which the next part takes over."""
    found = []
    for which, part in enumerate(parts):
        last = part.high is None
        times = np.concatenate([c.times[part.counts(c.frames)] for c in part.commits])
        for gap in (gap for commit in part.commits for gap in commit.gaps):
            after = which == 0 or not len(times) or gap.end > times[0]
            before = last or not len(times) or gap.start <= times[-1]
            if after and before:
                found.append(gap)
    return tuple(found)
