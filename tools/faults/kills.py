"""kill -9 at random moments: of commits, models, acts, compaction, and of a whole stream."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from caststream.store.check import check, repair
from caststream.store.reader import StoreReader
from tools.faults.process import stream, until
from tools.faults.report import Row
from tools.sender import Broadcast

WANTED = "0 torn stores, 0 lost committed rows, 0 doubled rows"


def parts(each: int) -> Row:
    """The tests of the store and of compaction, with so many kills a test."""
    tests = [
        "tests/store/test_kills.py",
        "tests/store/test_compact.py::test_kill_9_while_compacting",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--timeout", "3600", *tests],
        env={**os.environ, "CASTSTREAM_KILLS": str(each)},
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr[-200:]
    found = "none of them" if done.returncode == 0 else last
    name = f"kill -9 at {4 * each} random moments: commits, models, acts, compacting ({each} each)"
    return Row(name, WANTED, found, done.returncode == 0)


def whole(film: Path, times: int, seed: int = 1) -> Row:
    """A live stream that learns and tunes all the time, killed and started again on one store.

    Every other time it is killed while it fine-tunes, if it comes to that.
    """
    moments = random.Random(seed)
    lost = doubled = torn = tuning = 0
    sender = Broadcast(film, speed=4.0)
    eager = ["learn.first=4", "learn.rest=4", "learn.every=2", "save.keep=1s", "detect.late=0"]
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "s.zarr"
        told: dict[int, set[int]] = {}
        for turn in range(times):
            out = Path(folder) / f"{turn}.ndjson"
            words = [sender.uri, "--graph", "live", "--store", store, "--labels", out, "--quiet"]
            words += [word for setting in eager for word in ("--set", setting)]
            with stream(*words) as process:
                deadline = time.monotonic() + 60
                while not out.exists() or not out.stat().st_size:
                    time.sleep(0.05)
                    if time.monotonic() > deadline or process.poll() is not None:
                        break
                if turn % 2:
                    with contextlib.suppress(TimeoutError):
                        until(functools.partial(_tunes, process.pid), 20.0, 0.05)
                    time.sleep(moments.uniform(0.0, 2.0))
                else:
                    time.sleep(moments.uniform(0.0, 8.0))
                tuning += _tunes(process.pid)
                process.kill()
            for line in out.read_text().splitlines() if out.exists() else ():
                try:
                    record = json.loads(line)
                except ValueError:
                    continue  # the line that was being written
                if record["type"] == "stream":
                    source = record["source"]
                    told[source] = set()
                elif record["type"] == "shot":
                    told[source].add(record["shot"])
            if not (store / "zarr.json").exists():
                continue
            repair(store)
            torn += bool(check(store))
            with StoreReader(store) as reader:
                for number, shots in told.items():
                    held = [shot.index for shot in reader.shots(number)]
                    lost += len(shots - set(held))
                    doubled += len(held) - len(set(held))
                uids = reader.tracks().uid
                doubled += len(uids) - len(set(uids.tolist()))
    sender.close()
    found = f"{torn} torn, {lost} lost, {doubled} doubled; {tuning} kills fell into a fine-tuning"
    return Row(f"kill -9 of a whole stream that learns and tunes, {times} times", WANTED, found,
               not (torn or lost or doubled))  # fmt: skip


def _tunes(pid: int) -> bool:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += (task / "children").read_text().split()
        words = [Path(f"/proc/{child}/cmdline").read_bytes() for child in children]
    except OSError:
        return False
    return any(b"learning.tuner" in word for word in words)
