"""Find shot boundaries online: every frame's verdict comes a fixed number of frames later.

The boundary network says of each frame how sure it is that a shot begins there by a cut, and
where gradual transitions lie; the rules here turn that into shot starts: one a transition, a
gradual one at its middle, or as late as its end where it is longer than the look-ahead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from caststream.vision.boundary_network import GRADUAL, SCORED, Answer, BoundaryNetwork

U1 = NDArray[np.uint8]
Kind = Literal["start", "cut", "dissolve", "fade", "wipe"]

PEAK = 2
"""Frames of the look-ahead that are kept for finding a score's peak."""
LOOKAHEAD = SCORED + PEAK
"""Frames that a verdict waits for."""

APART = 8
"""Frames after a boundary in which no gradual one is told: it is the same one's second wind."""

# A gradual transition has to be surer than a cut: the clips that the network learnt from hold many
# more of them than films do.
CUT, LATE, INSIDE = 0.6, 0.9, 0.5


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


class BoundaryDetector:
    """Online detector: push pictures, get verdicts in order, ``LOOKAHEAD`` frames later."""

    def __init__(self, network: BoundaryNetwork | None = None) -> None:
        """Use a network, by default the shipped one; raises ModelError where it is missing."""
        self.network = network or BoundaryNetwork.load()
        self._reset()

    def push(self, small: U1, index: int, time: float) -> list[Decision]:
        """Add a picture (27, 48, 3) RGB; give the verdicts that are certain now (none or one)."""
        self._held.append((index, time, small))
        return list(self._step(small))

    def flush(self) -> list[Decision]:
        """Give the verdicts of all frames still held; the next push begins a new stream."""
        out: list[Decision] = []
        if self._held:
            last = self._held[-1][2]
            self._ending = True
            while self._held:
                # The end is looked at as if its last picture stood still.
                out += self._step(last)
        self._reset()
        return out

    def _reset(self) -> None:
        self.network.reset()
        self._held: deque[tuple[int, float, U1]] = deque()
        self._answers: deque[Answer] = deque()
        self._begun = self._ending = False
        self._since = APART + 1
        self._told = False
        """A boundary was told in the transition that the present frame belongs to."""
        self._kinds = np.zeros(len(GRADUAL))

    def _step(self, small: U1) -> Iterator[Decision]:
        answer = self.network.push(small)
        if answer is not None:
            self._answers.append(answer)
        if len(self._answers) > PEAK:
            yield self._decide()

    def _decide(self) -> Decision:
        now = self._answers.popleft()
        index, time, small = self._held.popleft()
        self._since += 1
        if now.inside >= INSIDE:
            self._kinds += now.kinds
        elif now.late < LATE and self._since > PEAK:
            self._kinds[:] = 0
            self._told = False
        begins, score = self._beginning(now)
        if begins is not None:
            self._since = 0
            self._told = self._begun = True
        return Decision(index, time, small, begins, score, now.inside >= INSIDE)

    def _beginning(self, now: Answer) -> tuple[Kind | None, float]:
        if not self._begun:
            return "start", 1.0
        after = [answer.cut for answer in self._answers]
        if now.cut >= CUT and now.cut >= max(after) and self._since > PEAK:
            # A cut that ends a transition which was told already is that transition's end.
            if not (self._told and now.inside >= INSIDE):
                return "cut", now.cut
        elif self._ending:
            # Motion that stops with the stream looks like a dissolve that is over.
            return None, 0.0
        elif not self._told and self._since > APART and now.late >= LATE and max(after) < CUT:
            best = int(np.argmax(self._kinds + np.array(now.kinds)))
            return GRADUAL[best], now.late
        return None, 0.0
