"""What leads up to a track: doubtful boxes that its beginning makes sure."""

from __future__ import annotations

import numpy as np

from caststream.vision.refine import RefineSettings, refine
from caststream.vision.tracker import Tracker, TrackerSettings

RED, BLUE = np.eye(8, dtype=np.float32)[:2]
Seen = list[tuple[float, float, float, np.ndarray]]
"""Boxes of a shot: when, where, what score, what look."""


def walks_in(first: float, speed: float, scores: list[float], look: np.ndarray) -> Seen:
    """Somebody who is seen four times a second."""
    return [(0.25 * k, first + speed * 0.25 * k, s, look) for k, s in enumerate(scores)]


def refined(seen: Seen, settings: RefineSettings | None = None) -> dict[tuple[float, float], int]:
    """The refined track of each box, by when and where."""
    seen = sorted(seen, key=lambda one: one[:2])
    tracker = Tracker(8, TrackerSettings())
    boxes = np.array([[x, 100, x + 60, 220] for _, x, _, _ in seen], np.float32)
    scores = np.array([score for _, _, score, _ in seen], np.float32)
    looks = np.array([look for *_, look in seen], np.float32)
    times = np.array([time for time, *_ in seen])
    online = np.full(len(seen), -1, np.int64)
    for time in np.unique(times):
        at = np.flatnonzero(times == time)
        online[at], shown = tracker.update(float(time), boxes[at], scores[at], looks[at])
        assert (shown[online[at] < 0] == -1).all()  # what is doubtful is never shown
    labels = refine(times, boxes, scores, online, looks, settings)
    return {one[:2]: label for one, label in zip(seen, labels.tolist(), strict=True)}


def test_a_track_begins_where_it_could_first_be_seen() -> None:
    found = refined(walks_in(100, 40, [0.3, 0.35, 0.4, 0.8, 0.9, 0.9], RED))
    assert list(found.values()) == [0] * 6


def test_doubtful_boxes_alone_are_nobody() -> None:
    found = refined(walks_in(100, 40, [0.4] * 20, RED))
    assert set(found.values()) == {-1}


def test_only_what_fits_leads_up_to_a_track() -> None:
    # Something else stood there before, and somebody of the same look far away.
    before = walks_in(100, 0, [0.3, 0.3, 0.3], BLUE) + walks_in(600, 0, [0.3, 0.3, 0.3], RED)
    after = [
        (1.0 + time, x, score, look) for time, x, score, look in walks_in(100, 0, [0.9] * 6, RED)
    ]
    found = refined(before + after)
    assert [label for (time, _), label in found.items() if time < 1] == [-1] * 6
    assert [label for (time, _), label in found.items() if time >= 1] == [0] * 6


def test_nothing_leads_up_to_a_track_that_is_doubtful_itself() -> None:
    scores = [0.3, 0.3, 0.5, *[0.33] * 9]
    trusting = refined(walks_in(100, 20, scores, RED), RefineSettings(weak=0.3))
    assert list(trusting.values()) == [0] * 12
    strict = refined(walks_in(100, 20, scores, RED), RefineSettings(weak=0.36, ends_price=-9.0))
    assert list(strict.values()) == [-1, -1] + [0] * 10


def test_two_who_come_in_side_by_side_are_kept_apart() -> None:
    scores = [0.3, 0.3, 0.35, 0.9, 0.9, 0.9]
    found = refined(walks_in(100, 20, scores, RED) + walks_in(300, -20, scores, BLUE))
    left = {label for (time, x), label in found.items() if abs(x - 100 - 20 * time) < 1}
    right = {label for (time, x), label in found.items() if abs(x - 300 + 20 * time) < 1}
    assert left == {0} and right == {1}


def test_a_double_of_a_tracked_box_leads_up_to_nothing() -> None:
    sure = walks_in(100, 0, [0.9] * 8, RED)
    double = [(time, x + 12, 0.3, look) for time, x, _, look in sure]
    found = refined(sure + double)
    assert [label for (_, x), label in found.items() if x == 100] == [0] * 8
    assert [label for (_, x), label in found.items() if x == 112] == [-1] * 8
