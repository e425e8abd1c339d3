"""Opening what a user calls a source: standard input, a pipe, a file, an address."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import re
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import av
import av.codec.hwaccel

from caststream.errors import InputError, NoVideoError
from caststream.media.fingerprint import HEAD, fingerprint_at
from caststream.media.pipes import GrowingReader, PipeReader, StopSign, index_comes_last, index_size

log = logging.getLogger(__name__)

MIB = 1 << 20
PIXEL_LIMIT = 8192 * 8192
"""Larger pictures are refused before anything is decoded."""

FILMS = frozenset(
    f".{ending}"
    for ending in (
        *("3gp", "asf", "avi", "divx", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg"),
        *("mts", "mxf", "ogm", "ogv", "ts", "vob", "webm", "wmv"),
    )
)
"""Endings by which films are found in a folder."""

INDEX_LIMIT = 256 * MIB
"""Larger indexes of MP4 files are refused: a film of a day at 60 frames a second needs 100 MiB."""

_PEEK = 4096
"""Bytes in which the index of an MP4 that begins with it is looked for."""
_HEAD_WAIT = 2.0
"""Seconds that a slow pipe gets to send as much; a fingerprint of less serves as well."""
LIVE = ("rtsp", "rtsps", "rtmp", "rtmps", "udp", "rtp", "tcp", "tls", "srt")
"""Kinds of addresses whose senders do not wait for us."""
_OPTIONS = {
    "rtsp": {"rtsp_flags": "prefer_tcp"},  # what is lost on UDP is missing from the picture
    "udp": {"overrun_nonfatal": "1"},
}
_TITLES: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
)
"""Titles in old encodings are common, and no reason to refuse a film; PyAV 19 takes them anyway."""
_NO_FILM = (
    "is no film that can be read: not a known format, or damaged or cut off (an MP4 without its "
    "index cannot be read)."
)
_TEXT = frozenset({"ansi", "bintext", "xbin", "idf"})
"""Decoders that draw text files as pictures."""


class Source:
    """An opened source: a demuxer, its one video stream, and what is known beforehand."""

    def __init__(
        self,
        uri: str,
        *,
        timeout: float,
        spool_limit: int,
        stop: StopSign,
        grows: float = 0.0,
        hardware: av.codec.hwaccel.HWAccel | None = None,
    ) -> None:
        """Open ``uri`` ("-" for standard input, a path, an address).

        Pipes are read as they come, except for an MP4 whose index comes last: that is spooled to
        a temporary file of at most ``spool_limit`` bytes. ``timeout`` (seconds) is how long an
        address may stay silent; a pipe may as long as it likes. With ``grows`` a file is read on
        at its end until it has not grown for so many seconds. ``hardware`` decodes what it can.
        Raises ``InputError`` for what
        cannot be opened and ``NoVideoError`` for what holds no pictures.
        """
        self.uri = uri
        self.name = "Standard input" if uri == "-" else uri
        self.timeout = timeout
        self._spool_limit = spool_limit
        self._grows = grows
        self.hardware = hardware
        self._stop = stop
        self._cleanup = contextlib.ExitStack()
        self._pipe: PipeReader | None = None
        self._descriptor = -1
        self._path = _path_of(uri)
        self.remote = _is_address(self._path)
        try:
            self.container, self.fingerprint = self._open()
            self._cleanup.callback(lambda: self.container.close())
            self.stream = self._choose()
        except InputError:
            self.close()
            raise

    @property
    def sound(self) -> av.AudioStream | None:
        """The sound that belongs to the film, None where it has none that FFmpeg knows."""
        best = self.container.streams.best("audio", related=self.stream)
        known = isinstance(best, av.AudioStream) and best.codec_context is not None
        return best if known else None  # type: ignore[return-value]

    @property
    def live(self) -> bool:
        """Whether the end of input means that the sender broke off."""
        if not self.remote:
            return False
        if self.uri.split(":")[0].lower() in LIVE:
            return True
        # Playlists that are still written have no length, endless transfers no size either.
        return not self.container.duration and (self.replays or self.container.size <= 0)

    @property
    def replays(self) -> bool:
        """Whether opening it anew gives again what was sent just before: playlists do."""
        return "hls" in self.container.format.name or "dash" in self.container.format.name

    @property
    def seconds(self) -> float | None:
        """Length as the container states it; None for pipes and live sources."""
        if self.live or self._pipe is not None:
            return None
        if self.stream.duration and self.stream.time_base:
            return float(self.stream.duration * self.stream.time_base)
        return self.container.duration / 1e6 if self.container.duration else None

    @property
    def streamed(self) -> bool:
        """Whether times come as they were sent, with splices, and not from an index."""
        return self.remote or "mpegts" in self.container.format.name

    @property
    def stated_seconds(self) -> float | None:
        """Length of the pictures that the file's own index states, where it has one."""
        stream = self.stream
        if "mp4" not in self.container.format.name or not stream.duration or not stream.time_base:
            return None
        return float(stream.duration * stream.time_base)

    @property
    def fps(self) -> float | None:
        """Nominal frames a second, None where they vary or nobody knows."""
        average = float(self.stream.average_rate or 0)
        base = float(self.stream.base_rate or 0)
        if not average or not base:
            return None
        for rate in (base, base / 2.0):  # interlaced streams state the rate of their fields
            if abs(average / rate - 1.0) < 0.005:
                return rate
        return None

    def reopen(self, place: int | None = None) -> None:
        """Probe the source anew: a remote one by connecting again, a local one from a byte on.

        Raises as the first opening does.
        """
        self.container.close()
        if self.remote:
            self.container, _ = self._open()
        elif self._pipe is not None:
            self.container = self._demux(self._pipe)
        else:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            self.container = self._demux_descriptor({"skip_initial_bytes": str(place or 0)})
        self.stream = self._choose()

    def close(self) -> None:
        """Close what was opened; safe to call again."""
        self._cleanup.close()

    def _open(self) -> tuple[av.container.InputContainer, str]:
        if self.remote:
            return self._demux(self.uri), hashlib.sha256(self.uri.encode()).hexdigest()
        self._descriptor = _standard_input() if self.uri == "-" else self._open_path()
        mode = os.fstat(self._descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise InputError(f"{self.name} is a directory; give a film file in it.")
        if stat.S_ISREG(mode):
            return self._open_regular()
        if os.isatty(self._descriptor):
            raise InputError(f"{self.name} is a terminal; give a film file or pipe one in.")
        return self._open_pipe()

    def _open_path(self) -> int:
        try:
            # A named pipe would otherwise block here until somebody writes to it.
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise InputError(f"{self.uri} cannot be opened: {error.strerror}.") from None
        self._cleanup.callback(os.close, descriptor)
        os.set_blocking(descriptor, True)
        return descriptor

    def _open_regular(self) -> tuple[av.container.InputContainer, str]:
        if os.fstat(self._descriptor).st_size == 0:
            raise InputError(f"{self.name} is empty (0 bytes).")
        self._check_index(os.pread(self._descriptor, _PEEK, 0))
        if self._grows:
            return self._read_in_order(GrowingReader(self._descriptor, self._stop, self._grows))
        return self._demux_descriptor(), fingerprint_at(self._descriptor)

    def _open_pipe(self) -> tuple[av.container.InputContainer, str]:
        pipe = PipeReader(self._descriptor, self._stop)
        if not pipe.peek(12) and not self._stop.up:
            raise InputError(f"{self.name} is empty (0 bytes).")
        last = index_comes_last(pipe)
        self._check_index(pipe.peek(_PEEK, 0.0))
        if last:
            self._descriptor = self._spool_pipe(pipe)
            return self._demux_descriptor(), fingerprint_at(self._descriptor)
        return self._read_in_order(pipe)

    def _check_index(self, head: bytes) -> None:
        """Refuse an index that could only be made to fill the memory of who reads it."""
        size = index_size(head)
        if size > INDEX_LIMIT:
            raise InputError(
                f"{self.name} states an index of {size // MIB:,} MiB; at most "
                f"{INDEX_LIMIT // MIB} MiB are read. It may be damaged."
            )

    def _read_in_order(self, pipe: PipeReader) -> tuple[av.container.InputContainer, str]:
        self._pipe = pipe
        digest = hashlib.sha256(pipe.peek(HEAD, _HEAD_WAIT)).hexdigest()
        return self._demux(pipe), digest

    def _spool_pipe(self, pipe: PipeReader) -> int:
        log.warning(
            "%s is an MP4 with its index at the end: keeping it in a temporary file (at most %d "
            "MiB) before it can be read", self.name, self._spool_limit // MIB,
        )  # fmt: skip
        spool = tempfile.TemporaryFile(prefix="caststream-")  # noqa: SIM115
        self._cleanup.callback(spool.close)
        total = 0
        try:
            while data := pipe.read(MIB):
                total += len(data)
                if total > self._spool_limit:
                    raise InputError(
                        f"{self.name} is an MP4 with its index at the end and larger than the "
                        f"spool limit of {self._spool_limit // MIB} MiB; give it as a file, or "
                        "move its index to the front (ffmpeg -i IN -c copy -movflags +faststart "
                        "OUT)."
                    )
                spool.write(data)
            spool.flush()
        except OSError as error:
            raise InputError(
                f"{self.name} is an MP4 with its index at the end and cannot be spooled to "
                f"{tempfile.gettempdir()}: {error.strerror}; set TMPDIR to a larger disk."
            ) from None
        spool.seek(0)
        return spool.fileno()

    def _demux_descriptor(
        self, options: dict[str, str] | None = None
    ) -> av.container.InputContainer:
        return self._demux("fd:", {"fd": str(self._descriptor), **(options or {})})

    def _demux(
        self, file: str | PipeReader, options: dict[str, str] | None = None
    ) -> av.container.InputContainer:
        timeout = (self.timeout, self.timeout) if self.remote else None
        if self.uri.lower().startswith(("http://", "https://")):
            # A film goes on where its connection broke; live playlists are opened anew instead.
            options = {"reconnect": "1", "reconnect_delay_max": "5"}
        elif self.remote:
            options = _OPTIONS.get(self.uri.split(":")[0].lower())
        try:
            container: av.container.InputContainer = av.open(
                file, "r", options=options or {}, timeout=timeout, hwaccel=self.hardware, **_TITLES
            )
            return container
        except av.FFmpegError as error:
            raise InputError(
                f"{self.name} {_explain(error, self.timeout, not self.remote)}"
            ) from None
        except OSError as error:
            raise InputError(f"{self.name} cannot be read: {error.strerror}.") from None

    def _choose(self) -> av.VideoStream:
        """The largest film of the container; a cover picture is none."""
        films = [
            stream
            for stream in self.container.streams.video
            if not int(stream.disposition) & int(av.stream.Disposition.attached_pic)
        ]
        if not len(self.container.streams):
            raise InputError(f"{self.name} {_NO_FILM}")
        if not films:
            kinds = " and ".join(sorted({stream.type for stream in self.container.streams}))
            raise NoVideoError(f"{self.name} holds no video, only {kinds}.")
        films = [stream for stream in films if stream.codec_context is not None]
        if not films:
            raise InputError(
                f"{self.name} names no codec that this FFmpeg knows; its index may be damaged."
            )
        if any(stream.codec_context.name in _TEXT for stream in films):
            raise InputError(f"{self.name} is text, not a film.")
        stream = max(films, key=lambda film: film.width * film.height)
        if stream.width <= 0 or stream.height <= 0:
            raise NoVideoError(
                f"{self.name} states no picture size that could be true; it may be damaged."
            )
        if stream.width * stream.height > PIXEL_LIMIT:
            raise InputError(
                f"{self.name} has pictures of {stream.width}x{stream.height} pixels; at most "
                f"{PIXEL_LIMIT:,} pixels are taken."
            )
        return stream


def is_film_itself(path: str, uri: str) -> bool:
    """Whether writing to ``path`` would go over the film that ``uri`` names."""
    try:
        target = Path(path).stat()
        film = os.fstat(sys.stdin.fileno()) if uri == "-" else Path(_path_of(uri)).stat()
    except (AttributeError, OSError, ValueError):
        return False
    return stat.S_ISREG(target.st_mode) and os.path.samestat(target, film)


def _path_of(uri: str) -> str:
    return unquote(uri[7:]) if uri.lower().startswith("file://") else uri


def _is_address(uri: str) -> bool:
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", uri) is not None


def _standard_input() -> int:
    try:
        descriptor = sys.stdin.fileno()
        os.fstat(descriptor)
    except (AttributeError, OSError, ValueError):
        raise InputError("Standard input is closed; give a film file or pipe one in.") from None
    return descriptor


def _explain(error: av.FFmpegError, timeout: float, opened: bool) -> str:
    """What went wrong; ``opened`` says that it was opened by us, so that only its content is."""
    damaged = isinstance(error, av.InvalidDataError | av.EOFError | av.PatchWelcomeError)
    # Demuxers that meet nonsense give all kinds of codes, such as "device or resource busy".
    if damaged or (opened and not isinstance(error, MemoryError) and error.errno != errno.EIO):
        return _NO_FILM
    if isinstance(error, MemoryError):
        return "asks for more memory than may be had; it may be damaged."
    if isinstance(error, av.ExitError):
        return f"did not answer within {timeout:g} s."
    if isinstance(error, av.ProtocolNotFoundError):
        return "has an address of a kind that this FFmpeg cannot open; see the README for SRT."
    return f"cannot be opened: {error.strerror}."
