"""A collage a character: what went into its cluster, surest and most typical pictures first.

OUT/c7.jpg
"""

from __future__ import annotations

import io
from collections import defaultdict
from pathlib import Path

from PIL import Image, ImageDraw, UnidentifiedImageError

from caststream.export.view import Appearance, StoreView

MOST = 40
"""Tracks a collage, one picture each."""
SIDE = 128
"""Pixels of a picture's side."""
ACROSS = 8
HEAD = 24
"""Height of the line of text over the pictures."""


def write(view: StoreView, folder: Path) -> None:
    """Write one sheet a character; those without a picture in the store get none."""
    found: dict[int, list[Appearance]] = defaultdict(list)
    for film in view.films:
        for shot in film.shots():
            for one in shot.appearances:
                if one.character is not None:
                    found[one.character].append(one)
    titles = view.titles
    for character, tracks in sorted(found.items()):
        tracks.sort(key=lambda t: -(t.confidence + t.score))
        pictures = _pictures(view, tracks[: 2 * MOST])
        if pictures:
            text = f"c{character}  {titles[character]}  {len(tracks)} tracks"
            sheet(pictures[:MOST], text).save(folder / f"c{character}.jpg", quality=90)


def _pictures(view: StoreView, tracks: list[Appearance]) -> list[Image.Image]:
    """The exemplars of tracks, in their order; tracks without a picture are passed over."""
    rows = [t.first_row + int(abs(t.frame - t.exemplar).argmin()) for t in tracks]
    pictures = []
    for crop in view.crops(rows):
        try:
            pictures.append(Image.open(io.BytesIO(crop)).convert("RGB"))
        except UnidentifiedImageError:
            continue
    return pictures


def sheet(pictures: list[Image.Image], title: str) -> Image.Image:
    """Pictures as a grid of equal squares under a line of text."""
    across = max(1, min(ACROSS, len(pictures)))
    down = -(-len(pictures) // across)
    whole = Image.new("RGB", (max(across, 3) * SIDE, HEAD + down * SIDE), "#1c1c1a")
    ImageDraw.Draw(whole).text((6, 5), title, fill="white", font_size=13)
    for i, picture in enumerate(pictures):
        place = (i % across * SIDE, HEAD + i // across * SIDE)
        whole.paste(picture.resize((SIDE, SIDE)), place)
    return whole
