"""CAST's own batch grouping, kept as the baseline that the stream's grouping is measured against.

After Nir, Rapoport and Shamir (arXiv 2201.07619) and the code they published: near-duplicate boxes
are folded together; DBSCAN over cosine distances, its radius searched so that the number of
clusters is plausible *for this many samples* and silhouette times kept share is highest; OPTICS
over what that left as noise; then insignificant clusters, outliers and the smallest clusters are
thrown out. Time and memory are quadratic in the samples, which is why the stream does it otherwise.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caststream.messages import F4, I8

DUPLICATE = 6
"""Bits of 128 in which the fingerprints of near-duplicates may differ."""
RADII = 48
"""Radii tried for DBSCAN."""
NEIGHBOURS = 4
"""DBSCAN's samples for a core, as published."""
LEFTOVERS = 7
"""OPTICS' samples for a core and for a cluster, as published."""
SMALLEST = 3
"""Samples of the smallest cluster that is kept."""
SIGNIFICANCE = 0.5
"""Median sample significance under which a cluster is thrown out."""
FENCE = 1.5
"""Interquartile ranges under the first quartile at which a sample is an outlier (Tukey, 1977); the
published code has 0.25, again and again, which leaves little of any cluster."""

Bits = NDArray[np.uint8]


# --- near-duplicates ---------------------------------------------------------------------------


