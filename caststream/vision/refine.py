"""From online tracks to the refined tracks of one shot: cut where in doubt, link by `flow`.

An online track is cut into pieces wherever the tracker decided on little (after a time unseen, or
where the next box was hard to believe); each piece is then summed up by its ends (place, speed,
size, looks), and the flow over all pieces decides again, with both sides of every doubt in view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numba as nb
import numpy as np
from numpy.typing import NDArray

from caststream.vision.flow import chains, least_cost_flow

F4 = NDArray[np.float32]
F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RefineSettings:
    """What refinement believes; prices are negative log-likelihood ratios."""

    costs: Literal["robust", "cast"] = "robust"
    """"cast" is the paper's own model, kept for comparison."""
    wait: float = 4.0
    """Longest time unseen that a link may bridge, in seconds."""
    split: float = 0.7
    """Online tracks are cut where they were unseen for longer than this many seconds."""
    doubt: float = 1.5
    """... and where two boxes that follow each other cost more than this."""
    ends: float = 0.65
    """Seconds at each end of a piece that speak for its speed and looks."""
    noise: float = 0.12
    """Deviation of an end's place, in scales."""
    drift: float = 0.8
    """Deviation of the place that grows by the second unseen, in scales."""
    fade: float = 0.5
    """Seconds in which a speed fades to a third."""
    size_noise: float = 0.13
    """Deviation of log width and log height."""
    size_drift: float = 0.3
    """... and how it grows by the second."""
    gap_price: float = 1.0
    """Price of a second unseen."""
    looks_weight: float = 16.0
    """Price of a cosine that falls by one."""
    looks_even: float = 0.55
    """Cosine that speaks neither for nor against."""
    looks_most: float = 4.0
    """How much looks can speak for a link: others may look the same."""
    still: float = 3.0
    """Price of standing still between two ends that moved."""
    together: float = 2.5
    """What it is worth that the online tracker had joined the two."""
    gate: float = 4.0
    """Links are taken up to this price."""
    ends_price: float = 1.9
    """Price of a track's end and beginning, together: what a track has to be worth to exist."""
    weak: float = 0.45
    """Mean score under which a piece speaks against itself."""
    weak_weight: float = 5.0
    """How much one box's score above ``weak`` is worth."""
    best: int = 16
    """A piece is offered this many followers at most, the cheapest ones."""


# Columns of the summary of a piece.
(T0, T1, X0, Y0, X1, Y1, VX0, VY0, VX1, VY1, W0, H0, W1, H1) = range(14)
COLUMNS = 14
FREEDOM = 4.0
FAR = 12.0
"""Deviations of place beyond which nothing is linked, whatever it looks like."""
MOVING = 0.5
"""Scales a second from which on an end counts as moving."""
HEAD = 5
"""Boxes at each end of a piece whose looks are compared."""


@nb.njit(cache=True, nogil=True)
def _fit(time, box, at, far, way, ends, out):  # type: ignore[no-untyped-def]
    # Place and speed at one end of a piece (rows at..far, walked in direction `way`): a line
    # through the boxes of the last `ends` seconds, held at the end box.
    origin = time[at]
    n = 0.0
    st = stt = sx = sy = stx = sty = 0.0
    x0 = 0.5 * (box[at, 0] + box[at, 2])
    y0 = 0.5 * (box[at, 1] + box[at, 3])
    k = at
    while True:
        t = time[k] - origin
        if n >= 2.0 and abs(t) > ends:
            break
        x = 0.5 * (box[k, 0] + box[k, 2]) - x0
        y = 0.5 * (box[k, 1] + box[k, 3]) - y0
        n += 1.0
        st += t
        stt += t * t
        sx += x
        sy += y
        stx += t * x
        sty += t * y
        if k == far:
            break
        k += way
    spread = stt - st * st / n
    out[0] = x0
    out[1] = y0
    if n >= 2.0 and spread > 1e-9:
        # Little evidence of speed is shrunk towards rest.
        shrink = spread / (spread + 0.01)
        out[2] = shrink * (stx - st * sx / n) / spread
        out[3] = shrink * (sty - st * sy / n) / spread
    else:
        out[2] = 0.0
        out[3] = 0.0


@nb.njit(cache=True, nogil=True)
def _summaries(time, box, first, last, ends, out):  # type: ignore[no-untyped-def]
    end = np.zeros(4)
    for i in range(first.shape[0]):
        a, b = first[i], last[i]
        s = out[i]
        s[T0] = time[a]
        s[T1] = time[b]
        _fit(time, box, a, b, 1, ends, end)
        s[X0], s[Y0], s[VX0], s[VY0] = end[0], end[1], end[2], end[3]
        _fit(time, box, b, a, -1, ends, end)
        s[X1], s[Y1], s[VX1], s[VY1] = end[0], end[1], end[2], end[3]
        s[W0] = np.log(box[a, 2] - box[a, 0])
        s[H0] = np.log(box[a, 3] - box[a, 1])
        s[W1] = np.log(box[b, 2] - box[b, 0])
        s[H1] = np.log(box[b, 3] - box[b, 1])


