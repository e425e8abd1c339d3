"""Films of an archive, wherever they lie: found, measured, and cut into spans without recoding."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caststream.errors import InputError, NoVideoError
from caststream.media.fingerprint import digest_of, fingerprint_of
from caststream.media.sources import FILMS
from caststream.messages import uri_text
from caststream.store.places import Place, checked, is_remote

if TYPE_CHECKING:
    import av

_HEAD = 1 << 20
_READ = 1 << 20
"""Bytes that are asked for at once of a film in an object store."""
_MUXERS = {".mp4": "mp4", ".mkv": "matroska"}
_BEYOND = 60.0
"""Seconds after its end that a span waits for a keyframe to end at."""


@dataclass(frozen=True, slots=True)
class Film:
    """What is known of a film before anything of it is decoded."""

    uri: str
    fingerprint: str
    """As ``StreamStart`` has it: of the content's beginning, end and size."""
    seconds: float | None
    cuts: tuple[float, ...]
    """Times at which it may be cut in two: of keyframes, seconds from its first picture."""


def find_films(inputs: list[str]) -> list[str]:
    """Addresses of all films that ``inputs`` name, in order; folders are searched to the bottom.

    An address that ends with ``/`` is a folder of an object store. Raises InputError for what is
    not there, UsageError for an address with credentials in it.
    """
    found: list[str] = []
    for text in inputs:
        address = checked(text)
        if is_remote(address):
            if not text.endswith("/"):
                found.append(address)
                continue
            place = Place(address, failure=InputError)
            names = [name for name in place.names() if Path(name).suffix.lower() in FILMS]
            found += [place.of(name) for name in names]
        elif Path(address).is_dir():
            paths = sorted(p for p in Path(address).rglob("*") if p.suffix.lower() in FILMS)
            found += [str(path) for path in paths if path.is_file()]
        elif Path(address).exists():
            found.append(address)
        else:
            raise InputError(f"{text} cannot be opened: there is no such file")
    return list(dict.fromkeys(found))


def measure(uri: str, every: float) -> Film:
    """Open a film and find keyframes about every ``every`` seconds at which it may be cut.

    Raises InputError and NoVideoError.
    """
    if uri_text(uri) != uri:
        raise InputError(f"{uri_text(uri)} cannot be planned: its name is no UTF-8, rename it")
    content = fingerprint(uri)
    with _opened(uri) as (container, stream):
        seconds = _seconds(container, stream)
        first = _first_keyframe(container, stream)
        cuts: list[float] = []
        parts = math.ceil(seconds / every) if seconds and first is not None else 1
        for part in range(1, parts):
            assert seconds is not None and first is not None and stream.time_base is not None
            wanted = first + int(seconds * part / parts / stream.time_base)
            found = _keyframe_before(container, stream, wanted)
            if found is None:
                continue
            time = float((found - first) * stream.time_base)
            # Seeking may end up anywhere in a file without an index; then it is not cut there.
            if abs(time - seconds * part / parts) < every / 4:
                cuts.append(round(time, 6))
    return Film(uri, content, seconds, tuple(cuts))


def cut(uri: str, start: float, end: float | None, following: float | None, path: Path) -> int:
    """Copy the pictures from a keyframe on to a film of their own; returns how many.

    It begins with the keyframe at ``start`` and ends before the first keyframe at or after
    ``end`` (seconds from the film's first picture). Counted are the pictures before
    ``following``, which is where the next span begins. Nothing is recoded, sound is left out.
    Raises InputError.
    """
    import av

    counted = 0
    with (
        _opened(uri) as (source, stream),
        av.open(str(path), "w", format=_MUXERS[path.suffix]) as out,
    ):
        base = stream.time_base
        first = _first_keyframe(source, stream)
        if first is None or base is None:
            raise InputError(f"{uri} holds no keyframe to begin with")
        half = 0.0005
        zero = first + round(start / base)
        last = math.inf if end is None else first + (end - half) / base
        counts = math.inf if following is None else first + (following - half) / base
        target = out.add_stream_from_template(stream)
        begun = False
        for packet in _from(source, stream, zero, first):
            if packet.pts is None or packet.dts is None:
                continue
            if packet.pts + half / base < zero:
                continue  # before the keyframe, or shown before it
            if not begun and not (packet.is_keyframe and packet.pts - half / base <= zero):
                break  # it is not there any more
            begun = True
            over = packet.pts >= last
            if (over and packet.is_keyframe) or packet.pts > last + _BEYOND / base:
                break
            counted += packet.pts < counts
            packet.pts -= zero
            packet.dts -= zero
            packet.stream = target
            out.mux(packet)
    if not counted:
        raise InputError(f"{uri} has no pictures from {start:.3f} s on; was it changed?")
    return counted


def container_for(uri: str) -> str:
    """Ending of a file that can take up the pictures of this film as they are."""
    with _opened(uri) as (container, _):
        return ".mp4" if "mp4" in container.format.name else ".mkv"


@contextmanager
def _opened(uri: str) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """A film and its largest video stream; covers are none."""
    import av

    cover = int(av.stream.Disposition.attached_pic)
    with _file(uri) as file:
        try:
            with av.open(file, "r", buffer_size=_READ) as container:
                films = [s for s in container.streams.video if not int(s.disposition) & cover]
                if not films:
                    raise NoVideoError(f"{uri} holds no video")
                yield container, max(films, key=lambda film: film.width * film.height)
        except av.FFmpegError as error:
            raise InputError(f"{uri} cannot be read: {error.strerror}") from None


@contextmanager
def _file(uri: str) -> Iterator[Any]:
    if not is_remote(uri):
        yield uri
        return
    place, name = place_of(uri)
    yield place.open(name)


def place_of(uri: str) -> tuple[Place, str]:
    """The folder that a film in an object store lies in, and its name there."""
    folder, _, name = uri.rpartition("/")
    return Place(folder, failure=InputError), name


def fingerprint(uri: str) -> str:
    """Fingerprint of a film as ``StreamStart`` has it; InputError where it cannot be read."""
    if not is_remote(uri):
        return fingerprint_of(uri)
    place, name = place_of(uri)
    size = place.size(name)
    head = place.read_part(name, 0, min(size, _HEAD))
    return digest_of(size, head, place.read_part(name, max(0, size - _HEAD), size))


def _seconds(container: av.container.InputContainer, stream: av.VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration else None


def _first_keyframe(container: av.container.InputContainer, stream: av.VideoStream) -> int | None:
    for packet in container.demux(stream):
        if packet.is_keyframe and packet.pts is not None:
            return int(packet.pts)
    return None


def _from(
    container: av.container.InputContainer, stream: av.VideoStream, wanted: int, first: int
) -> Iterator[Any]:
    """Packets from somewhere before ``wanted`` on."""
    assert stream.time_base is not None
    back = int(2 / stream.time_base)
    while True:
        # Seeking in a transport stream ends up near, also behind.
        container.seek(max(first, wanted - back), stream=stream, backward=True)
        packets = container.demux(stream)
        packet = next(packets, None)
        at = None if packet is None else packet.pts or packet.dts
        if packet is not None and (wanted - back <= first or (at is not None and at <= wanted)):
            yield packet
            yield from packets
            return
        if packet is None and wanted - back <= first:
            return
        back *= 4


def _keyframe_before(
    container: av.container.InputContainer, stream: av.VideoStream, wanted: int
) -> int | None:
    import av

    try:
        container.seek(wanted, stream=stream, backward=True)
        return _first_keyframe(container, stream)
    except av.FFmpegError:
        return None
