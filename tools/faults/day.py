"""Hours of film through a pipe at full speed: does memory stay flat, do all frames arrive?

    python -m tools.faults.day --film cartoon.mp4 [--hours 24] [--minutes 60] [--graph shots]
                               [-- words]

The film is repeated as one MPEG-TS without coding it anew, until so many hours of it were sent or
so many minutes have passed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from tools.faults.process import resident, stream
from tools.sender import packets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--film", type=Path, required=True)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--graph", default="shots")
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args, more = parser.parse_args(sys.argv[1:at]), sys.argv[at + 1 :]
    sent = 0
    began = time.monotonic()
    looks: list[tuple[float, float]] = []

    def feed(process: subprocess.Popen[bytes]) -> None:
        nonlocal sent
        assert process.stdin is not None
        for _, seconds, data in packets(args.film, 0):
            if seconds > args.hours * 3600 or time.monotonic() - began > args.minutes * 60:
                break
            process.stdin.write(data)
            sent += 1
            if sent % 2000 == 0:
                looks.append((seconds / 3600, resident(process.pid)))
        process.stdin.close()

    with tempfile.TemporaryDirectory() as folder:
        store = ("--store", f"{folder}/s.zarr")
        words = ["-", "--graph", args.graph, "--quiet", *store, *more]
        with stream(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            writer = threading.Thread(target=feed, args=(process,))
            writer.start()
            assert process.stdout is not None
            records = [json.loads(line) for line in process.stdout]
            writer.join()
            code = process.wait()
    hours, memory = np.array(looks[len(looks) // 5 :]).T
    end = records[-1]
    gaps = sum(record["type"] == "gap" for record in records)
    print(f"sent     {sent} frames, {hours[-1]:.2f} hours, in {time.monotonic() - began:.0f} s")
    print(
        f"seen     {end.get('frames')} frames, {end.get('shots')} shots, {gaps} gaps, code {code}"
    )
    print(f"memory   {memory[0]:.0f} to {memory[-1]:.0f} MiB")
    print(f"slope    {np.polyfit(hours, memory, 1)[0]:+.2f} MiB an hour of film")


if __name__ == "__main__":
    main()
