"""Measures the way on a GPU: NVDEC, pictures made there, networks in half precision, all of it.

    python -m tools.bench_gpu film.mp4 [film2.mp4 ...] [--parts decode,pictures,...] [--out FOLDER]
                              [--loops N]

Parts: ``networks`` (detector and embedder by number of pictures), ``decode`` (decoding alone),
``graph`` (the whole default graph, and where its time goes), ``single`` (pictures made one by one),
``agree`` (against the processor's results), ``tune`` (what the first film teaches, or the store
that is given in its place), ``pictures`` (decoding with what every graph asks of the pictures).
Each stands alone: one that fails says why, and the next goes on. ``--loops`` shows a film so many
times over, since short ones end before anything has settled. With ``--out`` everything is kept as
``gpu.json`` as well. Needs an NVIDIA GPU; without one it says so.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from caststream.graph.runner import Run
from caststream.graph.spec import load_graph
from caststream.media.decoding import Decoder
from caststream.media.hardware import find_decoder
from caststream.media.picture import Picture
from caststream.media.pipes import StopSign
from caststream.media.showing import Shown
from caststream.media.sources import Source
from caststream.messages import Context, Frame
from caststream.nodes import catalogue
from caststream.nodes.decode import Decode
from caststream.vision.detector import WEIGHTS, Detector, load_network
from caststream.vision.embedder import CROP_SIZE, Embedder
from caststream.vision.runtime import Runtime
from tools.bench.stages import watched
from tools.bench_decode import LARGE, RATE, SMALL, both, crops, nothing, small

Line = dict[str, Any]
GOAL = 1500.0
"""Pictures a second of the detector in batches."""
MANY = (1, 4, 16, 32, 64)
BOXES = np.array([[100, 100, 500, 600], [900, 50, 1500, 1000], [600, 300, 900, 700]], np.float32)
"""Three characters of a picture in full HD."""
ALLOWED = {
    "small": 2.0, "large": 3.0, "crops": 1.0, "IoU short of 1": 0.05, "cosine short of 1": 0.01,
}  # fmt: skip
"""How far 19 of 20 may be off: pictures in mean levels of 255 (the processor's large ones come from
swscale, which rounds downwards), boxes and vectors with half precision against single."""
SPAN = 0.25
"""Seconds for which each number of pictures is run."""


def looped(film: Path, loops: int, folder: Path) -> Path:
    """The film's pictures ``loops`` times over, without coding them anew."""
    path = folder / f"{film.stem}-{loops}.mkv"
    with av.open(str(path), "w") as out:
        stream, shift = None, 0
        for _ in range(loops):
            with av.open(str(film)) as source:
                original = source.streams.video[0]
                if stream is None:
                    stream = out.add_stream_from_template(original)
                end = 0
                for packet in source.demux(original):
                    if packet.dts is None or packet.pts is None:
                        continue
                    end = max(end, packet.pts + (packet.duration or 1))
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    out.mux(packet)
                shift += end
    return path


def shown(film: Path, device: str, most: int = 1 << 30) -> Iterator[Picture]:
    """Up to ``most`` pictures as the program decodes them."""
    stop = StopSign()
    hardware = find_decoder(device)
    source = Source(str(film), timeout=5.0, spool_limit=1, stop=stop, hardware=hardware)
    try:
        for item in Decoder(source, stop).run():
            if isinstance(item, Shown):
                yield item.picture
                if item.index + 1 >= most:
                    return
    finally:
        source.close()
        stop.close()


def decode(films: list[Path]) -> Iterator[Line]:
    """Frames a second of decoding alone."""
    for film in films:
        for device in ("cpu", "cuda"):
            began, count = 0.0, 0
            processor = 0.0
            for _ in shown(film, device):
                if not count:  # opening is not decoding
                    began, processor = time.perf_counter(), time.process_time()
                count += 1
            torch.cuda.synchronize()
            took = time.perf_counter() - began
            yield {
                "film": film.stem, "device": device, "fps": round((count - 1) / took),
                "cpu_ms": round(1e3 * (time.process_time() - processor) / count, 3),
            }  # fmt: skip


def pictures(films: list[Path]) -> Iterator[Line]:
    """Frames a second of decoding with pictures made."""
    uses = {"decoding": nothing, "small": small, "and large": both, "and crops": crops}
    for film in films:
        for device in ("cuda", "cpu"):
            for name, use in uses.items():
                line = {"film": film.stem, "device": device, "made": name}
                yield line | _flow(film, device, use)