@nb.njit(cache=True, nogil=True, fastmath=True)
def _cosine(a, b):  # type: ignore[no-untyped-def]
    total = np.float32(0.0)
    for k in range(a.shape[0]):
        total += a[k] * b[k]
    return total


@nb.njit(cache=True, nogil=True)
def _price(p, a, b):  # type: ignore[no-untyped-def]
    # Price of piece b following piece a, without looks.
    gap = b[T0] - a[T1]
    keep = np.exp(-gap / p[4])
    reach = p[4] * (1.0 - keep)
    scale = np.exp(0.25 * (a[W1] + a[H1] + b[W0] + b[H0]))
    spread = p[2] + p[3] * gap
    # Forwards from the one, backwards from the other, or held: the most likely of the three.
    dx = b[X0] - a[X1]
    dy = b[Y0] - a[Y1]
    held = dx * dx + dy * dy
    fx, fy = dx - reach * a[VX1], dy - reach * a[VY1]
    best = fx * fx + fy * fy
    fx, fy = dx - reach * b[VX0], dy - reach * b[VY0]
    best = min(best, fx * fx + fy * fy)
    fx = dx - 0.5 * gap * (a[VX1] + b[VX0])
    fy = dy - 0.5 * gap * (a[VY1] + b[VY0])
    best = min(best, fx * fx + fy * fy)
    unit = FREEDOM * scale * scale * spread * spread
    speed = 0.5 * (np.hypot(a[VX1], a[VY1]) + np.hypot(b[VX0], b[VY0])) / scale
    price = min(
        0.5 * (FREEDOM + 2.0) * np.log(1.0 + best / unit),
        0.5 * (FREEDOM + 2.0) * np.log(1.0 + held / unit) + p[12] * min(1.0, speed / MOVING),
    )
    price += 2.0 * np.log(spread)
    spread = p[5] + p[6] * min(gap, 1.0)
    dx = b[W0] - a[W1]
    dy = b[H0] - a[H1]
    d = (dx * dx + dy * dy) / (spread * spread)
    price += 0.5 * (FREEDOM + 2.0) * np.log(1.0 + d / FREEDOM) + 2.0 * np.log(2.0 * spread)
    return price + p[7] * gap


@nb.njit(cache=True, nogil=True)
def _links(p, pieces, track, heads, tails, means, known, limit, room, links, cost):  # type: ignore[no-untyped-def]
    # Lists the links below the limit; pieces are sorted by their beginning.
    n = pieces.shape[0]
    count = 0
    order = np.argsort(pieces[:, T1])
    low = 0
    begin = pieces[:, T0]
    size = np.exp(0.5 * np.maximum(pieces[:, W0] + pieces[:, H0], pieces[:, W1] + pieces[:, H1]))
    speed = np.maximum(
        np.hypot(pieces[:, VX0], pieces[:, VY0]), np.hypot(pieces[:, VX1], pieces[:, VY1])
    )
    for o in range(n):
        i = order[o]
        a = pieces[i]
        while low < n and begin[low] <= a[T1]:
            low += 1
        mine = count
        for j in range(low, n):
            b = pieces[j]
            if b[T0] - a[T1] > p[0]:
                break
            gap = b[T0] - a[T1]
            reach = FAR * (p[2] + p[3] * gap) * max(size[i], size[j])
            reach += gap * (speed[i] + speed[j])
            if abs(b[X0] - a[X1]) > reach or abs(b[Y0] - a[Y1]) > reach:
                continue
            price = _price(p, a, b)
            if track[i] == track[j]:
                price -= p[10]
            if price - p[11] >= limit:
                continue  # not even the same looks would do
            if known[i] and known[j]:
                like = 0.5 * (_cosine(means[i], means[j]) + _cosine(tails[i], heads[j]))
                price += max(p[8] * (p[9] - like), -p[11])
            if price >= limit:
                continue
            if count - mine < room:
                links[count, 0] = i
                links[count, 1] = j
                cost[count] = price
                count += 1
                continue
            worst = mine
            for q in range(mine + 1, count):
                if cost[q] > cost[worst]:
                    worst = q
            if price < cost[worst]:
                links[worst, 1] = j
                cost[worst] = price
    return count


