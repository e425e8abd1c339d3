"""The label stream as a file: whatever names are made of, and however long it goes on."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import pytest
from made_stores import end, mined, start

from caststream.messages import Context, LabelledTracks, StreamEnd
from caststream.nodes import said
from caststream.nodes.print import Lines, Print


def test_characters_are_counted_beyond_the_tracks_that_are_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(said, "TOLD", 10)
    store = os.fsdecode(b"g\xe9n\xe9rique.zarr")
    out = tmp_path / "labels.ndjson"
    node = Print()
    node.open(Context(uri="film.mp4", labels=str(out), store=store))
    list(node.mark(start()))
    for index in range(20):
        labelled = LabelledTracks(
            mined(index).tracks, (index // 4, None, 90), (None,) * 3, np.ones(3, np.float32)
        )
        list(node.process(labelled))
    assert len(node._said) <= 20
    list(node.end_stream(end(20)))
    node.close()
    records = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert records[0]["store"] == store
    assert records[-1]["characters"] == 6 and records[-1]["tracks"] == 60


def test_a_stop_before_the_first_picture_took_no_time(tmp_path: Path) -> None:
    node = Print()
    node.open(Context(uri="-", labels=str(tmp_path / "out.ndjson")))
    list(node.end_stream(StreamEnd(0, 0.0, "interrupted")))
    node.close()
    assert json.loads((tmp_path / "out.ndjson").read_text())["elapsed"] < 60


@pytest.fixture
def named_pipe(tmp_path: Path) -> Path:
    pipe = tmp_path / "labels"
    os.mkfifo(pipe)
    return pipe


def test_a_named_pipe_is_waited_for_until_somebody_reads_it(named_pipe: Path) -> None:
    stopping = threading.Event()
    with ThreadPoolExecutor() as pool:
        lines = pool.submit(Lines, str(named_pipe), stopping)
        with named_pipe.open() as reader:
            lines.result().write("one")
            lines.result().close()
            assert reader.read() == "one\n"


def test_a_stop_is_heard_while_nobody_reads_a_named_pipe(named_pipe: Path) -> None:
    stopping = threading.Event()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(Lines, str(named_pipe), stopping)
        assert not wait([waiting], 0.2).done
        stopping.set()
        waiting.result().write("to nobody")
        waiting.result().close()
