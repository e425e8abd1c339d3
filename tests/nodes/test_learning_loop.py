"""save, learn, embed's head and label together, on a real store, without pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from caststream.errors import GraphError
from caststream.learning.edit import Editor
from caststream.messages import (
    Context,
    Dictionary,
    LabelledTracks,
    Mined,
    Rows,
    Shot,
    ShotEnd,
    StreamEnd,
    StreamStart,
    Track,
    Tracks,
    Tuned,
)
from caststream.nodes.label import Label
from caststream.nodes.learn import Learn
from caststream.nodes.save import Save
from caststream.store import published
from caststream.vision.embedder import read_head

SECONDS = 6.0
CAST = 4


class Loop:
    """The nodes below ``track``, called as the runner calls them."""

    def __init__(self, store: Path, uri: str, **learn: Any) -> None:
        self.context = Context(uri=uri, store=str(store))
        self.save, self.learn, self.label = Save(), Learn(**learn), Label()
        for node in self.nodes:
            node.open(self.context)
        start = StreamStart(uri, 640, 360, 24.0, 100.0, f"print of {uri}")
        for node in self.nodes:
            list(node.mark(start))

    @property
    def nodes(self) -> tuple[Save, Learn, Label]:
        return self.save, self.learn, self.label

    def shot(self, mined: Mined) -> Iterator[Any]:
        index = mined.tracks.shot
        end = ShotEnd(Shot(index, index * 144, index * 144 + 144, index * SECONDS,
                           (index + 1) * SECONDS, "cut", 1.0))  # fmt: skip
        list(self.save.process(mined))
        yield from self.label.process(mined.tracks)
        for saved in self.save.end_shot(end):
            list(self.learn.process(saved))
        list(self.learn.end_shot(end))
        yield from self.label.end_shot(end)

    def end(self, shots: int) -> Iterator[Any]:
        end = StreamEnd(shots * 144, shots * SECONDS, "eof")
        list(self.save.end_stream(end))
        list(self.learn.end_stream(end))
        yield from self.label.end_stream(end)
        for node in self.nodes:
            node.close()


def shots(
    seed: int, count: int, width: int = 32, noise: float = 0.05
) -> Iterator[tuple[Mined, dict[int, int]]]:
    """Shots with two of a cast of four side by side, and who each track is."""
    rng = np.random.default_rng(seed)
    looks = np.random.default_rng(5).normal(size=(CAST, width)).astype(np.float32)
    to_vector = np.random.default_rng(6).normal(size=(width, 256)).astype(np.float32)
    for index in range(count):
        pair = rng.choice(CAST, 2, replace=False)
        frames = index * 144 + np.arange(0, 144, 6)
        n = len(frames)
        who = np.tile([0, 1], n)
        features = looks[pair[who]] + rng.normal(scale=noise, size=(2 * n, width))
        vectors = features.astype(np.float32) @ to_vector
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        ids = 10 * index + who
        left = np.where(who == 0, 10.0, 300.0)
        rows = Rows(
            np.repeat(frames, 2), np.repeat(frames / 24, 2),
            np.stack([left, left, left + 90, left + 200], axis=1).astype(np.float32),
            np.full(2 * n, 0.8, np.float32), ids, vectors, features.astype(np.float16),
            (b"",) * (2 * n), np.zeros(2 * n, bool),
        )  # fmt: skip
        tracks = tuple(
            Track(10 * index + k, index, int(frames[0]), int(frames[-1]) + 1, frames[0] / 24,
                  frames[-1] / 24, n, 0.8, int(frames[0]), (10 * index + k,))
            for k in (0, 1)
        )  # fmt: skip
        apart = np.array([[10 * index, 10 * index + 1]])
        message = Tracks(index, 0, rows, tracks, frames, frames / 24)
        yield (
            Mined(message, np.zeros((0, 3), np.int64), apart),
            {10 * index + k: int(pair[k]) for k in (0, 1)},
        )


def play(
    store: Path, uri: str, seed: int, count: int = 12, width: int = 32, **learn: Any
) -> tuple[list[Any], dict[int, int], dict[int, int | None]]:
    """One episode: what label said, who each track is, and what was said of it last."""
    loop = Loop(store, uri, **learn)
    said: list[Any] = []
    truth: dict[int, int] = {}
    for mined, who in shots(seed, count, width):
        truth |= who
        said += loop.shot(mined)
    said += loop.end(count)
    final: dict[int, int | None] = {}
    for message in said:
        if isinstance(message, LabelledTracks):
            ids = [t.id for t in message.tracks.tracks]
            final |= dict(zip(ids, message.characters, strict=True))
        elif isinstance(message, Dictionary):
            final |= {track: now for track, _, now in message.relabelled}
    return said, truth, final


def test_a_cast_is_found_named_and_recognised_in_the_next_episode(tmp_path: Path) -> None:
    store = tmp_path / "show.zarr"
    said, truth, final = play(store, "one.mp4", 1, tune="off")
    ids = {who: {final[t] for t in truth if truth[t] == who} for who in range(CAST)}
    assert all(len(found) == 1 and None not in found for found in ids.values())
    assert len(set.union(*ids.values())) == CAST
    revisions = [m.revision for m in said if isinstance(m, Dictionary)]
    assert revisions == list(range(1, len(revisions) + 1))
    hero = next(iter(ids[0]))
    Editor(store).name(hero, "Hero")

    said, truth, final = play(store, "two.mp4", 2, tune="off")
    assert {final[t] for t in truth if truth[t] == 0} == {hero}
    first = next(m for m in said if isinstance(m, LabelledTracks))
    assert first.characters == tuple(next(iter(ids[truth[t.id]])) for t in first.tracks.tracks)
    heroes = [n for m in said if isinstance(m, LabelledTracks)
              for n, c in zip(m.names, m.characters, strict=True) if c == hero]  # fmt: skip
    assert set(heroes) == {"Hero"}


def test_a_name_given_while_it_runs_is_told_at_once(tmp_path: Path) -> None:
    store = tmp_path / "show.zarr"
    loop = Loop(store, "one.mp4", tune="off")
    stream = shots(3, 12)
    for _ in range(8):
        list(loop.shot(next(stream)[0]))
    character = next(line.id for line in Editor(store).cast.summaries())
    Editor(store).name(character, "Ann")
    dictionary = next(iter(loop.label.process(next(stream)[0].tracks)))
    assert isinstance(dictionary, Dictionary)
    assert {line.name for line in dictionary.characters if line.id == character} == {"Ann"}
    list(loop.end(9))


def test_a_stream_of_weeks_does_not_remember_all_that_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caststream.nodes.said.TOLD", 4)
    store = tmp_path / "show.zarr"
    loop = Loop(store, "one.mp4", tune="off")
    said = [m for mined, _ in shots(1, 13) for m in loop.shot(mined)]
    last = [m for m in said if isinstance(m, LabelledTracks)][-1].characters[0]
    assert last is not None
    Editor(store).ignore(last)
    dictionary = next(m for m in loop.end(13) if isinstance(m, Dictionary))
    told = {track for track, before, now in dictionary.relabelled if (before, now) == (last, None)}
    assert 120 in told
    assert min(told) >= 90


def test_two_runs_with_tuning_say_the_same(tmp_path: Path) -> None:
    width = len(read_head()["weight"])
    runs = []
    for name in ("a", "b"):
        runs.append(
            play(tmp_path / f"{name}.zarr", "one.mp4", 4, 36, width, first=60.0, delay=30.0)
        )
    texts = [[_plain(m) for m in said] for said, _, _ in runs]
    assert texts[0] == texts[1]
    said, truth, final = runs[0]
    tuned = [m for m in said if isinstance(m, Tuned)]
    latest = published.current(tmp_path / "a.zarr")
    assert latest is not None
    assert latest.meta["vectors"] == (tuned[-1].model if tuned else 0)
    for who in range(CAST):
        assert len({final[t] for t in truth if truth[t] == who}) == 1


def _plain(message: Any) -> Any:
    if isinstance(message, LabelledTracks):
        return message.characters, message.names, message.confidence.tolist()
    return message


def test_settings_that_cannot_be_meant() -> None:
    for wrong in ({"every": 0}, {"budget": 2.0}, {"first": -1.0}):
        with pytest.raises(GraphError, match=next(iter(wrong))):
            Learn(**wrong)
    with pytest.raises(GraphError, match="store"):
        Learn().open(Context())
