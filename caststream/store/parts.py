"""The two places where committed arrays lie: a record of the log, and a sealed segment.

Both answer the same three questions, so that readers need not know which one they ask.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from caststream.errors import StoreError
from caststream.memory import give_back
from caststream.messages import I8
from caststream.store.files import replace, sync_folder, sync_tree
from caststream.store.log import Record
from caststream.store.places import open_group
from caststream.store.schema import COLUMNS, DTYPES, Segment, group_metadata

Array = NDArray[Any]

CHUNK = 1 << 20
"""Bytes in an inner chunk of a shard: what is read at least to get one row."""
SHARD = 16 << 20
"""Most bytes of a shard, which is one file: zarr holds it in memory twice while it is written."""


_WIDTHS = {"vectors": (256,), "features": (0,)}
"""Of arrays without names for their columns, where there is nothing to tell it."""


class Part(Protocol):
    """A run of commits."""

    first: int
    """Number of the first commit."""
    last: int
    first_row: int
    rows: int

    def count(self, name: str) -> int:
        """How many lines an array has."""

    def read(self, name: str, first: int = 0, last: int | None = None) -> Array:
        """Lines ``first`` to ``last`` (exclusive) of an array."""

    def read_at(self, name: str, lines: I8) -> Array:
        """Lines of an array by their ascending numbers."""

    def crop_places(self) -> I8:
        """(rows + 1,) where each row's JPEG begins in ``crops``."""

    def holds(self, source: int) -> bool:
        """Whether a commit of this source may be in it."""


class LogPart:
    """One commit that is not sealed yet."""

    __slots__ = ("first", "first_row", "last", "record", "rows")

    def __init__(self, record: Record, first_row: int) -> None:
        self.record = record
        self.first = self.last = record.number
        self.first_row = first_row
        self.rows = self.count("rows")

    def count(self, name: str) -> int:
        """How many lines an array has."""
        return int(self.record.shape(name)[0])

    def read(self, name: str, first: int = 0, last: int | None = None) -> Array:
        """Lines ``first`` to ``last`` (exclusive) of an array."""
        if not self.count(name):
            return empty(name)
        lines: Array = self.record.read(name, first, self.count(name) if last is None else last)
        return lines

    def read_at(self, name: str, lines: I8) -> Array:
        """Lines of an array by their ascending numbers."""
        found: Array = self.read(name, int(lines[0]), int(lines[-1]) + 1)[lines - lines[0]]
        return found

    def crop_places(self) -> I8:
        """(rows + 1,) where each row's JPEG begins in ``crops``."""
        return _places(self.read("rows"))

    def holds(self, source: int) -> bool:
        """Whether a commit of this source may be in it."""
        return bool(self.count("commits")) and int(self.read("commits")[0, 1]) == source


class SegmentPart:
    """A sealed segment; its arrays are opened when first asked for.

    What is read is held against its checksums: StoreError where a bad disk changed it.
    """

    def __init__(self, path: str | Path, segment: Segment) -> None:
        """``path`` may be an address of an object store."""
        self.segment = segment
        self.first, self.last = segment.first, segment.last
        self.first_row, self.rows = segment.first_row, segment.rows
        self._path = path
        self._group: Any = None
        self._arrays: dict[str, Any] = {}
        self._crop_places: I8 | None = None

    def _array(self, name: str) -> Any:
        if name not in self._arrays:
            if self._group is None:
                self._group = open_group(self._path)
            there = name in self._group.attrs["arrays"]
            self._arrays[name] = self._group[name] if there else empty(name)
        return self._arrays[name]

    def count(self, name: str) -> int:
        """How many lines an array has."""
        return int(self._array(name).shape[0])

    def read(self, name: str, first: int = 0, last: int | None = None) -> Array:
        """Lines ``first`` to ``last`` (exclusive) of an array."""
        with self._sound(name):
            lines: Array = self._array(name)[first:last]
        return lines

    def read_at(self, name: str, lines: I8) -> Array:
        """Lines of an array by their ascending numbers."""
        if lines[-1] - lines[0] == len(lines) - 1:
            return self.read(name, int(lines[0]), int(lines[-1]) + 1)
        with self._sound(name):
            found: Array = self._array(name).oindex[lines]
        return found

    @contextmanager
    def _sound(self, name: str) -> Iterator[None]:
        try:
            yield
        except (ValueError, RuntimeError) as error:  # of checksums, and of what unpacks
            raise StoreError(
                f"segment {self.segment.name}: its {name} cannot be read ({error}):"
                " restore it from a copy"
            ) from error

    def crop_places(self) -> I8:
        """(rows + 1,) where each row's JPEG begins in ``crops``."""
        if self._crop_places is None:
            self._crop_places = _places(self.read("rows"))
        return self._crop_places

    def holds(self, source: int) -> bool:
        """Whether a commit of this source may be in it."""
        return self.segment.sources[0] <= source <= self.segment.sources[1]

    def complete(self, name: str) -> bool:
        """Whether all files of an array are there: zarr reads zeros where one is missing."""
        array = self._array(name)
        # Segments of older versions leave out what is all zeros.
        known = not isinstance(array, np.ndarray) and self._group.attrs.get("whole")
        return not known or array.nchunks_initialized >= array.nchunks