@nb.njit(cache=True, nogil=True)
def _doubts(p, time, box, track, looks, known, doubt, out):  # type: ignore[no-untyped-def]
    # Marks rows (sorted by track, then time) at which a new piece begins.
    pair = np.zeros((2, COLUMNS))
    end = np.zeros(4)
    a = pair[0]
    b = pair[1]
    first = 0
    for k in range(time.shape[0]):
        if k == 0 or track[k] != track[k - 1]:
            out[k] = True
            first = k
            continue
        gap = time[k] - time[k - 1]
        if gap > p[1]:
            out[k] = True
            first = k
            continue
        a[T1], b[T0] = time[k - 1], time[k]
        _fit(time, box, k - 1, first, -1, 0.5, end)
        a[X1], a[Y1], a[VX1], a[VY1] = end[0], end[1], end[2], end[3]
        b[X0] = 0.5 * (box[k, 0] + box[k, 2])
        b[Y0] = 0.5 * (box[k, 1] + box[k, 3])
        b[VX0], b[VY0] = end[2], end[3]
        a[W1], a[H1] = np.log(box[k - 1, 2] - box[k - 1, 0]), np.log(box[k - 1, 3] - box[k - 1, 1])
        b[W0], b[H0] = np.log(box[k, 2] - box[k, 0]), np.log(box[k, 3] - box[k, 1])
        price = _price(p, a, b)
        if known[k - 1] and known[k]:
            price += max(p[8] * (p[9] - _cosine(looks[k - 1], looks[k])), -p[11])
        if price > doubt:
            out[k] = True
            first = k


def _parameters(s: RefineSettings) -> F8:
    return np.array(
        [s.wait, s.split, s.noise, s.drift, s.fade, s.size_noise, s.size_drift, s.gap_price,
         s.looks_weight, s.looks_even, s.together, s.looks_most, s.still]
    )  # fmt: skip


@nb.njit(cache=True, nogil=True)
def _unit_means(vectors, first, last, most, heads, tails, means):  # type: ignore[no-untyped-def]
    # Unit means of the first few, the last few and all of the rows first..last of each piece;
    # zero where they say nothing.
    total = np.zeros((3, vectors.shape[1]))
    for i in range(first.shape[0]):
        total[:] = 0.0
        for k in range(first[i], last[i] + 1):
            for c in range(vectors.shape[1]):
                total[2, c] += vectors[k, c]
            if k < first[i] + most:
                for c in range(vectors.shape[1]):
                    total[0, c] += vectors[k, c]
            if k > last[i] - most:
                for c in range(vectors.shape[1]):
                    total[1, c] += vectors[k, c]
        for part, out in enumerate((heads, tails, means)):
            length = np.sqrt((total[part] * total[part]).sum())
            if length > 1e-6:
                for c in range(vectors.shape[1]):
                    out[i, c] = total[part, c] / length


def refine(
    time: F8,
    box: F4,
    score: F4,
    online: I8,
    vectors: F4 | None = None,
    settings: RefineSettings | None = None,
) -> I8:
    """Refined track of each box of one shot: (N,), numbered from 0, -1 for boxes left out.

    ``time`` (N,) seconds, ``box`` (N, 4), ``score`` (N,), ``online`` (N,) track ids of the online
    tracker (-1 for none: such boxes stay out), ``vectors`` (N, D) unit rows or zeros. Every box
    of the other arguments has to be finite and to have an area.
    """
    s = settings or RefineSettings()
    out = np.full(len(time), -1, np.int64)
    rows = np.flatnonzero(online >= 0)
    if len(rows) == 0:
        return out
    rows = rows[np.lexsort((time[rows], online[rows]))]
    t, b = np.ascontiguousarray(time[rows]), np.ascontiguousarray(box[rows], np.float64)
    track = np.ascontiguousarray(online[rows])
    looks = np.zeros((len(rows), 0), np.float32) if vectors is None else vectors[rows]
    looks = np.ascontiguousarray(looks, np.float32)
    looks[~np.isfinite(looks).all(axis=1)] = 0.0
    p = _parameters(s)
    begins = np.zeros(len(rows), np.bool_)
    _doubts(p, t, b, track, looks, looks.any(axis=1), s.doubt, begins)
    first = np.flatnonzero(begins)
    order = np.argsort(t[first], kind="stable")
    last = np.append(first[1:], len(rows)) - 1
    size = last - first + 1
    piece = np.repeat(np.argsort(order), size)
    first, last = first[order], last[order]
    pieces = np.zeros((len(first), COLUMNS))
    _summaries(t, b, first, last, s.ends, pieces)
    worth = score[rows].astype(np.float64) - s.weak
    use = -s.weak_weight * np.add.reduceat(worth, np.flatnonzero(begins))[order]
    if s.costs == "cast":
        from caststream.vision.cast_costs import cast_flow

        tracks = chains(cast_flow(t, b, score[rows], looks, first, last, s.wait))
        out[rows] = tracks[piece]
        return out
    heads, tails, means = np.zeros((3, len(first), looks.shape[1]), np.float32)
    _unit_means(looks, first, last, HEAD, heads, tails, means)
    known = means.any(axis=1)
    links = np.zeros((len(first) * s.best, 2), np.int64)
    cost = np.zeros(len(links))
    count = _links(p, pieces, track[first], heads, tails, means, known, s.gate, s.best, links, cost)
    half = np.full(len(first), 0.5 * s.ends_price)
    # An end and a beginning cost ends_price, so this offset makes the gate the price of a link.
    flow = least_cost_flow(use, half, half, links[:count], cost[:count] - s.gate + s.ends_price)
    out[rows] = chains(flow)[piece]
    return out
