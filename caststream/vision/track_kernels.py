"""The compiled inside of `tracker`: one call a frame, on arrays made beforehand.

A track is one row of ``floats`` (its filter, its last observation, its scores), one of ``ints``
and one of ``views`` (prototype first, then a ring of past views). Live tracks fill the first rows,
oldest first, so the order of all decisions is that of the input.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

import numba as nb
import numpy as np

from caststream.vision import kalman
from caststream.vision.assignment import assign_into
from caststream.vision.boxes import overlap

LAST = kalman.WIDTH  # four columns: last observed centre and log sizes
SEEN, SCORE, SCALE, BORN = LAST + 4, LAST + 5, LAST + 6, LAST + 7
TOTAL = LAST + 8  # sum of its scores
FLOATS = LAST + 9

ID, HITS, CONFIRMED, RING = 0, 1, 2, 3
INTS = 4

PAIRS = 48
"""Most boxes that one track may choose among; the worst ones fall out."""
FREEDOM = 4.0
"""Degrees of freedom of Student's t: how lightly a far residual is taken."""
TAIL = 0.5 * (FREEDOM + 2.0)
"""Power of its density in two dimensions."""
MOVING = 0.5
"""Scales a second from which on a track counts as moving."""

# Places of the settings in the parameter array, in the order of TrackerSettings.
(P_HIGH, P_LOW, P_START, P_SURE, P_MEMORY, P_DOUBT, P_NOISE, P_SIZE_NOISE, P_SPEED, P_SIZE_SPEED,
 P_FADE, P_SIZE_FADE, P_JUMP, P_HELD, P_GATE, P_LOW_GATE, P_SCORE, P_LOOKS, P_EVEN, P_MOST,
 P_DOUBLE, P_GAP, P_WEAK, P_STILL) = range(24)  # fmt: skip


# Sums of many products may be taken in any order, so that they run on vectors of numbers; but not
# a number has to stay not a number.
@nb.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _dot(a, b):
    total = np.float32(0.0)
    for k in range(a.shape[0]):
        total += a[k] * b[k]
    return total


@nb.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _mix(a, b, trust):
    # Turns the unit vector a towards b.
    keep = np.float32(1.0) - trust
    total = np.float32(0.0)
    for k in range(a.shape[0]):
        a[k] = keep * a[k] + trust * b[k]
        total += a[k] * a[k]
    if total > 0.0:
        total = np.float32(1.0) / np.sqrt(total)
        for k in range(a.shape[0]):
            a[k] *= total


@nb.njit(cache=True, nogil=True)
def _looks(views, ring, vector):
    best = np.float32(-1.0)
    for k in range(1, 1 + min(ring, views.shape[0] - 1)):
        best = max(best, _dot(views[k], vector))
    return 0.5 * (best + _dot(views[0], vector))


@nb.njit(cache=True, nogil=True)
def _reach(room):
    # Squared distance at which Student's t alone uses up the room that is left.
    return FREEDOM * (math.exp(room / TAIL) - 1.0) if room > 0.0 else -1.0


