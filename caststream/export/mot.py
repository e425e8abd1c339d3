"""Tracks in the form of MOTChallenge (https://arxiv.org/abs/1603.00831, section 3), one a film.

    OUT/FILM/gt/gt.txt       frame, track, left, top, width, height, 1, class, visibility
    OUT/FILM/seqinfo.ini
    OUT/FILM/tracks.csv      track -> who it is: this form has no room for names
    OUT/seqmaps/caststream.txt

Frames and tracks count from 1, as the form wants it: a frame of the store plus one, a track of the
store plus one. Only analysed frames have lines: no box is made up between them.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TextIO

from caststream.export.view import Appearance, FilmView, StoreView

PEDESTRIAN = 1
"""The class that evaluation of this form counts; every character goes by it."""


def write(view: StoreView, folder: Path) -> None:
    """Write a sequence a film below ``folder``."""
    names = view.stems
    for film, name in zip(view.films, names, strict=True):
        _write_film(film, name, folder / name)
    (folder / "seqmaps").mkdir(exist_ok=True)  # a film may be called so
    (folder / "seqmaps" / "caststream.txt").write_text(
        "\n".join(["name", *names]) + "\n", encoding="utf-8"
    )


def _write_film(film: FilmView, name: str, folder: Path) -> None:
    (folder / "gt").mkdir(parents=True)
    found = [one for shot in film.shots() for one in shot.appearances]
    lines = sorted(
        (frame + 1, one.track + 1, *box)
        for one in found
        for frame, box in zip(one.frame.tolist(), one.box.tolist(), strict=True)
    )
    with (folder / "gt" / "gt.txt").open("w", encoding="ascii") as out:
        out.writelines(
            f"{frame},{track},{x0:.2f},{y0:.2f},{x1 - x0:.2f},{y1 - y0:.2f},1,{PEDESTRIAN},1\n"
            for frame, track, x0, y0, x1, y1 in lines
        )
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={name}\nimDir=img1\nframeRate={film.rate:g}\n"
        f"seqLength={film.frames}\nimWidth={film.width}\nimHeight={film.height}\nimExt=.jpg\n",
        encoding="utf-8",
    )
    with (folder / "tracks.csv").open("w", encoding="utf-8", newline="") as out:
        _write_map(found, out)


def _write_map(found: list[Appearance], out: TextIO) -> None:
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("track", "store_track", "shot", "character", "name", "confidence"))
    for one in found:
        table.writerow(
            (one.track + 1, one.track, one.shot, one.id, one.name, round(one.confidence, 3))
        )
