"""Shots and tracks made from a seed, for tests that need a store."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from caststream.messages import Gap, Mined, Rows, Shot, StreamEnd, StreamStart, Track, Tracks
from caststream.store.schema import make_uids
from caststream.store.writer import StoreWriter

FPS = 24.0
SHOT_FRAMES = 48


def start(uri: str = "film.mp4", *, fingerprint: str | None = None, live: bool = False):
    """A source whose content is its name."""
    seconds = None if live else 60.0
    return StreamStart(uri, 640, 360, FPS, seconds, fingerprint or f"print of {uri}")


def end(shots: int, reason="eof") -> StreamEnd:
    return StreamEnd(shots * SHOT_FRAMES, shots * SHOT_FRAMES / FPS, reason)


def shot(index: int) -> Shot:
    first = index * SHOT_FRAMES
    last = first + SHOT_FRAMES
    kind = "start" if index == 0 else ("cut", "dissolve", "fade", "wipe")[index % 4]
    return Shot(index, first, last, first / FPS, last / FPS, kind, 0.5 + index % 5 / 10)


def mined(index: int, *, tracks: int = 3, width: int = 32, seed: int = 0, model: int = 0) -> Mined:
    """Shot ``index`` with ``tracks`` tracks, the first one ``10 * index``; rows by frame."""
    random = np.random.default_rng([seed, index])
    first = index * SHOT_FRAMES
    frames = first + np.arange(0, SHOT_FRAMES, 6)
    seen = [(f, t) for f in frames for t in range(tracks) if random.random() < 0.8 or f == first]
    frame = np.array([f for f, _ in seen], np.int64)
    track = np.array([10 * index + t for _, t in seen], np.int64)
    n = len(seen)
    corner = random.uniform(0, 300, (n, 2))
    vector = random.normal(size=(n, 256)).astype(np.float16).astype(np.float32)
    rows = Rows(
        frame=frame,
        time=frame / FPS,
        box=np.hstack([corner, corner + random.uniform(5, 60, (n, 2))]).astype(np.float32),
        score=random.random(n).astype(np.float32),
        track=track,
        vector=vector.reshape(n, 256),
        features=random.normal(size=(n, width)).astype(np.float16),
        crop=tuple(random.bytes(int(random.integers(0, 900))) for _ in range(n)),
        blend=random.random(n) < 0.1,
    )
    listed = tuple(_track(10 * index + t, index, rows) for t in range(tracks))
    triplets = random.integers(0, n, (4, 3)) if n else np.zeros((0, 3), np.int64)
    apart = np.array([[10 * index, 10 * index + t] for t in range(1, tracks)], np.int64)
    return Mined(
        Tracks(index, model, rows, listed, frames, frames / FPS),
        triplets,
        apart.reshape(-1, 2),
        random.random((len(triplets), 4)).astype(np.float32),
    )


def _track(number: int, index: int, rows: Rows) -> Track:
    mine = np.flatnonzero(rows.track == number)
    frame, time = rows.frame[mine], rows.time[mine]
    return Track(
        id=number,
        shot=index,
        start_frame=int(frame[0]),
        end_frame=int(frame[-1]) + 1,
        start=float(time[0]),
        end=float(time[-1]),
        boxes=len(mine),
        score=float(np.float32(rows.score[mine].mean())),
        exemplar=int(frame[len(mine) // 2]),
        online=(number, 1000 + number),
    )


def fill(path: Path, shots: int = 6, *, uri: str = "film.mp4", again: bool = False) -> int:
    """Write a whole source into a store, every fifth shot empty, a gap in the second."""
    with StoreWriter.open(path) as writer:
        source = writer.begin_source(start(uri), again)
        for index in range(shots):
            gaps = [Gap("corrupt", 2.5, 2.75, 6)] if index == 1 else []
            what = [] if index % 5 == 4 else [mined(index, seed=source)]
            writer.commit(shot(index), what, gaps)
        writer.end_source(end(shots))
    return source


def check_commit(commit, source: int, what: Mined) -> None:
    """A commit holds exactly what one message held, whatever the order of its rows."""
    rows, said = commit.rows, what.tracks.rows
    order = np.lexsort((said.frame, said.track))
    assert (rows.frame == said.frame[order]).all()
    assert (rows.uid == make_uids(source, said.track[order])).all()
    assert (rows.time == said.time[order]).all()
    assert (rows.box == said.box[order]).all()
    assert (rows.score == said.score[order]).all()
    assert (rows.vector == said.vector[order]).all()
    assert rows.features.tobytes() == said.features[order].tobytes()
    assert (rows.blend == said.blend[order]).all()
    assert rows.crop == tuple(said.crop[i] for i in order)
    assert tuple(commit.tracks.at(i) for i in range(len(commit.tracks))) == what.tracks.tracks
    assert (commit.tracks.model == what.tracks.model).all()
    assert (commit.apart == make_uids(source, what.apart)).all()
    assert (commit.frames == what.tracks.frames).all()
    assert (commit.times == what.tracks.times).all()
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    first = int(rows.number[0]) if len(rows) else 0
    assert (commit.triplets - first == back[what.triplets]).all()
    assert (commit.evidence == what.evidence).all()
