"""Looks at drawn episodes without making a film of them: only the pictures that are analysed.

    python tools/drawn_looks.py FOLDER --show 100 [--episodes 4] [--seconds 210] [--size 640 360]
                                [--score 0.08]

Writes ``show-100-0.looks.npz`` as ``tools/replay.py look`` does, and its truth beside it, for every
episode of the show: the same cast in other scenes. Every sixth picture is drawn (four a second),
and shots end where they really do; all else is the graph's. That costs about a fifth of drawing,
encoding, decoding and watching a film. No training has seen these shows.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import av

from caststream.graph.node import Source
from caststream.graph.runner import Run
from caststream.graph.spec import load_graph
from caststream.media.picture import Picture
from caststream.media.surface import CpuSurface, Scalers
from caststream.messages import (
    Context,
    Frame,
    Marker,
    Shot,
    ShotEnd,
    ShotFrame,
    StreamEnd,
    StreamStart,
)
from caststream.nodes import catalogue
from caststream.nodes.detect import Detect
from caststream.nodes.shots import SMALL
from tools.replay import Keep
from tools.synth.episode import Truth
from tools.synth.film import frames
from tools.synth.script import make_script

EVERY = 6
FPS = 24.0
UNSEEN = 1_000_000
"""Seeds from here on are in no training."""
SCORE = Detect().score
"""What the stream passes on."""
GRAPH = "[draw]\nshow = {show}\nepisode = {episode}\nseconds = {seconds}\nwidth = {width}\n\
height = {height}\ntruth = {truth}\n[detect]\nscore = {score}\n[embed]\n[keep]\npath = {path}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--show", type=int, nargs="+", required=True)
    parser.add_argument("--episodes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=210.0)
    parser.add_argument("--size", type=int, nargs=2, default=(640, 360))
    parser.add_argument("--score", type=float, default=SCORE, help="boxes from here on")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for show in args.show:
        for episode in range(args.episodes):
            looks = args.folder / f"show-{show}-{episode}.looks.npz"
            if not looks.exists():
                look(looks, show, episode, args.seconds, tuple(args.size), args.score)
            print(looks, flush=True)


def look(
    looks: Path,
    show: int,
    episode: int,
    seconds: float,
    size: tuple[int, int],
    score: float = SCORE,
) -> None:
    """Draw and look at one episode, for boxes from ``score`` on; the file is whole or not there."""
    draft = looks.with_suffix(".part")
    truth = looks.with_name(looks.name.replace(".looks.npz", ".truth.json"))
    text = GRAPH.format(
        show=UNSEEN + show, episode=episode, seconds=float(seconds), width=size[0],
        height=size[1], score=score, truth=json.dumps(str(truth)), path=json.dumps(str(draft)),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "draw.toml"
        file.write_text(text)
        graph = load_graph(str(file), catalogue() | {"draw": Draw, "keep": Keep})
    Run(graph, Context(uri=looks.stem, quiet=True)).run()
    draft.rename(looks)


class Draw(Source):
    """Gives out the pictures of an episode with the shots that they belong to."""

    def __init__(
        self, show: int, episode: int, seconds: float, width: int, height: int, truth: str
    ) -> None:
        self.script = make_script(
            show_seed=show, episode_seed=episode, seconds=seconds,
            width=width, height=height, fps=FPS,
        )  # fmt: skip
        self.truth = Path(truth)

    def produce(self) -> Iterator[Marker | ShotFrame]:
        script, truth, scalers = self.script, Truth(self.script), Scalers()
        length = script.frame_count / FPS
        name = self.truth.name.removesuffix(".truth.json")
        yield StreamStart(name, script.width, script.height, FPS, length, name)
        ends = [(t.start + t.end + 1) // 2 for t in script.transitions]
        starts = [0, *ends]
        shot = 0
        for drawn, info in frames(script, EVERY):
            while shot < len(ends) and info.frame >= ends[shot]:
                yield _end(shot, starts[shot], ends[shot])
                shot += 1
            truth.add(info)
            picture = Picture(CpuSurface(av.VideoFrame.from_ndarray(drawn, "rgb24"), scalers))
            blend = any(
                t.start <= info.frame <= t.end for t in script.transitions if t.kind != "cut"
            )
            frame = Frame(info.frame, info.frame / FPS, picture)
            yield ShotFrame(frame, shot, picture.resized(*SMALL), blend)
        yield _end(shot, starts[shot], script.frame_count)
        self.truth.write_text(json.dumps(truth.as_dict(name)))
        yield StreamEnd(script.frame_count, length, "eof")

    def stop(self) -> None:
        """It is over soon."""


def _end(index: int, first: int, last: int) -> ShotEnd:
    kind = "cut" if index else "start"
    return ShotEnd(Shot(index, first, last, first / FPS, last / FPS, kind, 1.0))


if __name__ == "__main__":
    main()
