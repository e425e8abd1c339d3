"""The write-ahead log: checksummed records of what is committed and not yet sealed.

A record is ``magic (4s) | payload bytes (u4) | commit number (u8) | crc32 (u4) | payload``, little
endian; the checksum covers number, length and payload. The payload is
``header bytes (u4) | header (JSON) | arrays, one after the other``; the header says name, dtype and
shape of each array. Records are numbered without holes; the first whose checksum is wrong ends
the log, since only the last one can be torn by a crash (``behind`` tells where that is not why).
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_HEAD = struct.Struct("<4sIQI")
_COVERED = struct.Struct("<IQ")
_MAGIC = b"csr1"
_NOTHING: dict[str, Any] = {}
"""The event of most records, kept once."""


def encode(number: int, event: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """One record as bytes; ``event`` is any JSON."""
    header = json.dumps(
        {
            "event": event,
            "arrays": [[name, a.dtype.str, list(a.shape)] for name, a in arrays.items()],
        },
        separators=(",", ":"),
    ).encode()
    payload = b"".join(
        [struct.pack("<I", len(header)), header, *(a.tobytes() for a in arrays.values())]
    )
    crc = zlib.crc32(payload, zlib.crc32(_COVERED.pack(len(payload), number)))
    return _HEAD.pack(_MAGIC, len(payload), number, crc) + payload


class Column(NamedTuple):
    """An array of a record, but for its length."""

    name: str
    dtype: np.dtype[Any]
    line: tuple[int, ...]
    """Shape of one of its lines."""
    size: int
    """Bytes of a line."""


@dataclass(frozen=True, slots=True)
class Record:
    """One whole record of a log that is open as ``fd``; its arrays are read when asked for.

    A stream holds some thousands of them at a time, so what all have in common is kept once.
    """

    fd: int
    number: int
    end: int
    """Where the next record begins, in bytes from the log's start."""
    event: dict[str, Any]
    columns: tuple[Column, ...]
    counts: tuple[int, ...]
    """Lines of each array; they lie one after the other and up to ``end``."""

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of an array, (0,) where the record has none of that name."""
        for column, count in zip(self.columns, self.counts, strict=True):
            if column.name == name:
                return (count, *column.line)
        return (0,)

    def read(self, name: str, first: int, last: int) -> Array:
        """Rows ``first`` to ``last`` (exclusive) of an array; KeyError where there is none."""
        offset = self.end
        for column, count in zip(reversed(self.columns), reversed(self.counts), strict=True):
            offset -= count * column.size
            if column.name == name:
                data = os.pread(self.fd, column.size * (last - first), offset + column.size * first)
                return np.frombuffer(data, column.dtype).reshape(last - first, *column.line)
        raise KeyError(name)


def scan(fd: int, offset: int = 0) -> Iterator[Record]:
    """All whole records of a log from ``offset`` on; ends at the first that is torn or damaged."""
    while True:
        head = os.pread(fd, _HEAD.size, offset)
        if len(head) < _HEAD.size:
            return
        magic, length, number, crc = _HEAD.unpack(head)
        if magic != _MAGIC or offset + _HEAD.size + length > os.fstat(fd).st_size:
            return
        payload = os.pread(fd, length, offset + _HEAD.size)
        covered = zlib.crc32(_COVERED.pack(length, number))
        if len(payload) < length or zlib.crc32(payload, covered) != crc:
            return
        yield _decode(fd, offset + _HEAD.size, number, payload)
        offset += _HEAD.size + length


def behind(fd: int, offset: int) -> int:
    """Whole records somewhere behind a place where none is.

    A crash tears the last one only, so none is behind it; a bad disk may have changed any.
    """
    count = 0
    rest = os.pread(fd, os.fstat(fd).st_size - offset, offset)
    place = rest.find(_MAGIC)
    while place >= 0:
        end = place + 1
        for record in scan(fd, offset + place):
            count, end = count + 1, record.end - offset
        place = rest.find(_MAGIC, end)
    return count


def _decode(fd: int, offset: int, number: int, payload: bytes) -> Record:
    (size,) = struct.unpack_from("<I", payload)
    header = json.loads(payload[4 : 4 + size])
    columns = _columns(tuple((name, kind, tuple(s[1:])) for name, kind, s in header["arrays"]))
    counts = tuple(shape[0] for _, _, shape in header["arrays"])
    event = header["event"] or _NOTHING
    return Record(fd, number, offset + len(payload), event, columns, counts)


@lru_cache(maxsize=64)
def _columns(arrays: tuple[tuple[str, str, tuple[int, ...]], ...]) -> tuple[Column, ...]:
    """Columns of (name, dtype, shape of a line)."""
    made = []
    for name, kind, line in arrays:
        dtype = np.dtype(kind)
        made.append(Column(name, dtype, line, dtype.itemsize * prod(line)))
    return tuple(made)
