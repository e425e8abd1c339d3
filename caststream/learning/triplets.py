"""Triplets out of tracks: what a shot says about who is who, without anybody's help.

CAST's rules (Nir, Rapoport & Shamir 2022, arXiv 2201.07619): anchor and negative stand
in the same frame, so they are two characters; the positive is the anchor's track at another time,
so it is the same one. Left out is what cannot be trusted: frames of a dissolve or fade, short
shots, boxes that overlap others, tracks that jump (once the camera's motion is taken out). Beyond
CAST: tracks that seem to have swapped looks with a neighbour are left out, and crowds of copies (a
swarm of one character), where standing side by side says nothing. A box that holds another one,
be it one that nobody followed, may show two characters of whom one passes before the other; what
was seen before it and what after it may be two, so no positive is taken across it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from caststream.messages import F4, F8, I8, Rows
from caststream.vision.boxes import covering, crowding, sharing


@dataclass(frozen=True, slots=True)
class TripletSettings:
    """What counts as evidence."""

    most: int = 512
    """Triplets of one shot at most."""
    overlap: float = 0.4
    """Boxes with more IoU than this with another one of their frame are left out."""
    inside: float = 0.7
    """Two boxes of which one holds more than this of the other may be one character."""
    speed: float = 3.0
    """Tracks that move more scales a second than this may have swapped."""
    step: float = 0.25
    """Seconds under which a step is not taken for a speed: a detector's jitter is none."""
    near: float = 0.05
    """An IoU with another box from which on the two may change places unseen."""
    passing: float = 0.3
    """Seconds before and after a box held another one in which it may do so unseen."""
    pace: float = 1.5
    """Scales a second, ..."""
    growth: float = 0.35
    """... change of log size ..."""
    change: float = 0.15
    """... loss of cosine, against the usual of the track, from one box to the next ..."""
    unseen: float = 0.6
    """... and seconds unseen, past which a track may go on as somebody else."""
    shot: float = 0.5
    """Seconds that a shot has to show somebody."""
    crowd: int = 40
    """Frames with more boxes than this teach nothing: they are crowds, or a broken detector."""
    together: int = 2
    """Frames in which two tracks have to stand side by side."""
    copies: float = 0.02
    """How much less alike than itself a track may find its neighbour, as cosine, to be a copy."""
    twins: float = 0.97
    """Cosine from which on even two alone are taken for copies."""


class Triplets(NamedTuple):
    """Triplets and what they rest on."""

    triplets: I8
    """(M, 3) anchor, positive, negative: indices into the rows."""
    evidence: F4
    """(M, 4) seconds from anchor to positive, their cosine, cosine of anchor and negative, and in
    how many frames the two tracks stood side by side."""
    apart: I8
    """(P, 2) pairs of track ids, smaller first, that are taken as different."""


