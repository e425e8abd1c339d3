"""Small nodes that the tests of the graph are made of."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Never

from caststream.graph.node import Node, Source
from caststream.graph.runner import Run
from caststream.graph.spec import Graph, Step
from caststream.messages import (
    Context,
    Frame,
    Gap,
    Marker,
    Shot,
    ShotEnd,
    ShotFrame,
    StreamEnd,
    StreamStart,
)

START = StreamStart("toy", 64, 36, 25.0, None, "f00d")


def frame(index: int) -> Frame:
    return Frame(index, index / 25, None)  # type: ignore[arg-type]


def shot_end(index: int, start: int, end: int) -> ShotEnd:
    return ShotEnd(Shot(index, start, end, start / 25, end / 25, "cut", 1.0))


def stream(*middle: Any, frames: int = 0) -> list[Any]:
    """What a source says: its start, the given messages, its end."""
    return [START, *middle, StreamEnd(frames, frames / 25, "eof")]


@dataclass(frozen=True)
class Word:
    """A kind of message that no stage of caststream knows."""

    frame: Frame
    text: str


class Say(Source):
    """Says what it is given, until it is stopped."""

    def __init__(self, messages: Any = ()) -> None:
        self.messages: Iterable[Any] = messages
        self.stopped = threading.Event()
        self.log: list[str] = []

    def open(self, context: Context) -> None:
        self.log.append("open")

    def produce(self) -> Iterator[Frame | Marker]:
        frames = 0
        for message in self.messages:
            if self.stopped.is_set():
                yield StreamEnd(frames, frames / 25, "interrupted")
                return
            if isinstance(message, Exception):
                raise message
            frames += isinstance(message, Frame)
            yield message

    def stop(self) -> None:
        self.stopped.set()

    def close(self) -> None:
        self.log.append("close")


class Logged(Node):
    """Notes every call and the thread of each; fails in the hook ``fail``, at its n-th call."""

    def __init__(self, fail: str = "", at: int = 1) -> None:
        self.fail = fail
        self.at = at
        self.log: list[str] = []
        self.seen: list[Any] = []
        self.threads: set[int] = set()

    def note(self, hook: str, message: Any = None) -> None:
        self.log.append(hook)
        self.threads.add(threading.get_ident())
        if hook == self.fail and self.log.count(hook) == self.at:
            raise RuntimeError(f"{hook} broke")
        if message is not None:
            self.seen.append(message)

    def open(self, context: Context) -> None:
        self.note("open")

    def close(self) -> None:
        self.note("close")


class Through(Logged):
    """Passes frames on, and holds the last ``hold`` of a shot back until it ends."""

    def __init__(self, hold: int = 0, fail: str = "", at: int = 1) -> None:
        super().__init__(fail, at)
        self.hold = hold
        self.held: list[Frame] = []

    def process(self, message: Frame) -> Iterator[Frame]:
        self.note("process", message)
        self.held.append(message)
        while len(self.held) > self.hold:
            yield self.held.pop(0)

    def end_shot(self, end: ShotEnd) -> Iterator[Frame]:
        self.note("end_shot", end)
        yield from self.flush()

    def mark(self, marker: Marker) -> Iterator[Frame]:
        self.note("mark", marker)
        return iter(())

    def end_stream(self, end: StreamEnd) -> Iterator[Frame]:
        self.note("end_stream", end)
        yield from self.flush()

    def flush(self) -> Iterator[Frame]:
        held, self.held = self.held, []
        yield from held


class Cut(Logged):
    """Cuts the stream into shots of ``length`` frames, as `shots` does: it makes the markers."""

    def __init__(self, length: int = 3, fail: str = "", at: int = 1) -> None:
        super().__init__(fail, at)
        self.length = length
        self.count = 0

    def process(self, message: Frame) -> Iterator[Frame | ShotEnd]:
        self.note("process", message)
        if self.count and self.count % self.length == 0:
            yield self.marker()
        self.count += 1
        yield message

    def end_shot(self, end: ShotEnd) -> Iterator[Frame | ShotEnd]:
        self.note("end_shot", end)
        return iter(())

    def mark(self, marker: Marker) -> Iterator[Frame | ShotEnd]:
        self.note("mark", marker)
        return iter(())

    def end_stream(self, end: StreamEnd) -> Iterator[Frame | ShotEnd]:
        self.note("end_stream", end)
        if self.count:
            yield self.marker()

    def marker(self) -> ShotEnd:
        index = (self.count - 1) // self.length
        return shot_end(index, index * self.length, self.count)


class Keep(Logged):
    """A leaf that keeps what it sees, frames and markers alike, and may call back for each."""

    def __init__(self, each: Any = None, fail: str = "", at: int = 1) -> None:
        super().__init__(fail, at)
        self.each: Callable[[Any], None] | None = each

    def process(self, message: Frame | Word) -> Iterator[Never]:
        self.note("process", message)
        if self.each is not None:
            self.each(message)
        return iter(())

    def end_shot(self, end: ShotEnd) -> Iterator[Never]:
        self.note("end_shot", end)
        return iter(())

    def mark(self, marker: Marker) -> Iterator[Never]:
        self.note("mark", marker)
        return iter(())

    def end_stream(self, end: StreamEnd) -> Iterator[Never]:
        self.note("end_stream", end)
        return iter(())


class Speak(Logged):
    """Makes a word of each frame: a kind of its own."""

    def process(self, message: Frame) -> Iterator[Word]:
        self.note("process", message)
        yield Word(message, str(message.index))


class OnlyShots(Logged):
    """Takes what nothing here makes."""

    def process(self, message: ShotFrame) -> Iterator[Frame]:
        self.note("process", message)
        yield message.frame


def graph(*steps: Step) -> Graph:
    return Graph("toy", steps)


def say(*messages: Any) -> Step:
    return Step("say", Say, {"messages": messages})


def indices(seen: Iterable[Any]) -> list[Any]:
    """Frames as their numbers, markers as letters: ``[0, 1, "S", 2, "E"]``."""
    short: list[Any] = []
    for message in seen:
        match message:
            case Frame(index=index):
                short.append(index)
            case Word(text=text):
                short.append(text)
            case StreamStart():
                short.append("B")
            case ShotEnd(shot=Shot(index=index)):
                short.append(f"S{index}")
            case Gap(frames=missing):
                short.append(f"G{missing}")
            case StreamEnd():
                short.append("E")
    return short


FRAMES = [frame(index) for index in range(7)]


def finish(built: Graph) -> Run:
    run = Run(built, Context())
    run.run()
    return run


def node(run: Run, name: str) -> Any:
    return run.nodes[name]
