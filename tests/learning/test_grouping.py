"""The machine's dictionary over many regroupings."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np

from caststream.learning.characters import Acts, fold
from caststream.learning.grouping import Grouping, Seen
from caststream.store.acts import Act

CAST = 6


def show(
    seed: int, tracks: int, noise: float = 0.08, seconds: float = 2.5
) -> list[tuple[int, Seen]]:
    """Tracks of a small cast: (who, what was seen)."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(CAST, 64))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    out = []
    for uid in range(tracks):
        who = int(rng.integers(CAST))
        rows = centres[who] + rng.normal(scale=noise, size=(6, 64))
        rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        out.append((who, Seen(1000 * seed + uid, rows, rows, seconds, 0.8, float(uid))))
    return out


def labels(grouping: Grouping) -> tuple[np.ndarray, np.ndarray]:
    found = grouping.labels()
    return found.uid, found.character


def purity(grouping: Grouping, who: dict[int, int]) -> float:
    uid, ids = labels(grouping)
    right = 0
    for i in np.unique(ids):
        right += np.bincount([who[int(u)] for u in uid[ids == i]]).max()
    return right / len(uid)


def test_a_small_cast_is_found_and_its_ids_last() -> None:
    grouping, who = Grouping(64, 64), {}
    earlier: dict[int, int] = {}
    flips = total = 0
    for episode in range(1, 6):
        for name, seen in show(episode, 60):
            who[seen.uid] = name
            grouping.add(seen)
        grouping.regroup(0.5, Acts())
        uid, ids = labels(grouping)
        now = dict(zip(uid.tolist(), ids.tolist(), strict=True))
        flips += sum(now[u] != i for u, i in earlier.items())
        total += len(earlier)
        earlier = now
    assert purity(grouping, who) == 1.0
    assert len(set(earlier.values())) == CAST
    assert flips / total < 0.02


def test_named_ones_stay_and_what_would_join_them_is_only_suggested() -> None:
    grouping = Grouping(64, 64)
    first = show(1, 40, seconds=12)
    for _, seen in first:
        grouping.add(seen)
    grouping.regroup(0.9, Acts())  # far too fine: the cast falls into pieces
    uid, ids = labels(grouping)
    target = int(ids[0])
    assert target > 0
    mine = {int(u) for u in uid[ids == target]}
    acts = fold([Act(1, 0.0, "name", {"character": target, "name": "Ann"})])
    found = grouping.regroup(0.3, acts)
    uid, ids = labels(grouping)
    now = {int(u) for u in uid[ids == target]}
    assert mine == now
    assert any(target in pair[:2] for pair in found.suggestions)
    assert all(target not in pair for pair in found.merged)


def test_an_undone_merge_leaves_no_trace() -> None:
    grouping = Grouping(64, 64)
    for _, seen in show(2, 60):
        grouping.add(seen)
    grouping.regroup(0.5, Acts())
    uid, before = labels(grouping)
    one, other = np.unique(before)[:2].tolist()
    merge = Act(1, 0.0, "merge", {"from": other, "into": one})
    merged = fold([merge])
    grouping.regroup(0.5, merged)
    _, ids = labels(grouping)
    assert other not in merged.apply(uid, ids)
    undone = fold([merge, Act(2, 0.0, "undo", {"act": 1})])
    grouping.regroup(0.5, undone)
    _, ids = labels(grouping)
    np.testing.assert_array_equal(undone.apply(uid, ids), before)


def test_short_tracks_are_labelled_and_teach_nothing() -> None:
    grouping = Grouping(64, 64)
    tracks = show(3, 60)
    for _, seen in tracks:
        grouping.add(seen)
    _, like = tracks[0]
    grouping.add(Seen(77, like.vectors[:1], like.vectors[:1], 0.2, 0.9, 0.0))
    weight = grouping.micro.weight.sum()
    grouping.regroup(0.5, Acts())
    uid, ids = labels(grouping)
    now = dict(zip(uid.tolist(), ids.tolist(), strict=True))
    assert now[77] == now[like.uid] > 0
    assert grouping.micro.weight.sum() == weight


def test_memory_stays_bounded_and_labels_follow() -> None:
    grouping, who = Grouping(64, 64, capacity=40), {}
    for episode in range(1, 5):
        for name, seen in show(episode, 150, noise=0.12):
            who[seen.uid] = name
            grouping.add(seen)
    grouping.regroup(0.4, Acts())
    assert grouping.micro.count <= 40
    uid, _ = labels(grouping)
    assert len(uid) == len(who) == 600
    assert purity(grouping, who) > 0.95


def test_side_by_side_look_alikes_are_kept_apart() -> None:
    rng = np.random.default_rng(4)
    base = rng.normal(size=64)
    twins = [base + rng.normal(scale=0.55, size=64) for _ in range(2)]
    grouping, who = Grouping(64, 64), {}
    for pair in range(30):
        for side, twin in enumerate(twins):
            rows = twin + rng.normal(scale=0.2, size=(5, 64))
            rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
            seen = Seen(2 * pair + side, rows, rows, 2.0, 0.9, float(pair))
            who[seen.uid] = side
            grouping.add(seen)
        grouping.apart(2 * pair, 2 * pair + 1)
    grouping.regroup(0.6, Acts())
    assert purity(grouping, who) == 1.0


