"""What a film file is known by, whatever it is called: a few bytes of it and its size."""

from __future__ import annotations

import hashlib
import os

from caststream.errors import InputError

HEAD = 1 << 20
"""Bytes at the beginning (and end) of a source that its fingerprint is made of."""


def fingerprint_of(path: str) -> str:
    """The fingerprint that a film file is known by; InputError where it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"{path} cannot be opened: {error.strerror}.") from None
    try:
        return fingerprint_at(descriptor)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    finally:
        os.close(descriptor)


def digest_of(size: int, head: bytes, tail: bytes) -> str:
    """SHA-256 over a file's size, first and last MiB (the same bytes twice where it is short)."""
    return hashlib.sha256(str(size).encode() + head + tail).hexdigest()


def fingerprint_at(descriptor: int) -> str:
    """Of an open file; does not move its offset."""
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, HEAD, max(0, size - HEAD))
    return digest_of(size, os.pread(descriptor, HEAD, 0), tail)
