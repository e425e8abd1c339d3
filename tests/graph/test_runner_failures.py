"""The runner: failures, where they are told, and what they leave to others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from toys import (
    FRAMES,
    Keep,
    Through,
    graph,
    indices,
    node,
    say,
    shot_end,
    stream,
)

from caststream.errors import NodeError, OutputError
from caststream.graph.runner import Run
from caststream.graph.spec import Step
from caststream.messages import Context, Frame

HOOKS = {
    "open": "opening",
    "mark": "start of the stream",
    "process": "frame 0 at 0.000 s",
    "end_shot": "end of shot 0 at 0.120 s",
    "end_stream": "end of the stream at 0.120 s",
    "close": "closing",
}


@pytest.mark.parametrize("queue", [0, 1, 4])
@pytest.mark.parametrize("hook", HOOKS)
def test_a_failure_in_any_hook_is_told_with_its_place_and_everything_is_closed_once(hook, queue):
    threads = threading.active_count()
    run = Run(
        graph(
            say(*stream(*FRAMES[:3], shot_end(0, 0, 3), frames=3)),
            Step("before", Through, {}, "say"),
            Step("bad", Through, {"fail": hook}, "before", queue=queue),
            Step("below", Keep, {}, "bad", queue=queue),
            Step("beside", Keep, {}, "before", queue=queue),
        ),
        Context(),
    )
    with pytest.raises(NodeError) as caught:
        run.run()
    assert str(caught.value) == f"bad, {HOOKS[hook]}: {hook} broke"
    assert caught.value.exit_code == 1
    assert {name: made.log.count("close") for name, made in run.nodes.items()} == dict.fromkeys(
        run.nodes, 1
    )
    assert threading.active_count() == threads


@pytest.mark.parametrize("queue", [0, 3])
def test_a_failure_leaves_what_stands_before_it_to_the_other_branches(queue):
    run = Run(
        graph(
            say(*stream(*FRAMES, frames=7)),
            Step("good", Through, {}, "say", queue=queue),
            Step("keep", Keep, {}, "good"),
            Step("bad", Keep, {"fail": "process", "at": 5}, "say"),
        ),
        Context(),
    )
    with pytest.raises(NodeError, match=r"^bad, frame 4 at 0\.160 s: process broke$"):
        run.run()
    assert indices(node(run, "keep").seen) == ["B", 0, 1, 2, 3, 4]


def test_a_source_that_fails_says_after_what():
    run = Run(
        graph(
            say(*stream(*FRAMES[:3])[:-1], OSError("the line went dead")),
            Step("keep", Keep, {}, "say", queue=8),
        ),
        Context(),
    )
    with pytest.raises(NodeError, match=r"^say, after frame 2 at 0\.080 s: the line went dead$"):
        run.run()
    assert indices(node(run, "keep").seen) == ["B", 0, 1, 2]
    assert node(run, "keep").log[-1] == "close"


def test_a_source_that_just_ends_is_a_failure():
    run = Run(graph(say(*stream(*FRAMES)[:-1]), Step("keep", Keep, {}, "say")), Context())
    with pytest.raises(NodeError, match="without saying StreamEnd"):
        run.run()


def test_the_exit_code_is_that_of_the_cause():
    def full(_: Any) -> None:
        raise OutputError("the disk is full")

    run = Run(
        graph(say(*stream(*FRAMES)), Step("keep", Keep, {"each": full}, "say", queue=1)), Context()
    )
    with pytest.raises(NodeError, match=r"^keep, frame 0 at 0\.000 s: the disk is full$") as caught:
        run.run()
    assert caught.value.exit_code == OutputError.exit_code


class Liar(Through):
    def process(self, message: Frame) -> Iterator[Frame]:
        yield "a word"  # type: ignore[misc]


def test_a_kind_that_the_annotation_does_not_name_is_refused():
    run = Run(graph(say(*stream(*FRAMES)), Step("liar", Liar, {}, "say")), Context())
    with pytest.raises(NodeError, match=r"liar, frame 0.*yielded a str"):
        run.run()
