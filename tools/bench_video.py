"""What an annotated video costs: milliseconds of processor time a frame, step by step.

    python -m tools.bench_video film.mp4 [--frames 240]

The peer is the same loop without boxes: decode and encode alone.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from caststream.media.colors import character_color
from caststream.media.decoding import Decoder
from caststream.media.encoding import VideoWriter
from caststream.media.overlay import Tags, draw_box, draw_tag
from caststream.media.pipes import StopSign
from caststream.media.sources import Source


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--boxes", type=int, default=4)
    args = parser.parse_args()
    steps = ("decode", "to RGB", "draw", "encode")
    for name in ("with boxes", "without"):
        spent = run(args.film, args.frames, args.boxes if name == "with boxes" else 0)
        told = "  ".join(f"{step} {1000 * spent[step]:6.2f}" for step in steps)
        print(f"{name:<11} {told}  all {1000 * sum(spent.values()):6.2f} ms CPU a frame")


def run(film: Path, frames: int, boxes: int) -> dict[str, float]:
    stop = StopSign()
    source = Source(str(film), timeout=10.0, spool_limit=0, stop=stop)
    decoder = Decoder(source, stop, threads=1)
    tags = Tags(22)
    spent = dict.fromkeys(("decode", "to RGB", "draw", "encode"), 0.0)
    random = np.random.default_rng(0)
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        writer: VideoWriter | None = None
        clock = time.process_time()

        def lap(step: str) -> None:
            nonlocal clock
            now = time.process_time()
            spent[step] += now - clock
            clock = now

        for shown in decoder.run():
            if not hasattr(shown, "picture") or count == frames:
                break
            lap("decode")
            width, height = shown.picture.shown
            writer = writer or VideoWriter(Path(folder) / "out.mp4", width, height, 24.0)
            picture = shown.picture.resized(width, height)
            lap("to RGB")
            for who in range(boxes):
                x, y = random.uniform(0, 0.5, 2) * (width, height)
                box = np.array([x, y, x + width / 4, y + height / 3], np.float32)
                draw_box(picture, box, character_color(who), 3)
                draw_tag(picture, box, tags.tag(f"Bunny {90 + who}%", character_color(who)))
            lap("draw")
            writer.write(picture, shown.time)
            lap("encode")
            count += 1
        if writer is not None:
            writer.close()
        lap("encode")
    source.close()
    return {step: seconds / max(count, 1) for step, seconds in spent.items()}


if __name__ == "__main__":
    main()
