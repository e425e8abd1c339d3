"""Runs a graph: pushes messages down the tree, keeps markers in band, ends in order.

A message is pushed depth first, so when ``send`` returns everything downstream has seen it, or
has it in an inbox: the call stack is the back-pressure. A node with a queue starts a lane of its
own, a thread that runs it and what stands below it up to the next queue.

How a run ends:

- normally: the source says StreamEnd, each lane works off its inbox, closes its nodes and tells
  the lanes below;
- ``stop``: the source is asked to come to its StreamEnd, then as above;
- failure: the lane that failed takes no more, the source is stopped, the lanes beside it work off
  what they were given, and ``run`` raises the NodeError;
- ``abort``: inboxes are thrown away and nothing is flushed.

In all of them each node is closed once, on the thread that opened it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from threading import Event, Lock, Thread
from typing import Any

from caststream.errors import NodeError
from caststream.graph.inbox import END, Halted, Inbox
from caststream.graph.node import Node, Source
from caststream.graph.places import place
from caststream.graph.spec import Graph
from caststream.graph.stage import Stage, Take, give_up
from caststream.messages import Context, StreamEnd

_log = logging.getLogger(__name__)

_POLL = 0.2
"""Seconds between looks at an abort while waiting for another thread."""
_GRACE = 2.0
"""Seconds that an aborted lane gets to come back from the message that it is working on."""


class _Lane:
    """The stages that share a thread, in file order; the first is the source or has the inbox."""

    def __init__(self, first: Stage) -> None:
        self.stages = [first]
        self.below: list[_Lane] = []
        self.ready = Event()
        self.thread: Thread | None = None

    @property
    def name(self) -> str:
        return self.stages[0].name

    @property
    def inbox(self) -> Inbox | None:
        return self.stages[0].inbox

    def open(self, context: Context) -> None:
        for stage in self.stages:
            stage.open(context)

    def work(self) -> None:
        """Take from the inbox until it ends."""
        first, inbox = self.stages[0], self.inbox
        assert inbox is not None
        handlers: dict[type, Take] = {}
        while (message := inbox.take()) is not END:
            kind = type(message)
            handler = handlers.get(kind)
            if handler is None:
                found = first.handler(kind)
                assert found is not None, "the entry lets in only what the node accepts"
                handler = handlers[kind] = found
            handler(message)
            # Waiting for the next one must not keep this one's picture alive.
            del message

    def close(self) -> NodeError | None:
        """Close the stages, the last first; the first failure is given back."""
        failure: NodeError | None = None
        for stage in reversed(self.stages):
            try:
                stage.close()
            except NodeError as error:
                _log.debug("%s", error, exc_info=error)
                failure = failure or error
        return failure


class Run:
    """One run of a graph.

    ``run`` blocks until the stream has ended and every node is closed. ``stop`` and ``abort`` may
    be called from any thread, before and during it.
    """

    def __init__(self, graph: Graph, context: Context) -> None:
        self.context = context
        self.interrupted = False
        """Whether ``stop`` or ``abort`` was called."""
        self.nodes: dict[str, Node] = {}
        """Name -> node, in file order."""
        self._failure: BaseException | None = None
        self._aborted = False
        self._lock = Lock()
        self._lanes: list[_Lane] = []
        stages: dict[str, Stage] = {}
        lane_of: dict[str, _Lane] = {}
        for step in graph.steps:
            stage = Stage(step, step.build(), context)
            stages[step.name] = stage
            self.nodes[step.name] = stage.node
            if step.parent is None or stage.inbox is not None:
                lane = _Lane(stage)
                self._lanes.append(lane)
            else:
                lane = lane_of[step.parent]
                lane.stages.append(stage)
            lane_of[step.name] = lane
            if step.parent is not None:
                stages[step.parent].children.append(stage)
                if stage.inbox is not None:
                    lane_of[step.parent].below.append(lane)
        source = self._lanes[0].stages[0].node
        assert isinstance(source, Source), "a graph begins with its source"
        self._source = source
        context.stop = self.stop

    @property
    def dropped(self) -> dict[str, int]:
        """How many messages each queued node has lost so far to a full inbox."""
        inboxes = (lane.inbox for lane in self._lanes)
        return {inbox.name: inbox.dropped for inbox in inboxes if inbox is not None}

    def run(self) -> None:
        """Run until the end of the stream.

        Raises the first NodeError, after all nodes are closed; KeyboardInterrupt where the run
        was aborted. Call it once.
        """
        try:
            self._start()
            self._stream()
        except BaseException as error:
            self._fail(error)
        finally:
            try:
                self._finish()
            except KeyboardInterrupt:
                self.abort()
                self._finish()
        if self._failure is not None:
            raise self._failure
        if self._aborted:
            raise KeyboardInterrupt

    def stop(self) -> None:
        """Let the stream end normally, soon: everything is flushed and saved."""
        self.interrupted = True
        self.context.stopping.set()
        self._source.stop()

    def abort(self) -> None:
        """End at once: what has not been written is lost."""
        self.interrupted = True
        self._aborted = True
        self.context.stopping.set()
        for lane in self._lanes:
            if lane.inbox is not None:
                lane.inbox.shut()
        self._source.stop()

    def _start(self) -> None:
        """Open everything, in file order, so that nothing flows before all is well."""
        main, *queued = self._lanes
        main.open(self.context)
        for lane in queued:
            lane.thread = Thread(
                target=self._work, args=(lane,), name=f"caststream-{lane.name}", daemon=True
            )
            lane.thread.start()
            while not lane.ready.wait(_POLL):
                self._check()
            self._check()

    def _stream(self) -> None:
        first = self._lanes[0].stages[0]
        where = "start of the stream"
        outputs: Iterator[Any] | None = None
        last: Any = None
        try:
            outputs = self._source.produce()
            for out in outputs:
                self._check()
                last = out
                first.send(out)
            if not isinstance(last, StreamEnd):
                raise RuntimeError("ended without saying StreamEnd")
        except BaseException as error:
            give_up(outputs)
            if isinstance(error, NodeError) or not isinstance(error, Exception):
                raise
            where = where if last is None else f"after {place(last)}"
            raise NodeError(first.name, where, error) from error

    def _work(self, lane: _Lane) -> None:
        """The life of a queued lane, on its thread."""
        inbox = lane.inbox
        assert inbox is not None
        try:
            lane.open(self.context)
            lane.ready.set()
            lane.work()
        except BaseException as error:
            self._fail(error)
        finally:
            inbox.shut()
            lane.ready.set()
            self._leave(lane)

    def _leave(self, lane: _Lane) -> None:
        """Let the lanes below work off what they have, and close this one."""
        for below in lane.below:
            assert below.inbox is not None
            below.inbox.finish()
        failure = lane.close()
        if failure is not None:
            self._fail(failure)

    def _finish(self) -> None:
        """Close everything; can be called again where it was interrupted."""
        self._leave(self._lanes[0])
        for lane in self._lanes[1:]:
            if lane.thread is None or lane.thread.ident is None:
                self._leave(lane)
                continue
            waited = 0.0
            while lane.thread.is_alive() and waited < _GRACE:
                lane.thread.join(_POLL)
                waited = waited + _POLL if self._aborted else 0.0
            if lane.thread.is_alive():
                # Closing it from here would pull the ground from under native code in use.
                _log.warning("%s is still busy; it was left as it is", lane.name)

    def _fail(self, error: BaseException) -> None:
        """Keep the first failure and stop the stream."""
        if isinstance(error, Halted):
            return
        if isinstance(error, KeyboardInterrupt):
            self.abort()
            return
        with self._lock:
            if self._failure is None and not self._aborted:
                self._failure = error
        with contextlib.suppress(Exception):
            self._source.stop()

    def _check(self) -> None:
        if self._aborted or self._failure is not None:
            raise Halted
