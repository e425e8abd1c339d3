"""The page beside a running stream: in a process of its own, which the stream never waits for.

It runs at low priority, reads the store like anybody else, and asks the stream through the store's
socket only while somebody looks on. It ends when the stream's process does, however that ends,
since the pipe between them closes then; with ``stay`` it goes on until Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from caststream.errors import StoreError
from caststream.web.server import Door, open_door, serve

_NICE = 5
_POLL = 0.1


class Beside:
    """The page of a store that is about to be written; made before the stream begins."""

    def __init__(self, store: str, port: int) -> None:
        """Start it; UsageError where the extra is missing or nobody can listen on the port."""
        door = open_door(port=port)
        self.address = door.address
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "caststream.web.beside", store, str(door.socket.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[door.socket.fileno()],
            start_new_session=True,  # Ctrl-C is for the stream, which tells the page when to end
        )
        assert self._process.stdin is not None
        self._process.stdin.write(f"{door.token}\n".encode())
        self._process.stdin.flush()
        door.socket.close()

    def stay(self) -> None:
        """Keep the page up until Ctrl-C, or until it ends by itself."""
        with contextlib.suppress(KeyboardInterrupt):
            self._process.wait()

    def close(self) -> None:
        """Let the page end; safe to call again."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main() -> int:
    """The page's process: store and socket from the command line, the token from standard input."""
    store, descriptor = Path(sys.argv[1]), int(sys.argv[2])
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    token = sys.stdin.readline().strip()
    threading.Thread(target=_end_with_stream, daemon=True).start()
    while not (store / "zarr.json").exists():  # until the stream has made it
        time.sleep(_POLL)
    listening = socket.socket(fileno=descriptor)
    try:
        serve(store, Door(listening, token, frozenset({"127.0.0.1", "localhost", "[::1]"})))
    except StoreError:
        return StoreError.exit_code  # the stream says it
    return 0


def _end_with_stream() -> None:
    """Wait for the other end of standard input to close, then end as after Ctrl-C."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(3)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
