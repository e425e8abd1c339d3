"""The clock runs forward, whatever the container says."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caststream.media.clock import Clock

STEP = 0.04


def run(seconds, leap=10.0):
    clock = Clock(STEP, leap)
    return [clock.place(second) for second in seconds], clock


@given(st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_time_starts_at_zero_and_always_runs_forward(seconds):
    placed, _ = run(seconds)
    times = [time for time, _ in placed]
    assert times[0] == 0.0
    assert all(a < b for a, b in itertools.pairwise(times))


@given(
    st.floats(-1e5, 1e5),
    st.lists(st.floats(0.01, 9.0), min_size=1, max_size=50),
)
def test_true_times_pass_through_whatever_their_offset(offset, gaps):
    expected = [0.0, *itertools.accumulate(gaps)]
    placed, clock = run([offset + time for time in expected])
    assert [time for time, _ in placed] == pytest.approx(expected, abs=1e-6)
    assert clock.jumps == 0


@pytest.mark.parametrize("restart", [0.0, -95443.7, 93600.0], ids=["restart", "wrap", "26 hours"])
def test_a_jump_is_one_frame_long_and_told_once(restart):
    before = [100.0 + STEP * i for i in range(5)]
    after = [restart + STEP * i for i in range(5)]
    placed, clock = run(before + after)
    assert [time for time, _ in placed] == pytest.approx([STEP * i for i in range(10)])
    assert [jumped for _, jumped in placed] == [i == 5 for i in range(10)]
    assert clock.jumps == 1


def test_one_wrong_stamp_does_not_move_what_follows():
    placed, clock = run([0.0, 0.04, 9999.0, 0.12, 0.16])
    assert [time for time, _ in placed] == pytest.approx([0.0, 0.04, 0.08, 0.12, 0.16])
    assert clock.jumps == 2


def test_slight_disorder_is_no_jump():
    placed, clock = run([0.0, 0.04, 0.12, 0.08, 0.16])
    assert [time for time, _ in placed] == pytest.approx([0.0, 0.04, 0.12, 0.121, 0.16])
    assert clock.jumps == 0


def test_a_frame_without_a_stamp_comes_one_step_later():
    placed, _ = run([5.0, None, 5.08])
    assert [time for time, _ in placed] == pytest.approx([0.0, 0.04, 0.08])


def test_a_pause_on_the_wall_passes_after_a_lost_connection():
    clock = Clock(STEP, 10.0)
    for second in (7.0, 7.04):
        clock.place(second)
    assert clock.resume(0.0, 3.0) == pytest.approx(3.04)
    assert clock.place(0.04) == (pytest.approx(3.08), False)
