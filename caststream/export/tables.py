"""Every box as one line of a table: CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any, TextIO

from caststream.export.view import Appearance, FilmView, StoreView

COLUMNS: dict[str, str] = {
    "source": "int64",
    "uri": "string",
    "shot": "int64",
    "frame": "int64",
    "time": "float64",
    "track": "int64",
    "character": "string",
    "name": "string",
    "confidence": "float32",
    "x": "float32",
    "y": "float32",
    "width": "float32",
    "height": "float32",
    "score": "float32",
}
"""Column -> its type as Arrow calls it; ``character`` and ``name`` may be missing."""


def tracks(view: StoreView) -> Iterator[tuple[FilmView, Appearance]]:
    """Every track of every film, in the order of their shots."""
    for film in view.films:
        for shot in film.shots():
            for appearance in shot.appearances:
                yield film, appearance


def columns(film: FilmView, one: Appearance) -> dict[str, list[Any]]:
    """The lines of a track, by column."""
    count = len(one.frame)
    x0, y0, x1, y1 = one.box.astype(float).T.round(1).tolist()
    return {
        "source": [film.id] * count,
        "uri": [film.uri] * count,
        "shot": [one.shot] * count,
        "frame": one.frame.tolist(),
        "time": one.time.round(3).tolist(),
        "track": [one.track] * count,
        "character": [one.id] * count,
        "name": [one.name] * count,
        "confidence": [round(one.confidence, 3)] * count,
        "x": x0,
        "y": y0,
        "width": [round(b - a, 1) for a, b in zip(x0, x1, strict=True)],
        "height": [round(b - a, 1) for a, b in zip(y0, y1, strict=True)],
        "score": one.box_score.astype(float).round(3).tolist(),
    }


def write_csv(view: StoreView, out: TextIO) -> None:
    """Write RFC 4180 lines with a head; what is not known is empty."""
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for film, one in tracks(view):
        table.writerows(zip(*columns(film, one).values(), strict=True))
