"""Clips to measure on: one film in several sizes and codecs."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

ROOT = Path(__file__).resolve().parent.parent.parent
FILM = ROOT.parent / "shared" / "media" / "big_buck_bunny_720p.mp4"
START, LENGTH = 60.0, 120.0
"""Seconds into the film at which clips begin, and their length."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a clip is coded."""

    height: int
    codec: str
    megabits: float
    """A second."""

    @property
    def name(self) -> str:
        """For tables."""
        coding = {"libx264": "H.264", "libx265": "HEVC"}[self.codec]
        return f"{self.height}p {coding}, {self.megabits:g} Mbit/s"


KINDS = (
    Kind(360, "libx264", 0.8),
    Kind(720, "libx264", 3.0),
    Kind(1080, "libx264", 14.0),
    Kind(360, "libx265", 0.5),
    Kind(720, "libx265", 2.0),
    Kind(1080, "libx265", 7.0),
)


def film(folder: Path) -> Path:
    """The development film where it is at hand, else a drawn cartoon of the same length."""
    if FILM.exists():
        return FILM
    from tools.synth.episode import make_episode

    path = folder / "drawn.mp4"
    seconds = int(START + LENGTH)
    make_episode(path, show_seed=5, episode_seed=1, seconds=seconds, width=1280, height=720, fps=24)
    return path


def clip(source: Path, kind: Kind, folder: Path, seconds: float = LENGTH) -> Path:
    """``seconds`` of a film from ``START`` on, coded as ``kind``; made once a folder.

    Pictures get a little grain before they are coded: without it an enlarged film leaves an
    encoder nothing to spend its bits on, and decoding would look cheaper than it is.
    """
    path = folder / f"{kind.height}-{kind.codec}-{kind.megabits:g}-{seconds:g}.mp4"
    if path.exists():
        return path
    draft = path.with_suffix(".draft.mp4")
    with av.open(str(source)) as played, av.open(str(draft), "w") as written:
        pictures = played.streams.video[0]
        pictures.thread_type = "AUTO"
        rate = pictures.average_rate or Fraction(24)
        width = 2 * round(kind.height * pictures.width / pictures.height / 2)
        out = written.add_stream(kind.codec, rate=rate, options=_options(kind))
        out.width, out.height, out.pix_fmt = width, kind.height, "yuv420p"
        out.bit_rate = int(kind.megabits * 1e6)
        out.codec_context.time_base = 1 / rate
        graph = _grain(pictures, width, kind.height)
        played.seek(int(START * av.time_base))
        for number, frame in enumerate(played.decode(pictures)):
            if frame.time is not None and frame.time >= START + seconds:
                break
            graph.push(frame)
            grained = graph.pull()
            grained.pts, grained.time_base = number, 1 / rate
            written.mux(out.encode(grained))
        written.mux(out.encode(None))
    draft.rename(path)
    return path


def _options(kind: Kind) -> dict[str, str]:
    options = {"preset": "veryfast" if kind.codec == "libx264" else "ultrafast"}
    return options | ({"x265-params": "log-level=error"} if kind.codec == "libx265" else {})


def _grain(pictures: av.VideoStream, width: int, height: int) -> av.filter.Graph:
    graph = av.filter.Graph()
    steps = [
        graph.add_buffer(template=pictures),
        graph.add("scale", f"{width}:{height}:flags=bicubic"),
        graph.add("noise", "all_strength=6:all_flags=t"),
        graph.add("format", "yuv420p"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*steps).configure()
    return graph
