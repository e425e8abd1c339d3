"""Trains the character detector: COCO's weights, then drawn cartoons, then films.

    python tools/train_detector.py draw       # draws cartoons into the cache
    python tools/train_detector.py drawn      # COCO's weights -> drawn.safetensors
    python tools/train_detector.py fold NAME  # ... -> without-NAME.safetensors, never saw that film
    python tools/train_detector.py ship       # ... -> detector.safetensors
    python tools/train_detector.py drawn --workers 8 --seconds 400 --batch 64   # with a GPU

What ships is a state of the last one, mixed with COCO's weights by ``tools/mean_weights.py``: films
gained nothing on unseen ones. Every step goes on where it was stopped, and ends with AP50 on the
films it did not see. One core takes 40 ms a picture; a GPU is used where there is one. With
``--workers`` so many processes draw and change pictures while the network learns, and no cache is
read. Besides what comes of a step, the running averages after each quarter of it are kept.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from caststream.vision.cells import cells
from caststream.vision.detector import FORMAT, Detector, load_network
from caststream.vision.networks import CharacterNet
from tools.coco_weights import coco_start
from tools.course import Course, ahead, falling
from tools.detection_score import overlaps, score
from tools.detector_data import FRESH, Fresh, Mixture, Sample, draw_one
from tools.detector_loss import detection_loss
from tools.films import Labelled, Loose, read_film

TRAINED_ON = ("big_buck_bunny_720p", "penny_and_chip", "sintel_trailer")
LOOSE_ONLY = ("sol_levante_15s",)
TESTED_ON = (*TRAINED_ON, "copying_is_not_theft")
"""The last one's licence asks its likes of what is made of it: it is only looked at."""
SIZES = ((384, 224), (320, 192), (448, 256), (288, 160), (352, 192), (256, 160))
LARGE_SIZES = ((512, 288), *SIZES[:3])
"""With a GPU: up to what the stream looks at."""
BATCH = 16
RATE, TRUNK_RATE = 5e-4, 1e-4
"""The first at ``BATCH``, with larger ones more by the root; the trunk never goes faster, so that
what COCO taught it lasts."""
AVERAGE = 0.998
EVERY = 10.0
"""Seconds between two lines of progress, each with a state to go on from."""
QUARTERS = (0.25, 0.5, 0.75)
NEW = 0.8
"""Share of the trained weights in what is given out, the rest are COCO's: what was learnt there of
the look of solid things is kept (Wortsman et al., "Robust fine-tuning", CVPR 2022)."""
FILMS = 0.5
"""Share of what was trained on films in the trained weights; two or three films are soon learnt by
heart, and what only drawn pictures taught holds better on others."""
SURE, DOUBTFUL = 0.5, 0.15
"""Teacher's scores: from the first on a box is taken for true, from the second on it is ignored."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("draw", "drawn", "fold", "ship"))
    parser.add_argument("film", nargs="?", choices=TRAINED_ON, help="the film left out of a fold")
    parser.add_argument("--media", type=Path, default=Path("../shared/media"))
    parser.add_argument("--pretrained", type=Path, default=Path("../shared/pretrained"))
    parser.add_argument("--work", type=Path, default=Path("build/detector"))
    parser.add_argument("--pictures", type=int, default=3000, help="drawn pictures to keep")
    parser.add_argument("--batches", type=int, help="300 on drawn cartoons, 130 on films")
    parser.add_argument("--seconds", type=float, help="train so long, however many batches it is")
    parser.add_argument("--batch", type=int, default=BATCH, help="pictures a batch")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw all the while")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.step == "draw":
        draw(args.work, args.pictures, args.seed)
        return
    drawn = Fresh(args.seed) if args.workers else read_drawn(args.work)
    args.work.mkdir(parents=True, exist_ok=True)
    if args.step == "drawn":
        net = coco_start(args.pretrained)
        out = args.work / "drawn.safetensors"
        train(net, [(1.0, drawn)], out, args.batches or 300, args)
        report(out, TESTED_ON, args)
        return
    left_out = args.film if args.step == "fold" else None
    if args.step == "fold" and left_out is None:
        parser.error("fold needs the film to leave out")
    films = [name for name in TRAINED_ON if name != left_out]
    start = args.work / "drawn.safetensors"
    sources: list[tuple[float, Sequence[Sample]]] = [(0.4, drawn)]
    read = [read_film(args.media / f"{name}.mp4", args.work) for name in (*films, *LOOSE_ONLY)]
    # Films weigh in by the root of their labelled frames: none drowns the others.
    roots = np.array([len(labelled) ** 0.5 for labelled, _ in read])
    teacher = Detector.load(str(start))
    for (labelled, loose), weight in zip(read, roots / roots.sum(), strict=True):
        true = [Sample(x.picture, x.boxes, x.ignore) for x in labelled]
        sources += [(0.4 * weight, true), (0.2 / len(read), taught(loose, teacher))]
    out = args.work / (f"without-{left_out}.safetensors" if left_out else "detector.safetensors")
    trained = out.with_suffix(".trained.safetensors")
    train(load_network(start)[0], sources, trained, args.batches or 130, args)
    old, mid = coco_start(args.pretrained).state_dict(), load_network(start)[0].state_dict()
    new = load_network(trained)[0].state_dict()
    write({name: old[name].lerp(mid[name].lerp(new[name], FILMS), NEW) for name in old}, out)
    report(out, TESTED_ON[3:] if left_out is None else (left_out, *TESTED_ON[3:]), args)


def draw(work: Path, count: int, seed: int) -> None:
    """Draw cartoons into the cache, 200 to a file; files that are there are kept."""
    work.mkdir(parents=True, exist_ok=True)
    for number in range(-(-count // 200)):
        path = work / f"drawn-{number:03}.npz"
        if path.exists():
            continue
        started = time.process_time()
        rng = np.random.default_rng((seed, number))
        samples = [draw_one(rng, 512, 288) for _ in range(200)]
        # The pictures stand alone, so that they can be mapped: they take more than memory has.
        np.save(path.with_suffix(".npy"), np.array([sample.picture for sample in samples]))
        with path.with_suffix(".part").open("wb") as file:
            np.savez(
                file,
                boxes=np.concatenate([sample.boxes for sample in samples]),
                ignore=np.concatenate([sample.ignore for sample in samples]),
                counts=[len(sample.boxes) for sample in samples],
            )
        path.with_suffix(".part").rename(path)
        pace = 200 / (time.process_time() - started)
        print(f"{path.name}: {pace:.1f} pictures a second of a core", flush=True)


def read_drawn(work: Path) -> list[Sample]:
    """All drawn pictures of the cache."""
    samples = []
    for path in sorted(work.glob("drawn-*.npz")):
        pictures = np.load(path.with_suffix(".npy"), mmap_mode="r")
        with np.load(path) as arrays:
            ends = arrays["counts"].cumsum()[:-1]
            boxes = np.split(arrays["boxes"], ends)
            ignore = np.split(arrays["ignore"], ends)
        samples += [Sample(*parts) for parts in zip(pictures, boxes, ignore, strict=True)]
    return samples


def taught(loose: Sequence[Loose], detector: Detector) -> list[Sample]:
    """Unlabelled pictures with what the teacher is sure of.

    A box counts where the teacher finds it again a moment before or after; other boxes that it
    takes for possible are ignored.
    """
    samples = []
    for item in loose:
        found = [find(detector, picture) for picture in item.pictures]
        boxes, scores = found[1]
        near = np.concatenate([b[s >= SURE * 0.6] for b, s in (found[0], found[2])])
        again = overlaps(boxes, near).max(1, initial=0) >= 0.4
        kept = scores >= DOUBTFUL
        sure = (scores >= SURE) & again
        samples.append(Sample(item.pictures[1], boxes[kept], ~sure[kept]))
    return samples


def find(detector: Detector, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes in the picture's own pixels, and scores, of a picture of any size."""
    height, width = picture.shape[:2]
    size = detector.size_for(width, height)
    scaled = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
    boxes, scores = detector.detect(scaled[None])[0]
    return boxes * np.tile(np.float32((width / size[0], height / size[1])), 2), scores


