"""Senders that die, fall silent or dribble, and clocks that jump."""

from __future__ import annotations

import contextlib
import functools
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from tools.faults.process import stream, until, vitals
from tools.faults.report import Row
from tools.sender import Broadcast

# What is learnt while it warms up would hide what connections leave behind.
_CALM = ("--set", "learn.tune=off", "--set", "learn.every=100000")


def restarts(film: Path, times: int, *, learns: bool) -> Row:
    """A sender that is killed and started again on its port."""
    sender = Broadcast(film)
    port = sender.port
    looks: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "s.zarr"
        words = [sender.uri, "--graph", "live", "--store", store, "--labels", "/dev/null"]
        words += ["--quiet", "--set", "decode.timeout=2", *(() if learns else _CALM)]
        with stream(*words, stderr=subprocess.DEVNULL) as process:
            until(lambda: (found := vitals(store)) and found["sources"][0]["frames"] > 20)
            if learns:
                # What learning loads once, up to the first tuned model, is not the connections'.
                with contextlib.suppress(TimeoutError):
                    until(lambda: (found := vitals(store)) and found["model"] > 0, 400.0, 1.0)
            for turn in range(times):
                sender.close()
                while True:
                    try:
                        sender = Broadcast(film, port)
                        break
                    except OSError:
                        time.sleep(0.05)
                until(functools.partial(_back, store, turn + 1))
                found = vitals(store)
                if found is not None:
                    looks.append(found)
            process.terminate()
            code = process.wait(60)
    sender.close()
    late = looks[len(looks) // 4 :]
    first, last = late[0], late[-1]
    memory = [one["resident"] / 2**20 for one in late]
    grown = np.polyfit(range(len(late)), memory, 1)[0] * len(late)
    files = [one["files"] for one in late]
    threads = [one["threads"] for one in late]
    back = last["sources"][0]["gaps"].get("reconnect", 0)
    found = (
        f"{back} reconnects, {grown:+.1f} MiB over the last three quarters,"
        f" threads {min(threads)} to {max(threads)}, files {min(files)} to {max(files)}"
    )
    good = back >= times and grown < 10 and last["files"] <= first["files"] + 2 and code == 130
    how = "on" if learns else "off"
    return Row(f"sender killed and restarted {times} times, learning {how}",
               "reconnects every time; memory, threads and files flat", found, good)  # fmt: skip


def _back(store: Path, times: int) -> bool:
    found = vitals(store)
    if found is None:
        return False
    source = found["sources"][0]
    return source["state"] == "running" and source["gaps"].get("reconnect", 0) >= times


def odd_servers(film: Path) -> Row:
    """One that says nothing, one that sends a byte a second, then a good one on the same port."""
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    turns: list[str] = []
    over = threading.Event()

    def serve() -> None:
        for kind in ("silent", "dribbling"):
            peer, _ = server.accept()
            with peer, contextlib.suppress(OSError):
                while not over.is_set():
                    if kind == "dribbling":
                        peer.sendall(b"G")
                    peer.settimeout(1.0)
                    try:
                        if not peer.recv(1):
                            break  # the other side gave up
                    except TimeoutError:
                        continue
            turns.append(kind)
        server.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "s.zarr"
        words = [f"tcp://127.0.0.1:{port}", "--graph", "live", "--store", store, "--quiet"]
        with stream(*words, "--labels", "/dev/null", "--set", "decode.timeout=3") as process:
            began = time.monotonic()
            until(lambda: len(turns) == 2)
            gave_up = time.monotonic() - began
            sender = Broadcast(film, port)
            until(lambda: (found := vitals(store)) and found["sources"][0]["frames"] > 20)
            process.terminate()
            code = process.wait(60)
        sender.close()
        over.set()
    found = (
        f"both given up after {gave_up:.0f} s in all with timeout 3 s, then the next sender runs"
    )
    return Row(
        "silent server; server that sends one byte a second", "reconnects", found, code == 130
    )


def clocks() -> Row:
    """Time stamps that restart, wrap at 33 bits, leap by 26 hours, in one recording."""
    sys.path.insert(0, "tests")
    from films import write_film

    from caststream.media.decoding import Decoder
    from caststream.media.losses import Break
    from caststream.media.pipes import StopSign
    from caststream.media.showing import Shown
    from caststream.media.sources import Source

    wrap = 2**33 / 90_000
    with tempfile.TemporaryDirectory() as folder:
        starts = [1000.0, 2.0, wrap - 1.0, 26 * 3600.0, 3.0]
        film = Path(folder) / "film.ts"
        film.write_bytes(
            b"".join(
                write_film(Path(folder) / f"{i}.ts", 48, start=start).read_bytes()
                for i, start in enumerate(starts)
            )
        )
        stop = StopSign()
        source = Source(str(film), timeout=5.0, spool_limit=1 << 20, stop=stop)
        items = list(Decoder(source, stop).run())
        source.close()
        stop.close()
    times = np.array([item.time for item in items if isinstance(item, Shown)])
    jumps = sum(isinstance(item, Break) and item.reason == "discontinuity" for item in items)
    even = float(np.abs(np.diff(times) - 1 / 24).max())
    good = len(times) == 48 * 5 and bool((np.diff(times) > 0).all()) and jumps == 4 and even < 0.05
    return Row("PTS restart, wrap at 33 bits, 26 hours of offset",
               "monotonic time out, counted",
               f"{len(times)} of {48 * 5} frames, steps within {even * 1000:.0f} ms of a frame,"
               f" {jumps} of 4 jumps counted", good)  # fmt: skip
