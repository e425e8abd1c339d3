"""The specialised classifier: one show's named characters, from a few labelled examples each.

Multinomial logistic regression on embeddings. It says "nobody" where its probability is low, and
where the vector is far from what the character looked like so far; both limits are measured on
examples that were held out. Its worth is measured the same way against nearest prototypes, so
that it is only used where it is better.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caststream.messages import F4, I8

NOBODY = -1
"""The class of what people threw out, and the answer where there is none."""
OTHER = -2
"""The class of those who have no name yet."""
FOLDS = 5
STRENGTHS = (1.0, 10.0, 100.0)
"""Inverse regularisation to choose from; unit vectors need weights well above 1."""
COST = 4.0
"""A wrong name costs as much as this many right ones bring: answers more often wrong than one time
in five are refused."""
REACH = 0.02
"""Share of a show's own held-out examples that may be refused for being far from the rest."""
BETTER = 0.005
"""Lead in held-out accuracy under which prototypes, being simpler, are kept."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """Weights, limits and worth; predicts with plain numpy."""

    character: I8
    """(C,) ids, ``NOBODY`` and ``OTHER`` among them."""
    weight: F4
    """(d, C)"""
    bias: F4
    """(C,)"""
    mean: F4
    """(C, d) unit mean of each character's examples."""
    floor: float
    """Probability under which the answer is nobody."""
    reach: float
    """Similarity to the character's mean under which the answer is nobody."""
    accuracy: float
    """Share of the held-out examples that it gets right, without refusing; 0 where unknown."""
    prototypes: float
    """The same for the nearest example."""

    @property
    def better(self) -> bool:
        """Whether it ranks above nearest prototypes on held-out examples."""
        return self.accuracy >= self.prototypes + BETTER

    def predict(self, vectors: F4) -> tuple[I8, F4]:
        """Character (n,) of unit vectors (n, d), ``NOBODY`` or ``OTHER``, and its probability."""
        probability = _softmax(vectors @ self.weight + self.bias)
        best = np.argmax(probability, axis=1)
        sure = probability[np.arange(len(best)), best]
        near = np.einsum("nd,nd->n", vectors, self.mean[best])
        known = (sure >= self.floor) & (near >= self.reach)
        return np.where(known, self.character[best], NOBODY), sure.astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything as arrays that safetensors can hold; the inverse is ``from_arrays``."""
        limits = [self.floor, self.reach, self.accuracy, self.prototypes]
        return {
            "classifier_character": self.character,
            "classifier_weight": self.weight,
            "classifier_bias": self.bias,
            "classifier_mean": self.mean,
            "classifier_limits": np.array(limits, np.float64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Classifier:
        """Read back what ``arrays`` gave."""
        floor, reach, accuracy, prototypes = arrays["classifier_limits"].tolist()
        return cls(
            character=arrays["classifier_character"],
            weight=arrays["classifier_weight"],
            bias=arrays["classifier_bias"],
            mean=arrays["classifier_mean"],
            floor=floor,
            reach=reach,
            accuracy=accuracy,
            prototypes=prototypes,
        )


def fit(vectors: F4, labels: I8, track: I8 | None = None, seed: int = 0) -> Classifier | None:
    """Learn from labelled examples; None where there are not two characters to tell apart.

    ``vectors`` (n, d) unit rows, ``labels`` (n,) ids, ``NOBODY`` or ``OTHER``, ``track`` (n,)
    which track each comes from: a track is held out whole, since its boxes look alike (default:
    each example on its own). Where no character has two tracks nothing can be held out: then the
    classifier is never ``better``.
    """
    character, target = np.unique(labels, return_inverse=True)
    if len(character) < 2:
        return None
    fold = _folds(target, np.arange(len(target)) if track is None else track, seed)
    held = np.flatnonzero(fold >= 0)
    trials = {c: _held_out(vectors, target, fold, len(character), c) for c in STRENGTHS}
    truth = target[held]
    strength, guess = min(trials.items(), key=lambda t: _log_loss(t[1][held], truth))
    weight, bias = _train(vectors, target, len(character), strength)
    accuracy = prototypes = 0.0
    floor, reach = 0.5, -1.0
    if len(held):
        right = np.argmax(guess[held], axis=1) == truth
        accuracy = float(right.mean())
        prototypes = float(np.mean(_nearest(vectors, target, fold)[held] == truth))
        floor = _floor(guess[held].max(axis=1), right)
        reach = float(np.quantile(_nearness(vectors, target, fold, len(character))[held], REACH))
    return Classifier(
        character=character.astype(np.int64),
        weight=weight,
        bias=bias,
        mean=_means(vectors, target, len(character)),
        floor=floor,
        reach=reach,
        accuracy=accuracy,
        prototypes=prototypes,
    )


def _folds(target: I8, track: I8, seed: int) -> I8:
    """Fold of each example; -1 for characters with a single track, which is always learnt from."""
    rng = np.random.default_rng(seed)
    fold = np.full(len(target), -1, np.int64)
    for which in range(int(target.max()) + 1):
        mine = np.flatnonzero(target == which)
        tracks, member = np.unique(track[mine], return_inverse=True)
        if len(tracks) > 1:
            fold[mine] = (rng.permutation(len(tracks)) % FOLDS)[member]
    return fold


def _splits(fold: I8) -> Iterator[tuple[I8, I8]]:
    """What to learn from and what to judge by, in turn."""
    for number in range(int(fold.max(initial=-1)) + 1):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def _held_out(vectors: F4, target: I8, fold: I8, classes: int, strength: float) -> F4:
    """Probabilities (n, C) by classifiers that did not see the example."""
    guess = np.zeros((len(vectors), classes), np.float32)
    for learnt, held in _splits(fold):
        weight, bias = _train(vectors[learnt], target[learnt], classes, strength)
        guess[held] = _softmax(vectors[held] @ weight + bias)
    return guess


def _train(vectors: F4, target: I8, classes: int, strength: float) -> tuple[F4, F4]:
    """Weights (d, C) and bias (C,); every class counts the same, however many examples it has."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=500)
    model.fit(vectors.astype(np.float64), target)
    weight = np.zeros((vectors.shape[1], classes), np.float32)
    bias = np.zeros(classes, np.float32)
    # Two classes have one line of weights: that of the second one over the first.
    filled = model.classes_ if len(model.classes_) > 2 else model.classes_[1:]
    weight[:, filled] = model.coef_.T
    bias[filled] = model.intercept_
    return weight, bias


