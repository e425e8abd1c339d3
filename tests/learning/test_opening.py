"""A full tuning, from crops in a store to vectors of an opened stage in the stream."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from caststream.errors import ModelError
from caststream.learning import finetune
from caststream.learning.learner import Learner
from caststream.learning.tuner import read_draft, tune_store, write_draft
from caststream.messages import (
    Context,
    Detections,
    Mined,
    Rows,
    Shot,
    ShotEnd,
    ShotFrame,
    StreamEnd,
    StreamStart,
    Track,
    Tracks,
)
from caststream.nodes.embed import Embed
from caststream.store import published
from caststream.store.reader import StoreReader
from caststream.store.writer import StoreWriter
from caststream.vision.embedder import WEIGHTS, Embedder, project
from caststream.vision.opened import OpenedEmbedder, build, read_trunk, write_trunk

SHOTS, VIEWS = 10, 4


def crop(who: int, rng: np.random.Generator) -> np.ndarray:
    """One of four figures: a disk, a ring, bars or a box, anywhere near the middle."""
    y, x = np.mgrid[:128, :128] - 64 + rng.integers(-12, 12, 2)[:, None, None]
    far = np.hypot(x, y)
    shape = [far < 40, (far < 44) & (far > 24), (np.abs(x) < 44) & (y // 8 % 2 == 0),
             (np.abs(x) < 36) & (np.abs(y) < 36)][who]  # fmt: skip
    ground = rng.integers(0, 255, 3)
    picture = np.broadcast_to(ground, (128, 128, 3)).copy()
    picture[shape] = [(230, 60, 50), (60, 200, 80), (70, 90, 230), (240, 220, 60)][who]
    noise = rng.normal(scale=6, size=picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def jpeg(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=90)
    return out.getvalue()


@pytest.fixture(scope="module")
def shipped() -> Embedder:
    return Embedder.load(device="cpu")


@pytest.fixture
def store(tmp_path: Path, shipped: Embedder) -> Path:
    """Ten shots, two figures side by side in each; the last crop of each track was not kept."""
    path = tmp_path / "s.zarr"
    rng = np.random.default_rng(0)
    with StoreWriter.open(path) as writer:
        writer.begin_source(StreamStart("f.mp4", 640, 360, 24.0, 60.0, "print"))
        for shot in range(SHOTS):
            pair = rng.choice(4, 2, replace=False)
            frames = shot * 48 + 6 * np.repeat(np.arange(VIEWS), 2)
            pixels = np.stack([crop(pair[k % 2], rng) for k in range(2 * VIEWS)])
            vectors, features = shipped.embed(pixels)
            kept = [jpeg(p) for p in pixels[:-2]] + [b"", b""]
            ids = 2 * shot + np.arange(2 * VIEWS) % 2
            rows = Rows(
                frames, frames / 24, np.full((2 * VIEWS, 4), [0, 0, 90, 200], np.float32),
                np.full(2 * VIEWS, 0.8, np.float32), ids, vectors, features, tuple(kept),
                np.zeros(2 * VIEWS, bool),
            )  # fmt: skip
            tracks = tuple(
                Track(2 * shot + k, shot, int(frames[0]), int(frames[-1]) + 1, frames[0] / 24,
                      frames[0] / 24 + 2, VIEWS, 0.8, int(frames[0]), (2 * shot + k,))
                for k in (0, 1)
            )  # fmt: skip
            message = Tracks(shot, 0, rows, tracks, np.unique(frames), np.unique(frames) / 24)
            apart = np.array([[2 * shot, 2 * shot + 1]])
            end = Shot(shot, shot * 48, shot * 48 + 48, shot * 2.0, shot * 2.0 + 2, "cut", 1.0)
            writer.commit(end, [Mined(message, np.zeros((0, 3), np.int64), apart)], [])
        writer.end_source(StreamEnd(SHOTS * 48, SHOTS * 2.0, "eof"))
    return path


@pytest.fixture(autouse=True)
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetune, "MIN_PAIRS", 4)
    monkeypatch.setattr(finetune, "MIN_HELD", 1)
    monkeypatch.setattr(finetune, "GAIN", -1.0)  # what it learns is another test's matter


class _Picture:
    """Stands in for a decoded picture: a crop of it is what it holds."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def crops(self, boxes: np.ndarray, size: int) -> np.ndarray:
        return self.pixels[: len(boxes)]

    def inside(self, boxes: np.ndarray) -> np.ndarray:
        return np.tile(np.array([-1, -1, 2, 2], np.float32), (len(boxes), 1))  # nothing is blurred


