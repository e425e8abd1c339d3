"""Time from a picture's being sent to its label, with the live graph, on a real-time stream.

    python -m tools.bench_live film.mp4 [--seconds 60] [--rate 4] [-- --set detect.rate=4 ...]

A sender of its own gives the film out over TCP at its own pace, as ``tools/sender.py`` does, and
notes when each picture left; this program reads the labels line by line and notes when each came.
Both clocks are the machine's monotonic one. Prints the quantiles of the difference over all
analysed pictures after ``--warm`` seconds, how many were left out, and the processor time used.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from bisect import bisect_right
from pathlib import Path

from tools.sender import Broadcast


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--warm", type=float, default=10.0, help="seconds that do not count")
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args, more = parser.parse_args(sys.argv[1:at]), sys.argv[at + 1 :]
    sent: list[tuple[float, float]] = []
    sender = Broadcast(args.film, sent=lambda shown, now: sent.append((shown, now)))
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "caststream", sender.uri, "--graph", "live", "--quiet"]
        words += ["--store", f"{folder}/live.zarr", *more]
        labels, gaps = follow(words, args.seconds)
    sender.close()
    began = min(time for _, time in sent)
    first = sent[0][0]
    order = sorted(sent)
    shown = [seconds for seconds, _ in order]
    late = []
    for seconds, came in labels:
        # The stream's times begin with its first picture; a frame of rounding is harmless.
        at = max(0, bisect_right(shown, seconds + first + 0.002) - 1)
        if order[at][1] - began >= args.warm:
            late.append(came - order[at][1])
    late.sort()
    print(f"film      {args.film.name}, {args.seconds:.0f} s, load {os.getloadavg()[0]:.1f}")
    print(f"labelled  {len(late)} pictures after {args.warm:.0f} s, gaps {gaps or 'none'}")
    for share in (0.5, 0.9, 0.99, 1.0):
        value = late[min(int(share * len(late)), len(late) - 1)] if late else float("nan")
        print(f"p{share * 100:<8.0f} {value:.3f} s")


def follow(words: list[str], seconds: float) -> tuple[list[tuple[float, float]], dict[str, int]]:
    """(stream time, when its label came) of each frame record; frames missing by gap's reason."""
    labels: list[tuple[float, float]] = []
    gaps: dict[str, int] = {}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        until: float | None = None
        for line in process.stdout:
            now = time.monotonic()
            record = json.loads(line)
            if record["type"] == "frame":
                until = until or now + seconds
                labels.append((record["time"], now))
            elif record["type"] == "gap":
                gaps[record["reason"]] = gaps.get(record["reason"], 0) + record["frames"]
            if until is not None and now > until:
                process.terminate()
                until = float("inf")
    user, system = os.times().children_user, os.times().children_system
    print(f"cpu       {user + system:.1f} s with start-up")
    return labels, gaps


if __name__ == "__main__":
    main()
