"""What a running stream shows to somebody who looks on from another process."""

from __future__ import annotations

import base64
import io
from typing import Any

from caststream.messages import Labelled
from caststream.records import xywh
from caststream.vitals import Vitals

WIDTH = 960
"""Pixels of a picture's width at most."""


def look(vitals: Vitals, known: Any = None) -> dict[str, Any]:
    """The running statistics, and under ``looks`` the newest labelled picture of each source.

    A picture is only made when it is asked for, and left out where ``known`` (number of the
    source, as text -> number of a frame) says that the asker has it: nobody looking costs nothing.
    """
    had = known if isinstance(known, dict) else {}
    looks = {}
    for source in vitals.sources:
        newest = source.newest
        if isinstance(newest, Labelled) and source.id is not None:
            looks[str(source.id)] = _seen(newest, had.get(str(source.id)))
    return {**vitals.snapshot(), "looks": looks}


def _seen(labelled: Labelled, known: Any) -> dict[str, Any]:
    detections = labelled.tracked.embedded.detections
    shown = detections.source.frame
    picture = shown.picture
    columns = (
        xywh(detections.boxes, picture.width, picture.height),
        labelled.characters,
        labelled.names,
        labelled.confidence.tolist(),
    )
    return {
        "frame": shown.index,
        "time": round(shown.time, 3),
        "shot": detections.source.shot,
        "width": picture.width,
        "height": picture.height,
        "boxes": [
            {"box": box, "character": character, "name": name, "confidence": round(sure, 3)}
            for box, character, name, sure in zip(*columns, strict=True)
        ],
        "jpeg": None if known == shown.index else _jpeg(labelled),
    }


def _jpeg(labelled: Labelled) -> str:
    from PIL import Image

    picture = labelled.tracked.embedded.detections.source.frame.picture
    scale = min(1.0, WIDTH / picture.width)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    out = io.BytesIO()
    Image.fromarray(picture.resized(*size)).save(out, "JPEG", quality=80)
    return base64.b64encode(out.getvalue()).decode("ascii")
