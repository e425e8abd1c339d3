"""Trains the character embedder: COCO's trunk, then drawn shows.

    python tools/train_embedder.py draw       # draws shows into the cache
    python tools/train_embedder.py start      # COCO's trunk, a head by discriminant analysis
    python tools/train_embedder.py drawn      # ... then both trained on drawn shows
    python tools/train_embedder.py head       # ... then the head alone, longer
    python tools/train_embedder.py drawn --begin W --work DIR   # on from weights: what ships
    python tools/train_embedder.py fold NAME  # ... and on tracks and names of films, without one

Every step goes on where it was stopped; ``tools/bench_embedder.py`` says what came of it. One core
takes 6 ms a crop, and fewer drawn shows do: whatever lies in ``DIR/cache`` is used. The last step
is an experiment: the few films at hand make other films worse (``MODELS.md`` has the figures).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from caststream.vision.embedder import DIMENSIONS, Head, load_network, save_network
from caststream.vision.embedder_network import FEATURES, EmbedderNet
from tools.coco_weights import coco_start
from tools.embedder_data import VIEWS as DRAWN_VIEWS
from tools.embedder_data import Crops, draw, drawn, tracked, truth
from tools.embedder_loss import augment, contrastive_loss, rate

TRAINED_ON = ("big_buck_bunny_720p", "penny_and_chip", "sintel_trailer")
LOOSE_ONLY = ("sol_levante_15s",)
HELD_OUT = range(9000, 9030)
"""Seeds of drawn shows that are never trained on."""
SIZES = (96, 96, 128)
SHOWS, CAST, VIEWS = 2, 8, 4
FILM = 32
HEAD_RATE, TRUNK_RATE = 1e-3, 2e-4
AVERAGE = 0.99
HEAD_BATCHES, HEAD_SHOWS = 400, 5
KEEP_EVERY = 50
U1 = NDArray[np.uint8]
Batch = tuple[list[U1], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]]
"""Crops, which pairs (B, B) are of one character and of two, and which (B,) are lit alike."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("draw", "start", "drawn", "head", "fold"))
    parser.add_argument("film", nargs="?", choices=TRAINED_ON, help="the film left out of a fold")
    parser.add_argument("--media", type=Path, default=Path("../shared/media"))
    parser.add_argument("--pretrained", type=Path, default=Path("../shared/pretrained"))
    parser.add_argument("--work", type=Path, default=Path("build/embedder"))
    parser.add_argument("--shows", type=int, default=400, help="drawn shows to keep")
    parser.add_argument("--batches", type=int, default=500)
    parser.add_argument("--begin", type=Path, help="weights that drawn begins with; else start's")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cache = args.work / "cache"
    if args.step == "draw":
        for seed in (*HELD_OUT, *range(args.shows)):
            draw(cache, seed)
            print(f"show {seed} is drawn", flush=True)
        return
    shows = drawn(cache, range(args.shows))
    if args.step == "start":
        start(args.pretrained, shows[:60], args.work / "start.safetensors")
        return
    if args.step == "head":
        drawn_weights = args.work / "drawn.safetensors"
        train_head(drawn_weights, shows, args.work / "embedder.safetensors", args.seed)
        return
    if args.step == "drawn":
        films: list[Film] = []
        before, out = "start", "drawn"
    else:
        if args.film is None:
            parser.error("fold needs the film to leave out")
        names = [name for name in (*TRAINED_ON, *LOOSE_ONLY) if name != args.film]
        films = [film_of(args.media / f"{name}.mp4", cache) for name in names]
        before, out = "drawn", f"without-{args.film}"
    train(
        args.begin or args.work / f"{before}.safetensors",
        Mixture(shows, films),
        args.work / f"{out}.safetensors",
        args.batches,
        args.seed,
    )


def start(pretrained: Path, shows: Sequence[Crops], out: Path) -> None:
    """COCO's trunk as it is, and a linear discriminant head from drawn shows."""
    net = start_network(pretrained)
    rows = pooled(net, np.concatenate([show.pixels for show in shows]))
    who = np.concatenate([show.who + 1000 * k for k, show in enumerate(shows)])
    standardise(net, rows)
    rows = (rows - net.centre.numpy()) / net.spread.numpy()
    save_network(net, discriminant(rows, who), out)


def start_network(pretrained: Path) -> EmbedderNet:
    """Our network with COCO's trunk."""
    net = EmbedderNet()
    net.trunk.load_state_dict(coco_start(pretrained).trunk.state_dict())
    return net.eval()


