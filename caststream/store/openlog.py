"""The log that a writer appends to: one file, begun anew whenever what it holds was sealed."""

from __future__ import annotations

import logging
import os
import shutil
import time
from pathlib import Path

from caststream.errors import StoreError
from caststream.store.files import append, sync_folder, sync_tree
from caststream.store.log import Record, behind, scan
from caststream.store.references import first_of

logger = logging.getLogger(__name__)
DAMAGED = ".damaged"
"""Ending of copies of logs whose commits could not all be read."""


class OpenLog:
    """Holds the file open; what it refuses is raised as OSError, and then nothing was changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fd = -1
        self.size = 0
        """Bytes of whole records."""
        self.began = time.time()
        """When its first commit came, seconds since 1970."""

    @property
    def open(self) -> bool:
        """Whether there is a file that would be appended to."""
        return self._fd >= 0

    def resume(self, file: Path, sealed: int, follows: int | None) -> list[Record]:
        """Go on with a file that another process left, cut where a crash tore it.

        Where a bad disk changed it, so that whole commits lie behind, it is copied before.
        Returns its records after commit ``sealed``; where there are none the file is deleted.
        Raises StoreError unless the first of them is ``follows``, None where none may be.
        """
        fd = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        records = list(scan(fd))
        live = [record for record in records if record.number > sealed]
        end = records[-1].end if records else 0
        lost = behind(fd, end)
        if lost:
            self._put_aside(file, end, lost)
        if not live:
            # Sealed whole, or torn before its first commit was whole.
            os.close(fd)
            file.unlink()
            return []
        if first_of(live[0]) != follows:
            os.close(fd)
            raise StoreError(f"{file} does not follow what is sealed: restore it from a copy")
        self._fd, self.size = fd, end
        torn = os.fstat(fd).st_size - self.size
        if torn:
            logger.info("%s: cut %d bytes of a commit that was not finished", file, torn)
            os.ftruncate(fd, self.size)
            os.fsync(fd)
        return live

    def _put_aside(self, file: Path, end: int, lost: int) -> None:
        copy = file.with_name(f"{file.stem}-{end}{DAMAGED}")
        shutil.copyfile(file, copy)
        sync_tree(self._folder)
        logger.error(
            "%s was damaged by its disk at byte %d: %d commits behind it are lost; all of it is"
            " kept in %s", file, end, lost, copy.name,
        )  # fmt: skip

    def begin(self, first: int) -> None:
        """Begin a file whose first commit will be ``first``, unless one is open."""
        if self.open:
            return
        file = self._folder / f"{first:012d}.log"
        self._fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self.size = 0
        self.began = time.time()
        sync_folder(self._folder)

    def append(self, data: bytes) -> Record:
        """Add one encoded record; it is on the disk when this returns."""
        append(self._fd, data, self.size)
        (record,) = scan(self._fd, self.size)
        self.size = record.end
        return record

    def drop(self) -> None:
        """Delete the file, and what others may have left beside it."""
        self.close()
        for file in self._folder.glob("*.log"):
            file.unlink()

    def close(self) -> None:
        """Let go of the file; safe to call again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
