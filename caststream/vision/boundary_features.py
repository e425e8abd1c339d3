"""What one frame looks like beside the frames and drawings before it.

Everything is computed from pictures of 48x27 RGB, causally: features of a frame compare it with
frames that came before. Two axes of time are used. On the axis of frames it is compared with the
frames a fixed number of steps back (``LAGS``), which shows slow mixtures; on the axis of drawings
with the last ``DRAWINGS`` *distinct* pictures, so that a drawing held for two, three or four
frames is compared with the drawing before it and not with itself.

Histogram similarity over frame pairs follows TransNet V2 (Soucek and Lokoc, 2020, section 3);
the straight-line test of a dissolve follows Lienhart (SPIE 3656, 1999, section 5).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

F4 = NDArray[np.float32]
I4 = NDArray[np.int32]
U1 = NDArray[np.uint8]

HEIGHT, WIDTH = 27, 48
LAGS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96], dtype=np.int64)
DRAWINGS = 12
MEMORY = 128
"""How many frames are remembered; a power of two above the longest lag."""
BLENDS = np.array([1, 2, 4, 8, 16, 32, 48], dtype=np.int64)

CELLS_Y, CELLS_X = 9, 16
THUMB = CELLS_Y * CELLS_X * 3
BINS = 12
HIST = 4 * 3 * BINS
BLOCKS_Y, BLOCKS_X = 3, 4
REACH = 3
"""Search range of block matching, in pixels of the small picture."""

PAIR = 6
"""Numbers a pair of frames: difference, colour overlap, correlation, contrast, level, worst."""
SINGLE = 8
GRID = BLOCKS_Y * BLOCKS_X
FEATURES = (
    SINGLE
    + PAIR * len(LAGS)
    + 3 * DRAWINGS
    + 2 * len(BLENDS)
    + 3 * GRID
    + 4  # block matching: raw, compensated, motion, share of blocks that found no match
    + 4  # how long the drawings were held
)

_HELD_MEAN = 0.6
_HELD_CELL = 6.0


class History:
    """The frames and drawings that new frames are compared with.

    ``push`` takes frames one by one; arrays below are rings of ``MEMORY`` rows, frame ``n`` in
    row ``n % MEMORY``.
    """

    def __init__(self) -> None:
        self.full = np.zeros((MEMORY, HEIGHT, WIDTH, 3), dtype=np.uint8)
        self.thumb = np.zeros((MEMORY, THUMB), dtype=np.float32)
        self.luma = np.zeros((MEMORY, CELLS_Y * CELLS_X), dtype=np.float32)
        self.hist = np.zeros((MEMORY, HIST), dtype=np.float32)
        self.level = np.zeros((MEMORY, 2), dtype=np.float32)
        self.drawings = np.zeros(DRAWINGS + 1, dtype=np.int64)
        self.count = 0

    def copy(self) -> History:
        """Another one in the same state."""
        other = History()
        for name, value in vars(self).items():
            setattr(other, name, value.copy() if isinstance(value, np.ndarray) else value)
        return other

    def push(self, small: U1) -> tuple[F4, NDArray[np.int64]]:
        """Add a frame (27, 48, 3); give its features (FEATURES,) and the frames it looked at.

        The second array holds the rows of the ring that the frame was compared with: one a lag,
        then one a drawing, newest first.
        """
        out = np.empty(FEATURES, dtype=np.float32)
        rows = np.empty(len(LAGS) + DRAWINGS, dtype=np.int64)
        describe(
            small,
            self.count,
            self.full,
            self.thumb,
            self.luma,
            self.hist,
            self.level,
            self.drawings,
            out,
            rows,
        )
        self.count += 1
        return out, rows


@njit(cache=True, nogil=True, fastmath=True)
def describe_clip(clip: U1, out: F4, rows: I4) -> None:
    """Features of every frame of a clip (T, 27, 48, 3) into ``out`` (T, FEATURES).

    ``rows`` (T, LAGS + DRAWINGS) gets the index in the clip of each frame that was looked at.
    """
    full = np.zeros((MEMORY, HEIGHT, WIDTH, 3), dtype=np.uint8)
    thumb = np.zeros((MEMORY, THUMB), dtype=np.float32)
    luma = np.zeros((MEMORY, CELLS_Y * CELLS_X), dtype=np.float32)
    hist = np.zeros((MEMORY, HIST), dtype=np.float32)
    level = np.zeros((MEMORY, 2), dtype=np.float32)
    drawings = np.zeros(DRAWINGS + 1, dtype=np.int64)
    ring_rows = np.zeros(rows.shape[1], dtype=np.int64)
    for t in range(clip.shape[0]):
        describe(clip[t], t, full, thumb, luma, hist, level, drawings, out[t], ring_rows)
        for i in range(rows.shape[1]):
            # A row of the ring back to a frame number: at most MEMORY - 1 frames ago.
            rows[t, i] = t - (t - ring_rows[i]) % MEMORY


@njit(cache=True, nogil=True, fastmath=True)
def describe(
    small: U1,
    n: int,
    full: U1,
    thumb: F4,
    luma: F4,
    hist: F4,
    level: F4,
    drawings: NDArray[np.int64],
    out: F4,
    rows: NDArray[np.int64],
) -> None:
    """Store frame ``n`` in the rings and write its features."""
    now = n % MEMORY
    _summarise(small, full[now], thumb[now], luma[now], hist[now], level[now])
    if n == 0:
        drawings[:] = 0
    # drawings[0] is the frame that began the present drawing, [1:] began those before it.
    newest = drawings[0]
    if n - newest >= MEMORY - 1:
        newest = n - MEMORY + 1
        drawings[0] = newest
    if n > 0 and _is_new(full[now], full[newest % MEMORY], thumb[now], thumb[newest % MEMORY]):
        for i in range(DRAWINGS, 0, -1):
            drawings[i] = drawings[i - 1]
        drawings[0] = n
    for i in range(1, DRAWINGS + 1):
        # What fell out of the ring is stood for by its oldest frame.
        if n - drawings[i] >= MEMORY:
            drawings[i] = n - MEMORY + 1

    at = 0
    mean, std, low, high, colour = _levels(thumb[now], luma[now])
    out[0] = mean
    out[1] = std
    out[2] = low
    out[3] = high
    out[4] = colour
    out[5] = min(mean, 1.0 - mean)
    out[6] = 1.0 if high < 0.12 else 0.0
    out[7] = 1.0 if low > 0.88 else 0.0
    at = SINGLE
    for i in range(LAGS.shape[0]):
        row = max(n - LAGS[i], 0) % MEMORY
        rows[i] = row
        difference, worst = _difference(thumb[now], thumb[row])
        correlation = _correlation(luma[now], luma[row], level[now], level[row])
        out[at] = difference
        out[at + 1] = _dot(hist[now], hist[row])
        out[at + 2] = correlation
        out[at + 3] = np.log((level[now, 1] + 0.01) / (level[row, 1] + 0.01))
        out[at + 4] = level[now, 0] - level[row, 0]
        out[at + 5] = worst
        at += PAIR
    for i in range(DRAWINGS):
        row = drawings[i + 1] % MEMORY
        rows[LAGS.shape[0] + i] = row
        difference, worst = _difference(thumb[now], thumb[row])
        out[at] = difference
        out[at + 1] = _dot(hist[now], hist[row])
        out[at + 2] = _correlation(luma[now], luma[row], level[now], level[row])
        at += 3
    for i in range(BLENDS.shape[0]):
        middle = max(n - BLENDS[i], 0) % MEMORY
        first = max(n - 2 * BLENDS[i], 0) % MEMORY
        bend, span = _straightness(thumb[now], thumb[middle], thumb[first])
        out[at] = bend / (span + 0.01)
        out[at + 1] = span
        at += 2
    for which in range(3):
        row = max(n - 1, 0) % MEMORY
        if which == 1:
            row = drawings[1] % MEMORY
        elif which == 2:
            row = max(n - 12, 0) % MEMORY
        _blocks(thumb[now], thumb[row], out[at : at + GRID])
        at += GRID
    before = drawings[1] % MEMORY if drawings[0] == n else max(n - 1, 0) % MEMORY
    raw, compensated, motion, lost = _match_blocks(full[now], full[before])
    out[at] = raw
    out[at + 1] = compensated
    out[at + 2] = motion
    out[at + 3] = lost
    at += 4
    out[at] = np.log1p(n - drawings[0])
    for i in range(3):
        out[at + 1 + i] = np.log1p(drawings[i] - drawings[i + 1])


@njit(cache=True, nogil=True, fastmath=True)
def _summarise(small: U1, full: U1, thumb: F4, luma: F4, hist: F4, level: F4) -> None:
    full[:] = small
    hist[:] = 0.0
    thumb[:] = 0.0
    for y in range(HEIGHT):
        for x in range(WIDTH):
            cell = ((y // 3) * CELLS_X + x // 3) * 3
            quadrant = (2 if 2 * y >= HEIGHT else 0) + (1 if 2 * x >= WIDTH else 0)
            for c in range(3):
                value = float(small[y, x, c])
                thumb[cell + c] += value
                # Each value is shared between its two nearest bins: a slow drift of the light
                # then moves the histogram slowly and not in jumps.
                place = value * ((BINS - 1) / 255.0)
                low = int(place)
                share = place - low
                base = (quadrant * 3 + c) * BINS + low
                hist[base] += 1.0 - share
                if low + 1 < BINS:
                    hist[base + 1] += share
    for i in range(THUMB):
        thumb[i] /= 9.0 * 255.0
    for q in range(12):
        total = 0.0
        for b in range(BINS):
            total += hist[q * BINS + b]
        for b in range(BINS):
            # Root of the share: a dot product is then the Bhattacharyya coefficient.
            hist[q * BINS + b] = np.sqrt(hist[q * BINS + b] / (12.0 * total))
    mean = 0.0
    for i in range(CELLS_Y * CELLS_X):
        luma[i] = 0.299 * thumb[3 * i] + 0.587 * thumb[3 * i + 1] + 0.114 * thumb[3 * i + 2]
        mean += luma[i]
    mean /= CELLS_Y * CELLS_X
    variance = 0.0
    for i in range(CELLS_Y * CELLS_X):
        variance += (luma[i] - mean) ** 2
    level[0] = mean
    level[1] = np.sqrt(variance / (CELLS_Y * CELLS_X))


@njit(cache=True, nogil=True, fastmath=True)
def _is_new(a: U1, b: U1, thumb_a: F4, thumb_b: F4) -> bool:
    total = 0.0
    for y in range(HEIGHT):
        for x in range(WIDTH):
            for c in range(3):
                total += abs(float(a[y, x, c]) - float(b[y, x, c]))
    if total > _HELD_MEAN * HEIGHT * WIDTH * 3:
        return True
    worst = 0.0
    for i in range(THUMB):
        worst = max(worst, abs(thumb_a[i] - thumb_b[i]))
    return worst * 255.0 > _HELD_CELL


@njit(cache=True, nogil=True, fastmath=True)
def _levels(thumb: F4, luma: F4) -> tuple[float, float, float, float, float]:
    low = 1.0
    high = 0.0
    mean = 0.0
    square = 0.0
    colour = 0.0
    for i in range(CELLS_Y * CELLS_X):
        value = luma[i]
        low = min(low, value)
        high = max(high, value)
        mean += value
        square += value * value
        r, g, b = thumb[3 * i], thumb[3 * i + 1], thumb[3 * i + 2]
        colour += max(r, g, b) - min(r, g, b)
    n = CELLS_Y * CELLS_X
    mean /= n
    return mean, np.sqrt(max(square / n - mean * mean, 0.0)), low, high, colour / n


@njit(cache=True, nogil=True, fastmath=True)
def _difference(a: F4, b: F4) -> tuple[float, float]:
    total = 0.0
    worst = 0.0
    for i in range(THUMB):
        d = abs(a[i] - b[i])
        total += d
        worst = max(worst, d)
    return total / THUMB, worst


@njit(cache=True, nogil=True, fastmath=True)
def _dot(a: F4, b: F4) -> float:
    total = 0.0
    for i in range(a.shape[0]):
        total += a[i] * b[i]
    return total


@njit(cache=True, nogil=True, fastmath=True)
def _correlation(a: F4, b: F4, level_a: F4, level_b: F4) -> float:
    """Normalised cross-correlation; near flat pictures it goes to 0, equal ones it keeps at 1."""
    n = a.shape[0]
    total = 0.0
    square = 0.0
    for i in range(n):
        x = a[i] - level_a[0]
        y = b[i] - level_b[0]
        total += x * y
        square += (x - y) * (x - y)
    scale = level_a[1] * level_b[1] + 1e-4
    if square / n < 1e-5:
        return 1.0
    return float(total / n / scale)


@njit(cache=True, nogil=True, fastmath=True)
def _straightness(now: F4, middle: F4, first: F4) -> tuple[float, float]:
    """How far the middle picture lies off the straight line between the outer two."""
    bend = 0.0
    span = 0.0
    for i in range(THUMB):
        bend += abs(middle[i] - 0.5 * (now[i] + first[i]))
        span += abs(now[i] - first[i])
    return bend / THUMB, span / THUMB


@njit(cache=True, nogil=True, fastmath=True)
def _blocks(a: F4, b: F4, out: F4) -> None:
    """Mean difference in each of 3x4 blocks."""
    out[:] = 0.0
    for y in range(CELLS_Y):
        for x in range(CELLS_X):
            cell = (y * CELLS_X + x) * 3
            block = (y * BLOCKS_Y // CELLS_Y) * BLOCKS_X + x * BLOCKS_X // CELLS_X
            for c in range(3):
                out[block] += abs(a[cell + c] - b[cell + c])
    for i in range(GRID):
        out[i] /= THUMB / GRID


@njit(cache=True, nogil=True, fastmath=True)
def _match_blocks(now: U1, before: U1) -> tuple[float, float, float, float]:
    """Block matching on green: mean difference raw and best, mean motion, share of lost blocks."""
    size_y, size_x = 9, 8
    raw_sum = 0.0
    best_sum = 0.0
    motion = 0.0
    lost = 0.0
    blocks = (HEIGHT // size_y) * (WIDTH // size_x)
    for by in range(HEIGHT // size_y):
        for bx in range(WIDTH // size_x):
            best = 1e9
            still = 0.0
            moved = 0
            for dy in range(-REACH, REACH + 1):
                for dx in range(-REACH, REACH + 1):
                    y0 = by * size_y + dy
                    x0 = bx * size_x + dx
                    if y0 < 0 or x0 < 0 or y0 + size_y > HEIGHT or x0 + size_x > WIDTH:
                        continue
                    total = np.int64(0)
                    for y in range(size_y):
                        for x in range(size_x):
                            a = np.int64(now[by * size_y + y, bx * size_x + x, 1])
                            total += abs(a - np.int64(before[y0 + y, x0 + x, 1]))
                    value = total / (size_y * size_x * 255.0)
                    if dy == 0 and dx == 0:
                        still = value
                    if value < best - 1e-6 or (dy == 0 and dx == 0 and value <= best + 1e-6):
                        best = value
                        moved = abs(dy) + abs(dx)
            raw_sum += still
            best_sum += best
            motion += moved
            if best > 0.06:
                lost += 1.0
    return raw_sum / blocks, best_sum / blocks, motion / blocks / REACH, lost / blocks
