"""The records of the label stream ``caststream/1``: one function a type, and how they are written.

Boxes go out as ``[x, y, width, height]`` in pixels, clipped to the picture. Times have 3 decimals,
boxes 1, scores 3; what is not a finite number is ``null``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from caststream.messages import (
    F4,
    I8,
    CharacterSummary,
    Dictionary,
    Gap,
    Shot,
    StreamEnd,
    StreamStart,
    Track,
    Tuned,
    character_text,
)

SCHEMA = "caststream/1"

Record = dict[str, Any]


def dumps(record: Record) -> str:
    """One line of the label stream, without its end; ValueError for numbers that are not finite."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def stream_record(
    start: StreamStart,
    *,
    source: int,
    graph: str,
    store: str | None,
    models: Mapping[str, str],
    started: str,
) -> Record:
    """The first record of a source; ``started`` is UTC, ISO 8601."""
    return {
        "type": "stream",
        "schema": SCHEMA,
        "source": source,
        "uri": start.uri,
        "width": start.width,
        "height": start.height,
        "fps": _number(start.fps),
        "graph": graph,
        "store": store,
        "models": dict(models),
        "started": started,
    }


def frame_record(
    frame: int,
    time: float,
    shot: int,
    boxes: F4,
    scores: F4,
    tracks: I8,
    characters: Sequence[int | None],
    names: Sequence[str | None],
    confidence: F4,
    *,
    width: int,
    height: int,
) -> Record:
    """One analysed frame: ``boxes`` (N, 4) xyxy, the rest (N,); track -1 goes out as null."""
    columns = zip(
        tracks.tolist(),
        xywh(boxes, width, height),
        scores.tolist(),
        characters,
        names,
        confidence.tolist(),
        strict=True,
    )
    return {
        "type": "frame",
        "frame": frame,
        "time": _number(time),
        "shot": shot,
        "boxes": [
            {
                "track": None if track < 0 else track,
                "box": box,
                "score": _number(score),
                "character": character_text(character),
                "name": name,
                "confidence": _number(sure),
            }
            for track, box, score, character, name, sure in columns
        ],
    }


def shot_record(shot: Shot) -> Record:
    """A shot that has ended."""
    return {
        "type": "shot",
        "shot": shot.index,
        "start_frame": shot.start_frame,
        "end_frame": shot.end_frame,
        "start": _number(shot.start),
        "end": _number(shot.end),
        "transition": shot.transition,
        "score": _number(shot.score),
    }


def track_record(
    track: Track, character: int | None, name: str | None, confidence: float
) -> Record:
    """A track after refinement; ``online`` lists the ids that it had in ``frame`` records."""
    return {
        "type": "track",
        "track": track.id,
        "shot": track.shot,
        "start_frame": track.start_frame,
        "end_frame": track.end_frame,
        "boxes": track.boxes,
        "character": character_text(character),
        "name": name,
        "confidence": _number(confidence),
        "exemplar": track.exemplar,
        "online": list(track.online),
    }


def dictionary_record(dictionary: Dictionary) -> Record:
    """The dictionary after a reclustering."""
    return {
        "type": "dictionary",
        "revision": dictionary.revision,
        "characters": [_character(summary) for summary in dictionary.characters],
        "relabelled": [
            {"track": track, "from": character_text(old), "to": character_text(new)}
            for track, old, new in dictionary.relabelled
        ],
        "merged": [
            {"from": character_text(old), "to": character_text(new)}
            for old, new in dictionary.merged
        ],
    }


def _character(summary: CharacterSummary) -> Record:
    return {
        "character": character_text(summary.id),
        "name": summary.name,
        "tracks": summary.tracks,
        "seconds": _number(summary.seconds),
        "first_time": _number(summary.first_time),
    }


def tuned_record(tuned: Tuned) -> Record:
    """A fine-tuning that went live."""
    return {
        "type": "tuned",
        "model": tuned.model,
        "triplets": tuned.triplets,
        "loss": _number(tuned.loss, 4),
        "margin_satisfied": {
            "before": _number(tuned.margin_before),
            "after": _number(tuned.margin_after),
        },
    }


def gap_record(gap: Gap) -> Record:
    """Where the input broke off or jumped."""
    return {
        "type": "gap",
        "reason": gap.reason,
        "from": _number(gap.start),
        "to": _number(gap.end),
        "frames": gap.frames,
    }


def end_record(
    end: StreamEnd, *, analysed: int, shots: int, tracks: int, characters: int, elapsed: float
) -> Record:
    """The last record of a source; counts are of this source, ``elapsed`` in seconds of a clock."""
    return {
        "type": "end",
        "frames": end.frames,
        "analysed": analysed,
        "seconds": _number(end.seconds),
        "shots": shots,
        "tracks": tracks,
        "characters": characters,
        "elapsed": _number(elapsed),
        "reason": end.reason,
    }


def xywh(boxes: F4, width: int, height: int) -> list[list[float]]:
    """Boxes (N, 4) xyxy as ``[x, y, width, height]``, clipped to the picture, one decimal.

    Corners are rounded before sides are taken, so that a side never reaches past the picture.
    """
    limits = np.array([width, height, width, height], np.float64)
    finite = np.nan_to_num(boxes.astype(np.float64), nan=0.0)
    corners = np.round(np.clip(finite, 0.0, limits), 1)
    sides = np.round(np.maximum(corners[:, 2:] - corners[:, :2], 0.0), 1)
    lists: list[list[float]] = np.hstack([corners[:, :2], sides]).tolist()
    return lists


def _number(value: float | None, digits: int = 3) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), digits)
