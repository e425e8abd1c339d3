"""What is no page: pictures out of the store and the film, and the package's own files.

Addresses hold numbers and known names only; nothing in a request is ever joined to a path.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import resources

import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from caststream.errors import InputError
from caststream.store.schema import make_uid
from caststream.web.pictures import nearest
from caststream.web.render import desk_of

_FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}
"""A crop never changes, and its address names this start of the page."""
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FILES = {"htmx.js": "htmx.min.js"}


def crop(request: Request) -> Response:
    """The most typical crop of a track."""
    parts = request.path_params
    return _crop(desk_of(request).crop(make_uid(parts["source"], parts["track"])))


def still(request: Request) -> Response:
    """An analysed frame of a film, where the film can still be read."""
    desk = desk_of(request)
    frame = request.path_params["frame"]
    with desk.at_work():
        source = desk.index.source(request.path_params["source"])
        seconds = nearest(*desk.index.frames(source.id), frame)
    if seconds is None:
        raise KeyError(f"frame {frame}")
    return _picture(lambda: desk.still(source, frame, seconds))


def key(request: Request) -> Response:
    """A picture of a shot, where the film can still be read."""
    desk = desk_of(request)
    number = request.path_params["shot"]
    with desk.at_work():
        source = desk.index.source(request.path_params["source"])
        shots = desk.index.shots(source.id)
        if number >= len(shots):
            raise KeyError(f"shot {number}")
        shot = shots[number]
    return _picture(lambda: desk.key(source, shot.index, shot.start, shot.end))


def face(request: Request) -> Response:
    """Who is seen longest in a shot, for want of the film."""
    desk = desk_of(request)
    with desk.at_work():
        tracks = desk.index.tracks
        mine = tracks.source == request.path_params["source"]
        lines = np.flatnonzero(mine & (tracks.shot == request.path_params["shot"]))
        if not len(lines):
            return Response(_BLANK, media_type="image/svg+xml")
        uid = int(tracks.uid[lines[np.argmax(tracks.seconds[lines])]])
    return _crop(desk.crop(uid))


def static(request: Request) -> Response:
    """One of the package's own files."""
    name = request.path_params["name"]
    files = _static()
    if name not in files:
        raise HTTPException(404)
    kind = _TYPES[name.rpartition(".")[2]]
    return Response(files[name], media_type=kind, headers={"cache-control": "no-cache"})


def _crop(found: bytes) -> Response:
    kind = "image/jpeg" if found else "image/svg+xml"
    return Response(found or _BLANK, media_type=kind, headers=_FOR_EVER)


def _picture(make: Callable[[], bytes]) -> Response:
    try:
        return Response(make(), media_type="image/jpeg", headers=_FOR_EVER)
    except InputError as error:
        raise HTTPException(404, str(error)) from None


@cache
def _static() -> dict[str, bytes]:
    folder = resources.files("caststream.web") / "static"
    held = {e.name: e.read_bytes() for e in folder.iterdir() if e.name.split(".")[-1] in _TYPES}
    return held | {short: held[long] for short, long in _FILES.items()}


_BLANK = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8"'
    b' fill="#8b8d98" opacity=".3"/></svg>'
)
