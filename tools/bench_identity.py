"""Identity with and without tuning, on films with truth beside them and on drawn shows.

    python tools/bench_identity.py ../shared/media/*.mp4 [--drawn 4] [--seconds 240]

Labels each film once a way of learning (not tuned, tuned, the paper's recipe) and prints B-cubed
F1, the share of true boxes that carry the right name after one click a character, the clicks, and
how many tuned models went live.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from caststream.evaluation.report import evaluate_files

WAYS = {
    "not tuned": ["--set", "learn.tune=off"],
    "tuned": [],
    "paper's": ["--set", "learn.recipe=cast"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("films", type=Path, nargs="*")
    parser.add_argument("--drawn", type=int, default=0, help="how many drawn shows to add")
    parser.add_argument("--seconds", type=float, default=240.0, help="length of a drawn show")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--work", type=Path, help="keep drawn shows and labels here")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = args.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        films = [film for film in args.films if truth_of(film).exists()]
        films += [drawn(work, seed, args.seconds) for seed in range(args.drawn)]
        print(f"{'film':28s} {'learning':10s} B-cubed  named  clicks  live")
        gains: dict[str, list[float]] = {}
        for film in films:
            first = None
            for way in args.ways:
                row = judge(film, way, work)
                first = first or row
                gains.setdefault(way, []).append(row["b_cubed"] - first["b_cubed"])
                print(
                    f"{film.stem[:28]:28s} {way:10s} {row['b_cubed']:7.3f} {row['named']:6.3f}"
                    f" {row['clicks']:7.0f} {row['live']:5.0f}",
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
    if not path.exists():
        make_episode(
            path, show_seed=1_000_000 + seed, episode_seed=seed, seconds=seconds,
            width=640, height=360, fps=24.0, style=None,
        )  # fmt: skip
    return path


def judge(film: Path, way: str, work: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=work) as folder:
        labels = Path(folder) / "labels.ndjson"
        words = [str(film), "--store", f"{folder}/s.zarr", "--labels", str(labels), "--quiet"]
        subprocess.run([sys.executable, "-m", "caststream", *words, *WAYS[way]], check=True)
        scores = evaluate_files(str(truth_of(film)), str(labels)).scores
        with labels.open() as lines:
            live = sum(json.loads(line)["type"] == "tuned" for line in lines)
    return {
        "b_cubed": scores.b_cubed_f1 or 0.0,
        "named": scores.named or 0.0,
        "clicks": scores.clicks or 0,
        "live": live,
    }


if __name__ == "__main__":
    main()
