"""Measures every speed claim and writes docs/benchmarks.md: ``make bench``.

    python -m tools.bench [--only SECTION ...] [--work FOLDER]
                          [--tracking-peers PYTHON] [--shots-peers PYTHON]

Sections are kept as they were where they are left out. Peers that are not installed are left out
with a word; PYTHON is that of an environment of their own that has them: what belongs into it, say
``tools/bench_tracking.py`` and ``tools/bench_shots.py``, the latter beside caststream. Machines are
noisy: what is quoted are medians, and ratios of things that ran in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.bench import clips, grouping, plot, whole

DOCS = clips.ROOT / "docs"
PAGE = DOCS / "benchmarks.md"
HEAD = """# Benchmarks

    make bench

measures all of this anew on the machine that it runs on and writes this page. Speeds are multiples
of real time; a ratio is the median over pairs of runs that ran in turn. [figures.md](figures.md)
has what was measured of quality.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--work", type=Path, help="where clips are kept")
    parser.add_argument("--rounds", type=int, default=3)
    for peers in ("tracking", "shots"):
        parser.add_argument(f"--{peers}-peers", default=sys.executable, metavar="PYTHON")
    args = parser.parse_args()
    kept = _sections()
    with tempfile.TemporaryDirectory() as passing:
        pythons = {"tracking": args.tracking_peers, "shots": args.shots_peers}
        bench = Bench(args.work or Path(passing), Path(passing), args.rounds, pythons)
        bench.work.mkdir(parents=True, exist_ok=True)
        for name in args.only:
            began = time.monotonic()
            body = getattr(bench, name)()
            kept[SECTIONS[name]] = f"{body}\n\n*{_machine()}*"
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
            parts = [
                f"## {title}\n\n{kept[title]}\n" for title in SECTIONS.values() if title in kept
            ]
            PAGE.write_text("\n".join([HEAD, *parts]))


def _sections() -> dict[str, str]:
    """What the page holds now, by title."""
    if not PAGE.exists():
        return {}
    parts = PAGE.read_text().split("\n## ")[1:]
    return {title: body.strip() for title, _, body in (part.partition("\n") for part in parts)}


def _machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    load = os.getloadavg()[1]
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return f"{day}, {os.cpu_count()} cores of {model}, load at the end {load:.1f}"


class Bench:
    """One method a section; each returns Markdown."""

    def __init__(self, work: Path, passing: Path, rounds: int, pythons: dict[str, str]) -> None:
        self.work = work
        self._passing = passing
        self._rounds = rounds
        self._pythons = pythons

    def job(self) -> str:
        """The whole job beside decoding alone."""
        film = clips.film(self.work)
        made = {kind.name: clips.clip(film, kind, self.work) for kind in clips.KINDS}
        found = whole.pairs(made, self._rounds, self._passing)
        picture = plot.bars(
            {p.name: (p.alone, p.job) for p in found},
            ("decoding alone", "whole job, learning on"),
        )
        (DOCS / "benchmarks-job.svg").write_text(picture)
        text = (
            f"{clips.LENGTH:.0f} s of one film in six codings, default graph, learning on, decoding"
            " with as many threads in turn with it. Starting up is part of it, and weighs more"
            " in a clip than in a film.\n\n![Speeds](benchmarks-job.svg)\n\n"
        )
        return text + whole.pairs_table(found)

    def stages(self) -> str:
        """Where the time goes."""
        film = clips.film(self.work)
        clip = clips.clip(film, clips.KINDS[1], self.work)
        words = [sys.executable, "-m", "tools.bench.stages", str(clip)]
        # As the program itself does: products of small matrices on one thread.
        told = _said(words, {"OPENBLAS_NUM_THREADS": "1"})
        return f"Processor time a node, {clips.KINDS[1].name}.\n\n{told}"

    def starting(self) -> str:
        """What a user waits for."""
        clip = clips.clip(clips.film(self.work), clips.KINDS[1], self.work)
        return whole.starting(clip, max(3, self._rounds), self._passing)

    def shots(self) -> str:
        """Boundaries beside peers."""
        words = ["-m", "tools.bench_shots", "--drawn", "2"]
        told = _said([self._pythons["shots"], *words])
        lines = [x for x in told.splitlines() if x.startswith("|") or "is left out" in x]
        return "Two drawn episodes; speed is without decoding.\n\n" + "\n".join(lines)

    def tracker(self) -> str:
        """Time a frame beside peers."""
        from tools.tracking_report import tables

        path = self._passing / "tracking.json"
        words = ["-m", "tools.bench_tracking", "c", "--json", str(path)]
        _said([sys.executable, *words, "--peer-python", self._pythons["tracking"]])
        return tables({"c": json.loads(path.read_text())["c"]}).strip()

    def grouping(self) -> str:
        """Clustering beside peers as tracks grow."""
        table, took = grouping.compared()
        picture = plot.curves(took, "tracks", "seconds")
        (DOCS / "benchmarks-grouping.svg").write_text(picture)
        return f"![Seconds by tracks](benchmarks-grouping.svg)\n\n{table}"

    def store(self) -> str:
        """Commits beside plain zarr."""
        return _said([sys.executable, "-m", "tools.bench_store", "--commits", "300"])

    def graph(self) -> str:
        """What the graph itself costs."""
        return "```\n" + _said([sys.executable, "-m", "tools.bench_graph"]) + "\n```"


SECTIONS = {
    "job": "The whole job",
    "stages": "Where the time goes",
    "starting": "Starting",
    "shots": "Shot boundaries",
    "tracker": "Tracker",
    "grouping": "Grouping",
    "store": "Store",
    "graph": "The graph itself",
}


def _said(words: list[str], more: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        words, cwd=clips.ROOT, env=os.environ | (more or {}), stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        sys.exit(f"{' '.join(words)} ended with code {done.returncode}")
    return done.stdout.strip()


if __name__ == "__main__":
    main()
