"""Measures the character detector: AP50 on films, time a picture, and what it gets wrong.

    python tools/bench_detector.py ap [WEIGHTS ...]     # beside the untouched COCO detector
    python tools/bench_detector.py speed                # all runtimes in turn, in one run
    python tools/bench_detector.py wrong OUT [WEIGHTS]  # sheets of misses and false alarms

The peers ``ncnn`` (COCO detector) and ``onnxruntime`` with ``onnx``, and eight-bit integers by
``nncf``, are left out where they are not installed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from caststream.vision.converted import converted
from caststream.vision.detector import SIZE, WEIGHTS, Detector, decode, load_network
from caststream.vision.runtime import Runtime, inference_threads
from tools.coco_weights import COCO_CHARACTERS, CocoBaseline
from tools.detection_score import judge, overlaps, score
from tools.detector_data import HIDDEN
from tools.films import Labelled, read_film
from tools.synth import sample_picture
from tools.train_detector import TESTED_ON, find

U1 = NDArray[np.uint8]
ROUNDS, REPEATS = 5, 20
ALONE = 0.4
"""Score from which a box stands alone: where precision and recall are given."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--media", type=Path, default=Path("../shared/media"))
    parser.add_argument("--pretrained", type=Path, default=Path("../shared/pretrained"))
    parser.add_argument("--work", type=Path, default=Path("build/detector"))
    steps = parser.add_subparsers(dest="step", required=True)
    ap = steps.add_parser("ap", help="AP50 on the films with truth")
    ap.add_argument("weights", nargs="*", type=Path, default=[WEIGHTS])
    ap.add_argument("--drawn", type=int, default=0, help="and on so many newly drawn pictures")
    ap.add_argument("--seed", type=int, default=2, help="of those; 1 is the trainer's")
    steps.add_parser("speed", help="time a picture by runtime")
    wrong = steps.add_parser("wrong", help="sheets of misses and false alarms")
    wrong.add_argument("out", type=Path)
    wrong.add_argument("weights", nargs="?", type=Path, default=WEIGHTS)
    wrong.add_argument("--films", nargs="*", default=TESTED_ON)
    args = parser.parse_args()
    if args.step == "speed":
        speed(args.pretrained)
        return
    films = {name: read_film(args.media / f"{name}.mp4", args.work)[0] for name in TESTED_ON}
    if args.step == "ap":
        if args.drawn:
            films[f"drawn by seed {args.seed}"] = drawn(args.drawn, args.seed)
        accuracy(args.weights, args.pretrained, films)
    else:
        sheets(args.weights, args.out, {name: films[name] for name in args.films})


def coco(pretrained: Path) -> Detector | None:
    """The untouched COCO detector by ncnn; a box's score is its best class of a character."""
    try:
        baseline = CocoBaseline(pretrained)
    except ImportError:
        return None

    def one(picture: U1) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        scores, bins = baseline.raw(picture)
        best = scores[:, list(COCO_CHARACTERS)].max(1).clip(1e-6, 1 - 1e-6)
        return decode(np.log(best / (1 - best)), bins, picture.shape[1], picture.shape[0])

    return Detector(lambda pictures: [one(p) for p in pictures], "", "COCO by ncnn")


def drawn(count: int, seed: int) -> list[Labelled]:
    """Pictures of ``tools.synth`` with their truth."""
    made = []
    for number in range(count):
        picture, boxes, _, visible = sample_picture(np.random.default_rng((seed, number)))
        made.append(Labelled("drawn", number, picture, boxes, visible < HIDDEN))
    return made


