"""MOT-format sequences in, HOTA and its kin out: what `bench_tracking` measures with."""

from __future__ import annotations

import configparser
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from caststream.vision.boxes import iou

Array = NDArray[np.float64]
Output = tuple[list[Array], list[NDArray[np.int64]]]
"""What a tracker puts out: boxes (N, 4) and ids (N,) of each frame."""
SCORED, DISTRACTOR, IGNORED = 1, 2, 3


@dataclass(frozen=True)
class Sequence:
    """One sequence: detections and truth by frame, frames from 0, boxes ``xyxy``."""

    name: str
    fps: float
    width: int
    height: int
    detections: list[Array]
    """A frame: (N, 5) box and score."""
    truth: list[Array]
    """A frame: (M, 6) box, id, class."""
    vectors: list[NDArray[np.float32]] | None = None
    cuts: tuple[int, ...] = ()
    """First frames of new shots."""
    clock: Array | None = None
    """Seconds of each frame, None where they are even."""
    names: list[list[str]] | None = None
    """Characters of the truth's boxes."""
    pictures: list[NDArray[np.uint8]] | None = None
    """A frame: the small picture (27, 48, 3) that `shots` looked at."""
    blends: NDArray[np.bool_] | None = None
    """A frame: whether it lies inside a transition."""

    @property
    def times(self) -> Array:
        """Seconds of each frame."""
        return np.arange(len(self.detections)) / self.fps if self.clock is None else self.clock

    def stride(self, rate: float) -> int:
        """How many frames apart those of ``rate`` frames a second are, about."""
        return max(1, round(self.fps / rate))

    def thinned(self, stride: int, first: int = 0, backwards: bool = False) -> Sequence:
        """Each ``stride``-th frame from ``first`` on, backwards if so wanted.

        Boxes and scores alone: no looks, no cuts.
        """
        way = slice(None, None, -1) if backwards else slice(None)
        return Sequence(
            self.name, self.fps / stride, self.width, self.height,
            self.detections[way][first::stride], self.truth[way][first::stride],
        )  # fmt: skip

    def at(self, rate: float) -> Sequence:
        """The sequence at about ``rate`` frames a second."""
        return self.thinned(self.stride(rate))

    def takes(self, rate: float) -> list[Sequence]:
        """All sequences of about ``rate`` frames a second in it, forwards and backwards."""
        stride = self.stride(rate)
        return [self.thinned(stride, k, way) for way in (False, True) for k in range(stride)]


def load(folder: Path) -> Sequence:
    """Read ``det.txt``, ``gt.txt`` and ``seqinfo.ini`` of one folder."""
    ini = configparser.ConfigParser()
    ini.read(folder / "seqinfo.ini")
    info = ini["Sequence"]
    length = int(info["seqLength"])
    found = np.loadtxt(folder / "det.txt", delimiter=",", ndmin=2)
    true = np.loadtxt(folder / "gt.txt", delimiter=",", ndmin=2)
    for rows in (found, true):
        rows[:, 4:6] += rows[:, 2:4]
    return Sequence(
        folder.name, float(info["frameRate"]), int(info["imWidth"]), int(info["imHeight"]),
        [found[found[:, 0] == k + 1][:, [2, 3, 4, 5, 6]] for k in range(length)],
        [true[true[:, 0] == k + 1][:, [2, 3, 4, 5, 1, 7]] for k in range(length)],
    )  # fmt: skip


def _without_ignored(truth: Array, boxes: Array) -> NDArray[np.bool_]:
    # Which output boxes count: none that sits on a distractor or, unmatched, in an ignored region.
    keep = np.ones(len(boxes), bool)
    real = truth[truth[:, 5] != IGNORED]
    if len(boxes) == 0:
        return keep
    alike = iou(real[:, :4], boxes)
    alike[alike < 0.5] = 0
    row, col = linear_sum_assignment(-alike)
    hit = alike[row, col] > 0
    row, col = row[hit], col[hit]
    keep[col[real[row, 5] == DISTRACTOR]] = False
    single = np.setdiff1d(np.arange(len(boxes)), col)
    for x1, y1, x2, y2 in truth[truth[:, 5] == IGNORED][:, :4]:
        b = boxes[single]
        w = np.minimum(b[:, 2], x2) - np.maximum(b[:, 0], x1)
        h = np.minimum(b[:, 3], y2) - np.maximum(b[:, 1], y1)
        inside = np.maximum(w, 0) * np.maximum(h, 0)
        area = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
        keep[single[inside > 0.5 * area]] = False
    return keep


def scoring_data(sequence: Sequence, boxes: list[Array], ids: list[NDArray[np.int64]]) -> dict:
    """What TrackEval's metrics want of one sequence."""
    truths, outs, alike, g_ids, t_ids = [], [], [], [], []
    for truth, b, i in zip(sequence.truth, boxes, ids, strict=True):
        keep = _without_ignored(truth, b)
        truths.append(truth[truth[:, 5] == SCORED])
        outs.append((b[keep], i[keep]))
    names_g = {v: k for k, v in enumerate(sorted({int(x) for t in truths for x in t[:, 4]}))}
    names_t = {v: k for k, v in enumerate(sorted({int(x) for _, i in outs for x in i}))}
    for truth, (b, i) in zip(truths, outs, strict=True):
        g_ids.append(np.array([names_g[int(x)] for x in truth[:, 4]], int))
        t_ids.append(np.array([names_t[int(x)] for x in i], int))
        alike.append(iou(truth[:, :4], b).astype(np.float64))
    return {
        "num_timesteps": len(truths),
        "num_gt_ids": len(names_g),
        "num_tracker_ids": len(names_t),
        "num_gt_dets": sum(map(len, g_ids)),
        "num_tracker_dets": sum(map(len, t_ids)),
        "gt_ids": g_ids,
        "tracker_ids": t_ids,
        "similarity_scores": alike,
    }


def scores(data: Iterable[dict], only_hota: bool = False) -> dict[str, float]:
    """HOTA, DetA, AssA, IDF1 and MOTA in percent over all sequences together."""
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()):
        from trackeval.metrics import CLEAR, HOTA, Identity

        metrics = [HOTA()]
        if not only_hota:
            metrics += [CLEAR({"PRINT_CONFIG": False}), Identity({"PRINT_CONFIG": False})]
        data = list(data)
        results = [
            m.combine_sequences({str(k): m.eval_sequence(d) for k, d in enumerate(data)})
            for m in metrics
        ]
    out = {k: 100 * float(np.mean(results[0][k])) for k in ("HOTA", "DetA", "AssA")}
    if not only_hota:
        out |= {"IDF1": 100 * float(results[2]["IDF1"]), "MOTA": 100 * float(results[1]["MOTA"])}
    return out


def carried(sequence: Sequence, ids: list[NDArray[np.int64]]) -> tuple[int, int]:
    """Cuts over which some id lives on, and all cuts."""
    over = 0
    for cut in sequence.cuts:
        before = {int(x) for i in ids[max(0, cut - 12) : cut] for x in i}
        after = {int(x) for i in ids[cut : cut + 12] for x in i}
        over += bool(before & after)
    return over, len(sequence.cuts)
