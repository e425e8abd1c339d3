"""A drawn cartoon as a live stream for an hour or more: does anything grow or slow down?

    python -m tools.faults.soak [--minutes 60] [--film cartoon.mp4] [--out soak.json] [-- words]

A process of caststream with the live graph watches a broadcast of the film in a loop; every few
seconds its statistics are asked for through the store's socket. The slope of the resident memory
is that of a straight line through what comes after ``--warm`` minutes; the one without steps is the
median over all pairs of looks that are five minutes apart (Theil 1950, Sen 1968), which something
that is loaded once does not move. Its own is what no file backs: pages of libraries come and go as
the system likes. Latencies are compared between the first and the last quarter.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caststream.errors import StoreError
from caststream.store.control import ask
from tools.faults.process import resident
from tools.sender import Broadcast


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--warm", type=float, default=10.0, help="minutes that do not count")
    parser.add_argument("--film", type=Path, required=True)
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two looks")
    parser.add_argument("--out", type=Path, help="keep all that was seen, as JSON lines")
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args, words = parser.parse_args(sys.argv[1:at]), sys.argv[at + 1 :]
    seen = soak(args.film, args.minutes * 60, args.every, args.out, words)
    for name, value in judge(seen, args.warm * 60).items():
        print(f"{name:24} {value}")


def soak(
    film: Path, seconds: float, every: float, out: Path | None, words: list[str]
) -> list[dict[str, Any]]:
    """Run, and return a snapshot of the statistics every so many seconds."""
    sender = Broadcast(film)
    seen: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        store = f"{folder}/soak.zarr"
        command = [sys.executable, "-m", "caststream", sender.uri, "--graph", "live", "--quiet"]
        command += ["--store", store, "--labels", "/dev/null", *words]
        process = subprocess.Popen(command)
        until = time.monotonic() + seconds
        while time.monotonic() < until and process.poll() is None:
            time.sleep(every)
            try:
                seen.append(ask(store, {"do": "vitals"}))
                seen[-1]["own"] = resident(process.pid, "RssAnon") * 2**20
            except StoreError as error:
                print(error, file=sys.stderr)
                continue
            if out is not None:
                with out.open("a") as file:
                    file.write(json.dumps(seen[-1]) + "\n")
        process.terminate()
        code = process.wait(120)
        disk = sum(f.stat().st_size for f in Path(store).rglob("*") if f.is_file())
    sender.close()
    if code != 130:
        sys.exit(f"caststream ended with code {code}")
    print(f"{'store':24} {disk / 2**20:.1f} MiB at the end")
    return seen


def judge(seen: list[dict[str, Any]], warm: float) -> dict[str, str]:
    """What the snapshots say, in words."""
    late = [one for one in seen if one["uptime"] >= warm]
    if len(late) < 4:
        sys.exit("too short: nothing is left after warming up")
    hours = np.array([one["uptime"] for one in late]) / 3600
    memory = np.array([one["resident"] for one in late]) / 2**20
    own = np.array([one["own"] for one in late]) / 2**20
    quarter = max(1, len(late) // 4)
    first, last = late[:quarter], late[-quarter:]

    def middle(part: list[dict[str, Any]], which: str) -> float:
        known = [one["sources"][0]["latency"][which] for one in part]
        return float(np.median([value for value in known if value is not None]))

    source = late[-1]["sources"][0]
    spent, passed = (late[-1][name] - late[0][name] for name in ("cpu", "uptime"))
    return {
        "watched": f"{late[-1]['uptime'] / 60:.0f} minutes, {source['frames']} frames,"
        f" {source['analysed']} analysed, {source['commits']} commits",
        "resident memory": f"{memory[0]:.0f} MiB after warming up, {memory[-1]:.0f} at the end,"
        f" {memory.max():.0f} at most",
        "slope": f"{np.polyfit(hours, memory, 1)[0]:+.2f} MiB an hour",
        "slope without steps": f"{_typical(hours, memory):+.2f} MiB an hour",
        "slope of its own": f"{np.polyfit(hours, own, 1)[0]:+.2f} MiB an hour,"
        f" {_typical(hours, own):+.2f} without steps",
        "latency p50": f"{middle(first, 'p50'):.3f} s early, {middle(last, 'p50'):.3f} s late",
        "latency p99": f"{middle(first, 'p99'):.3f} s early, {middle(last, 'p99'):.3f} s late",
        "threads, files": f"{late[0]['threads']}, {late[0]['files']} early,"
        f" {late[-1]['threads']}, {late[-1]['files']} late",
        "processor": f"{spent / passed:.2f} cores",
        "gaps": json.dumps(source["gaps"]) + " missing " + json.dumps(source["missing"]),
    }


def _typical(hours: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    apart = hours[None, :] - hours[:, None]
    change = values[None, :] - values[:, None]
    near = (apart >= 5 / 60) & (apart < 6 / 60)
    return float(np.median(change[near] / apart[near])) if near.any() else float("nan")


if __name__ == "__main__":
    main()
