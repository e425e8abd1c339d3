"""Thumbnails and stills as JPEG, kept in memory: read or decoded once, then given from there."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caststream.errors import InputError
from caststream.media.stills import Stills
from caststream.messages import F4, F8, I8
from caststream.store.reader import StoreReader
from caststream.store.schema import SourceInfo

MEMORY = 96 << 20
"""Bytes of pictures kept."""
STILL = 1280
"""Pixels of a still's longer side at most."""
KEY = 320
"""The same for a shot's key picture."""
_OPEN_FILMS = 4


class Kept:
    """The pictures asked for last, up to a number of bytes; safe for several threads."""

    def __init__(self, most: int = MEMORY) -> None:
        self._most = most
        self._size = 0
        self._lock = threading.Lock()
        self._held: OrderedDict[Hashable, bytes] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """The picture of this name; made where it is not there yet."""
        with self._lock:
            found = self._held.get(key)
            if found is not None:
                self._held.move_to_end(key)
                return found
        made = make()
        with self._lock:
            if key not in self._held:
                self._held[key] = made
                self._size += len(made)
            while self._size > self._most:
                self._size -= len(self._held.popitem(last=False)[1])
        return made


@dataclass(frozen=True, slots=True)
class View:
    """One box of a track, and its crop where one is kept."""

    frame: int
    box: tuple[float, float, float, float]
    score: float
    crop: bytes


def views(reader: StoreReader, first_row: int, boxes: int) -> list[View]:
    """All boxes of a track in the order of time."""
    rows = reader.rows(first_row, first_row + boxes)
    columns = (rows.frame.tolist(), rows.box.tolist(), rows.score.tolist(), rows.crop)
    return [View(f, (b[0], b[1], b[2], b[3]), s, c) for f, b, s, c in zip(*columns, strict=True)]


def exemplar_crop(reader: StoreReader, first_row: int, boxes: int, exemplar: int) -> bytes:
    """The crop of a track's most typical box, or of the nearest one that has a crop; else empty."""
    rows = reader.rows(first_row, first_row + boxes)
    crops, frames = rows.crop, rows.frame
    held = [k for k, crop in enumerate(crops) if crop]
    if not held:
        return b""
    return crops[min(held, key=lambda k: abs(int(frames[k]) - exemplar))]


class Films:
    """Stills of the films that a store was made of, as far as they still lie where they lay."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[int, Stills | None] = OrderedDict()

    def has(self, source: SourceInfo) -> bool:
        """Whether there is a film to be looked at; opens it."""
        with self._lock:
            return self._film(source) is not None

    def still(self, source: SourceInfo, seconds: float) -> bytes:
        """The picture at a time as JPEG; InputError where there is none."""
        return self._jpeg(source, seconds, None, STILL)

    def key(self, source: SourceInfo, start: float, end: float) -> bytes:
        """Some picture between two times, small; InputError where there is none."""
        return self._jpeg(source, start, end, KEY)

    def _jpeg(self, source: SourceInfo, start: float, end: float | None, most: int) -> bytes:
        with self._lock:
            film = self._film(source)
            if film is None:
                raise InputError(f"The film of source {source.id} cannot be read any more.")
            picture = film.at(start, most, end)
        return jpeg(picture)

    def _film(self, source: SourceInfo) -> Stills | None:
        if source.id not in self._open:
            try:
                self._open[source.id] = Stills(source.start.uri, source.start.fingerprint)
            except InputError:
                self._open[source.id] = None
            while sum(film is not None for film in self._open.values()) > _OPEN_FILMS:
                oldest = next(number for number, film in self._open.items() if film is not None)
                film = self._open.pop(oldest)
                assert film is not None
                film.close()
        return self._open[source.id]

    def close(self) -> None:
        """Let go of all films."""
        with self._lock:
            for film in self._open.values():
                if film is not None:
                    film.close()
            self._open.clear()


def jpeg(picture: NDArray[np.uint8], quality: int = 82) -> bytes:
    """(H, W, 3) RGB as JPEG."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=quality)
    return out.getvalue()


def nearest(frames: I8, times: F8, frame: int) -> float | None:
    """Time of an analysed frame, None where it was not analysed."""
    place = int(np.searchsorted(frames, frame))
    if place == len(frames) or frames[place] != frame:
        return None
    return float(times[place])


def square(box: F4 | tuple[float, ...], width: int, height: int) -> tuple[float, float, float]:
    """Left, top and side of the square that a crop shows of a box, as ``Picture.crops`` cuts it."""
    from caststream.media.picture import CROP_MARGIN

    x0, y0, x1, y1 = (float(v) for v in box)
    side = max(x1 - x0, y1 - y0, 1.0) * (1.0 + CROP_MARGIN)
    left, top = (x0 + x1 - side) / 2, (y0 + y1 - side) / 2
    left = min(max(left, 0.0), width - side) if side <= width else (width - side) / 2
    top = min(max(top, 0.0), height - side) if side <= height else (height - side) / 2
    return left, top, side
