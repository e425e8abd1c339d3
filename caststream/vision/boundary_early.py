"""Shot boundaries for live streams: no frame waits for its verdict longer than it may.

The network is trained to look ``SCORED`` frames ahead, which at 25 frames a second is nearly half a
second. Where that is too long, the rest of the look-ahead is made up as if the newest picture stood
still. A cut is seen that way with a few frames; a gradual transition is not, since motion that
stops looks like a dissolve that is over. So the usual verdicts are awaited as well, and what they
find that was not told in time is told with the next frame that goes out.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from caststream.vision.boundary import CUT, PEAK, BoundaryDetector, Decision, Kind
from caststream.vision.boundary_network import SCORED, Answer, BoundaryNetwork

U1 = NDArray[np.uint8]

SAME = 3
"""Frames by which two verdicts on one boundary may differ."""


class EarlyDetector:
    """A ``BoundaryDetector`` that holds no frame for more than ``patience`` seconds of stream."""

    def __init__(self, patience: float, network: BoundaryNetwork | None = None) -> None:
        """Use a network, by default the shipped one; raises ModelError where it is missing."""
        self._usual = BoundaryDetector(network)
        self.network = self._usual.network
        self._patience = patience
        self._reset()

    def push(self, small: U1, index: int, time: float) -> list[Decision]:
        """Add a picture (27, 48, 3) RGB; give the verdicts on all that must wait no longer."""
        self._held.append((index, time, small))
        out = [d for verdict in self._usual.push(small, index, time) for d in self._take(verdict)]
        while self._held and time - self._held[0][1] >= self._patience:
            out.append(self._release())
        return out

    def flush(self) -> list[Decision]:
        """Give the verdicts of all frames still held; the next push begins a new stream."""
        out = [d for verdict in self._usual.flush() for d in self._take(verdict)]
        self._reset()
        return out

    def _reset(self) -> None:
        self._held: deque[tuple[int, float, U1]] = deque()
        self._begun = False
        self._told = -SAME - 1
        """Frame at which a boundary was told last."""
        self._owed: tuple[Kind, float] | None = None
        self._blend = False

    def _take(self, verdict: Decision) -> list[Decision]:
        """Use the usual verdict: for its frame, or for the next one if that has gone out."""
        self._blend = verdict.blend
        begins = verdict.begins if verdict.begins != "start" else None
        if begins is not None and verdict.index - self._told > SAME:
            self._owed = begins, verdict.score
        if self._held and self._held[0][0] <= verdict.index:
            return [self._out(None, 0.0)]
        return []

    def _release(self) -> Decision:
        """Let the oldest frame go before its usual verdict."""
        if len(self._held) > SCORED:
            return self._out(None, 0.0)  # the network has answered, and that is on its way
        now, after = self._foresee()
        if now.cut >= CUT and now.cut >= max(after) and self._held[0][0] - self._told > PEAK:
            return self._out("cut", now.cut)
        return self._out(None, 0.0)

    def _out(self, begins: Kind | None, score: float) -> Decision:
        index, time, small = self._held.popleft()
        if not self._begun:
            begins, score = "start", 1.0
        elif begins is None and self._owed is not None:
            begins, score = self._owed
        self._begun = True
        if begins is not None:
            self._told, self._owed = index, None
        return Decision(index, time, small, begins, score, self._blend)

    def _foresee(self) -> tuple[Answer, list[float]]:
        """The answer for the oldest frame, and how sure the next are of a cut, if nothing moved."""
        network = self.network.fork()
        still = self._held[-1][2]
        for _ in range(SCORED - len(self._held)):
            network.push(still)
        answers = [network.push(still) for _ in range(PEAK + 1)]
        now, *after = (answer for answer in answers if answer is not None)
        return now, [answer.cut for answer in after]
