"""The `mine` node: tracks go on, with what they teach."""

from __future__ import annotations

import numpy as np
import pytest
from embedded import box, embedded, shot_end

from caststream import messages as m
from caststream.errors import UsageError
from caststream.nodes.mine import Mine
from caststream.nodes.track import Track


def tracks() -> m.Tracks:
    node = Track()
    node.open(m.Context())
    for k in range(12):
        list(node.process(embedded(k, 0.25 * k, [box(100 + k), box(400)], np.eye(8)[:2])))
    (found,) = node.end_shot(shot_end())
    assert isinstance(found, m.Tracks)
    return found


def mined(most: int = 512, seed: int = 0) -> m.Mined:
    node = Mine(most, seed)
    node.open(m.Context())
    (found,) = node.process(tracks())
    return found


def test_keeps_the_rules() -> None:
    found = mined()
    rows = found.tracks.rows
    a, p, n = found.triplets.T
    assert len(a) > 0
    assert (rows.track[a] == rows.track[p]).all() and (a != p).all()
    assert (rows.frame[a] == rows.frame[n]).all() and (rows.track[a] != rows.track[n]).all()
    assert found.apart.tolist() == [[0, 1]]
    seconds, same, other, together = found.evidence.T
    assert seconds == pytest.approx(np.abs(rows.time[a] - rows.time[p]))
    assert same == pytest.approx(np.ones(len(a))) and other == pytest.approx(np.zeros(len(a)))
    assert (together == 12).all()


def test_no_more_than_asked_for_and_the_same_again() -> None:
    assert len(mined(most=5).triplets) == 5
    assert mined(5).triplets.tolist() == mined(5).triplets.tolist()


def test_settings_that_cannot_be_meant() -> None:
    with pytest.raises(UsageError, match="most"):
        Mine(most=-1)
