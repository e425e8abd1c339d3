"""Who may talk to the page: checked before anything else sees a request.

The page shows a store to whoever holds its token, on this machine. A browser there also runs other
people's pages, so each request has to show that it comes from ours:

- ``Host`` must be a name of ours: a foreign one that was made to point here (DNS rebinding) is not;
- the token, given once in the address, comes back as a cookie that scripts cannot read and that
  other sites' requests do not carry (HttpOnly, SameSite=Strict);
- whatever changes something is a POST whose ``Origin`` is ours and that has the header
  ``X-Caststream``, which another site's form cannot set;
- bodies are cut off at a limit, counted as they come;
- answers forbid foreign scripts, frames and sniffing, so that a name that is a script stays a name.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from html import escape
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Caststream"
"""Set by our own script on every request that changes something."""
MOST_FORM = 256 << 10
"""Bytes of a form."""
MOST_UPLOAD = 12 << 20
"""Bytes of a picture that is dropped on the page."""
UPLOADS = frozenset({"/compare"})
"""Where pictures go."""

_SAFE = frozenset({"GET", "HEAD"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:/@\[\]]+)(?::(\d+))?", re.IGNORECASE)
_POLICY = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
        " connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """The outermost layer of the page; ``hosts`` are names without ports, in lower case."""

    def __init__(self, app: ASGIApp, *, token: str, hosts: Iterable[str], cookie: str) -> None:
        self._app = app
        self._token = token
        self._hosts = frozenset(hosts)
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what must not pass, and let the rest through."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # nothing here speaks WebSocket
        send = _with_policy(send)
        refused = self._refused(scope)
        if refused is not None:
            await refused(scope, receive, send)
            return
        limit = MOST_UPLOAD if scope["path"] in UPLOADS else MOST_FORM
        await self._app(scope, _Limited(receive, limit), send)

    def _refused(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        found = _HOST.fullmatch(host)
        if len(headers.getlist("host")) != 1 or not found or found[1] not in self._hosts:
            return PlainTextResponse(
                "This name is not one of the page's. Start it with --allow-host NAME to use it.\n",
                400,
            )
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if scope["method"] in _SAFE and given:
            return self._enter(given[-1])
        if not self._known(headers):
            return HTMLResponse(_STRANGER, 401)
        if scope["method"] in _SAFE:
            return None
        if scope["method"] != "POST":
            return PlainTextResponse("GET and POST are all that there is.\n", 405)
        if headers.get("origin", "").lower() != f"{scope['scheme']}://{host}":
            return PlainTextResponse("This request comes from another page.\n", 403)
        if HEADER not in headers:
            return PlainTextResponse(f"This request lacks the header {HEADER}.\n", 403)
        limit = MOST_UPLOAD if scope["path"] in UPLOADS else MOST_FORM
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > limit:
            return _too_large(limit)
        return None

    def _known(self, headers: Headers) -> bool:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return cookie is not None and self._fits(cookie.value)

    def _fits(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())

    def _enter(self, given: str) -> Response:
        """Turn the token of the address into a cookie."""
        if not self._fits(given):
            return HTMLResponse(_STRANGER, 401)
        # A page that goes on by itself, and no redirect: after a click in a mail program a
        # redirect would count as that program's request and go without the strict cookie.
        response = HTMLResponse(_WELCOME, headers={"cache-control": "no-store"})
        response.set_cookie(self._cookie, given, httponly=True, samesite="strict")
        return response


class TooLargeError(Exception):
    """The body of a request goes over the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    @property
    def response(self) -> Response:
        """What is answered."""
        return _too_large(self.limit)


class _Limited:
    """Counts a body as it comes: its stated length may lie, or be missing."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._taken = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        if self._taken > self._limit:
            raise TooLargeError(self._limit)
        return message


def _too_large(limit: int) -> Response:
    return PlainTextResponse(f"That is too large: {limit >> 10} KiB are the most.\n", 413)


def _with_policy(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _POLICY.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return wrapped


def _page(title: str, body: str, head: str = "") -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">{head}'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>{body}'
    )


_WELCOME = _page(
    "caststream",
    '<p><a href="/">Go on to the page</a></p>',
    '<meta http-equiv="refresh" content="0;url=/"><link rel="icon" href="/static/icon.svg">',
)
_STRANGER = _page(
    "caststream: not yet",
    "<h1>Not yet</h1><p>Open the address that caststream printed when it started, with its token:"
    " it looks like <code>http://127.0.0.1:8765/?token=…</code></p>",
)
