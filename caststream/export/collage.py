"""A collage a character: what went into its cluster, the most typical pictures first."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, UnidentifiedImageError

from caststream.errors import OutputError, UsageError
from caststream.export.labels import FinalLabels
from caststream.messages import I8, CharacterSummary, character_text
from caststream.store.reader import StoreReader
from caststream.store.tables import TrackTable

SIDE = 128
"""Pixels of a picture's side."""
ACROSS = 8
HEAD = 24
"""Height of the line of text over the pictures."""


def write_collages(
    store: str | Path, folder: str | Path, only: int | None = None, most: int = 40
) -> list[Path]:
    """Write ``c7.jpg`` and so on, one a character (or ``only`` that one), and return the paths.

    Each shows up to ``most`` tracks by their exemplars: first those that the dictionary is surest
    of. Raises StoreError for what is no store, UsageError for an unknown character, OutputError
    where the folder cannot be written.
    """
    with StoreReader(store) as reader:
        labels = FinalLabels(store)
        table = reader.tracks()
        character, sure = labels.characters(table.uid)
        listed = labels.summaries(table)
        if only is not None:
            listed = tuple(line for line in listed if line.id == only)
            if not listed:
                raise UsageError(
                    f"there is no character {character_text(only)} with tracks in {store};"
                    " info lists them"
                )
        paths = []
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            for line in listed:
                mine = np.flatnonzero(character == line.id)
                best = mine[np.argsort(-(sure[mine] + table.score[mine]), kind="stable")]
                path = Path(folder) / f"{character_text(line.id)}.jpg"
                sheet(_pictures(reader, table, best, most), _title(line)).save(path, quality=90)
                paths.append(path)
        except OSError as error:
            raise OutputError(f"cannot write into {folder}: {error.strerror or error}") from error
    return paths


def _title(line: CharacterSummary) -> str:
    name = f" {line.name}" if line.name else ""
    return f"{character_text(line.id)}{name}: {line.tracks} tracks, {line.seconds:.0f} s"


def _pictures(reader: StoreReader, table: TrackTable, lines: I8, most: int) -> list[Image.Image]:
    """The exemplars of tracks, in their order; tracks without a picture are passed over."""
    pictures: list[Image.Image] = []
    for line in lines.tolist():
        if len(pictures) == most:
            break
        rows = reader.rows_of(int(table.uid[line]))
        row = int(np.argmin(np.abs(rows.frame - table.exemplar[line])))
        crop = reader.rows_at(rows.number[row : row + 1]).crop[0]
        try:
            pictures.append(Image.open(io.BytesIO(crop)).convert("RGB"))
        except UnidentifiedImageError:
            continue
    return pictures


def sheet(pictures: list[Image.Image], title: str) -> Image.Image:
    """Pictures as a grid of equal squares under a line of text."""
    across = max(1, min(ACROSS, len(pictures)))
    down = -(-len(pictures) // across)
    whole = Image.new("RGB", (max(across * SIDE, 3 * SIDE), HEAD + down * SIDE), "#1c1c1a")
    ImageDraw.Draw(whole).text((6, 5), title, fill="white", font_size=13)
    for i, picture in enumerate(pictures):
        place = (i % across * SIDE, HEAD + i // across * SIDE)
        whole.paste(picture.resize((SIDE, SIDE)), place)
    return whole
