"""Train the boundary network on made transitions; see MODELS.md for how the shipped one was made.

    python -m tools.train_boundary --out base.pt --films none --steps 10000 --seed 11
    python -m tools.train_boundary --out one.pt --start base.pt --rate 1.2e-3 --seed 12
    python -m tools.train_boundary --out two.pt --start base.pt --rate 1.2e-3 --seed 13
    python tools/mean_weights.py ship.safetensors one.safetensors:0.5 two.safetensors:0.5
    python -m tools.train_boundary --out fold.pt --start base.pt --leave sintel_trailer

Runs from one start end near each other, and the mean of their weights is better than either
(Wortsman et al., "Model soups", ICML 2022). Every run can be stopped and called again: it goes on
from its last checkpoint, with the clips that it would have had. On one core.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from torch.nn import functional

from caststream.vision.boundary import SCORED
from caststream.vision.boundary_features import FEATURES, describe_clip
from tools.boundary_clips import Clip, blank, join, mark_cut, mark_gradual
from tools.boundary_disturb import disturb
from tools.boundary_drawn import draw_shows
from tools.boundary_model import LOOKS, BoundaryModel
from tools.boundary_shots import make_show

U1 = NDArray[np.uint8]
ROOT = Path(__file__).resolve().parent.parent
CLIP, BATCH = 192, 6
POOL, FRESH = 300, 1
WARM = 24
"""Frames at a clip's start whose answers are not asked for: the past is missing there."""
FILMS = ("big_buck_bunny_720p", "penny_and_chip", "sintel_trailer", "sol_levante_15s")
"""May be trained on: CC BY and MIT. The CC BY-SA film is for evaluation only."""
WITHOUT_TRUTH = {"sol_levante_15s": [(0, 127), (148, 203), (248, 283), (299, 350)]}
"""Frames of single shots in the film whose boundaries nobody listed."""


def read_small(path: Path, cache: Path) -> U1:
    """All frames of a film as (N, 27, 48, 3) RGB, kept in ``cache`` for the next time."""
    kept = cache / f"{path.stem}.npy"
    if not kept.exists():
        import av
        from av.video.reformatter import Interpolation, VideoReformatter

        cache.mkdir(parents=True, exist_ok=True)
        with av.open(str(path)) as container:
            scale = VideoReformatter()
            frames = [
                scale.reformat(f, 48, 27, "rgb24", interpolation=Interpolation.AREA).to_ndarray()
                for f in container.decode(video=0)
            ]
        np.save(kept, np.stack(frames))
    return np.asarray(np.load(kept))


class Film:
    """A film with its boundaries: single shots to join anew, and runs as they are."""

    def __init__(self, path: Path, cache: Path) -> None:
        self.frames = read_small(path, cache)
        truth = path.with_suffix("").with_suffix(".truth.json")
        self.listed: list[dict[str, int | str]] = []
        self.vague: list[dict[str, int]] = []
        n = len(self.frames)
        if truth.exists():
            known = json.loads(truth.read_text())
            self.listed, self.vague = known["boundaries"], known["ambiguous"]
            edges = [
                (int(b.get("frame", b.get("start"))), int(b.get("frame", b.get("end", 0) + 1)))
                for b in self.listed
            ]
            edges += [(int(b["start"]), int(b["end"]) + 1) for b in self.vague]
            edges = [(0, 0), *sorted(edges), (n, n)]
            spans = [(a[1], b[0]) for a, b in pairwise(edges)]
        else:
            spans = WITHOUT_TRUTH.get(path.stem, [])
        self.shots = [self.frames[a:b] for a, b in spans if b - a >= 16]

    def run(self, rng: np.random.Generator) -> Clip:
        """A run of the film as it is, with its own boundaries; vague ones ask nothing."""
        clip = blank(CLIP)
        start = int(rng.integers(0, len(self.frames) - CLIP))
        clip.frames[:] = self.frames[start : start + CLIP]
        if rng.random() < 0.5:
            clip.frames[:] = clip.frames[:, :, ::-1].copy()
        for entry in self.vague:
            a, b = int(entry["start"]) - 2 - start, int(entry["end"]) + 3 - start
            clip.weight[max(a, 0) : max(b, 0)] = 0
        for entry in self.listed:
            if "frame" in entry:
                at = int(entry["frame"]) - start
                if 0 <= at < CLIP:
                    clip.weight[at, 0] = 1
                mark_cut(clip, at)
            else:
                a, b = int(entry["start"]) - start, int(entry["end"]) - start
                clip.weight[max(a, 0) : max(b + 1, 0), 1:] = 1
                mark_gradual(clip, a, b, str(entry["type"]))
        return clip


