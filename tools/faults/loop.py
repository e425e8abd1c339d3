"""Days of film through all that remembers, a hundred times as fast: does it stay as small?

    python -m tools.faults.loop --film cartoon.mp4 [--hours 24] [-- NODE.KEY=VALUE ...]

Up to ``embed`` nothing remembers, and nearly all the time goes there. So the film is looked at once
(``tools/replay.py``), and what was seen in it, of every second picture that was looked at, is
played in a loop through the rest of the graph: tracker, triplets, store, learning with its
regroupings, dictionary, labels. It tells each hour what is resident and what glibc's heap holds,
and the slope of a line through what comes after ``--warm`` hours.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from caststream.graph.runner import Run
from caststream.graph.spec import load_graph
from caststream.memory import hold_little
from caststream.messages import F4, Context, Embedded, Marker, Shot, ShotEnd
from caststream.nodes import catalogue
from caststream.store import published
from caststream.vision.embedder import project, read_head
from tools.faults.process import resident
from tools.replay import PLAY, Play, look

_FIELDS = (
    *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
    *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
)
"""Of mallinfo2(3)."""


class _Held(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS]


def held() -> float:
    """MiB that glibc's heap holds for the process, without what is free in it."""
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = _Held
    found = libc.mallinfo2()
    return float(found.uordblks + found.hblkhd) / 2**20


class Loop(Play):
    """The same looks again and again, as one film that goes on."""

    def __init__(self, path: str, hours: float) -> None:
        super().__init__(path)
        self.hours = hours
        self.looked: list[tuple[float, float, float]] = []
        """Hours, and MiB: resident, in the heap."""

    def produce(self) -> Iterator[Marker | Embedded]:
        """The beginning, the middle so many times, the end."""
        began = time.monotonic()
        start, *middle, end = super().produce()
        last = [message.shot for message in middle if isinstance(message, ShotEnd)][-1]
        number, head = 0, read_head()
        vectors: dict[int, F4] = {}
        """By the place of their frame, with the head in force."""
        yield start
        turn = 0
        while turn * last.end < self.hours * 3600:
            for place, message in enumerate(middle):
                if isinstance(message, ShotEnd):
                    yield ShotEnd(_later(message.shot, last, turn))
                    newest = published.current_head(self._store or "", number)
                    if newest is not None:
                        number, head, vectors = newest[0], newest[1] or read_head(), {}
                elif isinstance(message, Embedded) and place % 2:
                    if place not in vectors:
                        vectors[place] = project(message.features, head)
                    yield _shown_later(message, last, turn, vectors[place], number)
            turn += 1
            self._note(turn * last.end / 3600, time.monotonic() - began)
        yield end

    def _note(self, hours: float, spent: float) -> None:
        if hours >= len(self.looked):
            self.looked.append((hours, resident(os.getpid()), held()))
            print("{:6.2f} h {:8.1f} {:8.1f} MiB".format(*self.looked[-1]), f"{spent:6.0f} s")
            sys.stdout.flush()


def _later(shot: Shot, last: Shot, turn: int) -> Shot:
    """A shot of a later turn; ``last`` is the film's last one."""
    frames, seconds = turn * last.end_frame, turn * last.end
    return replace(
        shot, index=shot.index + turn * (last.index + 1),
        start_frame=shot.start_frame + frames, end_frame=shot.end_frame + frames,
        start=shot.start + seconds, end=shot.end + seconds,
    )  # fmt: skip


def _shown_later(message: Embedded, last: Shot, turn: int, vectors: F4, number: int) -> Embedded:
    found = message.detections
    frame = found.source.frame
    frame = replace(
        frame, index=frame.index + turn * last.end_frame, time=frame.time + turn * last.end
    )
    source = replace(found.source, frame=frame, shot=found.source.shot + turn * (last.index + 1))
    return replace(message, detections=replace(found, source=source), vectors=vectors, model=number)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--film", type=Path, required=True)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--warm", type=float, default=3.0, help="hours that do not count")
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args, settings = parser.parse_args(sys.argv[1:at]), sys.argv[at + 1 :]
    hold_little()
    with tempfile.TemporaryDirectory() as folder:
        looks, graph = Path(folder) / "film.looks.npz", Path(folder) / "loop.toml"
        look(args.film, looks)
        text = PLAY.replace("\n", f"\nhours = {args.hours}\n", 1)
        graph.write_text(text.format(path=json.dumps(str(looks))))
        store = str(Path(folder) / "s.zarr")
        context = Context(uri=str(looks), store=store, labels=os.devnull, quiet=True)
        run = Run(load_graph(str(graph), catalogue() | {"play": Loop}, settings), context)
        run.run()
        played = run.nodes["play"]
        assert isinstance(played, Loop)
        late = [one for one in played.looked if one[0] >= args.warm]
        hours, memory, heap = np.array(late).T
        disk = sum(f.stat().st_size for f in Path(store).rglob("*") if f.is_file())
    print(f"memory   {memory[0]:.0f} to {memory[-1]:.0f} MiB, {memory.max():.0f} at most")
    print(f"slope    {np.polyfit(hours, memory, 1)[0]:+.2f} MiB an hour of film, of the heap"
          f" {np.polyfit(hours, heap, 1)[0]:+.2f}")  # fmt: skip
    print(f"store    {disk / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
