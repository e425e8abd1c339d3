"""One node in its place in the tree: what it is called with, and where its outputs go."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from caststream.errors import NodeError
from caststream.graph import kinds
from caststream.graph.inbox import Inbox
from caststream.graph.node import Node
from caststream.graph.places import place
from caststream.graph.spec import Step
from caststream.messages import Context, Marker, ShotEnd, StreamEnd

Take = Callable[[Any], None]


class Stage:
    """Calls one node and pushes on what it gives; what the node raises becomes a NodeError."""

    def __init__(self, step: Step, node: Node, context: Context) -> None:
        self.name = step.name
        self.node = node
        self.children: list[Stage] = []
        self.inbox: Inbox | None = None
        if step.queue:
            drop = step.when_full == "drop"
            self.inbox = Inbox(step.name, step.queue, drop, context.vitals.queues)
        self._accepts = kinds.accepts(step.node)
        self._makes = kinds.makes(step.node)
        self._routes: dict[type, tuple[Take, ...]] = {}
        self._closed = False

    def entry(self, kind: type) -> Take | None:
        """What the parent calls with a message of this kind, None where it is not wanted."""
        inbox = self.inbox
        if inbox is None:
            return self.handler(kind)
        if issubclass(kind, Marker):
            return inbox.mark
        return inbox.put if issubclass(kind, self._accepts) else None

    def handler(self, kind: type) -> Take | None:
        """What this node's own thread calls with a message of this kind."""
        if issubclass(kind, ShotEnd):
            return self._end_shot
        if issubclass(kind, StreamEnd):
            return self._end_stream
        if issubclass(kind, Marker):
            return self._mark
        return self._process if issubclass(kind, self._accepts) else None

    def send(self, message: Any) -> None:
        """Push a message or marker to the children that want it."""
        try:
            route = self._routes[type(message)]
        except KeyError:
            route = self._route(type(message))
        for take in route:
            take(message)

    def open(self, context: Context) -> None:
        """Open the node; NodeError where it cannot."""
        try:
            self.node.open(context)
        except Exception as error:
            raise NodeError(self.name, "opening", error) from error

    def close(self) -> None:
        """Close the node, the first time that this is called."""
        if self._closed:
            return
        self._closed = True
        try:
            self.node.close()
        except Exception as error:
            raise NodeError(self.name, "closing", error) from error

    def _process(self, message: Any) -> None:
        self._call(self.node.process, message)

    def _end_shot(self, marker: ShotEnd) -> None:
        self._call(self.node.end_shot, marker)
        self.send(marker)

    def _end_stream(self, marker: StreamEnd) -> None:
        self._call(self.node.end_stream, marker)
        self.send(marker)

    def _mark(self, marker: Marker) -> None:
        self._call(self.node.mark, marker)
        self.send(marker)

    def _call(self, hook: Callable[[Any], Iterator[Any]], message: Any) -> None:
        """Push what a hook yields; what it raises itself becomes a NodeError of this node."""
        outputs: Iterator[Any] | None = None
        try:
            outputs = hook(message)
            for out in outputs:
                self.send(out)
        except BaseException as error:
            give_up(outputs)
            if isinstance(error, NodeError) or not isinstance(error, Exception):
                raise
            raise NodeError(self.name, place(message), error) from error

    def _route(self, kind: type) -> tuple[Take, ...]:
        if not issubclass(kind, (Marker, *self._makes)):
            raise TypeError(f"yielded a {kind.__name__}, which its annotations do not name")
        takes = (child.entry(kind) for child in self.children)
        route = tuple(take for take in takes if take is not None)
        self._routes[kind] = route
        return route


def give_up(outputs: Iterator[Any] | None) -> None:
    """Close a generator that is given up, so that its node is at rest before it is closed."""
    close = getattr(outputs, "close", None)
    if close is not None:
        with contextlib.suppress(Exception):
            close()
