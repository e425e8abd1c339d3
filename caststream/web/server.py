"""Starting the page: a socket, a token, an address to open."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path

from caststream.errors import UsageError

PORT = 8765
_NEEDED = ("starlette", "uvicorn", "jinja2")


@dataclass(frozen=True, slots=True)
class Door:
    """Where the page listens, and who may come in."""

    socket: socket.socket
    token: str
    hosts: frozenset[str]

    @property
    def address(self) -> str:
        """What to open in a browser; holds the token."""
        host, port = self.socket.getsockname()[:2]
        if ip_address(host).is_unspecified:
            host = next((h for h in sorted(self.hosts) if not _local(h)), "127.0.0.1")
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """Cookies do not tell ports apart, so that their names have to."""
        return f"caststream-{self.socket.getsockname()[1]}"


def open_door(host: str = "127.0.0.1", port: int = PORT, allow: Sequence[str] = ()) -> Door:
    """Listen on ``host``:``port`` (0: any free one), known by the names in ``allow`` as well.

    Raises UsageError where the extra is not installed, or nobody can listen there.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the page needs {', '.join(missing)}: install it with  pip install 'caststream[web]'"
        )
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # The protocol is named, since asyncio turns Nagle's algorithm off only where it is: without
        # that each small answer waits 40 ms for the other side's acknowledgement.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"nobody can listen on {host}, port {port} ({reason}): give another port, or 0"
            " for any that is free"
        ) from None
    own = listening.getsockname()[0]
    names = {"127.0.0.1", "localhost", "[::1]", host.lower(), *(name.lower() for name in allow)}
    names |= {f"[{own}]" if ":" in own else own}
    return Door(listening, secrets.token_urlsafe(24), frozenset(names))


def serve(store: str | Path, door: Door) -> None:
    """Show a store until Ctrl-C; raises as ``StoreReader`` does."""
    import uvicorn

    from caststream.web.app import make_app
    from caststream.web.desk import Desk

    desk = Desk(store)
    app = make_app(desk, token=door.token, hosts=door.hosts, cookie=door.cookie)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        http="h11",
        ws="none",
        loop="asyncio",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=2,
        limit_concurrency=200,
        h11_max_incomplete_event_size=64 << 10,
    )
    server = uvicorn.Server(config)
    app.state.ending = lambda: server.should_exit
    server.run(sockets=[door.socket])


def _local(host: str) -> bool:
    return host in ("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::]")