@nb.njit(cache=True, nogil=True)
def _pairs(p, gate, rows, n, time, z, use, m, scores, looks, known, floats, ints, views,
           start, cols, cost):  # fmt: skip
    # Lists the plausible pairs of the tracks rows[:n] with the boxes use[:m]. The cost of a pair
    # is its negative log-likelihood ratio of "this box continues that track", less the gate.
    count = 0
    for i in range(n):
        start[i] = count
        t = rows[i]
        f = floats[t]
        gap = time - f[SEEN]
        s2 = f[SCALE] * f[SCALE]
        noise = p[P_NOISE] * p[P_NOISE] * s2
        # Two guesses of the place: the filter's, and the last observation (drawings are held;
        # but who has been on the move hardly stands still again where it was last seen).
        vx, vy = f[kalman.PXX] + noise, f[kalman.PXX + 1] + noise
        moved = 0.5 * math.log(vx * vy / (s2 * s2))
        vh = 2.0 * noise + p[P_HELD] * p[P_HELD] * s2 * gap
        speed = math.hypot(f[kalman.VEL], f[kalman.VEL + 1]) / (MOVING * f[SCALE])
        held = math.log(vh / s2) + p[P_STILL] * min(1.0, speed)
        # The size, counted against two log sizes drawn at random (deviation one half).
        noise = p[P_SIZE_NOISE] * p[P_SIZE_NOISE]
        vw, vl = f[kalman.PXX + 2] + noise, f[kalman.PXX + 3] + noise
        base = 0.5 * math.log(16.0 * vw * vl) + p[P_GAP] * gap - gate
        seen = known.shape[0] > 0 and ints[t, RING] > 0
        most = p[P_MOST] if seen else 0.0  # what looks can speak for a pair at most
        far_moved, far_held = _reach(most - base - moved), _reach(most - base - held)
        for k in range(m):
            j = use[k]
            dx = z[j, 0] - f[kalman.POS]
            dy = z[j, 1] - f[kalman.POS + 1]
            d_moved = dx * dx / vx + dy * dy / vy
            dx = z[j, 0] - f[LAST]
            dy = z[j, 1] - f[LAST + 1]
            d_held = (dx * dx + dy * dy) / vh
            if d_moved > far_moved and d_held > far_held:
                continue
            place = min(
                TAIL * math.log(1.0 + d_moved / FREEDOM) + moved,
                TAIL * math.log(1.0 + d_held / FREEDOM) + held,
            )
            dx = z[j, 2] - f[kalman.POS + 2]
            dy = z[j, 3] - f[kalman.POS + 3]
            size = TAIL * math.log(1.0 + (dx * dx / vw + dy * dy / vl) / FREEDOM)
            c = base + place + size + p[P_SCORE] * abs(scores[j] - f[SCORE])
            if seen and known[j] and c < most:
                like = _looks(views[t], ints[t, RING], looks[j])
                c += max(p[P_LOOKS] * (p[P_EVEN] - like), -most)
            if c >= 0.0:
                continue
            if count - start[i] < PAIRS:
                cols[count] = k
                cost[count] = c
                count += 1
                continue
            worst = start[i]
            for q in range(start[i] + 1, count):
                if cost[q] > cost[worst]:
                    worst = q
            if c < cost[worst]:
                cols[worst] = k
                cost[worst] = c
    start[n] = count
    return count


@nb.njit(cache=True, nogil=True)
def _see(p, f, i, views, z, scale, score, time, vector, known):
    # Takes a matched box into its track.
    noise = p[P_NOISE] * (1.5 - score)
    kalman.correct(f, z, scale, noise, p[P_SIZE_NOISE] * (1.5 - score))
    for c in range(4):
        f[LAST + c] = z[c]
    f[SEEN] = time
    f[SCORE] = 0.5 * (f[SCORE] + score)
    f[SCALE] = 0.7 * f[SCALE] + 0.3 * scale
    f[TOTAL] += score
    i[HITS] += 1
    if i[HITS] >= 2:
        i[CONFIRMED] = 1
    if known:
        _remember(p, i, views, score, vector)


@nb.njit(cache=True, nogil=True)
def _remember(p, i, views, score, vector):
    ring = views.shape[0] - 1
    if i[RING] == 0:
        for k in range(vector.shape[0]):
            views[0, k] = vector[k]
    elif score >= p[P_LOW]:
        # Sure boxes count for more; doubtful ones (half hidden) hardly change the prototype.
        trust = 0.3 * max(0.0, score - p[P_LOW]) / (1.0 - p[P_LOW])
        _mix(views[0], vector, np.float32(trust))
    if score >= p[P_HIGH] or i[RING] == 0:
        at = 1 + i[RING] % ring
        for k in range(vector.shape[0]):
            views[at, k] = vector[k]
        i[RING] += 1


