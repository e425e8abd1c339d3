"""The compiled inside of `refine`: pieces of tracks, and the prices of linking them.

A piece is summed up in one row of 14 columns: when it begins and ends, where, how fast (from a
line through the boxes near that end), and log width and height at both ends. ``p`` is the array of
`RefineSettings` that `refine` makes.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numba as nb
import numpy as np

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
def fit_end(time, box, at, far, way, ends, out):
    """Write place and speed at one end of a piece to ``out`` (4,).

    The piece is rows ``at`` to ``far``, walked in direction ``way``; the speed is that of a line
    through the boxes of the last ``ends`` seconds.
    """
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
def summarise(time, box, first, last, ends, out):
    """Sum up the pieces of rows ``first`` to ``last`` (inclusive) in ``out`` (N, 14)."""
    end = np.zeros(4)
    for i in range(first.shape[0]):
        a, b = first[i], last[i]
        s = out[i]
        s[T0] = time[a]
        s[T1] = time[b]
        fit_end(time, box, a, b, 1, ends, end)
        s[X0], s[Y0], s[VX0], s[VY0] = end[0], end[1], end[2], end[3]
        fit_end(time, box, b, a, -1, ends, end)
        s[X1], s[Y1], s[VX1], s[VY1] = end[0], end[1], end[2], end[3]
        s[W0] = np.log(box[a, 2] - box[a, 0])
        s[H0] = np.log(box[a, 3] - box[a, 1])
        s[W1] = np.log(box[b, 2] - box[b, 0])
        s[H1] = np.log(box[b, 3] - box[b, 1])


@nb.njit(cache=True, nogil=True, fastmath=True)
def _cosine(a, b):
    total = np.float32(0.0)
    for k in range(a.shape[0]):
        total += a[k] * b[k]
    return total


@nb.njit(cache=True, nogil=True)
def price_of(p, a, b):
    """Price of piece ``b`` (14,) following piece ``a`` (14,), without looks."""
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
def list_links(p, pieces, track, heads, tails, means, known, limit, room, links, cost):
    """Write links below ``limit`` to ``links`` (L, 2) and ``cost`` (L,); gives how many.

    Pieces are sorted by their beginning; each is offered the ``room`` cheapest followers.
    """
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
            price = price_of(p, a, b)
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
def mark_doubts(p, time, box, track, looks, known, doubt, out):
    """Set ``out`` (N,) at rows (sorted by track, then time) with which a new piece begins."""
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
        fit_end(time, box, k - 1, first, -1, 0.5, end)
        a[X1], a[Y1], a[VX1], a[VY1] = end[0], end[1], end[2], end[3]
        b[X0] = 0.5 * (box[k, 0] + box[k, 2])
        b[Y0] = 0.5 * (box[k, 1] + box[k, 3])
        b[VX0], b[VY0] = end[2], end[3]
        a[W1], a[H1] = np.log(box[k - 1, 2] - box[k - 1, 0]), np.log(box[k - 1, 3] - box[k - 1, 1])
        b[W0], b[H0] = np.log(box[k, 2] - box[k, 0]), np.log(box[k, 3] - box[k, 1])
        price = price_of(p, a, b)
        if known[k - 1] and known[k]:
            price += max(p[8] * (p[9] - _cosine(looks[k - 1], looks[k])), -p[11])
        if price > doubt:
            out[k] = True
            first = k


@nb.njit(cache=True, nogil=True)
def unit_means(vectors, first, last, most, heads, tails, means):
    """Write unit means of the first ``most``, last ``most`` and all vectors of each piece.

    Zero where they say nothing.
    """
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
