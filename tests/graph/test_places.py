"""Where messages stand, for people and in seconds."""

from __future__ import annotations

import numpy as np
import pytest
from toys import START, Word, frame, shot_end

from caststream.graph.places import frame_of, place, seconds
from caststream.messages import (
    Detections,
    Embedded,
    Frame,
    Gap,
    Labelled,
    Mined,
    Rows,
    Saved,
    Shot,
    ShotFrame,
    StreamEnd,
    Tracked,
    Tracks,
)

FRAME = Frame(812, 32.48, None)  # type: ignore[arg-type]


def labelled(inner: Frame) -> Labelled:
    nothing = np.zeros((0, 4), np.float32)
    small = np.zeros((27, 48, 3), np.uint8)
    detections = Detections(ShotFrame(inner, 3, small, False), nothing, nothing[:, 0])
    crops = np.zeros((0, 8, 8, 3), np.uint8)
    embedded = Embedded(detections, nothing, nothing.astype(np.float16), crops, 0)
    tracked = Tracked(embedded, np.zeros(0, np.int64))
    return Labelled(tracked, (), (), nothing[:, 0])


def tracks(*times: float) -> Tracks:
    count = len(times)
    numbers = np.arange(count)
    vectors = np.zeros((count, 4), np.float32)
    rows = Rows(
        frame=numbers,
        time=np.array(times, np.float64),
        box=vectors,
        score=vectors[:, 0],
        track=numbers,
        vector=vectors,
        features=vectors.astype(np.float16),
        crop=(b"",) * count,
        blend=numbers > count,
    )
    return Tracks(5, 0, rows, ())


SHOT = Shot(7, 10, 20, 0.4, 0.8, "cut", 1.0)
MINED = Mined(tracks(2.5, 3.0), np.zeros((0, 3), np.int64), np.zeros((0, 2), np.int64))


@pytest.mark.parametrize(
    ("message", "words", "time"),
    [
        (FRAME, "frame 812 at 32.480 s", 32.48),
        (labelled(FRAME), "frame 812 at 32.480 s", 32.48),
        (Word(frame(25), "x"), "frame 25 at 1.000 s", 1.0),
        (tracks(2.5, 3.0), "shot 5", 2.5),
        (tracks(), "shot 5", 0.0),
        (MINED, "shot 5", 2.5),
        (Saved(1, 2, SHOT, 3), "shot 7 at 0.400 s", 0.4),
        (shot_end(7, 10, 20), "end of shot 7 at 0.800 s", 0.0),
        (START, "start of the stream", 0.0),
        (Gap("corrupt", 1.0, 2.0, 3), "gap at 1.000 s", 0.0),
        (StreamEnd(50, 2.0, "eof"), "end of the stream at 2.000 s", 0.0),
        ("what", "str", 0.0),
    ],
)
def test_places(message, words, time):
    assert place(message) == words
    assert seconds(message) == time


def test_the_frame_inside_is_the_same_object():
    assert frame_of(labelled(FRAME)) is FRAME
    assert frame_of(tracks(1.0)) is None
