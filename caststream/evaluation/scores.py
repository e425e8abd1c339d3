"""How well labels agree with the truth: detection, identity, tracking.

Detection is matched at IoU 0.5, one to one, best score first; average precision is the area under
the precision envelope (Everingham et al., *The PASCAL VOC Challenge*, 2010). Identity is B-cubed
(Bagga and Baldwin, 1998; Amigó et al., 2009) over matched boxes of named characters.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from caststream.evaluation.boundaries import match_boundaries
from caststream.evaluation.labels import Found, FoundFrame
from caststream.evaluation.truth import NAMELESS, Truth, TruthFrame
from caststream.messages import F4

IOU = 0.5
OPERATING = 0.4
"""Detector score at which precision and recall are given."""
REACH_SECONDS = 0.3
"""A truth frame that was not analysed is judged along the tracks of frames this near."""


def iou(one: F4, other: F4) -> F4:
    """Intersection over union of (N, 4) and (M, 4) xyxy boxes: (N, M)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    inter = np.prod(np.clip(high - low, 0, None), axis=2)
    area = [np.prod(np.clip(b[:, 2:] - b[:, :2], 0, None), axis=1) for b in (one, other)]
    return np.asarray(inter / np.maximum(area[0][:, None] + area[1][None] - inter, 1e-9))


def match_boxes(truth: F4, found: F4, scores: F4, ignore: np.ndarray) -> tuple[list[int], set[int]]:
    """Match found boxes (M, 4) to true ones (N, 4), best score first.

    Returns the true box of each found one, or -1 (M), and the found ones that fell on ignored
    boxes and do not count.
    """
    overlap = iou(found, truth)
    home = [-1] * len(found)
    skipped: set[int] = set()
    taken: set[int] = set()
    for i in np.argsort(-scores, kind="stable"):
        free = [j for j in range(len(truth)) if not ignore[j] and j not in taken]
        best = max(free, key=lambda j: overlap[i, j], default=-1)
        if best >= 0 and overlap[i, best] >= IOU:
            home[int(i)] = best
            taken.add(best)
        elif len(truth) and (overlap[i] * ignore).max() >= IOU:
            skipped.add(int(i))
    return home, skipped


def average_precision(scores: Sequence[float], hits: Sequence[bool], positives: int) -> float:
    """Area under the precision envelope; NaN-free: 0 where nothing was to be found."""
    if not positives or not len(scores):
        return 0.0
    order = np.argsort(-np.asarray(scores), kind="stable")
    hit = np.asarray(hits, float)[order]
    found = np.cumsum(hit)
    precision = found / np.arange(1, len(hit) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(envelope * hit) / positives)


def b_cubed(truth: Sequence[str], found: Sequence[str | None]) -> tuple[float, float, float]:
    """Precision, recall, F1 over items; an item that was found as nobody is alone."""
    if not truth:
        return 0.0, 0.0, 0.0
    labels = [f if f is not None else f"\0{i}" for i, f in enumerate(found)]
    sizes_t, sizes_f = Counter(truth), Counter(labels)
    both = Counter(zip(truth, labels, strict=True))
    pairs = list(zip(truth, labels, strict=True))
    precision = sum(both[p] / sizes_f[p[1]] for p in pairs) / len(pairs)
    recall = sum(both[p] / sizes_t[p[0]] for p in pairs) / len(pairs)
    return precision, recall, 2 * precision * recall / (precision + recall)


@dataclass(frozen=True, slots=True)
class Scores:
    """What ``caststream eval`` prints; None where the truth says nothing of it."""

    clip: str
    frames: int
    boundary_precision: float | None
    boundary_recall: float | None
    boundary_f1: float | None
    ap50: float | None
    precision: float | None
    recall: float | None
    b_cubed_precision: float | None
    b_cubed_recall: float | None
    b_cubed_f1: float | None
    named: float | None
    clicks: int | None
    hota: float | None = None
    ass_a: float | None = None
    idf1: float | None = None
    mota: float | None = None

    def as_dict(self) -> dict[str, object]:
        """The figures by name."""
        return asdict(self)


def score(truth: Truth, found: Found, tracking: bool = True) -> Scores:
    """Score a label stream; ``tracking`` adds HOTA, IDF1 and MOTA where the truth has tracks.

    Raises ``ModuleNotFoundError`` where tracking is wanted and ``trackeval`` is not installed.
    """
    boundary: tuple[float | None, float | None, float | None] = (None, None, None)
    if truth.boundaries is not None:
        counts = match_boundaries(found.boundaries, truth.boundaries, truth.ambiguous)
        boundary = counts.precision, counts.recall, counts.f1
    reach = max(1, round(REACH_SECONDS * truth.fps))
    pairs = [(frame, found.at(frame.frame, reach)) for frame in truth.frames]
    detection = _detection(pairs)
    identity = _identity(pairs)
    tracks: tuple[float | None, float | None, float | None, float | None] = (None,) * 4
    if tracking and truth.tracked and pairs:
        from caststream.evaluation.tracking import track_scores

        tracks = track_scores([(t, f) for t, f in pairs if t.frame in found.frames])
    return Scores(
        clip=truth.clip,
        frames=len(pairs),
        boundary_precision=boundary[0],
        boundary_recall=boundary[1],
        boundary_f1=boundary[2],
        ap50=detection[0],
        precision=detection[1],
        recall=detection[2],
        b_cubed_precision=identity[0],
        b_cubed_recall=identity[1],
        b_cubed_f1=identity[2],
        named=identity[3],
        clicks=identity[4],
        hota=tracks[0],
        ass_a=tracks[1],
        idf1=tracks[2],
        mota=tracks[3],
    )


def _detection(
    pairs: Sequence[tuple[TruthFrame, FoundFrame]],
) -> tuple[float | None, float | None, float | None]:
    scores: list[float] = []
    hits: list[bool] = []
    positives = 0
    for truth, found in pairs:
        home, skipped = match_boxes(truth.boxes, found.boxes, found.scores, truth.ignore)
        positives += int((~truth.ignore).sum())
        for i, place in enumerate(home):
            if i not in skipped:
                scores.append(float(found.scores[i]))
                hits.append(place >= 0)
    if not positives:
        return None, None, None
    kept = [h for s, h in zip(scores, hits, strict=True) if s >= OPERATING]
    precision = sum(kept) / len(kept) if kept else 0.0
    return average_precision(scores, hits, positives), precision, sum(kept) / positives


def _identity(
    pairs: Sequence[tuple[TruthFrame, FoundFrame]],
) -> tuple[float | None, float | None, float | None, float | None, int | None]:
    names: list[str] = []
    labels: list[str | None] = []
    holds: dict[str, Counter[str]] = defaultdict(Counter)
    total = 0
    for truth, found in pairs:
        home, _ = match_boxes(truth.boxes, found.boxes, found.scores, truth.ignore)
        real = [n not in NAMELESS for n in truth.characters]
        total += sum(r and not i for r, i in zip(real, truth.ignore, strict=True))
        for i, place in enumerate(home):
            if place < 0:
                continue
            character = found.characters[i]
            if character is not None:
                holds[character][truth.characters[place]] += 1
            if real[place]:
                names.append(truth.characters[place])
                labels.append(character)
    if not total:
        return None, None, None, None, None
    majority = {c: max(sorted(h), key=lambda n: h[n]) for c, h in holds.items()}
    right = sum(c is not None and majority[c] == n for n, c in zip(names, labels, strict=True))
    clicks = sum(n not in NAMELESS for n in majority.values())
    return (*b_cubed(names, labels), right / total, clicks)
