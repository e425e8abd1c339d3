"""Ids that outlive regrouping, and the log of people's acts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from caststream.learning.cast import HELD, UNKNOWN, Verdict, one_each
from caststream.learning.characters import fold, match
from caststream.store.acts import Act


def verdict(character: int, confidence: float) -> Verdict:
    return Verdict(character, confidence)


def called(
    candidates: list[list[Verdict]], beside: np.ndarray, before: Sequence[int | None] = ()
) -> list[int | None]:
    return [one.character for one in one_each(candidates, beside, before)]


def numbered(*acts: dict[str, Any], first: int = 1) -> list[Act]:
    return [
        Act(n, 0.0, act["kind"], {k: v for k, v in act.items() if k != "kind"})
        for n, act in enumerate(acts, first)
    ]


def test_an_unchanged_grouping_keeps_every_id() -> None:
    group = np.array([0, 0, 1, 2, 2])
    earlier = np.array([4, 4, 9, 2, 2])
    found = match(group, earlier, np.ones(5, np.float32), np.ones(3, bool), 10)
    assert found.ids.tolist() == [4, 9, 2]
    assert found.merged == ()
    assert found.next_id == 10


def test_two_ids_in_one_group_merge_into_the_older() -> None:
    found = match(
        np.zeros(4, int), np.array([7, 7, 7, 3]), np.ones(4, np.float32), np.ones(1, bool), 9
    )
    assert found.ids.tolist() == [3]
    assert found.merged == ((7, 3),)


def test_a_split_leaves_the_id_with_the_larger_part() -> None:
    found = match(
        np.array([0, 1, 1]), np.array([5, 5, 5]), np.ones(3, np.float32), np.ones(2, bool), 6
    )
    assert found.ids.tolist() == [6, 5]
    assert found.merged == ()
    assert found.next_id == 7


def test_only_worthy_groups_get_new_ids() -> None:
    found = match(
        np.array([0, 1]), np.array([-1, -1]), np.ones(2, np.float32), np.array([False, True]), 1
    )
    assert found.ids.tolist() == [-1, 1]


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(-1, 6), st.floats(0.1, 9)), min_size=1, max_size=40
    )
)
def test_ids_are_given_once_and_no_known_one_is_lost_without_a_word(
    rows: list[tuple[int, int, float]],
) -> None:
    names, group = np.unique([r[0] for r in rows], return_inverse=True)
    earlier = np.array([r[1] for r in rows])
    seconds = np.array([r[2] for r in rows], np.float32)
    found = match(group, earlier, seconds, np.ones(len(names), bool), 7)
    assert len(set(found.ids.tolist())) == len(names)
    gone = {a for a, _ in found.merged}
    assert set(earlier[earlier >= 0].tolist()) == gone | (set(found.ids.tolist()) & set(range(7)))
    assert all(a > b for a, b in found.merged)


def test_names_follow_merges_and_undo_brings_everything_back() -> None:
    log = numbered(
        {"kind": "name", "character": 3, "name": "Bunny"},
        {"kind": "name", "character": 5, "name": "Bird"},
        {"kind": "merge", "from": 5, "into": 3},
    )
    merged = fold(log)
    assert merged.name_of(5) == "Bunny"
    assert merged.apply(np.array([1, 2]), np.array([5, 3])).tolist() == [3, 3]
    log += numbered({"kind": "undo", "act": 3}, first=4)
    undone = fold(log)
    assert undone.name_of(5) == "Bird"
    assert undone.apply(np.array([1, 2]), np.array([5, 3])).tolist() == [5, 3]
    log += numbered({"kind": "undo", "act": 4}, first=5)
    assert fold(log).name_of(5) == "Bunny"


def test_moves_splits_refusals_and_ignores() -> None:
    log = numbered(
        {"kind": "split", "tracks": [11, 12], "into": 40},
        {"kind": "move", "tracks": [13], "into": 2},
        {"kind": "not_this", "tracks": [14], "character": 1},
        {"kind": "ignore", "character": 2},
    )
    acts = fold(log)
    uid = np.array([11, 12, 13, 14, 15])
    assert acts.apply(uid, np.ones(5, int)).tolist() == [40, 40, 2, -1, 1]
    assert acts.ignored == {2}
    assert acts.minted == {40}
    assert {40} <= acts.touched()


def test_who_puts_a_track_back_has_the_last_word() -> None:
    log = numbered(
        {"kind": "not_this", "tracks": [11, 12], "character": 1},
        {"kind": "merge", "from": 1, "into": 2},
        {"kind": "move", "tracks": [11], "into": 2},
    )
    uid, machine = np.array([11, 12]), np.array([1, 1])
    assert fold(log).apply(uid, machine).tolist() == [2, -1]
    assert fold(log[:2]).apply(uid, machine).tolist() == [-1, -1]


def test_merges_in_a_ring_end() -> None:
    acts = fold(
        numbered(
            {"kind": "merge", "from": 1, "into": 2},
            {"kind": "merge", "from": 2, "into": 1},
        )
    )
    assert acts.resolve(1) == acts.resolve(2) == 2


def test_kinds_from_the_future_change_nothing() -> None:
    assert fold(numbered({"kind": "applaud", "character": 1})).last == 1


def test_nobody_is_called_by_whom_a_surer_one_beside_it_is() -> None:
    said = [
        [v] for v in (verdict(1, 0.7), verdict(1, 0.9), verdict(2, 0.6), verdict(1, 0.8), UNKNOWN)
    ]
    beside = np.ones((5, 5), bool)
    beside[1, 3] = beside[3, 1] = False  # in one shot, never in one picture
    assert called(said, beside) == [None, 1, 2, 1, None]
    # Who went by it already keeps it from one that is hardly surer.
    close = [[verdict(1, 0.72)], [verdict(1, 0.7)]]
    pair = ~np.eye(2, dtype=bool)
    assert called(close, pair, [None, 1]) == [None, 1]
    assert called([[verdict(1, 0.9)], close[1]], pair, [None, 1]) == [1, None]
    assert one_each(said, np.zeros((5, 5), bool)) == [ranked[0] for ranked in said]
    assert one_each([], np.zeros((0, 0), bool)) == []


def test_whom_a_surer_one_takes_its_character_from_goes_by_its_next() -> None:
    pair = ~np.eye(2, dtype=bool)
    look_alikes = [[verdict(1, 0.9), verdict(2, 0.7)], [verdict(1, 0.8), verdict(2, 0.5)]]
    assert called(look_alikes, pair) == [1, 2]
    # The next one may be taken as well, by somebody surer or by who went by it so far.
    three = ~np.eye(3, dtype=bool)
    assert called([*look_alikes, [verdict(2, 0.6)]], three) == [1, None, 2]
    assert called([*look_alikes, [verdict(2, 0.45)]], three) == [1, 2, None]
    assert called([*look_alikes, [verdict(2, 0.45)]], three, [None, None, 2]) == [1, None, 2]


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_one_picture_shows_nobody_twice_and_takes_nothing_without_cause(
    data: st.DataObject,
) -> None:
    count = data.draw(st.integers(0, 7))
    sure = st.floats(0.4, 1)
    who = st.lists(st.integers(1, 4), unique=True, max_size=3)
    ranked = []
    for _ in range(count):
        ids = data.draw(who)
        sureness = sorted((data.draw(sure) for _ in ids), reverse=True)
        ranked.append([verdict(c, s) for c, s in zip(ids, sureness, strict=True)] or [UNKNOWN])
    edges = data.draw(st.lists(st.booleans(), min_size=count * count, max_size=count * count))
    beside = np.triu(np.array(edges, bool).reshape(count, count), 1)
    beside |= beside.T
    before = data.draw(
        st.lists(st.sampled_from([None, 1, 2, 3, 4]), min_size=count, max_size=count)
    )
    kept = one_each(ranked, beside, before)
    again = one_each(ranked, beside, [v.character for v in kept])
    for i, got in enumerate(kept):
        assert got == UNKNOWN or got in ranked[i]
        rivals = [kept[j] for j in np.flatnonzero(beside[i])]
        assert got.character is None or got.character not in {v.character for v in rivals}
        for better in ranked[i][: ranked[i].index(got)] if got in ranked[i] else ranked[i]:
            # Whoever it could be sooner is one beside it, who is surer of that or was it before.
            holders = [v.confidence for v in rivals if v.character == better.character]
            assert max(holders) + HELD >= better.confidence
        # What was given stays given when the same is seen once more.
        assert again[i] == got
