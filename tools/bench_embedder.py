"""How well embedders tell characters apart, on films with truth and on drawn shows.

    python tools/bench_embedder.py                       # the shipped weights, and peers
    python tools/bench_embedder.py without-NAME=PATH ... # others, such as those of a fold

The truth boxes of a film are cut out and compared with each other; those of drawn shows likewise
(seeds that are never trained on, half of the characters have a look-alike). Columns: mean average
precision and recall at 1 of ranking (boxes within a second left out), area under the ROC of
pairs, and B-cubed F1 of clusters: by average linkage at the best cut, at the cut that is best for
the other films and shows, and by the default method with side-by-side pairs. The peers are COCO's
trunk as it is (pooled the same way, standardised, no head) and a histogram of colours.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from caststream.vision.embedder import Embedder
from tools.embedder_data import Crops, draw, drawn, levels, truth
from tools.embedder_score import CUTS, Separation, default_f1, f1_by_cut, separation
from tools.embedder_sheets import mixed_clusters, wrong_neighbours

FILMS = ("big_buck_bunny_720p", "penny_and_chip", "sintel_trailer", "copying_is_not_theft")
SHOWS = range(9000, 9030)
"""The same as in ``tools/train_embedder.py``: never trained on."""
U1 = NDArray[np.uint8]
F4 = NDArray[np.float32]


@dataclass
class Row:
    """One line of the table."""

    set: str
    separation: Separation
    curve: F4
    default: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", help="NAME=SPEC; default: default=default and peers")
    parser.add_argument("--media", type=Path, default=Path("../shared/media"))
    parser.add_argument("--pretrained", type=Path, default=Path("../shared/pretrained"))
    parser.add_argument("--cache", type=Path, default=Path("build/embedder/cache"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--sheets", type=Path, help="folder for sheets of what goes wrong")
    args = parser.parse_args()
    for seed in SHOWS:
        draw(args.cache, seed)
    shows = drawn(args.cache, SHOWS)
    films = {name: truth(args.media / f"{name}.mp4", args.cache)[0] for name in FILMS}
    chosen = dict(text.split("=", 1) for text in args.models) or {"default": "default"}
    for name, spec in chosen.items():
        embedder = Embedder.load(spec, args.device)
        report(name, vectors_of(embedder), films, shows)
        speed(embedder, shows[0].pixels)
        if args.sheets:
            sets = {"films": list(films.values()), "drawn": shows}
            for kind, several in sets.items():
                shown = [(part, embedder.embed(np.asarray(part.pixels))[0]) for part in several]
                wrong_neighbours(shown, args.sheets / f"{name}-{kind}-neighbours.png")
                mixed_clusters(shown, args.sheets / f"{name}-{kind}-clusters.png")
    if not args.models:
        report("COCO's trunk, not trained", coco(args.pretrained, shows), films, shows)
        report("histogram of colours", histogram, films, shows)


def vectors_of(embedder: Embedder) -> Callable[[U1], F4]:
    """Crops to unit vectors."""
    return lambda crops: embedder.embed(crops)[0]


def report(
    name: str, embed: Callable[[U1], F4], films: dict[str, Crops], shows: list[Crops]
) -> None:
    """Print one embedder's table."""
    rows = []
    for title, crops in films.items():
        vectors = embed(np.asarray(crops.pixels))
        rows.append(_row(title, vectors, crops))
    parts = [_row("", embed(np.asarray(show.pixels)), show) for show in shows]
    mean = Separation(*np.mean([[*vars(p.separation).values()] for p in parts], axis=0))
    curve = np.stack([p.curve for p in parts]).mean(axis=0)
    default = float(np.mean([p.default for p in parts]))
    rows.append(Row(f"{len(parts)} drawn shows", mean, curve, default))
    print(f"\n### {name}\n")
    print("| set | mAP | recall@1 | AUC | F1, best cut | F1, cut of the others | F1, default |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        others = np.mean([r.curve for r in rows if r is not row], axis=0)
        best, cut = int(row.curve.argmax()), int(others.argmax())
        print(
            f"| {row.set} | {row.separation.precision:.3f} | {row.separation.recall:.2f} "
            f"| {row.separation.area:.3f} | {row.curve[best]:.3f} at {CUTS[best]:.2f} "
            f"| {row.curve[cut]:.3f} at {CUTS[cut]:.2f} | {row.default:.3f} |",
            flush=True,
        )


def _row(title: str, vectors: F4, crops: Crops) -> Row:
    found = separation(vectors, crops.who, crops.frame)
    curve = f1_by_cut(vectors, crops.who)
    return Row(title, found, curve, default_f1(vectors, crops.who, crops.frame))


def coco(pretrained: Path, shows: list[Crops]) -> Callable[[U1], F4]:
    """COCO's trunk pooled as ours is, standardised on drawn shows."""
    from caststream.vision.embedder_network import EmbedderNet
    from tools.train_embedder import pooled, standardise, start_network

    net: EmbedderNet = start_network(pretrained)
    rows = pooled(net, np.concatenate([show.pixels[::2] for show in shows]))
    standardise(net, rows)
    centre, spread = net.centre.numpy(), net.spread.numpy()
    return lambda crops: _unit((pooled(net, crops) - centre) / spread)


def histogram(crops: U1) -> F4:
    """Roots of colour shares (Hellinger)."""
    return _unit(np.sqrt(np.stack([levels(crop) for crop in crops])))


def _unit(rows: F4) -> F4:
    unit: F4 = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return unit


def speed(embedder: Embedder, crops: U1) -> None:
    """Print the best wall and processor time a crop, for few and for many characters a picture."""
    for count in (1, 4, 16):
        part = np.ascontiguousarray(crops[:count])
        best = [np.inf, np.inf]
        for _ in range(30):
            wall, processor = time.perf_counter(), time.process_time()
            embedder.embed(part)
            spent = (time.perf_counter() - wall, time.process_time() - processor)
            best = [min(pair) for pair in zip(best, spent, strict=True)]
        print(
            f"{count} crops a picture: {best[0] / count * 1e3:.2f} ms a crop, "
            f"{best[1] / count * 1e3:.2f} ms of processor time"
        )


if __name__ == "__main__":
    main()
