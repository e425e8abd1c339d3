"""How long the page takes to answer over a large store, served as people serve it.

    python -m tools.bench_page [--characters 1000] [--tracks 100000] [--work FOLDER]

Makes a store of so many characters and tracks (kept in --work for the next time), with names for
six of ten and acts of each kind, then starts ``caststream serve`` and asks it over HTTP, one
request at a time: each view cold, and then several times; an act, and the view after it, which
takes all counts anew; a view after another process has committed a shot. Milliseconds from the
request to the last byte of the answer, and of the server's processor for one answer on the mean,
which a busy machine does not change.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx2
import numpy as np

from caststream.learning.edit import Editor
from caststream.messages import Mined, Rows, Shot, StreamEnd, StreamStart, Track, Tracks
from caststream.store import published
from caststream.store.published import Published
from caststream.store.schema import make_uid
from caststream.store.writer import StoreWriter

SOURCES = 25
TRACKS = 5
"""A shot."""
SECONDS = 5.0
"""A shot's length."""
BOXES = 6
"""A track."""
MICRO = 1500
FPS = 24
LIMIT = 200.0
"""Milliseconds that an answer may take."""
NAMED = 0.6
VIEWS = (
    ("characters", "/characters"),
    ("characters, page 10", "/characters?page=10"),
    ("characters, least sure first", "/characters?sort=sure&show=unnamed"),
    ("characters, a search", "/characters?find=body+77"),
    ("the character with most tracks", "/characters/c1"),
    ("the same, least sure first", "/characters/c1?order=doubt"),
    ("suggestions", "/suggestions"),
    ("timeline", "/timeline?source=12"),
    ("timeline, all lanes", "/timeline?source=12&page=5&lanes=all"),
    ("timeline, one character", "/timeline?source=12&character=c1"),
    ("a frame with boxes", "/frame/12/0"),
    ("live", "/live"),
)


@dataclass(slots=True)
class Answers:
    """Answers of one kind."""

    name: str
    took: list[float]
    cpu: float
    """Milliseconds of the server's processor each."""


def made(path: Path, characters: int, tracks: int) -> None:
    """Write the store: the first characters are seen most, as in any show."""
    random = np.random.default_rng(7)
    shots = tracks // TRACKS // SOURCES
    weight = 1.0 / np.arange(1, characters + 1) ** 0.8
    crops = [_crop(k) for k in range(48)]
    uid, who = [], []
    with StoreWriter.open(path) as writer:
        for number in range(SOURCES):
            length = shots * SECONDS
            source = writer.begin_source(
                StreamStart(f"episode{number + 1}.mkv", 1280, 720, FPS, length, f"print {number}")
            )
            for index in range(shots):
                seen = random.choice(characters, TRACKS, replace=False, p=weight / weight.sum())
                writer.commit(_shot(index), [_mined(index, random, crops)], [])
                uid.extend(make_uid(source, TRACKS * index + k) for k in range(TRACKS))
                who.extend((seen + 1).tolist())
            writer.end_source(StreamEnd(int(length * FPS), length, "eof"))
    _publish(path, np.array(uid), np.array(who), characters, random)
    editor = Editor(path)
    for character in range(1, int(NAMED * characters) + 1):
        editor.name(character, f"Somebody {character}")
    for k in range(20):
        editor.merge(100 - 2 * k, 99 - 2 * k)
        editor.move([uid[31 * k]], 1 + k)
        editor.ignore(101 + k)
        editor.split([uid[17 * k], uid[17 * k + 4]])