def mine(
    rows: Rows,
    random: np.random.Generator,
    settings: TripletSettings | None = None,
    still: F4 | None = None,
    shared: F4 | None = None,
) -> Triplets:
    """What the tracks of one shot teach; ``random`` chooses where there is too much.

    ``still`` (N, 4) and ``shared`` (N,) are those of `caststream.messages.Tracks`; where they are
    None the camera is taken to stand still, and the rows to be all boxes that were found.
    """
    s = settings or TripletSettings()
    nothing = Triplets(
        np.zeros((0, 3), np.int64), np.zeros((0, 4), np.float32), np.zeros((0, 2), np.int64)
    )
    if len(rows) == 0 or float(rows.time[-1] - rows.time[0]) < s.shot:
        return nothing
    tracks, track = np.unique(rows.track, return_inverse=True)
    good = ~rows.blend & rows.vector.any(axis=1) & np.isfinite(rows.vector).all(axis=1)
    good &= crowding(rows.box, rows.frame) <= s.overlap
    far = moved(rows, track, still)
    good &= steady(rows.time, far, track, s)[track]
    shared = sharing(rows.box, rows.frame) if shared is None else shared
    stretch = stretches(rows, track, far, shared, s)
    pairs, frames = _side_by_side(rows, track, good, s)
    if len(pairs) == 0:
        return nothing
    sums = _Looks(rows, track, good, len(tracks))
    keep = ~_copies(pairs, sums, s) & ~_swapped(pairs, sums)
    apart = np.unique(np.sort(tracks[pairs[keep]], axis=1), axis=0)
    chosen = np.flatnonzero(keep)
    both = [(p, way) for p in chosen.tolist() for way in (0, 1)]
    if not both:
        return nothing._replace(apart=apart)
    share = -(-s.most // len(both))
    found = [
        _of_pair(
            rows,
            np.flatnonzero(good & (track == pairs[p, way])),
            stretch,
            frames[p],
            way,
            share,
            random,
        )
        for p, way in both
    ]
    triplets = np.concatenate(found)
    if len(triplets) > s.most:
        triplets = triplets[np.sort(random.choice(len(triplets), s.most, replace=False))]
    a, p, n = triplets.T
    number = {(int(x), int(y)): len(f) for (x, y), f in zip(pairs, frames, strict=True)}
    evidence = np.stack(
        [
            np.abs(rows.time[p] - rows.time[a]),
            np.einsum("ij,ij->i", rows.vector[a], rows.vector[p]),
            np.einsum("ij,ij->i", rows.vector[a], rows.vector[n]),
            [
                number[min(x, y), max(x, y)]
                for x, y in zip(track[a].tolist(), track[n].tolist(), strict=True)
            ],
        ],
        axis=1,
    ).astype(np.float32)
    return Triplets(triplets, evidence, apart)


def moved(rows: Rows, track: I8, still: F4 | None) -> F8:
    """How far each row's box has come since the one before it in its track: (N,), in scales.

    0 for a track's first. Of what the picture shows and what is left once the camera's motion is
    taken out the smaller one counts, since the camera may be told wrongly.
    """
    order = np.lexsort((rows.time, track))
    far = np.full(len(order), np.inf)
    for box in (rows.box, still):
        if box is None:
            continue
        b = box[order].astype(np.float64)
        centre = 0.5 * (b[:, :2] + b[:, 2:])
        scale = np.sqrt((b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1]))
        step = np.linalg.norm(np.diff(centre, axis=0), axis=1) / np.sqrt(scale[1:] * scale[:-1])
        far[1:] = np.minimum(far[1:], step)
    far[np.diff(track[order], prepend=-1) != 0] = 0.0
    out = np.empty(len(far))
    out[order] = far
    return out


def steady(time: F8, far: F8, track: I8, s: TripletSettings) -> NDArray[np.bool_]:
    """Which tracks (numbered from 0) never jump; rows are ordered by time, ``far`` is `moved`."""
    order = np.lexsort((time, track))
    jumps = far[order] > s.speed * np.maximum(np.diff(time[order], prepend=0.0), s.step)
    out = np.ones(int(track.max(initial=-1)) + 1, bool)
    out[track[order][jumps]] = False
    return out


def stretches(rows: Rows, track: I8, far: F8, shared: F4, s: TripletSettings) -> I8:
    """Number of the stretch of its track that each row lies in: (N,).

    A stretch ends wherever the track could have gone over to another character: where boxes come
    near to others or hold them, move or change fast, look suddenly different, or were not seen for
    a while. ``far`` (N,) is `moved`, ``shared`` (N,) as in `mine`.
    """
    order = np.lexsort((rows.time, track))
    t, b, v = rows.time[order], rows.box[order].astype(np.float64), rows.vector[order]
    size = np.log(b[:, 2:] - b[:, :2])
    own = track[order]
    near = (crowding(rows.box, rows.frame) > s.near)[order]
    near |= _within(s.passing, (shared > s.inside)[order], t, own)
    gap = np.diff(t)
    like = np.einsum("ij,ij->i", v[1:], v[:-1])
    usual = np.ones(len(gap))
    inside = own[1:] == own[:-1]
    for k in np.unique(own):
        steps = inside & (own[1:] == k)
        if steps.any():
            usual[steps] = np.median(like[steps])
    ends = ~inside | (gap > s.unseen) | near[1:] | near[:-1]
    ends |= far[order][1:] > s.pace * np.maximum(gap, s.step)
    ends |= np.abs(np.diff(size, axis=0)).max(axis=1, initial=0.0) > s.growth
    ends |= like < usual - s.change
    out = np.empty(len(t), np.int64)
    out[order] = np.concatenate(([0], np.cumsum(ends)))
    return out


def _within(seconds: float, marked: NDArray[np.bool_], time: F8, own: I8) -> NDArray[np.bool_]:
    # Rows within so many seconds of a marked one of their track; sorted by track, then time.
    out = marked.copy()
    for way in (1, -1):
        t, track = time[::way], own[::way]
        last = np.maximum.accumulate(np.where(marked[::way], np.arange(len(t)), -1))
        out[::way] |= (last >= 0) & (track[last] == track) & (np.abs(t - t[last]) <= seconds)
    return out


