from __future__ import annotations

import numpy as np
import pytest

from caststream.vision.focus import CELLS, EDGE, focus


def test_the_box_stays_and_shapes_around_it_go() -> None:
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    inside = np.array([[0.25, 0, 0.75, 1], [0, 0.25, 1, 0.75], [-1, -1, 2, 2]], np.float32)
    seen = focus(crops, inside)
    assert seen.shape == crops.shape and seen.dtype == np.uint8
    edge = int(np.ceil(64 * EDGE))
    middle = slice(16 + edge, 48 - edge)
    np.testing.assert_array_equal(seen[0, 4:-4, middle], crops[0, 4:-4, middle])
    np.testing.assert_array_equal(seen[1, middle, 4:-4], crops[1, middle, 4:-4])
    np.testing.assert_array_equal(seen[2], crops[2])
    outside = np.concatenate([seen[0, :, : 16 - edge], seen[0, :, 48 + edge :]], 1).astype(float)
    assert outside.std() < 0.2 * crops.std()


def test_surroundings_keep_their_mean_colour_cell_by_cell() -> None:
    flat = np.zeros((1, 64, 64, 3), np.uint8)
    flat[:, :32], flat[:, 32:] = (200, 40, 90), (10, 220, 30)
    seen = focus(flat, np.array([[0.5, 0.5, 0.5, 0.5]], np.float32))
    side = 64 // CELLS
    np.testing.assert_array_equal(seen[0, : 32 - side], flat[0, : 32 - side])
    np.testing.assert_array_equal(seen[0, 32 + side :], flat[0, 32 + side :])


def test_the_border_is_soft_and_the_argument_is_left_alone() -> None:
    crops = np.zeros((1, 128, 128, 3), np.uint8)
    crops[:, :, ::2] = 255
    before = crops.copy()
    row = focus(crops, np.array([[0.3, -1, 2, 2]], np.float32))[0, 64, :, 0].astype(int)
    np.testing.assert_array_equal(crops, before)
    swing = np.abs(np.diff(row))
    assert swing[:30].max() < 10 and swing[45:].min() == 255
    assert (np.diff(swing[33:44]) >= -2).all()


def test_no_crops_and_arrays_that_do_not_fit() -> None:
    none = focus(np.zeros((0, 64, 64, 3), np.uint8), np.zeros((0, 4), np.float32))
    assert none.shape == (0, 64, 64, 3)
    for shape, boxes in (((2, 64, 64, 3), 1), ((1, 64, 32, 3), 1)):
        with pytest.raises(ValueError, match="do not fit"):
            focus(np.zeros(shape, np.uint8), np.zeros((boxes, 4), np.float32))


@pytest.mark.parametrize("size", [1, 3, 8, 30, 65])
def test_any_size_will_do(size: int) -> None:
    flat = np.full((1, size, size, 3), (7, 130, 250), np.uint8)
    np.testing.assert_array_equal(focus(flat, np.full((1, 4), 0.5, np.float32)), flat)
