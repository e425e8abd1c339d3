"""What a reader hands out: columns over tracks, and over rows that are read when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from caststream.messages import F2, F4, F8, I8, Gap, Shot, Track
from caststream.store.parts import empty
from caststream.store.schema import COLUMNS, REASONS, TRANSITIONS, split_uid

Array = NDArray[Any]


def column(name: str, what: str) -> int:
    """Place of the column ``what`` in the array ``name``."""
    return COLUMNS[name].index(what)


@dataclass(frozen=True, slots=True)
class TrackTable:
    """Tracks as columns, in the order of their commits; a uid occurs once."""

    uid: I8
    shot: I8
    start_frame: I8
    end_frame: I8
    """Exclusive."""
    start: F8
    end: F8
    """Seconds."""
    boxes: I8
    """How many rows the track has: ``first_row`` and the ones after it."""
    score: F4
    exemplar: I8
    """Frame number of the most typical box."""
    first_row: I8
    model: I8
    """Number of the model that made the vectors."""
    online: tuple[tuple[int, ...], ...]
    """The online tracks that each was made of."""

    def __len__(self) -> int:
        return len(self.uid)

    @property
    def source(self) -> I8:
        """Source id of each track."""
        return self.uid >> 32

    def at(self, index: int) -> Track:
        """One line as the message that it came from."""
        return Track(
            id=split_uid(int(self.uid[index]))[1],
            shot=int(self.shot[index]),
            start_frame=int(self.start_frame[index]),
            end_frame=int(self.end_frame[index]),
            start=float(self.start[index]),
            end=float(self.end[index]),
            boxes=int(self.boxes[index]),
            score=float(self.score[index]),
            exemplar=int(self.exemplar[index]),
            online=self.online[index],
        )

    def where(self, keep: NDArray[np.bool_]) -> TrackTable:
        """The lines at which ``keep`` (N,) is true."""
        online = tuple(self.online[i] for i in np.flatnonzero(keep))
        columns = {name: getattr(self, name)[keep] for name in _TRACK_COLUMNS}
        return TrackTable(**columns, online=online)


_TRACK_COLUMNS = tuple(name for name in TrackTable.__slots__ if name != "online")


def join_tracks(tables: Iterable[TrackTable]) -> TrackTable:
    """Several tables as one."""
    listed = list(tables) or [track_table(empty("tracks"), empty("spans"), empty("online"))]
    if len(listed) == 1:
        return listed[0]
    columns = {name: np.concatenate([getattr(t, name) for t in listed]) for name in _TRACK_COLUMNS}
    return TrackTable(**columns, online=tuple(o for t in listed for o in t.online))


def track_table(tracks: Array, spans: Array, online: Array) -> TrackTable:
    """The lines of the arrays ``tracks``, ``spans`` and ``online`` as columns."""
    cuts = np.cumsum(tracks[:, column("tracks", "online")])[:-1]
    columns = {
        name: tracks[:, column("tracks", name)] for name in COLUMNS["tracks"] if name != "online"
    }
    return TrackTable(
        **columns,
        start=spans[:, 0],
        end=spans[:, 1],
        score=spans[:, 2].astype(np.float32),
        online=tuple(tuple(i.tolist()) for i in np.split(online, cuts)) if len(tracks) else (),
    )


class ReadRows(Protocol):
    """How a table of rows gets at the store."""

    def __call__(self, name: str, numbers: I8) -> Array:
        """Lines ``numbers`` (ascending) of an array with one line a row."""


class RowTable:
    """Rows as columns; each column is read from the store when it is first asked for."""

    def __init__(
        self, numbers: I8, read: ReadRows, crops: Callable[[I8], tuple[bytes, ...]]
    ) -> None:
        self.number = numbers
        """(N,) store-wide row numbers, as triplets name them."""
        self._read = read
        self._crops = crops

    def __len__(self) -> int:
        return len(self.number)

    @cached_property
    def _ints(self) -> I8:
        return self._read("rows", self.number)

    @cached_property
    def _boxes(self) -> F4:
        return self._read("boxes", self.number)

    @property
    def frame(self) -> I8:
        """(N,) frame numbers."""
        return self._ints[:, column("rows", "frame")]

    @property
    def uid(self) -> I8:
        """(N,) track of each row."""
        return self._ints[:, column("rows", "uid")]

    @property
    def blend(self) -> NDArray[np.bool_]:
        """(N,) true inside a transition."""
        return self._ints[:, column("rows", "blend")].astype(np.bool_)

    @cached_property
    def time(self) -> F8:
        """(N,) seconds."""
        return self._read("times", self.number)

    @property
    def box(self) -> F4:
        """(N, 4) xyxy in pixels of the source."""
        return self._boxes[:, :4]

    @property
    def score(self) -> F4:
        """(N,)"""
        return self._boxes[:, 4]

    @cached_property
    def vector(self) -> F4:
        """(N, 256) unit vectors of the model that the track names; kept as float16."""
        return self._read("vectors", self.number).astype(np.float32)

    @cached_property
    def features(self) -> F2:
        """(N, F) features of the trunk."""
        return self._read("features", self.number)

    @property
    def pictured(self) -> NDArray[np.bool_]:
        """(N,) whether a crop of the row is kept."""
        return self._ints[:, column("rows", "crop_bytes")] > 0

    @cached_property
    def crop(self) -> tuple[bytes, ...]:
        """JPEG of each row's crop; empty where none is kept."""
        return self._crops(self.number)


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit, as readers walk through them."""

    number: int
    source: int
    shot: Shot | None
    """None for a window of a shot that goes on, and for gaps after the last shot."""
    gaps: tuple[Gap, ...]
    frames: I8
    """(F,) analysed frames, also those without a box."""
    times: F8
    """(F,)"""
    tracks: TrackTable
    rows: RowTable
    """Grouped by track, in the order of time inside a track."""
    apart: I8
    """(P, 2) uids of tracks seen side by side."""
    triplets: I8
    """(M, 3) row numbers of anchor, positive, negative."""
    evidence: F4
    """(M, 4) what each triplet rests on, see ``Mined.evidence``."""


def shot_from(line: Array) -> Shot:
    """A line of ``shots`` as the message that it came from."""
    index, start_frame, end_frame, start, end, kind, score = line.tolist()
    return Shot(
        int(index),
        int(start_frame),
        int(end_frame),
        start,
        end,
        TRANSITIONS[int(kind)],
        score,
    )


def gap_from(line: Array) -> Gap:
    """A line of ``gaps`` as the message that it came from."""
    reason, start, end, frames = line.tolist()
    return Gap(REASONS[int(reason)], start, end, int(frames))
