"""Who is on screen, as a WebVTT metadata track (https://www.w3.org/TR/webvtt1/).

A web page takes it up with ``<track kind="metadata">``; each cue is one JSON object.
"""

from __future__ import annotations

import json
from typing import TextIO

from caststream.export.presence import cues
from caststream.export.view import FilmView


def write(film: FilmView, out: TextIO) -> None:
    """Write a cue for every piece of a shot in which the same characters are on screen."""
    out.write(f"WEBVTT - {film.stem.replace('-->', '→')}\n")
    for number, cue in enumerate(cues(film), 1):
        said = {
            "shot": cue.shot,
            "characters": [
                {
                    "character": f"c{span.character}",
                    "name": span.title,
                    "confidence": round(span.confidence, 3),
                }
                for span in cue.spans
            ],
        }
        # "-->" would end a cue's text.
        text = json.dumps(said, ensure_ascii=False).replace(">", "\\u003e")
        out.write(f"\n{number}\n{clock(cue.start)} --> {clock(cue.end)}\n{text}\n")


def clock(seconds: float) -> str:
    """``3725.5`` -> ``01:02:05.500``."""
    thousandths = round(seconds * 1000)
    return (
        f"{thousandths // 3_600_000:02}:{thousandths // 60_000 % 60:02}"
        f":{thousandths // 1000 % 60:02}.{thousandths % 1000:03}"
    )