def _nearest(vectors: F4, target: I8, fold: I8) -> I8:
    """What the nearest example of other folds says."""
    said = np.full(len(target), -1, np.int64)
    for learnt, held in _splits(fold):
        said[held] = target[learnt][np.argmax(vectors[held] @ vectors[learnt].T, axis=1)]
    return said


def _nearness(vectors: F4, target: I8, fold: I8, classes: int) -> F4:
    """Similarity of each example to the mean of its character in other folds."""
    near = np.ones(len(target), np.float32)
    for learnt, held in _splits(fold):
        mean = _means(vectors[learnt], target[learnt], classes)
        near[held] = np.einsum("nd,nd->n", vectors[held], mean[target[held]])
    return near


def _means(vectors: F4, target: I8, classes: int) -> F4:
    sums = np.zeros((classes, vectors.shape[1]), np.float32)
    np.add.at(sums, target, vectors)
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6))


def _floor(sure: F4, right: NDArray[np.bool_]) -> float:
    """The probability from which on the held-out answers bring the most, wrong ones costing."""
    order = np.argsort(-sure, kind="stable")
    gain = np.cumsum(np.where(right[order], 1.0, -COST))
    best = len(gain) - 1 - int(np.argmax(gain[::-1]))  # of equal ones the lowest
    return float(sure[order[best]]) if gain[best] > 0 else 1.0


def _log_loss(probability: F4, target: I8) -> float:
    own = probability[np.arange(len(target)), target]
    return float(-np.log(np.maximum(own, 1e-9)).mean()) if len(target) else 0.0


def _softmax(scores: F4) -> F4:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
