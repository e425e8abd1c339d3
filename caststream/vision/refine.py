"""From online tracks to the refined tracks of one shot: cut where in doubt, link by `flow`.

An online track is cut into pieces wherever the tracker decided on little (after a time unseen, or
where the next box was hard to believe); each piece is then summed up by its ends (place, speed,
size, looks), and the flow over all pieces decides again, with both sides of every doubt in view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from caststream.vision.flow import chains, least_cost_flow
from caststream.vision.leads import lead_up
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
    looks_even: float = 0.65
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


def _parameters(s: RefineSettings) -> F8:
    return np.array(
        [s.wait, s.split, s.noise, s.drift, s.fade, s.size_noise, s.size_drift, s.gap_price,
         s.looks_weight, s.looks_even, s.together, s.looks_most, s.still]
    )  # fmt: skip


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
    tracker (-1 for none: such boxes stay out; below that doubtful ones, which can only lead up to
    a track), ``vectors`` (N, D) unit rows or zeros. Every box that stays in has to be finite and
    to have an area.
    """
    s = settings or RefineSettings()
    looks = np.zeros((len(time), 0), np.float32) if vectors is None else vectors
    looks = np.array(looks, np.float32)
    looks[~np.isfinite(looks).all(axis=1)] = 0.0
    label = _linked(s, time, box, score, online, looks)
    if s.costs == "cast":
        return label
    exact = np.ascontiguousarray(box, np.float64)
    return lead_up(
        _parameters(s), s.doubt, s.ends, s.weak, time, exact, score, online, looks, label
    )


def _linked(s: RefineSettings, time: F8, box: F4, score: F4, online: I8, looks: F4) -> I8:
    # The sure tracks' pieces, linked anew.
    out = np.full(len(time), -1, np.int64)
    rows = np.flatnonzero(online >= 0)
    if len(rows) == 0:
        return out
    rows = rows[np.lexsort((time[rows], online[rows]))]
    t, b = np.ascontiguousarray(time[rows]), np.ascontiguousarray(box[rows], np.float64)
    track = np.ascontiguousarray(online[rows])
    looks = looks[rows]
    p = _parameters(s)
    begins = np.zeros(len(rows), np.bool_)
    mark_doubts(p, t, b, track, looks, looks.any(axis=1), s.doubt, begins)
    first = np.flatnonzero(begins)
    order = np.argsort(t[first], kind="stable")
    last = np.append(first[1:], len(rows)) - 1
    size = last - first + 1
    piece = np.repeat(np.argsort(order), size)
    first, last = first[order], last[order]
    pieces = np.zeros((len(first), COLUMNS))
    summarise(t, b, first, last, s.ends, pieces)
    worth = score[rows].astype(np.float64) - s.weak
    use = -s.weak_weight * np.add.reduceat(worth, np.flatnonzero(begins))[order]
    if s.costs == "cast":
        from caststream.vision.cast_costs import cast_flow

        tracks = chains(cast_flow(t, b, score[rows], looks, first, last, s.wait))
        out[rows] = tracks[piece]
        return out
    heads, tails, means = np.zeros((3, len(first), looks.shape[1]), np.float32)
    unit_means(looks, first, last, HEAD, heads, tails, means)
    known = means.any(axis=1)
    links = np.zeros((len(first) * s.best, 2), np.int64)
    cost = np.zeros(len(links))
    count = list_links(
        p, pieces, track[first], heads, tails, means, known, s.gate, s.best, links, cost
    )
    half = np.full(len(first), 0.5 * s.ends_price)
    # An end and a beginning cost ends_price, so this offset makes the gate the price of a link.
    flow = least_cost_flow(use, half, half, links[:count], cost[:count] - s.gate + s.ends_price)
    out[rows] = chains(flow)[piece]
    return out
