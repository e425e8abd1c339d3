"""Keeps what was seen in a film, and plays it again without the film: other learning in seconds.

    python tools/replay.py look film.mp4 film.looks.npz [--set NODE.KEY=V]
    python tools/replay.py play film.looks.npz again.ndjson [--store S] [--set NODE.KEY=V]

``look`` runs the graph up to ``embed`` and keeps boxes, features and crops; ``play`` runs
everything from ``track`` on, as ``archive`` does, with vectors made by the head that is in force at
that moment of the stream. A file of looks is good until detector, embedder or shots change.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Never, cast

import numpy as np
from PIL import Image

from caststream.graph.node import Node, Source
from caststream.graph.runner import Run
from caststream.graph.spec import Graph, load_graph
from caststream.media.picture import Picture
from caststream.media.views import encoded
from caststream.messages import (
    F4,
    Context,
    Detections,
    Embedded,
    Frame,
    Gap,
    Marker,
    Shot,
    ShotEnd,
    ShotFrame,
    StreamEnd,
    StreamStart,
)
from caststream.nodes import catalogue

LOOK = "[decode]\n[shots]\n[detect]\n[embed]\n[keep]\npath = {path}\n"
PLAY = '[play]\npath = {path}\n[track]\n[mine]\n[save]\n[learn]\n[label]\nfrom = "track"\n[print]\n'
UNIT = np.array([[0, 0, 1, 1]], np.float32)
MARKERS: dict[str, type[Marker]] = {c.__name__: c for c in (StreamStart, ShotEnd, Gap, StreamEnd)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("look")
    one.add_argument("film", type=Path)
    one.add_argument("looks", type=Path)
    one.set_defaults(run=lambda a: look(a.film, a.looks, a.set))
    two = commands.add_parser("play")
    two.add_argument("looks", type=Path)
    two.add_argument("labels", type=Path)
    two.add_argument("--store", type=Path)
    for command in (one, two):
        command.add_argument("--set", action="append", default=[], metavar="NODE.KEY=VALUE")
    two.set_defaults(run=lambda a: play(a.looks, a.labels, a.store, a.set))
    args = parser.parse_args()
    args.run(args)


def look(film: Path, looks: Path, settings: list[str] = []) -> None:  # noqa: B006
    """Look at a whole film; the file of looks is whole or not there."""
    draft = looks.with_suffix(".part")
    Run(_graph(LOOK, draft, settings), Context(uri=str(film), quiet=True)).run()
    draft.rename(looks)


def play(looks: Path, labels: Path, store: Path | None = None, settings: list[str] = []) -> None:  # noqa: B006
    """Label what was seen, into a ``store`` that is kept, or one that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        kept = str(store or Path(folder) / "s.zarr")
        context = Context(uri=str(looks), store=kept, labels=str(labels), quiet=True, again=True)
        Run(_graph(PLAY, looks, settings), context).run()


def _graph(text: str, path: Path, settings: Any) -> Graph:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "replay.toml"
        file.write_text(text.format(path=json.dumps(str(path))))
        return load_graph(str(file), catalogue() | {"keep": Keep, "play": Play}, settings)


class Keep(Node):
    """Writes what it was given into one file, at the stream's end."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._frames: list[tuple[int, float, int, bool, int]] = []
        self._parts: list[tuple[np.ndarray, ...]] = []
        self._crops: list[bytes] = []
        self._markers: list[tuple[int, str, dict[str, Any]]] = []

    def process(self, message: Embedded) -> Iterator[Never]:
        found, source = message.detections, message.detections.source
        self._frames.append(
            (source.frame.index, source.frame.time, source.shot, source.blend, len(found.boxes))
        )
        whole = source.frame.picture.boxes_from(UNIT, 1, 1)
        small = source.small[None]
        self._parts.append((found.boxes, found.scores, message.features, small, whole))
        self._crops += [encoded(crop) for crop in message.crops]
        return iter(())

    def mark(self, marker: Marker) -> Iterator[Never]:
        self._markers.append((len(self._frames), type(marker).__name__, asdict(cast(Any, marker))))
        return iter(())

    def end_shot(self, end: ShotEnd) -> Iterator[Never]:
        return self.mark(end)

    def end_stream(self, end: StreamEnd) -> Iterator[Never]:
        self.mark(end)
        names = ("boxes", "scores", "features", "small", "whole")
        columns = zip(names, zip(*self._parts, strict=True), strict=True) if self._parts else ()
        joined: dict[str, Any] = {name: np.concatenate(parts) for name, parts in columns}
        with Path(self.path).open("wb") as file:
            np.savez(
                file,
                frames=np.array(self._frames, np.float64).reshape(-1, 5),
                crops=np.frombuffer(b"".join(self._crops), np.uint8),
                lengths=np.array([len(c) for c in self._crops], np.int64),
                markers=np.frombuffer(json.dumps(self._markers).encode(), np.uint8),
                **joined,
            )
        return iter(())


class Kept:
    """Stands for a picture whose pixels are gone: where it lies in the source is still known."""

    def __init__(self, whole: F4) -> None:
        self._place = np.tile(whole[:2], 2)
        self._sides = np.tile(whole[2:] - whole[:2], 2)

    def boxes_from(self, boxes: F4, width: int, height: int) -> F4:
        """As ``Picture`` has it, unclipped."""
        shares = boxes / np.array([width, height] * 2, np.float32)
        return np.asarray(self._place + shares * self._sides, np.float32)


class Play(Source):
    """Gives out what ``Keep`` wrote, with the vectors of the head in force."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._store: str | None = None

    def open(self, context: Context) -> None:
        self._store = context.store

    def produce(self) -> Iterator[Marker | Embedded]:
        from caststream.store import published
        from caststream.vision.embedder import project, read_head

        with np.load(self.path) as file:
            kept = {name: file[name] for name in file.files}
        markers = json.loads(kept["markers"].tobytes())
        rows = np.cumsum([0, *kept["frames"][:, 4].astype(int)])
        bytes_ = np.cumsum([0, *kept["lengths"]])
        number, head = 0, read_head()
        for k, (index, time, shot, blend, count) in enumerate(kept["frames"].tolist()):
            while markers[0][0] <= k:
                _, kind, fields = markers.pop(0)
                yield _marker(kind, fields)
                newest = published.current_head(self._store or "", number)
                if newest is not None:
                    number, head = newest[0], newest[1] or read_head()
            at = slice(rows[k], rows[k + 1])
            frame = Frame(int(index), time, cast(Picture, Kept(kept["whole"][k])))
            source = ShotFrame(frame, int(shot), kept["small"][k], bool(blend))
            found = Detections(source, kept["boxes"][at], kept["scores"][at])
            features = kept["features"][at]
            crops = [
                np.asarray(Image.open(io.BytesIO(kept["crops"][bytes_[i] : bytes_[i + 1]])))
                for i in range(rows[k], rows[k + 1])
            ]
            pictures = np.stack(crops) if count else np.zeros((0, 128, 128, 3), np.uint8)
            yield Embedded(found, project(features, head), features, pictures, number)
        for _, kind, fields in markers:
            yield _marker(kind, fields)

    def stop(self) -> None:
        """It is over soon."""


def _marker(kind: str, fields: dict[str, Any]) -> Marker:
    if kind == "ShotEnd":
        return ShotEnd(Shot(**fields["shot"]))
    return MARKERS[kind](**fields)


if __name__ == "__main__":
    main()
