"""One shot out of parts: which tracks are one, and what is left of each part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from made_stores import FPS, start

from caststream.archive.stitch import Seen, Stitched, stitch
from caststream.messages import Gap, Mined, Rows, Shot, Track, Tracks
from caststream.store.reader import StoreReader
from caststream.store.writer import StoreWriter

Path_ = list[tuple[int, float]]
"""(frame, left side) of each box of a track."""


def part(tracks: dict[int, Path_], triplets: list[tuple[int, int, int]]) -> Mined:
    seen = [(frame, x, track) for track, path in tracks.items() for frame, x in path]
    frame = np.array([f for f, _, _ in seen], np.int64)
    x = np.array([x for _, x, _ in seen])
    owner = np.array([t for _, _, t in seen], np.int64)
    box = np.stack([x, x * 0 + 10, x + 80, x * 0 + 150], axis=1).astype(np.float32)
    rows = Rows(
        frame, frame / FPS, box, np.full(len(x), 0.7, np.float32), owner,
        np.eye(len(x), 256, dtype=np.float32), np.eye(len(x), 16, dtype=np.float16),
        tuple(b"%d" % f for f in frame), np.zeros(len(x), bool),
    )  # fmt: skip
    listed = tuple(
        Track(
            t, 0, path[0][0], path[-1][0] + 1, path[0][0] / FPS, path[-1][0] / FPS, len(path), 0.7,
            path[-1][0], (t,),
        )
        for t, path in tracks.items()
    )  # fmt: skip
    ids = list(tracks)
    apart = np.array([(a, b) for a in ids for b in ids if a < b], np.int64).reshape(-1, 2)
    frames = np.unique(frame)
    taught = np.array(triplets, np.int64).reshape(-1, 3)
    # Evidence that tells the triplets apart.
    evidence = np.arange(4.0 * len(taught), dtype=np.float32).reshape(-1, 4)
    return Mined(Tracks(0, 0, rows, listed, frames, frames / FPS), taught, apart, evidence)


@contextmanager
def stitched(path: Path, left: Mined, right: Mined, middle: int, end: int) -> Iterator[Stitched]:
    gaps = [Gap("corrupt", 1.0, 1.2, 4)]
    with StoreWriter.open(path) as writer:
        writer.begin_source(start())
        writer.commit(Shot(3, 0, 200, 0.0, 200 / FPS, "dissolve", 0.7), [left], gaps)
        writer.commit(Shot(9, 100, end, 100 / FPS, end / FPS, "start", 1.0), [right], [])
    with StoreReader(path) as reader:
        one, other = reader.commits(0)
        yield stitch([Seen([one], 0, middle), Seen([other], middle, None)])


def along(first: int, last: int, x: float, step: int = 6, pace: float = 0.0) -> Path_:
    return [(f, x + pace * f) for f in range(first, last, step)]


def test_tracks_are_one_where_their_boxes_lie_on_each_other(tmp_path: Path) -> None:
    left = part(
        {1: along(0, 200, 50), 2: along(0, 200, 350, pace=0.3), 3: along(0, 90, 600)}, [(0, 1, 40)]
    )
    # Looked at between the left one's moments, numbered anew, and somebody new.
    right = part(
        {
            11: along(103, 300, 351, pace=0.3),
            12: along(103, 300, 52),
            13: along(103, 300, 700),
        },
        [(0, 1, 40), (20, 30, 45)],
    )
    with stitched(tmp_path / "s", left, right, 150, 300) as found:
        assert found.became == ({1: 1, 2: 2, 3: 3}, {11: 2, 12: 1, 13: 13})
        shot = found.shot
        assert (shot.index, shot.start_frame, shot.end_frame) == (3, 0, 300)
        assert (shot.transition, shot.score) == ("dissolve", 0.7)
        rows = found.mined.tracks.rows
        assert (np.diff(rows.frame) >= 0).all()
        for track, x in ((1, 50), (2, 350)):
            mine = rows.frame[rows.track == track]
            assert mine.tolist() == [*range(0, 150, 6), *range(151, 300, 6)]
            assert abs(rows.box[rows.track == track, 0][0] - x) < 3
        tracks = {t.id: t for t in found.mined.tracks.tracks}
        assert sorted(tracks) == [1, 2, 3, 13]
        assert tracks[1].online == (1, 12)
        assert tracks[1].exemplar in rows.frame[rows.track == 1]
        assert tracks[3].exemplar == 84
        assert (tracks[13].start_frame, tracks[13].boxes) == (151, 25)
        pairs = {tuple(p) for p in found.mined.apart.tolist()}
        assert pairs == {(1, 2), (1, 3), (2, 3), (1, 13), (2, 13)}
        assert found.gaps == (Gap("corrupt", 1.0, 1.2, 4),)
        assert len(found.mined.triplets) == 2  # that of frames which do not count is gone
        assert found.mined.evidence[:, 0].tolist() == [0.0, 4.0]
        for anchor, positive, negative in rows.track[found.mined.triplets].tolist():
            assert anchor == positive != negative


def test_tracks_that_only_pass_each_other_stay_two(tmp_path: Path) -> None:
    left = part({1: along(0, 200, 0, pace=2.0)}, [])
    right = part({11: along(100, 300, 600, pace=-2.0)}, [])
    with stitched(tmp_path / "s", left, right, 150, 300) as found:
        assert found.became == ({1: 1}, {11: 11})


def test_parts_without_anybody_give_an_empty_shot(tmp_path: Path) -> None:
    with stitched(tmp_path / "s", part({}, []), part({}, []), 150, 300) as found:
        assert found.mined.tracks.tracks == ()
        assert len(found.mined.tracks.rows) == 0
        with StoreWriter.open(tmp_path / "out") as writer:
            writer.begin_source(start())
            writer.commit(found.shot, [found.mined], found.gaps)


def test_somebody_in_one_part_alone(tmp_path: Path) -> None:
    left = part({}, [])
    right = part({5: along(120, 300, 50)}, [])
    with stitched(tmp_path / "s", left, right, 150, 300) as found:
        assert found.became == ({}, {5: 5})
        (track,) = found.mined.tracks.tracks
        assert (track.start_frame, track.end_frame) == (150, 295)
