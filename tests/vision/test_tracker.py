"""The tracker's promises on random streams, and what it does with simple films."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caststream.vision.tracker import Tracker, TrackerSettings

RED, BLUE = np.eye(8, dtype=np.float32)[:2]


def box(x: float, y: float = 100.0, width: float = 60.0, height: float = 120.0) -> list[float]:
    return [x, y, x + width, y + height]


def follow(tracker: Tracker, time: float, boxes: list[list[float]], score: float = 0.9,
           looks: list[np.ndarray] | None = None) -> list[int]:  # fmt: skip
    vectors = None if looks is None else np.array(looks, np.float32).reshape(-1, tracker.dim)
    ids, _ = tracker.update(
        time, np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), score, np.float32),
        vectors,
    )  # fmt: skip
    return ids.tolist()


@pytest.mark.parametrize("rate", [2.0, 4.0, 8.0, 25.0])
def test_follows_two_walkers_at_any_rate(rate: float) -> None:
    tracker = Tracker()
    for k in range(int(4 * rate)):
        t = k / rate
        ids = follow(tracker, t, [box(50 + 80 * t), box(700 - 60 * t)])
        assert ids == [0, 1]


def test_comes_back_after_a_gap_under_its_old_id() -> None:
    tracker = Tracker()
    for k in range(12):
        follow(tracker, 0.25 * k, [box(100)])
    for k in range(12, 16):
        assert follow(tracker, 0.25 * k, []) == []
    assert follow(tracker, 4.0, [box(104)]) == [0]


@pytest.mark.parametrize("step", [4.0, 6.0, 8.0])
@pytest.mark.parametrize("gap", [0.3, 0.6, 1.0])
def test_who_was_hidden_bit_by_bit_comes_back_whole(step: float, gap: float) -> None:
    # Somebody who is covered from one side shrinks fast; nobody goes on shrinking unseen.
    tracker, seen = Tracker(), []
    widths = [60.0] * 8 + np.arange(60.0 - step, 18.0, -step).tolist()
    for k, width in enumerate(widths):
        seen += follow(tracker, k / 8, [box(100, width=width)])
    seen += follow(tracker, len(widths) / 8 + gap, [box(100)])
    assert set(seen) == {0}


def test_forgets_after_its_memory() -> None:
    tracker = Tracker(settings=TrackerSettings(memory=1.0))
    follow(tracker, 0.0, [box(100)])
    assert follow(tracker, 1.25, [box(100)]) == [1]


def test_looks_decide_where_places_cannot() -> None:
    # Both jump, each to where the other one was nearer.
    tracker = Tracker(8)
    for k in range(4):
        assert follow(tracker, 0.25 * k, [box(100), box(190)], looks=[RED, BLUE]) == [0, 1]
    assert follow(tracker, 1.0, [box(110), box(180)], looks=[BLUE, RED]) == [1, 0]


def test_rows_of_zeros_say_nothing_about_looks() -> None:
    tracker = Tracker(8)
    assert follow(tracker, 0.0, [box(100)], looks=[RED]) == [0]
    assert follow(tracker, 0.25, [box(102)], looks=[np.zeros(8)]) == [0]
    assert follow(tracker, 0.5, [box(104)], looks=[RED]) == [0]


def test_the_camera_moves_everybody_and_changes_nobody() -> None:
    tracker = Tracker()
    places = [0.0, 90.0, 180.0, 270.0, 360.0, 450.0]
    for k in range(6):
        follow(tracker, 0.25 * k, [box(x) for x in places])
    # By half the distance to the neighbour and a little more: the nearest box is the wrong one.
    tracker.move(48.0, 0.0, 0.0, (300.0, 200.0))
    assert follow(tracker, 1.5, [box(x + 48) for x in places]) == [0, 1, 2, 3, 4, 5]


def test_a_zoom_moves_and_grows_everybody() -> None:
    tracker = Tracker()
    near = np.array([box(0), box(150), box(300), box(450)])
    for k in range(4):
        follow(tracker, 0.25 * k, near.tolist())
    middle = np.array([255.0, 160.0] * 2)
    tracker.move(0.0, 0.0, np.log(1.8), (255.0, 160.0))
    far = (near - middle) * 1.8 + middle
    assert follow(tracker, 1.0, far.tolist()) == [0, 1, 2, 3]


def test_low_scores_continue_but_never_begin() -> None:
    tracker = Tracker()
    assert follow(tracker, 0.0, [box(100)], score=0.15) == [-1]
    assert follow(tracker, 0.25, [box(100)], score=0.9) == [0]
    assert follow(tracker, 0.5, [box(100)], score=0.15) == [0]


def test_a_sure_box_is_shown_at_once_and_a_doubtful_one_with_its_second() -> None:
    rules = TrackerSettings(start=0.4, sure=0.7)
    boxes = np.array([box(100), box(500)], np.float32)
    tracker = Tracker(settings=rules)
    scores = np.array([0.9, 0.5], np.float32)
    ids, shown = tracker.update(0.0, boxes, scores)
    assert (ids.tolist(), shown.tolist()) == ([0, 1], [0, -1])
    ids, shown = tracker.update(0.25, boxes, scores)
    assert shown.tolist() == [0, 1]


def test_a_double_starts_no_track() -> None:
    tracker = Tracker()
    follow(tracker, 0.0, [box(100)])
    assert sorted(follow(tracker, 0.25, [box(100), box(103)])) == [-1, 0]


def test_a_cut_ends_all_and_ids_go_on() -> None:
    tracker = Tracker()
    follow(tracker, 0.0, [box(100)])
    tracker.reset()
    assert tracker.alive == 0
    assert follow(tracker, 0.25, [box(100)]) == [1]


def test_time_that_stands_still_or_jumps_back() -> None:
    tracker = Tracker()
    assert follow(tracker, 5.0, [box(100)]) == [0]
    assert follow(tracker, 5.0, [box(100)]) == [0]
    assert follow(tracker, 2.0, [box(100)]) == [1]


def test_bad_boxes_are_left_out() -> None:
    tracker = Tracker()
    nan, inf = float("nan"), float("inf")
    bad = [[nan, 0, 10, 10], [0, 0, 0, 10], [10, 10, 5, 20], [0, 0, inf, 10], [-50, -50, -10, -10]]
    assert follow(tracker, 0.0, bad) == [-1, -1, -1, -1, 0]
    scores = np.array([nan], np.float32)
    assert tracker.update(0.25, np.array([box(300)], np.float32), scores)[0].tolist() == [-1]


def test_a_thousand_boxes_and_bounded_room() -> None:
    random = np.random.default_rng(0)
    tracker = Tracker()
    for k in range(12):
        low = random.uniform(0, 4000, (1000, 2))
        boxes = np.concatenate((low, low + 40), axis=1).astype(np.float32)
        ids, _ = tracker.update(0.04 * k, boxes, np.full(1000, 0.9, np.float32))
        assert len(np.unique(ids[ids >= 0])) == (ids >= 0).sum()
    assert tracker.alive <= Tracker.MOST


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[float, np.ndarray, np.ndarray, np.ndarray, bool]]:
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frames, time = [], 0.0
    for _ in range(draw(st.integers(1, 25))):
        time += draw(st.sampled_from([0.04, 0.25, 0.25, 0.25, 0.0, 1.0, 9.0, -0.5]))
        n = int(random.integers(0, 9))
        low = random.uniform(-20, 200, (n, 2))
        boxes = np.concatenate((low, low + random.uniform(0, 90, (n, 2))), axis=1)
        boxes[random.random(n) < 0.05] = np.nan
        looks = random.normal(size=(n, 8)) * (random.random((n, 1)) < 0.9)
        looks /= np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-9)
        frames.append(
            (time, boxes.astype(np.float32), random.random(n).astype(np.float32),
             looks.astype(np.float32), draw(st.integers(0, 9)) == 0)
        )  # fmt: skip
    return frames


@settings(deadline=None, max_examples=60)
@given(streams())
def test_promises_on_any_stream(
    frames: list[tuple[float, np.ndarray, np.ndarray, np.ndarray, bool]],
) -> None:
    one, two = Tracker(8), Tracker(8)
    shot, home = 0, {}
    for time, boxes, scores, looks, cut in frames:
        if cut:
            one.reset()
            two.reset()
            shot += 1
        ids, shown = one.update(time, boxes, scores, looks)
        assert (ids == two.update(time, boxes, scores, looks)[0]).all()
        known = ids[ids >= 0]
        assert len(np.unique(known)) == len(known), "a track with two boxes in a frame"
        assert ((shown == ids) | (shown == -1)).all()
        assert (ids[~np.isfinite(boxes).all(axis=1)] == -1).all()
        for i in known.tolist():
            assert home.setdefault(i, shot) == shot, "a track across a boundary"
        assert known.max(initial=-1) < one.next_id