def test_a_full_tuning_goes_live_and_is_rolled_back(
    store: Path, shipped: Embedder, tmp_path: Path
) -> None:
    learner = Learner(store)
    learner.take_in()
    learner.regroup()
    first = published.current_number(store)
    done = tune_store(store, None, 1, 4, "caststream", full=True, device="cpu")
    assert done.live and done.opened is not None, done.why
    assert len(done.opened.uid) == 2 * SHOTS * (VIEWS - 1), "only crops that are kept"

    write_draft(done, tmp_path / "draft")
    again = read_draft(tmp_path / "draft")
    assert again.opened is not None
    np.testing.assert_array_equal(
        again.opened.trunk["head.weight"], done.opened.trunk["head.weight"]
    )

    # The stage did learn, and the head for features makes nearly its vectors.
    learnt = done.opened.trunk
    begun = build().stage.state_dict()
    assert any(np.abs(learnt[f"stage.{n}"] - v.numpy()).max() > 1e-4 for n, v in begun.items())
    alike = (done.opened.near * done.opened.vector).sum(1)
    assert alike.mean() > 0.95
    assert np.abs(done.opened.near - done.opened.vector).max() > 1e-4

    # What is remembered is what the crops look like now, not what features say of them.
    learner.take_up(again)
    learner.regroup()
    learner.close()
    now = published.current(store)
    assert now is not None and now.meta["vectors"] == 1
    assert (done.opened.vector @ now.prototypes.T).max(1).mean() > 0.9

    # The stream takes it up with the next shot, keeps shipped features, and goes back.
    node = Embed(gather=1)
    context = Context(store=str(store), device="cpu")
    node.open(context)
    rng = np.random.default_rng(9)
    pixels = np.stack([crop(0, rng), crop(2, rng)])
    frame = ShotFrame(_frame(pixels), 0, np.zeros((27, 48, 3), np.uint8), False)
    seen = Detections(frame, np.zeros((2, 4), np.float32), np.ones(2, np.float32))
    (out,) = node.process(seen)
    file = published.trunk_file(store, 1)
    assert file is not None
    opened = OpenedEmbedder.open(file, "cpu").embed(pixels)
    assert out.model == 1
    np.testing.assert_array_equal(out.vectors, opened[0])
    np.testing.assert_allclose(out.features, shipped.features(pixels), atol=0.1)
    assert (out.vectors * project(out.features, done.head)).sum(1).min() > 0.9
    published.rollback(store, first)
    list(node.end_shot(ShotEnd(Shot(0, 0, 9, 0, 1, "start", 1))))
    (out,) = node.process(seen)
    assert out.model == 0
    np.testing.assert_allclose(out.vectors, shipped.embed(pixels)[0], atol=1e-6)
    node.close()


def _frame(pixels: np.ndarray):  # type: ignore[no-untyped-def]
    from caststream.messages import Frame

    return Frame(0, 0.0, _Picture(pixels))  # type: ignore[arg-type]


def test_the_same_crops_give_the_same_model(store: Path) -> None:
    one, other = (
        tune_store(store, None, 3, 1, "caststream", full=True, device="cpu") for _ in range(2)
    )
    assert one.opened is not None and other.opened is not None
    for name, array in one.opened.trunk.items():
        np.testing.assert_array_equal(array, other.opened.trunk[name])


def test_a_head_is_not_tuned_over_an_opened_stage(store: Path) -> None:
    learner = Learner(store)
    learner.take_in()
    learner.take_up(tune_store(store, None, 1, 1, "caststream", full=True, device="cpu"))
    learner.regroup()
    learner.close()
    assert "opened stage" in tune_store(store, None, 1, 1, "caststream").why
    # In full it goes on from there.
    assert tune_store(store, None, 1, 1, "caststream", full=True, device="cpu").live


def test_stages_that_nobody_can_return_to_are_removed(store: Path) -> None:
    for number in (1, 2, 3):
        published.keep_trunk(store, number, b"stage")
        published.publish(store, published.Published(meta={"vectors": number}))
    for _ in range(published.KEEP):
        published.publish(store, published.Published(meta={"vectors": 3}))
    assert [published.trunk_file(store, n) is not None for n in (1, 2, 3)] == [False, False, True]
    # One that was kept and, after a crash, never published keeps its number from being given again.
    published.keep_trunk(store, 4, b"stage")
    assert published.highest_head(store) == 4


def test_a_stage_of_other_weights_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "t.safetensors"
    file.write_bytes(write_trunk({"head.weight": np.ones((2, 2), np.float32)}, "elsewhere"))
    with pytest.raises(ModelError, match="elsewhere"):
        OpenedEmbedder.open(file, "cpu", WEIGHTS)
    file.write_bytes(b"torn")
    with pytest.raises(ModelError, match="no opened stage"):
        read_trunk(file)


def test_tracks_without_crops_teach_nothing(store: Path) -> None:
    from caststream.learning.cast import Cast
    from caststream.learning.lessons import gather

    with StoreReader(store) as reader:
        plain = gather(reader, Cast(store), np.random.default_rng(0))
        seen = gather(reader, Cast(store), np.random.default_rng(0), pictured=True)
    assert len(plain.track) == 2 * SHOTS * VIEWS and not plain.crops
    assert len(seen.track) == len(seen.crops) == 2 * SHOTS * (VIEWS - 1)
    assert all(crop[:2] == b"\xff\xd8" for crop in seen.part(True).crops)
