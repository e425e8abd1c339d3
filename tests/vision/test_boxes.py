"""Box geometry against plain arithmetic on every pair."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from caststream.vision.boxes import covering, crowding, iou, sharing

corners = arrays(np.float32, st.tuples(st.integers(0, 6), st.just(4)), elements=st.integers(0, 40))


def ordered(raw: np.ndarray) -> np.ndarray:
    low, high = np.minimum(raw[:, :2], raw[:, 2:]), np.maximum(raw[:, :2], raw[:, 2:])
    return np.concatenate((low, high + 1), axis=1)


def cells(box: np.ndarray) -> set[tuple[int, int]]:
    x1, y1, x2, y2 = (int(v) for v in box)
    return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}


@settings(deadline=None, max_examples=40)
@given(corners, corners)
def test_counts_pixels(a: np.ndarray, b: np.ndarray) -> None:
    a, b = ordered(a), ordered(b)
    both, held = iou(a, b), covering(a, b)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            shared = len(cells(x) & cells(y))
            assert np.isclose(both[i, j], shared / len(cells(x) | cells(y)), atol=1e-6)
            assert np.isclose(held[i, j], shared / len(cells(x)), atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(corners, st.data())
def test_crowding_is_the_largest_overlap_within_a_frame(a: np.ndarray, data: st.DataObject) -> None:
    a = ordered(a)
    frame = np.sort(data.draw(arrays(np.int64, len(a), elements=st.integers(0, 2))))
    same = (frame[:, None] == frame[None, :]) & ~np.eye(len(a), dtype=bool)
    assert np.allclose(crowding(a, frame), np.where(same, iou(a, a), 0).max(axis=1, initial=0))


@settings(deadline=None, max_examples=40)
@given(corners, st.data())
def test_sharing_is_the_largest_share_of_the_smaller(a: np.ndarray, data: st.DataObject) -> None:
    a = ordered(a)
    frame = np.sort(data.draw(arrays(np.int64, len(a), elements=st.integers(0, 2))))
    same = (frame[:, None] == frame[None, :]) & ~np.eye(len(a), dtype=bool)
    held = np.maximum(covering(a, a), covering(a, a).T)
    expected = np.where(same, held, 0).max(axis=1, initial=0)
    assert np.allclose(sharing(a, frame), expected, atol=1e-6)


def test_boxes_that_are_not_finite_share_nothing() -> None:
    boxes = np.array([[0, 0, 10, 10], [np.nan, 0, 10, 10], [0, 0, np.inf, 10], [5, 5, 5, 9]])
    assert sharing(boxes, np.zeros(4, np.int64)).tolist() == [0, 0, 0, 0]


def test_boxes_that_touch_do_not_overlap() -> None:
    assert iou(np.array([[0, 0, 10, 10]]), np.array([[10, 0, 20, 10]]))[0, 0] == 0


def test_no_boxes() -> None:
    none = np.zeros((0, 4), np.float32)
    assert iou(none, np.array([[0, 0, 1, 1]])).shape == (0, 1)
    assert crowding(none, np.zeros(0, np.int64)).shape == (0,)
    assert sharing(none, np.zeros(0, np.int64)).shape == (0,)
