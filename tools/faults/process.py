"""A caststream process that is made to suffer: started, asked, watched, ended."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from caststream.errors import StoreError
from caststream.store.control import ask

PROGRAM = [sys.executable, "-m", "caststream"]


@contextlib.contextmanager
def stream(*words: str | Path, **more: Any) -> Iterator[subprocess.Popen[Any]]:
    """A running process; killed on the way out where it has not ended."""
    with subprocess.Popen([*PROGRAM, *map(str, words)], **more) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def vitals(store: Path) -> dict[str, Any] | None:
    """What it says of itself, None while it cannot be asked."""
    try:
        found: dict[str, Any] = ask(store, {"do": "vitals"})
    except StoreError:
        return None
    return found


def until(what: Callable[[], Any], seconds: float = 120.0, every: float = 0.1) -> Any:
    """Wait for something true; TimeoutError where it does not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(every)
    raise TimeoutError("it did not come to that")


def resident(pid: int, what: str = "VmRSS") -> float:
    """Resident memory in MiB, 0 where it has ended; ``what`` as in proc_pid_status(5)."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) / 1024
    except OSError:
        return 0.0
    return 0.0
