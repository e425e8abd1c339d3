"""label: whom a picture's tracks are called by, with a dictionary of three that is made up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from caststream.learning.cast import HELD
from caststream.messages import (
    Context,
    Labelled,
    LabelledTracks,
    Rows,
    StreamStart,
    Track,
    Tracked,
    Tracks,
)
from caststream.nodes.label import MIN_BOXES, Label
from caststream.store import published
from caststream.store.published import Published
from caststream.store.writer import StoreWriter
from tests.nodes.embedded import box, embedded, shot_end

WIDTH = 8


def looks(*parts: float) -> np.ndarray:
    """A unit vector that is so similar to each character of the dictionary."""
    vector = np.zeros(WIDTH, np.float32)
    vector[: len(parts)] = parts
    vector[-1] = np.sqrt(1 - (vector**2).sum())
    return vector


SURE, LESS, BOTH = looks(0.95, 0.1), looks(0.85), looks(0.78, 0.6)
"""Two like the first character, and one that is like it and, less, like the second."""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Label]:
    store = tmp_path / "s.zarr"
    with StoreWriter.open(store):
        pass
    published.publish(
        store,
        Published(
            revision=1,
            prototypes=np.eye(3, WIDTH, dtype=np.float32),
            prototype_character=np.array([1, 2, 3]),
            prototype_weight=np.ones(3, np.float32),
            thresholds={"cut": 0.3},
        ),
    )
    label = Label()
    label.open(Context(store=str(store)))
    list(label.mark(StreamStart("film.mp4", 640, 360, 24.0, None, "")))
    yield label
    label.close()


def called(
    node: Label, seen: dict[int, np.ndarray], times: int = 1, step: float = 100.0
) -> list[int | None]:
    """Whom these tracks are called by in the last of so many pictures, ``step`` pixels apart."""
    places = [box(step * i) for i in range(len(seen))]
    for _ in range(times):
        picture = embedded(0, 0.0, places, list(seen.values()))
        (said,) = node.process(Tracked(picture, np.array(list(seen), np.int64)))
        assert isinstance(said, Labelled)
    return list(said.characters)


def shot(node: Label, seen: dict[int, np.ndarray], beside: bool) -> list[int | None]:
    """Whom these tracks are called by at their shot's end, in all pictures or one after another."""
    count = len(seen)
    frame = np.zeros(count, np.int64) if beside else np.arange(count)
    number = np.array(list(seen), np.int64)
    none = np.zeros((count, 0), np.float32)
    rows = Rows(
        frame, frame / 4, np.array([box(0.0)] * count, np.float32), np.ones(count, np.float32),
        number, np.array(list(seen.values())), none.astype(np.float16), (b"",) * count,
        np.zeros(count, bool),
    )  # fmt: skip
    tracks = tuple(Track(t, 0, 0, 9, 0, 1, 3, 0.9, 0, (t,)) for t in seen)
    (said,) = node.process(Tracks(0, 0, rows, tracks))
    assert isinstance(said, LabelledTracks)
    return list(said.characters)


def test_of_two_in_a_picture_the_surer_one_is_called_and_the_other_by_its_next(node: Label) -> None:
    assert called(node, {1: SURE, 2: LESS}, MIN_BOXES - 1) == [None, None]
    assert called(node, {1: SURE, 2: LESS}) == [1, None]
    assert called(node, {1: SURE, 2: LESS, 5: BOTH}, MIN_BOXES) == [1, None, 2]
    list(node.end_shot(shot_end()))
    assert called(node, {1: BOTH}, MIN_BOXES) == [1]


def test_who_is_called_keeps_it_from_one_that_is_hardly_surer(node: Label) -> None:
    assert called(node, {1: LESS}, MIN_BOXES) == [1]
    hardly = looks(0.88)
    sure = node._cast.recognise(hardly, 0).confidence  # type: ignore[union-attr]
    assert 0 < sure - node._cast.recognise(LESS, 0).confidence < HELD  # type: ignore[union-attr]
    for _ in range(5):
        assert called(node, {1: LESS, 2: hardly})[0] == 1
    clearly = looks(0.99)
    assert called(node, {1: LESS, 3: clearly}, MIN_BOXES) == [None, 1]
    assert called(node, {3: clearly, 1: LESS}, 3) == [1, None]


def test_who_left_the_picture_still_goes_by_its_character_beside_whom_it_was(node: Label) -> None:
    assert called(node, {1: LESS, 2: looks(0.84)}, MIN_BOXES) == [1, None]
    assert called(node, {2: looks(0.84)}, 3) == [None]
    # A third that was never beside the first may be it again, found anew.
    assert called(node, {4: looks(0.84)}, MIN_BOXES) == [1]
    list(node.end_shot(shot_end()))
    assert called(node, {2: looks(0.84)}, MIN_BOXES) == [1]


def test_two_boxes_on_one_place_may_be_one_character_that_is_followed_anew(node: Label) -> None:
    assert called(node, {1: LESS, 2: looks(0.84)}, MIN_BOXES, step=5) == [1, None]
    assert called(node, {2: looks(0.84)}) == [1]


def test_a_shot_ends_as_its_pictures_said_unless_somebody_is_clearly_surer(node: Label) -> None:
    hardly = looks(0.88)
    called(node, {1: LESS, 2: hardly}, MIN_BOXES - 1)
    assert called(node, {1: LESS}) == [1]
    assert called(node, {1: LESS, 2: hardly}) == [1, None]
    assert shot(node, {1: LESS, 2: hardly}, beside=True) == [1, None]
    assert shot(node, {1: LESS, 2: looks(0.99)}, beside=True) == [None, 1]
    assert shot(node, {1: LESS, 2: hardly}, beside=False) == [1, 1]
    list(node.end_shot(shot_end()))
    assert shot(node, {1: LESS, 2: hardly}, beside=True) == [None, 1]
