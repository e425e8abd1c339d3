"""Grouping beside its peers as tracks grow: ours, scikit-learn's HDBSCAN, the paper's search.

Tracks are made up: identities with poses, look-alikes and noise, in vectors of 256. Everybody gets
the same ones, one mean vector a track for the peers. A peer that needs more than ``PATIENCE``
seconds, or would need a matrix of more than ``MOST`` samples, is not asked for more tracks.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from caststream.evaluation.scores import b_cubed
from caststream.learning import batch
from caststream.learning.characters import Acts
from caststream.learning.grouping import Grouping, Seen

F4 = NDArray[np.float32]
I8 = NDArray[np.int64]
COUNTS = (1_000, 3_000, 10_000, 30_000, 100_000)
PATIENCE = 20.0
MOST = 12_000
DIMENSIONS, FEATURES, IDENTITIES = 256, 64, 40
LATENT, CLUTTER = 24, 0.24


def tracks(count: int, seed: int = 0) -> tuple[F4, I8]:
    """Five views (count, 5, d) of made-up tracks, and whose they are (count,), -1 for clutter.

    Every fourth identity has a look-alike, all drift slowly, and ``CLUTTER`` of the tracks are
    nobody. Looks have ``LATENT`` dimensions: in all 256 of them noise would average out, and
    everything would be easy.
    """
    random = np.random.default_rng(seed)
    base = random.normal(0, 1, (IDENTITIES, LATENT))
    base[1::4] = base[0::4] + 0.7 * random.normal(0, 1, (len(base[1::4]), LATENT))
    poses = base[:, None] + 0.6 * random.normal(0, 1, (IDENTITIES, 6, LATENT))
    drift = 0.5 * random.normal(0, 1, (IDENTITIES, LATENT))
    who = random.integers(0, IDENTITIES, count)
    when = np.linspace(-0.5, 0.5, count)[:, None, None]
    pose = random.integers(0, 6, (count, 2))[:, [0, 0, 0, 1, 1]]
    views = poses[who[:, None], pose] + drift[who][:, None] * when
    nobody = random.random(count) < CLUTTER
    views[nobody] = 1.2 * random.normal(0, 1, (int(nobody.sum()), 1, LATENT))
    views = views + 0.35 * random.normal(0, 1, views.shape)
    views = views @ np.linalg.qr(random.normal(0, 1, (DIMENSIONS, LATENT)))[0].T
    views /= np.linalg.norm(views, axis=2, keepdims=True)
    return views.astype(np.float32), np.where(nobody, -1, who).astype(np.int64)


def _ours(views: F4, beside: I8) -> tuple[Callable[[], I8], float]:
    """Regrouping all, once every track was taken in; and the seconds that this took."""
    grouping = Grouping(DIMENSIONS, FEATURES)
    features = np.zeros((5, FEATURES), np.float32)
    began = time.perf_counter()
    for uid, rows in enumerate(views):
        grouping.add(Seen(uid, rows, features, 3.0, 0.8, 4.0 * uid))
    for one, other in beside.tolist():
        grouping.apart(one, other)
    taken = time.perf_counter() - began

    def run() -> I8:
        grouping.regroup(0.5, Acts())
        labels = grouping.labels()
        out = np.full(len(views), -1, np.int64)
        out[labels.uid] = labels.character
        return out

    return run, taken


def _hdbscan(views: F4) -> I8:
    from sklearn.cluster import HDBSCAN

    found = HDBSCAN(min_cluster_size=5, copy=True).fit(_means(views)).labels_
    return np.asarray(found, np.int64)


def _cast(views: F4, beside: I8) -> I8:
    count = len(views)
    score = np.full(count, 0.8, np.float32)
    return batch.group(_means(views), np.arange(count), beside, score).label


def _means(views: F4) -> F4:
    mean = views.mean(axis=1)
    return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), np.float32)


def compared(counts: tuple[int, ...] = COUNTS) -> tuple[str, dict[str, dict[int, float]]]:
    """The table as Markdown, and seconds by method and count."""
    took: dict[str, dict[int, float]] = {}
    rows = [
        "| tracks | method | seconds | B-cubed F1 |",
        "| --- | --- | --- | --- |",
    ]
    for count in counts:
        views, who = tracks(count)
        random = np.random.default_rng(count)
        drawn = random.integers(0, count, (count // 5, 2))
        beside = drawn[(who[drawn] >= 0).all(axis=1) & (who[drawn[:, 0]] != who[drawn[:, 1]])]
        regroup, taken = _ours(views, beside)
        ways: dict[str, Callable[[], I8]] = {
            "caststream, one regrouping": regroup,
            "scikit-learn HDBSCAN": lambda views=views: _hdbscan(views),
            "CAST's search (DBSCAN, OPTICS)": lambda views=views, beside=beside: _cast(
                views, beside
            ),
        }
        for name, way in ways.items():
            seen = took.setdefault(name, {})
            late = seen and max(seen.values()) * (count / max(seen)) ** 2 > PATIENCE
            if "caststream" not in name and (late or count > MOST):
                continue
            began = time.perf_counter()
            labels = way()
            seen[count] = time.perf_counter() - began
            # A track that nobody took counts as a character of its own; clutter is not judged.
            alone = np.where(labels < 0, labels.max() + 1 + np.arange(count), labels)
            real = who >= 0
            f1 = b_cubed(who[real].astype(str).tolist(), alone[real].astype(str).tolist())[2]
            rows.append(f"| {count:,} | {name} | {seen[count]:.2f} | {f1:.2f} |")
        rows.append(f"| {count:,} | caststream, taking all tracks in | {taken:.2f} | |")
    return "\n".join(rows), took
