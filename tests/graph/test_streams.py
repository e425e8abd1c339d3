"""Whole graphs, drawn at random, against plain calls of their nodes."""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Cut, Keep, Say, Through, frame, indices, shot_end, stream

from caststream.errors import NodeError
from caststream.graph.runner import Run
from caststream.graph.spec import Graph, Step
from caststream.messages import Context, Frame, Gap, Marker


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


@settings(max_examples=80, deadline=None)
@given(
    trees(),
    messages,
    st.integers(1, 5),
    st.sampled_from(["open", "mark", "process", "end_shot", "end_stream", "close"]),
    st.integers(1, 6),
)
def test_a_failure_anywhere_closes_all_and_bends_nothing(rows, said, victim, hook, at):
    victim = min(victim, len(rows) - 1)
    built = build(rows, said, "wait")
    broken = tuple(
        Step(s.name, s.node, {**s.arguments, "fail": hook, "at": at}, s.parent, s.queue)
        if s.name == str(victim)
        else s
        for s in built.steps
    )
    run = Run(Graph("toy", broken), Context())
    calls = run.nodes[str(victim)].log  # type: ignore[attr-defined]
    try:
        run.run()
    except NodeError as error:
        assert error.node == str(victim)
        assert str(error).endswith(f"{hook} broke")
        assert calls.count(hook) == at
    else:
        assert calls.count(hook) < at
    streams = {0: said}
    for number, (parent, kind, arguments, _) in enumerate(rows[1:], 1):
        streams[number] = expected(kind, arguments, streams[parent])
        keep: Any = run.nodes[f"keep {number}"]
        assert keep.seen == streams[number][: len(keep.seen)]
    assert [node.log.count("close") for node in run.nodes.values()] == [1] * len(run.nodes)  # type: ignore[attr-defined]
