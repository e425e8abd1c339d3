"""Stores with names that are hard to write down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from made_stores import fill

from caststream.store import acts, published
from caststream.store.reader import StoreReader

NAMES = {1: 'Bunny, "the" <b>{Ω}', 2: "花子\nand --> friends", 4: "Nobody wants me"}
"""Names by character; the third one is ignored, and c3 has none."""
TITLES = {1: 'Bunny, "the" <b>{Ω}', 2: "花子 and --> friends", 3: "c3"}


def character_of(track: int) -> int:
    """Every shot shows tracks 10n, 10n + 1, 10n + 2; the ignored c4 takes one of them over."""
    return -1 if track == 21 else 4 if track == 22 else track % 10 + 1


def store(path: Path, films: int = 1, shots: int = 6) -> Path:
    """A store of films of ``shots`` shots each (the fifth is empty), labelled and named."""
    for number in range(films):
        fill(path, shots, uri=f"episodes/film {number}.mp4")
    with StoreReader(path) as reader:
        uid = np.sort(reader.tracks().uid)
    label = np.array([character_of(int(u) & 0xFFFFFFFF) for u in uid], np.int64)
    published.publish(
        path,
        published.Published(
            revision=3,
            head={"weight": np.eye(4, dtype=np.float32)},
            prototypes=np.eye(3, 256, dtype=np.float32),
            prototype_character=np.array([1, 2, 3]),
            prototype_weight=np.ones(3, np.float32),
            label_uid=uid,
            label_character=label,
            label_confidence=np.full(len(uid), 0.75, np.float32),
            extra={"classifier_weight": np.ones((4, 2), np.float32)},
            characters=tuple({"id": c, "aliases": []} for c in (1, 2, 3, 4)),
        ),
    )
    for character, name in NAMES.items():
        acts.append(path, "name", {"character": character, "name": name})
    acts.append(path, "ignore", {"character": 4, "ignored": True})
    return path