def single(films: list[Path]) -> Iterator[Line]:
    """Microseconds that one picture of each kind takes, called one by one."""
    for film in films:
        picture = next(iter(shown(film, "cuda", 1)))
        acts: dict[str, Callable[[], object]] = {
            "small": partial(picture.resized, *SMALL),
            "large, left there": partial(picture.pixels, *LARGE),
            "3 crops": partial(picture.crops, BOXES, CROP_SIZE),
        }
        for name, act in acts.items():
            yield {"film": film.stem, "one": name, "us": round(1e6 * _each(act))}


def _flow(film: Path, device: str, use: Callable[[Picture, bool], None]) -> Line:
    node = Decode()
    node.open(Context(uri=str(film), device=device))
    began, processor, count, due = time.perf_counter(), time.process_time(), 0, 0.0
    for message in node.produce():
        if isinstance(message, Frame):
            if not count:
                began, processor = time.perf_counter(), time.process_time()
            analysed = message.time >= due
            due += analysed / RATE
            use(message.picture, analysed)
            count += 1
    torch.cuda.synchronize()
    node.close()
    return {
        "fps": round((count - 1) / (time.perf_counter() - began)),
        "cpu_ms": round(1e3 * (time.process_time() - processor) / count, 3),
    }


def _each(act: Callable[[], object], span: float = SPAN) -> float:
    """Seconds that one call takes, in a row and with the device's work done."""
    for _ in range(3):
        act()
    torch.cuda.synchronize()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < span:
        act()
        count += 1
    torch.cuda.synchronize()
    return (time.perf_counter() - began) / count


