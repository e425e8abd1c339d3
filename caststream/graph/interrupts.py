"""Ctrl-C: the first ends the stream normally, the second aborts at once."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

_EXIT_CODE = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruptible(Protocol):
    """What can be interrupted: a ``Run``, or something that runs several."""

    def stop(self) -> None:
        """End normally, soon."""

    def abort(self) -> None:
        """End at once."""


@contextmanager
def interrupts(run: Interruptible, grace: float = 5.0) -> Iterator[None]:
    """While inside, SIGINT and SIGTERM stop the run, and a second one aborts it.

    A second signal also raises KeyboardInterrupt on the main thread. Where even that does not
    end it within ``grace`` seconds (stuck in native code), the process exits with code 130.
    Only for the main thread, and only for programs: it takes the process' signal handlers.
    """
    # Python runs handlers on the main thread, between two bytecodes: too late where that thread
    # is inside a blocking call, and at risk of a deadlock where the interrupted code holds a lock
    # that stop() needs. The wake-up socket reaches another thread at once and without any lock.
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    main = threading.get_ident()
    left = threading.Event()
    calls = 0
    aborting = raised = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal calls, raised
        calls += 1
        if (calls >= 2 or aborting) and not raised and not left.is_set():
            raised = True
            raise KeyboardInterrupt

    def watch() -> None:
        nonlocal aborting
        if not reader.recv(1):
            return
        run.stop()
        if not reader.recv(1):
            return
        aborting = True
        run.abort()
        # The kernel gives a second signal in quick succession to any thread; only one that comes
        # to the main thread itself wakes it from a blocking call.
        if not left.is_set():
            signal.pthread_kill(main, signal.SIGINT)
        if not left.wait(grace):
            os._exit(_EXIT_CODE)

    watcher = threading.Thread(target=watch, name="caststream-interrupts", daemon=True)
    watcher.start()
    wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    handlers = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        left.set()
        signal.set_wakeup_fd(wakeup)
        writer.close()
        # The old handlers come back only when the watcher can send no more signals.
        watcher.join(grace)
        reader.close()
        for number, handler in handlers.items():
            signal.signal(number, handler)
