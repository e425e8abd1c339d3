"""What keeping a shot costs: ours beside plain zarr appends, same commits, same run.

    python -m tools.bench_store [--commits 600] [--folder FOLDER]

A commit is a shot of 1 to 6 s, analysed 4 times a second, with 1 to 5 tracks, and 12 crops kept a
track. The peer appends to chunked zarr arrays and writes the number of the commit last, which is
the least that survives a kill; it syncs nothing, ours syncs every commit. CPU time is that of the
whole process; "written" is what went through write calls.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from caststream.messages import Mined, Rows, Shot, StreamEnd, StreamStart, Track, Tracks
from caststream.store.reader import StoreReader
from caststream.store.schema import pack
from caststream.store.writer import StoreWriter

FEATURES = 1160
JPEG = 4000
"""Bytes of a crop of 128 x 128 at quality 85, about."""
VIEWS = 12


@dataclass(slots=True)
class Cost:
    """What a stretch of the program took."""

    cpu: float = 0.0
    wall: float = 0.0
    written: int = 0


@contextmanager
def measured() -> Iterator[Cost]:
    cost = Cost()
    cpu, wall, written = time.process_time(), time.perf_counter(), _written()
    yield cost
    cost.cpu = time.process_time() - cpu
    cost.wall = time.perf_counter() - wall
    cost.written = _written() - written


def _written() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar"))


def made(index: int, random: np.random.Generator) -> tuple[Shot, Mined]:
    """One shot and its tracks; noise, since that is what vectors and JPEGs look like to a disk."""
    times = np.arange(0, random.uniform(1, 6), 0.25) + 6.0 * index
    tracks = int(random.integers(1, 6))
    n = len(times) * tracks
    frame = np.repeat((times * 24).astype(np.int64), tracks)
    track = np.tile(np.arange(tracks) + 8 * index, len(times))
    every = max(1, len(times) // VIEWS)
    kept = np.repeat(np.arange(len(times)) % every == 0, tracks)
    sizes = random.normal(JPEG, JPEG / 4, n).clip(500).astype(int) * kept
    corner = random.uniform(0, 400, (n, 2))
    rows = Rows(
        frame=frame,
        time=np.repeat(times, tracks),
        box=np.hstack([corner, corner + 80]).astype(np.float32),
        score=random.random(n, np.float32),
        track=track,
        vector=random.normal(0, 1 / 16, (n, 256)).astype(np.float32),
        features=random.random((n, FEATURES), np.float32).astype(np.float16),
        crop=tuple(random.bytes(int(size)) for size in sizes),
        blend=np.zeros(n, bool),
    )
    first, last = int(frame[0]), int(frame[-1]) + 1
    listed = tuple(
        Track(int(t), index, first, last, times[0], times[-1], len(times), 0.7, first, (int(t),))
        for t in np.unique(track)
    )
    seen = np.unique(frame)
    what = Tracks(index, 0, rows, listed, seen, times)
    triplets = random.integers(0, n, (64 if tracks > 1 else 0, 3))
    apart = np.stack([track[:1].repeat(tracks - 1), track[1:tracks]], axis=1)
    shot = Shot(index, first, last, times[0], times[-1], "cut", 0.9)
    return shot, Mined(what, triplets, apart, np.zeros((len(triplets), 4), np.float32))


def ours(path: Path, shots: Iterator[tuple[Shot, Mined]], cost: Cost) -> None:
    with StoreWriter.open(path) as writer:
        writer.begin_source(StreamStart("bench", 640, 360, 24.0, None, "bench"))
        for shot, mined in shots:
            with measured() as one:
                writer.commit(shot, [mined], [])
            _add(cost, one)
        with measured() as rest:
            writer.end_source(StreamEnd(0, 0.0, "eof"))
            writer.seal()
    _add(cost, rest)


def appended(path: Path, shots: Iterator[tuple[Shot, Mined]], cost: Cost) -> None:
    import zarr

    group = zarr.create_group(path)
    arrays: dict[str, Any] = {}
    rows = 0
    for number, (shot, mined) in enumerate(shots):
        with measured() as one:
            packed = pack(number, 0, rows, shot, [mined], [])
            rows += len(mined.tracks.rows)
            for name, lines in packed.items():
                if name not in arrays:
                    size = max(1, (1 << 18) // (lines.itemsize * int(np.prod(lines.shape[1:]))))
                    arrays[name] = group.create_array(
                        name,
                        shape=(0, *lines.shape[1:]),
                        dtype=lines.dtype,
                        chunks=(size, *lines.shape[1:]),
                        compressors=None if name in ("crops", "vectors", "features") else "auto",
                    )
                arrays[name].append(lines)
            group.attrs["commit"] = number
        _add(cost, one)


def _add(cost: Cost, one: Cost) -> None:
    cost.cpu += one.cpu
    cost.wall += one.wall
    cost.written += one.written


def bench(commits: int, folder: Path) -> str:
    """The table, one line a way of writing."""
    payload = sum(
        array.nbytes
        for i, (shot, mined) in enumerate(_shots(commits))
        for array in pack(i, 0, 0, shot, [mined], []).values()
    )
    lines = [
        f"{commits} commits, {payload / commits / 1024:.0f} KiB of payload each",
        "",
        "| | CPU ms a commit | wall ms a commit | written / payload | disk / payload | files |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    ways: dict[str, Callable[[Path, Iterator[tuple[Shot, Mined]], Cost], None]] = {
        "log and sealed segments (synced)": ours,
        "zarr append, number last (not synced)": appended,
    }
    for name, way in ways.items():
        path = folder / way.__name__
        cost = Cost()
        way(path, _shots(commits), cost)
        files = [file for file in path.rglob("*") if file.is_file()]
        disk = sum(file.stat().st_size for file in files)
        lines.append(
            f"| {name} | {1000 * cost.cpu / commits:.2f} | {1000 * cost.wall / commits:.2f} "
            f"| {cost.written / payload:.2f} | {disk / payload:.2f} | {len(files)} |"
        )
    lines += ["", *reading(folder / "ours")]
    return "\n".join(lines)


def reading(path: Path) -> list[str]:
    """How long a reader takes."""
    with measured() as opening:
        reader = StoreReader(path)
        tracks = reader.tracks()
    random = np.random.default_rng(1)
    with measured() as some:
        for uid in random.choice(tracks.uid, 50).tolist():
            assert len(reader.rows_of(uid).features)
    with measured() as triplets:
        numbers = random.integers(0, reader.row_count, 512)
        assert len(reader.rows_at(numbers).features) == 512
    reader.close()
    return [
        f"opening and all {len(tracks)} tracks: {1000 * opening.cpu:.0f} ms CPU",
        f"features of one track: {1000 * some.cpu / 50:.1f} ms CPU",
        f"features of 512 rows from anywhere: {1000 * triplets.cpu:.0f} ms CPU",
    ]


def _shots(commits: int) -> Iterator[tuple[Shot, Mined]]:
    random = np.random.default_rng(0)
    return (made(index, random) for index in range(commits))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--commits", type=int, default=600)
    parser.add_argument("--folder", type=Path, help="where to write (default: a temporary folder)")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench_store_", dir=args.folder))
    try:
        print(bench(args.commits, folder))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
