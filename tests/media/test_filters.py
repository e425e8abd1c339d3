"""Filter chains: where pixels come from, which picture belongs to which frame."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from films import numbered, read_number

from caststream.errors import UsageError
from caststream.media.filters import FilterChain, parse_chain

TICKS = Fraction(1, 90_000)
W, H = 320, 240


def frame_at(number=0, fps=25, pixels="yuv420p", size=(W, H)):
    frame = av.VideoFrame.from_ndarray(numbered(number % 256, *size), "rgb24")
    frame = frame.reformat(format=pixels)
    frame.pts, frame.time_base = round(number * 90_000 / fps), TICKS
    return frame


def run(chain, count=20, fps=25):
    """(number given in, number read from the picture) of all that comes out."""
    filters = FilterChain(chain, frame_at())
    pairs = [pair for n in range(count) for pair in filters.push(frame_at(n, fps), n)]
    pairs += filters.flush()
    return [(n, read_number(picture.to_ndarray(format="rgb24"))) for n, picture in pairs]


@pytest.mark.parametrize(
    ("chain", "scale_x", "offset_x", "scale_y", "offset_y"),
    [
        ("null", 1, 0, 1, 0),
        ("negate", 1, 0, 1, 0),
        ("crop=100:80:34:22", 1, 34, 1, 22),
        ("crop=40:30:6:4", 1, 6, 1, 4),
        ("scale=160:60", 2, 0, 4, 0),
        ("crop=200:100:50:20,scale=400:300", 0.5, 50, 1 / 3, 20),
        ("pad=400:300:60:40", 1, -60, 1, -40),
        ("pad=400:300:60:40,scale=200:150,crop=100:100:20:20", 2, -20, 2, 0),
        ("hflip", -1, W, 1, 0),
        ("hflip,vflip,negate", -1, W, -1, H),
        ("gblur=2", 1, 0, 1, 0),
        ("bwdif,crop=iw-64:ih", 1, 32, 1, 0),
        ("drawbox=20:20:150:90:color=red:t=fill", 1, 0, 1, 0),
        ("format=rgb24,crop=160:120", 1, 80, 1, 60),
        ("hue=s=0,lutyuv=y=val*0.6+30", 1, 0, 1, 0),
    ],
)
def test_geometry_is_measured(chain, scale_x, offset_x, scale_y, offset_y):
    found = FilterChain(chain, frame_at()).geometry
    assert found.scale_x == pytest.approx(scale_x, rel=0.003)
    assert found.scale_y == pytest.approx(scale_y, rel=0.003)
    assert found.offset_x == pytest.approx(offset_x, abs=0.3)
    assert found.offset_y == pytest.approx(offset_y, abs=0.3)


@pytest.mark.parametrize("size", [(97, 55), (34, 34), (1920, 1080), (720, 576)])
def test_geometry_is_measured_in_any_size(size):
    chain = FilterChain("crop=iw*3/4:ih*3/4:0:0,scale=iw/2:-2", frame_at(size=size))
    found = chain.geometry
    low = found.to_source(np.array([[0, 0, 10, 10]], np.float32))[0]
    np.testing.assert_allclose(low[:2], 0, atol=0.7)
    assert found.scale_x == pytest.approx(2, rel=0.08)


@pytest.mark.parametrize(
    "chain", ["transpose", "rotate=0.2", "lenscorrection=k1=-0.4", "shear=0.3"]
)
def test_what_boxes_cannot_follow_is_refused(chain):
    with pytest.raises(UsageError, match="followed only through cropping"):
        FilterChain(chain, frame_at())


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ("nosuch", "'nosuch'"),
        ("crop=9999:1", "cannot take pictures of 320x240"),
        ("crop=iw:ih:wrong=1", "cannot take pictures"),
        ("[a]overlay[b]", "has branches"),
        ("null,,null", "''"),
        ("lutyuv=y=16", "leaves nothing of the picture"),
    ],
)
def test_chains_that_cannot_be_meant_are_told(chain, message):
    with pytest.raises(UsageError, match=message):
        FilterChain(chain, frame_at())


def test_quotes_and_escapes_are_those_of_ffmpeg():
    assert parse_chain(r"select='gt(n\,2)',crop=10\,5, null") == [
        ("select", r"gt(n\,2)"),
        ("crop", "10,5"),
        ("null", None),
    ]


@pytest.mark.parametrize(
    "chain", ["null", "bwdif=send_frame", "bwdif=send_field", "yadif=1", "setpts=PTS*3", "tmix=1"]
)
def test_each_frame_keeps_its_own_number(chain):
    assert run(chain) == [(n, n) for n in range(20)]


def test_a_dropped_frame_shows_the_picture_before_it():
    assert run("select=not(mod(n\\,3))", 10) == [(n, n // 3 * 3) for n in range(10)]


def test_a_chain_can_go_on_after_a_flush():
    filters = FilterChain("bwdif", frame_at())
    first = [*filters.push(frame_at(0), 0), *filters.push(frame_at(1), 1), *filters.flush()]
    second = [*filters.push(frame_at(2), 2), *filters.push(frame_at(3), 3), *filters.flush()]
    assert [n for n, _ in first + second] == [0, 1, 2, 3]


def test_a_chain_that_only_swallows_is_refused():
    with pytest.raises(UsageError, match="no picture"):
        run("reverse", 600)


def test_a_turned_film_is_stood_upright_before_the_chain():
    filters = FilterChain("crop=100:80:10:20", frame_at(), turn="transpose=clock")
    assert (filters.width, filters.height) == (H, W)
    assert filters.geometry.offset_x == pytest.approx(10, abs=0.1)
    assert filters.geometry.offset_y == pytest.approx(20, abs=0.1)
    pictures = [*filters.push(frame_at(), 0), *filters.flush()]
    assert (pictures[0][1].width, pictures[0][1].height) == (100, 80)
