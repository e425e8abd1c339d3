"""Fewer and smaller segments: neighbours become one, and crops that are too old go.

Rows, tracks and commits keep their numbers, so nothing that names them has to change, and the
writer goes on meanwhile: a new segment is written beside the old ones, synced, and then named in
their place by one replacement of the root. A crash before that leaves the old ones in force.
Readers that opened the store before may read the old ones for ``GRACE`` seconds more.

Retention takes away pictures alone. Vectors, features and boxes are small and stay for ever, as the
dictionary does; of every character the crops of its ``FACES`` most typical tracks a segment stay,
so that it keeps a face.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caststream.errors import CaststreamError
from caststream.store import published
from caststream.store.files import told
from caststream.store.parts import SHARD, SegmentPart, write_segment
from caststream.store.schema import COLUMNS, Root, Segment, read_root
from caststream.store.tables import column, track_table
from caststream.store.writer import StoreWriter

_log = logging.getLogger(__name__)
Array = NDArray[Any]

SMALL = 32 << 20
"""Segments under so many bytes are joined with their neighbours."""
LARGE = 128 << 20
"""... to at most so many."""
FACES = 4
GRACE = 3600.0
"""Seconds that a replaced segment stays readable."""
EVERY = 1800.0
"""Seconds between two looks of the janitor."""
_LOG_AGE = 86_400.0
"""Seconds after which commits are sealed, however few: crops in the log do not grow old."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """What was done."""

    joined: int = 0
    """Segments that became part of a larger one."""
    thinned: int = 0
    """Segments that lost their old crops."""
    swept: int = 0
    """Folders of replaced segments that were deleted."""

    def __str__(self) -> str:
        return (
            f"{self.joined} segments joined, {self.thinned} thinned, {self.swept} old ones deleted"
        )


def compact(writer: StoreWriter, keep: float | None = None, grace: float = GRACE) -> Compaction:
    """Join small segments, take out crops older than ``keep`` seconds, delete what was replaced.

    Raises OutputError where the disk refuses: all is as it was then.
    """
    # The janitor and who asks for it through the socket must not join the same neighbours.
    with writer.compacting:
        swept = _sweep(writer, grace)
        joined = thinned = 0
        _, segments = writer.reserve()
        for run, thin in _plan(writer.path, segments, keep):
            name, _ = writer.reserve()
            new = _rewrite(writer.path, name, run, thin)
            _exchange(writer, run, new)
            joined += len(run) if len(run) > 1 else 0
            thinned += thin
        if grace == 0:
            swept += _sweep(writer, 0)
        return Compaction(joined, thinned, swept)


def _exchange(writer: StoreWriter, old: Sequence[Segment], new: Segment) -> None:
    """Let ``new``, which is written and synced, stand for neighbours that hold the same rows.

    The old ones stay readable until they are swept. Raises ValueError where they are not
    neighbours any more.
    """

    def change(root: Root) -> None:
        first = [segment.name for segment in root.segments].index(old[0].name)
        if root.segments[first : first + len(old)] != list(old):
            raise ValueError("these segments are not neighbours any more")
        root.segments[first : first + len(old)] = [new]
        root.retired += [(segment.name, time.time()) for segment in old]

    try:
        writer.change_root(change)
    except BaseException:
        # On a full disk, too: what nobody names must not fill it further.
        if new.name not in {segment.name for segment in read_root(writer.path).segments}:
            shutil.rmtree(writer.path / "segments" / new.name, ignore_errors=True)
        raise


def _sweep(writer: StoreWriter, age: float) -> int:
    """Delete what others have stood for since ``age`` seconds; returns how many folders."""
    now = time.time()
    gone = [name for name, since in writer.retired if now - since >= age]
    if not gone:
        return 0

    def change(root: Root) -> None:
        root.retired = [(name, since) for name, since in root.retired if name not in gone]

    writer.change_root(change)
    for name in gone:
        shutil.rmtree(writer.path / "segments" / name, ignore_errors=True)
    return len(gone)


class Janitor:
    """Compacts a store now and then on a thread of its own, until closed."""

    def __init__(self, writer: StoreWriter, keep: float | None) -> None:
        self._writer = writer
        self._keep = keep
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="janitor", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._over.wait(EVERY):
            try:
                self._writer.seal_old(_LOG_AGE)
                done = compact(self._writer, self._keep)
            except (CaststreamError, OSError, ValueError) as error:
                _log.warning("the store was not compacted: %s", error)
                continue
            if done != Compaction():
                _log.info("%s: %s", self._writer.path, done)

    def close(self) -> None:
        """End, after what is being done."""
        self._over.set()
        self._thread.join()


def _plan(
    store: Path, segments: Sequence[Segment], keep: float | None
) -> list[tuple[list[Segment], bool]]:
    """Runs of neighbours that become one, and whether their crops are too old."""
    now = time.time()
    plan: list[tuple[list[Segment], bool]] = []
    run: list[Segment] = []
    size = 0

    def old(segment: Segment) -> bool:
        return keep is not None and 0 < segment.written < now - keep

    def finish() -> None:
        thin = bool(run) and old(run[0]) and not all(one.thinned for one in run)
        if len(run) > 1 or thin:
            plan.append((list(run), thin))
        run.clear()

    for segment in segments:
        if segment.reference is not None:
            finish()
            continue
        own = _bytes(store / "segments" / segment.name)
        fits = run and size + own <= LARGE and own < SMALL and old(run[0]) == old(segment)
        if not (fits and _alike(store, run[-1], segment)):
            finish()
            size = 0
        run.append(segment)
        size += own
        if own >= SMALL:
            finish()
    finish()
    return plan


def _alike(store: Path, one: Segment, other: Segment) -> bool:
    """Whether their vectors have the same width."""
    parts = [SegmentPart(store / "segments" / segment.name, segment) for segment in (one, other)]
    shapes = [
        tuple(part.read(name, 0, 0).shape[1:] for name in ("vectors", "features"))
        for part in parts
        if part.rows
    ]
    return len(set(shapes)) < 2


def _rewrite(store: Path, name: str, run: Sequence[Segment], thin: bool) -> Segment:
    """Write one segment that holds what those of a run hold; it is not named anywhere yet."""
    path = store / "segments" / name
    parts = [SegmentPart(store / "segments" / segment.name, segment) for segment in run]
    kept = [_faces(store, part) if thin else None for part in parts]

    def pieces(array: str) -> Iterator[Array]:
        for part, rows in zip(parts, kept, strict=True):
            if part.count(array):
                yield from _whole(part, array) if rows is None else _thinned(part, array, rows)

    counts = {array: sum(part.count(array) for part in parts) for array in COLUMNS}
    if thin:
        counts["crops"] = sum(
            int(np.diff(part.crop_places())[rows].sum())
            for part, rows in zip(parts, kept, strict=True)
        )
    try:
        with told(store):
            write_segment(path, counts, pieces)
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    spans = [segment.sources for segment in run]
    return Segment(
        name,
        run[0].first,
        run[-1].last,
        run[0].first_row,
        sum(segment.rows for segment in run),
        (min(first for first, _ in spans), max(last for _, last in spans)),
        written=max(segment.written for segment in run),
        thinned=thin or all(segment.thinned for segment in run),
    )


def _whole(part: SegmentPart, array: str) -> Iterator[Array]:
    """An array in pieces that do not fill the memory."""
    count = part.count(array)
    step = max(1, SHARD // max(1, part.read(array, 0, 1).nbytes))
    return (part.read(array, first, first + step) for first in range(0, count, step))


def _thinned(part: SegmentPart, array: str, kept: NDArray[np.bool_]) -> Iterator[Array]:
    """An array without the crops of the rows that are not ``kept``, in pieces."""
    if array == "crops":
        places = part.crop_places()
        for row in np.flatnonzero(kept).tolist():
            yield part.read("crops", int(places[row]), int(places[row + 1]))
    elif array == "rows":
        lines = part.read("rows").copy()
        lines[~kept, column("rows", "crop_bytes")] = 0
        yield lines
    elif array == "commits":
        lines = part.read("commits").copy()
        sizes = np.diff(part.crop_places()) * kept
        ends = np.cumsum(lines[:, column("commits", "rows")])
        total = np.concatenate([[0], np.cumsum(sizes)])
        lines[:, column("commits", "crops")] = np.diff(total[np.concatenate([[0], ends])])
        yield lines
    else:
        yield from _whole(part, array)


def _faces(store: Path, part: SegmentPart) -> NDArray[np.bool_]:
    """Which rows (rows,) keep their crops: the exemplars of each character's longest tracks."""
    keep = np.zeros(part.rows, np.bool_)
    model = published.current(store)
    if model is None or not part.count("tracks"):
        return keep
    tracks = track_table(part.read("tracks"), part.read("spans"), part.read("online"))
    place = np.searchsorted(model.label_uid, tracks.uid)
    place = np.minimum(place, max(0, len(model.label_uid) - 1))
    known = np.zeros(len(tracks), np.bool_)
    if len(model.label_uid):
        known = model.label_uid[place] == tracks.uid
    who = np.where(known, model.label_character[place], -1) if known.any() else known - 1
    rows = part.read("rows")
    for character in np.unique(who[who >= 0]):
        mine = np.flatnonzero(who == character)
        longest = mine[np.argsort(-tracks.boxes[mine], kind="stable")][:FACES]
        for i in longest:
            first = int(tracks.first_row[i]) - part.first_row
            own = rows[first : first + int(tracks.boxes[i])]
            at = np.flatnonzero(own[:, column("rows", "frame")] == tracks.exemplar[i])
            keep[first + at] = True
    return keep


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
