"""Fine-tuning on made lessons whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from caststream.learning import finetune
from caststream.learning.finetune import judge, tune
from caststream.learning.lessons import Lessons
from caststream.vision.embedder import project

F, D = 48, 16


def made(seed: int, shots: int = 110, style: float = 3.0) -> tuple[Lessons, np.ndarray]:
    """Two tracks a shot, six rows a track; identity in the last features, loud style in the first.

    Returns lessons and who each track is.
    """
    rng = np.random.default_rng(seed)
    cast = np.random.default_rng(7).normal(size=(6, F // 2))
    features, owner, who, apart, held = [], [], [], [], []
    for shot in range(shots):
        pair = rng.choice(6, 2, replace=False)
        for name in pair:
            track = len(who)
            who.append(name)
            held.append(shot % 5 == 4)
            loud = rng.normal(scale=style, size=(6, F // 2))
            quiet = cast[name] + rng.normal(scale=0.4, size=(6, F // 2))
            features.append(np.hstack([loud, quiet]))
            owner += [track] * 6
        apart.append((len(who) - 2, len(who) - 1))
    lessons = Lessons(
        np.vstack(features).astype(np.float16), np.array(owner), np.full(len(who), -1),
        np.array(apart), np.array(held),
    )  # fmt: skip
    return lessons, np.array(who)


def head(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "weight": (rng.normal(size=(F, D)) / np.sqrt(F)).astype(np.float32),
        "bias": np.zeros(D, np.float32),
    }


def test_tuning_learns_what_the_tracks_teach_and_goes_live() -> None:
    lessons, _ = made(1)
    done = tune(lessons, head(), steps=80)
    assert done.live, done.why
    assert done.rank_after > done.rank_before + 0.05
    assert done.margin_after >= done.margin_before
    # unseen tracks of the same show, over unknown pairs too
    fresh, who = made(2)

    def gap(h: dict[str, np.ndarray]) -> float:
        vectors = project(fresh.features, h)
        owner = who[fresh.track]
        likeness = vectors @ vectors.T
        same = owner[:, None] == owner[None, :]
        return float(likeness[same].mean() - likeness[~same].mean())

    assert gap(done.head) > gap(head()) + 0.05


def test_the_same_lessons_give_the_same_head() -> None:
    lessons, _ = made(3)
    one, other = (tune(lessons, head(), seed=5, steps=12) for _ in range(2))
    for name in one.head:
        np.testing.assert_array_equal(one.head[name], other.head[name])


def test_unknown_pairs_are_masked() -> None:
    owner = np.array([0, 0, 1, 1, 2])
    known = finetune._known(owner, np.full(3, -1), np.array([[0, 1]]))
    same = set(zip(*(k.tolist() for k in known[:2]), strict=True))
    different = set(zip(*(k.tolist() for k in known[2:]), strict=True))
    assert same == {(0, 1), (1, 0), (2, 3), (3, 2)}
    assert different == {(a, b) for a in (0, 1) for b in (2, 3)} | {
        (b, a) for a in (0, 1) for b in (2, 3)
    }


def test_what_people_said_counts_as_known() -> None:
    owner = np.array([0, 1, 2])
    known = finetune._known(owner, np.array([4, 4, 5]), np.zeros((0, 2), np.int64))
    assert set(zip(*(k.tolist() for k in known[:2]), strict=True)) == {(0, 1), (1, 0)}
    assert len(known[2]) == 4


@pytest.mark.parametrize("shots", [0, 3])
def test_too_little_teaches_nothing(shots: int) -> None:
    lessons, _ = made(1, shots=max(shots, 1))
    if not shots:
        lessons = Lessons(
            np.zeros((0, F), np.float16), np.zeros(0, int), np.zeros(0, int),
            np.zeros((0, 2), int), np.zeros(0, bool),
        )  # fmt: skip
    first = head()
    done = tune(lessons, first)
    assert not done.live
    assert "few" in done.why
    np.testing.assert_array_equal(done.head["weight"], first["weight"])


def test_a_worse_head_stays_out(monkeypatch: pytest.MonkeyPatch) -> None:
    lessons, _ = made(1)
    good = tune(lessons, head(), steps=80).head
    monkeypatch.setattr(finetune, "_run", lambda *_: (head(3), 1.0))  # a tuning that forgets all
    done = tune(lessons, good)
    assert not done.live
    assert done.rank_after < done.rank_before


def test_the_papers_recipe_runs() -> None:
    lessons, _ = made(4)
    done = tune(lessons, head(), recipe="cast")
    assert np.isfinite(done.loss)
    assert done.rank_after >= done.rank_before - 0.02


def test_ranking_by_hand() -> None:
    eye = np.eye(3, dtype=np.float16)
    lessons = Lessons(
        eye[[0, 0, 1, 1]], np.array([0, 0, 1, 1]), np.full(2, -1), np.array([[0, 1]]),
        np.zeros(2, bool),
    )  # fmt: skip
    same = {"weight": np.eye(3, dtype=np.float32), "bias": np.zeros(3, np.float32)}
    assert judge(lessons, project(lessons.features, same)) == (1.0, 1.0)
    blind = {"weight": np.ones((3, 1), np.float32), "bias": np.zeros(1, np.float32)}
    assert judge(lessons, project(lessons.features, blind)) == (0.5, 0.0)