class Clips:
    """An endless supply of training clips, each made from the seed and its number."""

    def __init__(
        self,
        shows: list[list[U1]],
        drawn: list[list[U1]],
        films: list[Film],
        seed: int,
        eyes: BoundaryModel | None = None,
    ) -> None:
        """Join quick shows, shows of tools.synth and films; ``eyes`` look at the clips at once."""
        self.seed = seed
        self.eyes = eyes
        self.shows, self.drawn = shows, drawn
        self.films = films
        self.film_shows = [f.shots for f in films if f.shots]
        self.with_truth = [f for f in films if f.listed]
        sizes = np.array([len(f.frames) for f in self.with_truth], float)
        self.pool: dict[int, tuple[NDArray[np.generic], ...]] = {}
        self.share = sizes / sizes.sum() if len(sizes) else sizes

    def make(self, rng: np.random.Generator) -> Clip:
        """One clip: drawn shots joined, film shots joined, or a run of a film."""
        kind = rng.random()
        if self.films and kind < 0.2:
            film = self.with_truth[int(rng.choice(len(self.with_truth), p=self.share))]
            clip = film.run(rng)
        elif self.film_shows and kind < 0.55:
            clip = join(rng, self.film_shows * 2 + self.shows[:2], CLIP)
        else:
            clip = join(rng, self.drawn if self.drawn and rng.random() < 0.5 else self.shows, CLIP)
        return disturb(rng, clip, self.shows)

    def described(self, number: int) -> tuple[NDArray[np.generic], ...]:
        """Frames, features, rows, answers (T, 4) and weights (T, 3) of clip ``number``.

        Where there are eyes, the maps that they make of frames stand for these.
        """
        rng = np.random.default_rng((self.seed, number))
        clip = self.make(rng)
        if rng.random() < 0.3:
            # The end of a stream, as the detector sees it: the last picture stands still.
            clip.frames[-SCORED:] = clip.frames[-SCORED - 1]
        features = np.empty((CLIP, FEATURES), np.float32)
        rows = np.empty((CLIP, LOOKS), np.int32)
        describe_clip(clip.frames, features, rows)
        answers = np.stack(
            [clip.cut, clip.inside, clip.late, clip.kind.astype(np.float32)], axis=-1
        )
        if self.eyes is None:
            return clip.frames, features, rows, answers, clip.weight
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            maps = self.eyes.look(torch.from_numpy(clip.frames)[None])
        return maps.half().numpy(), features, rows, answers, clip.weight

    def batch(self, step: int) -> tuple[torch.Tensor, ...]:
        """The same with a leading axis of BATCH clips: the batch of this step, always the same.

        Making a clip costs more than learning from it: FRESH clips of a batch are new, the rest
        are drawn again from the POOL before them.
        """
        until = BATCH + FRESH * (step + 1)
        for number in range(max(0, until - POOL), until):
            if number not in self.pool:
                self.pool[number] = self.described(number)
        for number in [n for n in self.pool if n < until - POOL]:
            del self.pool[number]
        rng = np.random.default_rng((self.seed, 1, step))
        old = rng.choice(np.arange(max(0, until - POOL), until - FRESH), BATCH - FRESH, False)
        chosen = [self.pool[int(n)] for n in (*old, *range(until - FRESH, until))]
        return tuple(torch.from_numpy(np.stack(column)) for column in zip(*chosen, strict=True))


