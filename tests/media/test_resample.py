"""The kernels against plain numpy."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from caststream.media.resample import resample, shrink, to_rgb


def weights(low, high, size, length):
    """(size, length) of a triangle filter, with what falls outside given to the border."""
    scale = (high - low) / size
    support = max(scale, 1.0)
    place = np.arange(-2000, 3000)
    centre = low + (np.arange(size) + 0.5) * scale
    weight = np.clip(1.0 - abs(place + 0.5 - centre[:, None]) / support, 0.0, None)
    weight /= weight.sum(axis=1, keepdims=True)
    out = np.zeros((size, length))
    for column, share in zip(np.clip(place, 0, length - 1), weight.T, strict=True):
        out[:, column] += share
    return out


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 24),
    st.floats(-60, 60),
    st.floats(-60, 60),
    st.floats(0.2, 120),
    st.floats(0.2, 120),
    st.sampled_from([np.uint8, np.uint16]),
    st.sampled_from([(1, 0), (2, 0), (2, 1)]),
)
def test_resample_is_a_triangle_filter(seed, h, w, size, left, top, wide, high, dtype, layout):
    step, phase = layout
    top_value = np.iinfo(dtype).max
    lines = np.random.default_rng(seed).integers(0, top_value, (h, w * step + 3)).astype(dtype)
    plane = lines[:, phase : w * step : step].astype(np.float64)
    expected = weights(top, top + high, size, h) @ plane @ weights(left, left + wide, size, w).T
    out = np.empty((size, size), np.float32)
    region = np.array([left, top, left + wide, top + high])
    resample(lines, w, step, phase, region, out)
    np.testing.assert_allclose(out, expected, rtol=0, atol=2e-5 * top_value)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(0, 60),
    st.integers(0, 60),
    st.sampled_from([np.uint8, np.uint16]),
    st.sampled_from([(1, 0), (2, 0), (2, 1)]),
)
def test_shrink_gives_the_means_of_cells(seed, h, w, more_h, more_w, dtype, layout):
    step, phase = layout
    high, wide = h + more_h, w + more_w
    top_value = np.iinfo(dtype).max
    lines = np.random.default_rng(seed).integers(0, top_value, (high, wide * step + 3))
    lines = lines.astype(dtype)
    plane = lines[:, phase : wide * step : step].astype(np.float64)
    rows, columns = (np.arange(n + 1) * m // n for n, m in ((h, high), (w, wide)))
    expected = [
        [plane[a:b, c:d].mean() for c, d in itertools.pairwise(columns)]
        for a, b in itertools.pairwise(rows)
    ]
    out = np.empty((h, w), np.float32)
    shrink(lines, wide, step, phase, out)
    np.testing.assert_allclose(out, expected, rtol=1e-5)


def test_inside_a_picture_it_agrees_with_pillow():
    plane = np.random.default_rng(1).integers(0, 255, (90, 120), np.uint8)
    region = (10.3, 7.6, 90.1, 61.2)
    out = np.empty((32, 32), np.float32)
    resample(plane, 120, 1, 0, np.array(region), out)
    # Pillow leaves out what lies beyond the region; the kernel sees it, so borders differ.
    pillow = Image.fromarray(plane).resize((32, 32), Image.Resampling.BILINEAR, box=region)
    assert np.abs(out - np.asarray(pillow))[2:-2, 2:-2].max() < 1.0


def test_colours_are_rounded_and_clipped():
    samples = np.array([[[0.0]], [[10.0]], [[-10.0]]], np.float32)
    out = np.empty((1, 1, 3), np.uint8)
    matrix = np.array([[0, 100, 0], [0, 0, 100], [1, 0, 0]], np.float32)
    to_rgb(samples, matrix, np.array([0, 0, 7.5], np.float32), out)
    assert out.ravel().tolist() == [255, 0, 8]
