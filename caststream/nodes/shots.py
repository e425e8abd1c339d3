"""Cuts the stream into shots."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING

from caststream.errors import GraphError
from caststream.graph.node import Node
from caststream.messages import (
    Context,
    Frame,
    Gap,
    Marker,
    Shot,
    ShotEnd,
    ShotFrame,
    StreamEnd,
    Transition,
)

if TYPE_CHECKING:
    from caststream.vision.boundary import BoundaryDetector, Decision
    from caststream.vision.boundary_early import EarlyDetector

SMALL = (48, 27)


class Shots(Node):
    """Hand every frame on once its shot is certain, and mark the end of each shot in band.

    Frames are held back for the detector's look-ahead of 12 frames. Where the input jumps or was
    connected anew the shot ends at once, and the next one begins as a stream does ("start").

    With ``patience`` above 0 no frame is held back for more than so many seconds: for live sources,
    at the price of some certainty.
    """

    def __init__(self, patience: float = 0.0) -> None:
        if patience < 0:
            raise GraphError(f"shots: patience = {patience} seconds cannot be; give 0 or more")
        self.patience = patience
        self._detector: BoundaryDetector | EarlyDetector | None = None
        self._held: deque[Frame] = deque()
        self._shot = -1
        self._first: Frame | None = None
        self._last: Frame | None = None
        self._transition: Transition = "start"
        self._score = 1.0

    def open(self, context: Context) -> None:
        """Load the boundary network."""
        from caststream.vision.boundary import BoundaryDetector

        if self.patience:
            from caststream.vision.boundary_early import EarlyDetector

            self._detector = EarlyDetector(self.patience)
        else:
            self._detector = BoundaryDetector()
        context.models["boundary"] = self._detector.network.digest

    def process(self, message: Frame) -> Iterator[ShotFrame | ShotEnd]:
        """Look at the frame, hand on what has become certain."""
        assert self._detector is not None, "open comes first"
        self._held.append(message)
        small = message.picture.resized(*SMALL)
        for decision in self._detector.push(small, message.index, message.time):
            yield from self._release(decision)

    def mark(self, marker: Marker) -> Iterator[ShotFrame | ShotEnd]:
        """No shot goes across a jump of the input."""
        if isinstance(marker, Gap) and marker.reason in ("reconnect", "discontinuity"):
            yield from self._finish(marker.start)

    def end_stream(self, end: StreamEnd) -> Iterator[ShotFrame | ShotEnd]:
        """Hand on the frames still held back, and end the last shot."""
        yield from self._finish(end.seconds)

    def close(self) -> None:
        """Let go of the network and of the frames."""
        self._detector = None
        self._held.clear()

    def _finish(self, time: float) -> Iterator[ShotFrame | ShotEnd]:
        if self._detector is not None:
            for decision in self._detector.flush():
                yield from self._release(decision)
        if self._first is not None and self._last is not None:
            yield self._end(self._last.index + 1, max(time, self._last.time))
            self._first = None

    def _release(self, decision: Decision) -> Iterator[ShotFrame | ShotEnd]:
        frame = self._held.popleft()
        if decision.begins is not None:
            if self._first is not None:
                yield self._end(frame.index, frame.time)
            self._first = frame
            self._shot += 1
            self._transition = decision.begins
            self._score = decision.score
        self._last = frame
        now = monotonic()
        yield ShotFrame(frame, self._shot, decision.small, decision.blend, now)

    def _end(self, frame: int, time: float) -> ShotEnd:
        assert self._first is not None, "a shot has to begin before it ends"
        first = self._first
        return ShotEnd(
            Shot(self._shot, first.index, frame, first.time, time, self._transition, self._score)
        )
