"""Times the whole job on a film against decoding alone, in turn, and watches its memory.

    python tools/bench_run.py film.mp4 [--runs 3] [--seconds 120] [-- --set detect.rate=4 ...]

Prints the speed as a multiple of real time (median), the ratio of the whole job to decoding alone
pair by pair, the largest resident memory, its growth after the first two minutes of film, and
whether all runs wrote the same labels but for clock readings. Words after ``--`` go to caststream.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DECODE = """
import sys, av
with av.open(sys.argv[1]) as film:
    stream = film.streams.video[0]
    stream.thread_type = "AUTO"
    for frame in film.decode(stream):
        if frame.time is not None and frame.time > float(sys.argv[2]):
            break
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, help="only this much of the film")
    parser.add_argument("words", nargs="*", help="further words for caststream, after --")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        film = cut(args.film, Path(folder), args.seconds) if args.seconds else args.film
        length = seconds(film)
        jobs, alone, peaks, slopes, labels = [], [], [], [], []
        for run in range(args.runs):
            alone.append(timed([sys.executable, "-c", DECODE, str(film), str(length)])[0])
            store, out = Path(folder) / f"{run}.zarr", Path(folder) / f"{run}.ndjson"
            words = ["--store", store, "--labels", out, "--quiet", *args.words]
            took, memory = timed([sys.executable, "-m", "caststream", str(film), *map(str, words)])
            jobs.append(took)
            peaks.append(max(m for _, m in memory))
            late = [m for t, m in memory if t > took * min(0.5, 120 / length)]
            slopes.append((late[-1] - late[0]) if len(late) > 1 else 0.0)
            labels.append(settled(out))
            print(
                f"run {run + 1}: decoding {length / alone[-1]:.1f}x, whole job"
                f" {length / took:.1f}x real time, peak {peaks[-1]:.0f} MiB"
            )
    ratios = [a / b for a, b in zip(alone, jobs, strict=True)]
    print(f"whole job         {length / statistics.median(jobs):6.1f} times real time (median)")
    print(f"decoding alone    {length / statistics.median(alone):6.1f} times real time (median)")
    print(f"ratio             {statistics.median(ratios):6.2f} of decoding alone (median of pairs)")
    print(f"memory            {max(peaks):6.0f} MiB resident at most")
    print(f"growth            {statistics.median(slopes):6.0f} MiB after the first two minutes")
    print(f"repeated runs     {'equal' if all(x == labels[0] for x in labels) else 'DIFFERENT'}")


def timed(words: list[str]) -> tuple[float, list[tuple[float, float]]]:
    """Wall seconds of a command, and (seconds, MiB resident) on its way."""
    began = time.monotonic()
    memory: list[tuple[float, float]] = []
    with subprocess.Popen(words) as process:
        while process.poll() is None:
            memory.append((time.monotonic() - began, resident(process.pid)))
            time.sleep(0.25)
    if process.returncode:
        sys.exit(f"{words[:4]} ended with code {process.returncode}")
    return time.monotonic() - began, memory


def resident(pid: int) -> float:
    """MiB of a process and its children."""
    total = 0.0
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) / 1024
    except OSError:
        return 0.0
    return total + sum(resident(int(child)) for child in children)


def settled(path: Path) -> list[dict[str, object]]:
    """Labels without what a clock or a path wrote."""
    clocks = {"started", "elapsed", "store"}
    with path.open() as lines:
        return [{k: v for k, v in json.loads(x).items() if k not in clocks} for x in lines]


def seconds(film: Path) -> float:
    import av

    with av.open(str(film)) as source:
        return float(source.duration or 0) / av.time_base


def cut(film: Path, folder: Path, length: float) -> Path:
    """The beginning of a film, without coding it anew."""
    import av

    path = folder / f"cut{film.suffix}"
    with av.open(str(film)) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is None or float((packet.pts or 0) * packet.time_base) > length:
                break
            packet.stream = stream
            out.mux(packet)
    return path


if __name__ == "__main__":
    main()
