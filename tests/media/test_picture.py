"""Pictures: colours, sizes, crops, boxes, threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caststream.media.geometry import Geometry
from caststream.media.picture import CROP_MARGIN, Picture
from caststream.media.surface import CpuSurface, Scalers

BARS = np.array(
    [
        [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255],
        [255, 255, 0], [40, 90, 200], [128, 128, 128], [0, 0, 0],
    ],
    np.uint8,
)  # fmt: skip
BT709, BT601, LIMITED, FULL = 1, 5, 1, 2


def bars(width=320, height=240):
    return np.repeat(BARS, width // 8, axis=0)[None].repeat(height, 0)


def picture_of(rgb, pixels="yuv444p", **settings):
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24")
    if pixels != "rgb24":
        frame = frame.reformat(format=pixels, dst_colorspace=BT601, dst_color_range=LIMITED)
    return Picture(CpuSurface(frame, Scalers()), **settings)


FORMATS = [
    "yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p12le", "nv12", "p010le", "yuyv422",
    "yuva420p", "rgb24", "gbrp", "bgra",
]  # fmt: skip


@pytest.mark.parametrize("pixels", FORMATS)
def test_colours_are_true_in_every_pixel_format(pixels):
    picture = picture_of(bars(), pixels)
    small = picture.resized(16, 8)
    assert small.dtype == np.uint8 and small.shape == (8, 16, 3)
    np.testing.assert_allclose(small[4, ::2].astype(int), BARS, atol=5)
    left = np.arange(8) * 40 + 10
    boxes = np.stack([left, left * 0 + 50, left + 20, left * 0 + 70], 1).astype(np.float32)
    crops = picture.crops(boxes, 16)
    assert crops.dtype == np.uint8 and crops.shape == (8, 16, 16, 3)
    np.testing.assert_allclose(crops[:, 8, 8].astype(int), BARS, atol=5)


@pytest.mark.parametrize(
    ("height", "stated", "coded"),
    [(240, 0, BT601), (720, 0, BT709), (240, BT709, BT709), (720, BT601, BT601)],
)
def test_unstated_colours_are_bt709_in_hd_and_bt601_below(height, stated, coded):
    frame = av.VideoFrame.from_ndarray(bars(640, height), "rgb24").reformat(
        format="yuv444p", dst_colorspace=coded, dst_color_range=LIMITED
    )
    frame.colorspace, frame.color_range = stated or 2, 0
    picture = Picture(CpuSurface(frame, Scalers()))
    np.testing.assert_allclose(picture.resized(16, 8)[4, ::2].astype(int), BARS, atol=4)
    middle = picture.crops(np.array([[95, 20, 125, 50]], np.float32), 8)[0, 4, 4]
    np.testing.assert_allclose(middle.astype(int), BARS[1], atol=4)


def test_full_range_is_honoured():
    frame = av.VideoFrame.from_ndarray(bars(), "rgb24").reformat(
        format="yuv444p", dst_colorspace=BT601, dst_color_range=FULL
    )
    frame.color_range = FULL
    picture = Picture(CpuSurface(frame, Scalers()))
    np.testing.assert_allclose(picture.resized(16, 8)[4, ::2].astype(int), BARS, atol=4)


def test_a_small_picture_is_an_average_not_a_sample():
    checks = (np.indices((240, 320)).sum(axis=0) % 2 * 255).astype(np.uint8)
    small = picture_of(checks[..., None].repeat(3, 2)).resized(48, 27)
    assert small.min() >= 122 and small.max() <= 134


def test_crops_are_square_with_a_margin_and_never_stretched():
    rgb = np.zeros((240, 320, 3), np.uint8)
    rgb[60:140, 100:140] = 255  # 40 wide, 80 high
    crop = picture_of(rgb).crops(np.array([[100, 60, 140, 140]], np.float32), 88)[0, ..., 1] > 128
    assert CROP_MARGIN == 0.1
    assert (crop.any(axis=1).sum(), crop.any(axis=0).sum()) == (80, 40)
    rows, columns = np.nonzero(crop)
    assert (rows.mean(), columns.mean()) == (43.5, 43.5)


def test_a_crop_at_the_border_moves_inside():
    ramp = np.broadcast_to(np.arange(320, dtype=np.float32) * 0.7, (240, 320))
    rgb = ramp[..., None].repeat(3, 2).astype(np.uint8)
    crop = picture_of(rgb).crops(np.array([[300, 100, 320, 200]], np.float32), 110)[0]
    # 110 wide, so columns 210 to 320 and none of them twice.
    assert crop[50, 0, 0] == pytest.approx(210 * 0.7, abs=3)
    assert crop[50, -1, 0] == pytest.approx(319 * 0.7, abs=3)


def test_a_crop_larger_than_the_picture_repeats_its_border():
    rgb = np.full((40, 320, 3), 100, np.uint8)
    rgb[0], rgb[-1] = 255, 0
    crop = picture_of(rgb).crops(np.array([[50, 0, 250, 40]], np.float32), 64)[0, :, 32, 0]
    assert (crop[:20] > 240).all() and (crop[-20:] < 15).all() and crop[32] == 100


def test_crops_of_wide_pixels_are_square_as_displayed():
    rgb = np.zeros((200, 200, 3), np.uint8)
    rgb[50:150, 75:125] = 255  # 50 stored columns are shown as wide as 100 lines
    crop = picture_of(rgb, aspect=2.0).crops(np.array([[75, 50, 125, 150]], np.float32), 110)[0]
    shown = crop[..., 1] > 128
    assert shown.any(axis=0).sum() == pytest.approx(100, abs=1)
    assert shown.any(axis=1).sum() == pytest.approx(100, abs=1)


def test_where_boxes_lie_in_their_crops():
    rgb = np.zeros((240, 320, 3), np.uint8)
    rgb[60:140, 100:140] = 255
    for geometry in (Geometry(), Geometry(-1.0, 320.0, 1.0, 0.0)):
        picture = picture_of(rgb, geometry=geometry)
        boxes = geometry.to_source(np.array([[100, 60, 140, 140], [0, 60, 40, 140]], np.float32))
        inside = picture.inside(boxes)
        crop = picture.crops(boxes, 88)[0, ..., 1] > 128
        rows, columns = np.flatnonzero(crop.any(axis=1)), np.flatnonzero(crop.any(axis=0))
        seen = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / 88
        np.testing.assert_allclose(inside[0], seen, atol=0.01)
        # At the picture's border the square was moved inside, and the box is off its middle.
        assert inside[1].tolist() == pytest.approx([0, 4 / 88, 40 / 88, 84 / 88], abs=1e-5)
    assert picture_of(rgb).inside(np.zeros((0, 4), np.float32)).shape == (0, 4)
    wide = picture_of(rgb, aspect=2.0).inside(np.array([[100, 60, 140, 140]], np.float32))
    np.testing.assert_allclose(wide, [[1 / 22, 1 / 22, 21 / 22, 21 / 22]], atol=1e-5)


@pytest.mark.parametrize("box", [[10, 10, 10, 10], [-50, -50, -10, -10], [900, 10, 950, 60]])
def test_degenerate_boxes_still_give_a_crop(box):
    assert picture_of(bars()).crops(np.array([box], np.float32), 8).shape == (1, 8, 8, 3)


def test_boxes_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="numbers"):
        picture_of(bars()).crops(np.array([[0, 0, np.nan, 4]], np.float32), 8)
    huge = np.array([[-1e30, -1e30, 1e30, np.inf]], np.float32)
    assert picture_of(bars()).crops(huge, 8).shape == (1, 8, 8, 3)


def test_no_boxes_give_no_crops():
    assert picture_of(bars()).crops(np.empty((0, 4), np.float32), 32).shape == (0, 32, 32, 3)


def test_boxes_come_back_in_source_pixels_and_clipped():
    # A filter cut 20 columns and 10 lines off and halved the rest of a 340 x 260 source.
    geometry = Geometry(2.0, 20.0, 2.0, 10.0)
    picture = picture_of(bars(160, 120), width=340, height=250, geometry=geometry)
    assert (picture.width, picture.height) == (340, 250)
    boxes = picture.boxes_from(np.array([[0, 0, 40, 30], [70, 50, 90, 60]], np.float32), 80, 60)
    assert boxes.dtype == np.float32
    np.testing.assert_allclose(boxes, [[20, 10, 180, 130], [300, 210, 340, 250]])


def test_a_mirrored_picture_keeps_boxes_ordered():
    picture = picture_of(bars(), geometry=Geometry(-1.0, 320.0, 1.0, 0.0))
    boxes = picture.boxes_from(np.array([[0, 0, 80, 60]], np.float32), 320, 240)
    assert boxes.tolist() == [[240.0, 0.0, 320.0, 60.0]]


scales = st.floats(0.1, 10.0) | st.floats(-10.0, -0.1)
offsets = st.floats(-500.0, 500.0)
geometries = st.builds(Geometry, scales, offsets, scales, offsets)


@given(geometries, geometries, st.lists(st.floats(0, 500), min_size=4, max_size=4))
def test_geometry_inverts_and_chains(first, second, numbers):
    x, y, w, h = numbers
    box = np.array([[x, y, x + w, y + h]], np.float32)
    there = first.to_source(box)
    assert (there[:, 2:] >= there[:, :2]).all()
    np.testing.assert_allclose(first.from_source(there), box, atol=0.05)
    np.testing.assert_allclose(
        second.after(first).to_source(box), second.to_source(there), rtol=1e-4, atol=0.1
    )


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 2**32 - 1))
def test_threads_get_the_same_pictures_as_one_alone(seed):
    rgb = np.random.default_rng(seed).integers(0, 255, (120, 160, 3), np.uint8)
    scalers = Scalers()
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv420p")
    picture = Picture(CpuSurface(frame, scalers))
    boxes = np.array([[10, 10, 60, 90]], np.float32)
    sizes = [(48, 27), (64, 64), (100, 40)]
    alone = [picture.resized(*size) for size in sizes] + [picture.crops(boxes, 32)]
    jobs = [lambda size=size: picture.resized(*size) for size in sizes]
    jobs.append(lambda: picture.crops(boxes, 32))
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            for result, expected in zip(pool.map(lambda job: job(), jobs), alone, strict=True):
                np.testing.assert_array_equal(result, expected)
