"""What frames are described by: the kernels beside plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from caststream.vision import boundary_features as bf

Clip = NDArray[np.uint8]
PAIRS = bf.SINGLE
DRAWN = PAIRS + bf.PAIR * len(bf.LAGS)
BENT = DRAWN + 3 * bf.DRAWINGS
BLOCKS = BENT + 2 * len(bf.BLENDS)
MATCHED = BLOCKS + 3 * bf.GRID
HELD = MATCHED + 4


def describe(clip: Clip) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    features = np.empty((len(clip), bf.FEATURES), np.float32)
    rows = np.empty((len(clip), len(bf.LAGS) + bf.DRAWINGS), np.int32)
    bf.describe_clip(clip, features, rows)
    return features, rows


def thumb(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    cells = picture.reshape(bf.CELLS_Y, 3, bf.CELLS_X, 3, 3).mean(axis=(1, 3))
    return np.asarray(cells / 255.0)


def luma(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.asarray(thumb(picture) @ np.array([0.299, 0.587, 0.114]))


def overlap(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean Bhattacharyya coefficient of the histograms of quadrants and channels."""
    total = 0.0
    for rows in (slice(0, 14), slice(14, 27)):
        for columns in (slice(0, 24), slice(24, 48)):
            for c in range(3):
                histograms = []
                for picture in (a, b):
                    place = picture[rows, columns, c].astype(float).ravel() * (bf.BINS - 1) / 255
                    low = place.astype(int)
                    bins = np.zeros(bf.BINS + 1)
                    np.add.at(bins, low, 1 - (place - low))
                    np.add.at(bins, low + 1, place - low)
                    histograms.append(bins / bins.sum())
                total += float(np.sqrt(histograms[0] * histograms[1]).sum()) / 12
    return total


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
def test_pairs_agree_with_plain_numpy(seed: int, length: int) -> None:
    rng = np.random.default_rng(seed)
    clip = rng.integers(0, 256, (length, 27, 48, 3), dtype=np.uint8)
    clip[length // 2] //= 8
    features, rows = describe(clip)
    t = length - 1
    for i, lag in enumerate(bf.LAGS):
        s = max(t - int(lag), 0)
        assert rows[t, i] == s
        at = PAIRS + bf.PAIR * i
        a, b = thumb(clip[t]), thumb(clip[s])
        assert features[t, at] == pytest.approx(np.abs(a - b).mean(), abs=1e-4)
        assert features[t, at + 1] == pytest.approx(overlap(clip[t], clip[s]), abs=1e-3)
        x, y = luma(clip[t]), luma(clip[s])
        if s != t:
            product = ((x - x.mean()) * (y - y.mean())).mean() / (x.std() * y.std() + 1e-4)
            assert features[t, at + 2] == pytest.approx(product, abs=2e-3)
        assert features[t, at + 4] == pytest.approx(x.mean() - y.mean(), abs=1e-4)
        assert features[t, at + 5] == pytest.approx(np.abs(a - b).max(), abs=1e-4)
    for i, step in enumerate(bf.BLENDS):
        now, middle, first = (thumb(clip[max(t - k * int(step), 0)]) for k in (0, 1, 2))
        bend, reach = np.abs(middle - (now + first) / 2).mean(), np.abs(now - first).mean()
        assert features[t, BENT + 2 * i] == pytest.approx(bend / (reach + 0.01), abs=1e-3)


def test_one_by_one_is_the_same_as_a_whole_clip_beyond_the_memory() -> None:
    rng = np.random.default_rng(3)
    clip = rng.integers(0, 256, (2 * bf.MEMORY + 40, 27, 48, 3), dtype=np.uint8)
    clip[100:280] = clip[99]  # one drawing held for longer than anything is remembered
    features, rows = describe(clip)
    history = bf.History()
    for t, picture in enumerate(clip):
        one, ring = history.push(picture)
        np.testing.assert_allclose(one, features[t], atol=1e-5)
        np.testing.assert_array_equal(ring, rows[t] % bf.MEMORY)
    assert np.isfinite(features).all()


def test_held_drawings_are_compared_with_the_drawing_before() -> None:
    rng = np.random.default_rng(4)
    drawings = rng.integers(0, 256, (6, 27, 48, 3), dtype=np.uint8)
    clip = drawings.repeat(4, axis=0)
    _, rows = describe(clip)
    first = len(bf.LAGS)
    for t in range(8, len(clip)):
        now = t // 4 * 4
        assert list(rows[t, first : first + 2]) == [now - 4, now - 8]


def test_how_long_drawings_are_held_is_told() -> None:
    rng = np.random.default_rng(5)
    clip = rng.integers(0, 256, (4, 27, 48, 3), dtype=np.uint8).repeat([5, 3, 2, 4], axis=0)
    features, _ = describe(clip)
    np.testing.assert_allclose(np.expm1(features[-1, HELD:]), [3, 2, 3, 5], atol=1e-4)


def test_codec_noise_is_no_new_drawing() -> None:
    rng = np.random.default_rng(6)
    still = rng.integers(40, 200, (27, 48, 3)).astype(np.int16)
    noise = rng.integers(-1, 2, (30, 27, 48, 3)) * (rng.random((30, 27, 48, 3)) < 0.3)
    features, _ = describe((still + noise).astype(np.uint8))
    assert np.expm1(features[-1, HELD]) == pytest.approx(29)


def test_block_matching_sees_through_a_pan() -> None:
    rng = np.random.default_rng(7)
    wide = rng.integers(0, 256, (27, 54, 3), dtype=np.uint8)
    clip = np.stack([wide[:, :48], wide[:, 2:50], rng.permuted(wide, axis=1)[:, :48]])
    features, _ = describe(clip)
    raw, best, motion, lost = features[1, MATCHED : MATCHED + 4]
    assert raw > 0.2
    assert best < raw / 3
    assert motion > 0.3
    assert lost < 0.35
    assert features[2, MATCHED + 3] > 0.9


def test_a_straight_mixture_has_no_bend() -> None:
    rng = np.random.default_rng(8)
    a, b = rng.integers(0, 256, (2, 27, 48, 3))
    share = np.linspace(0, 1, 33)[:, None, None, None]
    features, _ = describe((a + share * (b - a)).round().astype(np.uint8))
    bends = features[-1, BENT : BENT + 10 : 2]
    assert (bends[1:] < 0.1).all()