def test_state_survives_its_arrays() -> None:
    grouping = Grouping(64, 64)
    for _, seen in show(5, 50):
        grouping.add(seen)
    for one, other in combinations(range(5000, 5006), 2):
        grouping.apart(one, other)
    grouping.regroup(0.5, Acts())
    again = Grouping.from_arrays(grouping.arrays())
    for a, b in zip(labels(grouping), labels(again), strict=True):
        np.testing.assert_array_equal(a, b)
    extra = show(6, 20)
    for state in (grouping, again):
        for _, seen in extra:
            state.add(seen)
        state.apart(6000, 6001)
        state.regroup(0.5, Acts())
    for a, b in zip(labels(grouping), labels(again), strict=True):
        np.testing.assert_array_equal(a, b)


def test_another_head_moves_everything_and_keeps_the_ids() -> None:
    grouping = Grouping(64, 64)
    for _, seen in show(7, 60):
        grouping.add(seen)
    grouping.regroup(0.5, Acts())
    _, before = labels(grouping)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(64, 64)))[0].astype(np.float32)

    def project(features: np.ndarray) -> np.ndarray:
        rows = features @ turn
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    cohesion = np.linalg.norm(grouping.micro.sums, axis=1)
    old = grouping.micro.means @ turn
    grouping.reproject(project)
    np.testing.assert_allclose(grouping.micro.means, old, atol=5e-3)
    np.testing.assert_allclose(np.linalg.norm(grouping.micro.sums, axis=1), cohesion, rtol=1e-4)
    grouping.regroup(0.5, Acts())
    np.testing.assert_array_equal(labels(grouping)[1], before)


def test_sources_labelled_anew_count_no_more() -> None:
    grouping = Grouping(64, 64)
    for _, seen in show(8, 10):
        grouping.add(seen)
        grouping.add(replace(seen, uid=seen.uid + (2 << 32)))
    grouping.regroup(0.5, Acts())
    assert set((grouping.labels(without={0}).uid >> 32).tolist()) == {2}
    assert len(grouping.labels().uid) == 20


def test_crops_embedded_anew_turn_the_poses_that_they_show() -> None:
    grouping = Grouping(4, 4)
    eye = np.eye(4, dtype=np.float32)
    # A track of two poses, and one of a third pose.
    grouping.add(Seen(1, eye[[0, 0, 1, 1]], eye[[0, 0, 1, 1]], 2.0, 0.8, 0.0))
    grouping.add(Seen(2, eye[[2, 2, 2]], eye[[2, 2, 2]], 2.0, 0.8, 4.0))
    weight = np.linalg.norm(grouping.micro.sums, axis=1)
    homes = [int(np.argmax(grouping.micro.means @ eye[k])) for k in (0, 1, 2)]
    between = (eye[0] + eye[3]) / np.sqrt(2)
    short, stranger = 0, 9
    grouping.add(Seen(short, eye[[3]], eye[[3]], 0.3, 0.8, 5.0))  # it taught nothing
    grouping.renew(
        np.array([1, 1, 1, stranger, short]),
        eye[[0, 0, 1, 2, 2]],
        np.stack([eye[3], eye[0], eye[2], eye[1], eye[1]]),
    )
    np.testing.assert_allclose(grouping.micro.means[homes[0]], between, atol=1e-6)
    np.testing.assert_allclose(grouping.micro.means[homes[1]], eye[2], atol=1e-6)
    np.testing.assert_allclose(grouping.micro.means[homes[2]], eye[2], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(grouping.micro.sums, axis=1), weight, rtol=1e-5)


def test_poses_follow_their_micro_clusters_when_these_are_joined() -> None:
    grouping, who = Grouping(64, 64, capacity=40), {}
    for name, seen in show(3, 300, noise=0.2):
        who[seen.uid] = name
        grouping.add(seen)
    assert grouping.micro.count <= 40
    grouping.regroup(0.5, Acts())
    uid, home, share = grouping._all_poses()
    assert len(np.unique(uid)) == 300
    assert home.max() < grouping.micro.count
    np.testing.assert_allclose(np.bincount((uid - 3000).astype(int), share), 1, rtol=1e-5)
    np.testing.assert_allclose(
        np.bincount(home, share, grouping.micro.count), grouping.micro.tracks, rtol=1e-3
    )
    again = Grouping.from_arrays(grouping.arrays())
    np.testing.assert_array_equal(labels(again)[1], labels(grouping)[1])


def test_who_stands_between_two_is_less_sure() -> None:
    grouping = Grouping(64, 64)
    for _, seen in show(1, 80):
        grouping.add(seen)
    centres = np.random.default_rng(99).normal(size=(CAST, 64))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    rows = np.tile(centres[0] + 0.9 * centres[1], (6, 1)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    grouping.add(Seen(1, rows, rows, 2.5, 0.8, 0.0))
    stranger = np.zeros((6, 64), np.float32)
    stranger[:, 7] = 1
    grouping.add(Seen(2, stranger, stranger, 0.5, 0.8, 0.0))  # too short for an id of its own
    grouping.regroup(0.5, Acts())
    found = grouping.labels()
    sure = dict(zip(found.uid.tolist(), found.confidence.tolist(), strict=True))
    others = [s for u, s in sure.items() if u >= 1000]
    assert min(others) > sure[1] > sure[2] == 0
    assert max(others) <= 1
