"""Tunes the projection head on what the tracks of this show teach.

``caststream.learning.opening`` does the same with the trunk's last stage, by what is here.

Only pairs that are known take part in the loss; whoever else is in a batch is masked, because two
unknown tracks may well be one character. The tuned head is the running mean of the steps (an
averaged teacher, Tarvainen and Valpola 2017), is held near the head it came from, and goes live
only if it ranks held-back pairs better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from caststream.learning.lessons import Lessons
from caststream.messages import F4, I8
from caststream.vision.embedder import Head, project

if TYPE_CHECKING:
    from torch import Tensor

Recipe = Literal["caststream", "cast"]

STEPS = 240
PAIRS = 48
"""Pairs of side-by-side tracks a step."""
ALONE = 24
"""Further tracks a step, which only say what one character looks like."""
VIEWS = 4
"""Rows of a track a step."""
RATE = 2e-3
KEEP = 0.5
"""Weight of staying near the head before; see ``tools/bench_identity.py``."""
AVERAGE = 0.98
DROP = 0.1
"""Share of features left out at random, so that the head leans on no single one."""
MARGIN = 0.5
GAIN = 0.002
"""A tuned head goes live if it ranks held-back pairs this much better (area under the curve)."""
MIN_PAIRS = 80
"""Fewer side-by-side pairs teach nothing that would last: what they say is soon learnt by heart,
and what the shipped head knew of everybody else is lost."""
MIN_HELD = 8
"""Fewer held-back pairs cannot tell a better head from a worse one."""


@dataclass(frozen=True, slots=True)
class Batch:
    """How much of the lessons one step looks at."""

    pairs: int = PAIRS
    alone: int = ALONE
    views: int = VIEWS


@dataclass(frozen=True, slots=True)
class Opened:
    """A tuned stage of the trunk, and crops that were embedded anew with it."""

    trunk: dict[str, F4]
    """As of ``caststream.vision.opened``."""
    uid: I8
    """(n,) track of each crop."""
    near: F4
    """(n, D) unit vectors that the tuning's head makes of the crops' shipped features."""
    vector: F4
    """(n, D) unit vectors of the opened stage."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """The outcome of a fine-tuning."""

    head: Head
    live: bool
    """Whether it ranks held-back pairs better than the head before."""
    why: str
    pairs: int
    """Side-by-side pairs that were learnt from."""
    loss: float
    """Mean loss of the last tenth of the steps."""
    rank_before: float
    rank_after: float
    """Share of held-back (same, different) comparisons that come out right."""
    margin_before: float
    margin_after: float
    """Share of held-back triplets that keep a margin of ``MARGIN`` (Euclidean)."""
    opened: Opened | None = None
    """What a full tuning adds."""


def tune(
    lessons: Lessons, head: Head, seed: int = 0, steps: int = STEPS, recipe: Recipe = "caststream"
) -> Tuning:
    """Tune a head (``weight`` (F, D), ``bias`` (D,)) and judge it on what was held back.

    The same lessons and seed give the same head. ``recipe = "cast"`` is the paper's: random
    triplets, a margin of 0.5 in Euclidean distance, AdamW at 2e-5, ten epochs.
    """
    few = too_few(lessons, head)
    if few is not None:
        return few
    taught, held = lessons.part(False), lessons.part(True)
    tuned, loss = _run(taught, head, seed, steps, recipe)
    before, after = (project(held.features, one) for one in (head, tuned))
    return judged(held, before, after, tuned, len(taught.apart), loss)


def too_few(lessons: Lessons, head: Head) -> Tuning | None:
    """The outcome where there is too little to learn from or to judge by, else None."""
    taught, held = len(lessons.part(False).apart), len(lessons.part(True).apart)
    if taught >= MIN_PAIRS and held >= MIN_HELD:
        return None
    why = f"{taught} pairs side by side, and {held} held back, are few"
    return Tuning(head, False, why, taught, 0.0, 0.0, 0.0, 0.0, 0.0)


def judged(
    held: Lessons, before: F4, after: F4, head: Head, pairs: int, loss: float,
    opened: Opened | None = None,
) -> Tuning:  # fmt: skip
    """The outcome, by what vectors (N, D) of the held-back rows say before and after."""
    was, now = judge(held, before), judge(held, after)
    live = now[0] >= was[0] + GAIN
    why = f"ranks held-back pairs at {now[0]:.4f}, before {was[0]:.4f}"
    return Tuning(head, live, why, pairs, loss, was[0], now[0], was[1], now[1], opened)


def judge(lessons: Lessons, vectors: F4) -> tuple[float, float]:
    """How unit vectors (N, D) of all rows rank pairs.

    Returns the share of comparisons that are right, and that of triplets which keep the margin.
    A comparison sets two rows of one track against two rows of tracks side by side, over all such
    rows; a triplet is a row, the row of its track that it is least like, and the row of a track
    beside it that it is most like.
    """
    rows = np.split(vectors, np.searchsorted(lessons.track, np.arange(1, lessons.tracks)))
    within = [r @ r.T for r in rows]
    between = [rows[a] @ rows[b].T for a, b in lessons.apart]
    same = [w[np.triu_indices(len(w), 1)] for w in within]
    positive = np.concatenate([np.zeros(0, np.float32), *same])
    if not len(positive) or not between:
        return 0.0, 0.0
    order = np.sort(np.concatenate([b.ravel() for b in between]))
    rank = np.searchsorted(order, positive, "left") + np.searchsorted(order, positive, "right")
    gaps = [
        _far(beside.max(axis=1)) - _far(within[a].min(axis=1))
        for (one, other), b in zip(lessons.apart.tolist(), between, strict=True)
        for a, beside in ((one, b), (other, b.T))
    ]
    margin = float(np.mean(np.concatenate(gaps) >= MARGIN))
    return float(rank.mean() / (2 * len(order))), margin


def _far(similarity: F4) -> F4:
    """Euclidean distance of unit vectors."""
    return np.asarray(np.sqrt(np.maximum(2 - 2 * similarity, 0)), np.float32)


def _run(lessons: Lessons, head: Head, seed: int, steps: int, recipe: Recipe) -> tuple[Head, float]:
    import torch
    from torch.nn import functional

    first = {name: torch.from_numpy(array.copy()) for name, array in head.items()}
    weights = {name: value.clone().requires_grad_() for name, value in first.items()}
    ours = recipe == "caststream"

    def look(rows: I8, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        x = torch.from_numpy(lessons.features[rows].astype(np.float32))
        if ours:
            kept = random.random(x.shape, np.float32) >= DROP
            x = x * torch.from_numpy(kept) / (1 - DROP)
        vectors = functional.normalize(x @ weights["weight"] + weights["bias"])
        return vectors, functional.normalize(x @ first["weight"] + first["bias"])

    if not ours:
        steps = 10 * max(1, len(lessons.apart) // PAIRS)
    rates = dict.fromkeys(weights, RATE if ours else 2e-5)
    loss = descend(lessons, weights, rates, look, Batch(), seed, steps, recipe)
    return {name: value.detach().numpy() for name, value in weights.items()}, loss


def descend(
    lessons: Lessons,
    weights: dict[str, Tensor],
    rates: dict[str, float],
    look: Callable[[I8, np.random.Generator], tuple[Tensor, Tensor]],
    batch: Batch,
    seed: int,
    steps: int,
    recipe: Recipe = "caststream",
) -> float:
    """Train ``weights`` at ``rates``, in place; returns the mean loss of the last tenth.

    ``look`` gives the vectors (n, D) of rows (n,) under the weights, and those to stay near. What
    is left in ``weights`` is the running mean of the steps, but for the paper's recipe.
    """
    import torch
    from pytorch_metric_learning.losses import MultiSimilarityLoss, TripletMarginLoss

    random = np.random.default_rng(seed)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the same sums in the same order, and the stream keeps its cores
    try:
        mean = {name: value.detach().clone() for name, value in weights.items()}
        ours = recipe == "caststream"
        groups = [{"params": [value], "lr": rates[name]} for name, value in weights.items()]
        optimizer = torch.optim.AdamW(groups, weight_decay=0.0 if ours else 1e-2)
        criterion = (
            MultiSimilarityLoss(alpha=2, beta=40, base=0.5) if ours else TripletMarginLoss(MARGIN)
        )
        losses: list[float] = []
        for step in range(steps):
            rows, owner, apart = _batch(lessons, random, batch)
            vectors, still = look(rows, random)
            known = _known(owner, lessons.person, apart)
            if not ours:
                known = _triplets(known, random)
            pairs = tuple(torch.from_numpy(k).to(vectors.device) for k in known)
            loss = criterion(vectors, indices_tuple=pairs)
            if ours:
                loss = loss + KEEP * (vectors @ vectors.T - still @ still.T).square().mean() * 10
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
            with torch.no_grad():
                pull = min(AVERAGE, (step + 1) / (step + 10))
                for name, value in weights.items():
                    mean[name].mul_(pull).add_(value, alpha=1 - pull)
        if ours:
            with torch.no_grad():
                for name, value in weights.items():
                    value.copy_(mean[name])
    finally:
        torch.set_num_threads(threads)
    return float(np.mean(losses[-max(1, steps // 10) :]))


def _batch(
    lessons: Lessons, random: np.random.Generator, batch: Batch
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows of a step (n,), their tracks (n,), and its pairs of tracks side by side (p, 2)."""
    picked = random.integers(0, len(lessons.apart), min(batch.pairs, len(lessons.apart)))
    apart = lessons.apart[picked]
    alone = random.integers(0, lessons.tracks, min(batch.alone, lessons.tracks))
    tracks = np.unique(np.concatenate([apart.ravel(), alone]))
    starts = np.searchsorted(lessons.track, tracks)
    counts = np.searchsorted(lessons.track, tracks, "right") - starts
    rows = [
        first + random.permutation(count)[: batch.views]
        for first, count in zip(starts.tolist(), counts.tolist(), strict=True)
    ]
    flat = np.concatenate(rows)
    # Other known pairs among the same tracks count too.
    both = np.isin(lessons.apart, tracks).all(axis=1)
    return flat, lessons.track[flat], lessons.apart[both]


