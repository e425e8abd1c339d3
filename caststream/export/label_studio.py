"""Tracks as pre-annotations of Label Studio's video object tracking, one task a film.

https://labelstud.io/templates/video_object_detector. Places are in percent of the picture, frames
count from 1. The project needs this labelling interface, with a Label for every title::

    <View>
      <Labels name="label" toName="video"><Label value="Bunny"/></Labels>
      <Video name="video" value="$video" framerate="24"/>
      <VideoRectangle name="box" toName="video"/>
    </View>
"""

from __future__ import annotations

import json
from typing import Any, TextIO

from caststream.export.view import UNKNOWN, Appearance, FilmView, StoreView


def write(view: StoreView, out: TextIO) -> None:
    """Write a list of tasks; ``data.video`` is the film as it was given."""
    json.dump([_task(film) for film in view.films], out, ensure_ascii=False, allow_nan=False)
    out.write("\n")


def _task(film: FilmView) -> dict[str, Any]:
    found = [one for shot in film.shots() for one in shot.appearances if len(one.frame)]
    total = sum(len(one.frame) for one in found)
    score = sum(one.score * len(one.frame) for one in found) / total if total else 0.0
    return {
        "id": film.id,
        "data": {"video": film.uri},
        "predictions": [
            {
                "model_version": "caststream",
                "score": round(score, 3),
                "result": [_region(film, one) for one in found],
            }
        ],
    }


def _region(film: FilmView, one: Appearance) -> dict[str, Any]:
    sequence = [
        {
            "frame": frame + 1,
            "enabled": True,
            "rotation": 0,
            "x": round(100 * x0 / film.width, 3),
            "y": round(100 * y0 / film.height, 3),
            "width": round(100 * (x1 - x0) / film.width, 3),
            "height": round(100 * (y1 - y0) / film.height, 3),
            "time": round(time, 3),
        }
        for frame, time, (x0, y0, x1, y1) in zip(
            one.frame.tolist(), one.time.tolist(), one.box.tolist(), strict=True
        )
    ]
    # From a line with this switched off on, nothing is drawn: the track ends there.
    sequence[-1]["enabled"] = False
    if len(sequence) == 1:
        sequence = [{**sequence[0], "enabled": True}, {**sequence[0], "frame": one.end_frame + 1}]
    return {
        "id": f"{film.id}-{one.track}",
        "type": "videorectangle",
        "from_name": "box",
        "to_name": "video",
        "score": round(one.score, 3),
        "value": {
            "framesCount": film.frames,
            "duration": round(film.seconds, 3),
            "sequence": sequence,
            "labels": [one.title or UNKNOWN],
        },
        "meta": {"text": [f"track {one.track}", f"confidence {one.confidence:.3f}"]},
    }
