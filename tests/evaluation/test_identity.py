"""Clustering figures by hand and by their definitions."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from math import comb, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caststream.evaluation.identity import (
    Matches,
    confusion,
    identity_scores,
    macro_f1,
    match_all,
)
from caststream.evaluation.labels import Found, FoundFrame
from caststream.evaluation.truth import Truth, TruthFrame


def matches(*pairs: tuple[str, str | None], missed: dict[str, int] | None = None) -> Matches:
    return Matches(
        tuple(p[0] for p in pairs),
        tuple(p[1] for p in pairs),
        (None,) * len(pairs),
        Counter(missed or {}),
    )


def test_perfect_labels_score_one() -> None:
    scores = identity_scores(matches(("ann", "c1"), ("ann", "c1"), ("bob", "c2"), ("bob", "c2")))
    assert scores is not None
    ones = [scores.homogeneity, scores.completeness, scores.v_measure, scores.ari, scores.ami]
    assert [*ones, scores.nmi, scores.purity, scores.macro_f1] == pytest.approx([1.0] * 8)
    assert (scores.k_error, scores.noise_share, scores.boxes, scores.characters) == (0, 0, 4, 2)


def test_figures_by_hand() -> None:
    scores = identity_scores(
        matches(
            *[("ann", "c1"), ("ann", "c1"), ("ann", "c2"), ("bob", "c1"), ("bob", None)],
            ("extra", "c3"),
        )
    )
    assert scores is not None
    assert scores.boxes == 5
    assert scores.purity == pytest.approx(3 / 4)  # two of three in c1, the one of c2
    assert scores.k_error == 0
    assert scores.noise_share == pytest.approx(1 / 5)
    # c1 and c2 are called ann: 3 right of 3 true and 4 said; nobody is called bob
    assert scores.macro_f1 == pytest.approx((6 / 7 + 0) / 2)


def test_a_nameless_one_taken_for_somebody_is_a_mistake() -> None:
    mixed = matches(("ann", "c1"), ("ann", "c1"), ("extra", "c1"))
    assert macro_f1(mixed) == pytest.approx(2 * 2 / (2 + 3))


def test_nothing_to_score() -> None:
    assert identity_scores(matches(("extra", "c1"))) is None
    nobody = identity_scores(matches(("ann", None), ("bob", None)))
    assert nobody is not None
    assert (nobody.purity, nobody.macro_f1, nobody.noise_share, nobody.k_error) == (0, 0, 1, -2)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from([None, "1", "2"])),
        min_size=2,
        max_size=14,
    )
)
def test_they_follow_their_definitions(pairs: list[tuple[str, str | None]]) -> None:
    scores = identity_scores(matches(*pairs))
    assert scores is not None
    truth = [t for t, _ in pairs]
    found = [f if f is not None else f"alone {i}" for i, (_, f) in enumerate(pairs)]
    n = len(pairs)

    def entropy(labels: list) -> float:
        return -sum(c / n * log(c / n) for c in Counter(labels).values())

    shared = entropy(truth) + entropy(found) - entropy(list(zip(truth, found, strict=True)))
    homogeneity = shared / entropy(truth) if entropy(truth) else 1.0
    completeness = shared / entropy(found) if entropy(found) else 1.0
    assert scores.homogeneity == pytest.approx(homogeneity, abs=1e-9)
    assert scores.completeness == pytest.approx(completeness, abs=1e-9)

    alike = [(truth[i] == truth[j], found[i] == found[j]) for i, j in combinations(range(n), 2)]
    both, t, f = (sum(x) for x in zip(*((a and b, a, b) for a, b in alike), strict=True))
    expected, most = t * f / comb(n, 2), (t + f) / 2
    rand = (both - expected) / (most - expected) if most != expected else 1.0
    assert scores.ari == pytest.approx(rand, abs=1e-9)


def test_the_confusion_matrix_holds_every_true_box_once() -> None:
    table = confusion(
        matches(
            *[("ann", "c1"), ("ann", "c1"), ("ann", None), ("bob", "c1"), ("bob", "c2")],
            *[("other", "c3"), ("extra", "c2"), ("bob", "c2")],
            missed={"bob": 2, "cid": 1},
        )
    )
    assert table.truth == ("bob", "ann", "cid", "(nameless)")
    assert table.called == (*table.truth, "(unknown)", "(not found)")
    assert table.counts == (
        (2, 1, 0, 0, 0, 2),
        (0, 2, 0, 0, 1, 0),
        (0, 0, 0, 0, 0, 1),
        (1, 0, 0, 1, 0, 0),
    )


def test_boxes_are_matched_by_the_rules_of_the_scores() -> None:
    boxes = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]], np.float32)
    truth = Truth("x", 100, 50, 24.0, True, None, [], ())
    frame = TruthFrame(
        0, boxes, ("ann", "extra", "bob"), (1, 2, 3), np.array([False, False, False])
    )
    ignored = TruthFrame(6, boxes[:1], ("ann",), (1,), np.array([True]))
    truth = Truth("x", 100, 50, 24.0, True, None, [], (frame, ignored))
    found = Found(
        {
            0: FoundFrame(boxes[:2], np.ones(2, np.float32), [7, 8], ["c1", "c2"]),
            6: FoundFrame(boxes[:1], np.ones(1, np.float32), [7], ["c1"]),
        }
    )
    got = match_all(truth, found)
    assert (got.truth, got.found, got.track) == (("ann", "extra"), ("c1", "c2"), (7, 8))
    assert got.missed == Counter({"bob": 1})
