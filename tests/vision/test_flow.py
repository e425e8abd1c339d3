"""The flow against a linear program, and what refinement does with small shots."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from caststream.vision.flow import Flow, chains, least_cost_flow
from caststream.vision.refine import RefineSettings, refine

price = st.one_of(st.integers(-6, 6), st.floats(-5, 5))


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, ...]:
    n = draw(st.integers(0, 8))
    one = st.lists(price, min_size=n, max_size=n)
    use, enter, leave = (np.array(draw(one), float) for _ in range(3))
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n) if draw(st.booleans())]
    cost = np.array([draw(price) for _ in pairs], float)
    return use, enter, leave, np.array(pairs, np.int64).reshape(-1, 2), cost


def least(use: np.ndarray, enter: np.ndarray, leave: np.ndarray, links: np.ndarray,
          cost: np.ndarray) -> float:  # fmt: skip
    # Variables: pieces, beginnings, ends, links. In of a piece = the piece = out of it.
    n, count = len(use), len(links)
    if n == 0:
        return 0.0
    into = np.zeros((n, 3 * n + count))
    out = np.zeros_like(into)
    into[:, :n] = out[:, :n] = -np.eye(n)
    into[:, n : 2 * n] = out[:, 2 * n : 3 * n] = np.eye(n)
    for k, (i, j) in enumerate(links):
        into[j, 3 * n + k] = out[i, 3 * n + k] = 1.0
    solved = linprog(
        np.concatenate((use, enter, leave, cost)),
        A_eq=np.concatenate((into, out)), b_eq=np.zeros(2 * n), bounds=(0, 1),
    )  # fmt: skip
    assert solved.success
    return float(solved.fun)


def priced(flow: Flow, use: np.ndarray, enter: np.ndarray, leave: np.ndarray, links: np.ndarray,
           cost: np.ndarray) -> float:  # fmt: skip
    table = {(i, j): c for (i, j), c in zip(links.tolist(), cost, strict=True)}
    total = float(use[flow.used].sum())
    begun = flow.used.copy()
    for i in np.flatnonzero(flow.used).tolist():
        j = int(flow.following[i])
        if j < 0:
            total += leave[i]
        else:
            assert begun[j], "two pieces are followed by one"
            begun[j] = False
            total += table[i, j]
    return total + float(enter[begun].sum())


@settings(deadline=None, max_examples=200)
@given(problems())
def test_costs_what_the_linear_program_costs(problem: tuple[np.ndarray, ...]) -> None:
    flow = least_cost_flow(*problem)
    assert flow.cost == pytest.approx(least(*problem), abs=4e-6)
    assert flow.cost == pytest.approx(priced(flow, *problem), abs=4e-6)


def test_chains_follow_links() -> None:
    flow = Flow(np.array([True, False, True, True]), np.array([3, -1, -1, -1]), 0.0)
    assert chains(flow).tolist() == [0, -1, 1, 0]


# --- refinement ---------------------------------------------------------------------------------


def walker(times: np.ndarray, x: float, speed: float) -> np.ndarray:
    left = x + speed * times
    return np.stack((left, 0 * left, left + 40, 0 * left + 90), axis=1).astype(np.float32)


def shot(*parts: tuple[int, np.ndarray, np.ndarray, np.ndarray | None]) -> tuple[np.ndarray, ...]:
    # Parts are (online id, times, boxes, vector); gives rows ordered by time.
    time = np.concatenate([t for _, t, _, _ in parts])
    box = np.concatenate([b for _, _, b, _ in parts])
    online = np.concatenate([np.full(len(t), i) for i, t, _, _ in parts])
    zero = np.zeros(4, np.float32)
    looks = np.concatenate([np.tile(zero if v is None else v, (len(t), 1)) for _, t, _, v in parts])
    order = np.argsort(time, kind="stable")
    score = np.full(len(time), 0.9, np.float32)
    return time[order], box[order], score, online[order], looks[order].astype(np.float32)


RED, BLUE = np.eye(4, dtype=np.float32)[:2]


def test_bridges_a_gap() -> None:
    before, after = np.arange(0, 2, 0.25), np.arange(3, 5, 0.25)
    rows = shot((4, before, walker(before, 0, 20), None), (9, after, walker(after, 0, 20), None))
    assert set(refine(*rows).tolist()) == {0}


def test_does_not_join_what_is_far_apart() -> None:
    before, after = np.arange(0, 2, 0.25), np.arange(3, 5, 0.25)
    rows = shot((4, before, walker(before, 0, 0), None), (9, after, walker(after, 600, 0), None))
    assert refine(*rows).max() == 1


def test_does_not_join_what_looks_different() -> None:
    before, after = np.arange(0, 2, 0.25), np.arange(2.5, 5, 0.25)
    rows = shot((4, before, walker(before, 0, 0), RED), (9, after, walker(after, 0, 0), BLUE))
    assert refine(*rows).max() == 1


def test_splits_an_online_track_that_changed_its_looks() -> None:
    before, after = np.arange(0, 2, 0.25), np.arange(2, 4, 0.25)
    rows = shot((4, before, walker(before, 0, 0), RED), (4, after, walker(after, 60, 0), BLUE))
    assert refine(*rows).tolist() == [0] * 8 + [1] * 8


def test_undoes_a_swap() -> None:
    # Two that cross; the online ids went on with the wrong one.
    one, two = np.arange(0, 2, 0.25), np.arange(2, 4, 0.25)
    rows = shot(
        (1, one, walker(one, 0, 50), RED), (2, one, walker(one, 200, -50), BLUE),
        (2, two, walker(two, 0, 50), RED), (1, two, walker(two, 200, -50), BLUE),
    )  # fmt: skip
    labels = refine(*rows)
    red = labels[rows[4][:, 0] > 0]
    blue = labels[rows[4][:, 1] > 0]
    assert len(set(red.tolist())) == 1 and len(set(blue.tolist())) == 1 and red[0] != blue[0]


def test_leaves_out_what_nobody_believes() -> None:
    time = np.array([1.0])
    box = np.array([[0, 0, 10, 10]], np.float32)
    low = np.array([0.12], np.float32)
    assert refine(time, box, low, np.array([3])).tolist() == [-1]


def test_one_sure_box_is_a_track() -> None:
    time, box = np.array([1.0]), np.array([[0, 0, 10, 10]], np.float32)
    assert refine(time, box, np.array([0.9], np.float32), np.array([3])).tolist() == [0]


def test_nothing_and_untracked_boxes() -> None:
    none = np.zeros(0)
    assert len(refine(none, np.zeros((0, 4), np.float32), none, np.zeros(0, np.int64))) == 0
    box = np.array([[0, 0, 10, 10]], np.float32)
    assert refine(np.array([0.0]), box, np.array([0.9]), np.array([-1])).tolist() == [-1]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 60), st.integers(0, 2**32 - 1), st.sampled_from(["robust", "cast"]))
def test_no_track_has_two_boxes_of_one_frame(n: int, seed: int, costs: str) -> None:
    random = np.random.default_rng(seed)
    time = np.sort(random.integers(0, 12, n)) * 0.25
    low = random.uniform(0, 200, (n, 2))
    box = np.concatenate((low, low + random.uniform(1, 80, (n, 2))), axis=1).astype(np.float32)
    online = np.full(n, -1)
    for t in np.unique(time):
        at = np.flatnonzero(time == t)
        online[at] = random.permutation(len(at) + 3)[: len(at)]
    labels = refine(time, box, random.random(n).astype(np.float32), online,
                    settings=RefineSettings(costs=costs))  # fmt: skip
    seen = list(zip(labels[labels >= 0].tolist(), time[labels >= 0].tolist(), strict=True))
    assert len(set(seen)) == len(seen)
    assert set(labels[labels >= 0].tolist()) == set(range(labels.max(initial=-1) + 1))
