"""Says what each found character looks like."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from caststream.errors import GraphError
from caststream.graph.node import Node
from caststream.messages import (
    U1,
    Context,
    Detections,
    Embedded,
    Marker,
    Passed,
    ShotEnd,
    StreamEnd,
)

if TYPE_CHECKING:
    from caststream.vision.embedder import Embedder


HELD = 4
"""Most pictures held back to be embedded together: a second of stream at the usual rate."""


class Embed(Node):
    """Cut out each box and turn it into a unit vector.

    The trunk never changes; the head on top of it is the newest that the store has published,
    picked up at the end of a shot, so that all vectors of a shot come from one model. Where the
    store has published an opened stage, vectors come from that, and features still from the trunk.

    ``gather`` crops of up to four pictures are embedded together, since one crop alone costs more
    than twice its share of eight; nothing is held back beyond a shot's end. 1 holds nothing back.
    """

    def __init__(self, model: str = "default", gather: int = 8) -> None:
        if gather < 1:
            raise GraphError(f"embed: gather = {gather} crops cannot be; give 1 or more")
        self.model = model
        self.gather = gather
        self._embedder: Embedder | None = None
        self._opened: tuple[Hashable, Embedder] | None = None
        """The embedder with the opened stage in force, and its key in the pool."""
        self._head: dict[str, np.ndarray] | None = None
        self._number = 0
        self._stale = True  # the store is opened further down, and read when the first boxes come
        self._context: Context | None = None
        self._held: list[tuple[Detections, U1]] = []

    def open(self, context: Context) -> None:
        """Load the trunk."""
        from caststream.vision.embedder import Embedder

        self._context = context
        self._embedder = context.pool.lease(
            self._key, lambda: Embedder.load(self.model, context.device)
        )
        context.models["embedder"] = self._embedder.digest

    def process(self, message: Detections) -> Iterator[Embedded]:
        """Cut out the boxes of one picture; embed those of several as soon as they are enough."""
        from caststream.vision.focus import focus

        assert self._embedder is not None, "open comes first"
        picture = message.source.frame.picture
        crops = picture.crops(message.boxes, self._embedder.crop_size)
        self._held.append((message, focus(crops, picture.inside(message.boxes))))
        count = sum(len(crops) for _, crops in self._held)
        if count >= self.gather or len(self._held) >= min(HELD, self.gather):
            yield from self._embed()

    def mark(self, marker: Marker) -> Iterator[Embedded]:
        """What came before a gap is told before it."""
        if not isinstance(marker, Passed):
            yield from self._embed()

    def end_shot(self, end: ShotEnd) -> Iterator[Embedded]:
        """Embed the rest; then see whether a newer head was published."""
        yield from self._embed()
        # Only once those below have seen the shot's end, which may publish one.
        self._stale = True

    def end_stream(self, end: StreamEnd) -> Iterator[Embedded]:
        """Embed what came after the last shot."""
        yield from self._embed()

    def _embed(self) -> Iterator[Embedded]:
        if not self._held:
            return
        assert self._embedder is not None, "open comes first"
        if self._stale:
            self._pick_up()
        held, self._held = self._held, []
        embedder = self._embedder if self._opened is None else self._opened[1]
        vectors, features = embedder.embed(np.concatenate([crops for _, crops in held]), self._head)
        first = 0
        for message, crops in held:
            mine = slice(first, first + len(crops))
            first += len(crops)
            yield Embedded(message, vectors[mine], features[mine], crops, self._number)

    def _pick_up(self) -> None:
        self._stale = False
        if self._context is None or self._context.store is None:
            return
        from caststream.store import published

        newest = published.current_head(self._context.store, self._number)
        if newest is not None:
            self._number, head = newest
            self._head = head or None
            self._open_stage(published.trunk_file(self._context.store, self._number))

    def _open_stage(self, file: Path | None) -> None:
        """Take vectors from the opened stage in a file; from the trunk where there is none."""
        context = self._context
        assert context is not None, "open comes first"
        if self._opened is not None:
            context.pool.release(self._opened[0])
            self._opened = None
        if file is not None:
            from caststream.vision.embedder import WEIGHTS
            from caststream.vision.opened import OpenedEmbedder

            base = WEIGHTS if self.model == "default" else Path(self.model)
            key = (*self._key, str(file))
            opened = context.pool.lease(
                key, lambda: OpenedEmbedder.open(file, context.device, base)
            )
            self._opened = key, opened

    def close(self) -> None:
        """Let go of the networks and of the pictures."""
        self._embedder = None
        self._held.clear()
        if self._context is not None:
            self._open_stage(None)
            self._context.pool.release(self._key)
            self._context = None

    @property
    def _key(self) -> tuple[str, ...]:
        return "embedder", self.model