def networks(films: list[Path]) -> Iterator[Line]:
    """Pictures a second by how many are asked for at once."""
    frames = list(shown(films[0], "cuda", 128))
    large = torch.stack([torch.as_tensor(frame.pixels(*LARGE)).cuda() for frame in frames])
    detector, embedder = Detector.load(device="cuda"), Embedder.load(device="cuda")
    bare = Runtime(lambda: load_network(WEIGHTS)[0], LARGE, "cuda")
    cuts = np.random.default_rng(0).integers(0, 256, (128, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    assert bare._network is not None
    for many in MANY:
        some = large[torch.arange(many) % len(large)]

        def network(some: torch.Tensor = some) -> object:
            assert bare._network is not None
            with torch.inference_mode():
                return bare._network(some)

        line: Line = {"pictures": many}
        for name, act in {
            "network": network,
            "brought back": lambda some=some: bare(some),
            "detector": lambda some=some: detector.detect(some),
            "embedder": lambda many=many: embedder.embed(cuts[:many]),
        }.items():
            line[name] = round(many / _each(act))
        line["goal"] = "met" if line["detector"] >= GOAL else "missed"
        yield line


def agree(films: list[Path]) -> Iterator[Line]:
    """How far pictures, crops, boxes and vectors are from those of the processor."""
    here, there = Detector.load(device="cpu"), Detector.load(device="cuda")
    names, marks = Embedder.load(device="cpu"), Embedder.load(device="cuda")
    for film in films:
        off: dict[str, list[float]] = {}
        pairs = zip(shown(film, "cpu", 96), shown(film, "cuda", 96), strict=True)
        for number, (cpu, gpu) in enumerate(pairs):
            _note(off, "small", _levels(cpu.resized(*SMALL), gpu.resized(*SMALL)))
            if number % 8:
                continue
            size = here.size_for(cpu.width, cpu.height)
            _note(off, "large", _levels(cpu.resized(*size), gpu.resized(*size)))
            (ours, sure), (theirs, scores) = (
                here.detect(cpu.resized(*size)[None])[0], there.detect(gpu.pixels(*size)[None])[0]
            )  # fmt: skip
            ours, theirs = ours[sure >= 0.3], theirs[scores >= 0.2]
            for box in ours:
                best = max((_iou(box, other) for other in theirs), default=0.0)
                _note(off, "IoU short of 1", 1.0 - best)
            boxes = cpu.boxes_from(ours, *size)
            one, other = cpu.crops(boxes, CROP_SIZE), gpu.crops(boxes, CROP_SIZE)
            if len(boxes):
                _note(off, "crops", _levels(one, other))
                vectors = names.embed(one)[0], marks.embed(other)[0]
                for a, b in zip(*vectors, strict=True):
                    _note(off, "cosine short of 1", 1.0 - float(a @ b))
        for name, values in off.items():
            found = np.array(values)
            p95 = float(np.quantile(found, 0.95))
            yield {
                "film": film.stem, "of": name, "count": len(found),
                "mean": round(float(found.mean()), 5), "most": round(float(found.max()), 5),
                "p95": round(p95, 5), "allowed": ALLOWED[name], "within": p95 <= ALLOWED[name],
            }  # fmt: skip


def _note(off: dict[str, list[float]], name: str, value: float) -> None:
    off.setdefault(name, []).append(value)


def _levels(one: np.ndarray, other: np.ndarray) -> float:
    """Mean difference in levels of 255."""
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = float(np.prod(np.clip(high - low, 0, None)))
    return shared / float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared)


def graph(films: list[Path]) -> Iterator[Line]:
    """Frames a second of the whole default graph once it is open, and its nodes' own seconds.

    A node that waits for the GPU counts as at work, as CUDA waits actively. The first run loads
    libraries and kernels.
    """
    runs = [(films[0], "cuda"), *((film, "cuda") for film in films), (films[0], "cpu")]
    for number, (film, device) in enumerate(runs):
        line: Line = {"film": film.stem, "device": device, "run": number}
        with tempfile.TemporaryDirectory() as folder:
            run = _prepared(film, device, "archive", folder)
            spent, produce = watched(run), run.nodes["decode"].produce  # type: ignore[attr-defined]
            opened: list[float] = []

            def from_here(produce: Any = produce, opened: list[float] = opened) -> Iterator[Any]:
                opened.append(time.perf_counter())
                yield from produce()

            run.nodes["decode"].produce = from_here  # type: ignore[attr-defined]
            began = time.perf_counter()
            run.run()
            ended, count = time.perf_counter(), run.context.vitals.frames
        line |= {
            "frames": count, "fps": round(count / (ended - opened[0])),
            "opened in": round(opened[0] - began, 2), "seconds": round(ended - opened[0], 2),
        }  # fmt: skip
        dearest = sorted(spent.items(), key=lambda x: -x[1])
        yield line | {name: round(seconds, 3) for name, seconds in dearest}


def _prepared(film: Path, device: str, name: str, folder: str) -> Run:
    """A graph ready to run; its store will be ``s.zarr`` in the folder."""
    context = Context(
        uri=str(film), store=f"{folder}/s.zarr", labels=f"{folder}/l.ndjson",
        device=device, quiet=True,
    )  # fmt: skip
    return Run(load_graph(name, catalogue()), context)


def tune(films: list[Path]) -> Iterator[Line]:
    """Seconds that tuning takes on what the first film leaves in a store, and what it gives.

    A folder is taken for a store that is there already.
    """
    from caststream.learning.tuner import tune_store

    with tempfile.TemporaryDirectory() as folder:
        store = films[0]
        if not store.is_dir():
            _prepared(films[0], "cuda", "unit", folder).run()
            store = Path(folder, "s.zarr")
        for full, device in ((False, "cpu"), (True, "cuda"), (True, "cuda"), (True, "cpu")):
            began = time.perf_counter()
            done = tune_store(store, None, 0, None, "caststream", full, device)
            yield {
                "tuned": "in full" if full else "its head", "device": device,
                "seconds": round(time.perf_counter() - began, 2), "why": done.why,
                "pairs": done.pairs,
                "rank": [round(done.rank_before, 4), round(done.rank_after, 4)],
                "margin": [round(done.margin_before, 4), round(done.margin_after, 4)],
            }  # fmt: skip


PARTS: dict[str, Callable[[list[Path]], Iterator[Line]]] = {
    part.__name__: part for part in (networks, decode, graph, single, agree, tune, pictures)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("films", nargs="+", type=Path)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--loops", type=int, default=1)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("There is no NVIDIA GPU that torch sees: nothing to measure.")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, PyAV {av.__version__}")
    told: dict[str, Any] = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__}
    with tempfile.TemporaryDirectory() as folder:
        films = args.films
        if args.loops > 1:
            films = [looped(film, args.loops, Path(folder)) for film in films]
        for name in args.parts.split(","):
            print(f"-- {name}", flush=True)
            lines = told.setdefault(name, [])
            try:
                for line in PARTS[name](films):
                    lines.append(line)
                    print("  ".join(f"{k}: {v}" for k, v in line.items()), flush=True)
                    _keep(told, args.out)
            except Exception:
                lines.append({"failed": traceback.format_exc()})
                traceback.print_exc()
                _keep(told, args.out)


def _keep(told: dict[str, Any], out: Path | None) -> None:
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "gpu.json").write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
