"""What the report says of vectors, ids that flip, and books of Manga109."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from made_stores import end, shot, start

from caststream.errors import InputError
from caststream.evaluation.examples import worth
from caststream.evaluation.identity import Matches
from caststream.evaluation.report import evaluate_files
from caststream.evaluation.story import read_story
from caststream.evaluation.truth import read_truth
from caststream.messages import Mined, Rows, Track, Tracks
from caststream.store import published
from caststream.store.published import Published
from caststream.store.writer import StoreWriter
from caststream.vision.embedder import read_head

CAST = 3


def store(path: Path, shots: int = 12) -> tuple[Path, Matches]:
    """Three characters in turns; the shipped head sees only noise, another one sees them."""
    rng = np.random.default_rng(1)
    width = len(read_head()["weight"])
    names = []
    with StoreWriter.open(path) as writer:
        source = writer.begin_source(start())
        for index in range(shots):
            features = rng.normal(scale=0.02, size=(4, width)) + rng.normal(scale=2, size=width)
            features[:, index % CAST] += 60.0
            frames = index * 48 + np.arange(4) * 6
            rows = Rows(
                frames, frames / 24, np.tile(np.array([[5, 5, 50, 90]], np.float32), (4, 1)),
                np.full(4, 0.9, np.float32), np.full(4, index),
                np.eye(1, 256, dtype=np.float32).repeat(4, axis=0), features.astype(np.float16),
                (b"",) * 4, np.zeros(4, bool),
            )  # fmt: skip
            track = Track(index, index, int(frames[0]), int(frames[-1]) + 1, frames[0] / 24,
                          frames[-1] / 24, 4, 0.9, int(frames[0]), (index,))  # fmt: skip
            tracks = Tracks(index, 0, rows, (track,), frames, frames / 24)
            mined = Mined(tracks, np.zeros((0, 3), np.int64), np.zeros((0, 2), np.int64))
            writer.commit(shot(index), [mined], [])
            names.append(f"who {index % CAST}")
        writer.end_source(end(shots))
    head = {"weight": np.zeros((width, 256), np.float32), "bias": np.zeros(256, np.float32)}
    head["weight"][range(CAST), range(CAST)] = 1.0
    published.publish(path, Published(head=head, meta={"vectors": 1}))
    matches = Matches(tuple(names), (None,) * shots, tuple(range(shots)), Counter())
    assert source == 0
    return path, matches


def test_a_better_head_shows_at_every_number_of_examples(tmp_path: Path) -> None:
    path, matches = store(tmp_path / "s.zarr")
    table, dots = worth(path, 0, matches)
    assert [w.examples for w in table] == [0, 1, 5, 10]
    assert all(w.tuned == 1.0 for w in table)
    assert all(w.vanilla <= w.tuned for w in table)
    assert {d.truth for d in dots} == {"who 0", "who 1", "who 2"}
    assert all(0 <= d.x <= 1 and 0 <= d.y <= 1 for d in dots)
    # whoever looks alike lies together on the map
    places = np.array([[d.x, d.y] for d in dots])
    away = np.linalg.norm(places[:, None] - places[None], axis=2) + 9 * np.eye(len(dots))
    assert all(dots[i].truth == dots[j].truth for i, j in enumerate(away.argmin(axis=1).tolist()))


def test_nothing_matched_gives_a_map_and_no_table(tmp_path: Path) -> None:
    path, _ = store(tmp_path / "s.zarr")
    table, dots = worth(path, 0, Matches((), (), (), Counter()))
    assert not table
    assert len(dots) == 12


def _record(**fields: object) -> str:
    return json.dumps(fields, separators=(",", ":"))


def test_a_flip_is_counted_by_its_time_and_a_merge_is_none() -> None:
    def track(number: int, character: str, frames: int) -> str:
        return _record(type="track", track=number, character=character, confidence=0.9,
                       start_frame=0, end_frame=frames)  # fmt: skip

    def dictionary(changes: list[tuple[int, str, str]], merged: list[tuple[str, str]]) -> str:
        return _record(
            type="dictionary", revision=1,
            characters=[{"character": "c2", "name": "Ann", "seconds": 1.0}],
            relabelled=[{"track": t, "from": a, "to": b} for t, a, b in changes],
            merged=[{"from": a, "to": b} for a, b in merged],
        )  # fmt: skip

    story = read_story([
        track(1, "c1", 30), track(2, "c2", 60), track(3, "c3", 10),
        dictionary([(1, "c1", "c4")], []),
        dictionary([(3, "c3", "c4")], [("c3", "c4")]),
        dictionary([(2, "c2", "c4")], []),
    ])  # fmt: skip
    assert story.flips == pytest.approx([0.3, 0.0, 0.6])
    assert story.named_flips == pytest.approx([0.0, 1.0]), "names are known from the first on"


def test_what_was_guessed_stays_a_guess_until_a_regrouping_speaks_of_it() -> None:
    def dictionary(name: str, seconds: float, changes: list[tuple[int, str, str]]) -> str:
        return _record(
            type="dictionary", revision=1,
            characters=[{"character": "c1", "name": name, "seconds": seconds}],
            relabelled=[{"track": t, "from": a, "to": b} for t, a, b in changes],
        )  # fmt: skip

    def track(number: int) -> str:
        return _record(type="track", track=number, character="c1", confidence=0.41,
                       start_frame=0, end_frame=50)  # fmt: skip

    naming = dictionary("Ann", 1.0, [])
    taken_back = dictionary("Ann", 3.0, [(1, "c1", "c2")])
    story = read_story([dictionary("", 1.0, []), track(1), track(2), naming, taken_back])
    assert (story.guesses[-1], story.named_flips[-1]) == (0.5, 0.0), "a name told of no track"
    kept = dictionary("Ann", 2.0, [])
    story = read_story([naming, track(1), track(2), kept, taken_back])
    assert (story.guesses[-1], story.named_flips[-1]) == (0.0, 0.5), "one regrouping let it stay"


BOOK = """<?xml version="1.0"?>
<book title="ARMS"><characters><character id="0a" name="Tom"/><character id="0b" name="Other"/>
</characters><pages>
<page index="1" width="1654" height="1170"><frame id="1" xmin="0" ymin="0" xmax="9" ymax="9"/>
<body id="2" xmin="10" ymin="20" xmax="110" ymax="220" character="0a"/>
<face id="3" xmin="30" ymin="30" xmax="50" ymax="50" character="0a"/>
<body id="4" xmin="400" ymin="20" xmax="500" ymax="220" character="0b"/></page>
<page index="0" width="1654" height="1170"/></pages></book>"""


def test_a_book_of_manga109_is_truth(tmp_path: Path) -> None:
    book = tmp_path / "ARMS.xml"
    book.write_text(BOOK)
    truth = read_truth(book)
    assert [f.frame for f in truth.frames] == [0, 1]
    assert truth.frames[1].characters == ("Tom", "other")
    assert truth.frames[1].boxes.tolist() == [[10, 20, 110, 220], [400, 20, 500, 220]]
    labels = tmp_path / "l.ndjson"
    boxes = [
        {"track": n, "box": [x, 20, 100, 200], "score": 0.9, "character": f"c{n}"}
        for n, x in ((1, 10), (2, 400))
    ]
    record = {"type": "frame", "frame": 1, "time": 1.0, "shot": 0, "boxes": boxes}
    empty = {**record, "frame": 0, "time": 0.0, "boxes": []}
    labels.write_text(json.dumps(empty) + "\n" + json.dumps(record) + "\n")
    found = evaluate_files(str(book), str(labels)).scores
    assert (found.ap50, found.named, found.clicks) == (1.0, 1.0, 1)


@pytest.mark.parametrize(
    "text",
    [
        "<book",
        "<library/>",
        BOOK.replace('character="0a"', "", 1),
        '<!DOCTYPE b [<!ENTITY a "x">]><book title="&a;"/>',
    ],
)
def test_what_is_no_book(text: str, tmp_path: Path) -> None:
    book = tmp_path / "b.xml"
    book.write_text(text)
    with pytest.raises(InputError, match="Manga109"):
        read_truth(book)
