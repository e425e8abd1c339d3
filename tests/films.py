"""Tiny films made on the spot, whose frames carry their own number."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

WIDTH, HEIGHT = 96, 64
BITS = 8


def numbered(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A gray-blue picture with the number as a row of eight black or white blocks."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = (60, 90, 140)
    edges = np.linspace(0, width, BITS + 1).astype(int)
    for bit in range(BITS):
        shade = 235 if number >> bit & 1 else 16
        picture[height // 4 : height * 3 // 4, edges[bit] : edges[bit + 1]] = shade
    return picture


def read_number(picture: np.ndarray) -> int:
    """The number of a picture (H, W, 3) of any size."""
    height, width = picture.shape[:2]
    line = picture[height // 2].mean(axis=1)
    middles = ((np.arange(BITS) + 0.5) * width / BITS).astype(int)
    return sum(1 << bit for bit, shade in enumerate(line[middles]) if shade > 128)


def write_film(
    path: Path,
    count: int = 24,
    *,
    fps: int = 24,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    first: int = 0,
    times: list[float] | None = None,
    start: float = 0.0,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    gop: int = 6,
    format: str | None = None,
    movflags: str = "",
    b_frames: int = 2,
) -> Path:
    """Write frames numbered from ``first`` at ``times`` (or one every 1/fps) after ``start``."""
    options = {"movflags": movflags} if movflags else {}
    if (format or path.suffix) in ("mpegts", ".ts"):
        options = {"mpegts_copyts": "1"}
    with av.open(str(path), "w", format=format, options=options) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        stream.gop_size = gop
        stream.codec_context.max_b_frames = b_frames
        if codec == "libx264":
            stream.codec_context.time_base = Fraction(1, 90_000)
        stream.options = {"crf": "12", "preset": "ultrafast"} if codec == "libx264" else {}
        if b_frames and codec == "libx264":
            stream.options = {**stream.options, "bf": str(b_frames), "b_adapt": "0"}
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(numbered(first + index, *size), "rgb24")
            frame = frame.reformat(format=pixels)
            time = start + (times[index] if times else index / fps)
            frame.pts, frame.time_base = round(time * 90_000), Fraction(1, 90_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path, seconds: float = 0.5) -> Path:
    """Write a file that holds sound alone."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        for start in range(0, int(seconds * 48_000), 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts = 48_000, start
            frame.time_base = Fraction(1, 48_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def packet_places(path: Path) -> list[tuple[int, int]]:
    """Place and size in bytes of each video packet."""
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.video[0])
        return [(packet.pos, packet.size) for packet in packets if packet.size]
