"""Boxes between analysed pictures."""

from __future__ import annotations

import numpy as np
import pytest

from caststream.vision.ways import BRIDGE, Ways


def box(x: float) -> np.ndarray:
    return np.array([x, 0, x + 10, 10], np.float32)


def ways(*pictures: tuple[float, dict[int, float]]) -> Ways:
    made = Ways()
    for time, seen in pictures:
        made.add(time, np.array(list(seen), np.int64), np.array([box(x) for x in seen.values()]))
    return made


def xs(made: Ways, time: float) -> dict[int, float]:
    tracks, boxes = made.at(time)
    return dict(zip(tracks, boxes[:, 0].tolist(), strict=True))


def test_boxes_move_in_a_straight_line_between_two_pictures() -> None:
    made = ways((0.0, {1: 0.0}), (0.25, {1: 10.0}), (0.5, {1: 0.0}))
    assert xs(made, 0.0) == {1: 0.0}
    assert xs(made, 0.125) == {1: pytest.approx(5.0)}
    assert xs(made, 0.25) == {1: pytest.approx(10.0)}
    assert xs(made, 0.4) == {1: pytest.approx(4.0)}


def test_who_is_not_found_again_leaves_half_way() -> None:
    made = ways((0.0, {1: 0.0, 2: 5.0}), (0.25, {2: 5.0}))
    assert set(xs(made, 0.1)) == {1, 2}
    assert set(xs(made, 0.2)) == {2}


def test_the_last_picture_of_a_shot_lasts_to_its_end() -> None:
    assert xs(ways((0.0, {1: 0.0}), (0.25, {1: 3.0})), 9.0) == {1: 3.0}


def test_who_comes_later_is_not_there_before() -> None:
    made = ways((0.0, {1: 0.0}), (0.25, {1: 0.0, 2: 7.0}))
    assert set(xs(made, 0.24)) == {1}
    assert set(xs(made, 0.25)) == {1, 2}


def test_nobody_knows_where_someone_was_over_a_long_absence() -> None:
    step = 0.5
    last = 2 * BRIDGE + 2 * step
    empty = [(t, {}) for t in np.arange(step, last, step).tolist()]
    made = ways((0.0, {1: 0.0}), *empty, (last, {1: 50.0}))
    assert xs(made, step / 4) == {1: 0.0}
    assert xs(made, last / 2) == {}
    assert xs(made, last - step / 4) == {1: 50.0}


def test_boxes_without_a_track_are_left_out() -> None:
    assert xs(ways((0.0, {-1: 3.0})), 0.0) == {}
