"""HOTA, IDF1 and MOTA by the ``trackeval`` package (Luiten et al., IJCV 2021)."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from caststream.evaluation.labels import FoundFrame
from caststream.evaluation.truth import TruthFrame


def track_scores(
    pairs: Sequence[tuple[TruthFrame, FoundFrame]], floor: float = 0.0
) -> tuple[float, float, float, float]:
    """HOTA, AssA, IDF1, MOTA over frames in order.

    Found boxes without a track, under ``floor``, or on ignored true boxes are left out.
    Raises ``ModuleNotFoundError`` without the ``eval`` extra.
    """
    from caststream.evaluation.scores import match_boxes

    sequence = _Sequence()
    for truth, found in pairs:
        _, skipped = match_boxes(truth.boxes, found.boxes, found.scores, truth.ignore)
        keep = [
            i
            for i, t in enumerate(found.tracks)
            if t is not None and t >= 0 and i not in skipped and found.scores[i] >= floor
        ]
        real = np.flatnonzero(~truth.ignore)
        sequence.add(
            [truth.tracks[i] for i in real],
            [found.tracks[i] for i in keep],
            truth.boxes[real],
            found.boxes[keep],
        )
    return evaluate(sequence.data())


class _Sequence:
    """Collects frames in the form that trackeval's metrics take."""

    def __init__(self) -> None:
        self._truth: dict[Any, int] = {}
        self._found: dict[Any, int] = {}
        self._lists: dict[str, list[np.ndarray]] = {
            "gt_ids": [],
            "tracker_ids": [],
            "similarity_scores": [],
        }

    def add(self, truth: list[Any], found: list[Any], boxes: Any, found_boxes: Any) -> None:
        from caststream.evaluation.scores import iou

        for name, ids, known in (
            ("gt_ids", truth, self._truth),
            ("tracker_ids", found, self._found),
        ):
            numbers = [known.setdefault(i, len(known)) for i in ids]
            self._lists[name].append(np.array(numbers, int))
        self._lists["similarity_scores"].append(iou(boxes, found_boxes))

    def data(self) -> dict[str, Any]:
        return {
            **self._lists,
            "num_timesteps": len(self._lists["gt_ids"]),
            "num_gt_ids": len(self._truth),
            "num_tracker_ids": len(self._found),
            "num_gt_dets": sum(map(len, self._lists["gt_ids"])),
            "num_tracker_dets": sum(map(len, self._lists["tracker_ids"])),
        }


def evaluate(data: dict[str, Any]) -> tuple[float, float, float, float]:
    """HOTA, AssA, IDF1, MOTA of one sequence in trackeval's in-memory form."""
    with contextlib.redirect_stdout(io.StringIO()):  # its metrics print their settings
        from trackeval.metrics import CLEAR, HOTA, Identity

        hota = HOTA().eval_sequence(data)
        identity = Identity({"PRINT_CONFIG": False}).eval_sequence(data)
        clear = CLEAR({"PRINT_CONFIG": False}).eval_sequence(data)
    return (
        float(np.mean(hota["HOTA"])),
        float(np.mean(hota["AssA"])),
        float(identity["IDF1"]),
        float(clear["MOTA"]),
    )
