"""Score found shot boundaries against a truth file, one to one and with a tolerance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

TOLERANCE = 2


class BoundaryCounts(NamedTuple):
    """How many boundaries matched (tp), were found too many (fp), were missed (fn)."""

    tp: int
    fp: int
    fn: int

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where there was nothing to find or miss."""
        total = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / total if total else 1.0

    @property
    def precision(self) -> float:
        """Share of the found ones that are right; 1 where none was found."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else 1.0

    @property
    def recall(self) -> float:
        """Share of the listed ones that were found; 1 where none is listed."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else 1.0


class BoundaryMatch(NamedTuple):
    """Which found boundary (index into ``found``) goes with which listed one (or -1)."""

    truth_of_found: list[int]
    """One entry a found boundary: index of the listed one, -1 unmatched, -2 ignored."""
    found_of_truth: list[int]
    """One entry a listed boundary: index of the found one, -1 where it was missed."""


def assign_boundaries(
    found: Sequence[int | tuple[int, int]],
    truth: Sequence[Mapping[str, Any]],
    ambiguous: Sequence[Mapping[str, Any]] = (),
    tolerance: int = TOLERANCE,
) -> BoundaryMatch:
    """Match found boundaries with listed ones: as many pairs as possible, one to one.

    ``found`` holds first frames of shots, or (first, last) frames of transitions; ``truth`` and
    ``ambiguous`` are the lists of a truth file (``frame``, or ``start`` and ``end``). Intervals
    match where they touch after widening by ``tolerance`` frames. A found boundary without a
    partner that touches an ambiguous interval, widened likewise, is ignored (-2).
    """
    spans = [(f, f) if isinstance(f, int | np.integer) else (f[0], f[1]) for f in found]
    listed = [_span(t) for t in truth]
    touches = np.array(
        [[_touch(f, t, tolerance) for t in listed] for f in spans], dtype=np.int8
    ).reshape(len(spans), len(listed))
    truth_of_found = [-1] * len(spans)
    if touches.any():
        pairs = maximum_bipartite_matching(csr_array(touches), perm_type="column")
        truth_of_found = [int(p) for p in pairs]
    found_of_truth = [-1] * len(listed)
    for i, t in enumerate(truth_of_found):
        if t >= 0:
            found_of_truth[t] = i
        elif any(_touch(spans[i], _span(a), tolerance) for a in ambiguous):
            truth_of_found[i] = -2
    return BoundaryMatch(truth_of_found, found_of_truth)


def match_boundaries(
    found: Sequence[int | tuple[int, int]],
    truth: Sequence[Mapping[str, Any]],
    ambiguous: Sequence[Mapping[str, Any]] = (),
    tolerance: int = TOLERANCE,
) -> BoundaryCounts:
    """Count matches, false alarms and misses; arguments as in :func:`assign_boundaries`."""
    match = assign_boundaries(found, truth, ambiguous, tolerance)
    tp = sum(t >= 0 for t in match.truth_of_found)
    fp = sum(t == -1 for t in match.truth_of_found)
    return BoundaryCounts(tp, fp, len(match.found_of_truth) - tp)


def _span(entry: Mapping[str, Any]) -> tuple[int, int]:
    if "frame" in entry:
        return int(entry["frame"]), int(entry["frame"])
    return int(entry["start"]), int(entry["end"])


def _touch(a: tuple[int, int], b: tuple[int, int], tolerance: int) -> bool:
    return a[0] <= b[1] + tolerance and b[0] <= a[1] + tolerance
