"""Draws labels onto a film's frames, as one sheet to look at.

    python tools/look.py film.mp4 labels.ndjson sheet.png [--count 24] [--from 60] [--to 120]

A colour a character, its name or id, the track's number and the detector's score; grey boxes are
characters that are not known. Final labels are used where the stream gives them.
"""

from __future__ import annotations

import argparse
import colorsys
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw

from caststream.evaluation.labels import Found, FoundFrame, read_labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--count", type=int, default=24, help="frames on the sheet")
    parser.add_argument("--from", type=float, default=0.0, dest="start", help="seconds")
    parser.add_argument("--to", type=float, default=float("inf"), dest="end", help="seconds")
    parser.add_argument("--width", type=int, default=480, help="of one frame on the sheet")
    parser.add_argument("--score", type=float, default=0.3, help="boxes under this are left out")
    args = parser.parse_args()
    with args.labels.open(encoding="utf-8") as lines:
        found = read_labels(lines, str(args.labels))
    with av.open(str(args.film)) as film:
        stream = film.streams.video[0]
        fps = float(stream.average_rate or 24)
        frames = [f for f in sorted(found.frames) if args.start <= f / fps < args.end]
        picks = {frames[i] for i in np.linspace(0, len(frames) - 1, args.count).astype(int)}
        drawn = []
        for index, frame in enumerate(film.decode(stream)):
            if index in picks:
                picture = frame.to_image()
                draw(picture, found.frames[index], args.score)
                height = round(args.width * picture.height / picture.width)
                small = picture.resize((args.width, height))
                ImageDraw.Draw(small).text((4, 2), f"{index / fps:.1f} s", fill="yellow")
                drawn.append(small)
            if index >= max(picks):
                break
    sheet(drawn, 4).save(args.sheet)
    print(summary(found))


def draw(picture: Image.Image, frame: FoundFrame, floor: float) -> None:
    pen = ImageDraw.Draw(picture)
    wide = max(2, picture.width // 320)
    for box, score, track, who in zip(
        frame.boxes.tolist(), frame.scores, frame.tracks, frame.characters, strict=True
    ):
        if score < floor:
            continue
        color = "#a0a0a0" if who is None else shade(who)
        pen.rectangle(box, outline=color, width=wide)
        text = f"{who or '?'} t{track} {score:.2f}"
        pen.text((box[0] + wide, box[1] + wide), text, fill=color, font_size=picture.width // 48)


def shade(character: str) -> str:
    hue = int(character.strip("c") or 0) * 0.381966 % 1
    red, green, blue = (round(255 * v) for v in colorsys.hsv_to_rgb(hue, 0.75, 1.0))
    return f"#{red:02x}{green:02x}{blue:02x}"


def sheet(pictures: list[Image.Image], columns: int) -> Image.Image:
    width, height = pictures[0].size
    rows = -(-len(pictures) // columns)
    whole = Image.new("RGB", (columns * width, rows * height))
    for i, picture in enumerate(pictures):
        whole.paste(picture, ((i % columns) * width, (i // columns) * height))
    return whole


def summary(found: Found) -> str:
    boxes = sum(len(f.boxes) for f in found.frames.values())
    known = sum(c is not None for f in found.frames.values() for c in f.characters)
    names = {c for f in found.frames.values() for c in f.characters if c}
    return f"{len(found.frames)} frames, {boxes} boxes, {known} of {len(names)} known characters"


if __name__ == "__main__":
    main()
