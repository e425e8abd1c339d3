"""Find shot boundaries online: every frame's verdict comes a fixed number of frames later.

The detector looks at pictures of 48x27 RGB. A scorer says of each frame how sure it is that a new
shot begins there and whether the frame lies inside a mixture of two pictures (dissolve, fade,
wipe); the decision part below turns these scores into shot starts: one a transition, at its
middle, or as late as its end where the transition is longer than the look-ahead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from caststream.vision.boundary_features import MEMORY, History

U1 = NDArray[np.uint8]
Kind = Literal["start", "cut", "dissolve", "fade", "wipe"]

LOOKAHEAD = 12
"""Frames that a verdict waits for."""
PEAK = 2
"""Frames of the look-ahead that are kept for finding a score's peak."""
SCORED = LOOKAHEAD - PEAK
"""Frames that a scorer may look ahead."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on one frame."""

    index: int
    time: float
    small: U1
    """(27, 48, 3) RGB, as it was pushed."""
    begins: Kind | None
    """How a shot begins with this frame ("start" for the first of all); None inside a shot."""
    score: float
    """How sure that beginning is, 0..1; 0 inside a shot."""
    blend: bool
    """True inside a dissolve, fade or wipe."""


class Scores(NamedTuple):
    """What a scorer says of one frame, all in 0..1."""

    event: float
    """A new shot begins here."""
    inside: float
    """The frame is a mixture of two shots."""
    kind: Kind
    """What the transition is, if there is one."""


_PAST = np.array([1, 2, 3, 4, 6, 8])
_FUTURE = np.array([0, 1, 2, 3, 4, 6, 8, 10])


class RuleScorer:
    """Scores frames by fixed rules: for comparison, and for machines without the weights."""

    def __init__(self) -> None:
        self._history = History()
        self._bends: deque[tuple[float, float]] = deque(maxlen=2)
        self._flat = False
        self._flat_since = 0
        self._flat_cut = True
        self._straight = 0
        self._c = 0

    def push(self, small: U1) -> Scores | None:
        """Take the next frame; give the scores of the frame ``SCORED`` frames before it."""
        h = self._history
        h.push(small)
        centre = h.count - 1 - SCORED
        if centre < 0:
            return None
        self._c = centre
        return self._score()

    def _score(self) -> Scores:
        h, c = self._history, self._c
        past = np.maximum(c - _PAST, max(0, h.count - MEMORY)) % MEMORY
        future = np.minimum(c + _FUTURE, h.count - 1) % MEMORY
        across = self._distance(past, future)
        cross = float(across.min())
        last = int(np.maximum(c - 1, 0)) % MEMORY
        steps = self._distance(np.array([last]), np.array([c % MEMORY]))
        adjacent = float(steps[0, 0])
        around = np.concatenate([past[:4], future[:5]])
        moves = np.diag(self._distance(around[:-1], around[1:]), 0)
        moves = np.delete(moves, 4) if len(moves) > 4 else moves
        motion = float(np.median(moves))
        cut = _squash((min(cross, adjacent) - 0.22 - 1.5 * motion) / 0.05)
        if c == 0:
            return Scores(0.0, 0.0, "cut")

        flat = self._is_flat(c)
        event, inside, kind = cut, 0.0, "cut"
        if flat and not self._flat:
            self._flat_since = c
            self._flat_cut = cut > 0.5
        elif self._flat and not flat:
            known = self._flat_since > 0 and not self._flat_cut
            if known and cut < 0.5:
                event, kind = 0.9, "fade"
        if flat and not self._flat_cut:
            inside = 1.0
            kind = "fade"
            event = 0.0
        self._flat = flat
        lead = min(SCORED, h.count - 1 - c)
        ahead, middle = (c + lead) % MEMORY, c % MEMORY
        behind = max(c - lead, h.count - MEMORY, 0) % MEMORY
        line = 0.5 * (h.thumb[ahead] + h.thumb[behind])
        bend = float(np.abs(h.thumb[middle] - line).mean())
        span = float(np.abs(h.thumb[ahead] - h.thumb[behind]).mean())
        far = float(self._distance(np.array([behind]), np.array([ahead]))[0, 0])
        straight = span > 0.05 and bend / span < 0.2 and far > 0.3
        if straight and cut < 0.5:
            self._straight += 1
            inside = 1.0
            if self._straight == 3 and not flat:
                event, kind = max(event, 0.6), "dissolve"
        else:
            self._straight = 0
        return Scores(event, inside, kind)  # type: ignore[arg-type]

    def _is_flat(self, c: int) -> bool:
        return float(self._history.level[c % MEMORY, 1]) < 0.012

    def _distance(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
        h = self._history
        colour = 1.0 - h.hist[a] @ h.hist[b].T
        shape_a = (h.luma[a] - h.level[a, :1]) / (h.level[a, 1:] + 0.01)
        shape_b = (h.luma[b] - h.level[b, :1]) / (h.level[b, 1:] + 0.01)
        alike = np.maximum(shape_a @ shape_b.T / h.luma.shape[1], 0.0)
        pixels = np.abs(h.thumb[a][:, None] - h.thumb[b][None]).mean(-1)
        return colour + 0.35 * (1.0 - alike) * np.minimum(1.0, 12.0 * pixels) + pixels


class BoundaryDetector:
    """Online detector: push pictures, get verdicts in order, ``LOOKAHEAD`` frames later."""

    threshold = 0.5

    def __init__(self) -> None:
        self._scorer = RuleScorer()
        self._frames: deque[tuple[int, float, U1]] = deque()
        self._scores: deque[Scores] = deque()
        self._pushed = 0
        self._decided = 0
        self._since = 0
        self._in_mixture = False

    def push(self, small: U1, index: int, time: float) -> list[Decision]:
        """Add a picture (27, 48, 3) RGB; give the verdicts that are certain now (none or one)."""
        self._frames.append((index, time, small))
        return list(self._step(small))

    def flush(self) -> list[Decision]:
        """Give the verdicts of all frames still held; the next push begins a new stream."""
        out: list[Decision] = []
        if self._frames:
            last = self._frames[-1][2]
            while self._frames:
                # The end is looked at as if its last picture stood still.
                out += self._step(last)
        self.__init__()  # type: ignore[misc]
        return out

    def _step(self, small: U1) -> Iterator[Decision]:
        scores = self._scorer.push(small)
        if scores is not None:
            self._scores.append(scores)
        if len(self._scores) > PEAK and self._frames:
            yield self._decide()

    def _decide(self) -> Decision:
        now = self._scores.popleft()
        index, time, small = self._frames.popleft()
        begins: Kind | None = None
        score = 0.0
        peak = now.event >= max(s.event for s in self._scores)
        if self._decided == 0:
            begins, score = "start", 1.0
        elif (
            now.event >= self.threshold
            and peak
            and self._since >= PEAK
            and not (self._in_mixture and now.inside >= 0.5)
        ):
            begins, score = now.kind, now.event
            self._since = 0
            self._in_mixture = True
        if now.inside < 0.5:
            self._in_mixture = False
        self._since += 1
        self._decided += 1
        return Decision(index, time, small, begins, score, now.inside >= 0.5)


def _squash(x: float) -> float:
    return float(1.0 / (1.0 + np.exp(-np.clip(x, -30.0, 30.0))))
