"""A small show whose truth is known: a film of coloured discs, and the store that it became."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from caststream.learning.learner import Learner
from caststream.media.encoding import VideoWriter
from caststream.media.pipes import StopSign
from caststream.media.sources import Source
from caststream.messages import Mined, Rows, Shot, StreamEnd, StreamStart, Track, Tracks
from caststream.store.writer import StoreWriter

FPS, WIDTH, HEIGHT = 8, 320, 180
SHOT_SECONDS = 4
SHOT_FRAMES = FPS * SHOT_SECONDS
SHOTS = 15
COLORS = (
    (220, 40, 40),
    (40, 170, 60),
    (50, 80, 220),
    (230, 190, 30),
    (30, 190, 200),
    (170, 60, 200),
)
CAST = len(COLORS)
TWINS = (4, 5)
"""Two that look alike, a little too little to be taken for one."""
DOUBTFUL = 2 * SHOTS
"""Id of a track that looks half like the first and half like the second."""
_ALIKE = 0.35


@dataclass(frozen=True, slots=True)
class Show:
    """What was made."""

    film: Path
    store: Path


def pair_of(shot: int) -> tuple[int, int]:
    """Who is in a shot, left and right; twins never side by side."""
    pairs = ((0, 1), (2, 3), (0, 4), (1, 5), (2, 0))
    return pairs[shot % len(pairs)]


def box_of(side: int, step: int) -> tuple[float, float, float, float]:
    left = 40 + 150 * side + step
    return (float(left), 60.0, float(left + 80), 140.0)


def picture_of(frame: int) -> np.ndarray:
    shot, step = divmod(frame, SHOT_FRAMES)
    picture = np.full((HEIGHT, WIDTH, 3), (235, 240, 225) if shot % 2 else (70, 75, 90), np.uint8)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for side, who in enumerate(pair_of(shot)):
        x0, y0, x1, y1 = box_of(side, step)
        disc = (x - (x0 + x1) / 2) ** 2 + (y - (y0 + y1) / 2) ** 2 < (40 - 2 * who) ** 2
        picture[disc] = COLORS[who]
    return picture


def looks_of(who: int) -> np.ndarray:
    basis = np.eye(256, dtype=np.float32)
    if who == TWINS[1]:
        return _ALIKE * basis[TWINS[0]] + np.sqrt(1 - _ALIKE**2) * basis[who]
    return basis[who]


def make_show(folder: Path, *, learnt: bool = True) -> Show:
    """A film and the finished store of it; with ``learnt`` its characters are found as well."""
    film, store = folder / "discs.mp4", folder / "show.zarr"
    with VideoWriter(film, WIDTH, HEIGHT, FPS) as out:
        for frame in range(SHOTS * SHOT_FRAMES):
            out.write(picture_of(frame))
    with StoreWriter.open(store) as writer:
        writer.begin_source(
            StreamStart(str(film), WIDTH, HEIGHT, FPS, SHOTS * SHOT_SECONDS, _print_of(film))
        )
        for index in range(SHOTS):
            writer.commit(shot_of(index), [mined_of(index)], [])
        writer.end_source(StreamEnd(SHOTS * SHOT_FRAMES, SHOTS * SHOT_SECONDS, "eof"))
    if learnt:
        learn(store)
    return Show(film, store)


def learn(store: Path) -> None:
    learner = Learner(store)
    learner.take_in()
    learner.regroup()
    learner.close()


def shot_of(index: int) -> Shot:
    first = index * SHOT_FRAMES
    start = float(index * SHOT_SECONDS)
    kind = "cut" if index else "start"
    return Shot(index, first, first + SHOT_FRAMES, start, start + SHOT_SECONDS, kind, 1.0)


def mined_of(index: int) -> Mined:
    rng = np.random.default_rng(index)
    steps = np.arange(0, SHOT_FRAMES, 2)
    seen = [(2 * index + side, side, (who,)) for side, who in enumerate(pair_of(index))]
    if index == SHOTS - 1:
        seen.append((DOUBTFUL, 1, (0, 1)))
    columns: dict[str, list] = {name: [] for name in ("frame", "box", "track", "vector", "crop")}
    for step in steps.tolist():
        picture = picture_of(index * SHOT_FRAMES + step)
        for track, side, who in seen:
            one = who[step * len(who) // SHOT_FRAMES]
            columns["frame"].append(index * SHOT_FRAMES + step)
            columns["box"].append(box_of(side, step))
            columns["track"].append(track)
            noisy = looks_of(one) + rng.normal(scale=0.01, size=256)
            columns["vector"].append(noisy / np.linalg.norm(noisy))
            columns["crop"].append(_jpeg(picture, box_of(side, step)) if step % 8 == 0 else b"")
    frame = np.array(columns["frame"], np.int64)
    vector = np.array(columns["vector"], np.float32)
    rows = Rows(
        frame=frame,
        time=frame / FPS,
        box=np.array(columns["box"], np.float32),
        score=np.full(len(frame), 0.9, np.float32),
        track=np.array(columns["track"], np.int64),
        vector=vector,
        features=vector[:, :32].astype(np.float16),
        crop=tuple(columns["crop"]),
        blend=np.zeros(len(frame), bool),
    )
    frames = index * SHOT_FRAMES + steps
    tracks = tuple(_track(track, index, rows) for track, _, _ in seen)
    apart = np.array([[2 * index, 2 * index + 1]])
    return Mined(Tracks(index, 0, rows, tracks, frames, frames / FPS), np.zeros((0, 3), int), apart)


def _track(number: int, index: int, rows: Rows) -> Track:
    mine = np.flatnonzero(rows.track == number)
    frame = rows.frame[mine]
    return Track(
        id=number,
        shot=index,
        start_frame=int(frame[0]),
        end_frame=int(frame[-1]) + 1,
        start=float(frame[0] / FPS),
        end=float(frame[-1] / FPS),
        boxes=len(mine),
        score=0.9,
        exemplar=int(frame[4]),
        online=(number,),
    )


def _jpeg(picture: np.ndarray, box: tuple[float, ...]) -> bytes:
    x0, y0, x1, y1 = (int(v) for v in box)
    out = io.BytesIO()
    Image.fromarray(picture[y0 - 4 : y1 + 4, x0 - 4 : x1 + 4]).resize((128, 128)).save(out, "JPEG")
    return out.getvalue()


def _print_of(film: Path) -> str:
    stop = StopSign()
    source = Source(str(film), timeout=5.0, spool_limit=0, stop=stop)
    fingerprint = source.fingerprint
    source.close()
    stop.close()
    return fingerprint
