"""The camera's motion from small pictures: told where it can be, and never invented."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from caststream.vision.camera import Camera, CameraMotion
from caststream.vision.route import Route

WIDTH, HEIGHT = 48, 27
NOBODY = np.zeros((0, 4), np.float32)
WORLD = gaussian_filter(np.random.default_rng(3).uniform(0, 255, (120, 160)), 2.0)
WORLD = (WORLD - WORLD.min()) / np.ptp(WORLD) * 255


def seen(x: float = 0.0, y: float = 0.0, zoom: float = 0.0) -> np.ndarray:
    """What a camera shows whose contents moved by (x, y) small pixels and grew."""
    v, u = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    cx, cy = (WIDTH - 1) / 2, (HEIGHT - 1) / 2
    u, v = (u - cx - x) / np.exp(zoom), (v - cy - y) / np.exp(zoom)
    grey = map_coordinates(WORLD, [v + 60, u + 80], order=1)
    return np.repeat(grey.round().astype(np.uint8)[..., None], 3, axis=2)


def moved(
    before: np.ndarray, after: np.ndarray, boxes: tuple[np.ndarray, np.ndarray] = (NOBODY, NOBODY)
) -> CameraMotion:
    camera = Camera()
    assert not camera.update(before, boxes[0]).sure
    return camera.update(after, boxes[1])


@pytest.mark.parametrize(
    ("x", "y", "zoom"),
    [(0, 0, 0), (1.4, 0, 0), (-6.3, 2.2, 0), (14, 0, 0), (0, -7, 0), (0, 0, 0.05), (2, 1, -0.06)],
)
def test_shift_and_zoom(x: float, y: float, zoom: float) -> None:
    told = moved(seen(), seen(x, y, zoom))
    assert told.sure
    assert told.x * WIDTH == pytest.approx(x, abs=0.25)
    assert told.y * HEIGHT == pytest.approx(y, abs=0.25)
    assert told.zoom == pytest.approx(zoom, abs=0.01)


def test_a_change_of_light_is_no_motion() -> None:
    dark = (seen(2.0) * 0.8).astype(np.uint8)
    told = moved(seen(), dark)
    assert told.sure and told.x * WIDTH == pytest.approx(2.0, abs=0.25)


def thing(picture: np.ndarray, x: int) -> np.ndarray:
    """A big patterned thing in front, filling over half of the picture."""
    out = picture.copy()
    pattern = np.random.default_rng(8).integers(0, 255, (21, 28, 1)).astype(np.uint8)
    out[3:24, x : x + 28] = pattern
    return out


def test_a_big_thing_that_moves_is_no_camera() -> None:
    told = moved(thing(seen(), 6), thing(seen(), 12))
    assert told[:3] == (0.0, 0.0, 0.0)


def test_what_lies_under_boxes_has_no_say() -> None:
    box = (np.array([[6, 3, 34, 24]], np.float32), np.array([[12, 3, 40, 24]], np.float32))
    told = moved(thing(seen(), 6), thing(seen(-3.0), 12), box)
    assert told.sure and told.x * WIDTH == pytest.approx(-3.0, abs=0.4)


@pytest.mark.parametrize(
    "pictures",
    [
        (np.full((HEIGHT, WIDTH, 3), 90, np.uint8), np.full((HEIGHT, WIDTH, 3), 200, np.uint8)),
        (seen(), np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)),
        (seen(), np.zeros((20, 30, 3), np.uint8)),
    ],
)
def test_flat_foreign_and_other_sized_pictures(pictures: tuple[np.ndarray, np.ndarray]) -> None:
    assert moved(*pictures)[:3] == (0.0, 0.0, 0.0)


def test_boxes_that_cover_all_or_make_no_sense() -> None:
    whole = np.array([[0, 0, WIDTH, HEIGHT]], np.float32)
    told = moved(seen(), seen(3.0), (whole, whole))
    assert told == CameraMotion(0.0, 0.0, 0.0, False)
    odd = np.array(
        [[np.nan, 0, 4, 4], [-1e9, -5, 1e9, -2], [9, 9, 3, 3], [0, 0, np.inf, 2]], np.float32
    )
    assert moved(seen(), seen(3.0), (odd, odd)).sure


def test_a_cut_is_forgotten() -> None:
    camera = Camera()
    camera.update(seen(), NOBODY)
    camera.reset()
    assert not camera.update(seen(4.0), NOBODY).sure


def test_places_of_a_route_compare() -> None:
    route = Route()
    route.mark(3)
    route.move(10.0, 0.0, 0.0)
    route.mark(4)
    route.move(0.0, -4.0, np.log(2.0))
    route.mark(5)
    one = np.array([[0, 0, 10, 10]] * 3, np.float32)
    assert route.boxes(one, np.array([3, 4, 5])).tolist() == [
        [20, -4, 40, 16], [0, -4, 20, 16], [0, 0, 10, 10],
    ]  # fmt: skip
    route.keep({5})
    with pytest.raises(KeyError):
        route.boxes(one[:1], np.array([3]))
