"""Verdicts that may not wait: bounded delay, cuts in place, gradual ones soon after."""

from __future__ import annotations

import numpy as np
import pytest
from test_boundary import Clip, mixed, shot

from caststream.vision.boundary import BoundaryDetector, Decision
from caststream.vision.boundary_early import EarlyDetector

PATIENCE = 0.2


def decide(clip: Clip, detector: BoundaryDetector | EarlyDetector) -> list[Decision]:
    out = []
    for i, picture in enumerate(clip):
        out += detector.push(picture, i, i / 24)
        if isinstance(detector, EarlyDetector):
            assert i / 24 - (out[-1].time if out else -1 / 24) <= PATIENCE + 1 / 24 + 1e-6
    out += detector.flush()
    assert [d.index for d in out] == list(range(len(clip)))
    assert all(np.array_equal(d.small, picture) for d, picture in zip(out, clip, strict=True))
    assert [d.index for d in out if d.begins == "start"] == [0]
    return out


def begins(out: list[Decision]) -> list[tuple[int, str | None]]:
    return [(d.index, d.begins) for d in out if d.begins not in (None, "start")]


def test_cuts_stand_where_they_are() -> None:
    clip = np.concatenate([shot(1, 40), shot(2, 40), shot(3, 50)])
    assert begins(decide(clip, EarlyDetector(PATIENCE))) == [(40, "cut"), (80, "cut")]


def test_a_dissolve_is_told_once_and_not_long_after() -> None:
    clip = mixed(shot(5, 90), shot(6, 90), 40, 12)
    (usual,) = begins(decide(clip, BoundaryDetector()))
    (early,) = begins(decide(clip, EarlyDetector(PATIENCE)))
    assert early[1] == usual[1]
    assert usual[0] <= early[0] <= usual[0] + 12


@pytest.mark.parametrize("length", [1, 3, 9, 15])
def test_short_streams_come_out_whole(length: int) -> None:
    detector = EarlyDetector(PATIENCE)
    for _ in range(2):
        decide(shot(7, length), detector)


def test_much_patience_changes_nothing() -> None:
    clip = np.concatenate([shot(4, 30), shot(5, 30), mixed(shot(5, 60), shot(6, 60), 20, 9)])
    detector = EarlyDetector(10.0)
    out = [d for i, picture in enumerate(clip) for d in detector.push(picture, i, i / 24)]
    out += detector.flush()
    usual = decide(clip, BoundaryDetector())
    assert [(d.index, d.begins, d.blend) for d in out] == [
        (d.index, d.begins, d.blend) for d in usual
    ]
