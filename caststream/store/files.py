"""Files that are whole or not there: atomic replacement, syncing, and disk errors as sentences."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caststream.errors import OutputError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


_sync = getattr(os, "fdatasync", os.fsync)
"""Syncs what was written and the size; not when, which nobody asks for."""


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what the disk refuses under ``path`` into an OutputError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise OutputError(
                f"no room left on the disk of {path}: free some and start again; "
                "everything committed before is safe"
            ) from error
        if error.errno in FORBIDDEN:
            raise OutputError(
                f"{path} cannot be written ({error.strerror}): "
                "give --store a folder that you may write to"
            ) from error
        raise OutputError(f"{path} cannot be written: {error}") from error


def sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_tree(path: Path) -> None:
    """Make all files and names under a folder survive a power cut."""
    for folder, _, names in os.walk(path, topdown=False):
        for name in names:
            fd = os.open(Path(folder, name), os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        sync_folder(Path(folder))


def write_all(fd: int, data: bytes) -> None:
    """Write every byte: a nearly full disk takes a part first and refuses the rest."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def append(fd: int, data: bytes, end: int) -> None:
    """Write from the byte ``end`` on, synced; where the disk refuses, the file ends there."""
    os.lseek(fd, end, os.SEEK_SET)
    try:
        write_all(fd, data)
        _sync(fd)
    except OSError:
        os.ftruncate(fd, end)
        raise


def replace(path: Path, data: bytes) -> None:
    """Put ``data`` in the place of a file at once: readers see the old or the new, never half."""
    # The name tells the process, so that two that replace the same file do not share a draft.
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        write_all(fd, data)
        os.fsync(fd)
    except BaseException:
        os.close(fd)
        draft.unlink(missing_ok=True)
        raise
    os.close(fd)
    draft.replace(path)
    sync_folder(path.parent)
