"""The runner: order, threads, back-pressure, drops, stops."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from toys import (
    FRAMES,
    Cut,
    Keep,
    Say,
    Speak,
    Through,
    finish,
    frame,
    graph,
    indices,
    node,
    say,
    shot_end,
    stream,
)

from caststream.errors import NodeError
from caststream.graph.node import Node
from caststream.graph.runner import Run
from caststream.graph.spec import Step
from caststream.messages import Context, Frame, Gap, Marker, StreamEnd


def test_markers_stay_between_the_messages_and_flush_what_is_held():
    middle = [*FRAMES[:3], shot_end(0, 0, 3), *FRAMES[3:], shot_end(1, 3, 7)]
    run = finish(
        graph(
            say(*stream(*middle, frames=7)),
            Step("hold", Through, {"hold": 2}, "say"),
            Step("keep", Keep, {}, "hold"),
        )
    )
    assert indices(node(run, "keep").seen) == ["B", 0, 1, 2, "S0", 3, 4, 5, 6, "S1", "E"]


def test_a_yielded_marker_goes_to_the_children_only_and_the_last_shot_ends_before_the_stream():
    run = finish(
        graph(
            say(*stream(*FRAMES[:5], frames=5)),
            Step("cut", Cut, {"length": 3}, "say"),
            Step("hold", Through, {"hold": 9}, "cut"),
            Step("keep", Keep, {}, "hold"),
            Step("beside", Keep, {}, "say"),
        )
    )
    assert indices(node(run, "keep").seen) == ["B", 0, 1, 2, "S0", 3, 4, "S1", "E"]
    assert indices(node(run, "beside").seen) == ["B", 0, 1, 2, 3, 4, "E"]
    assert "end_shot" not in node(run, "cut").log


def test_a_message_goes_down_the_first_branch_to_its_end_before_the_second_sees_it():
    order: list[str] = []
    run = finish(
        graph(
            say(*stream(*FRAMES[:2])),
            Step("first", Through, {}, "say"),
            Step("below", Keep, {"each": lambda m: order.append(f"below {m.index}")}, "first"),
            Step("second", Keep, {"each": lambda m: order.append(f"second {m.index}")}, "say"),
        )
    )
    assert order == ["below 0", "second 0", "below 1", "second 1"]
    assert run.interrupted is False


def test_a_node_gets_only_the_kinds_it_names():
    run = finish(
        graph(
            say(*stream(*FRAMES[:2])),
            Step("speak", Speak, {}, "say"),
            Step("keep", Keep, {}, "speak"),
        )
    )
    assert indices(node(run, "speak").seen) == [0, 1]
    assert indices(node(run, "keep").seen) == ["B", "0", "1", "E"]


def test_each_node_opens_works_and_closes_on_one_thread_and_a_queue_makes_a_new_one():
    run = finish(
        graph(
            say(*stream(*FRAMES, frames=7)),
            Step("a", Through, {}, "say"),
            Step("b", Through, {}, "a", queue=2),
            Step("c", Keep, {}, "b"),
            Step("d", Keep, {}, "b", queue=1),
            Step("e", Keep, {}, "say"),
        )
    )
    threads = {name: node(run, name).threads for name in "abcde"}
    assert all(len(used) == 1 for used in threads.values())
    assert threads["a"] == threads["e"] == {threading.get_ident()}
    assert threads["b"] == threads["c"] != threads["a"]
    assert threads["d"] not in (threads["a"], threads["b"])
    assert indices(node(run, "c").seen) == ["B", *range(7), "E"] == indices(node(run, "d").seen)
    assert run.context.vitals.queues == {"b": (0, 2), "d": (0, 1)}


def test_a_full_queue_holds_the_source_back():
    said: list[Any] = []
    ahead: list[int] = []

    def messages():
        for message in stream(*map(frame, range(500)), frames=500):
            said.append(message)
            yield message

    run = Run(
        graph(Step("say", Say, {"messages": messages()}), Step("keep", Keep, {}, "say", queue=2)),
        Context(),
    )
    # The start and the frames up to this one are through; beyond them two wait, one is pushed.
    run.nodes["keep"].each = lambda m: ahead.append(len(said) - (m.index + 2))
    run.run()
    assert indices(node(run, "keep").seen) == ["B", *range(500), "E"]
    assert max(ahead) <= 3
    assert run.dropped == {"keep": 0}


def test_drop_mode_loses_messages_counts_them_and_keeps_every_marker():
    busy, told = threading.Event(), threading.Event()

    def messages():
        yield from stream(frame(0))[:2]
        busy.wait(10)
        # The node works on frame 0, so of these the first two find room.
        yield from (frame(1), frame(2), frame(3), frame(4), shot_end(0, 0, 5), frame(5))
        told.set()
        yield StreamEnd(6, 0.24, "eof")

    run = Run(
        graph(
            Step("say", Say, {"messages": messages()}),
            Step("keep", Keep, {}, "say", queue=2, when_full="drop"),
        ),
        Context(),
    )

    def each(message: Any) -> None:
        if message.index == 0:
            busy.set()
            told.wait(10)

    run.nodes["keep"].each = each
    run.run()
    assert indices(node(run, "keep").seen) == ["B", 0, 1, 2, "G2", "S0", "G1", "E"]
    assert [m for m in node(run, "keep").seen if isinstance(m, Gap)] == [
        Gap("dropped", 3 / 25, 4 / 25, 2),
        Gap("dropped", 5 / 25, 5 / 25, 1),
    ]
    assert run.dropped == {"keep": 3}


class Tidy(Through):
    """Notes when its generator is at rest."""

    def process(self, message: Frame) -> Iterator[Frame]:
        try:
            yield message
        finally:
            self.log.append("at rest")


def test_a_generator_is_closed_before_its_node():
    run = Run(
        graph(
            say(*stream(*FRAMES)),
            Step("tidy", Tidy, {}, "say"),
            Step("bad", Keep, {"fail": "process"}, "tidy"),
        ),
        Context(),
    )
    with pytest.raises(NodeError, match="bad, frame 0"):
        run.run()
    assert node(run, "tidy").log == ["open", "mark", "at rest", "close"]


@pytest.mark.parametrize("queue", [0, 2])
def test_stop_ends_the_stream_normally(queue):
    run = Run(
        graph(
            say(*stream(*FRAMES, frames=7)),
            Step("cut", Cut, {"length": 3}, "say"),
            Step("hold", Through, {"hold": 5}, "cut", queue=queue),
            Step("keep", Keep, {}, "hold"),
            Step("early", Keep, {}, "say"),
        ),
        Context(),
    )
    run.nodes["early"].each = lambda m: m.index == 3 and run.stop()
    run.run()
    assert run.interrupted
    assert indices(node(run, "keep").seen) == ["B", 0, 1, 2, "S0", 3, "S1", "E"]
    assert node(run, "keep").seen[-1] == StreamEnd(4, 4 / 25, "interrupted")


def test_stop_before_the_start_gives_an_empty_stream():
    run = Run(graph(say(*stream(*FRAMES)), Step("keep", Keep, {}, "say", queue=2)), Context())
    run.context.stop()
    run.run()
    assert indices(node(run, "keep").seen) == ["E"]


@pytest.mark.parametrize("queue", [0, 1])
def test_abort_flushes_nothing_and_closes_everything(queue):
    run = Run(
        graph(
            say(*stream(*FRAMES, frames=7)),
            Step("hold", Through, {"hold": 2}, "say", queue=queue),
            Step("keep", Keep, {}, "hold", queue=queue),
        ),
        Context(),
    )
    run.nodes["keep"].each = lambda m: m.index == 1 and run.abort()
    with pytest.raises(KeyboardInterrupt):
        run.run()
    assert indices(node(run, "keep").seen) == ["B", 0, 1]
    assert {name: made.log.count("close") for name, made in run.nodes.items()} == dict.fromkeys(
        run.nodes, 1
    )


def test_a_keyboard_interrupt_inside_a_node_aborts():
    def press(_: Any) -> None:
        raise KeyboardInterrupt

    run = Run(
        graph(
            say(*stream(*FRAMES)),
            Step("slow", Keep, {}, "say", queue=3),
            Step("keep", Keep, {"each": press}, "say"),
        ),
        Context(),
    )
    with pytest.raises(KeyboardInterrupt):
        run.run()
    assert run.interrupted
    assert [made.log.count("close") for made in run.nodes.values()] == [1, 1, 1]


def test_all_failures_to_close_are_survived_and_the_first_is_told():
    run = Run(
        graph(
            say(*stream(*FRAMES)),
            Step("a", Keep, {"fail": "close"}, "say"),
            Step("b", Keep, {"fail": "process"}, "say"),
            Step("c", Keep, {"fail": "close"}, "say", queue=1),
        ),
        Context(),
    )
    with pytest.raises(NodeError, match="b, frame 0"):
        run.run()
    assert [made.log.count("close") for made in run.nodes.values()] == [1, 1, 1, 1]


def test_a_run_is_made_of_fresh_nodes():
    built = graph(say(*stream(*FRAMES)), Step("keep", Keep, {}, "say"))
    first, second = finish(built), finish(built)
    assert first.nodes["keep"] is not second.nodes["keep"]
    assert isinstance(first.nodes["keep"], Node)
    assert indices(node(second, "keep").seen) == ["B", *range(7), "E"]


class Waiting(Say):
    """Says its messages, then waits for something that never comes, until it is stopped."""

    def produce(self) -> Iterator[Frame | Marker]:
        yield from super().produce()
        if not self.stopped.wait(30):
            raise TimeoutError("nobody stopped the source")
        yield StreamEnd(0, 0.0, "interrupted")


def test_a_failure_on_another_thread_stops_a_source_that_waits():
    run = Run(
        graph(
            Step("say", Waiting, {"messages": stream(*FRAMES)[:-1]}),
            Step("keep", Keep, {"fail": "process", "at": 7}, "say", queue=20),
            Step("beside", Keep, {}, "say"),
        ),
        Context(),
    )
    with pytest.raises(NodeError, match=r"^keep, frame 6 at 0\.240 s: process broke$"):
        run.run()
    assert indices(node(run, "beside").seen) == ["B", *range(7)]


def test_nothing_flows_where_a_node_cannot_open():
    run = Run(
        graph(
            say(*stream(*FRAMES)),
            Step("keep", Keep, {}, "say"),
            Step("bad", Keep, {"fail": "open"}, "say", queue=1),
            Step("never", Keep, {}, "say", queue=1),
        ),
        Context(),
    )
    with pytest.raises(NodeError, match="bad, opening: open broke"):
        run.run()
    assert {name: made.log for name, made in run.nodes.items()} == {
        "say": ["open", "close"],
        "keep": ["open", "close"],
        "bad": ["open", "close"],
        "never": ["close"],
    }


def test_pictures_are_let_go_once_they_are_through():
    """A queue that waits for the next message must not keep the last one alive."""
    alive: list[weakref.ref[Any]] = []
    left: list[int] = []

    class Picture:
        pass

    def messages() -> Iterator[Any]:
        yield stream()[0]
        for index in range(50):
            picture = Picture()
            alive.append(weakref.ref(picture))
            yield Frame(index, index / 25, picture)  # type: ignore[arg-type]
            del picture
        yield StreamEnd(50, 2.0, "eof")

    run = Run(
        graph(Step("say", Say, {"messages": messages()}), Step("keep", Keep, {}, "say", queue=2)),
        Context(),
    )

    def each(message: Any) -> None:
        run.nodes["keep"].seen.clear()
        left.append(sum(reference() is not None for reference in alive))

    run.nodes["keep"].each = each
    run.run()
    # One worked on, two waiting, one being pushed, one being made.
    assert max(left) <= 5
    assert sum(reference() is not None for reference in alive) == 0
