"""What merging many units costs: time, memory, and how well characters come out.

    python -m tools.bench_merge [--units 10000] [--shows 100] [--folder FOLDER]

Units are simulated down to their summaries, as real ones leave them: each show has its own cast,
each character some looks, each unit the tracks of 15 minutes. Films of three spans join at shot
boundaries. Looks are directions in 256 dimensions with noise: similarity of two micro-clusters of
one look about 0.83, of two looks of one character 0.5, of two characters none. Features stand for
them in as many columns as real ones have.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import shutil
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from caststream.archive.merge import merge
from caststream.archive.plan import Unit
from caststream.learning.summary import Summary
from caststream.messages import StreamEnd, StreamStart
from caststream.store import published
from caststream.store.places import Place
from caststream.store.schema import Segment

DIMENSIONS = 256
FEATURES = 1160
SPANS = 3
SECONDS = 920.0
"""Of a unit, with its overlap."""
OVERLAP = 20.0
FPS = 24.0
TRACKS = 330
"""Tracks of a unit, about as Penny & Chip has them in 15 minutes."""
MICRO = 200
"""Micro-clusters of a unit, about as those tracks fall into."""
NOISE = 0.45
CAST = 20
"""Characters of a show."""
LOOKS = 3


def cast_of(show: int) -> np.ndarray:
    """(CAST, LOOKS, d) directions."""
    random = np.random.default_rng([7, show])
    who = _units(random.normal(size=(CAST, 1, DIMENSIONS)))
    look = _units(random.normal(size=(CAST, LOOKS, DIMENSIONS)))
    return _units(who + 0.8 * look)


def _units(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def simulate(number: int, looks: np.ndarray, spread: np.ndarray) -> tuple[Summary, np.ndarray]:
    """One unit and who (TRACKS,) of the show's cast its tracks are.

    ``spread`` (d, F) makes features of vectors.
    """
    random = np.random.default_rng([8, number])
    here = random.permutation(CAST)[: random.integers(6, 13)]
    chance = 1.0 / (1 + here)
    owner = np.concatenate([here, random.choice(here, MICRO - len(here), p=chance / chance.sum())])
    drawn = looks[owner, random.integers(LOOKS, size=MICRO)]
    drawn = _units(drawn + NOISE * _units(random.normal(size=drawn.shape)))
    home = random.integers(MICRO, size=TRACKS)
    # A second pose of every other track, of the same character.
    other = np.array([random.choice(np.flatnonzero(owner == owner[h])) for h in home[::2]])
    uid = np.concatenate([np.arange(TRACKS), np.arange(0, TRACKS, 2)])
    homes = np.concatenate([home, other])
    share = np.full(len(uid), 0.5, np.float32)
    share[1:TRACKS:2] = 1.0
    shots = int(SECONDS / 4)
    ends = np.arange(1, shots + 1) * 4.0
    shot_of = np.sort(random.integers(0, shots, TRACKS))
    together = np.flatnonzero((np.diff(shot_of) == 0) & (np.diff(owner[home]) != 0))
    pairs = np.unique(np.sort(np.stack([home[together], home[together + 1]], axis=1)), axis=0)
    counts = np.bincount(shot_of, minlength=shots) * 12
    numbers = np.arange(shots)
    summary = Summary(
        commit=np.stack([numbers + 2, np.cumsum(counts) - counts, counts, numbers], axis=1),
        shot=np.stack([ends - 4, ends, (ends - 4) * FPS, ends * FPS], axis=1),
        track=np.stack([np.arange(TRACKS), shot_of], axis=1),
        span=np.stack([np.full(TRACKS, 3.0), ends[shot_of] - 4], axis=1),
        vectors=(0.97 * drawn).astype(np.float16),
        features=(drawn @ spread).astype(np.float16),
        weight=np.bincount(homes, 3 * share, MICRO).astype(np.float32) + 0.05,
        tracks=np.bincount(homes, share, MICRO).astype(np.float32) + 0.02,
        apart=pairs,
        beside=np.ones(len(pairs), np.float32),
        uid=uid,
        home=homes,
        share=share,
        short=np.zeros(0, np.int64),
        short_vectors=np.zeros((0, DIMENSIONS), np.float16),
        short_features=np.zeros((0, FEATURES), np.float16),
    )
    return summary, owner[home]


def write(folder: Path, units: int, shows: int) -> tuple[list[Unit], np.ndarray]:
    """Write an archive of simulated units; their plan, and who (units, TRACKS) their tracks are."""
    archive = Place(folder)
    spread = np.random.default_rng(9).normal(size=(DIMENSIONS, FEATURES)) / 16
    plan, truths = [], np.empty((units, TRACKS), np.int64)
    for number in range(units):
        film, span = divmod(number, SPANS)
        show = film * shows * SPANS // max(units, 1)
        spans = min(SPANS, units - film * SPANS)
        print_ = hashlib.sha256(f"film {film}".encode()).hexdigest()
        last = span + 1 == spans
        step = SECONDS - OVERLAP
        unit = Unit(
            f"{number:032x}",
            f"s3://films/show{show}/{film}.mp4",
            print_,
            spans * step + OVERLAP,
            span,
            spans,
            span * step,
            0.0 if last else span * step + SECONDS,
            0.0 if last else (span + 1) * step,
            (),
        )
        summary, who = simulate(number, cast_of(show), spread)
        rows = int(summary.commit[:, 2].sum())
        marker = {
            "format": 1,
            "attempt": "a",
            "start": asdict(StreamStart(unit.uri, 1280, 720, FPS, unit.seconds, print_)),
            "end": asdict(StreamEnd(int(SECONDS * FPS), SECONDS, "eof")),
            "models": {},
            "segments": [asdict(Segment("000001", 1, len(summary.commit) + 2, 0, rows, (0, 0)))],
            "frames": int((SECONDS if last else step) * FPS),
            "ids": TRACKS,
        }
        archive.put(f"units/{unit.id}/a/summary.safetensors", summary.save())
        archive.put(f"commits/{unit.id}.json", json.dumps(marker).encode())
        plan.append(unit)
        truths[number] = show * CAST + who
    return plan, truths


def score(store: Path, truths: np.ndarray) -> tuple[float, int]:
    """B-cubed F1 over all tracks that came in, and how many characters there are.

    As in ``caststream.evaluation``, a track of nobody is alone; here over millions at once.
    """
    model = published.current(store)
    assert model is not None
    uid, found = model.label_uid, model.label_character
    unit = (uid >> 32) * SPANS + (uid & 0xFFFFFFFF) // TRACKS
    truth = truths[unit, (uid & 0xFFFFFFFF) % TRACKS]
    found = np.where(found < 0, found.max() + 1 + np.arange(len(found)), found)
    (_, t, of), (_, f, by) = (
        np.unique(x, return_inverse=True, return_counts=True) for x in (truth, found)
    )
    _, pair, both = np.unique(t * (int(f.max()) + 1) + f, return_inverse=True, return_counts=True)
    precision, recall = float(np.mean(both[pair] / by[f])), float(np.mean(both[pair] / of[t]))
    characters = len(np.unique(model.label_character[model.label_character >= 0]))
    return 2 * precision * recall / (precision + recall), characters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--shows", type=int, default=100)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    folder = args.folder or Path(tempfile.mkdtemp(prefix="bench-merge-"))
    began = time.monotonic()
    plan, truths = write(folder / "archive", args.units, args.shows)
    print(f"simulated {args.units} units in {time.monotonic() - began:.0f} s", flush=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.monotonic(), time.process_time()
    done = merge(plan, Place(folder / "archive"), folder / "all.zarr")
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    quality, characters = score(folder / "all.zarr", truths)
    print(
        f"{done.units} units, {done.units * TRACKS} tracks, {args.shows} shows of {CAST}: "
        f"{wall:.0f} s by the clock, {cpu:.0f} s of processor, "
        f"{peak / 1024:.0f} MiB at most ({before / 1024:.0f} before), looks joined from "
        f"{done.join:.2f} on, {characters} characters, B-cubed F1 {quality:.3f}"
    )
    if args.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
