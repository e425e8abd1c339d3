"""Prototypes, micro-clusters and the linkage against a plain reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caststream.learning.clusters import MicroClusters, Poses, prototypes
from caststream.learning.linkage import (
    APART,
    BROKEN,
    COARSER,
    FINER,
    PRIOR_PAIRS,
    linkage,
    measured_cut,
)


def unit(rng: np.random.Generator, n: int, d: int = 16) -> np.ndarray:
    rows = rng.normal(size=(n, d)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def filled(rng: np.random.Generator, n: int, pairs: int) -> MicroClusters:
    micro = MicroClusters(16, 16, 64)
    one = np.ones(1, np.float32)
    homes = [
        micro.add(Poses(v[None], v[None], one), seconds)
        for v, seconds in zip(unit(rng, n), rng.uniform(0.5, 9, n), strict=True)
    ]
    for _ in range(pairs):
        a, b = rng.choice(n, 2, replace=False)
        micro.forbid(homes[a], homes[b], np.ones(1, np.float32), np.ones(1, np.float32))
    return micro


def reference(micro: MicroClusters, pinned: np.ndarray) -> list[tuple[frozenset[int], float]]:
    """The same linkage the slow way: every pair of clusters anew at every step."""
    clusters = [frozenset([i]) for i in range(micro.count)]
    merges = []

    def value(a: frozenset[int], b: frozenset[int]) -> float:
        pins = [{int(pinned[i]) for i in c if pinned[i] >= 0} for c in (a, b)]
        if pins[0] and pins[1]:
            return 2.0 if pins[0] == pins[1] else -9.0
        la, lb = list(a), list(b)
        dot = micro.sums[la].sum(0).astype(float) @ micro.sums[lb].sum(0).astype(float)
        similarity = dot / (micro.weight[la].sum() * micro.weight[lb].sum())
        apart = micro.apart[np.ix_(la, lb)].sum()
        if apart > 0:
            fewer = min(micro.tracks[la].sum(), micro.tracks[lb].sum())
            similarity -= APART * min(1.0, apart / (0.25 * fewer))
        return float(similarity)

    while len(clusters) > 1:
        best = max(
            ((a, b) for i, a in enumerate(clusters) for b in clusters[i + 1 :]),
            key=lambda pair: value(*pair),
        )
        height = value(*best)
        if height <= -5:
            break
        clusters = [c for c in clusters if c not in best] + [best[0] | best[1]]
        merges.append((best[0] | best[1], height))
    return merges


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(0, 12), st.integers(0, 4))
def test_linkage_equals_the_plain_reference(seed: int, n: int, pairs: int, pins: int) -> None:
    rng = np.random.default_rng(seed)
    micro = filled(rng, n, pairs)
    pinned = np.full(micro.count, -1)
    pinned[rng.choice(micro.count, min(pins, micro.count), replace=False)] = rng.integers(
        0, 3, min(pins, micro.count)
    )
    tree = linkage(micro, pinned)
    expected = reference(micro, pinned)
    assert tree.height == pytest.approx([height for _, height in expected], abs=1e-4)
    clusters = {frozenset([i]) for i in range(micro.count)}
    for step, (merged, height) in enumerate(expected, 1):
        clusters = {c for c in clusters if not c <= merged} | {merged}
        # Merges of equal height, such as of pinned ones, may come in any order.
        if step == len(expected) or expected[step][1] < height - 1e-6:
            labels = tree.labels_after(step)
            found = {frozenset(np.flatnonzero(labels == g).tolist()) for g in np.unique(labels)}
            assert found == clusters


def test_pinned_characters_never_merge_and_stay_whole() -> None:
    micro = filled(np.random.default_rng(3), 20, 0)
    pinned = np.full(micro.count, -1)
    pinned[[0, 5, 9]], pinned[[1, 2]] = 7, 8
    labels = linkage(micro, pinned).labels_at(-4.0)
    assert len(set(labels[[0, 5, 9]])) == 1
    assert len(set(labels[[1, 2]])) == 1
    assert labels[0] != labels[1]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 30), st.integers(0, 60), st.integers(0, 3))
def test_the_cut_is_where_few_pairs_break_of_a_linkage_without_them(
    seed: int, n: int, pairs: int, pins: int
) -> None:
    rng = np.random.default_rng(seed)
    micro = filled(rng, n, pairs)
    pinned = rng.integers(0, 3, micro.count) if pins == 0 else np.full(micro.count, -1)
    apart = np.where((pinned[:, None] == pinned) & (pinned >= 0), 0, micro.apart)
    total = np.triu(apart).sum()
    free = MicroClusters.from_arrays(micro.arrays(), 64)
    free.apart[:] = 0
    tree = linkage(free, pinned)
    prior, broken, measured = 0.5, 0.0, 0.5 - COARSER
    for step, (into, gone) in enumerate(tree.merges):
        before = tree.labels_after(step)
        one, other = before == before[into], before == before[gone]
        broken += apart[np.ix_(one, other)].sum()
        if broken > BROKEN * total + 1e-6:
            measured = float(tree.height[step])
            break
    trust = total / (total + PRIOR_PAIRS)
    expected = np.clip(trust * measured + (1 - trust) * prior, prior - COARSER, prior + FINER)
    assert measured_cut(micro, pinned, prior) == pytest.approx(expected, abs=2e-4)


def test_shrinking_keeps_sums_and_pairs() -> None:
    micro = filled(np.random.default_rng(5), 40, 30)
    before = micro.sums.sum(0), micro.weight.sum(), micro.tracks.sum()
    apart, old = micro.apart.copy(), micro.count
    new = micro.shrink(np.full(micro.count, -1), to=10)
    assert micro.count <= 10
    assert new.shape == (old,)
    np.testing.assert_allclose(micro.sums.sum(0), before[0], rtol=1e-4)
    assert micro.weight.sum() == pytest.approx(before[1], rel=1e-5)
    assert micro.tracks.sum() == pytest.approx(before[2], rel=1e-5)
    crossing = apart[new[:, None] != new[None, :]].sum()
    assert micro.apart.sum() == pytest.approx(crossing)
    again = MicroClusters.from_arrays(micro.arrays(), 64)
    np.testing.assert_array_equal(again.apart, micro.apart)
    np.testing.assert_array_equal(again.sums, micro.sums)


def test_prototypes_are_poses_with_their_shares() -> None:
    rng = np.random.default_rng(1)
    poses = unit(rng, 2)
    rows = np.repeat(poses, [6, 2], axis=0) + rng.normal(scale=0.01, size=(8, 16))
    rows = np.vstack([rows / np.linalg.norm(rows, axis=1, keepdims=True), np.zeros((3, 16))])
    rows = rows.astype(np.float32)
    found = prototypes(rows, 2 * rows)
    assert sorted(found.share.tolist()) == [0.25, 0.75]
    assert (found.vectors @ poses.T).max(axis=1).min() > 0.99
    np.testing.assert_allclose(
        found.features[np.argmax(found.share)], 2 * rows[:6].mean(axis=0), atol=1e-5
    )


def test_no_vectors_no_prototypes() -> None:
    found = prototypes(np.zeros((4, 16), np.float32), np.zeros((4, 9), np.float16))
    assert found.vectors.shape == (0, 16)
    assert found.features.shape == (0, 9)
    assert len(found) == len(found.share) == 0


def test_what_hangs_in_the_balance_stays_where_it_was() -> None:
    """B looks a little more like C, and went with A so far."""
    a, c = np.deg2rad(-41.0), np.deg2rad(40.0)
    rows = np.array([[np.cos(a), np.sin(a)], [1, 0], [np.cos(c), np.sin(c)]], np.float32)
    micro = MicroClusters(2, 2)
    for row in rows:
        micro.add(Poses(row[None], row[None], np.ones(1, np.float32)), 2.0)
    nobody = np.full(3, -1)
    assert linkage(micro, nobody).merges[0].tolist() == [1, 2]
    assert linkage(micro, nobody, np.array([7, 7, 9])).merges[0].tolist() == [0, 1]
    assert linkage(micro, nobody, nobody).merges[0].tolist() == [1, 2], "nobody is no id"


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 30))
def test_likeness_is_that_of_the_nearest_of_each_kind(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    micro = filled(rng, n, 0)
    twice = rng.random(micro.count) < 0.5
    for vector in micro.means[twice]:
        micro.add(Poses(vector[None], vector[None], np.ones(1, np.float32)), 1.0)
    group = rng.integers(-1, 4, micro.count)
    own, other = micro.likeness(group)
    for i in range(micro.count):
        near = {j: float(micro.means[i] @ micro.means[j]) for j in range(micro.count) if j != i}
        mine = [s for j, s in near.items() if group[j] == group[i] >= 0]
        mine += [1.0] if twice[i] and group[i] >= 0 else []  # its two tracks are one vector
        rest = [s for j, s in near.items() if group[j] != group[i] and group[j] >= 0]
        assert own[i] == pytest.approx(max(mine, default=-np.inf), abs=1e-5)
        assert other[i] == pytest.approx(max(rest, default=-np.inf), abs=1e-5)
