"""Folders of this machine or of an object store (S3, GCS, Azure), behind one set of verbs.

Addresses are paths or ``s3://bucket/folder``. Credentials come from the environment or the
machine's role, as each provider documents, and never through an address: addresses are kept in
plans and stores, and told in messages.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import unquote, urlsplit

from caststream.errors import CaststreamError, OutputError, StoreError, UsageError

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Backend

_REMOTE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_QUERY = re.compile(r"\?[^\s\"']+")
PARTS = 8 << 20
"""Bytes that are uploaded at once of a large file."""


def is_remote(address: str | Path) -> bool:
    """Whether an address names an object store rather than a path of this machine."""
    text = str(address)
    return bool(_REMOTE.match(text)) and not text.lower().startswith("file://")


def checked(address: str | Path) -> str:
    """The address as it is kept: absolute where it is a path.

    Raises UsageError for one that carries credentials.
    """
    text = str(address)
    if text.lower().startswith("file://"):
        text = unquote(text[7:])
    if not is_remote(text):
        return str(Path(text).absolute())
    parts = urlsplit(text)
    if "@" in parts.netloc or parts.query:
        bare = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        raise UsageError(
            f"the address {bare} carries credentials or a query, which would be written down: "
            "give it without, and credentials by the environment"
        )
    if not parts.netloc:
        raise UsageError(f"{text} names no bucket: write it as s3://bucket/folder")
    return text.rstrip("/")


class Place:
    """One folder; names in it are relative, with ``/`` between their parts."""

    def __init__(self, address: str | Path, *, failure: type[CaststreamError] = StoreError) -> None:
        """Take the folder; nothing is asked of it yet.

        ``failure`` is raised where reading fails, with the address and what is wrong. Raises
        UsageError for an address that cannot be meant, and where ``obstore`` is not installed.
        """
        self.address = checked(address)
        self._failure = failure

    def __reduce__(self) -> Any:
        return Place, (self.address,), {"_failure": self._failure}

    def of(self, name: str) -> str:
        """Address of something in it."""
        return f"{self.address}/{name}"

    @cached_property
    def backend(self) -> Backend:
        """What does the work."""
        try:
            from obstore.exceptions import BaseError
            from obstore.store import LocalStore, from_url
        except ImportError:
            raise UsageError(
                "archives need obstore: install caststream with its extra, 'caststream[ray]'"
            ) from None
        if not is_remote(self.address):
            if not Path(self.address).is_dir():
                raise FileNotFoundError(self.address)
            return LocalStore(self.address)
        try:
            return from_url(self.address)
        except (BaseError, ValueError) as error:
            raise UsageError(f"{self.address} cannot be opened: {_said(error)}") from None

    # --- reading ------------------------------------------------------------------------------

    def read(self, name: str) -> bytes:
        """The whole of a file."""
        with self._told(self._failure, "read", name):
            data: bytes = self.backend.get(name).bytes().to_bytes()
            return data

    def read_part(self, name: str, first: int, last: int) -> bytes:
        """Bytes ``first`` to ``last`` (exclusive) of a file."""
        if first >= last:
            return b""
        with self._told(self._failure, "read", name):
            data: bytes = self.backend.get_range(name, start=first, end=last).to_bytes()
            return data

    def size(self, name: str) -> int:
        """Bytes of a file."""
        with self._told(self._failure, "read", name):
            return int(self.backend.head(name)["size"])

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        with self._told(self._failure, "read", name), suppress(FileNotFoundError):
            self.backend.head(name)
            return True
        return False

    def names(self, under: str = "") -> list[str]:
        """Names of all files below a folder of it, in order; none where there is no such folder."""
        found: list[str] = []
        with self._told(self._failure, "listed", under), suppress(FileNotFoundError):
            for batch in self.backend.list(under or None):
                found.extend(item["path"] for item in batch)
        return sorted(found)

    def open(self, name: str) -> BinaryIO:
        """A file to read from and seek in; only what is asked for is fetched."""
        return cast(BinaryIO, io.BufferedReader(_Reader(self, name), PARTS // 8))

    def download(self, name: str, path: Path) -> None:
        """Copy a file here."""
        with self._told(self._failure, "read", name), path.open("wb") as out:
            for part in self.backend.get(name).stream(min_chunk_size=PARTS):
                out.write(part)

    # --- writing ------------------------------------------------------------------------------

    def put(self, name: str, data: bytes) -> None:
        """Write a file, or put it in the place of one, at once."""
        self._made()
        with self._told(OutputError, "written", name):
            self.backend.put(name, data, use_multipart=False)

    def create(self, name: str, data: bytes) -> bool:
        """Write a file that was not there, at once; False where it is there already.

        Of many that try at the same moment one gets True.
        """
        from obstore.exceptions import AlreadyExistsError

        self._made()
        with self._told(OutputError, "written", name):
            try:
                self.backend.put(name, data, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
        return True

    def upload(self, folder: Path, under: str, leave: Iterable[str] = ()) -> None:
        """Copy a folder of this machine with all below it, without the names in ``leave``."""
        left = set(leave)
        self._made()
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            if path.is_file() and not left.intersection(inside.parts):
                name = f"{under}/{inside.as_posix()}"
                with self._told(OutputError, "written", name):
                    self.backend.put(name, path, chunk_size=PARTS)

    def remove(self, names: list[str]) -> None:
        """Take files away; those that are gone already do not matter."""
        with self._told(OutputError, "removed", ""):
            for name in names:
                with suppress(FileNotFoundError):
                    self.backend.delete(name)

    def _made(self) -> None:
        if not is_remote(self.address):
            with self._told(OutputError, "written", ""):
                Path(self.address).mkdir(parents=True, exist_ok=True)

    @contextmanager
    def _told(self, kind: type[CaststreamError], what: str, name: str) -> Iterator[None]:
        try:
            yield
        except CaststreamError:
            raise
        except Exception as error:
            where = self.of(name) if name else self.address
            raise kind(f"{where} cannot be {what}: {_said(error)}") from None


class _Reader(io.RawIOBase):
    """Reads a file of a place as it is asked for."""

    def __init__(self, place: Place, name: str) -> None:
        self._place = place
        self._name = name
        self._size = place.size(name)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        last = min(self._at + len(buffer), self._size)
        data = self._place.read_part(self._name, self._at, last)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def open_group(place: str | Path) -> Any:
    """A zarr group to read, of this machine or of an object store; StoreError where it is gone."""
    import zarr

    try:
        if not is_remote(place):
            return zarr.open_group(place, mode="r")
        from zarr.storage import ObjectStore

        return zarr.open_group(ObjectStore(Place(place).backend, read_only=True), mode="r")
    except FileNotFoundError:
        raise StoreError(f"{place} is gone: put it back, or restore it from a copy") from None


def _said(error: Exception) -> str:
    """What went wrong in a line, without what a signed address would give away."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines()
    return _QUERY.sub("", lines[0]) if lines else type(error).__name__
