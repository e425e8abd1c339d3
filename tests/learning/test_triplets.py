"""Triplets: the rules, and that what cannot be trusted is left out."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from caststream.learning.triplets import Triplets, TripletSettings, mine
from caststream.messages import Rows


def unit(v: np.ndarray) -> np.ndarray:
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


LOOKS = unit(np.random.default_rng(7).normal(size=(6, 32)))


def rows_of(places: np.ndarray, looks: np.ndarray, tracks: np.ndarray | None = None,
            step: float = 0.25, blend: np.ndarray | None = None) -> Rows:  # fmt: skip
    # places (F, T) left edges of T tracks over F frames (nan: not there), looks (F, T, D).
    f, t = np.nonzero(np.isfinite(places))
    left = places[f, t]
    box = np.stack((left, 0 * left, left + 50, 0 * left + 100), axis=1)
    n = len(f)
    return Rows(
        frame=f.astype(np.int64), time=f * step, box=box.astype(np.float32),
        score=np.full(n, 0.9, np.float32),
        track=(t if tracks is None else tracks[t]).astype(np.int64),
        vector=looks[f, t].astype(np.float32), features=np.zeros((n, 1), np.float16),
        crop=(b"",) * n, blend=np.zeros(n, bool) if blend is None else blend[f],
    )  # fmt: skip


def noisy(frames: int, who: list[int], noise: float = 0.3, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    own = LOOKS[who][None] + noise * random.normal(size=(frames, len(who), 32)) / np.sqrt(32)
    return unit(own)


def still(frames: int, count: int, apart: float = 200.0) -> np.ndarray:
    return np.tile(apart * np.arange(count), (frames, 1)).astype(float)


def taught(rows: Rows, **changes: float) -> Triplets:
    return mine(rows, np.random.default_rng(0), TripletSettings(**changes))  # type: ignore[arg-type]


def test_two_side_by_side() -> None:
    found = taught(rows_of(still(12, 2), noisy(12, [0, 1])))
    assert len(found.triplets) >= 20
    assert found.apart.tolist() == [[0, 1]]
    assert (found.evidence[:, 3] == 12).all()


def test_prefers_positives_far_away_in_time() -> None:
    found = taught(rows_of(still(20, 2), noisy(20, [0, 1])))
    drawn_evenly = 20 * 0.25 / 3
    assert found.evidence[:, 0].mean() > 1.2 * drawn_evenly


def test_one_alone_teaches_nothing() -> None:
    found = taught(rows_of(still(12, 1), noisy(12, [0])))
    assert len(found.triplets) == 0 and len(found.apart) == 0


def test_tracks_that_jump_are_left_out() -> None:
    places = still(12, 2)
    places[6:, 0] -= 200.0  # 2.8 scales in a quarter of a second
    assert len(taught(rows_of(places, noisy(12, [0, 1]))).triplets) == 0


def test_boxes_that_overlap_are_left_out() -> None:
    places = still(12, 2)
    places[:6, 1] = 15.0
    places[6:, 1] = 35.0
    rows = rows_of(places, noisy(12, [0, 1]))
    found = taught(rows, speed=99.0, inside=1.0, near=1.0)
    assert (rows.frame[found.triplets] >= 6).all() and len(found.triplets) > 0


def test_a_face_inside_of_a_body_is_not_another_character() -> None:
    rows = rows_of(still(12, 2), noisy(12, [0, 1]))
    inner = rows.track == 1
    rows.box[inner] = [10, 10, 40, 40]
    assert len(taught(rows).apart) == 0


def test_blends_and_short_shots_are_left_out() -> None:
    blend = np.arange(12) < 9
    rows = rows_of(still(12, 2), noisy(12, [0, 1]), blend=blend)
    found = taught(rows)
    assert (rows.frame[found.triplets] >= 9).all() and len(found.triplets) > 0
    assert len(taught(rows_of(still(3, 2), noisy(3, [0, 1]), step=0.1)).triplets) == 0


def test_a_swarm_of_copies_teaches_nothing_but_its_contrast_to_others() -> None:
    # Four of one character, and one of another.
    rows = rows_of(still(12, 5), noisy(12, [0, 0, 0, 0, 1]))
    found = taught(rows)
    assert found.apart.tolist() == [[0, 4], [1, 4], [2, 4], [3, 4]]


def test_look_alikes_that_differ_a_little_are_kept() -> None:
    looks = noisy(12, [0, 0], noise=0.1)
    looks[:, 1] = unit(looks[:, 1] + 0.6 * LOOKS[1])
    found = taught(rows_of(still(12, 2), looks))
    assert found.apart.tolist() == [[0, 1]]


def test_a_pair_that_swapped_is_left_out() -> None:
    looks = noisy(12, [0, 1])
    looks[6:] = looks[6:, ::-1]
    found = taught(rows_of(still(12, 2), looks))
    assert len(found.triplets) == 0 and len(found.apart) == 0


def test_rows_without_looks_are_left_out() -> None:
    rows = rows_of(still(12, 2), noisy(12, [0, 1]))
    rows.vector[::3] = 0
    found = taught(rows)
    assert rows.vector[found.triplets].any(axis=2).all() and len(found.triplets) > 0


def test_nothing() -> None:
    empty = rows_of(np.zeros((0, 1)), np.zeros((0, 1, 32)))
    assert taught(empty).triplets.shape == (0, 3)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 15), st.integers(1, 6), st.integers(0, 40))
def test_rules_on_any_rows(seed: int, frames: int, count: int, most: int) -> None:
    random = np.random.default_rng(seed)
    places = random.uniform(0, 900, (1, count)) + random.normal(0, 6, (frames, count)).cumsum(0)
    places[random.random(places.shape) < 0.3] = np.nan
    looks = unit(random.normal(size=(frames, count, 32)))
    names = random.permutation(50)[:count]
    rows = rows_of(places, looks, names)
    found = taught(rows, most=most)
    a, p, n = found.triplets.T
    assert len(a) <= most and len(found.evidence) == len(a)
    assert (a != p).all() and (rows.track[a] == rows.track[p]).all()
    assert (rows.frame[a] == rows.frame[n]).all() and (rows.track[a] != rows.track[n]).all()
    pairs = {tuple(x) for x in found.apart.tolist()}
    assert len(pairs) == len(found.apart) and all(x < y for x, y in pairs)
    for x, y in np.sort(rows.track[found.triplets[:, [0, 2]]], axis=1).tolist():
        assert (x, y) in pairs


def test_no_positive_across_a_box_that_holds_another_one() -> None:
    # Somebody whom nobody followed passes before the first one at the seventh picture.
    rows = rows_of(still(14, 2), noisy(14, [0, 1]))
    shared = np.where((rows.track == 0) & (rows.frame == 6), 0.95, 0.0).astype(np.float32)
    random = np.random.default_rng(0)
    found = mine(rows, random, shared=shared)
    a, p, _ = found.triplets.T
    first = rows.track[a] == 0
    assert first.any() and not first.all() and found.apart.tolist() == [[0, 1]]
    before, after = (rows.frame[x][first] < 6 for x in (a, p))
    assert (before == after).all() and (rows.frame[found.triplets[first, :2]] != 6).all()


def test_a_fast_pan_drops_nobody() -> None:
    places = still(12, 2)
    places += 70.0 * np.maximum(0, np.arange(12) - 5)[:, None]  # 4 scales a second
    rows = rows_of(places, noisy(12, [0, 1]))
    assert len(taught(rows).triplets) == 0
    stood = rows.box - 70.0 * np.maximum(0, rows.frame - 5)[:, None] * np.array([1, 0, 1, 0])
    panned = mine(rows, np.random.default_rng(0), still=stood.astype(np.float32))
    assert len(panned.triplets) == len(taught(rows_of(still(12, 2), noisy(12, [0, 1]))).triplets)
    # A camera that is told wrongly costs nothing either.
    calm = rows_of(still(12, 2), noisy(12, [0, 1]))
    wrong = mine(calm, np.random.default_rng(0), still=rows.box)
    assert len(wrong.triplets) == len(panned.triplets)
