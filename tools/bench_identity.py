"""Identity by several ways of learning, on films with truth beside them and on drawn shows.

    python tools/bench_identity.py labels film.mp4 ... [--drawn 4] [--seconds 240] [--work DIR]
    python tools/bench_identity.py bounds
    python tools/bench_identity.py speed film.mp4

``labels`` looks at each film once (``tools/replay.py``), then plays it once a way of learning, and
judges the final labels as ``caststream export`` gives them: B-cubed F1, the share of true boxes
with the right name after one click a character, clicks, the share of named true boxes that were
found at all, how many tuned models went live, and how much time flips between revisions, how much
of that was guessed at a shot's end, and how much of it had a name ("named half-way" names everybody
in the middle of a film, "and split" says yes to the splits that are suggested then; "splits"
is how many).
``bounds`` times a regrouping after 1 and after 100 hours of made-up tracks. ``speed`` compares the
stream's throughput with and without learning, in turns. With ``--work`` what was seen is kept for
the next time; take a fresh folder when detector, embedder or shots changed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np

from caststream.evaluation.report import evaluate_files
from caststream.export.formats import export
from caststream.learning.characters import Acts
from caststream.learning.edit import Editor
from caststream.learning.grouping import Grouping, Seen
from caststream.messages import Dictionary, ShotEnd, Tuned
from caststream.nodes.label import Label
from tools.replay import look, play

WAYS = {
    "not tuned": ["learn.tune=off"],
    "tuned": [],
    "paper's recipe": ["learn.recipe=cast"],
    "paper's grouping": ["learn.tune=off", "learn.method=cast"],
    "named half-way": ["learn.tune=off"],
    "and split": ["learn.tune=off"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("labels")
    one.add_argument("films", type=Path, nargs="*")
    one.add_argument("--drawn", type=int, default=0, help="how many drawn shows to add")
    one.add_argument("--seconds", type=float, default=240.0, help="length of a drawn show")
    one.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    one.add_argument("--work", type=Path, help="keep drawn shows and what was seen here")
    one.set_defaults(run=labels)
    two = commands.add_parser("bounds")
    two.add_argument("--cast", type=int, default=40)
    two.add_argument("--hours", type=int, nargs="+", default=[1, 10, 100])
    two.set_defaults(run=bounds)
    three = commands.add_parser("speed")
    three.add_argument("film", type=Path)
    three.add_argument("--rounds", type=int, default=2)
    three.set_defaults(run=speed)
    args = parser.parse_args()
    args.run(args)


# --- labels ------------------------------------------------------------------------------------


def labels(args: argparse.Namespace) -> None:
    """One line a film and way, then what each way gains over the first."""
    with tempfile.TemporaryDirectory() as folder:
        work = args.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        films = [film for film in args.films if truth_of(film).exists()]
        films += [drawn(work, seed, args.seconds) for seed in range(args.drawn)]
        print(
            f"{'film':24s} {'learning':16s} B-cubed  named  found clicks live  flips guesses named"
            " splits"
        )
        gains: dict[str, list[float]] = {}
        for film in films:
            first = None
            for way in args.ways:
                row = judge(film, way, work)
                first = first or row
                gains.setdefault(way, []).append(row["b_cubed"] - first["b_cubed"])
                print(
                    f"{film.stem[:24]:24s} {way:16s} {row['b_cubed']:7.3f} {row['named']:6.3f}"
                    f" {row['found']:6.3f} {row['clicks']:6.0f} {row['live']:4.0f}"
                    f" {row['flips']:6.3f} {row['guesses']:7.3f} {row['named_flips']:5.3f}"
                    f" {row['splits']:6.0f}",
                    flush=True,
                )
        for way, gain in gains.items():
            mean, worst = statistics.mean(gain), min(gain)
            print(f"{way}: B-cubed {mean:+.3f} on average, {worst:+.3f} at worst")


def truth_of(film: Path) -> Path:
    return film.with_suffix(".truth.json")


def drawn(work: Path, seed: int, seconds: float) -> Path:
    """A drawn show that no training has seen: their seeds are below a million."""
    from tools.synth.episode import make_episode

    path = work / f"drawn-{seed}.mp4"
    if not truth_of(path).exists():
        make_episode(
            path, show_seed=1_000_000 + seed, episode_seed=seed, seconds=seconds,
            width=640, height=360, fps=24.0, style=None,
        )  # fmt: skip
    return path


def judge(film: Path, way: str, work: Path) -> dict[str, float]:
    looks = work / f"{film.stem}.looks.npz"
    if not looks.exists():
        look(film, looks)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        said, final = Path(folder) / "said.ndjson", Path(folder) / "final.ndjson"
        store = Path(folder) / "s.zarr"
        half_way = way in ("named half-way", "and split")
        with naming_half_way(store, looks) if half_way else nullcontext():
            play(looks, said, store, WAYS[way])
        editor = Editor(store)
        splits = editor.cast.splits().values()
        for tracks in splits if way == "and split" else ():
            editor.split(tracks)
        export(store, "ndjson", str(final))
        scores = evaluate_files(str(truth_of(film)), str(final))
        told = evaluate_files(str(truth_of(film)), str(said))
        with said.open() as lines:
            live = sum(json.loads(line)["type"] == "tuned" for line in lines)
    missed = sum(row[-1] for row in scores.confusion.counts[: len(scores.confusion.truth)])
    boxes = sum(sum(row) for row in scores.confusion.counts)
    return {
        "b_cubed": scores.scores.b_cubed_f1 or 0.0,
        "named": scores.scores.named or 0.0,
        "found": 1 - missed / max(1, boxes),
        "clicks": scores.scores.clicks or 0,
        "live": live,
        "splits": len(splits),
        "flips": told.flips or 0.0,
        "guesses": told.guesses or 0.0,
        "named_flips": told.named_flips or 0.0,
    }


@contextmanager
def naming_half_way(store: Path, looks: Path) -> Iterator[None]:
    """Name whoever there is as soon as half of a film was labelled."""
    with np.load(looks) as file:
        half = float(file["frames"][-1, 1]) / 2
    plain, named = Label.end_shot, [False]

    def naming(self: Label, end: ShotEnd) -> Iterator[Dictionary | Tuned]:
        yield from plain(self, end)
        assert self._cast is not None
        if not named[0] and end.shot.end > half:
            named[0] = True
            editor = Editor(store)
            for one in self._cast.summaries():
                editor.name(one.id, f"Name {one.id}")

    Label.end_shot = naming  # type: ignore[method-assign]
    try:
        yield
    finally:
        Label.end_shot = plain  # type: ignore[method-assign]


# --- bounds ------------------------------------------------------------------------------------


def bounds(args: argparse.Namespace) -> None:
    """Processor time of a regrouping after so many hours, with a track every four seconds."""
    random = np.random.default_rng(0)
    width, cast = 256, args.cast
    looks = random.normal(size=(cast, width)) / np.sqrt(width)
    grouping = Grouping(width, width)
    grouping.regroup(0.5, Acts())
    uid = 0
    print("hours  tracks  micro-clusters  regrouping  memory of sums and pairs")
    for hours in args.hours:
        while uid < hours * 900:
            pair = random.choice(cast, 2, replace=False)
            for who in pair:
                # Poses so far apart that the micro-clusters are always full.
                pose = random.normal(scale=0.6 / np.sqrt(width), size=(3, 1, width))
                views = looks[who] + pose + random.normal(scale=0.2 / np.sqrt(width),
                                                          size=(3, 3, width))  # fmt: skip
                rows = views.reshape(9, width)
                rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
                grouping.add(Seen(uid, rows, rows.astype(np.float16), 4.0, 0.8, uid * 4.0))
                uid += 1
            grouping.apart(uid - 2, uid - 1)
        took = []
        for _ in range(3):
            began = time.process_time()
            grouping.regroup(0.5, Acts())
            took.append(time.process_time() - began)
        held = grouping.micro.sums.nbytes + grouping.micro.features.nbytes
        held += grouping.micro.apart.nbytes
        print(f"{hours:5d} {uid:7d} {grouping.micro.count:15d} {statistics.median(took):9.2f} s"
              f" {held / 2**20:8.1f} MiB", flush=True)  # fmt: skip


# --- speed -------------------------------------------------------------------------------------


def speed(args: argparse.Namespace) -> None:
    """Seconds of film a second, learning and not (a regrouping at the end alone), in turns."""
    times: dict[str, list[float]] = {"learning": [], "not learning": []}
    off = ["--set", "learn.tune=off", "--set", "learn.every=1000000"]
    for _ in range(args.rounds):
        for name, words in (("not learning", off), ("learning", [])):
            with tempfile.TemporaryDirectory() as folder:
                out = [f"--store={folder}/s.zarr", f"--labels={folder}/l.ndjson", "--quiet"]
                began = time.perf_counter()
                subprocess.run(
                    [sys.executable, "-m", "caststream", str(args.film), *out, *words], check=True
                )
                times[name].append(time.perf_counter() - began)
        print({k: [round(t, 1) for t in v] for k, v in times.items()}, flush=True)
    share = min(times["not learning"]) / min(times["learning"])
    print(f"with learning the stream keeps {share:.0%} of its throughput")


if __name__ == "__main__":
    main()
