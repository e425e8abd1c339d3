"""The inbox, against a model of it."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from toys import frame, shot_end

from caststream.graph.inbox import END, Halted, Inbox
from caststream.messages import Frame, Gap, Marker


class Dropping(RuleBasedStateMachine):
    """Whatever is put and taken: markers all come, in place; each message comes or is counted."""

    def __init__(self) -> None:
        super().__init__()
        self.fills: dict[str, tuple[int, int]] = {}
        self.inbox = Inbox("toy", 3, True, self.fills)
        self.inside: deque[Any] = deque()
        self.missing: list[Frame] = []
        self.lost = 0
        self.count = 0

    def told(self) -> None:
        """What the inbox has to put before anything else once frames are missing."""
        if self.missing:
            times = [lost.time for lost in self.missing]
            self.inside.append(Gap("dropped", min(times), max(times), len(times)))
            self.missing = []

    @rule()
    def put(self) -> None:
        message = frame(self.count)
        self.count += 1
        self.inbox.put(message)
        if len(self.inside) >= 3:
            self.missing.append(message)
            self.lost += 1
        else:
            self.told()
            self.inside.append(message)

    @rule()
    def mark(self) -> None:
        marker = shot_end(self.count, 0, 1)
        self.inbox.mark(marker)
        self.told()
        self.inside.append(marker)

    @precondition(lambda self: self.inside)
    @rule()
    def take(self) -> None:
        assert self.inbox.take() == self.inside.popleft()

    @invariant()
    def counts(self) -> None:
        assert self.fills["toy"] == (len(self.inside), 3)
        assert self.inbox.dropped == self.lost

    def teardown(self) -> None:
        self.inbox.finish()
        while self.inside:
            assert self.inbox.take() == self.inside.popleft()
        assert self.inbox.take() is END


TestDropping = Dropping.TestCase
TestDropping.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("drop", [False, True])
def test_a_shut_inbox_halts_who_puts_and_ends_who_takes(drop):
    inbox = Inbox("toy", 1, drop, {})
    inbox.put(frame(0))
    inbox.shut()
    assert inbox.take() is END
    with pytest.raises(Halted):
        inbox.put(frame(1))
    with pytest.raises(Halted):
        inbox.mark(shot_end(0, 0, 1))
    assert inbox.dropped == 0


@pytest.mark.parametrize("entry", [frame(1), shot_end(0, 0, 1)])
def test_shutting_wakes_who_waits_for_room(entry):
    inbox = Inbox("toy", 1, False, {})
    inbox.put(frame(0))
    ended: list[type[BaseException]] = []

    def push() -> None:
        try:
            inbox.mark(entry) if isinstance(entry, Marker) else inbox.put(entry)
        except Halted as halted:
            ended.append(type(halted))

    thread = threading.Thread(target=push)
    thread.start()
    inbox.shut()
    thread.join(10)
    assert ended == [Halted]
