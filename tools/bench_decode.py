"""Measures the way from a film to pictures: decoding alone, with what every graph asks for, crops.

    python tools/bench_decode.py FILM [--seconds 100] [--filter bwdif]

The processor's time counts on a busy machine, the clock on an idle one; both are told.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from caststream.media.picture import Picture
from caststream.messages import Context, Frame
from caststream.nodes.decode import Decode

SMALL, LARGE, CROP = (48, 27), (512, 288), 128
RATE = 4.0
"""Analysed pictures a second."""


def nothing(picture: Picture, analysed: bool) -> None:
    """Decode and hand over."""


def small(picture: Picture, analysed: bool) -> None:
    """The boundary detector's picture of every frame."""
    picture.resized(*SMALL)


def both(picture: Picture, analysed: bool) -> None:
    """And the character detector's of analysed ones."""
    small(picture, analysed)
    if analysed:
        picture.resized(*LARGE)


def crops(picture: Picture, analysed: bool) -> None:
    """And three crops, each a third of the picture high."""
    both(picture, analysed)
    if analysed:
        side = picture.height / 3.0
        left = np.linspace(0.0, picture.width - side, 3)
        boxes = np.stack([left, left * 0.0, left + side, left * 0.0 + side], axis=1)
        picture.crops(boxes.astype(np.float32), CROP)


def measure(film: str, chain: str, seconds: float, use: Callable[[Picture, bool], None]) -> str:
    """One line: multiple of real time, and milliseconds of processor time a frame."""
    node = Decode(filter=chain)
    clock, processor = time.perf_counter(), time.process_time()
    node.open(Context(uri=film))
    frames, played, analyse = 0, 0.0, 0.0
    for message in node.produce():
        if isinstance(message, Frame):
            analysed = message.time >= analyse
            analyse += analysed / RATE
            use(message.picture, analysed)
            frames, played = message.index + 1, message.time
            if played >= seconds:
                node.stop()
    node.close()
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    return f"{played / clock:6.1f} x real time  {1000.0 * processor / frames:6.2f} ms CPU a frame"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("film")
    parser.add_argument("--seconds", type=float, default=100.0)
    parser.add_argument("--filter", default="")
    arguments = parser.parse_args()
    for name, use in (
        ("decoding alone", nothing),
        ("+ 48x27 of every frame", small),
        ("+ 512x288, 4 a second", both),
        ("+ 3 crops of 128, 4 a second", crops),
    ):
        told = measure(arguments.film, arguments.filter, arguments.seconds, use)
        print(f"{name:30s} {told}", flush=True)


if __name__ == "__main__":
    main()