def train(
    net: CharacterNet,
    sources: Sequence[tuple[float, Sequence[Sample]]],
    out: Path,
    batches: int,
    args: argparse.Namespace,
) -> None:
    """Train, keep a running average of the weights, and write that to ``out``."""
    if out.exists():
        print(f"{out} is there already")
        return
    saved = out.with_suffix(".state.pt")
    state = torch.load(saved, weights_only=True) if saved.exists() else {"batch": 0, "spent": 0.0}
    first = state["batch"]
    on_gpu = torch.cuda.is_available()
    mixture = Mixture(sources, args.batch, LARGE_SIZES if on_gpu else SIZES, args.seed)
    # The processes that draw start from this one, and have no use for what it holds on the GPU.
    made = ahead(mixture, first, args.workers)
    device = torch.device("cuda" if on_gpu else "cpu")
    # On a GPU channels last costs seconds of preparation a size, and half precision gains nothing.
    layout = torch.contiguous_format if on_gpu else torch.channels_last
    net.to(device, memory_format=layout).train()
    for part in (net.trunk.stem, net.trunk.stages[0]):
        part.requires_grad_(False)
    scale = (args.batch / BATCH) ** 0.5
    slow = [p for p in net.trunk.parameters() if p.requires_grad]
    fast = [*net.pyramid.parameters(), *net.heads.parameters()]
    groups = [
        {"params": slow, "peak": TRUNK_RATE},
        {"params": fast, "peak": RATE * scale},
    ]
    optimiser = torch.optim.AdamW(groups, lr=0.0, weight_decay=0.02)
    weights = list(net.state_dict().values())
    average = [value.clone() for value in weights]
    if first:
        net.load_state_dict(state["net"])
        optimiser.load_state_dict(state["optimiser"])
        average = [value.to(device) for value in state["average"]]
    course = Course(batches, args.seconds, state["spent"])
    shown = torch.zeros(2, device=device)
    number, begun, told, processor = first, course.spent, course.spent, time.process_time()
    waited = 0.0
    while (share := course.share(number)) < 1:
        rate = min(1.0, (number + 1) / 60) * (0.02 + 0.98 * falling(share))
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * rate
        asked = course.spent
        batch = next(made)
        waited += course.spent - asked
        pictures, *truth = (part.to(device, non_blocking=True) for part in batch)
        logits, bins = net(pictures)
        grid = grid_of(*pictures.shape[1:3], device)
        loss, parts = detection_loss(logits, bins, grid, *truth)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, weights, 1 - min(AVERAGE, (number + 1) / (number + 20)))
        shown.lerp_(parts, 0.05)
        number += 1
        after = course.share(number)
        if after == 1 or course.spent - told > EVERY:
            told = course.spent
            score, box = (shown / (1 - 0.95 ** (number - first))).tolist()
            pace = (number - first) / (told - begun)
            cost = (time.process_time() - processor) / (number - first) / args.batch
            fresh = f", {pace * FRESH:.0f} pictures a second drawn" if args.workers else ""
            print(
                f"{out.stem} {number} ({after:.0%}): score {score:.3f}, box {box:.3f}; "
                f"{pace * args.batch:.0f} pictures a second learnt{fresh}, "
                f"{waited / (told - begun):.0%} waited for them, {cost * 1e3:.0f} CPU ms a picture",
                flush=True,
            )
            kept = {"net": net.state_dict(), "optimiser": optimiser.state_dict()}
            torch.save({**kept, "average": average, "batch": number, "spent": told}, saved)
        for quarter in QUARTERS:
            if share < quarter <= after:
                named = dict(zip(net.state_dict(), average, strict=True))
                write(named, out.with_suffix(f".{quarter * 100:.0f}.safetensors"))
    write(dict(zip(net.state_dict(), average, strict=True)), out)
    saved.unlink(missing_ok=True)


@cache
def grid_of(height: int, width: int, device: torch.device) -> Tensor:
    """The cells of pictures of a size."""
    return torch.from_numpy(cells(height, width).copy()).to(device)


def write(weights: dict[str, Tensor], out: Path) -> None:
    """Write weights as the detector reads them: half precision, safetensors."""
    half = {name: value.to("cpu", torch.float16).contiguous() for name, value in weights.items()}
    save_file(half, out, metadata={"format": FORMAT})
    out.chmod(0o644)


def report(weights: Path, films: Sequence[str], args: argparse.Namespace) -> None:
    """Print AP50 on films, where there are any."""
    if not args.media.exists():
        print(f"no films in {args.media} to measure {weights.name} on")
        return
    detector = Detector.load(str(weights))
    for name in films:
        labelled, _ = read_film(args.media / f"{name}.mp4", args.work)
        print(f"{weights.stem}, {name}: {score_film(detector, labelled)}", flush=True)


def score_film(detector: Detector, labelled: Sequence[Labelled]) -> object:
    """AP50 and the like of a detector on the truth frames of a film."""
    found = [find(detector, x.picture) for x in labelled]
    return score(found, [(x.boxes, x.ignore) for x in labelled])


if __name__ == "__main__":
    main()
