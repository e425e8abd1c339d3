"""What an archive of any size takes: stages measured here, a cluster simulated.

    python -m tools.simulate_archive FILM... [--unit-seconds 60] [--json costs.json]
    python -m tools.simulate_archive --json costs.json        (only the simulation)

Measured are real units, done one after the other on this machine: the fixed part (a film of a
second: start, models, commit) and, for spans of the given films, copying the span, labelling it,
summarising and uploading it, in processor seconds a second of film, and bytes that go in and out.

Simulated are 10,000 units of 15 minutes on clusters of several sizes, event by event: a worker
fetches its unit through the object store's shared line, computes, uploads, and takes the next one;
service times are drawn from the measured units; workers die at random and come back, and their
unit is done anew from its beginning. The driver gives out a bounded number of units a second.
"""

from __future__ import annotations

import argparse
import heapq
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from caststream.archive.films import container_for, cut, measure
from caststream.archive.plan import models_of, units_of
from caststream.archive.unit import do_unit, read_committed
from caststream.learning.summary import UNIT_CAPACITY
from caststream.store.places import Place

UNIT = 900.0
"""Seconds of film in a simulated unit."""
UNITS = 10_000
WORKERS = (16, 128, 1024, 8192)
"""Cores that do a unit each."""
LINE = 10e9 / 8
"""Bytes a second that the object store gives and takes in all: a line of 10 Gbit/s."""
WORKER_LINE = 1e9 / 8
DEATHS = 24 * 3600.0
"""Mean seconds between two deaths of one worker, as of machines that are lent out cheaply."""
RESTART = 120.0
GIVEN = 100.0
"""Units a second that a driver gives out, each as one task of Ray: 3,000 empty ones took 28 s on
two busy cores, and 5.5 ms of the driver's processor time each."""
MERGE = 0.031
"""Processor seconds a unit of merging (``tools/bench_merge.py``, 10,000 units)."""
SUMMARY = UNIT_CAPACITY * (256 + 1160) * 2
"""Bytes of a summary at most, but for a few numbers a track."""
FILES = 34
"""Objects of a committed unit, about."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One measured unit, by the second of film."""

    film: str
    seconds: float
    copy: float
    """Processor seconds of copying the span."""
    work: float
    """... of everything else that grows with the film."""
    bytes_in: float
    bytes_out: float
    summary: float
    """Bytes of the summary."""


@dataclass(frozen=True, slots=True)
class Costs:
    """All that was measured."""

    fixed: float
    """Processor seconds of a unit without content."""
    units: tuple[Cost, ...]


def measure_all(films: list[str], length: float) -> Costs:
    with tempfile.TemporaryDirectory() as folder:
        fixed = _fixed(Path(folder))
        found = []
        for film in films:
            for cost in _measured(film, length, fixed, Path(folder)):
                found.append(cost)
                print(f"{cost.film}: {cost.seconds:.0f} s, work {cost.work:.3f}", flush=True)
    return Costs(fixed, tuple(found))


