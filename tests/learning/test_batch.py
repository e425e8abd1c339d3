"""CAST's batch grouping, piece by piece and whole."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from caststream.learning.batch import (
    _distances,
    _largest,
    _merge_near,
    _significant,
    fingerprint,
    fold_crops,
    group,
    of_tracks,
)

NO_PAIRS = np.zeros((0, 2), np.int64)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def picture(seed: int, size: tuple[int, int] = (96, 64)) -> np.ndarray:
    """Soft blobs, as drawn figures are."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (6, 6), np.uint8))
    return np.asarray(small.resize(size, Image.Resampling.BICUBIC), np.float32)


def jpeg(gray: np.ndarray, quality: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(gray.astype(np.uint8)).save(out, "JPEG", quality=quality)
    return out.getvalue()


def shows(
    cast: int, tracks: int, seed: int, noise: float = 0.35
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two samples a track; returns vectors, tracks, and who each sample is."""
    rng = np.random.default_rng(seed)
    centres = unit(rng.normal(size=(cast, 48)))
    track = np.repeat(np.arange(tracks), 2)
    who = track % cast
    step = rng.normal(scale=noise / np.sqrt(48), size=(len(track), 48))
    return unit(centres[who] + step), track, who


def test_duplicates_are_folded_whatever_their_size_and_compression() -> None:
    crops = [jpeg(picture(s), 90) for s in range(8)]
    crops += [jpeg(picture(s), 40) for s in range(8)]
    halves = [Image.fromarray(picture(s).astype(np.uint8)).resize((48, 32)) for s in range(8)]
    crops += [jpeg(np.asarray(half), 85) for half in halves]
    np.testing.assert_array_equal(fold_crops(crops), [*range(8)] * 3)


def test_brightness_changes_nothing_and_mirroring_does() -> None:
    gray = picture(1) * 0.7
    bits = fingerprint(gray)
    np.testing.assert_array_equal(bits, fingerprint(gray + 40))
    assert np.bitwise_count(bits ^ fingerprint(gray[:, ::-1])).sum() > 30


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (9, 9), (100, 3)])
def test_any_size_has_a_fingerprint(size: tuple[int, int]) -> None:
    assert not fingerprint(np.full(size, 77.0)).any(), "flat pictures have no edges"


def test_crops_that_were_not_kept_duplicate_nothing() -> None:
    same = jpeg(picture(1), 80)
    assert fold_crops([b"", same, b"", same]).tolist() == [0, 1, 2, 1]
    assert fold_crops([]).shape == (0,)


def test_a_small_cast_is_found_with_its_noise_outside() -> None:
    vectors, track, who = shows(6, 90, seed=2)
    rng = np.random.default_rng(3)
    strangers = unit(rng.normal(size=(12, 48)))
    everything = np.concatenate([vectors, strangers])
    tracks = np.concatenate([track, 1000 + np.arange(12)])
    found = group(everything, tracks, NO_PAIRS, np.full(len(tracks), 0.9, np.float32))
    assert found.count == 6
    assert (found.label[-12:] == -1).all()
    for k in range(6):
        assert len(np.unique(who[found.label[:-12] == k])) == 1
    kept = found.label[:-12] >= 0
    assert kept.mean() > 0.6
    assert (found.significance[found.label < 0] == 0).all()
    for k, best in enumerate(found.exemplars(3)):
        assert (found.label[best] == k).all()
        assert found.significance[best[0]] == found.significance[found.label == k].max()


def test_doubtful_detections_make_no_cluster() -> None:
    vectors, track, who = shows(6, 90, seed=4)
    score = np.where(who == 2, 0.2, 0.9).astype(np.float32)
    found = group(vectors, track, NO_PAIRS, score)
    assert (found.label[who == 2] == -1).all()
    assert found.count == 5


def test_side_by_side_tracks_are_far_apart() -> None:
    vectors = unit(np.ones((3, 4)))
    apart = np.array([[10, 11], [10, 99], [11, 11]])
    distance = _distances(vectors, np.array([10, 11, 12]), apart)
    np.testing.assert_allclose(distance, [[0, 1, 0], [1, 0, 0], [0, 0, 0]], atol=1e-6)


def test_halves_of_one_cloud_are_merged_and_others_are_not() -> None:
    rng = np.random.default_rng(5)
    cloud = rng.normal(scale=0.1, size=(40, 16))
    cloud[:, 0] += 1
    other = rng.normal(scale=0.1, size=(20, 16))
    other[:, 1] += 1
    vectors = unit(np.concatenate([cloud, other]))
    label = np.array([0] * 20 + [1] * 20 + [2] * 20)
    merged = _merge_near(_distances(vectors, np.arange(60), NO_PAIRS), label)
    assert len(np.unique(merged[:40])) == 1
    assert merged[0] != merged[50]


def test_an_outlier_is_thrown_out() -> None:
    rng = np.random.default_rng(6)
    vectors = rng.normal(scale=0.01, size=(20, 8))
    vectors[:, 0] += 1
    vectors[7] = np.eye(8)[3]
    out = _significant(unit(vectors), np.full(20, 0.9, np.float32), np.zeros(20, np.int64))
    assert out[7] == -1
    assert (out == 0).sum() >= 10


@settings(max_examples=60)
@given(st.lists(st.integers(-1, 5), max_size=30), st.floats(0, 1))
def test_the_largest_are_kept(labels: list[int], keep: float) -> None:
    label = np.array(labels, np.int64)
    out = _largest(label, keep)
    sizes = np.bincount(out[out >= 0])
    assert (np.diff(sizes) <= 0).all(), "numbered by size"
    assert (out[label < 0] == -1).all()
    total = int((label >= 0).sum())
    assert sizes.sum() >= keep * total
    if len(sizes):
        assert sizes[:-1].sum() < keep * total
    for k in range(len(sizes)):
        assert len(np.unique(label[out == k])) == 1
        assert (out[label == label[out == k][0]] == k).all()


def test_a_track_goes_where_most_of_its_samples_went() -> None:
    label = np.array([1, 1, 0, -1, -1, 0, -1])
    track = np.array([4, 4, 4, 9, 9, 9, 2])
    tracks, found = of_tracks(label, track)
    assert tracks.tolist() == [2, 4, 9]
    assert found.tolist() == [-1, 1, 0]


@pytest.mark.parametrize("samples", [0, 1, 5])
def test_too_few_samples_are_all_noise(samples: int) -> None:
    vectors = unit(np.random.default_rng(7).normal(size=(samples, 8)))
    found = group(vectors, np.arange(samples), NO_PAIRS, np.ones(samples, np.float32))
    assert found.count == 0
    assert (found.label == -1).all()
    assert found.exemplars() == []
