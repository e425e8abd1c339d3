"""Micro-clusters of units fall into bounded ones of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from caststream.learning.characters import Acts
from caststream.learning.clusters import JOIN
from caststream.learning.grouping import Grouping
from caststream.learning.merged import Merged
from caststream.learning.summary import Summary

SIZE = 64
CAST = 8


def _noisy(rows: np.ndarray, noise: float, random: np.random.Generator) -> np.ndarray:
    rows = rows + random.normal(size=rows.shape) * noise / SIZE**0.5
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def unit(number: int, who: list[int], noise: float = 0.1, short: int = 0) -> Summary:
    """One micro-cluster and one track of each of ``who``, and short tracks of the first."""
    random = np.random.default_rng([3, number])
    centres = np.random.default_rng(2).normal(size=(CAST, SIZE))
    rows = centres[who] / np.linalg.norm(centres[who], axis=1, keepdims=True)
    more = rows[:1].repeat(short, axis=0)
    rows, more = (_noisy(r, noise, random) for r in (rows, more))
    n = len(who)
    pairs = np.array([(a, b) for a in range(n) for b in range(a) if who[a] != who[b]][:3])
    return Summary(
        commit=np.zeros((1, 4), np.int64), shot=np.zeros((1, 4)),
        track=np.stack([np.arange(n + short), np.zeros(n + short, int)], axis=1),
        span=np.ones((n + short, 2)), vectors=rows, features=rows,
        weight=np.full(n, 3.0, np.float32), tracks=np.ones(n, np.float32),
        apart=pairs.reshape(-1, 2), beside=np.ones(len(pairs), np.float32),
        uid=np.arange(n), home=np.arange(n), share=np.ones(n, np.float32),
        short=np.arange(n, n + short), short_vectors=more, short_features=more,
    )  # fmt: skip


def absorb(merged: Merged, summary: Summary, first: int) -> None:
    names = summary.track[:, 0]
    vectors = np.concatenate([summary.vectors, summary.short_vectors]).astype(np.float32)
    merged.absorb(summary, vectors, np.stack([names, names + first], axis=1), summary.span)


def filled(units: int, capacity: int, noise: float = 0.1) -> tuple[Merged, np.ndarray]:
    merged = Merged(SIZE, SIZE, capacity)
    truth = []
    for number in range(units):
        who = np.random.default_rng([4, number]).integers(CAST, size=6).tolist()
        absorb(merged, unit(number, who, noise, short=1), 100 * number)
        truth += [*who, who[0]]
    return merged, np.array(truth)


def agree(labels: np.ndarray, truth: np.ndarray) -> None:
    assert (labels >= 0).all()
    for who in range(CAST):
        assert len(np.unique(labels[truth == who])) == 1
    assert len(np.unique(labels)) == CAST


def test_characters_are_one_over_all_units() -> None:
    merged, truth = filled(40, 500)
    merged.regroup(0.5, Acts())
    found = merged.labels()
    assert found.uid.tolist() == sorted(found.uid.tolist())
    agree(found.character, truth)
    assert merged.join == JOIN
    assert merged.micro.count == CAST
    assert merged.micro.tracks.sum() == pytest.approx(40 * 6)


def test_a_full_whole_joins_what_is_nearest() -> None:
    merged, truth = filled(60, 40, noise=0.8)  # hardly two looks are as near as JOIN
    assert merged.micro.count <= 40
    assert merged.join < JOIN
    merged.regroup(0.5, Acts())
    found = merged.labels()
    right = sum(
        np.bincount(truth[found.character == c]).max()
        for c in np.unique(found.character[found.character >= 0])
    )
    assert right > 0.95 * len(truth)
    assert merged.micro.weight.sum() == pytest.approx(60 * 6 * 3, rel=1e-4)
    assert merged.micro.tracks.sum() == pytest.approx(60 * 6, rel=1e-4)


def test_more_pinned_ones_than_there_is_room_for_still_find_a_place() -> None:
    merged = Merged(SIZE, SIZE, 50)
    random = np.random.default_rng(0)
    for number in range(8):
        summary = unit(number, list(range(CAST)))
        rows = random.normal(size=(CAST, SIZE))
        absorb(merged, summary, 100 * number)
        merged.character = np.arange(merged.micro.count)
        far = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        names = np.stack([np.arange(CAST), 100 * number + 50 + np.arange(CAST)], axis=1)
        merged.absorb(summary, far, names, summary.span)
    assert merged.micro.count <= 50
    assert len(merged.labels().uid) == 2 * 8 * CAST


@pytest.mark.parametrize("kind", [Merged, Grouping])
def test_state_goes_through_arrays_and_on_as_a_stream(kind: type[Grouping]) -> None:
    merged, _ = filled(10, 200)
    merged.regroup(0.5, Acts())
    read = kind.from_arrays(merged.arrays())
    one, other = merged.labels(), read.labels()
    for name in ("uid", "character", "seconds", "start"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_allclose(one.confidence, other.confidence, atol=1e-6)
    read.regroup(0.5, Acts())
    np.testing.assert_array_equal(read.labels().character, one.character)


def test_a_track_may_become_two_or_none() -> None:
    merged = Merged(SIZE, SIZE, 100)
    summary = unit(0, [0, 1, 2])
    names = np.array([[0, 70], [1, 71], [1, 72]])
    merged.absorb(summary, summary.vectors.astype(np.float32), names, np.ones((3, 2)))
    merged.regroup(0.5, Acts())
    found = merged.labels()
    assert found.uid.tolist() == [70, 71, 72]
    assert found.character[1] == found.character[2] != found.character[0]


def test_labels_of_superseded_sources_are_left_out() -> None:
    merged, _ = filled(2, 100)
    absorb(merged, unit(7, [0, 1]), 5 << 32)
    merged.regroup(0.5, Acts())
    assert (merged.labels(without=[5]).uid >> 32 == 0).all()
    assert len(merged.labels().uid) == len(merged.labels(without=[5]).uid) + 2


def test_a_summary_survives_its_file() -> None:
    summary = unit(3, [0, 1, 5], short=2)
    read = Summary.load(summary.save())
    for name in Summary.__slots__:
        np.testing.assert_array_equal(getattr(read, name), getattr(summary, name))
        assert getattr(read, name).dtype == getattr(summary, name).dtype
