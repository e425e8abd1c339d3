"""The sparse assignment against scipy's dense one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from caststream.vision.assignment import assign

costs = arrays(
    np.float64,
    st.tuples(st.integers(0, 9), st.integers(0, 9)),
    elements=st.one_of(st.integers(-9, 3), st.floats(-5, 5)),
)


def least(cost: np.ndarray) -> float:
    # Staying alone is allowed, so one more column of no cost for each row.
    wide = np.concatenate((np.minimum(cost, 0), np.zeros((len(cost), len(cost)))), axis=1)
    return float(wide[linear_sum_assignment(wide)].sum()) if len(cost) else 0.0


@settings(deadline=None, max_examples=300)
@given(costs)
def test_costs_the_least(cost: np.ndarray) -> None:
    columns = assign(cost)
    rows = np.flatnonzero(columns >= 0)
    taken = columns[rows]
    assert len(set(taken.tolist())) == len(taken)
    assert (cost[rows, taken] < 0).all()
    assert np.isclose(cost[rows, taken].sum(), least(cost), atol=1e-9)


def test_large_and_sparse() -> None:
    random = np.random.default_rng(3)
    cost = np.where(random.random((300, 280)) < 0.02, -random.random((300, 280)), 1.0)
    columns = assign(cost)
    rows = np.flatnonzero(columns >= 0)
    assert np.isclose(cost[rows, columns[rows]].sum(), least(cost))


def test_a_row_gives_way_where_that_is_cheaper() -> None:
    # Row 0 alone would take column 0; together it is cheaper that only row 1 has it.
    assert assign(np.array([[-1.0], [-3.0]])).tolist() == [-1, 0]


def test_never_takes_what_is_not_a_number() -> None:
    assert assign(np.array([[np.nan, 0.0]])).tolist() == [-1]
