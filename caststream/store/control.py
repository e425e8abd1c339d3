"""Talking to the process that writes a store, through a socket that lies in the store.

One question a connection, one line of JSON each way: ``{"do": "vitals"}`` gives the running
statistics (``caststream.vitals``), ``{"do": "look"}`` these and the newest picture of each source
with its boxes (``caststream.nodes.look``), ``{"do": "add", "uri": ...}`` and ``{"do": "remove",
"uri": ...}`` change the sources, ``{"do": "compact", "keep": seconds}`` compacts. An answer is
``{"ok": ...}`` or ``{"error": "one sentence"}``. The socket belongs to the user who runs the
stream; it dies with the process, so nothing that it says is ever old.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from caststream.errors import CaststreamError, StoreError

FILE = "control.sock"
_LONGEST = 1 << 16
"""Bytes of a question at most."""
_PATIENCE = 5.0
"""Seconds that a peer may take to send or take a line."""
_log = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any]], Any]


class Control:
    """Answers questions on a thread of its own until closed.

    ``handler`` gets the question and returns any JSON; a CaststreamError becomes the answer's
    ``error``. Opens nothing, and says so in the log, where the file system has no sockets.
    """

    def __init__(self, store: str | Path, handler: Handler) -> None:
        self._handler = handler
        self._server: socket.socket | None = None
        self._file = Path(store) / FILE
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Who writes the store has its lock: a socket that is there belongs to a dead process.
            self._file.unlink(missing_ok=True)
            with _short(self._file.parent) as folder:
                server.bind(f"{folder}/{FILE}")
            self._file.chmod(0o600)
            server.listen(8)
        except OSError as error:
            server.close()
            _log.info("%s: no control socket (%s)", store, error)
            return
        self._server = server
        threading.Thread(target=self._serve, args=(server,), name="control", daemon=True).start()

    def _serve(self, server: socket.socket) -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return  # closed
            # A thread each: compacting takes minutes, and statistics are asked for meanwhile.
            threading.Thread(target=self._talk, args=(peer,), name="answer", daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            peer.settimeout(_PATIENCE)
            peer.sendall(self._answer(_line(peer)))

    def _answer(self, line: bytes) -> bytes:
        try:
            question = json.loads(line)
            if not isinstance(question, dict):
                raise ValueError
            answer = {"ok": self._handler(question)}
        except CaststreamError as error:
            answer = {"error": str(error)}
        except ValueError:
            answer = {"error": "a question is one line with a JSON object"}
        except Exception as error:
            _log.warning("a question could not be answered: %s", error)
            answer = {"error": f"{type(error).__name__}: {error}"}
        return json.dumps(answer).encode() + b"\n"

    def close(self) -> None:
        """Answer no more; safe to call again."""
        if self._server is not None:
            with contextlib.suppress(OSError):
                self._server.shutdown(socket.SHUT_RDWR)
            self._server.close()
            self._server = None
            with contextlib.suppress(OSError):
                self._file.unlink(missing_ok=True)


def ask(store: str | Path, question: dict[str, Any], patience: float = _PATIENCE) -> Any:
    """What the process that writes ``store`` answers, within ``patience`` seconds.

    Raises StoreError where none is running, and with its sentence where it refuses.
    """
    folder = Path(store)
    with contextlib.ExitStack() as stack:
        peer = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        peer.settimeout(patience)
        try:
            peer.connect(f"{stack.enter_context(_short(folder))}/{FILE}")
            peer.sendall(json.dumps(question).encode() + b"\n")
            peer.shutdown(socket.SHUT_WR)
            answer = json.loads(_line(peer, limit=None))
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            raise StoreError(
                f"no stream is running on {store}: start one with caststream --store {store}"
            ) from None
        except (OSError, ValueError) as error:
            raise StoreError(f"the stream that runs on {store} does not answer: {error}") from error
    if "error" in answer:
        raise StoreError(answer["error"])
    return answer["ok"]


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A short name for a folder: addresses of sockets hold 107 bytes, paths of stores more."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


def _line(peer: socket.socket, limit: int | None = _LONGEST) -> bytes:
    data = bytearray()
    while b"\n" not in data and (limit is None or len(data) < limit):
        part = peer.recv(1 << 16)
        if not part:
            break
        data += part
    return bytes(data)
