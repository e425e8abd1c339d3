"""Trains the character embedder: COCO's trunk, then drawn shows.

    python tools/train_embedder.py draw       # draws shows into the cache
    python tools/train_embedder.py start      # COCO's trunk, a head by discriminant analysis
    python tools/train_embedder.py drawn      # ... then both trained on drawn shows
    python tools/train_embedder.py head       # ... then the head alone, longer
    python tools/train_embedder.py drawn --begin W --work DIR   # on from weights: what ships
    python tools/train_embedder.py fold NAME  # ... and on tracks and names of films, without one
    python tools/train_embedder.py drawn --begin W --workers 8 --seconds 480 --batch 8  # on a GPU

Every step goes on where it was stopped; ``tools/bench_embedder.py`` says what came of it. One core
takes 6 ms a crop, and fewer drawn shows do: whatever lies in ``DIR/cache`` is used. With
``--workers`` so many processes draw shows while the network learns, and no cache is read. Besides
what comes of a step, the running averages after each quarter of it are kept. ``fold`` is an
experiment: the few films at hand make other films worse (``MODELS.md`` has the figures).
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from caststream.vision.embedder import DIMENSIONS, Head, load_network, save_network
from caststream.vision.embedder_network import FEATURES, EmbedderNet
from tools.coco_weights import coco_start
from tools.course import Course, ahead
from tools.embedder_data import VIEWS as DRAWN_VIEWS
from tools.embedder_data import Crops, FreshShows, draw, drawn, tracked, truth
from tools.embedder_loss import augment, contrastive_loss, rate

TRAINED_ON = ("big_buck_bunny_720p", "penny_and_chip", "sintel_trailer")
LOOSE_ONLY = ("sol_levante_15s",)
HELD_OUT = range(9000, 9030)
"""Seeds of drawn shows that are never trained on."""
SIZES = (96, 96, 128)
SHOWS, CAST, VIEWS = 3, 8, 4
KEPT, EVERY = 1000, 3
"""Shows that were drawn while the network learns are kept for the next batches; each third batch
brings a new one."""
GRAY = 0.12
"""Share of shows that lose their colours in a batch, all views of all characters."""
FILM = 32
HEAD_RATE, TRUNK_RATE = 1e-3, 2e-4
"""The first with ``SHOWS`` a batch, with more by the root; the trunk never goes faster."""
AVERAGE = 0.998
HEAD_BATCHES, HEAD_SHOWS = 400, 5
TOLD = 10.0
"""Seconds between two lines of progress, each with a state to go on from."""
QUARTERS = (0.25, 0.5, 0.75)
U1 = NDArray[np.uint8]
Batch = tuple[list[Tensor], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]]
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
    parser.add_argument("--seconds", type=float, help="train so long, however many batches it is")
    parser.add_argument("--batch", type=int, default=SHOWS, help="shows a batch")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw all the while")
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
    args.work.mkdir(parents=True, exist_ok=True)
    shows = [] if args.workers else drawn(cache, range(args.shows))
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
        Mixture(shows, films, args.batch),
        args.work / f"{out}.safetensors",
        args,
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
            return _tensors(self.named.pixels[chosen]), same, ~same, rng.permutation(len(chosen))
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
        return _tensors(self.tracks.pixels[chosen]), same, other, rng.permutation(len(chosen))


def film_of(path: Path, cache: Path) -> Film:
    """A film's crops, cut where they are not in the cache."""
    has_truth = path.with_name(f"{path.stem}.truth.json").exists()
    return Film(tracked(path, cache), truth(path, cache)[0] if has_truth else None)


def _tensors(pixels: U1) -> list[Tensor]:
    return list(torch.from_numpy(pixels))


class Mixture:
    """Batches of a few drawn shows, and of one film where there are films."""

    def __init__(self, shows: Sequence[Crops], films: Sequence[Film], count: int) -> None:
        self._shows = [torch.from_numpy(show.pixels) for show in shows]
        self._films = films
        self._count = count

    def renew(self, step: int, fresh: Iterator[Tensor], device: torch.device) -> None:
        """Take in the new shows that are due before a step, each once, kept on the device."""
        wanted = 1 if step % EVERY == 0 else 0
        new = [next(fresh) for _ in range(max(wanted, self._count - len(self._shows)))]
        self._shows += [show.to(device) for show in new]
        del self._shows[:-KEPT]

    def batch(self, rng: np.random.Generator) -> tuple[Any, ...]:
        """Crops of characters of one show against each other; and which (B,) are to be gray.

        Characters of two shows are not compared: the style of a show need not be told.
        """
        count = self._count - 1 if self._films else self._count
        parts = [self._drawn(rng, int(k)) for k in rng.choice(len(self._shows), count, False)]
        if self._films:
            parts.append(self._films[int(rng.integers(len(self._films)))].batch(rng))
        total = sum(len(part[0]) for part in parts)
        same, other = np.zeros((2, total, total), bool)
        light, gray = np.empty(total, np.int64), np.empty(total, bool)
        place = 0
        for crops, same_here, other_here, light_here in parts:
            here = slice(place, place + len(crops))
            same[here, here], other[here, here] = same_here, other_here
            light[here] = light_here + place
            gray[here] = rng.random() < GRAY
            place += len(crops)
        np.fill_diagonal(same, False)
        return [crop for part in parts for crop in part[0]], same, other, light, gray

    def _drawn(self, rng: np.random.Generator, number: int) -> Batch:
        show = self._shows[number]
        who = np.repeat(np.arange(CAST), VIEWS)
        views = np.concatenate([rng.permutation(DRAWN_VIEWS)[:VIEWS] for _ in range(CAST)])
        chosen = who * DRAWN_VIEWS + views
        same = who[:, None] == who[None]
        # One view of every character in each light.
        light = np.tile(np.arange(VIEWS), CAST)
        return [show[int(k)] for k in chosen], same, ~same, light