def loss_of(model: BoundaryModel, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Weighted cross-entropies of the three questions and of the kind."""
    frames, features, rows, answers, weights = batch
    with torch.autocast("cpu", torch.bfloat16):
        maps = model.look(frames) if frames.dtype == torch.uint8 else frames.flatten(0, 1).float()
        seen = model.compare(maps, features, rows).float()
    out = model.decide(seen)[:, WARM + SCORED :]
    answers = answers[:, WARM : CLIP - SCORED]
    weights = weights[:, WARM : CLIP - SCORED]
    kind = answers[..., 3]
    positive = torch.tensor([2.0, 1.0, 1.0])
    each = functional.binary_cross_entropy_with_logits(
        out[..., :3], answers[..., :3], weights, reduction="none", pos_weight=positive
    )
    total = (each.mean((0, 1)) * torch.tensor([4.0, 1.0, 2.0])).sum()
    known = kind >= 0
    if known.any():
        total = total + 0.15 * functional.cross_entropy(out[..., 3:][known], kind[known].long())
    return total


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    """Weights of a checkpoint, or of a file that was made from one."""
    if path.suffix == ".safetensors":
        return load_file(path)
    kept: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["model"]
    return kept


def train(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    films = []
    if args.films == "all":
        films = [Film(args.media / f"{n}.mp4", args.cache) for n in FILMS if n != args.leave]
    model = BoundaryModel().to(memory_format=torch.channels_last)
    start = time.process_time()
    shows = [make_show(rng) for _ in range(args.shows)]
    drawn = draw_shows(args.drawn, args.cache)
    print(f"{len(shows) + len(drawn)} shows in {time.process_time() - start:.0f} s", flush=True)
    source = Clips(shows, drawn, films, args.seed, model if args.keep else None)
    optimiser = torch.optim.AdamW(model.parameters(), lr=args.rate, weight_decay=1e-3)
    first = 0
    if args.out.exists():
        kept = torch.load(args.out, weights_only=True)
        model.load_state_dict(kept["model"])
        optimiser.load_state_dict(kept["optimiser"])
        first = kept["step"]
        print(f"going on from step {first}", flush=True)
    elif args.start:
        model.load_state_dict(weights_of(args.start))
    else:
        some = torch.cat([source.batch(step)[1].flatten(0, 1) for step in range(8)])
        model.mean.copy_(some.mean(0))
        model.scale.copy_(1 / (some.std(0) + 0.02))
    mean, began = 0.0, time.process_time()
    for step in range(first, args.steps):
        warm = min(1.0, (step + 1) / 60)
        for group in optimiser.param_groups:
            share = step / args.steps
            group["lr"] = float(args.rate * warm * (0.02 + 0.49 * (1 + np.cos(np.pi * share))))
        loss = loss_of(model, source.batch(step))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        done = step + 1 - first
        mean += (float(loss.detach()) - mean) / min(done, 50)
        if (step + 1) % 50 == 0 or step + 1 == args.steps:
            pace = (time.process_time() - began) / done
            left = pace * (args.steps - step - 1) / 60
            print(
                f"step {step + 1}/{args.steps}: loss {mean:.4f}; "
                f"{pace * 1e3:.0f} CPU ms a step, {left:.1f} CPU min left",
                flush=True,
            )
            state = {"model": model.state_dict(), "optimiser": optimiser.state_dict()}
            args.out.parent.mkdir(parents=True, exist_ok=True)
            torch.save({**state, "step": step + 1}, args.out)
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    args.out.with_suffix(".safetensors").write_bytes(save(weights))
    held = Clips([make_show(np.random.default_rng(10_000 + i)) for i in range(12)], [], [], 99)
    model.eval()
    with torch.no_grad():
        losses = [float(loss_of(model, held.batch(step))) for step in range(10)]
    print(f"held-out drawn clips: loss {np.mean(losses):.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="checkpoint; weights beside it")
    parser.add_argument("--start", type=Path, help="checkpoint or weights to begin from")
    parser.add_argument(
        "--keep", action="store_true", help="keep the first two convolutions of the start: quicker"
    )
    parser.add_argument("--steps", type=int, default=2200)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--shows", type=int, default=100)
    parser.add_argument("--drawn", type=int, default=250, help="shows of tools.synth as well")
    parser.add_argument("--films", choices=("none", "all"), default="all")
    parser.add_argument("--leave", help="film to leave out")
    parser.add_argument("--media", type=Path, default=ROOT.parent / "shared" / "media")
    parser.add_argument("--cache", type=Path, default=Path("build/boundary"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.keep and not args.start:
        parser.error("--keep needs a network to --start from")
    train(args)


if __name__ == "__main__":
    main()
