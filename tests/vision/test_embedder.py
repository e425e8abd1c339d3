from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn import functional

from caststream.errors import ModelError
from caststream.vision.embedder import (
    BATCHES,
    CROP_SIZE,
    DIMENSIONS,
    FORMAT,
    WEIGHTS,
    Embedder,
    load_network,
    save_network,
)
from caststream.vision.embedder_network import FEATURES, EmbedderNet
from caststream.vision.focus import focus
from tools.embedder_data import Crops
from tools.embedder_loss import augment, contrastive_loss
from tools.embedder_score import CUTS, default_f1, f1_by_cut, separation
from tools.embedder_sheets import RIGHT, SIDE, WRONG, mixed_clusters, wrong_neighbours

U1 = NDArray[np.uint8]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder.load("default", "cpu")


def noise(count: int, seed: int = 0) -> U1:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return coarse.repeat(CROP_SIZE // 8, 1).repeat(CROP_SIZE // 8, 2)


def drawn_crops(synth: Any, cast: Sequence[Any], rng: np.random.Generator) -> U1:
    pairs = [synth.sample_crop(who, rng, CROP_SIZE) for who in cast]
    return focus(np.stack([crop for crop, _ in pairs]), np.stack([inside for _, inside in pairs]))


# --- what comes out ---------------------------------------------------------------------------


def test_vectors_are_unit_and_features_fit_16_bits(embedder: Embedder) -> None:
    flat = np.stack([np.full((CROP_SIZE, CROP_SIZE, 3), v, np.uint8) for v in (0, 255)])
    vectors, features = embedder.embed(np.concatenate([noise(3), flat]))
    assert vectors.shape == (5, DIMENSIONS) and vectors.dtype == np.float32
    assert features.shape == (5, embedder.features_dim) and features.dtype == np.float16
    assert np.isfinite(features).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_crop_does_not_depend_on_its_company(embedder: Embedder) -> None:
    crops = noise(BATCHES[-1] + 5)
    together = embedder.embed(crops)[0]
    alone = np.concatenate([embedder.embed(crops[k : k + 1])[0] for k in (0, 33, 36)])
    assert ((together[[0, 33, 36]] * alone).sum(1) > 0.999).all()


def test_no_crops_give_no_rows(embedder: Embedder) -> None:
    vectors, features = embedder.embed(noise(0))
    assert vectors.shape == (0, DIMENSIONS)
    assert features.shape == (0, FEATURES)


def test_the_runtime_computes_what_torch_computes(embedder: Embedder) -> None:
    network, head, _ = load_network(WEIGHTS)
    crops = noise(6)
    with torch.inference_mode():
        exact = embedder.project(network(torch.from_numpy(crops)).numpy(), head)
    assert ((exact * embedder.embed(crops)[0]).sum(1) > 0.995).all()


@pytest.mark.parametrize(
    "crops",
    [
        np.zeros((2, CROP_SIZE, CROP_SIZE, 3), np.float32),
        np.zeros((2, CROP_SIZE, CROP_SIZE - 1, 3), np.uint8),
        np.zeros((CROP_SIZE, CROP_SIZE, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(embedder: Embedder, crops: U1) -> None:
    with pytest.raises(ValueError, match=r"crops have to be \(N, 128, 128, 3\) uint8"):
        embedder.features(crops)


# --- the head ---------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(
    arrays(np.float16, (4, 6), elements=st.floats(-30, 30, width=16)),
    arrays(np.float32, (6, 3), elements=st.floats(-2, 2, width=32)),
    arrays(np.float32, 3, elements=st.floats(-2, 2, width=32)),
)
def test_projecting_is_an_affine_map_made_unit(
    features: NDArray[np.float16], weight: NDArray[np.float32], bias: NDArray[np.float32]
) -> None:
    head = {"weight": weight, "bias": bias}
    embedder = Embedder(lambda crops: np.zeros((len(crops), 6), np.float32), 32, head, "", "")
    found = embedder.project(features)
    for row, got in zip(features.astype(np.float64), found, strict=True):
        plain = row @ weight + bias
        length = np.sqrt((plain**2).sum())
        if length > 1e-2:
            np.testing.assert_allclose(got, plain / length, atol=2e-3)
        else:
            assert np.linalg.norm(got) == pytest.approx(1, abs=1e-4) or not got.any()


def test_rows_that_are_not_finite_give_zero_rows(embedder: Embedder) -> None:
    features = embedder.features(noise(3))
    features[1, 7] = np.nan
    vectors = embedder.project(features)
    assert not vectors[1].any()
    np.testing.assert_allclose(np.linalg.norm(vectors[[0, 2]], axis=1), 1, atol=1e-5)


def test_the_default_head_is_a_copy_that_projects_as_shipped(embedder: Embedder) -> None:
    features = embedder.features(noise(2))
    before = embedder.project(features)
    head = embedder.default_head()
    np.testing.assert_array_equal(embedder.project(features, head), before)
    head["weight"] *= 0
    np.testing.assert_array_equal(embedder.project(features), before)


# --- quality ----------------------------------------------------------------------------------


def test_a_drawn_character_is_nearer_to_itself_than_to_others(embedder: Embedder) -> None:
    synth = pytest.importorskip("tools.synth", reason="drawing needs the extra [synth]")
    rng = np.random.default_rng(3)
    right = total = 0
    for show in (70001, 70002, 70003, 70004):
        cast = synth.make_cast(show, 4, alike=0.0)
        crops = drawn_crops(synth, [who for who in cast for _ in range(5)], rng)
        vectors = embedder.embed(crops)[0]
        likeness = vectors @ vectors.T
        who = np.arange(20) // 5
        for k in range(20):
            near = likeness[k][(who == who[k]) & (np.arange(20) != k)]
            far = likeness[k][who != who[k]]
            right += int((near[:, None] > far[None]).sum())
            total += near.size * far.size
    assert right / total > 0.8


def test_a_mirrored_character_stays_itself(embedder: Embedder) -> None:
    synth = pytest.importorskip("tools.synth", reason="drawing needs the extra [synth]")
    rng = np.random.default_rng(4)
    crops = drawn_crops(synth, synth.make_cast(7, 6), rng)
    one, other = embedder.embed(crops)[0], embedder.embed(crops[:, :, ::-1].copy())[0]
    assert np.median((one * other).sum(1)) > 0.8


# --- files ------------------------------------------------------------------------------------


def test_the_shipped_weights_are_small_and_in_half_precision() -> None:
    assert WEIGHTS.stat().st_size < 3_000_000
    assert {value.dtype for value in load_file(WEIGHTS).values()} == {torch.float16}


def test_weights_come_back_as_they_were_saved(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = EmbedderNet().eval()
    rng = np.random.default_rng(0)
    head = {
        "weight": rng.normal(size=(FEATURES, DIMENSIONS)).astype(np.float16).astype(np.float32),
        "bias": np.zeros(DIMENSIONS, np.float32),
    }
    save_network(net, head, tmp_path / "one.safetensors")
    again, head_again, digest = load_network(tmp_path / "one.safetensors")
    np.testing.assert_array_equal(head["weight"], head_again["weight"])
    crops = torch.from_numpy(noise(2))
    with torch.inference_mode():
        torch.testing.assert_close(net(crops), again(crops), rtol=0.02, atol=0.02)
    save_network(net, {**head, "bias": head["bias"] + 1}, tmp_path / "two.safetensors")
    assert load_network(tmp_path / "two.safetensors")[2] != digest


def test_missing_damaged_and_foreign_weights_are_said_clearly(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no embedder weights at"):
        Embedder.load(str(tmp_path / "none.safetensors"))
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(WEIGHTS.read_bytes()[:1000])
    with pytest.raises(ModelError, match="not a readable safetensors file"):
        Embedder.load(str(damaged))
    foreign = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(1)}, foreign)
    with pytest.raises(ModelError, match="holds unnamed weights"):
        Embedder.load(str(foreign))
    save_file({"a": torch.zeros(1)}, foreign, {"format": FORMAT})
    with pytest.raises(ModelError, match="does not fit"):
        Embedder.load(str(foreign))


# --- training ---------------------------------------------------------------------------------


def test_the_loss_wants_known_pairs_right_and_leaves_unknown_ones_alone() -> None:
    rng = torch.Generator().manual_seed(0)
    who = torch.tensor([0, 0, 1, 1, 2, 2])
    same = (who[:, None] == who[None]) & ~torch.eye(6, dtype=torch.bool)
    other = who[:, None] != who[None]
    good = functional.normalize(functional.one_hot(who, 8).float(), dim=1)
    bad = functional.normalize(torch.randn((6, 8), generator=rng), dim=1)
    assert contrastive_loss(good, same, other) < 0.2 < contrastive_loss(bad, same, other)
    unknown = other.clone()
    unknown[:2, 2:] = unknown[2:, :2] = False
    moved = good.clone()
    moved[:2] = good[2]
    assert contrastive_loss(moved, same, unknown) == pytest.approx(
        float(contrastive_loss(good, same, unknown)), abs=0.05
    )


def test_augmented_crops_repeat_with_the_seed_and_keep_their_range() -> None:
    crops = torch.from_numpy(noise(5))
    one, again = (augment(crops, 96, torch.Generator().manual_seed(2)) for _ in range(2))
    assert one.shape == (5, 96, 96, 3)
    assert torch.equal(one, again)
    assert one.min() >= 0 and one.max() <= 255
    assert not torch.equal(one, augment(crops, 96, torch.Generator().manual_seed(3)))


def test_crops_of_one_group_are_lit_alike() -> None:
    flat = torch.full((48, CROP_SIZE, CROP_SIZE, 3), 120, dtype=torch.uint8)
    flat[..., 2] = 60
    light = torch.arange(48) % 3
    seen = augment(flat, 64, torch.Generator().manual_seed(4), light)
    colors = seen.flatten(1, 2).median(1).values  # the median shuns what was covered
    # Every third crop is shaded on top of it: medians of a group shun those too.
    usual = torch.stack([colors[light == group].median(0).values for group in range(3)])
    within = (colors - usual[light]).abs().median()
    assert within < 6 < (usual[:, None] - usual[None]).abs().amax(2)[np.triu_indices(3, 1)].min()


def test_sheets_show_wrong_neighbours_and_mixed_clusters(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vectors = np.eye(4, 8, dtype=np.float32)[[0, 0, 1, 1, 0]]  # the last one looks like another
    who = np.array([0, 0, 1, 1, 1])
    pixels = rng.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    sets = [(Crops(pixels, who, 100 * np.arange(5)), vectors)]
    wrong_neighbours(sets, tmp_path / "sheets" / "near.png")
    mixed_clusters(sets, tmp_path / "sheets" / "mixed.png")
    with Image.open(tmp_path / "sheets" / "near.png") as near:
        assert near.size == (3 * SIDE + 4, SIDE + 4)  # one box, its right and its wrong neighbour
        assert near.getpixel((SIDE + 1, SIDE // 2)) == RIGHT
        assert near.getpixel((2 * SIDE + 1, SIDE // 2)) == WRONG
    with Image.open(tmp_path / "sheets" / "mixed.png") as mixed:
        assert mixed.size == (3 * (SIDE + 4), SIDE + 4)
    # Where nothing is wrong there is nothing to show.
    right = [(Crops(pixels[:4], who[:4], 100 * np.arange(4)), vectors[:4])]
    wrong_neighbours(right, tmp_path / "none.png")
    mixed_clusters(right, tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_scores_know_right_from_wrong() -> None:
    who = np.repeat(np.arange(4), 6)
    frame = 100 * np.arange(24)
    rng = np.random.default_rng(0)
    near = np.eye(4, 16)[who] + rng.normal(size=(24, 16)) * 0.05
    right = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
    wrong = right[rng.permutation(24)]
    found = separation(right, who, frame)
    assert (found.precision, found.recall, found.area) == (1, 1, 1)
    assert separation(wrong, who, frame).area == pytest.approx(0.5, abs=0.15)
    assert f1_by_cut(right, who)[CUTS.searchsorted(0.5)] == 1
    assert f1_by_cut(wrong, who).max() < 0.7
    assert default_f1(right, who, frame) == 1
    # One box of each character in every picture: side by side, they stay apart all the same.
    assert default_f1(right, who, np.tile(np.arange(6), 4)) == 1


def test_boxes_shown_a_moment_ago_do_not_count_in_the_ranking() -> None:
    vectors = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0.6, 0.8]], np.float32)
    who, frame = np.array([0, 0, 1, 0]), np.array([0, 5, 500, 900])
    assert separation(vectors, who, frame).recall == 0
    assert separation(vectors, who, frame, apart=1).recall == pytest.approx(2 / 3)
