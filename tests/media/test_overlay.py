"""What is drawn on pictures."""

from __future__ import annotations

import numpy as np
import pytest

from caststream.media.colors import GRAY, character_color, ink_on
from caststream.media.overlay import Tags, draw_box, draw_tag


def empty() -> np.ndarray:
    return np.zeros((60, 100, 3), np.uint8)


def test_boxes_are_outlines_inside_of_their_edges() -> None:
    picture = empty()
    draw_box(picture, np.array([10, 20, 50, 40], np.float32), (255, 0, 0), 2)
    red = picture[..., 0] == 255
    assert red[20:40, 10:50].sum() == red.sum() == 40 * 20 - 36 * 16
    assert red[20, 10] and red[39, 49] and not red[30, 30]


@pytest.mark.parametrize(
    "box", [[-50, -50, 500, 500], [90, 50, 300, 300], [200, 200, 300, 300], [5, 5, 5, 5]]
)
def test_boxes_may_reach_out_of_the_picture(box: list[float]) -> None:
    draw_box(empty(), np.array(box, np.float32), (255, 255, 255), 3)
    draw_tag(empty(), np.array(box, np.float32), np.ones((20, 300, 3), np.uint8))


def test_tags_stand_on_top_of_a_box_or_inside_of_it() -> None:
    tag = np.full((10, 30, 3), 7, np.uint8)
    picture = empty()
    draw_tag(picture, np.array([40, 30, 60, 50], np.float32), tag)
    assert (picture[20:30, 40:70] == 7).all() and (picture == 7).all(axis=2).sum() == 300
    picture = empty()
    draw_tag(picture, np.array([90, 3, 99, 50], np.float32), tag)
    assert (picture[3:13, 70:100] == 7).all()


def test_names_are_written_in_what_can_be_read_on_their_colour() -> None:
    tags = Tags(20)
    tag = tags.tag("Bunny 93%", (255, 255, 0))
    assert (tag == (255, 255, 0)).all(axis=2).any() and (tag == 0).all(axis=2).any()
    assert tags.tag("Bunny 93%", (255, 255, 0)) is tag
    assert tags.tag("g", GRAY).shape[0] == tags.tag("A", GRAY).shape[0]
    assert tags.can_draw("Bunny Ärger") and not tags.can_draw("\U0010fffd")
    assert tags.tag("\U0010fffd", GRAY).size and tags.tag("", GRAY).size


def test_colours_differ_and_stay() -> None:
    colors = [character_color(c) for c in range(1, 21)]
    assert len(set(colors)) == 20 and colors[0] == character_color(1)
    assert character_color(None) == GRAY
    assert ink_on((255, 255, 255)) == (0, 0, 0) and ink_on((0, 0, 90)) == (255, 255, 255)
