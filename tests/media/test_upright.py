from __future__ import annotations

import gc
from itertools import product

import av
import numpy as np
import pytest

from caststream.media.filters import FilterChain
from caststream.media.upright import Way, way_up


@pytest.mark.parametrize("way", [Way(*flags) for flags in product([False, True], repeat=3)])
def test_filters_and_arrays_stand_a_picture_up_alike(way: Way) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (24, 32, 3)).astype(np.uint8)
    stood = way.stand(picture)
    if not way.chain:
        assert (stood == picture).all()
        return
    frame = av.VideoFrame.from_ndarray(picture, "rgb24")
    chain = FilterChain("", frame, way.chain)
    ((_, shown),) = [*chain.push(frame, 0), *chain.flush()]
    assert (shown.to_ndarray(format="rgb24") == stood).all()


def test_a_frame_without_a_word_is_upright() -> None:
    assert way_up(av.VideoFrame(32, 24, "rgb24")) == Way()


def test_a_frame_that_was_asked_goes_when_nobody_holds_it() -> None:
    gc.collect()
    gc.disable()
    try:
        before = _frames()
        for _ in range(20):
            way_up(av.VideoFrame(32, 24, "rgb24"))
        assert _frames() == before
    finally:
        gc.enable()


def _frames() -> int:
    return sum(type(thing) is av.VideoFrame for thing in gc.get_objects())
