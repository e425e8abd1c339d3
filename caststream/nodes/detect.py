"""Finds the characters in as many pictures a second as asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from caststream.errors import GraphError
from caststream.graph.node import Node
from caststream.messages import (
    U1,
    Context,
    Detections,
    Gap,
    Marker,
    Passed,
    ShotEnd,
    ShotFrame,
    StreamStart,
)

if TYPE_CHECKING:
    from caststream.vision.detector import Detector


PLAIN = 1.5
"""A picture whose colours deviate less (of 255) is blank: whatever is found there is nothing."""


STIR, STIRRED = 80.0, 0.05
"""Much has moved where this share of a small picture's cells differs by so many levels of 255."""


class Detect(Node):
    """Find characters in ``rate`` pictures a second, and in the first picture of every shot.

    Where much has moved since the last one the next is looked at sooner, up to ``most`` a second:
    along a quick movement the boxes between two pictures cannot be guessed. Where ``most`` is not
    above ``rate`` they are looked at evenly.

    The other frames end here, since nobody further down looks at them; for an annotated video
    they pass as markers. With ``late`` above 0 a picture that has waited here for more than so
    many seconds is left out as well, counted, and told as a gap: a label that comes too late is of
    no use to who watches live. What decoder and shots hold a picture back for does not count: with
    few frames a second that alone is much, and to leave some out would bring no other sooner.
    """

    def __init__(
        self,
        rate: float = 4.0,
        most: float = 12.0,
        model: str = "default",
        score: float = 0.25,
        prompt: str = "an animated character",
        late: float = 0.0,
    ) -> None:
        if not rate > 0:
            raise GraphError(f"detect: rate = {rate} pictures a second cannot be; give more than 0")
        if not most > 0:
            raise GraphError(f"detect: most = {most} pictures a second cannot be; give more than 0")
        if not 0 <= score < 1:
            raise GraphError(f"detect: score = {score} has to be at least 0 and under 1")
        self.rate = rate
        self.most = most
        self._last = float("-inf")
        self._seen: U1 | None = None
        if late < 0:
            raise GraphError(f"detect: late = {late} seconds cannot be; give 0 or more")
        self.late = late
        self._missed: tuple[float, float, int] | None = None
        self.model = model
        self.score = score
        self.prompt = prompt
        self._size = (0, 0)
        self._due = float("-inf")
        self._detector: Detector | None = None
        self._context: Context | None = None
        self._passes = False

    def open(self, context: Context) -> None:
        """Load the detector."""
        from caststream.vision.detector import Detector

        self._context = context
        self._passes = context.video is not None
        self._detector = context.pool.lease(
            self._key, lambda: Detector.load(self.model, context.device, self.prompt)
        )
        context.models["detector"] = self._detector.digest

    def process(self, message: ShotFrame) -> Iterator[Detections | Gap | Passed]:
        """Look at the picture if it is due."""
        assert self._detector is not None, "open comes first"
        frame = message.frame
        # Half a frame of tolerance at 60 frames a second: rounded times must not skip a turn.
        if frame.time < self._due - 0.008 and not self._stirred(message):
            if self._passes:
                yield Passed(message)
            return
        # Counted from when it was due, not from when it came: else 25 frames a second give 3.6.
        late = not 0 <= frame.time - self._due + 0.008 < 1 / self.rate
        self._due = (frame.time if late else self._due) + 1 / self.rate
        self._last, self._seen = frame.time, message.small
        if self.late and time.monotonic() - message.known > self.late:
            first, _, count = self._missed or (frame.time, 0.0, 0)
            self._missed = first, frame.time, count + 1
            if self._passes:
                yield Passed(message)
            return
        if self._missed is not None:
            gap, self._missed = Gap("dropped", *self._missed), None
            self._count(gap)
            yield gap
        if float(message.small.std(axis=(0, 1)).max()) < PLAIN:
            none = np.zeros((0, 4), np.float32)
            yield Detections(message, none, none[:, 0])
            return
        width, height = self._size
        boxes, scores = self._detector.detect(frame.picture.pixels(width, height)[None])[0]
        keep = scores >= self.score
        yield Detections(
            message, frame.picture.boxes_from(boxes[keep], width, height), scores[keep]
        )

    def _stirred(self, message: ShotFrame) -> bool:
        """Whether so much has moved since the last look that the next one is due."""
        if self._seen is None or message.frame.time < self._last + 1 / self.most - 0.008:
            return False
        change = np.abs(message.small.astype(np.int16) - self._seen).max(axis=2).ravel()
        moved = int(STIRRED * change.size)
        return float(np.partition(change, -moved)[-moved:].mean()) >= STIR

    def end_shot(self, end: ShotEnd) -> Iterator[Detections]:
        """The next shot's first picture is always looked at."""
        self._due = float("-inf")
        return iter(())

    def mark(self, marker: Marker) -> Iterator[Detections]:
        """Choose the size to look at; after a jump the next picture is due, whatever its time."""
        if isinstance(marker, Gap) and marker.reason == "dropped":
            self._count(marker)
        if isinstance(marker, StreamStart):
            assert self._detector is not None, "open comes first"
            self._size = self._detector.size_for(marker.width, marker.height)
            self._due = float("-inf")
        elif isinstance(marker, Gap) and marker.reason != "dropped":
            self._due = float("-inf")
        return iter(())

    def _count(self, gap: Gap) -> None:
        if self._context is not None:
            self._context.vitals.gap(gap.reason, gap.frames)

    def close(self) -> None:
        """Let go of the network."""
        self._detector = None
        if self._context is not None:
            self._context.pool.release(self._key)
            self._context = None

    @property
    def _key(self) -> tuple[str, ...]:
        return "detector", self.model, self.prompt