def _side_by_side(
    rows: Rows, track: I8, good: NDArray[np.bool_], s: TripletSettings
) -> tuple[I8, list[I8]]:
    # Pairs of tracks (P, 2), smaller first, and the rows (F, 2) in which they stand side by side.
    # One box that holds the other (a face and its body) speaks against the whole pair.
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    nested: set[tuple[int, int]] = set()
    edges = np.flatnonzero(np.diff(rows.frame, prepend=-1, append=-1))
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if stop - start > s.crowd:
            continue
        held = covering(rows.box[start:stop], rows.box[start:stop]) > s.inside
        for i in range(start, stop):
            for j in range(i + 1, stop):
                a, b = (i, j) if track[i] < track[j] else (j, i)
                pair = (int(track[a]), int(track[b]))
                if held[i - start, j - start] or held[j - start, i - start]:
                    nested.add(pair)
                elif good[i] and good[j]:
                    found.setdefault(pair, []).append((a, b))
    kept = {p: f for p, f in sorted(found.items()) if p not in nested and len(f) >= s.together}
    return np.array(list(kept), np.int64).reshape(-1, 2), [np.array(f) for f in kept.values()]


class _Looks:
    """Mean looks of each track: all of it, its first half, its second half (unit vectors)."""

    def __init__(self, rows: Rows, track: I8, good: NDArray[np.bool_], count: int) -> None:
        self.whole, self.head, self.tail = (
            np.zeros((count, rows.vector.shape[1])) for _ in range(3)
        )
        self.self_likeness = np.ones(count)
        for k in range(count):
            own = np.flatnonzero(good & (track == k))
            if len(own) == 0:
                continue
            v = rows.vector[own].astype(np.float64)
            middle = (len(own) + 1) // 2
            self.whole[k], self.head[k] = _unit(v.sum(0)), _unit(v[:middle].sum(0))
            self.tail[k] = _unit(v[middle:].sum(0)) if len(own) > 1 else self.head[k]
            self.self_likeness[k] = float(np.median(v @ self.whole[k]))
        self.rows, self.track = rows, track


def _unit(v: F8) -> F8:
    length = float(np.linalg.norm(v))
    return v / length if length > 0 else v


def _copies(pairs: I8, looks: _Looks, s: TripletSettings) -> NDArray[np.bool_]:
    # Pairs whose two tracks look as alike as each looks like itself: all that are joined to a
    # third in this way (a swarm), and two alone only where nothing tells them apart.
    a, b = pairs.T
    like = np.einsum("ij,ij->i", looks.whole[a], looks.whole[b])
    own = looks.self_likeness[a] * looks.self_likeness[b]
    copy = like > np.maximum(own, 0.0) - s.copies
    group = np.arange(len(looks.whole))
    for x, y in pairs[copy].tolist():
        group[group == group[y]] = group[x]
    crowd = np.bincount(group, minlength=len(group))[group] >= 3
    copies: NDArray[np.bool_] = (crowd[a] & (group[a] == group[b])) | (copy & (like > s.twins))
    return copies


def _swapped(pairs: I8, looks: _Looks) -> NDArray[np.bool_]:
    # Pairs whose second halves fit better the other way round.
    a, b = pairs.T
    straight = (looks.head[a] * looks.tail[a] + looks.head[b] * looks.tail[b]).sum(axis=1)
    crossed = (looks.head[a] * looks.tail[b] + looks.head[b] * looks.tail[a]).sum(axis=1)
    swapped: NDArray[np.bool_] = crossed > straight
    return swapped


def _of_pair(
    rows: Rows,
    own: NDArray[np.intp],
    stretch: I8,
    frames: I8,
    way: int,
    share: int,
    random: np.random.Generator,
) -> I8:
    # Triplets whose anchors are the rows of one track where it stands beside another one. The
    # positive is drawn by its distance from the anchor, in time and in looks.
    if len(own) < 2:
        return np.zeros((0, 3), np.int64)
    at = np.linspace(0, len(frames) - 1, min(share, len(frames))).round().astype(np.int64)
    out = []
    for anchor, negative in frames[at][:, [way, 1 - way]].tolist():
        others = own[(own != anchor) & (stretch[own] == stretch[anchor])]
        if len(others) == 0:
            continue
        away = np.abs(rows.time[others] - rows.time[anchor])
        unlike = 1.0 - rows.vector[others] @ rows.vector[anchor]
        weight = (away / max(float(away.max()), 1e-9)) * (0.2 + np.clip(unlike, 0.0, 1.0))
        if not weight.sum() > 0:
            continue
        positive = int(random.choice(others, p=weight / weight.sum()))
        out.append((anchor, positive, negative))
    return np.array(out, np.int64).reshape(-1, 3)
