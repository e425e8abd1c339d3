"""Says what each found character looks like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from caststream.graph.node import Node
from caststream.messages import Context, Detections, Embedded, ShotEnd

if TYPE_CHECKING:
    from caststream.vision.embedder import Embedder


class Embed(Node):
    """Cut out each box and turn it into a unit vector.

    The trunk never changes; the head on top of it is the newest that the store has published,
    picked up at the end of a shot, so that all vectors of a shot come from one model.
    """

    def __init__(self, model: str = "default") -> None:
        self.model = model
        self._embedder: Embedder | None = None
        self._head: dict[str, np.ndarray] | None = None
        self._number = 0
        self._stale = True  # the store is opened further down, and read when the first boxes come
        self._context: Context | None = None

    def open(self, context: Context) -> None:
        """Load the trunk."""
        from caststream.vision.embedder import Embedder

        self._context = context
        self._embedder = context.pool.lease(
            self._key, lambda: Embedder.load(self.model, context.device)
        )
        context.models["embedder"] = self._embedder.digest

    def process(self, message: Detections) -> Iterator[Embedded]:
        """Embed the boxes of one picture."""
        assert self._embedder is not None, "open comes first"
        if self._stale:
            self._pick_up()
        crops = message.source.frame.picture.crops(message.boxes, self._embedder.crop_size)
        features = self._embedder.features(crops)
        vectors = self._embedder.project(features, self._head)
        yield Embedded(message, vectors, features, crops, self._number)

    def end_shot(self, end: ShotEnd) -> Iterator[Embedded]:
        """See whether a newer head was published, once those below have seen the shot's end."""
        self._stale = True
        return iter(())

    def _pick_up(self) -> None:
        self._stale = False
        if self._context is None or self._context.store is None:
            return
        from caststream.store import published

        newest = published.current_head(self._context.store, self._number)
        if newest is not None:
            self._number, head = newest
            self._head = head or None

    def close(self) -> None:
        """Let go of the network."""
        self._embedder = None
        if self._context is not None:
            self._context.pool.release(self._key)
            self._context = None

    @property
    def _key(self) -> tuple[str, ...]:
        return "embedder", self.model
