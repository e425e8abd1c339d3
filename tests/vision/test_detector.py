from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from caststream.errors import ModelError
from caststream.vision.cells import STRIDES, cells
from caststream.vision.detector import (
    FLOOR,
    FORMAT,
    WEIGHTS,
    Detector,
    decode,
    fitting_size,
    load_network,
    suppress,
)
from caststream.vision.networks import BINS, CharacterNet, Trunk, fold_torchvision
from caststream.vision.runtime import Runtime, resolve_device
from tools.detection_score import overlaps, score
from tools.films import read_film

U1 = NDArray[np.uint8]
F4 = NDArray[np.float32]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load("default", "cpu")


def drawn(count: int, width: int = 512, height: int = 288) -> tuple[U1, list[F4], list[F4]]:
    synth = pytest.importorskip("tools.synth", reason="drawing needs the extra [synth]")
    rng = np.random.default_rng(7)
    pictures, boxes, _, visible = zip(
        *(synth.sample_picture(rng, width, height) for _ in range(count)), strict=True
    )
    return np.stack(pictures), list(boxes), list(visible)


# --- the kernel and the arithmetic ------------------------------------------------------------


def plain_suppress(boxes: F4, overlap: float) -> list[int]:
    kept: list[int] = []
    for i, box in enumerate(boxes):
        solid = box[2] > box[0] and box[3] > box[1]
        if solid and (not kept or overlaps(box[None], boxes[kept]).max() <= overlap):
            kept.append(i)
    return kept


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(0, 30), st.sampled_from([0.3, 0.6, 0.9]))
def test_suppression_is_the_plain_one(seed: int, count: int, overlap: float) -> None:
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 12, (count, 2))
    boxes = np.concatenate((corner, corner + rng.integers(0, 12, (count, 2))), 1)
    found = suppress(boxes.astype(np.float32), overlap)
    assert found.tolist() == plain_suppress(boxes.astype(np.float32), overlap)


def test_a_cell_says_its_box_by_the_mean_of_its_distances() -> None:
    grid = cells(64, 96)
    logits = np.full(len(grid), -9, np.float32)
    bins = np.full((len(grid), 4, BINS), -50, np.float32)
    cell = int(np.flatnonzero((grid == (32, 16, 8)).all(1))[0])
    logits[cell] = 0.0
    for side, distance in enumerate((1, 2, 3, 4)):
        bins[cell, side, distance] = 0
    bins[cell, 2, 4] = 0  # right: half way between 3 and 4 strides
    boxes, scores = decode(logits, bins, 96, 64)
    np.testing.assert_allclose(boxes, [[32 - 8, 16 - 16, 32 + 28, 16 + 32]])
    np.testing.assert_allclose(scores, [0.5])
    assert boxes.dtype == scores.dtype == np.float32


def test_boxes_end_at_the_edge_of_the_picture() -> None:
    grid = cells(64, 64)
    logits = np.where(grid[:, 2] == 32, 2, -9).astype(np.float32)
    bins = np.zeros((len(grid), 4, BINS), np.float32)
    boxes, _ = decode(logits, bins, 64, 64)
    assert len(boxes) and boxes.min() >= 0 and boxes.max() <= 64


def test_cells_are_listed_as_the_network_gives_them() -> None:
    net = CharacterNet().eval()
    with torch.inference_mode():
        logits, bins = net(torch.zeros((2, 96, 160, 3), dtype=torch.uint8))
    grid = cells(96, 160)
    assert logits.shape == (2, len(grid))
    assert bins.shape == (2, len(grid), 4, BINS)
    assert set(grid[:, 2]) == set(STRIDES)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [((1920, 1080), (512, 288)), ((1080, 1920), (288, 512)), ((640, 640), (384, 384))],
)
def test_the_size_has_the_shape_of_the_source(
    source: tuple[int, int], wanted: tuple[int, int]
) -> None:
    assert fitting_size(*source) == wanted


@given(st.integers(16, 8000), st.integers(16, 8000))
@settings(max_examples=30, deadline=None)
def test_any_source_gets_a_size_that_costs_the_same(width: int, height: int) -> None:
    w, h = fitting_size(width, height)
    assert w % 32 == 0 and h % 32 == 0
    assert 0.75 <= w * h / (512 * 288) <= 1.1
    if 0.5 < width / height < 3:
        assert abs(np.log((w / h) / (width / height))) < 0.15


def test_the_trunk_takes_torchvision_weights_with_their_batch_norm() -> None:
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    model = torchvision.models.shufflenet_v2_x1_0().eval()
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, torch.nn.ReLU):
                setattr(module, name, torch.nn.LeakyReLU(0.1))
            elif isinstance(child, torch.nn.BatchNorm2d):
                child.running_mean.uniform_(-1, 1)
                child.running_var.uniform_(0.5, 2)
                torch.nn.init.uniform_(child.bias, -1, 1)
    trunk = Trunk().eval()
    trunk.load_state_dict(fold_torchvision(model.state_dict()))
    pictures = torch.randint(0, 256, (1, 64, 96, 3), dtype=torch.uint8)
    with torch.inference_mode():
        pixels = (pictures.permute(0, 3, 1, 2) - trunk.mean) / trunk.std
        x = model.maxpool(model.conv1(pixels.flip(1)))
        for found, stage in zip(trunk(pictures), ("stage2", "stage3", "stage4"), strict=True):
            x = getattr(model, stage)(x)
            torch.testing.assert_close(found, x, rtol=1e-4, atol=1e-4)


