from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from caststream.web.captions import SIZE, captions


def box(x0: float, y0: float, x1: float, y1: float, title: str = "Ruby") -> dict:
    return {"box": (x0, y0, x1, y1), "character": 1, "title": title, "numbered": False}


def test_a_name_stands_above_its_box_or_inside_at_the_top_of_the_picture() -> None:
    above, inside = captions([box(50, 200, 150, 300), box(400, 0, 500, 300)], 720)
    assert (above.y, above.dy) == (200, -0.4)
    assert (inside.y, inside.dy) == (0, 1.1)


def test_boxes_in_one_place_have_their_names_in_different_ones() -> None:
    found = captions([box(300, 100, 600, 500, f"Name {k}") for k in range(6)], 720)
    assert len({(c.x, c.y, c.dy) for c in found}) == 6


def test_nobody_has_no_name_unless_numbered() -> None:
    nobody = {**box(0, 0, 9, 9, "unknown"), "character": None}
    assert captions([nobody], 720) == []
    assert [c.text for c in captions([{**nobody, "numbered": True, "title": "1"}], 720)] == ["1"]


@given(
    st.lists(
        st.tuples(*[st.floats(0, 600)] * 2, *[st.floats(1, 400)] * 2).map(
            lambda b: box(b[0], b[1], b[0] + b[2], b[1] + b[3])
        ),
        max_size=8,
    )
)
def test_every_name_begins_on_the_picture(boxes: list[dict]) -> None:
    found = captions(boxes, 720)
    assert len(found) == len(boxes)
    assert all(c.x >= 0 and c.y + c.dy * SIZE * 720 >= 0 for c in found)
