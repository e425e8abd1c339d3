"""What leads up to a track: doubtful boxes before its first sure one.

Who walks into the picture, or comes out from behind somebody, is found before a score is high
enough to begin a track. The tracker follows such boxes by themselves, under ids of their own below
-1; here they are put before the refined track that they lead up to. They make no track alone: on
four drawn shows 97 boxes of 818 in such tracks were true ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from caststream.vision.flow import chains, least_cost_flow
from caststream.vision.pieces import (
    COLUMNS,
    HEAD,
    list_links,
    mark_doubts,
    summarise,
    unit_means,
)

F4 = NDArray[np.float32]
F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

LIMIT = 3.0
"""Price up to which doubtful boxes are put before a track."""
SURE = 0.45
"""Score from which on a box is sure: `TrackerSettings.start`, from which on it begins a track."""
BEST = 16
"""Doubtful boxes are offered this many followers at most, the cheapest ones."""


def lead_up(
    p: F8, doubt: float, ends: float, weak: float,
    time: F8, box: F8, score: F4, online: I8, looks: F4, label: I8,
) -> I8:  # fmt: skip
    """The labels (N,) with those of the boxes that lead up to a track filled in.

    Boxes of which ``online`` (N,) is below -1 are the doubtful ones, ``label`` (N,) is -1 for them
    and for what is in no track; ``p``, ``doubt``, ``ends`` and ``weak`` are refinement's own,
    ``looks`` (N, D) finite. Nothing leads up to a track that scores less than ``weak`` on average:
    it may be nobody itself.
    """
    faint = online < -1
    rows = np.flatnonzero(faint | (label >= 0))
    if not faint.any() or len(rows) == np.count_nonzero(faint):
        return label
    # What follows each other: a doubtful track by its own id, a refined one as it is.
    key = np.where(faint[rows], online[rows], label[rows])
    rows = rows[np.lexsort((time[rows], key))]
    key, t, b, v = np.sort(key), time[rows], box[rows], looks[rows]
    begins = np.zeros(len(rows), np.bool_)
    mark_doubts(p, t, b, key, v, v.any(axis=1), doubt, begins)
    begins[key >= 0] = np.diff(key, prepend=-1)[key >= 0] > 0
    first = np.flatnonzero(begins)
    order = np.argsort(t[first], kind="stable")
    piece = np.repeat(np.argsort(order), np.diff(first, append=len(rows)))
    last = (np.append(first[1:], len(rows)) - 1)[order]
    first = first[order]
    whose = key[first]
    mean = np.bincount(piece, score[rows]) / np.bincount(piece)
    pieces = np.zeros((len(first), COLUMNS))
    summarise(t, b, first, last, ends, pieces)
    heads, tails, means = np.zeros((3, len(first), v.shape[1]), np.float32)
    unit_means(v, first, last, HEAD, heads, tails, means)
    links, cost = np.zeros((len(first) * BEST, 2), np.int64), np.zeros(len(first) * BEST)
    count = list_links(
        p, pieces, whose, heads, tails, means, means.any(axis=1), LIMIT, BEST, links, cost
    )
    links, cost = links[:count], cost[:count]
    fits = (whose[links[:, 0]] < 0) & ((whose[links[:, 1]] < 0) | (mean[links[:, 1]] >= weak))
    none = np.zeros(len(first))
    chain = chains(least_cost_flow(none, none, none, links[fits], cost[fits] - LIMIT))
    led = np.full(len(first) + 1, -1, np.int64)  # the last one is that of no chain
    led[chain[whose >= 0]] = whose[whose >= 0]
    led[-1] = -1
    out = label.copy()
    out[rows] = np.where(key >= 0, key, led[chain][piece])
    return out


def leading(score: F4, track: I8) -> NDArray[np.bool_]:
    """Which rows (N,), in the order of time, come before the first sure box of their ``track``.

    None does in a track that has no sure box. What only leads up to a track is of it, but often
    half hidden or cut by the picture's edge: it should not teach what the character looks like.
    """
    _, whose = np.unique(track, return_inverse=True)
    first = np.full(int(whose.max(initial=-1)) + 1, len(track), np.int64)
    sure = np.flatnonzero(score >= SURE)
    np.minimum.at(first, whose[sure], sure)
    first[first == len(track)] = 0
    return np.asarray(np.arange(len(track)) < first[whose])
