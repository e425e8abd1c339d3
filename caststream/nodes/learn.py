"""Keeps the dictionary of characters up to date while the stream goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Never

from caststream.errors import GraphError
from caststream.graph.node import Node
from caststream.messages import Context, Saved, StreamEnd

if TYPE_CHECKING:
    from caststream.learning.learner import Learner


class Learn(Node):
    """Regroup all tracks after every ``every`` seconds of stream, and at its end.

    What comes out is published in the store; ``embed`` and ``label`` pick it up there. Early on
    it is done more often: a dictionary of the first minute is wanted within that minute.
    """

    def __init__(self, every: float = 30.0) -> None:
        if not every > 0:
            raise GraphError(f"learn: every = {every} seconds cannot be; give more than 0")
        self.every = every
        self._store: str | None = None
        self._learner: Learner | None = None
        self._next = 0.0
        self._new = 0

    def open(self, context: Context) -> None:
        """Note the store; it is read once something was committed."""
        if context.store is None:
            raise GraphError("learn needs a store: put save before it in the graph")
        self._store = context.store

    def process(self, message: Saved) -> Iterator[Never]:
        """Take in a commit, and regroup where it is time."""
        if self._learner is None:
            from caststream.learning.learner import Learner

            assert self._store is not None, "open comes first"
            self._learner = Learner(self._store)
        self._new += self._learner.take_in()
        now = message.shot.end
        if self._new and now >= self._next:
            self._regroup()
            self._next = now + min(self.every, max(5.0, now))
        return iter(())

    def end_stream(self, end: StreamEnd) -> Iterator[Never]:
        """Regroup a last time."""
        if self._learner is not None and self._new:
            self._regroup()
        return iter(())

    def _regroup(self) -> None:
        assert self._learner is not None
        self._learner.regroup()
        self._new = 0

    def close(self) -> None:
        """Let go of the store."""
        if self._learner is not None:
            self._learner.close()
            self._learner = None
