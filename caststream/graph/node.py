"""The one interface of the graph: what a node is.

A node's ``__init__`` only keeps and checks its settings (cheap to pickle, nothing loaded).
``open`` loads models, on the thread that will use them. ``process`` yields what one message
becomes. ``end_shot`` and ``end_stream`` give out what was held back. ``close`` is always called,
once, also after a failure and also where ``open`` was never reached.

What a node accepts and makes is read from the annotations of ``process`` (``Frame | Tracks``,
``Iterator[Labelled]``): the runner hands it only those kinds, and the loader of graph files checks
every edge with them. Markers need no annotation, they reach every node.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from caststream.messages import Context, Marker, ShotEnd, StreamEnd


class Node:
    """Base of all nodes; the hooks do nothing unless a node has something to say there."""

    def open(self, context: Context) -> None:
        """Get ready: load models, open files."""

    def process(self, message: Any) -> Iterator[Any]:
        """Turn one message into none or more."""
        raise NotImplementedError

    def end_shot(self, end: ShotEnd) -> Iterator[Any]:
        """Give out what is held back of this shot; the runner passes the marker on afterwards."""
        return iter(())

    def mark(self, marker: Marker) -> Iterator[Any]:
        """Take note of any other marker (a stream's start, a gap); passed on afterwards."""
        return iter(())

    def end_stream(self, end: StreamEnd) -> Iterator[Any]:
        """Give out what is left; every shot has ended before."""
        return iter(())

    def close(self) -> None:
        """Let go of everything; safe to call at any time."""


class Source(Node):
    """A node without a parent: it makes the stream."""

    def produce(self) -> Iterator[Any]:
        """Yield a ``StreamStart``, then messages, then a ``StreamEnd``."""
        raise NotImplementedError

    def stop(self) -> None:
        """Make ``produce`` come to its ``StreamEnd`` soon.

        Called from any thread, more than once, also before ``open`` and after a failure.
        """
        raise NotImplementedError
