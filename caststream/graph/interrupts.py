"""Ctrl-C: the first ends the stream normally, the second aborts at once; a hang-up ends it too."""

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
_HANG_UP = signal.SIGHUP
"""The terminal was closed: an end as well, though it often comes twice and never means a haste."""


class Interruptible(Protocol):
    """What can be interrupted: a ``Run``, or something that runs several."""

    def stop(self) -> None:
        """End normally, soon."""

    def abort(self) -> None:
        """End at once."""


@contextmanager
def interrupts(run: Interruptible, grace: float = 5.0) -> Iterator[None]:
    """While inside, SIGINT and SIGTERM stop the run, and a second one aborts it.

    SIGHUP stops it and never aborts; where it is ignored, as ``nohup`` has it, it stays ignored. A
    second signal of the others also raises KeyboardInterrupt on the main thread. Where even that
    does not end it within ``grace`` seconds (stuck in native code), the process exits with 130.
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
        calls += number != _HANG_UP
        if (calls >= 2 or aborting) and not raised and not left.is_set():
            raised = True
            raise KeyboardInterrupt

    def watch() -> None:
        nonlocal aborting
        if not reader.recv(1):
            return
        run.stop()
        while (number := reader.recv(1)) == bytes([_HANG_UP]):
            continue
        if not number:
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
    hung_up = () if signal.getsignal(_HANG_UP) == signal.SIG_IGN else (_HANG_UP,)
    handlers = {number: signal.signal(number, handle) for number in (*_SIGNALS, *hung_up)}
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
