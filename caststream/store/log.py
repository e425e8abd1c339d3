"""The write-ahead log: checksummed records of what is committed and not yet sealed.

A record is ``magic (4s) | payload bytes (u4) | commit number (u8) | crc32 (u4) | payload``, little
endian; the checksum covers number, length and payload. The payload is
``header bytes (u4) | header (JSON) | arrays, one after the other``; the header says name, dtype and
shape of each array. Records are numbered without holes; the first whose checksum is wrong ends
the log, since only the last one can be torn by a crash.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_HEAD = struct.Struct("<4sIQI")
_COVERED = struct.Struct("<IQ")
_MAGIC = b"csr1"


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


@dataclass(frozen=True, slots=True)
class Record:
    """One whole record of a log that is open as ``fd``; its arrays are read when asked for."""

    fd: int
    number: int
    end: int
    """Where the next record begins, in bytes from the log's start."""
    event: dict[str, Any]
    places: dict[str, tuple[int, np.dtype[Any], tuple[int, ...]]]
    """Name -> offset in the file, dtype, shape."""

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of an array, (0,) where the record has none of that name."""
        return self.places[name][2] if name in self.places else (0,)

    def read(self, name: str, first: int, last: int) -> Array:
        """Rows ``first`` to ``last`` (exclusive) of an array that the record has."""
        offset, dtype, shape = self.places[name]
        row = dtype.itemsize * prod(shape[1:])
        data = os.pread(self.fd, row * (last - first), offset + row * first)
        return np.frombuffer(data, dtype).reshape(last - first, *shape[1:])


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


def _decode(fd: int, offset: int, number: int, payload: bytes) -> Record:
    (size,) = struct.unpack_from("<I", payload)
    header = json.loads(payload[4 : 4 + size])
    places = {}
    place = offset + 4 + size
    for name, kind, shape in header["arrays"]:
        dtype = np.dtype(kind)
        places[name] = (place, dtype, tuple(shape))
        place += dtype.itemsize * prod(shape)
    return Record(fd, number, offset + len(payload), header["event"], places)