def accuracy(weights: list[Path], pretrained: Path, films: dict[str, list[Labelled]]) -> None:
    """Print a table of AP50, with precision and recall at ``ALONE``."""
    detectors = [coco(pretrained), *(Detector.load(str(path)) for path in weights)]
    print("| film | frames | boxes | detector | AP50 | precision | recall |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, labelled in films.items():
        truth = [(x.boxes, x.ignore) for x in labelled]
        for detector in filter(None, detectors):
            s = score([find(detector, x.picture) for x in labelled], truth, ALONE)
            print(
                f"| {name} | {len(labelled)} | {s.truths} | {detector.name} "
                f"| {s.ap50:.3f} | {s.precision:.2f} | {s.recall:.2f} |"
            )


def speed(pretrained: Path) -> None:
    """Print milliseconds a picture by runtime, network, decoding and suppression included."""
    picture = np.random.default_rng(0).integers(0, 256, (1, SIZE[1], SIZE[0], 3), np.uint8)
    runs: dict[str, Callable[[], object]] = {}
    for kind in ("torch-f32", "openvino-f32", "openvino-bf16"):
        runs[kind] = _timed(Runtime(lambda: load_network(WEIGHTS)[0], SIZE, "cpu", kind), picture)
    peers = {
        "openvino, eight-bit integers": _integers,
        "onnxruntime": _onnxruntime,
        "ncnn, COCO's 80 classes": lambda: _ncnn(pretrained),
    }
    for name, make in peers.items():
        try:
            runs[name] = _timed(make(), picture)
        except ImportError as error:
            print(f"{name} is left out: {error}")
    if torch.cuda.is_available():
        many = np.repeat(picture, 64, 0)
        runs["torch-f16 on the GPU, 64 at once"] = _timed(
            Runtime(lambda: load_network(WEIGHTS)[0], SIZE, "cuda"), many
        )
    times: dict[str, list[float]] = {name: [] for name in runs}
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            run()
            for _ in range(REPEATS):
                started, began = time.perf_counter(), time.process_time()
                run()
                spent[name].append(time.process_time() - began)
                times[name].append(time.perf_counter() - started)
    print(f"{SIZE[0]}x{SIZE[1]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("| runtime | median ms | fastest ms | median ms of processor time |")
    print("| --- | --- | --- | --- |")
    for name, spans in times.items():
        scale = 1e3 / (64 if "64" in name else 1)
        cells = [np.median(spans), min(spans), np.median(spent[name])]
        print(f"| {name} | " + " | ".join(f"{scale * float(t):.2f}" for t in cells) + " |")


def _timed(
    network: Callable[[U1], list[NDArray[np.float32]]], pictures: U1
) -> Callable[[], object]:
    height, width = pictures.shape[1:3]

    def run() -> object:
        logits, bins = network(pictures)
        return [decode(logits[i], bins[i], width, height) for i in range(len(pictures))]

    return run


def _onnxruntime() -> Callable[[U1], list[NDArray[np.float32]]]:
    import onnx  # noqa: F401  torch's exporter needs it
    import onnxruntime

    example = torch.zeros((1, SIZE[1], SIZE[0], 3), dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/net.onnx"
        torch.onnx.export(load_network(WEIGHTS)[0], (example,), path, dynamo=False)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda pictures: session.run(None, {name: pictures})


def _integers() -> Callable[[U1], list[NDArray[np.float32]]]:
    """Weights and activations as integers, calibrated on drawn pictures."""
    import nncf
    import openvino

    size = {"width": SIZE[0], "height": SIZE[1]}
    pictures = [sample_picture(np.random.default_rng((3, i)), **size)[0][None] for i in range(30)]
    model = nncf.quantize(
        converted(lambda: load_network(WEIGHTS)[0], SIZE, None),
        nncf.Dataset(pictures),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(pictures),
    )
    config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": inference_threads()}
    request = openvino.Core().compile_model(model, "CPU", config).create_infer_request()

    def run(pictures: U1) -> list[NDArray[np.float32]]:
        found = request.infer([pictures], share_inputs=True)
        return [np.asarray(found[i], np.float32) for i in range(len(found))]

    return run


def _ncnn(pretrained: Path) -> Callable[[U1], list[NDArray[np.float32]]]:
    baseline = CocoBaseline(pretrained)

    def run(pictures: U1) -> list[NDArray[np.float32]]:
        scores, bins = baseline.raw(pictures[0])
        best = scores[:, list(COCO_CHARACTERS)].max(1).clip(1e-6, 1 - 1e-6)
        return [np.log(best / (1 - best))[None], bins[None]]

    return run


def sheets(weights: Path, out: Path, films: dict[str, list[Labelled]]) -> None:
    """Draw the 50 worst misses and false alarms: OUT/misses.png and OUT/alarms.png.

    Worst misses are the largest true boxes that nothing above ``ALONE`` matches; worst alarms the
    highest scores that match nothing. Green: truth, yellow: found, red: what is wrong.
    """
    detector = Detector.load(str(weights))
    misses: list[tuple[float, Image.Image]] = []
    alarms: list[tuple[float, Image.Image]] = []
    for item in (x for labelled in films.values() for x in labelled):
        boxes, scores = find(detector, item.picture)
        boxes, scores = boxes[scores >= ALONE], scores[scores >= ALONE]
        kinds = judge(boxes, item.boxes, item.ignore)
        area = item.picture.shape[0] * item.picture.shape[1]
        for i in range(len(item.boxes)):
            if not item.ignore[i] and i not in kinds:
                near = overlaps(boxes, item.boxes[i : i + 1]).max(initial=0)
                size = (item.boxes[i, 2:] - item.boxes[i, :2]).prod() / area
                misses.append((float(size), _drawn(item, boxes, item.boxes[i], f"IoU {near:.2f}")))
        for box, point in zip(boxes[kinds == -1], scores[kinds == -1], strict=True):
            alarms.append((float(point), _drawn(item, boxes, box, f"score {point:.2f}")))
    out.mkdir(parents=True, exist_ok=True)
    for name, wrong in (("misses", misses), ("alarms", alarms)):
        wrong.sort(key=lambda pair: -pair[0])
        sheet = Image.new("RGB", (6 * 340, -(-min(len(wrong), 50) // 6) * 210 or 1))
        for i, (_, image) in enumerate(wrong[:50]):
            sheet.paste(image, (i % 6 * 340, i // 6 * 210))
        sheet.save(out / f"{name}.png")
        print(f"{len(wrong)} {name}, the worst in {out / f'{name}.png'}")


def _drawn(
    item: Labelled, boxes: NDArray[np.float32], bad: NDArray[np.float32], text: str
) -> Image.Image:
    image = Image.fromarray(item.picture)
    draw = ImageDraw.Draw(image)
    coloured = [(b, "lime") for b in item.boxes] + [(b, "yellow") for b in boxes] + [(bad, "red")]
    for box, colour in coloured:
        draw.rectangle(tuple(float(v) for v in box), outline=colour, width=4)
    image.thumbnail((336, 190))
    ImageDraw.Draw(image).text((4, 4), f"{item.film[:7]} {item.frame} {text}", fill="red")
    return image


if __name__ == "__main__":
    main()
