"""Which films lie in folders, which of them are still written, and when to look again."""

from __future__ import annotations

import logging
import os
import re
import stat
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from caststream.media.sources import FILMS

_log = logging.getLogger(__name__)

_REMOTE = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs"),
        *("fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.davfs", "davfs", "virtiofs", "vboxsf"),
    )
)
"""File systems that do not tell of changes made elsewhere."""
_OCTAL = re.compile(r"\\([0-7]{3})")
"""How the mount table writes spaces and the like."""
_REST = 20.0
"""Times as long as a look took until the next one, while there are films to take: an archive of a
million films is walked for minutes."""
_STEP = 500
"""Milliseconds between two looks at the stop sign."""


@dataclass(frozen=True, slots=True)
class File:
    """A film in a watched folder."""

    path: str
    size: int
    changed: int
    """Nanoseconds since 1970."""


class Complaints:
    """Tells what cannot be read when it begins, and not at every look for as long as it lasts."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._now: set[str] = set()

    def __call__(self, error: OSError) -> None:
        """Tell of a path, unless the last look met the same."""
        text = f"{error.filename} cannot be read: {error.strerror}"
        if text not in self._told | self._now:
            _log.warning("%s", text)
        self._now.add(text)

    def looked(self) -> None:
        """A look is over: what it did not meet is told again when it comes back."""
        self._told, self._now = self._now, set()


def films(
    folders: Sequence[str | Path], complain: Callable[[OSError], None] | None = None
) -> Iterator[File]:
    """All films below the folders; hidden files, links to folders and unfinished names left out.

    ``complain`` is told what cannot be read; by itself that is logged.
    """
    complain = complain or Complaints()
    for folder in folders:
        for place, below, names in os.walk(folder, onerror=complain):
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in sorted(names):
                if name.startswith(".") or Path(name).suffix.lower() not in FILMS:
                    continue
                path = os.path.join(place, name)  # noqa: PTH118 (a million of these)
                film = _file(path, complain)
                if film is not None:
                    yield film


class Settling:
    """Knows which files have stopped growing: those that did not change for some seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[str, tuple[File, float]] = {}

    def settled(self, files: Sequence[File]) -> list[File]:
        """Those of ``files`` that may be taken; the others are remembered."""
        now, ready, seen = time.monotonic(), [], {}
        for file in files:
            before, since = self._seen.get(file.path, (file, now))
            since = since if before == file else now
            # What was changed long ago need not be waited for, unless its clock is ahead of ours.
            age = time.time() - file.changed / 1e9
            if age > self._seconds or now - since >= self._seconds:
                ready.append(file)
            seen[file.path] = (file, since)
        self._seen = seen
        return ready

    @property
    def waiting(self) -> bool:
        """Whether there are files that it remembers."""
        return bool(self._seen)


class Queue:
    """Films that may be taken, in order; looked for anew when they are through, or now and then."""

    def __init__(self, look: Callable[[], Iterable[File]]) -> None:
        self._look = look
        self._files: deque[File] = deque()
        self._again = 0.0
        """When to look again, on the monotonic clock."""

    def __len__(self) -> int:
        return len(self._files)

    def take(self) -> File | None:
        """The next film that is still as it was seen; None where there is none just now."""
        while True:
            began = time.monotonic()
            if not self._files or began >= self._again:
                self._files = deque(self._look())
                now = time.monotonic()
                self._again = now + _REST * (now - began)
            if not self._files:
                return None
            file = self._files.popleft()
            if _file(file.path, lambda error: None) == file:  # else the next look tells
                return file


def _file(path: str, complain: Callable[[OSError], None]) -> File | None:
    """A film as it lies there; None where there is none, or nothing in it."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError as error:
        complain(error)
        return None
    whole = stat.S_ISREG(found.st_mode) and found.st_size > 0
    return File(path, found.st_size, found.st_mtime_ns) if whole else None


class Bell:
    """Says when to look again: at a change, and every ``every`` seconds at the latest.

    Changes are told by the kernel through watchfiles where that is installed and the folders are
    local; on network shares folders are looked at every ``every`` seconds instead.
    """

    def __init__(self, folders: Sequence[str | Path], every: float) -> None:
        self._folders = [str(folder) for folder in folders]
        self._every = every
        self._why = ""
        self._told = not any(map(remote, self._folders))
        if self._told:
            try:
                import watchfiles  # noqa: F401
            except ImportError:
                self._told = False

    def wait(self, seconds: float, stop: Event) -> None:
        """Return after a change, after so many seconds, or when ``stop`` is set."""
        seconds = min(seconds, self._every)
        if not self._told:
            stop.wait(seconds)
            return
        from watchfiles import watch

        until = time.monotonic() + seconds
        try:
            for changes in watch(
                *self._folders, stop_event=stop, rust_timeout=_STEP, yield_on_timeout=True,
                raise_interrupt=False,
            ):  # fmt: skip
                if changes or time.monotonic() >= until:
                    return
        except OSError as error:
            # A folder is away for now, or there are more of them than the kernel watches.
            if self._why != str(error):
                _log.info("changes are looked for every %g s: %s", seconds, error)
            self._why = str(error)
            stop.wait(seconds)


def remote(folder: str | Path, table: Path = Path("/proc/self/mounts")) -> bool:
    """Whether a folder lies on a network share, as far as the mount table says."""
    try:
        lines = table.read_text("utf-8", "surrogateescape").split("\n")
    except OSError:
        return False
    real = os.path.realpath(folder)
    best, kind = "", ""
    for line in filter(None, lines):
        _, place, found, *_ = line.split(" ")
        place = _OCTAL.sub(lambda escape: chr(int(escape[1], 8)), place)
        inside = real == place or real.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best):
            best, kind = place, found
    return kind in _REMOTE
