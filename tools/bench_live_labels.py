"""How good labels are when they are given, and whether they stay, on films with truth.

    python tools/bench_live_labels.py film.looks.npz ... [--passes 2] [--set NODE.KEY=VALUE]

Plays files of looks (``tools/replay.py look``, with truth beside them) and judges what the frames
said at once, without what a shot's end or a later dictionary made of it. ``share`` is how many of
the true boxes that were found got a character, ``right`` how many of these the right one (an id is
who it mostly is in the final labels), ``B-cubed`` that of the frames' labels. ``goes`` counts how
often a track lost the character that it went by, ``switches`` how often it went by another one, for
100 tracks. From the second pass on the same store holds what the passes before learnt.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from caststream.evaluation.identity import Matches, match_all
from caststream.evaluation.labels import Found, read_labels
from caststream.evaluation.scores import b_cubed
from caststream.evaluation.truth import NAMELESS, Truth, read_truth
from tools.replay import play


@dataclass(frozen=True)
class Live:
    """The figures of one film and pass; the last two for 100 tracks."""

    share: float
    right: float
    b_cubed: float
    goes: float
    switches: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("looks", type=Path, nargs="+")
    parser.add_argument("--truth", type=Path, help="folder of the truth files")
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], metavar="NODE.KEY=VALUE")
    args = parser.parse_args()
    print(f"{'film':24s} pass  share  right B-cubed  goes switches")
    rows: dict[int, list[tuple[float, ...]]] = {}
    for path in args.looks:
        name = path.name.removesuffix(".looks.npz")
        truth = read_truth((args.truth or path.parent) / f"{name}.truth.json")
        for number, lines in enumerate(passes(path, args.passes, args.set), 1):
            row = astuple(judge(truth, lines))
            rows.setdefault(number, []).append(row)
            print(f"{name[:24]:24s} {number:4d} {_text(row)}", flush=True)
    for number, group in rows.items():
        print(f"{'mean':24s} {number:4d} {_text(np.mean(group, axis=0).tolist())}")


def _text(row: Sequence[float]) -> str:
    share, right, b_cubed, goes, switches = row
    return f"{share:6.3f} {right:6.3f} {b_cubed:7.3f} {goes:5.1f} {switches:8.1f}"


def passes(looks: Path, count: int, settings: list[str]) -> list[list[str]]:
    """The label streams of so many passes over one store."""
    streams = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            labels = Path(folder) / f"{number}.ndjson"
            play(looks, labels, Path(folder) / "s.zarr", ["learn.tune=off", *settings])
            streams.append(labels.read_text(encoding="utf-8").splitlines())
    return streams


def judge(truth: Truth, lines: Sequence[str]) -> Live:
    """All figures of one label stream."""
    final = read_labels(lines)
    live = said_at_once(lines)
    who = match_all(truth, final).majority
    found = match_all(truth, live)
    real = [
        (name, character)
        for name, character in zip(found.truth, found.found, strict=True)
        if name not in NAMELESS
    ]
    share, right = _right(found, who)
    goes, switches, tracks = unrest(live)
    score = b_cubed([name for name, _ in real], [character for _, character in real])[2]
    return Live(share, right, score, 100 * goes / max(1, tracks), 100 * switches / max(1, tracks))


def said_at_once(lines: Sequence[str]) -> Found:
    """Without the records of tracks frames keep what they said; merges are the same character."""
    return read_labels([line for line in lines if json.loads(line)["type"] != "track"])


def _right(found: Matches, who: dict[str, str]) -> tuple[float, float]:
    said: Counter[bool] = Counter()
    for name, character in zip(found.truth, found.found, strict=True):
        if character is not None:
            said[name not in NAMELESS and who.get(character) == name] += 1
    count = said.total()
    return count / max(1, len(found.truth)), said[True] / max(1, count)


def unrest(live: Found) -> tuple[int, int, int]:
    """How often tracks lost their character, how often they took another, and how many they are."""
    goes = switches = 0
    last: dict[int, str | None] = {}
    held: dict[int, str] = {}
    for frame in sorted(live.frames):
        here = live.frames[frame]
        for track, character in zip(here.tracks, here.characters, strict=True):
            if track is None:
                continue
            before = held.get(track)
            goes += character is None and last.get(track) is not None
            if character is not None:
                switches += before is not None and before != character
                held[track] = character
            last[track] = character
    return goes, switches, len(last)


if __name__ == "__main__":
    main()
