"""A shift that all boxes of a frame have in common (a pan), found by a vote among pairs."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numba as nb

VOTERS = 48
"""Shifts that are put to the vote, at most."""


@nb.njit(cache=True, nogil=True)
def common_shift(limit, n, place, scales, z, use, m, moves, out):
    """Write to ``out`` (2,) the shift that brings most tracks onto a box of their size.

    ``place`` (>= n, 4) predicted centre and log sizes of tracks and ``scales`` (>= n,) their
    scales, ``z`` (M, >= 4) centre and log sizes of boxes, of which ``use[:m]`` take part; shifts
    up to ``limit`` mean scales are looked for. ``moves`` (K, 3) is scratch. Writes zeros where no
    shift has the votes of half the tracks, and clearly more than none at all.
    """
    out[0] = 0.0
    out[1] = 0.0
    count = 0
    scale = 0.0
    for i in range(n):
        scale += scales[i]
    scale /= n
    for i in range(n):
        for k in range(m):
            j = use[k]
            dx = (z[j, 0] - place[i, 0]) / scale
            dy = (z[j, 1] - place[i, 1]) / scale
            if (
                dx * dx + dy * dy < limit * limit
                and abs(z[j, 2] - place[i, 2]) < 0.5
                and abs(z[j, 3] - place[i, 3]) < 0.5
                and count < moves.shape[0]
            ):
                moves[count, 0] = dx
                moves[count, 1] = dy
                moves[count, 2] = i
                count += 1
    best = 0.0
    still = 0.0
    bx = 0.0
    by = 0.0
    every = max(1, count // VOTERS)
    for c in range(-1, count):
        if c >= 0 and c % every:
            continue
        x = moves[c, 0] if c >= 0 else 0.0
        y = moves[c, 1] if c >= 0 else 0.0
        total = 0.0
        nearest = 1.0
        owner = -1.0
        sx = 0.0
        sy = 0.0
        weight = 0.0
        for k in range(count):
            if moves[k, 2] != owner:
                total += 1.0 - nearest
                nearest = 1.0
                owner = moves[k, 2]
            ex = moves[k, 0] - x
            ey = moves[k, 1] - y
            d = (ex * ex + ey * ey) * 25.0  # a fifth of a scale is where support ends
            if d < 1.0:
                sx += (1.0 - d) * moves[k, 0]
                sy += (1.0 - d) * moves[k, 1]
                weight += 1.0 - d
                nearest = min(nearest, d)
        total += 1.0 - nearest
        if c < 0:
            still = total
        if total > best and weight > 0.0:
            best = total
            bx = sx / weight
            by = sy / weight
    # A pan moves nearly everybody: half of all tracks have to agree, and clearly.
    if best >= 0.5 * n and best > still + 0.15 * n:
        out[0] = bx * scale
        out[1] = by * scale