# --- runtimes ---------------------------------------------------------------------------------


def test_torch_and_openvino_say_the_same(detector: Detector) -> None:
    pictures, *_ = drawn(2, 256, 160)
    network = load_network(WEIGHTS)[0]
    exact = Runtime(lambda: network, (512, 288), "cpu", "torch-f32")(pictures)
    fast = Runtime(lambda: network, (512, 288), "cpu", "openvino-f32")(pictures)
    for a, b in zip(exact, fast, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-3)
    for i, (boxes, scores) in enumerate(detector.detect(pictures)):
        wanted, points = decode(exact[0][i], exact[1][i], 256, 160)
        sure = points > 0.5
        assert (overlaps(wanted[sure], boxes).max(1) > 0.8).all()
        np.testing.assert_allclose(points[sure], scores[: sure.sum()], atol=0.1)


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "cpu:0", ""])
def test_a_device_that_is_not_there_is_named(device: str) -> None:
    with pytest.raises(ModelError, match="device"):
        resolve_device(device)


# --- the detector -----------------------------------------------------------------------------


def test_it_finds_drawn_characters(detector: Detector) -> None:
    pictures, boxes, visible = drawn(24)
    found = detector.detect(pictures)
    truth = [(b, v < 0.5) for b, v in zip(boxes, visible, strict=True)]
    assert score(found, truth).ap50 > 0.6


def test_it_finds_characters_of_a_film_it_never_saw(
    detector: Detector, shared: Path, tmp_path: Path
) -> None:
    labelled, _ = read_film(shared / "media" / "copying_is_not_theft.mp4", tmp_path)
    width, height = detector.size_for(640, 360)
    found = []
    for item in labelled:
        picture = torch.from_numpy(item.picture).permute(2, 0, 1)[None].float()
        scaled = torch.nn.functional.interpolate(
            picture, (height, width), mode="bilinear", antialias=True
        )
        small = scaled[0].permute(1, 2, 0).round().to(torch.uint8).numpy()
        boxes, scores = detector.detect(small[None])[0]
        found.append((boxes * np.float32(640 / width), scores))
    assert score(found, [(x.boxes, x.ignore) for x in labelled]).ap50 > 0.6


def test_boxes_come_best_first_inside_and_above_the_floor(detector: Detector) -> None:
    pictures, *_ = drawn(4, 416, 256)
    for boxes, scores in detector.detect(pictures):
        assert boxes.dtype == scores.dtype == np.float32 and boxes.shape == (len(scores), 4)
        assert (np.diff(scores) <= 0).all() and (scores >= FLOOR * 0.999).all()
        assert (boxes[:, :2] < boxes[:, 2:]).all()
        assert boxes.min(initial=0) >= 0 and (boxes.max(0, initial=0) <= (416, 256) * 2).all()


def test_a_picture_is_judged_alone_in_any_batch(detector: Detector) -> None:
    pictures, *_ = drawn(3, 256, 160)
    together = detector.detect(pictures)
    for picture, (boxes, scores) in zip(pictures, together, strict=True):
        alone = detector.detect(picture[None])[0]
        assert len(alone[0]) == len(boxes)
        np.testing.assert_allclose(alone[0], boxes, atol=2.0)
        np.testing.assert_allclose(alone[1], scores, atol=0.05)


def test_an_empty_batch_and_an_empty_picture(detector: Detector) -> None:
    assert detector.detect(np.zeros((0, 288, 512, 3), np.uint8)) == []
    boxes, scores = detector.detect(np.zeros((1, 288, 512, 3), np.uint8))[0]
    # Nothing to be sure of; the stream does not look at blank pictures in the first place.
    assert boxes.shape == (len(scores), 4) and (scores < 0.4).all()


@pytest.mark.parametrize(
    "pictures",
    [
        np.zeros((288, 512, 3), np.uint8),
        np.zeros((1, 288, 512, 3), np.float32),
        np.zeros((1, 288, 512, 4), np.uint8),
        np.zeros((1, 280, 512, 3), np.uint8),
    ],
)
def test_other_shapes_are_refused(detector: Detector, pictures: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match="pictures"):
        detector.detect(pictures)  # type: ignore[arg-type]


def test_own_weights_are_taken_by_path_and_told_apart(tmp_path: Path) -> None:
    state = load_file(WEIGHTS)
    assert sum(value.nbytes for value in state.values()) < 3e6
    state["heads.0.8.bias"][:] += 1
    path = tmp_path / "mine.safetensors"
    save_file(state, path, metadata={"format": FORMAT})
    network, digest = load_network(path)
    default, usual = load_network(WEIGHTS)
    assert digest != usual
    gain = network.heads[0][8].bias - default.heads[0][8].bias
    torch.testing.assert_close(gain, torch.ones_like(gain), atol=0.02, rtol=0)


def test_files_that_are_no_detector_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no detector weights at"):
        Detector.load(str(tmp_path / "missing.safetensors"))
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"no such thing")
    with pytest.raises(ModelError, match="not a readable safetensors"):
        Detector.load(str(path))
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="unnamed weights"):
        Detector.load(str(path))
    save_file({"a": torch.zeros(1)}, path, metadata={"format": FORMAT})
    with pytest.raises(ModelError, match="does not fit"):
        Detector.load(str(path))
