"""What tuning is worth over the episodes of a series: one store, one cast, one after the other.

    python tools/bench_series.py show-201-0.looks.npz show-201-1.looks.npz ... [--first 120]

Plays files of looks (``tools/drawn_looks.py``, with truth beside them) into one store, untuned and
tuned, and judges the final labels after the last episode: B-cubed F1 and the share of true boxes
with the right name after one click a character, of all episodes together, since a character has
one id in all of them. ``last`` is the last episode alone, in what is known of it in the end, and
``live`` in what its frames said at once. Also says how many heads went live.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from caststream.evaluation.identity import Matches, match_all
from caststream.evaluation.labels import read_labels
from caststream.evaluation.scores import b_cubed
from caststream.evaluation.truth import NAMELESS, Truth, read_truth
from caststream.export.formats import export
from tools.bench_live_labels import said_at_once
from tools.replay import play

WAYS = {"not tuned": ["learn.tune=off"], "tuned": [], "paper's recipe": ["learn.recipe=cast"]}


@dataclass(frozen=True)
class Outcome:
    """The figures of one series and way."""

    whole: float
    named: float
    last: float
    live: float
    heads: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("looks", type=Path, nargs="+", help="the episodes, in order")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=["not tuned", "tuned"])
    parser.add_argument("--set", action="append", default=[], metavar="NODE.KEY=VALUE")
    args = parser.parse_args()
    print(f"{'way':16s} B-cubed  named   last   live  heads")
    for way in args.ways:
        row = judge(args.looks, [*WAYS[way], *args.set])
        print(
            f"{way:16s} {row.whole:7.3f} {row.named:6.3f} {row.last:6.3f} {row.live:6.3f}"
            f" {row.heads:6d}",
            flush=True,
        )


def judge(episodes: list[Path], settings: list[str]) -> Outcome:
    """Play all episodes into one store, then judge them together."""
    found: list[Matches] = []
    heads = 0
    live = 0.0
    with tempfile.TemporaryDirectory() as folder:
        store, out = Path(folder) / "s.zarr", Path(folder) / "labels.ndjson"
        for looks in episodes:
            play(looks, out, store, settings)
            lines = out.read_text(encoding="utf-8").splitlines()
            heads += sum(json.loads(line)["type"] == "tuned" for line in lines)
            live = score([match_all(_truth(looks), said_at_once(lines))])
        for number, looks in enumerate(episodes):
            export(store, "ndjson", str(out), number)
            with out.open(encoding="utf-8") as text:
                found.append(match_all(_truth(looks), read_labels(text)))
    return Outcome(score(found), named(found), score(found[-1:]), live, heads)


def _truth(looks: Path) -> Truth:
    return read_truth(looks.with_name(looks.name.replace(".looks.npz", ".truth.json")))


def score(found: list[Matches]) -> float:
    """B-cubed F1 over all episodes' matched boxes of named characters."""
    pairs = [
        (name, who)
        for part in found
        for name, who in zip(part.truth, part.found, strict=True)
        if name not in NAMELESS
    ]
    return b_cubed([name for name, _ in pairs], [who for _, who in pairs])[2]


def named(found: list[Matches]) -> float:
    """Share of all true boxes that bear the right name once each id has that of its majority."""
    missed = sum((part.missed for part in found[1:]), found[0].missed)
    truth = tuple(name for part in found for name in part.truth)
    who = tuple(one for part in found for one in part.found)
    both = Matches(truth, who, (None,) * len(truth), missed)
    majority = both.majority
    right = [
        one is not None and majority[one] == name
        for name, one in zip(truth, who, strict=True)
        if name not in NAMELESS
    ]
    lost = sum(count for name, count in missed.items() if name not in NAMELESS)
    return sum(right) / max(1, len(right) + lost)


if __name__ == "__main__":
    main()
