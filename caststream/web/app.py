"""All addresses of the page, and what is answered where something goes wrong."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from caststream.errors import CaststreamError
from caststream.web import (
    changes,
    characters,
    compare,
    events,
    frame,
    images,
    live,
    suggestions,
    timeline,
)
from caststream.web.desk import Desk
from caststream.web.guard import Guard, TooLargeError
from caststream.web.render import desk_of, fragment, page

_log = logging.getLogger(__name__)


class _Number(IntegerConvertor):
    """A number that a store may have; longer ones are at no address of ours."""

    regex = "[0-9]{1,9}"


register_url_convertor("number", _Number())


def make_app(desk: Desk, *, token: str, hosts: Iterable[str], cookie: str) -> Starlette:
    """The page over a desk; see ``Guard`` for the rest."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        desk.close()

    app = Starlette(
        routes=_routes(),
        middleware=[Middleware(Guard, token=token, hosts=hosts, cookie=cookie)],
        exception_handlers={
            TooLargeError: _too_large,
            CaststreamError: _refused,
            KeyError: _unknown,
            HTTPException: _http,
            Exception: _broken,
        },
        lifespan=lifespan,
    )
    app.state.desk = desk
    app.state.ending = lambda: False  # who serves the app says when it ends
    return app


def _routes() -> list[Route]:
    def get(path: str, handler: object) -> Route:
        return Route(path, handler, methods=["GET"])  # type: ignore[arg-type]

    def post(path: str, handler: object) -> Route:
        return Route(path, handler, methods=["POST"])  # type: ignore[arg-type]

    return [
        get("/", _home),
        get("/characters", characters.characters),
        get("/characters/{character}", characters.character),
        post("/acts/name", changes.name),
        post("/acts/merge", changes.merge),
        post("/acts/split", changes.split),
        post("/acts/move", changes.move),
        post("/acts/not-this", changes.not_this),
        post("/acts/ignore", changes.ignore),
        post("/acts/undo", changes.undo),
        get("/suggestions", suggestions.suggestions),
        post("/suggestions", suggestions.answer),
        post("/suggestions/again", suggestions.again),
        get("/timeline", timeline.timeline),
        get("/frame/{source:number}/{frame:number}", frame.frame),
        get("/live", live.live),
        get("/live/now", live.now),
        get("/live/{source:number}/{frame:number}.jpg", live.picture),
        post("/models/rollback", live.rollback),
        get("/compare", compare.compare),
        post("/compare", compare.look_up),
        get("/events", events.events),
        get("/crop/{tag}/{source:number}/{track:number}.jpg", images.crop),
        get("/still/{tag}/{source:number}/{frame:number}.jpg", images.still),
        get("/key/{tag}/{source:number}/{shot:number}.jpg", images.key),
        get("/face/{tag}/{source:number}/{shot:number}.jpg", images.face),
        get("/static/{name}", images.static),
    ]


def _home(request: Request) -> Response:
    return RedirectResponse("/characters", 303)


def _too_large(request: Request, error: Exception) -> Response:
    assert isinstance(error, TooLargeError)
    return error.response


def _refused(request: Request, error: Exception) -> Response:
    """A sentence made for people."""
    return _say(request, 422, "That cannot be done", str(error))


def _unknown(request: Request, error: Exception) -> Response:
    return _say(request, 404, "Not in this store", "It may have been merged or labelled anew.")


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404 and request.url.path.endswith((".jpg", ".css", ".js", ".svg")):
        return Response(status_code=404)
    text = error.detail if error.status_code != 404 else "There is nothing at this address."
    return _say(request, error.status_code, "Not found", text)


def _broken(request: Request, error: Exception) -> Response:
    _log.error("%s %s: %s: %s", request.method, request.url.path, type(error).__name__, error)
    return _say(request, 500, "That went wrong", "The terminal that runs caststream says more.")


def _say(request: Request, status: int, heading: str, text: str) -> Response:
    if request.method == "POST":
        return fragment("refused.html", status, text=text[:1].upper() + text[1:])
    try:
        with desk_of(request).at_work() as desk:
            response = page(request, desk, "error.html", heading=heading, text=text)
    except (CaststreamError, OSError):
        # The store itself cannot be looked at: nothing that would be drawn from it.
        return fragment("gone.html", status, heading=heading, text=text)
    response.status_code = status
    return response
