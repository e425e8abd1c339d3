"""Films made from a seed, seen as one store or as the units of an archive."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from made_stores import FPS

from caststream.archive.plan import Unit
from caststream.export import ndjson
from caststream.export.view import StoreView
from caststream.learning.summary import summarise
from caststream.messages import Mined, Rows, Shot, StreamEnd, StreamStart, Track, Tracks
from caststream.store.places import Place
from caststream.store.reader import StoreReader
from caststream.store.schema import read_root
from caststream.store.writer import StoreWriter

STEP = 6
"""Frames between two looks."""
CAST = 4
SECRET = "s3cr3t-and-never-told"
"""What the S3 server of the tests asks for."""


def looks(show: int = 0) -> np.ndarray:
    """(CAST, 256) directions."""
    rows = np.random.default_rng([5, show]).normal(size=(CAST, 256))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Film:
    """Shots that end at ``cuts`` (frames), in each two characters that stand at their places."""

    def __init__(self, name: str, cuts: list[int], embedder: str = "e") -> None:
        self.name = name
        self.cuts = cuts
        self.embedder = embedder
        self.fingerprint = hashlib.sha256(name.encode()).hexdigest()

    def who(self, frame: int) -> tuple[int, int]:
        """The two that the shot of a frame shows."""
        shot = int(np.searchsorted(self.cuts, frame, "right"))
        first = int(np.random.default_rng([shot, len(self.name)]).integers(CAST))
        return first, (first + 1) % CAST

    def unit(self, path: Path, begin: int, end: int) -> None:
        """Write the store of one span: what a stream of these frames leaves, times from 0."""
        cuts = [c for c in self.cuts if begin < c < end]
        with StoreWriter.open(path) as writer:
            start = StreamStart("span.mp4", 640, 360, FPS, (end - begin) / FPS, "span")
            writer.begin_source(start)
            track = 0
            for index, (a, b) in enumerate(zip([begin, *cuts], [*cuts, end], strict=True)):
                shot = Shot(
                    index, a - begin, b - begin, (a - begin) / FPS, (b - begin) / FPS,
                    "cut" if index else "start", 0.9,
                )  # fmt: skip
                writer.commit(shot, [self._mined(index, a, b, begin, track)], [])
                track += 2
            writer.end_source(StreamEnd(end - begin, (end - begin) / FPS, "eof"))

    def _mined(self, index: int, first: int, last: int, begin: int, track: int) -> Mined:
        # Looks lie on one grid of the film, so that what is seen twice is seen alike.
        frames = np.arange(-(-first // STEP) * STEP, last, STEP)
        frame = np.repeat(frames, 2)
        who = np.array([self.who(f)[k] for f in frames for k in (0, 1)], np.int64)
        place = np.tile([50.0, 350.0], len(frames))
        owner = np.tile([track, track + 1], len(frames))
        noise = np.stack(
            [np.random.default_rng([f, k]).normal(size=256) * 0.01 for f in frames for k in (0, 1)]
        )
        vector = looks()[who] + noise
        vector /= np.linalg.norm(vector, axis=1, keepdims=True)
        box = np.stack([place, place * 0 + 40, place + 90, place * 0 + 200], axis=1)
        rows = Rows(
            frame=frame - begin,
            time=(frame - begin) / FPS,
            box=box.astype(np.float32),
            score=np.full(len(frame), 0.8, np.float32),
            track=owner,
            vector=vector.astype(np.float32),
            features=np.tile(vector, (1, 2)).astype(np.float16),
            crop=tuple(f"{f}/{k}".encode() for f in frames for k in (0, 1)),
            blend=np.zeros(len(frame), bool),
        )
        tracks = tuple(
            Track(
                t, index, int(frames[0]) - begin, int(frames[-1]) + 1 - begin,
                float(frames[0] - begin) / FPS, float(frames[-1] - begin) / FPS, len(frames), 0.8,
                int(frames[len(frames) // 2]) - begin, (t,),
            )
            for t in (track, track + 1)
        )  # fmt: skip
        triplets = np.array([[0, 2, 1]])
        evidence = np.array([[0.25, 0.9, 0.1, len(frames)]], np.float32)
        apart = np.array([[track, track + 1]])
        local = frames - begin
        return Mined(Tracks(index, 0, rows, tracks, local, local / FPS), triplets, apart, evidence)

    def plan(self, spans: list[tuple[int, int]]) -> list[Unit]:
        """The units of these spans (first and last frame, exclusive)."""
        units = []
        for number, (begin, end) in enumerate(spans):
            last = number + 1 == len(spans)
            units.append(
                Unit(
                    hashlib.sha256(f"{self.name} {begin} {end}".encode()).hexdigest()[:32],
                    f"/films/{self.name}.mp4",
                    self.fingerprint,
                    spans[-1][1] / FPS,
                    number,
                    len(spans),
                    begin / FPS,
                    0.0 if last else end / FPS,
                    0.0 if last else spans[number + 1][0] / FPS,
                    (),
                )
            )
        return units

    def commit(self, archive: Place, unit: Unit, spans: list[tuple[int, int]], work: Path) -> None:
        """Put a unit into the archive, as ``archive unit`` does after it has seen the pictures."""
        begin, end = spans[unit.span]
        store = work / unit.id
        self.unit(store, begin, end)
        following = spans[unit.span + 1][0] if unit.span + 1 < len(spans) else end
        with StoreReader(store) as reader:
            archive.upload(store, f"units/{unit.id}/a/store", leave=("LOCK", "log"))
            archive.put(f"units/{unit.id}/a/summary.safetensors", summarise(reader).save())
            names = reader.tracks().uid
            start = StreamStart(unit.uri, 640, 360, FPS, unit.seconds, unit.fingerprint)
            marker = {
                "format": 1,
                "attempt": "a",
                "start": asdict(start),
                "end": asdict(StreamEnd(end - begin, (end - begin) / FPS, "eof")),
                "models": {"detector": "d", "embedder": self.embedder},
                "segments": [asdict(s) for s in read_root(store).segments],
                "frames": following - begin,
                "ids": int(names.max()) + 1,
            }  # fmt: skip
        archive.create(f"commits/{unit.id}.json", json.dumps(marker).encode())


def records_of(store: Path) -> list[dict[str, Any]]:
    """What ``export --to ndjson`` writes of a store."""
    out = io.StringIO()
    with StoreView(store) as view:
        ndjson.write(view, out)
    return [json.loads(line) for line in out.getvalue().splitlines()]