def discriminant(rows: NDArray[np.float32], who: NDArray[np.int64]) -> Head:
    """Head of the ``DIMENSIONS`` directions that tell (N,) characters apart best (Fisher, 1936).

    The covariance within characters is shrunk towards a ball, since the rows are few.
    """
    _, number = np.unique(who, return_inverse=True)
    sums = np.stack([np.bincount(number, column) for column in rows.T], 1)
    means = sums / np.bincount(number)[:, None]
    inner = np.cov((rows - means[number]).T)
    inner += 0.3 * np.trace(inner) / len(inner) * np.eye(len(inner))
    outer = np.cov(means.T)
    values, vectors = eigh(outer, inner, subset_by_index=[FEATURES - DIMENSIONS, FEATURES - 1])
    weight = (vectors * np.sqrt(values.clip(0))).astype(np.float32)
    weight /= np.sqrt(((rows @ weight) ** 2).sum(1).mean())
    return {"weight": weight, "bias": -(rows.mean(0) @ weight)}


@torch.inference_mode()
def pooled(net: EmbedderNet, pixels: U1) -> NDArray[np.float32]:
    """Features of crops before they are standardised."""
    parts = [
        net.pooled(torch.from_numpy(pixels[k : k + 32].copy())) for k in range(0, len(pixels), 32)
    ]
    return torch.cat(parts).numpy()


def standardise(net: EmbedderNet, rows: NDArray[np.float32]) -> None:
    """Make mean and deviation of the features of ``rows`` 0 and 1."""
    net.centre.copy_(torch.from_numpy(rows.mean(0)))
    net.spread.copy_(torch.from_numpy(rows.std(0) + 1e-3))


