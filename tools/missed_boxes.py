"""Says where true boxes get lost on their way to the final tracks, box by box.

    python tools/drawn_looks.py DIR --show 100 --score 0.08
    python tools/missed_boxes.py DIR/show-100-0.looks.npz ...

Looks have to hold boxes down to a score that the stream does not pass on (of a film:
``tools/replay.py look film.mp4 film.looks.npz --set detect.score=0.08``, with its truth beside
them); they are played through ``track`` as the stream would. A true box that no track's box matches
is one of ``KINDS``, and one of ``PLACES``; shares are of all true boxes. A film's truth frame that
was not looked at is judged by the nearest that was, and along its tracks.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Never

import numpy as np

from caststream.evaluation.labels import Found, FoundFrame
from caststream.evaluation.scores import IOU, REACH_SECONDS, iou, match_boxes
from caststream.evaluation.truth import TruthFrame, read_truth
from caststream.graph.node import Node
from caststream.graph.runner import Run
from caststream.graph.spec import load_graph
from caststream.messages import Context, Embedded, Marker, Tracks
from caststream.nodes import catalogue
from caststream.nodes.detect import Detect
from tools.replay import Play

KINDS = ("found", "in another's box", "in no track", "score too low", "badly placed", "nothing")
PLACES = ("half hidden", "at the edge", "fills the picture", "overlapped", "small", "free")
NEAR = 0.3
"""IoU from which on a box is there, but badly placed."""
GRAPH = "[play]\npath = {path}\nfloor = {floor}\n[track]\n[collect]\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("looks", type=Path, nargs="+")
    parser.add_argument("--floor", type=float, default=Detect().score, help="score passed on")
    args = parser.parse_args()
    total: Counter[tuple[str, str]] = Counter()
    print("| | true boxes | " + " | ".join(KINDS) + " | false a picture |")
    print("| --- " * (len(KINDS) + 3) + "|")
    for looks in args.looks:
        cells, false = judged(looks, args.floor)
        total += cells
        _row(looks.name.split(".")[0], cells, f"{false:.2f}")
    _row("all", total, "")
    print("\n| missed | true boxes | missed of these | " + " | ".join(KINDS[1:]) + " |")
    print("| --- " * (len(KINDS) + 2) + "|")
    count = sum(total.values())
    for place in PLACES:
        mine = sum(n for (_, p), n in total.items() if p == place)
        shares = [total[kind, place] / count for kind in KINDS[1:]]
        missed = sum(shares) * count / max(1, mine)
        print(
            f"| {place} | {mine} | {missed:.2f} | " + " | ".join(f"{s:.3f}" for s in shares) + " |"
        )


def _row(name: str, cells: Counter[tuple[str, str]], false: str) -> None:
    count = sum(cells.values())
    kinds = Counter(kind for kind, _ in cells.elements())
    shares = " | ".join(f"{kinds[kind] / count:.3f}" for kind in KINDS)
    print(f"| {name} | {count} | {shares} | {false} |", flush=True)


def judged(looks: Path, floor: float) -> tuple[Counter[tuple[str, str]], float]:
    """How many true boxes are of which kind and place, and false boxes a judged picture."""
    path = looks.with_name(looks.name.replace(".looks.npz", ".truth.json"))
    truth, visible = read_truth(path), _visible(path)
    seen, tracked = boxes_of(looks), Found(tracks_of(looks, floor))
    tracked.boundaries = seen.boundaries
    for number in seen.frames.keys() - tracked.frames.keys():
        tracked.frames[number] = _frame([])
    reach = max(1, round(REACH_SECONDS * truth.fps))
    size = np.array([truth.width, truth.height] * 2, np.float32)
    cells: Counter[tuple[str, str]] = Counter()
    false = 0
    for frame in truth.frames:
        last, raw = tracked.at(frame.frame, reach), seen.at(frame.frame, reach)
        home, skipped = match_boxes(frame.boxes, last.boxes, last.scores, frame.ignore)
        false += sum(h < 0 and i not in skipped for i, h in enumerate(home))
        places = places_of(frame, visible[frame.frame], size)
        best, held = iou(frame.boxes, raw.boxes), iou(frame.boxes, last.boxes)
        for i in np.flatnonzero(~frame.ignore).tolist():
            fits = raw.scores[best[i] >= IOU].max(initial=0)
            if i in home:
                kind = "found"
            elif best[i].max(initial=0) < IOU:
                kind = "badly placed" if best[i].max(initial=0) >= NEAR else "nothing"
            elif held[i].max(initial=0) >= IOU:
                kind = "in another's box"
            else:
                kind = "in no track" if fits >= floor else "score too low"
            cells[kind, places[i]] += 1
    return cells, false / max(1, len(truth.frames))


def places_of(frame: TruthFrame, visible: list[float], size: np.ndarray) -> list[str]:
    """What may be hard about each true box: the first of ``PLACES`` that holds."""
    parts = frame.boxes / size
    sides = parts[:, 2:] - parts[:, :2]
    cut = (parts[:, :2] <= 0.002).any(1) | (parts[:, 2:] >= 0.998).any(1)
    others = iou(frame.boxes, frame.boxes) * (1 - np.eye(len(frame.boxes)))
    out = []
    for i in range(len(frame.boxes)):
        if visible[i] < 0.5:
            out.append("half hidden")
        elif cut[i]:
            out.append("fills the picture" if sides[i].prod() > 0.4 else "at the edge")
        elif others[i].max(initial=0) > 0.3 or visible[i] < 0.9:
            out.append("overlapped")
        else:
            out.append("small" if max(sides[i]) < 0.12 else "free")
    return out


def _visible(path: Path) -> dict[int, list[float]]:
    frames = json.loads(path.read_text())["frames"]
    return {f["frame"]: [b.get("visible", 1.0) for b in f["boxes"]] for f in frames}


def boxes_of(looks: Path) -> Found:
    """All boxes of a file of looks, in no track."""
    with np.load(looks) as file:
        frames, boxes, scores = file["frames"], file["boxes"], file["scores"]
        markers = json.loads(file["markers"].tobytes())
    ends = np.cumsum(frames[:, 4].astype(int))[:-1]
    parts = zip(frames[:, 0], np.split(boxes, ends), np.split(scores, ends), strict=True)
    shots = [fields["shot"]["start_frame"] for _, kind, fields in markers if kind == "ShotEnd"]
    seen = {int(k): FoundFrame(b, s, [None] * len(b), [None] * len(b)) for k, b, s in parts}
    return Found(seen, shots[1:])


def tracks_of(looks: Path, floor: float) -> dict[int, FoundFrame]:
    """The boxes of final tracks by frame, as the stream would make them of boxes from ``floor``."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "missed.toml"
        file.write_text(GRAPH.format(path=json.dumps(str(looks)), floor=floor))
        nodes = catalogue() | {"play": PlaySure, "collect": Collect}
        given: list[Tracks] = []
        Collect.given = given
        Run(load_graph(str(file), nodes), Context(uri=looks.stem, quiet=True)).run()
    frames: dict[int, list[tuple[np.ndarray, float, int]]] = {}
    for tracks in given:
        rows = tracks.rows
        for k, frame in enumerate(rows.frame.tolist()):
            mine = (rows.box[k], float(rows.score[k]), int(rows.track[k]))
            frames.setdefault(frame, []).append(mine)
    return {frame: _frame(rows) for frame, rows in frames.items()}


def _frame(rows: list[tuple[np.ndarray, float, int]]) -> FoundFrame:
    boxes = np.array([box for box, _, _ in rows], np.float32).reshape(-1, 4)
    scores = np.array([score for _, score, _ in rows], np.float32)
    return FoundFrame(boxes, scores, [track for _, _, track in rows], [None] * len(rows))


class PlaySure(Play):
    """Plays what was seen without the boxes under ``floor``."""

    def __init__(self, path: str, floor: float) -> None:
        super().__init__(path)
        self.floor = floor

    def produce(self) -> Iterator[Marker | Embedded]:
        for message in super().produce():
            if isinstance(message, Embedded):
                found = message.detections
                keep = found.scores >= self.floor
                found = replace(found, boxes=found.boxes[keep], scores=found.scores[keep])
                yield Embedded(
                    found, message.vectors[keep], message.features[keep], message.crops[keep],
                    message.model,
                )  # fmt: skip
            else:
                yield message


class Collect(Node):
    """Takes in finished tracks."""

    given: list[Tracks]

    def __init__(self) -> None:
        pass

    def process(self, message: Tracks) -> Iterator[Never]:
        self.given.append(message)
        return iter(())


if __name__ == "__main__":
    main()
