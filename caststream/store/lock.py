"""One process writes a store: a lock that dies with its owner."""

from __future__ import annotations

import fcntl
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caststream.errors import StoreLockedError
from caststream.store.files import told

_held: weakref.WeakSet[Lock] = weakref.WeakSet()


class Lock:
    """An exclusive ``flock`` on the file LOCK, which holds the owner's process number.

    The kernel lets go of it when the owner ends, however it ends, so nothing has to be cleaned up
    after a crash. Raises StoreLockedError naming the owner, OutputError where the folder cannot
    be written.
    """

    def __init__(self, store: Path) -> None:
        self._fd = -1
        with told(store):
            fd = os.open(store / "LOCK", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
            os.close(fd)
            raise StoreLockedError(
                f"the store {store} is being written by process {owner or 'unknown'}: "
                "wait until it has ended, stop it, or give another --store"
            ) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._fd = fd
        _held.add(self)

    @property
    def held(self) -> bool:
        """Whether it was not let go of yet."""
        return self._fd >= 0

    def release(self) -> None:
        """Let go; safe to call again."""
        if self._fd >= 0:
            # Said aloud, since a child that was forked just now may not have closed its copy yet.
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            self.forget()

    def forget(self) -> None:
        """Close our copy and leave the lock to whoever shares it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def writer(store: Path) -> int | None:
    """Number of the process that took the lock last, if it still lives; a glance, not a promise.

    Nothing is locked for it: who asks must never be in the way of who writes.
    """
    try:
        owner = int((store / "LOCK").read_text("ascii"))
    except (OSError, ValueError):
        return None
    try:
        os.kill(owner, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass  # it lives, and is another user's
    return owner


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Let one process or thread at a time inside, by a lock on ``file``; its folder is made."""
    with told(file):
        file.parent.mkdir(exist_ok=True)
        fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _forget() -> None:
    # A forked child shares the lock and would keep it alive after its parent's death; closing the
    # child's copy leaves the parent's lock as it is.
    for lock in list(_held):
        lock.forget()


os.register_at_fork(after_in_child=_forget)