def train(before: Path, mixture: Mixture, out: Path, args: argparse.Namespace) -> None:
    """Train from the weights ``before``; what comes out is a running average of the weights.

    The stem and first stage stay COCO's, the rest of the trunk moves slowly: what it knows of
    real and 3D pictures has to survive drawn training.
    """
    saved = out.with_suffix(".checkpoint")
    state = torch.load(saved, weights_only=True) if saved.exists() else {"step": 0, "spent": 0.0}
    first = state["step"]
    # Shows already drawn are not drawn again where a run goes on: it has other ones from there on.
    fresh = ahead(FreshShows(args.seed), first // EVERY, args.workers) if args.workers else None
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda" if on_gpu else "cpu")
    net, head, _ = load_network(before)
    linear = _linear(head)
    # On a GPU channels last costs seconds of preparation a size, and half precision gains nothing.
    layout = torch.contiguous_format if on_gpu else torch.channels_last
    net.requires_grad_(True).to(memory_format=layout)
    for part in (net.trunk.stem, net.trunk.stages[0]):
        part.requires_grad_(False)
    model = nn.ModuleList([net, linear]).to(device)
    scale = (args.batch / SHOWS) ** 0.5
    slow = [p for p in net.trunk.parameters() if p.requires_grad]
    fast = [p for part in (net.look_fine, net.look_deep, linear) for p in part.parameters()]
    groups = [
        {"params": slow, "peak": TRUNK_RATE},
        {"params": fast, "peak": HEAD_RATE * scale},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.02)
    weights = list(model.state_dict().values())
    average = [value.clone() for value in weights]
    if first:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        average = [value.to(device) for value in state["average"]]
    course = Course(args.batches, args.seconds, state["spent"])
    shown = torch.zeros((), device=device)
    step, begun, told, waited = first, course.spent, course.spent, 0.0
    generator = torch.Generator(device)
    while (share := course.share(step)) < 1:
        if fresh is not None:
            asked = course.spent
            mixture.renew(step, fresh, device)
            waited += course.spent - asked
        rng = np.random.default_rng((args.seed, step))
        crops, *facts = mixture.batch(rng)
        generator.manual_seed(int(rng.integers(1 << 62)))
        same, other, light, gray = (torch.from_numpy(fact).to(device) for fact in facts)
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * rate(share)
        size = SIZES[step % len(SIZES)]
        pictures = augment(torch.stack(crops).to(device), size, generator, light, gray)
        vectors = functional.normalize(linear(net(pictures)), dim=1)
        loss = contrastive_loss(vectors, same, other)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, weights, 1 - min(AVERAGE, step / (step + 10)))
        shown.lerp_(loss.detach(), 0.03)
        step += 1
        after = course.share(step)
        if after == 1 or course.spent - told > TOLD:
            told = course.spent
            pace = (step - first) / (told - begun)
            drawn_too = f", {pace / EVERY:.1f} shows a second drawn" if fresh is not None else ""
            print(
                f"{out.stem} {step} ({after:.0%}): loss "
                f"{float(shown) / (1 - 0.97 ** (step - first)):.3f}; "
                f"{pace * len(crops):.0f} crops a second learnt{drawn_too}, "
                f"{waited / (told - begun):.0%} waited for them",
                flush=True,
            )
            now = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            part = saved.with_suffix(".part")
            torch.save({**now, "average": average, "step": step, "spent": told}, part)
            part.rename(saved)
        for quarter in QUARTERS:
            if share < quarter <= after:
                keep(model, average, out.with_suffix(f".{quarter * 100:.0f}.safetensors"))
    keep(model, average, out)


def keep(model: nn.ModuleList, average: list[Tensor], out: Path) -> None:
    """Write network and head with the averaged weights."""
    kept = copy.deepcopy(model)
    kept.load_state_dict(dict(zip(model.state_dict(), average, strict=True)))
    finish(kept[0], kept[1], out)


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
            group["lr"] = 3e-4 * rate(step / HEAD_BATCHES)
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
    weight, bias = (part.detach().cpu() for part in (linear.weight, linear.bias))
    head = {"weight": weight.T.numpy(), "bias": bias.numpy()}
    save_network(net, head, out)


if __name__ == "__main__":
    main()