def _known(
    owner: NDArray[np.int64], person: NDArray[np.int64], apart: NDArray[np.int64]
) -> tuple[NDArray[np.int64], ...]:
    """Known pairs of rows as (anchor, positive, anchor, negative); all others are masked."""
    who = person[owner]
    judged = (who[:, None] >= 0) & (who[None, :] >= 0)
    same = (owner[:, None] == owner[None, :]) | (judged & (who[:, None] == who[None, :]))
    np.fill_diagonal(same, False)
    tracks, place = np.unique(owner, return_inverse=True)
    beside = np.zeros((len(tracks), len(tracks)), bool)
    a, b = np.searchsorted(tracks, apart.T)
    beside[a, b] = beside[b, a] = True
    different = beside[place[:, None], place[None, :]] & ~same
    different |= judged & (who[:, None] != who[None, :])
    return (*np.nonzero(same), *np.nonzero(different))


def _triplets(
    known: tuple[NDArray[np.int64], ...], random: np.random.Generator
) -> tuple[NDArray[np.int64], ...]:
    """Random (anchor, positive, negative) out of known pairs: the paper's way."""
    a1, positive, a2, negative = known
    anchors = np.intersect1d(a1, a2)
    chosen_p = [int(random.choice(positive[a1 == a])) for a in anchors]
    chosen_n = [int(random.choice(negative[a2 == a])) for a in anchors]
    return anchors, np.array(chosen_p, np.int64), np.array(chosen_n, np.int64)
