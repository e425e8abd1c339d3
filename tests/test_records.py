from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from made_stores import end, mined, shot, start

from caststream import records
from caststream.messages import CharacterSummary, Dictionary, Gap, StreamStart, Tuned


def line(record):
    text = records.dumps(record)
    assert "\n" not in text
    return json.loads(text)


def test_stream():
    record = records.stream_record(
        start("fïlm.mp4"),
        source=3,
        graph="archive",
        store="s.zarr",
        models={"embedder": "ab"},
        started="2026-01-01T00:00:00Z",
    )
    assert line(record) == {
        "type": "stream", "schema": "caststream/1", "source": 3, "uri": "fïlm.mp4",
        "width": 640, "height": 360, "fps": 24.0, "graph": "archive", "store": "s.zarr",
        "models": {"embedder": "ab"}, "started": "2026-01-01T00:00:00Z",
    }  # fmt: skip


def test_a_rate_that_nobody_knows_is_null():
    for fps in (None, float("nan"), float("inf")):
        said = StreamStart("-", 1, 1, fps, None, "x")
        record = records.stream_record(said, source=0, graph="g", store=None, models={}, started="")
        assert line(record)["fps"] is None


def test_frame():
    record = records.frame_record(
        12,
        0.50049,
        2,
        np.array([[-4, 2.04, 20.27, 50], [600, 300, 700, 400]], np.float32),
        np.array([0.91249, np.nan], np.float32),
        np.array([7, -1]),
        [3, None],
        ['Bunny "B"', None],
        np.array([0.75, 0], np.float32),
        width=640,
        height=360,
    )
    assert line(record) == {
        "type": "frame", "frame": 12, "time": 0.5, "shot": 2,
        "boxes": [
            {"track": 7, "box": [0, 2, 20.3, 48], "score": 0.912, "character": "c3",
             "name": 'Bunny "B"', "confidence": 0.75},
            {"track": None, "box": [600, 300, 40, 60], "score": None, "character": None,
             "name": None, "confidence": 0.0},
        ],
    }  # fmt: skip


def test_shot_and_track():
    assert line(records.shot_record(shot(1))) == {
        "type": "shot", "shot": 1, "start_frame": 48, "end_frame": 96, "start": 2.0, "end": 4.0,
        "transition": "dissolve", "score": 0.6,
    }  # fmt: skip
    track = mined(1).tracks.tracks[0]
    assert line(records.track_record(track, None, None, 0.0)) == {
        "type": "track", "track": 10, "shot": 1, "start_frame": track.start_frame,
        "end_frame": track.end_frame, "boxes": track.boxes, "character": None, "name": None,
        "confidence": 0.0, "exemplar": track.exemplar, "online": [10, 1010],
    }  # fmt: skip


def test_dictionary_tuned_gap_end():
    dictionary = Dictionary(
        4, (CharacterSummary(7, "B", 2, 3.00049, 1.0),), ((5, None, 7), (6, 8, None)), ((8, 7),)
    )
    assert line(records.dictionary_record(dictionary)) == {
        "type": "dictionary", "revision": 4,
        "characters": [
            {"character": "c7", "name": "B", "tracks": 2, "seconds": 3.0, "first_time": 1.0}
        ],
        "relabelled": [{"track": 5, "from": None, "to": "c7"},
                       {"track": 6, "from": "c8", "to": None}],
        "merged": [{"from": "c8", "to": "c7"}],
    }  # fmt: skip
    assert line(records.tuned_record(Tuned(2, 99, 0.12345, 0.5, float("nan")))) == {
        "type": "tuned", "model": 2, "triplets": 99, "loss": 0.1235,
        "margin_satisfied": {"before": 0.5, "after": None},
    }  # fmt: skip
    assert line(records.gap_record(Gap("corrupt", 1.0, 1.2504, 6))) == {
        "type": "gap", "reason": "corrupt", "from": 1.0, "to": 1.25, "frames": 6,
    }  # fmt: skip
    said = records.end_record(end(2), analysed=16, shots=2, tracks=6, characters=2, elapsed=1.23456)
    assert line(said) == {
        "type": "end", "frames": 96, "analysed": 16, "seconds": 4.0, "shots": 2, "tracks": 6,
        "characters": 2, "elapsed": 1.235, "reason": "eof",
    }  # fmt: skip


def test_numbers_that_are_none_are_never_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        records.dumps({"a": float("nan")})


@given(npst.arrays(np.float32, st.tuples(st.integers(0, 5), st.just(4))), st.integers(1, 9000))
def test_boxes_lie_inside_the_picture(boxes, width):
    height = 720
    found = records.xywh(boxes, width, height)
    json.dumps(found, allow_nan=False)
    for x, y, w, h in found:
        assert 0 <= x <= x + w <= width + 1e-6 and 0 <= y <= y + h <= height + 1e-6
        assert w >= 0 and h >= 0
