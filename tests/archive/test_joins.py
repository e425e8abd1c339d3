"""Where spans join, on any shots: each frame of the film comes in once."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from caststream.archive.joins import Part, Span, pieces
from caststream.learning.summary import Summary

NO = np.zeros((0, 0), np.float16)
NONE = np.zeros(0, np.int64)


def span(first: int, cuts: list[int], end: int) -> Span:
    """Frames ``first`` to ``end`` of a film, with shots that end at ``cuts``."""
    edges = [first, *(c for c in cuts if first < c < end), end]
    local = np.array(edges) - first
    shots = len(local) - 1
    numbers = np.arange(shots)
    summary = Summary(
        commit=np.stack([numbers + 2, numbers * 5, numbers * 0 + 5, numbers], axis=1),
        shot=np.stack([local[:-1] / 24, local[1:] / 24, local[:-1], local[1:]], axis=1),
        track=np.zeros((0, 2), np.int64), span=np.zeros((0, 2)),
        vectors=NO, features=NO, weight=NO[:, 0] if NO.size else NONE.astype(np.float32),
        tracks=NONE.astype(np.float32), apart=np.zeros((0, 2), np.int64),
        beside=NONE.astype(np.float32), uid=NONE, home=NONE, share=NONE.astype(np.float32),
        short=NONE, short_vectors=NO, short_features=NO,
    )  # fmt: skip
    return Span(summary, first, end - first)


def frames_of(spans: list[Span], part: Part) -> list[int]:
    shot = spans[part.span].summary.shot[part.first : part.last]
    first = int(shot[0, 2]) + spans[part.span].frame
    last = int(shot[-1, 3]) + spans[part.span].frame
    return list(range(max(first, part.low), last if part.high is None else min(last, part.high)))


@st.composite
def films(draw: st.DrawFn) -> list[Span]:
    """Two to five spans; each sees the film's cuts, and some that others do not see."""
    count = draw(st.integers(2, 5))
    starts = [0]
    for _ in range(count - 1):
        starts.append(starts[-1] + draw(st.integers(40, 90)))
    end = starts[-1] + draw(st.integers(40, 90))
    ends = [start + draw(st.integers(1, 35)) for start in starts[1:]] + [end]
    common = draw(st.lists(st.integers(1, end - 1), max_size=12, unique=True))
    found = []
    for first, last in zip(starts, ends, strict=True):
        own = draw(st.lists(st.integers(1, end - 1), max_size=3, unique=True))
        found.append(span(first, sorted({*common, *own}), last))
    return found


@given(films())
@settings(max_examples=300, deadline=None)
def test_each_frame_comes_in_once_and_in_order(spans: list[Span]) -> None:
    seen: list[int] = []
    for piece in pieces(spans):
        for part in (piece,) if isinstance(piece, Part) else piece:
            assert part.first < part.last
            seen += frames_of(spans, part)
    assert seen == list(range(spans[-1].frame + spans[-1].frames))


@given(films())
@settings(max_examples=100, deadline=None)
def test_parts_of_a_stitched_shot_are_of_spans_that_follow(spans: list[Span]) -> None:
    for piece in pieces(spans):
        if not isinstance(piece, Part):
            numbers = [part.span for part in piece]
            assert len(numbers) > 1
            assert numbers == list(range(numbers[0], numbers[-1] + 1))
            for part, later in itertools.pairwise(piece):
                assert part.high == later.low


def test_spans_join_at_the_common_boundary_nearest_to_the_middle() -> None:
    spans = [span(0, [30, 84, 90, 96], 100), span(80, [84, 92, 96], 200)]
    assert pieces(spans) == [Part(0, 0, 2), Part(1, 1, 4)]  # 84 and 96 are as near: the first
