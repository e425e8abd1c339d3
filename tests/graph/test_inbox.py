"""The inbox, against a model of it, and whole graphs against a plain recursion."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from toys import Cut, Keep, Say, Through, frame, indices, shot_end, stream

from caststream.graph.inbox import END, Halted, Inbox
from caststream.graph.runner import Run
from caststream.graph.spec import Graph, Step
from caststream.messages import Context, Frame, Gap, Marker


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


@st.composite
def trees(draw: st.DrawFn) -> list[tuple[int, str, dict[str, Any], int]]:
    """Rows (parent, kind, arguments, queue); row 0 is the source, leaves keep what they see."""
    rows: list[tuple[int, str, dict[str, Any], int]] = [(-1, "say", {}, 0)]
    for _ in range(draw(st.integers(1, 5))):
        parent = draw(st.integers(0, len(rows) - 1))
        kind = draw(st.sampled_from(["through", "cut"]))
        arguments = (
            {"hold": draw(st.integers(0, 4))}
            if kind == "through"
            else {"length": draw(st.integers(1, 4))}
        )
        rows.append((parent, kind, arguments, draw(st.integers(0, 3))))
    return rows


messages = st.lists(st.sampled_from("fffffsg"), max_size=25).map(
    lambda letters: stream(
        *(
            frame(index)
            if letter == "f"
            else shot_end(index, 0, index)
            if letter == "s"
            else Gap("corrupt", 0.0, 1.0, index)
            for index, letter in enumerate(letters)
        ),
        frames=letters.count("f"),
    )
)


def build(rows: list[tuple[int, str, dict[str, Any], int]], said: Any, when_full: Any) -> Graph:
    kinds = {"through": Through, "cut": Cut}
    steps = [Step("0", Say, {"messages": said})]
    for number, (parent, kind, arguments, queue) in enumerate(rows[1:], 1):
        mode = when_full if queue else "wait"
        steps.append(Step(str(number), kinds[kind], arguments, str(parent), queue, mode))
        steps.append(Step(f"keep {number}", Keep, {}, str(number)))
    return Graph("toy", tuple(steps))


def expected(kind: str, arguments: dict[str, Any], incoming: list[Any]) -> list[Any]:
    """What a toy node makes of a whole stream, without any runner."""
    made: list[Any] = []
    node: Any = {"through": Through, "cut": Cut}[kind](**arguments)
    for message in incoming:
        if not isinstance(message, Marker):
            made += node.process(message)
            continue
        name = {"ShotEnd": "end_shot", "StreamEnd": "end_stream"}.get(type(message).__name__)
        made += getattr(node, name or "mark")(message)
        made.append(message)
    return made


@settings(max_examples=60, deadline=None)
@given(trees(), messages)
def test_queues_that_wait_change_nothing(rows, said):
    """Order and completeness: any tree, with threads anywhere, gives what plain calls give."""
    run = Run(build(rows, said, "wait"), Context())
    run.run()
    streams = {0: said}
    for number, (parent, kind, arguments, _) in enumerate(rows[1:], 1):
        streams[number] = expected(kind, arguments, streams[parent])
        keep: Any = run.nodes[f"keep {number}"]
        assert keep.seen == streams[number]
    assert all(node.log[-1] == "close" for node in run.nodes.values())  # type: ignore[attr-defined]


@settings(max_examples=40, deadline=None)
@given(messages, st.integers(1, 3), st.integers(1, 4))
def test_queues_that_drop_lose_no_marker_and_count_every_frame(said, queue, length):
    rows = [(-1, "say", {}, 0), (0, "through", {"hold": 2}, queue), (1, "cut", {"length": 3}, 0)]
    run = Run(build(rows, said, "drop"), Context())
    run.run()
    through: Any = run.nodes["1"]
    came = [m for m in through.seen if isinstance(m, Frame)]
    gaps = [m for m in through.seen if isinstance(m, Gap) and m.reason == "dropped"]
    markers = [m for m in through.seen if isinstance(m, Marker) and m not in gaps]
    sent = [m for m in said if isinstance(m, Frame)]
    assert markers == [m for m in said if isinstance(m, Marker)]
    assert len(came) + sum(gap.frames for gap in gaps) == len(sent)
    assert run.dropped["1"] == len(sent) - len(came)
    # Each frame stands between the same two markers as before, and each gap where its frames were.
    rest = deque(said)
    for message in through.seen:
        if message in gaps:
            lost = [rest.popleft() for _ in range(message.frames)]
            assert (message.start, message.end) == (lost[0].time, lost[-1].time)
        else:
            assert rest.popleft() == message
    assert not rest
    assert indices(through.seen)[-1] == "E"