def seal(store: Path, name: str, parts: Sequence[LogPart]) -> Segment:
    """Write the arrays of ``parts`` as the segment ``name``, durable but not yet named anywhere.

    Raises OSError where the disk refuses.
    """
    counts = {array: sum(part.count(array) for part in parts) for array in COLUMNS}

    def pieces(array: str) -> Iterator[Array]:
        return (part.read(array) for part in parts if part.count(array))

    write_segment(store / "segments" / name, counts, pieces)
    sources = [int(part.read("commits")[0, 1]) for part in parts if part.count("commits")]
    span = (min(sources), max(sources))
    rows = sum(part.rows for part in parts)
    first = parts[0]
    return Segment(
        name, first.first, parts[-1].last, first.first_row, rows, span, written=time.time()
    )


def write_segment(
    path: Path, counts: Mapping[str, int], pieces: Callable[[str], Iterable[Array]]
) -> None:
    """Write arrays one after the other, ``counts`` lines of each as ``pieces`` gives them.

    No more than a shard is held in memory. Arrays without lines are left out. Durable on return;
    raises OSError where the disk refuses.
    """
    import zarr

    path.mkdir(parents=True)
    held = [array for array in COLUMNS if counts[array]]
    columns = {array: COLUMNS[array] for array in held if COLUMNS[array]}
    about = {"arrays": held, "columns": columns, "whole": True}
    replace(path / "zarr.json", group_metadata(about))
    group = zarr.open_group(path, mode="r+")
    for array in held:
        _write(group, array, counts[array], iter(pieces(array)))
    sync_tree(path)
    sync_folder(path.parent)
    give_back()


def _write(group: Any, name: str, count: int, pieces: Iterator[Array]) -> None:
    from zarr.codecs import BloscCodec, Crc32cCodec

    piece = next(pieces)
    line = piece.dtype.itemsize * prod(piece.shape[1:])
    chunk = max(1, min(count, CHUNK // line))
    shard = chunk * max(1, min(-(-count // chunk), SHARD // (chunk * line)))
    # JPEG bytes and float16 vectors do not get smaller; tables of counts and times do.
    dense = name in ("crops", "vectors", "features")
    array = group.create_array(
        name,
        shape=(count, *piece.shape[1:]),
        dtype=piece.dtype,
        chunks=(chunk, *piece.shape[1:]),
        shards=(shard, *piece.shape[1:]),
        # Shards have a checksum of their index alone: a byte of a box that a bad disk changed would
        # be a box.
        compressors=[*([] if dense else [BloscCodec(cname="zstd", clevel=3)]), Crc32cCodec()],
        config={"write_empty_chunks": True},  # a file that is missing is missed
    )
    first = 0
    for lines in _blocks(chain([piece], pieces), shard):
        array[first : first + len(lines)] = lines
        first += len(lines)


def _blocks(pieces: Iterable[Array], size: int) -> Iterator[Array]:
    """The same lines, ``size`` at a time; the last block may be shorter."""
    held: list[Array] = []
    count = 0
    for piece in pieces:
        while count + len(piece) >= size:
            yield np.concatenate([*held, piece[: size - count]])
            piece = piece[size - count :]
            held.clear()
            count = 0
        held.append(piece)
        count += len(piece)
    if count:
        yield np.concatenate(held)


def empty(name: str) -> Array:
    """An array without lines."""
    columns = len(COLUMNS[name])
    tail = _WIDTHS.get(name, (columns,) if columns else ())
    return np.zeros((0, *tail), DTYPES[name])


def _places(rows: Array) -> I8:
    places = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(rows[:, COLUMNS["rows"].index("crop_bytes")], out=places[1:])
    return places