def fingerprint(gray: NDArray[np.floating]) -> Bits:
    """Perceptual hash (16,) of a gray picture (H, W) in 0..255, of any size from 1 x 1.

    Signs of the differences between the means of neighbouring cells of a 9 x 9 grid, across and
    down (difference hash, Krawetz 2013); differences under one gray level are noise and count as
    none.
    """
    rows, columns = (np.linspace(0, n, 10) for n in gray.shape)
    sums = np.pad(np.asarray(gray, np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    at = _between(_between(sums, rows).T, columns).T
    cells = np.diff(np.diff(at, axis=0), axis=1) * (81 / gray.size)
    across = np.diff(cells[:8], axis=1) > 1
    down = np.diff(cells[:, :8], axis=0) > 1
    return np.packbits(np.concatenate([across.ravel(), down.ravel()]))


def _between(table: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lines of a table at places that need not be whole."""
    low = np.minimum(places.astype(np.int64), len(table) - 2)
    part = (places - low)[:, None]
    return np.asarray(table[low] * (1 - part) + table[low + 1] * part)


def fold(hashes: Bits, limit: int = DUPLICATE) -> I8:
    """Which earlier picture each (n, 16) duplicates (n,); its own number where it is the first."""
    first: list[int] = []
    home = np.arange(len(hashes), dtype=np.int64)
    for i, bits in enumerate(hashes):
        if first:
            distance = np.bitwise_count(hashes[first] ^ bits).sum(axis=1)
            nearest = int(np.argmin(distance))
            if distance[nearest] <= limit:
                home[i] = first[nearest]
                continue
        first.append(i)
    return home


def fingerprint_crop(crop: bytes) -> Bits:
    """Perceptual hash (16,) of a JPEG crop.

    Raises PIL's ``UnidentifiedImageError`` (an ``OSError``) for what is no picture.
    """
    from PIL import Image

    with Image.open(io.BytesIO(crop)) as picture:
        return fingerprint(np.asarray(picture.convert("L"), np.float32))


def fold_crops(crops: Sequence[bytes]) -> I8:
    """Which earlier JPEG crop each (n,) duplicates; itself where none, or where it is empty."""
    home = np.arange(len(crops), dtype=np.int64)
    seen = np.array([i for i, crop in enumerate(crops) if crop], np.int64)
    if len(seen):
        home[seen] = seen[fold(np.stack([fingerprint_crop(crops[i]) for i in seen.tolist()]))]
    return home


# --- grouping ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Groups:
    """What the batch grouping found."""

    label: I8
    """(n,) cluster 0..K-1 of each sample, the largest first; -1 for noise."""
    significance: F4
    """(n,) how typical each sample is of its cluster, 0 for noise."""

    @property
    def count(self) -> int:
        """K"""
        return int(self.label.max(initial=-1)) + 1

    def exemplars(self, most: int = 1) -> list[I8]:
        """The most typical samples of each cluster, best first."""
        order = np.argsort(-self.significance, kind="stable")
        return [order[self.label[order] == k][:most] for k in range(self.count)]


def group(vectors: F4, track: I8, apart: I8, score: F4, keep: float = 1.0) -> Groups:
    """Group samples as CAST does.

    ``vectors`` (n, d) unit rows, ``track`` (n,) whose they are, ``apart`` (P, 2) tracks seen side
    by side, ``score`` (n,) of the detector. ``keep`` is the share of the clustered samples to
    keep, largest clusters first.
    """
    distance = _distances(vectors, track, apart)
    label = _search(distance)
    label = _regroup_noise(distance, label)
    label = _merge_near(distance, label)
    label = _significant(vectors, score, label)
    label = _largest(label, keep)
    significance = np.zeros(len(label), np.float32)
    for k in range(int(label.max(initial=-1)) + 1):
        mine = label == k
        significance[mine] = _typical(vectors[mine], score[mine])
    return Groups(label, significance)


def of_tracks(label: I8, track: I8) -> tuple[I8, I8]:
    """Tracks (T,) and the cluster (T,) that most of each one's samples fell into; noise last."""
    tracks, member = np.unique(track, return_inverse=True)
    votes = np.zeros((len(tracks), int(label.max(initial=-1)) + 2), np.int64)
    np.add.at(votes, (member, label), 1)  # -1 is the last column
    votes[:, :-1] *= len(label) + 1  # any cluster beats noise
    best = np.argmax(votes, axis=1)
    return tracks, np.where(best == votes.shape[1] - 1, -1, best).astype(np.int64)


def _distances(vectors: F4, track: I8, apart: I8) -> NDArray[np.float64]:
    """Cosine distances (n, n); samples of tracks seen side by side are at least 1 apart."""
    distance = np.clip(1 - vectors.astype(np.float64) @ vectors.T.astype(np.float64), 0, 2)
    tracks, member = np.unique(track, return_inverse=True)
    beside = np.zeros((len(tracks), len(tracks)), bool)
    known = apart[np.isin(apart, tracks).all(axis=1)]
    one, other = np.searchsorted(tracks, known).T
    beside[one, other] = beside[other, one] = True
    np.fill_diagonal(beside, False)
    distance = np.where(beside[member][:, member], np.maximum(distance, 1), distance)
    np.fill_diagonal(distance, 0)
    return np.asarray(distance)


def _search(distance: NDArray[np.float64]) -> I8:
    """DBSCAN at the radius whose number of clusters is plausible and that separates best."""
    from sklearn.cluster import DBSCAN
    from sklearn.metrics import silhouette_score

    n = len(distance)
    best, top = np.full(n, -1, np.int64), -np.inf
    if n < 2 * NEIGHBOURS:
        return best
    most = min(max(15, n // 40), 60)
    least = max(5, most // 4)
    for radius in np.geomspace(0.005, 1.0, RADII):
        label = DBSCAN(eps=radius, min_samples=NEIGHBOURS, metric="precomputed").fit(distance)
        found = label.labels_.astype(np.int64)
        count, kept = int(found.max(initial=-1)) + 1, found >= 0
        if count < 2 or kept.sum() <= count:
            continue
        worth = float(
            silhouette_score(distance[np.ix_(kept, kept)], found[kept], metric="precomputed")
        )
        worth *= float(kept.mean())
        if not 0.8 * least <= count <= 1.2 * most:
            # As published, a radius with too few or too many is only taken for want of a better.
            worth -= 10 + abs(count - least)
        if worth > top:
            best, top = found, worth
    return best


def _regroup_noise(distance: NDArray[np.float64], label: I8) -> I8:
    """OPTICS over the noise; taken only where it finds at least two clusters."""
    from sklearn.cluster import OPTICS

    noise = np.flatnonzero(label < 0)
    if len(noise) < 2 * LEFTOVERS:
        return label
    optics = OPTICS(min_samples=LEFTOVERS, min_cluster_size=LEFTOVERS, metric="precomputed")
    with np.errstate(divide="ignore", invalid="ignore"):  # equal samples reach each other at 0
        found = optics.fit(distance[np.ix_(noise, noise)]).labels_
    if found.max() < 1:
        return label
    out = label.copy()
    out[noise] = np.where(found >= 0, found + label.max(initial=-1) + 1, -1)
    return out


def _merge_near(distance: NDArray[np.float64], label: I8) -> I8:
    """Merge clusters that are no further from each other than the looser one is wide."""
    out = label.copy()
    while True:
        numbers = np.unique(out[out >= 0])
        member = (out[None] == numbers[:, None]).astype(np.float64)
        size = member.sum(axis=1)
        total = member @ distance @ member.T
        own = np.diag(total) / np.maximum(size * (size - 1), 1)
        between = total / np.maximum(np.outer(size, size), 1)
        lead = np.maximum.outer(own, own) - between
        np.fill_diagonal(lead, -np.inf)
        if not lead.size or lead.max() < 0:
            return out
        one, other = np.unravel_index(np.argmax(lead), lead.shape)
        out[out == numbers[other]] = numbers[one]


def _typical(vectors: F4, score: F4) -> F4:
    """Significance (n,) of the samples of one cluster: near its median and surely detected."""
    away = np.linalg.norm(vectors - np.median(vectors, axis=0), axis=1)
    away = away / max(float(away.max()), 1e-9)
    return np.asarray(np.sqrt(score * np.exp(-((away / 1.5) ** 2))), np.float32)


def _significant(vectors: F4, score: F4, label: I8) -> I8:
    """Throw out insignificant clusters, and outliers of the others until there are none."""
    out = label.copy()
    for k in np.unique(label[label >= 0]):
        mine = np.flatnonzero(out == k)
        if np.median(_typical(vectors[mine], score[mine])) < SIGNIFICANCE:
            out[mine] = -1
            continue
        while len(mine) >= SMALLEST:
            typical = _typical(vectors[mine], score[mine])
            low, high = np.percentile(typical, (25, 75))
            stays = typical >= max(low - FENCE * (high - low), 0)
            if stays.all():
                break
            out[mine[~stays]] = -1
            mine = mine[stays]
        if len(mine) < SMALLEST:
            out[mine] = -1
    return out


def _largest(label: I8, keep: float) -> I8:
    """Number the clusters by size, and drop the smallest ones beyond the share to keep."""
    numbers, size = np.unique(label[label >= 0], return_counts=True)
    order = np.argsort(-size, kind="stable")
    before = np.cumsum(size[order]) - size[order]
    out = np.full(len(label), -1, np.int64)
    for place, number in enumerate(numbers[order]):
        if before[place] < keep * size.sum():
            out[label == number] = place
    return out
