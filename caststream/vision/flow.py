"""Refinement at a shot's end: all of the shot's tracklets are linked anew, once and exactly.

CAST's offline association (Nir, Rapoport & Shamir, *Character labeling in Animation using
Self-supervision by Tracking*, 2022, arXiv 2201.07619), over pieces of the online tracks
instead of raw boxes, after the min-cost flow of Zhang, Li & Nevatia (*Global data association for
multi-object tracking using network flows*, CVPR 2008). Every piece may be used or left out, a
track enters and exits at a price, and links skip the time in which nothing was seen.

The flow is solved as one sparse assignment of 2N rows to 2N columns: rows are (out_i, enter_i),
columns (in_j, exit_j). A link takes out_i to in_j, an end out_i to exit_i, a beginning enter_j to
in_j; enter_j to exit_i for the same pairs as the links, at no cost, lets a link's two spare ends
meet; and out_i to in_i says that the piece is not used. Capacity is one everywhere, so this is
exact and not a relaxation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

F4 = NDArray[np.float32]
F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


GRAIN = 2.0**24
"""Steps to a unit of cost that the solver tells apart."""


class Flow(NamedTuple):
    """A solved flow over N pieces."""

    used: NDArray[np.bool_]
    """(N,) which pieces belong to a track."""
    following: I8
    """(N,) the piece that each used piece is followed by, -1 where its track ends."""
    cost: float


def least_cost_flow(use: F8, enter: F8, leave: F8, links: I8, cost: F8) -> Flow:
    """The set of disjoint paths with the least total cost.

    ``use`` (N,) is the cost of each piece being used, ``enter`` and ``leave`` (N,) those of a
    track that begins or ends with it; ``links`` (L, 2) says which piece may follow which (no
    circles, no doubles), ``cost`` (L,) at what price. Exact to one part in 2**24 a piece; costs
    have to stay below 1e6.
    """
    n = len(use)
    if n == 0:
        return Flow(np.zeros(0, bool), np.zeros(0, np.int64), 0.0)
    own = np.arange(n)
    a, b = links[:, 0], links[:, 1]
    rows = np.concatenate((a, own, own, own, n + b, n + own))
    cols = np.concatenate((b, own, n + own, own, n + a, n + own))
    rows[n + len(a) + n : n + len(a) + 2 * n] += n  # enter_j -> in_j
    weight = np.concatenate((cost, -use, leave, enter, np.zeros(len(a)), np.zeros(n)))
    # Whole numbers: with rounding errors the solver can run in circles for ever (its row reduction
    # takes turns between two rows whose costs differ in the last bit). Every full matching has 2N
    # edges, so a constant changes nothing; it keeps weights off zero, which would be "no edge".
    whole = np.rint(weight * GRAIN)
    graph = csr_array((whole - whole.min() + 1.0, (rows, cols)), shape=(2 * n, 2 * n))
    _, match = min_weight_full_bipartite_matching(graph)
    ahead = match[:n].astype(np.int64)
    used = ahead != own
    following = np.where(used & (ahead < n), ahead, -1)
    chosen = np.asarray(graph[np.arange(2 * n), match]).ravel() - 1.0 + whole.min()
    return Flow(used, following, float(chosen.sum() / GRAIN + use.sum()))


def chains(flow: Flow) -> I8:
    """The track of each piece (N,): tracks numbered from 0 by their first piece, -1 if unused.

    Pieces have to be sorted by their beginning.
    """
    out = np.full(len(flow.used), -1, np.int64)
    count = 0
    for i in np.flatnonzero(flow.used):
        if out[i] < 0:
            out[i] = count
            count += 1
        if flow.following[i] >= 0:
            out[flow.following[i]] = out[i]
    return out
