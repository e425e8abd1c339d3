"""Pictures of the found characters, out of the store that the labels came from."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from caststream.evaluation.labels import Found
from caststream.store.reader import StoreReader
from caststream.store.schema import make_uid

CHARACTERS = 24
PICTURES = 6


@dataclass(frozen=True, slots=True)
class Faces:
    """One found character."""

    character: str
    boxes: int
    """In the whole label stream."""
    crops: tuple[bytes, ...]
    """JPEG, one a track, longest tracks first."""


def faces(store: str | Path, source: int, found: Found) -> tuple[Faces, ...]:
    """The characters with the most boxes, and their longest tracks' most typical pictures.

    ``source`` is the id of the labels' source in the store; tracks that the store does not hold
    give no picture. Raises StoreError where the store cannot be read.
    """
    tracks: dict[str, Counter[int]] = defaultdict(Counter)
    for frame in found.frames.values():
        for track, character in zip(frame.tracks, frame.characters, strict=True):
            if track is not None and character is not None:
                tracks[character][track] += 1
    listed = sorted(tracks.items(), key=lambda item: (-item[1].total(), item[0]))[:CHARACTERS]
    with StoreReader(store) as reader:
        return tuple(
            Faces(
                character,
                held.total(),
                tuple(
                    crop
                    for track, _ in held.most_common(PICTURES)
                    if (crop := _crop(reader, make_uid(source, track)))
                ),
            )
            for character, held in listed
        )


def _crop(reader: StoreReader, uid: int) -> bytes:
    """The most typical crop of a track; empty where none is kept."""
    table = reader.tracks()
    place = np.flatnonzero(table.uid == uid)
    if not len(place):
        return b""
    rows = reader.rows_of(uid)
    row = int(np.argmin(np.abs(rows.frame - table.exemplar[place[0]])))
    return reader.rows_at(rows.number[row : row + 1]).crop[0]
