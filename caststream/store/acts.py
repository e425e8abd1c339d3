"""What people did to the dictionary, in order: a checksummed log that is only ever appended to.

One JSON object a line: ``{"number": 3, "time": 1760000000.0, "kind": "name", "arguments": {...},
"crc": "9f1c2a77"}``; the checksum (CRC-32, hex) covers the line's bytes before ``,"crc"``. Any
process may append, also while another writes the store. Replaying the acts in order gives the
dictionary that people made.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from caststream.errors import StoreError
from caststream.store.files import append as add
from caststream.store.files import told

logger = logging.getLogger(__name__)

Kind = Literal[
    "name", "rename", "merge", "split", "move", "not_this", "apart", "whole", "ignore", "undo"
]
KINDS: frozenset[str] = frozenset(get_args(Kind))

FILE = "acts.ndjson"
_TAIL = 4096


@dataclass(frozen=True, slots=True)
class Act:
    """One act of a person."""

    number: int
    """From 1, without holes."""
    time: float
    """Seconds since 1970, UTC."""
    kind: Kind
    arguments: dict[str, Any]


def append(path: str | Path, kind: Kind, arguments: dict[str, Any]) -> Act:
    """Add an act to the log of the store at ``path``; it is on the disk when this returns.

    ``arguments`` is any JSON. Raises ValueError for an unknown kind, StoreError where there is no
    store, OutputError where the disk refuses.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown act {kind!r}")
    file = _file(path)
    with told(file):
        fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            last, size = _last(fd)
            # What follows the last whole line was torn by a crash and never told to anyone.
            os.ftruncate(fd, size)
            act = Act(last + 1, round(time.time(), 3), kind, arguments)
            add(fd, _line(act), size)
        finally:
            os.close(fd)
    return act


def mend(path: str | Path) -> None:
    """Cut off a last line that a crash tore, as the next act would."""
    file = _file(path)
    if file.exists():
        with told(file), file.open("rb+") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX)
            os.ftruncate(opened.fileno(), _last(opened.fileno())[1])


def read(path: str | Path, after: int = 0) -> list[Act]:
    """The acts with a higher number than ``after``, in order.

    A torn last line is not there yet; a damaged line elsewhere is left out with a warning.
    """
    file = _file(path)
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return []
    acts = []
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        act = parse(line)
        if act is None:
            logger.warning("%s, line %d is damaged and left out", file, number)
        elif act.number > after:
            acts.append(act)
    return acts


def _file(path: str | Path) -> Path:
    if not (Path(path) / "zarr.json").exists():
        raise StoreError(f"there is no store at {path}: give the path of a caststream store")
    return Path(path) / FILE


def _line(act: Act) -> bytes:
    values = {"number": act.number, "time": act.time, "kind": act.kind, "arguments": act.arguments}
    body = json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    head = body[:-1].encode()
    return head + f',"crc":"{zlib.crc32(head):08x}"}}\n'.encode()


def parse(line: bytes) -> Act | None:
    """The act of one line, None where it is damaged."""
    head, mark, crc = line.rpartition(b',"crc":"')
    if not mark or crc != f'{zlib.crc32(head):08x}"}}'.encode():
        return None
    values = json.loads(head + b"}")
    return Act(values["number"], values["time"], values["kind"], values["arguments"])


def _last(fd: int) -> tuple[int, int]:
    """Number of the last whole act, and where the whole lines end."""
    size = os.fstat(fd).st_size
    tail = _TAIL
    while True:
        begin = max(0, size - tail)
        data = os.pread(fd, size - begin, begin)
        end = data.rfind(b"\n") + 1
        for line in reversed(data[:end].split(b"\n")):
            act = parse(line)
            if act is not None:
                return act.number, begin + end
        if begin == 0:
            return 0, end
        tail *= 4
