"""Is a store sound? Everything in it is read once, and what can be mended is mended.

What a crash leaves is mended by the next writer anyway: a torn end of the log, folders that nobody
names, drafts. What a bad disk does to a sealed segment can only be told.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from caststream.errors import OutputError, StoreError, StoreLockedError
from caststream.store import acts, journal, published
from caststream.store.lock import Lock
from caststream.store.log import behind, scan
from caststream.store.openlog import DAMAGED
from caststream.store.parts import SegmentPart
from caststream.store.references import part_of
from caststream.store.schema import COLUMNS, LINES, Root, Segment, read_root
from caststream.store.writer import StoreWriter


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be."""

    what: str
    mendable: bool
    """Whether ``repair`` mends it."""


def check(path: str | Path) -> list[Finding]:
    """All that is wrong with a store; takes no lock, so a stream may go on writing it.

    Raises StoreError and StoreVersionError where there is no store that could be looked at.
    """
    store = Path(path)
    root = read_root(store)
    return [
        *_chain(root),
        *(finding for segment in root.segments for finding in _segment(store, segment)),
        *_log(store),
        *_leftovers(store, root),
        *_models(store),
        *_lines(store),
    ]


def repair(path: str | Path) -> None:
    """Mend what can be mended; raises StoreLockedError while a stream writes the store."""
    store = Path(path)
    # A writer cuts the log's torn end and takes away what nobody names.
    with StoreWriter.open(store, create=False):
        journal.Journal(store)
        models = store / "models"
        for draft in models.glob(".*.tmp") if models.is_dir() else ():
            if draft.is_dir():
                shutil.rmtree(draft)
            else:
                draft.unlink()
        if not _loads(store, _current(store)):
            sound = [number for number in published.versions(store) if _loads(store, number)]
            if sound:
                published.rollback(store, sound[-1])
            else:
                (models / "CURRENT").unlink(missing_ok=True)
        acts.mend(store)


def _chain(root: Root) -> Iterator[Finding]:
    commit, row = 1, 0
    for segment in root.segments:
        if segment.first < commit or segment.last < segment.first or segment.first_row != row:
            yield Finding(
                f"segment {segment.name or segment.first} does not follow the last", False
            )
        commit, row = segment.last + 1, segment.first_row + segment.rows
    if root.segments and (root.sealed < commit - 1 or root.rows != row):
        yield Finding("the root counts other commits or rows than its segments hold", False)


def _segment(store: Path, segment: Segment) -> Iterator[Finding]:
    """Read every array of a segment, and compare their lengths with what its commits count."""
    name = segment.name or f"of {segment.reference.group if segment.reference else '?'}"
    part = part_of(store, segment)
    try:
        commits = part.read("commits")
        counted = dict(zip(COLUMNS["commits"], commits.sum(axis=0).tolist(), strict=True))
        for array in COLUMNS:
            if isinstance(part, SegmentPart) and not part.complete(array):
                yield Finding(
                    f"segment {name}: a file of {array} is missing: restore it from a copy", False
                )
            lines = part.read(array)
            like = LINES.get(array, array)
            expected = len(commits) if array == "commits" else counted[like]
            if len(lines) != expected:
                yield Finding(
                    f"segment {name}: {array} has {len(lines)} lines, not {expected}", False
                )
        places = part.crop_places()
        if segment.rows != counted["rows"] or int(places[-1]) != counted["crops"]:
            yield Finding(f"segment {name}: its rows or crops are not those that it counts", False)
        tracks = part.read("tracks")
        if len(np.unique(tracks[:, 0])) != len(tracks):
            yield Finding(f"segment {name}: a track stands in it twice", False)
    except StoreError as error:
        yield Finding(str(error), False)
    except Exception as error:  # zarr and its codecs raise all kinds
        said = str(error) or type(error).__name__
        yield Finding(f"segment {name} cannot be read ({said}): restore it from a copy", False)


def _log(store: Path) -> Iterator[Finding]:
    if _written(store):
        return  # its end is being written just now
    for log in sorted((store / "log").glob("*.log")):
        with log.open("rb") as file:
            end = 0
            for record in scan(file.fileno()):
                end = record.end
            torn = log.stat().st_size - end
            lost = behind(file.fileno(), end)
        if lost:
            yield Finding(
                f"{log.name} is damaged at byte {end}: {lost} commits behind it cannot be reached:"
                " restore it from a copy, before anything writes the store",
                False,
            )
        elif torn:
            yield Finding(f"{log.name}: {torn} bytes of a commit that was not finished", True)
    for log in sorted((store / "log").glob(f"*{DAMAGED}")):
        yield Finding(f"{log.name} holds commits that a bad disk made unreadable", False)


def _written(store: Path) -> bool:
    """Whether a process writes the store just now."""
    try:
        Lock(store).release()
    except StoreLockedError:
        return True
    except OutputError:
        return False  # nobody may write it
    return False


def _leftovers(store: Path, root: Root) -> Iterator[Finding]:
    named = {segment.name for segment in root.segments} | {name for name, _ in root.retired}
    folder = store / "segments"
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        if entry.is_dir() and entry.name not in named and not _written(store):
            yield Finding(f"segments/{entry.name} belongs to nothing", True)
    for draft in sorted((store / "models").glob(".*.tmp")):
        yield Finding(f"models/{draft.name} is an unfinished draft", True)


def _models(store: Path) -> Iterator[Finding]:
    current = _current(store)
    if not _loads(store, current):
        yield Finding("the published model in force cannot be read", True)
    for number in published.versions(store):
        if number != current and not _loads(store, number):
            yield Finding(f"model {number} is damaged, and not in force", False)


def _current(store: Path) -> int:
    try:
        return published.current_number(store)
    except StoreError:
        return -1


def _loads(store: Path, number: int) -> bool:
    try:
        return number == 0 or (number > 0 and published.load(store, number) is not None)
    except (StoreError, OSError, ValueError, KeyError):
        return False


def _lines(store: Path) -> Iterator[Finding]:
    for name, file in (("act", store / acts.FILE), ("line of the journal", store / journal.FILE)):
        lines = file.read_bytes().split(b"\n") if file.exists() else [b""]
        if lines[-1]:
            yield Finding(f"{file.name}: its last {name} is torn", True)
        damaged = sum(not _sound(name, line) for line in lines[:-1])
        if damaged:
            yield Finding(f"{file.name}: {damaged} damaged lines, left out when read", False)


def _sound(name: str, line: bytes) -> bool:
    if name == "act":
        return acts.parse(line) is not None
    try:
        journal.Entry(**json.loads(line))
    except (ValueError, TypeError):
        return False
    return True