@nb.njit(cache=True, nogil=True)
def step(p, dt, time, boxes, scores, looks, floats, ints, views, count, ids,
         z, known, rows, use, start, cols, cost, match, real, whole):  # fmt: skip
    """Follow all tracks into one frame; writes ``ids`` (2, N), changes the tracks in place.

    ``known`` is empty where there are no looks at all.
    """
    # Tracks that waited too long are gone before they could take a box. At low rates an
    # unconfirmed one may wait for the next frame all the same.
    doubt = min(p[P_MEMORY], max(p[P_DOUBT], 1.5 * dt))
    n = 0
    for i in range(count[0]):
        wait = min(p[P_MEMORY], doubt + floats[i, SEEN] - floats[i, BORN])
        if time - floats[i, SEEN] <= (wait if ints[i, CONFIRMED] else doubt):
            if n != i:
                floats[n] = floats[i]
                ints[n] = ints[i]
                views[n] = views[i]
            n += 1
    m = boxes.shape[0]
    dim = known.shape[0] > 0
    none = views[0, 0]
    for i in range(n):
        f = floats[i]
        if dt > 0.0:
            kalman.predict(f, dt, f[SCALE], p[P_FADE], p[P_SIZE_FADE], p[P_SPEED],
                           p[P_SIZE_SPEED], p[P_JUMP])  # fmt: skip
    strong = 0
    for j in range(m):
        ids[0, j] = -1
        ids[1, j] = -1
        w = boxes[j, 2] - boxes[j, 0]
        h = boxes[j, 3] - boxes[j, 1]
        # Not finite, no area, or a score that is not a number: never used.
        if not (w > 0.0 and h > 0.0 and w < 1e7 and h < 1e7 and scores[j] >= p[P_LOW]
                and abs(boxes[j, 0]) < 1e7 and abs(boxes[j, 1]) < 1e7):  # fmt: skip
            ids[0, j] = -2
            continue
        z[j, 0] = 0.5 * (boxes[j, 0] + boxes[j, 2])
        z[j, 1] = 0.5 * (boxes[j, 1] + boxes[j, 3])
        z[j, 2] = math.log(w)
        z[j, 3] = math.log(h)
        z[j, 4] = math.sqrt(w * h)
        if dim:
            length = _dot(looks[j], looks[j])
            known[j] = length > 0.0 and math.isfinite(length)
        if scores[j] >= p[P_HIGH]:
            use[strong] = j
            strong += 1
    left = n
    for i in range(n):
        rows[i] = i
    for stage in range(2):
        if stage == 1:
            # Left-over tracks, left-over boxes: low scores first of all, any other too.
            strong = 0
            for j in range(m):
                if ids[0, j] == -1:
                    use[strong] = j
                    strong += 1
        if left == 0 or strong == 0:
            continue
        gate = p[P_GATE] if stage == 0 else p[P_LOW_GATE]
        _pairs(p, gate, rows, left, time, z, use, strong, scores, looks, known,
               floats, ints, views, start, cols, cost)  # fmt: skip
        assign_into(left, strong, start, cols, cost, match[0], match[1], real, whole)
        rest = 0
        for k in range(left):
            i = rows[k]
            if match[0, k] < 0:
                rows[rest] = i
                rest += 1
                continue
            j = use[match[0, k]]
            _see(p, floats[i], ints[i], views[i], z[j], z[j, 4], min(1.0, scores[j]), time,
                 looks[j] if dim else none, dim and known[j])  # fmt: skip
            ids[0, j] = ints[i, ID]
            if ints[i, CONFIRMED] and floats[i, TOTAL] >= p[P_WEAK] * ints[i, HITS]:
                ids[1, j] = ints[i, ID]
        left = rest
    # Births: a box that nobody took, unless it doubles one that somebody did.
    for j in range(m):
        if ids[0, j] != -1 or scores[j] < p[P_START] or n == floats.shape[0]:
            continue
        double = False
        for k in range(m):
            if ids[0, k] >= 0 and overlap(
                boxes[j, 0], boxes[j, 1], boxes[j, 2], boxes[j, 3],
                boxes[k, 0], boxes[k, 1], boxes[k, 2], boxes[k, 3],
            ) > p[P_DOUBLE]:  # fmt: skip
                double = True
                break
        if double:
            continue
        f, i = floats[n], ints[n]
        kalman.begin(f, z[j], z[j, 4], p[P_NOISE], p[P_SIZE_NOISE], p[P_SPEED], p[P_SIZE_SPEED])
        for c in range(4):
            f[LAST + c] = z[j, c]
        f[SEEN], f[SCORE], f[SCALE] = time, min(1.0, scores[j]), z[j, 4]
        f[BORN], f[TOTAL] = time, f[SCORE]
        i[ID], i[HITS], i[RING] = count[1], 1, 0
        i[CONFIRMED] = 1 if scores[j] >= p[P_SURE] else 0
        if dim and known[j]:
            _remember(p, i, views[n], min(1.0, scores[j]), looks[j])
        ids[0, j] = count[1]
        ids[1, j] = count[1] if i[CONFIRMED] else -1
        count[1] += 1
        n += 1
    count[0] = n
    for j in range(m):
        ids[0, j] = max(ids[0, j], -1)
