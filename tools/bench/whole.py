"""The whole job beside decoding alone, clip by clip, and what a user waits for at the start."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tools.bench_run import DECODE, seconds, timed


@dataclass(frozen=True, slots=True)
class Pair:
    """One clip: speeds as multiples of real time, median of the pairs."""

    name: str
    alone: float
    job: float
    ratio: float
    """Of the job to decoding alone, median of the pairs' ratios."""
    peak: float
    """MiB resident at most, children included."""


def pairs(clips: dict[str, Path], rounds: int, folder: Path) -> list[Pair]:
    """Each clip by name, ``rounds`` times in turn with decoding alone, learning on."""
    found = []
    for name, clip in clips.items():
        length = seconds(clip)
        alone, jobs, peaks = [], [], []
        for number in range(rounds):
            alone.append(timed([sys.executable, "-c", DECODE, str(clip), str(length)])[0])
            words = ["--store", str(folder / f"{clip.stem}-{number}.zarr"), "--quiet"]
            words += ["--labels", str(folder / f"{clip.stem}.ndjson"), str(clip)]
            took, memory = timed([sys.executable, "-m", "caststream", *words])
            jobs.append(took)
            peaks.append(max(resident for _, resident in memory))
        ratios = [a / b for a, b in zip(alone, jobs, strict=True)]
        speed = [length / statistics.median(x) for x in (alone, jobs)]
        found.append(Pair(name, *speed, statistics.median(ratios), max(peaks)))
    return found


def pairs_table(found: list[Pair]) -> str:
    """As Markdown."""
    rows = [
        "| | decoding alone | whole job | ratio | memory, MiB |",
        "| --- | --- | --- | --- | --- |",
    ]
    rows += [
        f"| {p.name} | {p.alone:.1f}x | {p.job:.1f}x | {p.ratio:.2f} | {p.peak:.0f} |"
        for p in found
    ]
    return "\n".join(rows)


def starting(clip: Path, rounds: int, folder: Path) -> str:
    """Seconds until ``--help`` is read, and until the first labels of a clip come, as Markdown."""
    help_times, first_line, first_frame = [], [], []
    for number in range(rounds):
        began = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "caststream", "--help"], stdout=subprocess.DEVNULL, check=True
        )
        help_times.append(time.monotonic() - began)
        words = ["--store", str(folder / f"start-{number}.zarr"), "--quiet", str(clip)]
        began = time.monotonic()
        with subprocess.Popen(
            [sys.executable, "-m", "caststream", *words], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                kind = json.loads(line)["type"]
                if kind == "stream":
                    first_line.append(time.monotonic() - began)
                elif kind == "frame":
                    first_frame.append(time.monotonic() - began)
                    process.terminate()
                    break
    rows = ["| | seconds, median |", "| --- | --- |"]
    told = (
        ("the text of `--help`", help_times),
        ("a film's `stream` record (models loaded, store made)", first_line),
        ("a film's first `frame` record", first_frame),
    )
    return "\n".join(rows + [f"| {what} | {statistics.median(x):.2f} |" for what, x in told])
