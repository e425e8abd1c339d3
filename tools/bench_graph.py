"""What the frame graph itself costs: microseconds a node and message, with and without queues.

    python -m tools.bench_graph [--messages 100000] [--nodes 10]

The nodes do nothing but pass their message on, so all that is measured is the runner. With a queue
the time is that of the whole process (both threads), and the wall clock beside it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from caststream.graph.node import Node, Source
from caststream.graph.runner import Run
from caststream.graph.spec import Graph, Step
from caststream.messages import Context, Frame, Marker, StreamEnd, StreamStart

GOAL = 20.0
"""Microseconds a node and message that the graph may cost at most."""


class Count(Source):
    """Makes ``messages`` frames without pictures."""

    def __init__(self, messages: int) -> None:
        self.messages = messages

    def produce(self) -> Iterator[Frame | Marker]:
        yield StreamStart("bench", 0, 0, None, None, "")
        for index in range(self.messages):
            yield Frame(index, index / 25, None)  # type: ignore[arg-type]
        yield StreamEnd(self.messages, self.messages / 25, "eof")


class Pass(Node):
    """Passes every message on."""

    def process(self, message: Frame) -> Iterator[Frame]:
        yield message


def measure(messages: int, nodes: int, queues: set[int], size: int) -> tuple[float, float]:
    """Return (CPU, wall) microseconds a node and message of one chain."""
    steps = [Step("0", Count, {"messages": messages})]
    for number in range(1, nodes + 1):
        queue = size if number in queues else 0
        steps.append(Step(str(number), Pass, {}, str(number - 1), queue))
    run = Run(Graph("bench", tuple(steps)), Context())
    cpu, wall = time.process_time(), time.perf_counter()
    run.run()
    calls = messages * nodes
    return (
        (time.process_time() - cpu) / calls * 1e6,
        (time.perf_counter() - wall) / calls * 1e6,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--nodes", type=int, default=10)
    given = parser.parse_args()
    cases = [
        ("chain, one thread", set(), 0),
        ("one queue of 8 in the middle", {given.nodes // 2}, 8),
        ("one queue of 64 in the middle", {given.nodes // 2}, 64),
        ("a queue of 8 before every node", set(range(1, given.nodes + 1)), 8),
    ]
    print(f"{given.nodes} nodes, {given.messages} messages; microseconds a node and message")
    for name, queues, size in cases:
        cpu, wall = min(measure(given.messages, given.nodes, queues, size) for _ in range(3))
        verdict = "within" if max(cpu, wall) <= GOAL else "OVER"
        print(f"{name:<32} CPU {cpu:6.2f}  wall {wall:6.2f}  ({verdict} {GOAL:.0f})")


if __name__ == "__main__":
    main()
