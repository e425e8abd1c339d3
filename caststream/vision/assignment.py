"""Sparse assignment of rows to columns in which any of them may stay alone.

Shortest augmenting paths with potentials (Jonker & Volgenant, *A shortest augmenting path
algorithm for dense and sparse linear assignment problems*, Computing 38, 1987), on compressed
rows, so that the cost follows the number of plausible pairs and not rows times columns. Staying
alone costs nothing, so only pairs with a negative cost are worth listing.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray


@nb.njit(cache=True, nogil=True)
def assign_into(n, m, start, cols, cost, row_match, col_match, real, whole):  # type: ignore[no-untyped-def]
    """Write the cheapest matching into ``row_match`` (n,) and ``col_match`` (m,), -1 for alone.

    Pairs of row i are ``cols[start[i]:start[i + 1]]`` at ``cost`` (below 0). ``real`` is scratch of
    shape (3, max(n, m)), ``whole`` integer scratch of shape (4, max(n, m)).
    """
    u, v, dist = real[0], real[1], real[2]
    pred, state, touched, pending = whole[0], whole[1], whole[2], whole[3]
    for j in range(m):
        col_match[j] = -1
        v[j] = 0.0
        state[j] = 0
    waiting = 0
    for i in range(n):
        row_match[i] = -1
        best = 0.0
        at = -1
        for k in range(start[i], start[i + 1]):
            if cost[k] < best:
                best = cost[k]
                at = cols[k]
        u[i] = best
        if at >= 0:
            if col_match[at] < 0:
                col_match[at] = i
                row_match[i] = at
            else:
                pending[waiting] = i
                waiting += 1
    for p in range(waiting):
        root = pending[p]
        count = 0
        row = root
        base = 0.0
        best = np.inf  # length of the shortest way to an end
        end_row = -1  # the way ends by leaving this row alone ...
        end_col = -1  # ... or at this free column
        while True:
            if base - u[row] < best:
                best = base - u[row]
                end_row = row
            for k in range(start[row], start[row + 1]):
                j = cols[k]
                if state[j] == 2:
                    continue
                d = base + cost[k] - u[row] - v[j]
                if state[j] == 0:
                    state[j] = 1
                    touched[count] = j
                    count += 1
                    dist[j] = d
                    pred[j] = row
                elif d < dist[j]:
                    dist[j] = d
                    pred[j] = row
            nearest = -1
            low = best
            for k in range(count):
                j = touched[k]
                if state[j] == 1 and dist[j] < low:
                    low = dist[j]
                    nearest = j
            if nearest < 0:
                break
            state[nearest] = 2
            if col_match[nearest] < 0:
                best = low
                end_col = nearest
                break
            base = low
            row = col_match[nearest]
        u[root] += best
        for k in range(count):
            j = touched[k]
            if state[j] == 2 and j != end_col:
                u[col_match[j]] += best - dist[j]
                v[j] += dist[j] - best
            state[j] = 0
        if end_col >= 0:
            j = end_col
        else:
            j = row_match[end_row]
            row_match[end_row] = -1
            if end_row == root:
                continue
        while True:
            row = pred[j]
            free = row_match[row]
            row_match[row] = j
            col_match[j] = row
            if row == root:
                break
            j = free


def assign(cost: NDArray[np.float64]) -> NDArray[np.int64]:
    """Column of each row of ``cost`` (N, M), -1 for a row that stays alone: (N,).

    Entries of 0 and above, and NaN, are never taken; the sum over what is taken is the least
    possible one.
    """
    n, m = cost.shape
    keep = cost < 0
    start = np.concatenate(([0], np.cumsum(keep.sum(axis=1)))).astype(np.int64)
    rows = np.empty(n, np.int64)
    size = max(n, m, 1)
    assign_into(
        n, m, start, np.nonzero(keep)[1].astype(np.int64), cost[keep].astype(np.float64),
        rows, np.empty(m, np.int64), np.empty((3, size)), np.empty((4, size), np.int64),
    )  # fmt: skip
    return rows
