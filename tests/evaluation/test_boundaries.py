"""The scoring of boundaries: one to one, with a tolerance, blind where the truth is vague."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caststream.evaluation.boundaries import (
    BoundaryCounts,
    assign_boundaries,
    match_boundaries,
)


def cut(frame: int) -> dict[str, int]:
    return {"frame": frame}


def span(start: int, end: int) -> dict[str, int]:
    return {"start": start, "end": end}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([100], (1, 0, 0)),
        ([102], (1, 0, 0)),
        ([103], (0, 1, 1)),
        ([98, 102], (1, 1, 0)),
        ([], (0, 0, 1)),
        ([(90, 98)], (1, 0, 0)),
        ([(90, 97)], (0, 1, 1)),
    ],
)
def test_a_cut_is_matched_within_two_frames_and_once(
    found: list[int | tuple[int, int]], expected: tuple[int, int, int]
) -> None:
    assert match_boundaries(found, [cut(100)]) == expected


def test_two_hits_inside_one_fade_are_one_too_many() -> None:
    assert match_boundaries([50, 60], [span(48, 62)]) == (1, 1, 0)


def test_as_many_pairs_as_possible() -> None:
    # A greedy matcher that gives 101 to the first cut leaves the second one alone.
    assert match_boundaries([101, 99], [cut(100), cut(103)]) == (2, 0, 0)


def test_vague_stretches_count_neither_for_nor_against() -> None:
    vague = [span(40, 60)]
    assert match_boundaries([38, 50, 62, 63], [], vague) == (0, 1, 0)
    match = assign_boundaries([50], [cut(51)], vague)
    assert match.truth_of_found == [0], "a listed boundary comes before a vague stretch"
    assert match.found_of_truth == [0]


def test_figures_of_nothing() -> None:
    nothing = BoundaryCounts(0, 0, 0)
    assert (nothing.f1, nothing.precision, nothing.recall) == (1.0, 1.0, 1.0)
    assert BoundaryCounts(0, 2, 3).f1 == 0.0


@given(
    st.lists(st.integers(0, 30), max_size=5),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4)), max_size=5),
)
def test_agrees_with_trying_everything(found: list[int], listed: list[tuple[int, int]]) -> None:
    truth = [span(start, start + length) for start, length in listed]
    edges = [
        (i, j)
        for i, f in enumerate(found)
        for j, t in enumerate(truth)
        if t["start"] - 2 <= f <= t["end"] + 2
    ]
    best = 0
    for size in range(min(len(found), len(truth)), 0, -1):
        if any(
            len({i for i, _ in pick}) == size == len({j for _, j in pick})
            for pick in combinations(edges, size)
        ):
            best = size
            break
    counts = match_boundaries(found, truth)
    assert counts == (best, len(found) - best, len(truth) - best)
