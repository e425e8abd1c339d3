"""Keeps the dictionary of characters up to date while the stream goes on, and tunes its model."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal, Never

from caststream.errors import GraphError, OutputError
from caststream.graph.node import Node
from caststream.messages import Context, Saved, StreamEnd

if TYPE_CHECKING:
    from caststream.learning.course import Course


_log = logging.getLogger(__name__)


class Learn(Node):
    """Regroup all tracks every ``every`` seconds, and fine-tune the embedder beside that.

    What comes out is published in the store; ``embed`` and ``label`` pick it up there. Early on
    it is done more often: a dictionary of the first minute is wanted within that minute.

    ``method = "cast"`` groups as the paper does, which costs the square of what the store holds:
    then it is done each time that the stream has grown by half, and at its end.

    ``tune`` is "head", "full" or "off": in full the trunk's last stage is opened too and learns on
    the crops that the store keeps, which is meant for a GPU. ``recipe`` is "caststream" or, for the
    head, the paper's, "cast". A fine-tuning starts after ``first`` seconds of stream and then each
    time that the stream has grown by half, ``rest`` seconds apart at least. With
    ``pace = "stream"`` it is taken up ``delay`` seconds of stream later, and waited for if need be,
    so that two runs over a file say the same; with "clock" it is taken up when it is ready, and
    takes at most the share ``budget`` of the time.
    """

    def __init__(
        self,
        every: float = 30.0,
        method: Literal["caststream", "cast"] = "caststream",
        tune: Literal["head", "full", "off"] = "head",
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
        self.method: Literal["caststream", "cast"] = method
        self.tune = tune
        self.recipe: Literal["caststream", "cast"] = recipe
        self.pace = pace
        self.first = first
        self.rest = rest
        self.delay = delay
        self.budget = budget
        self._context: Context | None = None
        self._course: Course | None = None

    def open(self, context: Context) -> None:
        """Note the store; it is read once something was committed."""
        if context.store is None:
            raise GraphError("learn needs a store: put save before it in the graph")
        self._context = context

    def process(self, message: Saved) -> Iterator[Never]:
        """Take in a commit, and regroup or tune where it is time."""
        if self._course is None:
            self._course = self._lease()
        course = self._course
        self._try(lambda: course.saved(message.source, message.shot.end))
        return iter(())

    def end_stream(self, end: StreamEnd) -> Iterator[Never]:
        """Take up what is being tuned, and regroup a last time."""
        if self._course is not None and self._context is not None:
            course, source = self._course, self._context.source
            self._try(lambda: course.ended(source))
        return iter(())

    def _try(self, work: Callable[[], None]) -> None:
        """Learn; what a full disk keeps from being published is made again from the store later."""
        try:
            work()
        except OutputError as error:
            if self._context is None or not self._context.patient:
                raise
            _log.warning("the dictionary stays as it is for now: %s", error)

    def _lease(self) -> Course:
        """The course of this store, which all sources of the process share."""
        from caststream.learning.course import Course, Pace

        assert self._context is not None and self._context.store is not None, "open comes first"
        pace = Pace(**{one.name: getattr(self, one.name) for one in dataclasses.fields(Pace)})
        store, device = self._context.store, self._context.device
        return self._context.pool.lease(("course", store), lambda: Course(store, pace, device))

    def close(self) -> None:
        """Stop tuning and let go of the store, unless another source learns on."""
        if self._course is not None and self._context is not None:
            self._course.left(self._context.source)
            self._context.pool.release(("course", self._context.store))
            self._course = None
