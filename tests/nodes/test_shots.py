"""The node that cuts the stream into shots: order, markers in band, jumps of the input."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
from numpy.typing import NDArray

from caststream.media.picture import Picture
from caststream.media.surface import CpuSurface, Scalers
from caststream.messages import Context, Frame, Gap, Shot, ShotEnd, ShotFrame, StreamEnd
from caststream.nodes.shots import Shots
from caststream.vision.boundary import LOOKAHEAD

RNG = np.random.default_rng(0)
SETS = RNG.integers(0, 256, (4, 54, 96, 3), dtype=np.uint8)
SCALERS = Scalers()


def frame(index: int, background: int, start: int = 0) -> Frame:
    decoded = av.VideoFrame.from_ndarray(SETS[background], "rgb24")
    return Frame(index, (index - start) / 25, Picture(CpuSurface(decoded, SCALERS)))


def opened() -> tuple[Shots, Context]:
    node, context = Shots(), Context()
    node.open(context)
    return node, context


def run(node: Shots, frames: list[Frame]) -> list[ShotFrame | ShotEnd]:
    return [out for message in frames for out in node.process(message)]


def numbers(out: list[ShotFrame | ShotEnd]) -> list[int]:
    return [o.frame.index for o in out if isinstance(o, ShotFrame)]


def shots(out: list[ShotFrame | ShotEnd]) -> list[Shot]:
    return [o.shot for o in out if isinstance(o, ShotEnd)]


def two_shots() -> list[Frame]:
    return [frame(i, 0 if i < 40 else 1) for i in range(80)]


def test_frames_come_in_order_and_the_end_before_the_next_shots_first() -> None:
    node, context = opened()
    out = run(node, two_shots())
    out += node.end_stream(StreamEnd(80, 3.2, "eof"))
    assert numbers(out) == list(range(80))
    assert isinstance(out[40], ShotEnd)
    assert isinstance(out[-1], ShotEnd)
    assert [o.shot for o in out if isinstance(o, ShotFrame)] == [0] * 40 + [1] * 40
    first, second = shots(out)
    assert first == Shot(0, 0, 40, 0.0, 1.6, "start", 1.0)
    assert (second.index, second.start_frame, second.end_frame) == (1, 40, 80)
    assert (second.start, second.end, second.transition) == (1.6, 3.2, "cut")
    assert 0.5 <= second.score <= 1
    assert len(context.models["boundary"]) == 64


def test_holds_no_more_frames_than_the_look_ahead() -> None:
    node, _ = opened()
    given = 0
    for i, message in enumerate(two_shots()):
        given += len(numbers(list(node.process(message))))
        assert i + 1 - given <= LOOKAHEAD


def test_the_small_picture_goes_along() -> None:
    node, _ = opened()
    out = run(node, two_shots()[:20])
    assert isinstance(out[0], ShotFrame)
    expected: NDArray[np.uint8] = out[0].frame.picture.resized(48, 27)
    np.testing.assert_array_equal(out[0].small, expected)


def test_a_jump_ends_the_shot_and_the_next_begins_as_a_stream_does() -> None:
    node, _ = opened()
    out = run(node, [frame(i, 0) for i in range(20)])
    out += node.mark(Gap("reconnect", 0.84, 3.0, 0))
    assert numbers(out) == list(range(20))
    assert shots(out) == [Shot(0, 0, 20, 0.0, 0.84, "start", 1.0)]
    out += run(node, [frame(i, 0) for i in range(20, 60)])
    out += node.end_stream(StreamEnd(60, 5.0, "eof"))
    assert [s.index for s in shots(out)] == [0, 1]
    assert shots(out)[1].transition == "start"
    assert numbers(out) == list(range(60))


def test_a_small_gap_goes_by() -> None:
    node, _ = opened()
    out = run(node, [frame(i, 0) for i in range(20)])
    out += node.mark(Gap("corrupt", 0.8, 0.84, 1))
    out += run(node, [frame(i, 0) for i in range(21, 60)])
    out += node.end_stream(StreamEnd(60, 2.4, "eof"))
    assert len(shots(out)) == 1


def test_a_jump_before_anything_and_an_empty_stream() -> None:
    node, _ = opened()

    def everything() -> Iterator[ShotFrame | ShotEnd]:
        yield from node.mark(Gap("discontinuity", 0.0, 1.0, 0))
        yield from node.end_stream(StreamEnd(0, 0.0, "eof"))

    assert list(everything()) == []


def test_an_end_never_lies_before_the_last_frame() -> None:
    node, _ = opened()
    out = run(node, [frame(i, 0) for i in range(5)])
    out += node.end_stream(StreamEnd(5, 0.0, "interrupted"))
    assert shots(out)[0].end == 4 / 25
