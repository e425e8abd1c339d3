"""The specialised classifier: right where it can be, nobody where it cannot, honest about it."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load, save

from caststream.learning.classify import Classifier, _floor, fit

IDS = np.array([3, 7, 12])


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def examples(each: int, seed: int, nuisance: float = 1.2) -> tuple[np.ndarray, np.ndarray]:
    """Characters that differ in three directions, under a strong nuisance in eight others."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(3), each)
    rows = np.zeros((len(who), 32))
    rows[np.arange(len(who)), who] = 1
    rows[:, 8:16] = rng.normal(scale=nuisance / np.sqrt(8), size=(len(who), 8))
    rows[:, 16:] = rng.normal(scale=0.02, size=(len(who), 16))
    return unit(rows), IDS[who]


def test_it_learns_what_matters_and_beats_prototypes() -> None:
    vectors, labels = examples(10, seed=1, nuisance=3.0)
    made = fit(vectors, labels)
    assert made is not None
    assert made.better
    assert made.accuracy > made.prototypes
    fresh, truth = examples(60, seed=2, nuisance=3.0)
    said, sure = made.predict(fresh)
    known = said >= 0
    assert np.mean(said[known] == truth[known]) > 0.9
    assert known.mean() > 0.6
    assert sure.min() > 1 / 3 - 1e-6


def test_strangers_are_nobody() -> None:
    vectors, labels = examples(10, seed=3, nuisance=0.3)
    made = fit(vectors, labels)
    assert made is not None
    strangers = np.zeros((40, 32))
    strangers[:, 3] = 1
    strangers[:, 8:] = np.random.default_rng(4).normal(scale=0.1, size=(40, 24))
    said, _ = made.predict(unit(strangers))
    assert np.mean(said == -1) > 0.95
    own, truth = examples(40, seed=5, nuisance=0.3)
    assert np.mean(made.predict(own)[0] == truth) > 0.9


def test_what_was_thrown_out_is_learnt_as_nobody() -> None:
    vectors, labels = examples(10, seed=6, nuisance=0.3)
    labels = np.where(labels == 7, -1, labels)
    made = fit(vectors, labels)
    assert made is not None
    fresh, truth = examples(30, seed=7, nuisance=0.3)
    assert set(made.predict(fresh[truth == 7])[0].tolist()) == {-1}


@pytest.mark.parametrize("characters", [2, 3])
def test_it_survives_its_arrays_without_a_pickle(characters: int) -> None:
    vectors, labels = examples(6, seed=8)
    keep = labels <= IDS[characters - 1]
    made = fit(vectors[keep], labels[keep])
    assert made is not None
    back = Classifier.from_arrays(load(save(made.arrays())))
    for one, other in zip(made.predict(vectors), back.predict(vectors), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (back.accuracy, back.prototypes) == (made.accuracy, made.prototypes)
    assert np.mean(made.predict(vectors[keep])[0] == labels[keep]) > 0.8


def test_a_track_is_held_out_whole() -> None:
    # Every track has a look of its own, its boxes are copies, and nothing is shared by character:
    # only an evaluation that lets a track judge itself would call this learnt.
    rng = np.random.default_rng(9)
    looks = unit(rng.normal(size=(12, 32)))
    track = np.repeat(np.arange(12), 5)
    labels = IDS[track % 3]
    made = fit(looks[track], labels, track)
    alone = fit(looks[track], labels)
    assert made is not None
    assert alone is not None
    assert alone.accuracy == alone.prototypes == 1.0
    assert made.accuracy < 0.7
    assert made.prototypes < 0.7


def test_too_little_to_learn_from() -> None:
    vectors, labels = examples(1, seed=10)
    assert fit(vectors[:1], labels[:1]) is None
    assert fit(np.repeat(vectors[:1], 4, axis=0), np.full(4, 3)) is None
    made = fit(vectors, labels)
    assert made is not None
    assert not made.better, "nothing could be held out"
    assert made.predict(vectors)[0].shape == (3,)


def test_the_same_examples_give_the_same_classifier() -> None:
    vectors, labels = examples(8, seed=11)
    one, other = fit(vectors, labels, seed=5), fit(vectors, labels, seed=5)
    assert one is not None
    assert other is not None
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, other.arrays()[name])


def test_the_floor_weighs_wrong_answers_against_right_ones() -> None:
    sure = np.array([0.9, 0.8, 0.7, 0.6], np.float32)
    assert _floor(sure, np.array([True, True, True, False])) == pytest.approx(0.7)
    assert _floor(sure, np.ones(4, bool)) == pytest.approx(0.6)
    assert _floor(sure, np.zeros(4, bool)) == 1.0
    # One sure mistake among many right answers must not silence all of them.
    many = np.linspace(0.95, 0.5, 12).astype(np.float32)
    assert _floor(many, np.arange(12) != 1) == pytest.approx(0.5)
