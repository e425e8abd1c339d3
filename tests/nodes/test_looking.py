"""detect and embed: what they look at and when, with toy networks in place of the real ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest

from caststream.errors import GraphError
from caststream.messages import (
    Context,
    Detections,
    Frame,
    Gap,
    Shot,
    ShotEnd,
    ShotFrame,
    StreamEnd,
    StreamStart,
)
from caststream.nodes.detect import Detect
from caststream.nodes.embed import Embed
from caststream.store import published
from caststream.store.published import Published
from caststream.store.writer import StoreWriter

SMALL = np.random.default_rng(0).integers(0, 255, (27, 48, 3), np.uint8)


class Plain:
    """A picture of 640x360 whose pixels are its number."""

    width, height = 640, 360

    def __init__(self, number: int) -> None:
        self.number = number

    def pixels(self, width: int, height: int) -> np.ndarray:
        return np.full((height, width, 3), self.number % 256, np.uint8)

    def boxes_from(self, boxes: np.ndarray, width: int, height: int) -> np.ndarray:
        scale = np.array([self.width / width, self.height / height] * 2, np.float32)
        return boxes * scale

    def crops(self, boxes: np.ndarray, size: int) -> np.ndarray:
        return np.full((len(boxes), size, size, 3), self.number % 256, np.uint8)

    def inside(self, boxes: np.ndarray) -> np.ndarray:
        return np.tile(np.array([[0.25, 0.05, 0.75, 0.95]], np.float32), (len(boxes), 1))


class ToyDetector:
    """Finds the left half of every picture, and a doubtful right half."""

    size, digest = (512, 288), "toy"

    def size_for(self, width: int, height: int) -> tuple[int, int]:
        return (320, 160) if width > 2 * height else self.size

    def detect(self, pictures: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        _, height, width, _ = pictures.shape
        boxes = [[0, 0, width / 2, height], [width / 2, 0, width, height]]
        return [(np.array(boxes, np.float32), np.array([0.9, 0.1], np.float32))] * len(pictures)


def frame(index: int, fps: float, shot: int = 0) -> ShotFrame:
    picture: Any = Plain(index)
    return ShotFrame(Frame(index, index / fps, picture), shot, SMALL, False)


def detect(**settings: Any) -> Detect:
    node = Detect(**settings)
    node._detector = ToyDetector()  # type: ignore[assignment]
    list(node.mark(StreamStart("x", 640, 360, 24.0, None, "")))
    return node


def looked_at(node: Detect, frames: list[ShotFrame]) -> list[int]:
    return [d.source.frame.index for f in frames for d in node.process(f)]


@pytest.mark.parametrize(
    ("fps", "rate", "expected"),
    [(24.0, 4.0, 6), (25.0, 4.0, 6.25), (29.97, 4.0, 7.4925), (60.0, 10.0, 6), (12.0, 24.0, 1)],
)
def test_pictures_are_looked_at_as_often_as_asked(fps: float, rate: float, expected: float) -> None:
    picks = looked_at(detect(rate=rate), [frame(i, fps) for i in range(600)])
    assert picks[0] == 0
    assert len(picks) == pytest.approx(600 / expected, abs=1)
    steps = np.diff(picks)
    assert steps.max() - steps.min() <= 1


def test_every_shot_is_looked_at_from_its_first_picture() -> None:
    node = detect(rate=1.0)
    assert looked_at(node, [frame(i, 24) for i in range(30)]) == [0, 24]
    list(node.end_shot(ShotEnd(Shot(0, 0, 30, 0, 1.25, "start", 1))))
    assert looked_at(node, [frame(i, 24, 1) for i in range(30, 40)]) == [30]


def test_a_jump_in_time_is_looked_at_and_a_drop_is_not() -> None:
    node = detect(rate=1.0)
    assert looked_at(node, [frame(0, 24)]) == [0]
    list(node.mark(Gap("dropped", 0.0, 0.1, 2)))
    assert looked_at(node, [frame(3, 24)]) == []
    list(node.mark(Gap("discontinuity", 0.1, 0.2, 0)))
    assert looked_at(node, [frame(4, 24)]) == [4]


def test_what_waited_too_long_is_left_out_and_told_and_what_was_held_back_before_is_not() -> None:
    node = detect(rate=24.0, late=0.5)
    said: list[Any] = []
    for i in range(4):
        # None of them is fresh; two waited for the detector as well.
        known = monotonic() - (60.0 if i in (1, 2) else 0.0)
        said += node.process(replace(frame(i, 24), known=known))
    first, gap, last = said
    assert [first.source.frame.index, last.source.frame.index] == [0, 3]
    assert gap == Gap("dropped", 1 / 24, 2 / 24, 2)


def test_quick_movement_is_looked_at_more_often_and_noise_is_not() -> None:
    random = np.random.default_rng(1)
    moving, still = [], []
    for i in range(48):
        small = random.integers(90, 110, (27, 48, 3), np.uint8)
        still.append(replace(frame(i, 24), small=small))
        small = small.copy()
        small[5:20, (2 * i) % 40 : (2 * i) % 40 + 6] = 250
        moving.append(replace(frame(i, 24), small=small))
    assert looked_at(detect(rate=4.0, most=12.0), still) == list(range(0, 48, 6))
    quick = looked_at(detect(rate=4.0, most=12.0), moving)
    assert quick == list(range(0, 48, 2))
    assert looked_at(detect(rate=4.0, most=4.0), moving) == list(range(0, 48, 6))
    assert looked_at(detect(rate=24.0), moving) == list(range(48))


def test_boxes_come_in_pixels_of_the_source_and_doubtful_ones_stay_out() -> None:
    (found,) = detect(score=0.5).process(frame(0, 24))
    np.testing.assert_allclose(found.boxes, [[0, 0, 320, 360]])
    (both,) = detect(score=0.05).process(frame(0, 24))
    assert len(both.boxes) == 2


def test_wide_pictures_are_looked_at_in_their_own_shape() -> None:
    node = detect(score=0.5)
    list(node.mark(StreamStart("x", 640, 260, 24.0, None, "")))
    assert node._size == (320, 160)


def test_nobody_is_found_in_a_blank_picture() -> None:
    (found,) = detect().process(replace(frame(0, 24), small=np.full((27, 48, 3), 7, np.uint8)))
    assert found.boxes.shape == (0, 4)


def test_settings_that_cannot_be_meant() -> None:
    with pytest.raises(GraphError, match="rate"):
        Detect(rate=0)
    with pytest.raises(GraphError, match="score"):
        Detect(score=1.0)
    with pytest.raises(GraphError, match="most"):
        Detect(most=0)
    with pytest.raises(GraphError, match="gather"):
        Embed(gather=0)


class ToyEmbedder:
    crop_size, digest = 8, "toy"

    def features(self, crops: np.ndarray) -> np.ndarray:
        return crops.reshape(len(crops), 192)[:, :2].astype(np.float16) + np.array([1, 2])

    def project(self, features: np.ndarray, head: dict[str, np.ndarray] | None) -> np.ndarray:
        rows = features.astype(np.float32) @ (head["weight"] if head else np.eye(2))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def embed(self, crops: np.ndarray, head: dict[str, np.ndarray] | None) -> Any:
        features = self.features(crops)
        return self.project(features, head), features


def test_a_newer_head_is_taken_up_with_the_next_shot(tmp_path: Path) -> None:
    store = tmp_path / "s.zarr"
    with StoreWriter.open(store):
        pass
    node = Embed(gather=1)
    node._embedder = ToyEmbedder()  # type: ignore[assignment]
    node._context = Context(store=str(store))
    boxes = np.array([[0, 0, 9, 9], [5, 5, 20, 20]], np.float32)

    def look() -> Any:
        (out,) = node.process(Detections(frame(0, 24), boxes, np.ones(2, np.float32)))
        return out

    before = look()
    assert before.model == 0
    assert before.crops.shape == (2, 8, 8, 3)
    np.testing.assert_allclose(np.linalg.norm(before.vectors, axis=1), 1, rtol=1e-5)
    turned = np.array([[0, 1], [-1, 0]], np.float32)
    published.publish(
        store, Published(head={"weight": turned, "bias": np.zeros(2)}, meta={"vectors": 1})
    )
    assert look().model == 0
    list(node.end_shot(ShotEnd(Shot(0, 0, 9, 0, 1, "start", 1))))
    after = look()
    assert after.model == 1
    np.testing.assert_allclose(after.vectors, before.vectors @ turned, atol=1e-6)


def found(index: int, boxes: int) -> Detections:
    corners = np.arange(boxes, dtype=np.float32)[:, None] + np.array([0, 0, 9, 9], np.float32)
    return Detections(frame(index, 24), corners, np.ones(boxes, np.float32))


def test_crops_of_several_pictures_are_embedded_together_and_given_out_in_order() -> None:
    node = Embed(gather=4)
    node._embedder = ToyEmbedder()  # type: ignore[assignment]
    alone = Embed(gather=1)
    alone._embedder = ToyEmbedder()  # type: ignore[assignment]
    pictures = [found(0, 1), found(6, 0), found(12, 2), found(18, 1), found(24, 3)]
    given_at, together = [], []
    for message in pictures:
        out = list(node.process(message))
        given_at.append([e.detections.source.frame.index for e in out])
        together += out
    assert given_at == [[], [], [], [0, 6, 12, 18], []]
    together += node.end_shot(ShotEnd(Shot(0, 0, 30, 0, 1.25, "start", 1)))
    one_by_one = [e for message in pictures for e in alone.process(message)]
    assert len(one_by_one) == len(together) == len(pictures)
    for a, b in zip(together, one_by_one, strict=True):
        assert a.detections is b.detections
        assert a.vectors.shape == (len(a.detections.boxes), 2)
        np.testing.assert_array_equal(a.vectors, b.vectors)
        np.testing.assert_array_equal(a.crops, b.crops)


def test_nothing_is_held_back_over_a_gap_or_the_end_of_the_stream() -> None:
    node = Embed(gather=8)
    node._embedder = ToyEmbedder()  # type: ignore[assignment]
    assert not list(node.process(found(0, 1)))
    assert len(list(node.mark(Gap("reconnect", 0.1, 0.2, 0)))) == 1
    assert not list(node.process(found(6, 1)))
    assert len(list(node.end_stream(StreamEnd(7, 0.3, "interrupted")))) == 1
    assert not list(node.end_stream(StreamEnd(7, 0.3, "interrupted")))
