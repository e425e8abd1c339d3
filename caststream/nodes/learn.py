"""Keeps the dictionary of characters up to date while the stream goes on, and tunes its model."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, Never

from caststream.errors import GraphError
from caststream.graph.node import Node
from caststream.messages import Context, Saved, StreamEnd

if TYPE_CHECKING:
    from caststream.learning.learner import Learner
    from caststream.learning.tuner import Tuner

_log = logging.getLogger(__name__)


class Learn(Node):
    """Regroup all tracks every ``every`` seconds, and fine-tune the embedder's head beside that.

    What comes out is published in the store; ``embed`` and ``label`` pick it up there. Early on
    it is done more often: a dictionary of the first minute is wanted within that minute.

    ``tune`` is "head" or "off", ``recipe`` "caststream" or the paper's, "cast". A fine-tuning
    starts after ``first`` seconds of stream and then each time that the stream has grown by half,
    ``rest`` seconds apart at least. With ``pace = "stream"`` it is taken up ``delay`` seconds of
    stream later, and waited for if need be, so that two runs over a file say the same; with
    "clock" it is taken up when it is ready, and takes at most the share ``budget`` of the time.
    """

    def __init__(
        self,
        every: float = 30.0,
        tune: Literal["head", "off"] = "head",
        recipe: Literal["caststream", "cast"] = "caststream",
        pace: Literal["stream", "clock"] = "stream",
        first: float = 120.0,
        rest: float = 120.0,
        delay: float = 60.0,
        budget: float = 0.25,
    ) -> None:
        for name, value in (("every", every), ("first", first), ("rest", rest)):
            if not value > 0:
                raise GraphError(f"learn: {name} = {value} seconds cannot be; give more than 0")
        if not 0 < budget <= 1:
            raise GraphError(f"learn: budget = {budget} is no share; give more than 0, up to 1")
        self.every = every
        self.tune = tune
        self.recipe: Literal["caststream", "cast"] = recipe
        self.pace = pace
        self.first = first
        self.rest = rest
        self.delay = delay
        self.budget = budget
        self._store: str | None = None
        self._learner: Learner | None = None
        self._tuner: Tuner | None = None
        self._due = 0.0
        self._tune_due = first
        self._take_up = 0.0
        self._began = 0.0
        self._new = 0
        self._tunings = 0

    def open(self, context: Context) -> None:
        """Note the store; it is read once something was committed."""
        if context.store is None:
            raise GraphError("learn needs a store: put save before it in the graph")
        self._store = context.store

    def process(self, message: Saved) -> Iterator[Never]:
        """Take in a commit, and regroup or tune where it is time."""
        if self._learner is None:
            from caststream.learning.learner import Learner

            assert self._store is not None, "open comes first"
            self._learner = Learner(self._store)
        self._new += self._learner.take_in()
        now = message.shot.end
        changed = self._tuned(now)
        if changed or (self._new and now >= self._due):
            self._regroup()
            self._due = now + min(self.every, max(5.0, now))
        self._start_tuning(now)
        return iter(())

    def end_stream(self, end: StreamEnd) -> Iterator[Never]:
        """Take up what is being tuned, and regroup a last time."""
        if self._learner is not None and (self._tuned(float("inf")) or self._new):
            self._regroup()
        return iter(())

    def _regroup(self) -> None:
        assert self._learner is not None
        self._learner.regroup()
        self._new = 0

    def _start_tuning(self, now: float) -> None:
        assert self._learner is not None
        if self.tune == "off" or self._tuner is not None or now < self._tune_due:
            return
        from caststream.learning.tuner import Tuner

        assert self._store is not None
        self._tunings += 1
        self._began = time.monotonic()
        self._tuner = Tuner(self._store, self._learner.rows, self._tunings, self.recipe)
        self._take_up = now + self.delay
        self._tune_due = now + max(self.rest, now / 2)

    def _tuned(self, now: float) -> bool:
        """Take up a finished fine-tuning; true where it went live."""
        if self._tuner is None:
            return False
        if self.pace == "stream" and now < self._take_up:
            return False
        wait = self.pace == "stream" or now == float("inf")
        if not wait and self._tuner.running:
            return False
        result = self._tuner.result(wait=wait)
        self._tuner.close()
        self._tuner = None
        if self.pace == "clock" and now < float("inf"):
            spent = time.monotonic() - self._began
            self._tune_due = max(self._tune_due, now + spent * (1 / self.budget - 1))
        if result is None:
            return False
        if not result.live:
            _log.info("a fine-tuning was thrown away: %s", result.why)
            return False
        assert self._learner is not None
        self._learner.take_up(result)
        _log.info("a fine-tuning went live: %s", result.why)
        return True

    def close(self) -> None:
        """Stop tuning and let go of the store."""
        if self._tuner is not None:
            self._tuner.close()
            self._tuner = None
        if self._learner is not None:
            self._learner.close()
            self._learner = None