def _publish(
    path: Path, uid: np.ndarray, who: np.ndarray, characters: int, random: np.random.Generator
) -> None:
    owner = np.r_[np.arange(characters), random.integers(0, characters, MICRO - characters)] + 1
    base = random.normal(size=(characters, 256))
    means = base[owner - 1] + 0.5 * random.normal(size=(MICRO, 256))
    means = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)
    homes: dict[int, list[int]] = {}
    for place, character in enumerate(owner.tolist()):
        homes.setdefault(character, []).append(place)
    home = np.array([homes[c][k % len(homes[c])] for k, c in enumerate(who.tolist())])
    published.publish(
        path,
        Published(
            revision=1,
            prototypes=means,
            prototype_character=owner,
            prototype_weight=np.ones(MICRO, np.float32),
            label_uid=uid,
            label_character=who,
            label_confidence=random.uniform(0.6, 1, len(uid)).astype(np.float32),
            extra={
                "track_uid": uid,
                "track_home": home,
                "track_share": np.ones(len(uid), np.float32),
                "next_id": np.array([characters + 1]),
            },
            characters=tuple({"id": c, "aliases": []} for c in range(1, characters + 1)),
            thresholds={"cut": 0.5},
            meta={"vectors": 0, "commit": len(uid) // TRACKS},
        ),
    )


def _shot(index: int) -> Shot:
    first, start = int(index * SECONDS * FPS), index * SECONDS
    kind = "cut" if index else "start"
    return Shot(index, first, first + int(SECONDS * FPS), start, start + SECONDS, kind, 0.9)


def _mined(index: int, random: np.random.Generator, crops: list[bytes]) -> Mined:
    frames = int(index * SECONDS * FPS) + np.linspace(0, SECONDS * FPS - 1, BOXES).astype(int)
    n = TRACKS * BOXES
    corner = random.uniform(0, 500, (n, 2)).astype(np.float32)
    number = TRACKS * index + np.tile(np.arange(TRACKS), BOXES)
    rows = Rows(
        frame=np.repeat(frames, TRACKS),
        time=np.repeat(frames, TRACKS) / FPS,
        box=np.hstack([corner, corner + 150]),
        score=np.full(n, 0.8, np.float32),
        track=number,
        vector=np.tile(np.eye(1, 256, dtype=np.float32), (n, 1)),
        features=np.zeros((n, 32), np.float16),
        crop=tuple(crops[k] if step in (1, 3) else b"" for step in range(BOXES)
                   for k in random.integers(0, len(crops), TRACKS)),
        blend=np.zeros(n, bool),
    )  # fmt: skip
    tracks = tuple(
        Track(TRACKS * index + k, index, int(frames[0]), int(frames[-1]) + 1, frames[0] / FPS,
              frames[-1] / FPS, BOXES, 0.8, int(frames[1]), (k,))
        for k in range(TRACKS)
    )  # fmt: skip
    first = TRACKS * index
    apart = np.array([[first, first + k] for k in range(1, TRACKS)])
    return Mined(Tracks(index, 0, rows, tracks, frames, frames / FPS), np.zeros((0, 3), int), apart)


def _crop(seed: int) -> bytes:
    from caststream.web.pictures import jpeg

    random = np.random.default_rng(seed)
    small = random.integers(0, 255, (16, 16, 3), np.uint8)
    return jpeg(small.repeat(8, 0).repeat(8, 1))


@contextmanager
def served(path: Path) -> Iterator[tuple[str, float, int]]:
    """The program on a free port; its address, seconds to the first answer, and process."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "caststream", "serve", str(path), "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    found = re.search(r"http://\S+", process.stderr.readline())
    if found is None:
        raise SystemExit("caststream serve printed no address")
    try:
        httpx2.get(found[0], timeout=120)
        yield found[0], time.perf_counter() - began, process.pid
    finally:
        process.terminate()
        process.communicate()


def timed(ask: Callable[[], httpx2.Response]) -> float:
    began = time.perf_counter()
    answer = ask()
    taken = 1000 * (time.perf_counter() - began)
    if answer.status_code != 200:
        raise SystemExit(f"{answer.url}: {answer.status_code} {answer.text[:200]}")
    return taken


def cpu(pid: int) -> float:
    """Milliseconds of processor time that a process took so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(path: Path, address: str, pid: int, repeats: int) -> Iterator[Answers]:
    base = address.split("/?")[0]

    def several(name: str, asks: list[Callable[[], httpx2.Response]]) -> Answers:
        before = cpu(pid)
        took = [timed(ask) for ask in asks]
        return Answers(name, took, (cpu(pid) - before) / len(asks))

    with httpx2.Client(base_url=base, timeout=120) as client:
        client.get(address)
        client.headers.update({"origin": base, "x-caststream": "page"})
        for name, where in VIEWS:
            yield several(name, [lambda w=where: client.get(w)] * repeats)
        tag = re.search(r"/crop/(\w+)/", client.get("/characters").text)
        assert tag is not None
        crops = [
            lambda k=k: client.get(f"/crop/{tag[1]}/{k % SOURCES}/{7 * k}.jpg") for k in range(60)
        ]
        yield several("a thumbnail, read", crops)
        yield several("a thumbnail, kept", crops)
        for name, where in (("characters", "/characters"), ("suggestions", "/suggestions")):
            acts, after = [], []
            for k in range(repeats):
                fields = {"character": f"c{130 + k}", "name": f"New {time.time_ns()}"}
                acts.append(several("", [lambda f=fields: client.post("/acts/name", data=f)]))
                after.append(several("", [lambda w=where: client.get(w)]))
            if name == "characters":
                yield joined("naming", acts)
            yield joined(f"{name} after an act", after)
        grown = []
        random, pictures = np.random.default_rng(1), [_crop(1)]
        with StoreWriter.open(path) as writer:
            start = StreamStart(f"new {time.time_ns()}", 1280, 720, FPS, None, f"{time.time_ns()}")
            writer.begin_source(start)
            for index in range(repeats):
                writer.commit(_shot(index), [_mined(index, random, pictures)], [])
                grown.append(several("", [lambda: client.get("/characters")]))
            writer.end_source(StreamEnd(0, 0.0, "eof"))
        yield joined("characters after a commit", grown)


def joined(name: str, parts: list[Answers]) -> Answers:
    took = [one for part in parts for one in part.took]
    return Answers(name, took, sum(part.cpu for part in parts) / len(parts))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--characters", type=int, default=1000)
    parser.add_argument("--tracks", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--work", type=Path)
    args = parser.parse_args()
    if not 200 <= args.characters <= MICRO:
        parser.error(f"--characters {args.characters}: give 200 to {MICRO}")
    with tempfile.TemporaryDirectory() as folder:
        kept = (args.work or Path(folder)) / f"page-{args.characters}-{args.tracks}.zarr"
        if not kept.exists():
            draft = kept.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            made(draft, args.characters, args.tracks)
            draft.rename(kept)
        path = Path(folder) / "page.zarr"
        shutil.copytree(kept, path)
        with served(path) as (address, opening, pid):
            found = list(measure(path, address, pid, args.repeats))
    load, cores = os.getloadavg()[0], os.cpu_count()
    print(f"{args.characters:,} characters, {args.tracks:,} tracks; first answer {opening:.1f} s")
    print(f"{cores} cores under a load of {load:.1f}\n")
    print("| milliseconds | first | median | slowest | processor |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for one in found:
        took = (one.took[0], median(one.took), max(one.took), one.cpu)
        print(f"| {one.name} | {' | '.join(f'{t:.0f}' for t in took)} |")
    worst = max(median(one.took) for one in found)
    print(f"\nslowest median {worst:.0f} ms, limit {LIMIT:.0f}")
    return 0 if worst < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
