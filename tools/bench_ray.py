"""Two Ray workers with a core each against one, same units, in turn.

    python -m tools.bench_ray FILM [--units 6] [--pairs 1]

Each unit is the film under another content hash. A run of ``caststream archive run`` is held to
one core and one unit at a time, or to two and two. Told are the whole runs, with Ray's start, and
the pace from the first commits to the last, which is what counts in long runs. The load of the
machine is told as well: where others use its cores, the ratio says what was left of them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORDS = [sys.executable, "-m", "caststream", "archive"]


def run(plan: Path, archive: Path, cores: int) -> tuple[float, float]:
    """Seconds by the clock, and seconds a unit once each worker has done its first."""
    which = sorted(os.sched_getaffinity(0))[:cores]
    began = time.monotonic()
    subprocess.run(
        [*WORDS, "run", str(plan), "--store", str(archive), "--at-once", str(cores)],
        check=True,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, which),
    )
    took = time.monotonic() - began
    commits = sorted(file.stat().st_mtime for file in (archive / "commits").iterdir())
    return took, (commits[-1] - commits[cores - 1]) / (len(commits) - cores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--units", type=int, default=6)
    parser.add_argument("--pairs", type=int, default=1)
    args = parser.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        parser.error("this needs two cores")
    with tempfile.TemporaryDirectory() as folder:
        films = Path(folder, "films")
        films.mkdir()
        for number in range(args.units):
            copy = films / f"{number}{args.film.suffix}"
            shutil.copy(args.film, copy)
            with copy.open("ab") as out:
                out.write(b"\0\0\0\x0cfree" + number.to_bytes(4, "big"))
        plan = Path(folder, "plan.parquet")
        subprocess.run(
            [*WORDS, "plan", str(films), "--out", str(plan)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        print(f"{args.units} units, load of the machine before: {os.getloadavg()[0]:.1f}")
        for pair in range(args.pairs):
            one, two = (run(plan, Path(folder, f"{pair} {n}"), n) for n in (1, 2))
            print(
                f"one worker {one[0]:.0f} s, two {two[0]:.0f} s: {one[0] / two[0]:.2f} times; "
                f"each unit {one[1]:.2f} s and {two[1]:.2f} s: {one[1] / two[1]:.2f} times; "
                f"load after {os.getloadavg()[0]:.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