class Film:
    """Crops of one film: along tracks, and (where it has truth) under names."""

    def __init__(self, tracks: Crops, named: Crops | None) -> None:
        self.tracks = tracks
        self.named = named
        # Pairs of tracks seen in one picture: all that is known to be different.
        self.beside: set[tuple[int, int]] = set()
        self.partners: dict[int, list[int]] = {}
        for frame in np.unique(tracks.frame):
            seen = tracks.who[tracks.frame == frame]
            for one in seen:
                for other in seen:
                    if one != other:
                        self.beside.add((int(one), int(other)))
                        self.partners.setdefault(int(one), []).append(int(other))

    def batch(self, rng: np.random.Generator) -> Batch:
        """About ``FILM`` crops, of names or of tracks, those side by side preferred."""
        if self.named is not None and rng.random() < 0.4:
            chosen = rng.permutation(len(self.named))[:FILM]
            who = self.named.who[chosen]
            same = who[:, None] == who[None]
            return list(self.named.pixels[chosen]), same, ~same, rng.permutation(len(chosen))
        numbers = np.unique(self.tracks.who)
        wanted: list[int] = []
        while len(wanted) < min(FILM // VIEWS, len(numbers)):
            first = int(rng.choice(numbers))
            wanted += {first, int(rng.choice(self.partners.get(first, [first])))} - set(wanted)
        chosen = np.concatenate(
            [rng.permutation(np.flatnonzero(self.tracks.who == k))[:VIEWS] for k in wanted]
        )
        who = self.tracks.who[chosen]
        same = who[:, None] == who[None]
        other = np.array([[(int(a), int(b)) in self.beside for b in who] for a in who])
        return list(self.tracks.pixels[chosen]), same, other, rng.permutation(len(chosen))


def film_of(path: Path, cache: Path) -> Film:
    """A film's crops, cut where they are not in the cache."""
    has_truth = path.with_name(f"{path.stem}.truth.json").exists()
    return Film(tracked(path, cache), truth(path, cache)[0] if has_truth else None)


class Mixture:
    """Batches of a few drawn shows, and of one film where there are films."""

    def __init__(self, shows: Sequence[Crops], films: Sequence[Film]) -> None:
        self._shows = shows
        self._films = films

    def batch(self, rng: np.random.Generator) -> Batch:
        """Crops of characters of one show against each other, and of shows against shows."""
        count = SHOWS if self._films else SHOWS + 1
        parts = [self._drawn(rng, int(k)) for k in rng.choice(len(self._shows), count, False)]
        if self._films:
            parts.append(self._films[int(rng.integers(len(self._films)))].batch(rng))
        total = sum(len(part[0]) for part in parts)
        same, other = np.zeros((total, total), bool), np.ones((total, total), bool)
        light = np.empty(total, np.int64)
        place = 0
        for crops, same_here, other_here, light_here in parts:
            here = slice(place, place + len(crops))
            same[here, here], other[here, here] = same_here, other_here
            light[here] = light_here + place
            place += len(crops)
        np.fill_diagonal(same, False)
        return [crop for part in parts for crop in part[0]], same, other, light

    def _drawn(self, rng: np.random.Generator, number: int) -> Batch:
        show = self._shows[number]
        chosen = np.concatenate(
            [rng.permutation(np.flatnonzero(show.who == k))[:VIEWS] for k in range(CAST)]
        )
        who = show.who[chosen]
        same = who[:, None] == who[None]
        # One view of every character in each light.
        return list(show.pixels[chosen]), same, ~same, np.tile(np.arange(VIEWS), CAST)


def train(before: Path, mixture: Mixture, out: Path, batches: int, seed: int) -> None:
    """Train from the weights ``before``; what comes out is a running average of the weights.

    The stem and first stage stay COCO's, the rest of the trunk moves slowly: what it knows of
    real and 3D pictures has to survive drawn training.
    """
    net, head, _ = load_network(before)
    linear = _linear(head)
    net.requires_grad_(True).to(memory_format=torch.channels_last)
    for part in (net.trunk.stem, net.trunk.stages[0]):
        part.requires_grad_(False)
    model = nn.ModuleList([net, linear])
    slow = [p for p in net.trunk.parameters() if p.requires_grad]
    fast = [p for part in (net.look_fine, net.look_deep, linear) for p in part.parameters()]
    optimizer = torch.optim.AdamW(
        [{"params": slow, "peak": TRUNK_RATE}, {"params": fast, "peak": HEAD_RATE}],
        weight_decay=0.02,
    )
    average = {name: value.clone() for name, value in model.state_dict().items()}
    kept = out.with_suffix(".checkpoint")
    first = 0
    if kept.exists():
        found = torch.load(kept, weights_only=True)
        model.load_state_dict(found["model"])
        optimizer.load_state_dict(found["optimizer"])
        average, first = found["average"], found["step"]
    losses: list[float] = []
    started = time.monotonic()
    for step in range(first, batches):
        rng = np.random.default_rng((seed, step))
        crops, same, other, light = mixture.batch(rng)
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * rate(step, batches)
        size = SIZES[step % len(SIZES)]
        pictures = augment(
            torch.from_numpy(np.stack(crops)), size, generator, torch.from_numpy(light)
        )
        vectors = functional.normalize(linear(net(pictures)), dim=1)
        loss = contrastive_loss(vectors, torch.from_numpy(same), torch.from_numpy(other))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        with torch.no_grad():
            for name, value in model.state_dict().items():
                average[name].lerp_(value, 1 - min(AVERAGE, step / (step + 10)))
        losses.append(float(loss.detach()))
        if step % KEEP_EVERY == KEEP_EVERY - 1 or step == batches - 1:
            now = {name: value.clone() for name, value in model.state_dict().items()}
            state = {"model": now, "optimizer": optimizer.state_dict()}
            half = kept.with_suffix(".part")
            torch.save({**state, "average": average, "step": step + 1}, half)
            half.rename(kept)
            model.load_state_dict(average)
            finish(net, linear, out)
            model.load_state_dict(now)
            pace = (time.monotonic() - started) / (step + 1 - first)
            print(
                f"{out.stem}: batch {step + 1} of {batches}, loss "
                f"{np.mean(losses[-KEEP_EVERY:]):.3f}, {pace:.1f} s a batch",
                flush=True,
            )


def train_head(before: Path, shows: Sequence[Crops], out: Path, seed: int) -> None:
    """Train the head alone on features of unchanged crops, which takes a minute.

    The trunk would lose more of what it knows of 3D pictures the longer it saw drawings.
    """
    net, head, _ = load_network(before)
    rows = torch.stack([torch.from_numpy(pooled(net, np.asarray(show.pixels))) for show in shows])
    rows = (rows - net.centre) / net.spread
    linear = _linear(head)
    average = {name: value.clone() for name, value in linear.state_dict().items()}
    optimizer = torch.optim.AdamW(linear.parameters(), weight_decay=0.02)
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    for step in range(HEAD_BATCHES):
        shown = rng.choice(len(rows), HEAD_SHOWS, False)
        views = np.concatenate(
            [k * DRAWN_VIEWS + rng.permutation(DRAWN_VIEWS)[:5] for k in range(CAST)]
        )
        who = torch.arange(HEAD_SHOWS)[:, None] * CAST + torch.from_numpy(views // DRAWN_VIEWS)
        who = who.flatten()
        same = who[:, None] == who[None]
        features = functional.dropout(rows[shown][:, views].flatten(0, 1), 0.1)
        vectors = functional.normalize(linear(features), dim=1)
        loss = contrastive_loss(vectors, same & ~torch.eye(len(who), dtype=torch.bool), ~same)
        for group in optimizer.param_groups:
            group["lr"] = 3e-4 * rate(step, HEAD_BATCHES)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            for name, value in linear.state_dict().items():
                average[name].lerp_(value, 1 - min(AVERAGE, step / (step + 10)))
    linear.load_state_dict(average)
    finish(net, linear, out)


def _linear(head: Head) -> nn.Linear:
    linear = nn.Linear(FEATURES, DIMENSIONS)
    linear.load_state_dict(
        {"weight": torch.from_numpy(head["weight"].T), "bias": torch.from_numpy(head["bias"])}
    )
    return linear


def finish(net: EmbedderNet, linear: nn.Linear, out: Path) -> None:
    """Write the network with its head."""
    head = {"weight": linear.weight.detach().T.numpy(), "bias": linear.bias.detach().numpy()}
    save_network(net, head, out)


if __name__ == "__main__":
    main()