def _fixed(folder: Path) -> float:
    """A second of a film in which nobody is; the second run, since the first converts models."""
    import av

    path = folder / "short.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for shade in range(24):
            picture = np.full((180, 320, 3), 40 + shade, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        out.mux(stream.encode(None))
    (unit,) = units_of(measure(str(path), 60.0), models_of(()), ())
    for turn in range(2):
        cpu = time.process_time()
        do_unit(unit, Place(folder / f"fixed {turn}"), "cpu")
        cpu = time.process_time() - cpu
    return cpu


def _measured(film: str, length: float, fixed: float, folder: Path) -> list[Cost]:
    found = []
    size = Path(film).stat().st_size
    for unit in units_of(measure(film, length), models_of(()), ()):
        archive = Place(folder / f"{Path(film).stem} {unit.span}")
        seconds = (unit.end or unit.seconds) - unit.start
        copy = time.process_time()
        span = folder / f"span{container_for(film)}"
        cut(film, unit.start, unit.end or None, unit.following or None, span)
        copy = time.process_time() - copy
        cpu = time.process_time()
        do_unit(unit, archive, "cpu")
        cpu = time.process_time() - cpu
        sizes = {n: archive.size(n) for n in archive.names()}
        done = read_committed(unit.id, archive)
        found.append(
            Cost(
                Path(film).name,
                seconds,
                copy / seconds,
                max(cpu - fixed - (0 if unit.whole else copy), 0.0) / seconds,
                size / unit.seconds,
                sum(sizes.values()) / seconds,
                sizes[f"{done.folder}/summary.safetensors"] / seconds,
            )
        )
    return found


@dataclass(slots=True)
class Simulated:
    """What a cluster of so many workers would take."""

    workers: int
    seconds: float
    busy: float
    """Share of the workers' time that went into units that counted."""
    lost: float
    """Share that went into units that were done again."""
    waited: float
    """Share that was spent waiting for the line."""
    limit: str


def simulate(costs: Costs, workers: int, seed: int = 0) -> Simulated:
    """Do ``UNITS`` units on ``workers`` cores."""
    random = np.random.default_rng(seed)
    drawn = [costs.units[i] for i in random.integers(len(costs.units), size=UNITS)]
    free = [(0.0, worker) for worker in range(workers)]
    heapq.heapify(free)
    dies = random.exponential(DEATHS, workers)
    queue = list(range(UNITS))[::-1]
    line = given = end = good = lost = waited = 0.0
    while queue:
        now, worker = heapq.heappop(free)
        number = queue.pop()
        unit = drawn[number]
        now = given = max(now, given + 1 / GIVEN)
        moved = (unit.bytes_in + unit.bytes_out) * UNIT
        line = max(line, now) + moved / LINE
        fetched = max(now + moved / WORKER_LINE, line)
        done = fetched + costs.fixed + (unit.work + unit.copy) * UNIT
        if dies[worker] < done:
            died = max(float(dies[worker]), now)
            lost += died - now
            queue.append(number)
            dies[worker] = died + RESTART + random.exponential(DEATHS)
            heapq.heappush(free, (died + RESTART, worker))
            continue
        waited += fetched - now
        good += done - fetched
        end = max(end, done)
        heapq.heappush(free, (done, worker))
    total = end * workers
    mean = float(np.mean([(u.bytes_in + u.bytes_out) * UNIT for u in drawn]))
    service = good / UNITS
    limits = {
        "workers": UNITS * service / workers,
        "line": UNITS * mean / LINE,
        "driver": UNITS / GIVEN,
        "one unit after the other": 2 * service if workers * 4 > UNITS else 0.0,
    }
    limit = max(limits, key=lambda name: limits[name])
    return Simulated(workers, end, good / total, lost / total, waited / total, limit)


def report(costs: Costs) -> str:
    """All tables."""
    lines = [
        f"Fixed part of a unit: {costs.fixed:.1f} s of processor.",
        "",
        "| unit | film s | copying | labelling, summary, commit | in kB | out kB | summary kB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {u.film} | {u.seconds:.0f} | {u.copy:.4f} | {u.work:.3f} | {u.bytes_in / 1e3:.0f} "
            f"| {u.bytes_out / 1e3:.0f} | {u.summary / 1e3:.2f} |"
            for u in costs.units
        ),
        "",
        "(processor seconds and kB a second of film)",
        "",
        f"{UNITS} units of 15 minutes ({UNITS * UNIT / 3600:.0f} hours):",
        "",
        "| workers | hours | useful | lost to deaths | waiting for the line | what limits |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for workers in WORKERS:
        s = simulate(costs, workers)
        lines.append(
            f"| {s.workers} | {s.seconds / 3600:.2f} | {s.busy:.1%} | {s.lost:.1%} "
            f"| {s.waited:.1%} | {s.limit} |"
        )
    lines += ["", *_million(costs)]
    return "\n".join(lines)


def _million(costs: Costs) -> list[str]:
    hours = 1e6
    seconds = hours * 3600
    weight = np.array([u.seconds for u in costs.units])

    def mean(name: str) -> float:
        return float(np.average([getattr(u, name) for u in costs.units], weights=weight))

    units = seconds / UNIT
    cores = (mean("work") + mean("copy")) * hours + units * costs.fixed / 3600
    return [
        "| a million hours | |",
        "| --- | --- |",
        f"| units of 15 minutes | {units / 1e6:.1f} million |",
        f"| core hours | {cores:,.0f}: 1,000 cores for {cores / 1000 / 24:.0f} days |",
        f"| of these starting units | {units * costs.fixed / 3600 / cores:.1%} |",
        f"| read | {mean('bytes_in') * seconds / 1e12:,.0f} TB, "
        f"a line of 10 Gbit/s for {mean('bytes_in') * seconds / LINE / 86400:.0f} days |",
        f"| written | {mean('bytes_out') * seconds / 1e12:,.0f} TB "
        f"in {units * FILES / 1e6:,.0f} million objects |",
        f"| summaries | {min(mean('summary') * UNIT, SUMMARY) * units / 1e12:.1f} TB |",
        f"| merging, show by show | {units * MERGE / 3600:,.0f} core hours |",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("films", nargs="*")
    parser.add_argument("--unit-seconds", type=float, default=60.0)
    parser.add_argument("--json", type=Path, help="keep what was measured here, or read it")
    args = parser.parse_args()
    if args.films:
        costs = measure_all(args.films, args.unit_seconds)
        if args.json:
            args.json.write_text(json.dumps(asdict(costs), indent=1))
    elif args.json:
        values = json.loads(args.json.read_text())
        costs = Costs(values["fixed"], tuple(Cost(**unit) for unit in values["units"]))
    else:
        parser.error("give films to measure, or --json with what was measured")
    print(report(costs))


if __name__ == "__main__":
    main()
