"""What the person at the terminal is told."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from caststream.messages import (
    CharacterSummary,
    Context,
    Dictionary,
    Frame,
    Shot,
    ShotEnd,
    ShotFrame,
    StreamEnd,
    StreamStart,
)
from caststream.nodes.show import Show, _clock
from caststream.vitals import SourceVitals


def frame(time: float) -> ShotFrame:
    return ShotFrame(Frame(0, time, None), 0, np.zeros((27, 48, 3), np.uint8), False)  # type: ignore[arg-type]


def play(node: Show, context: Context) -> None:
    node.open(context)
    list(node.mark(StreamStart("x.mp4", 640, 360, 24.0, 100.0, "")))
    list(node.process(frame(10.0)))
    line = CharacterSummary(1, "Ann", 4, 12.0, 0.0)
    list(node.process(Dictionary(1, (line,), (), ())))
    list(node.end_shot(ShotEnd(Shot(0, 0, 480, 0.0, 20.0, "start", 1.0))))
    list(node.end_stream(StreamEnd(2400, 100.0, "eof")))
    node.close()


def test_plain_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    play(Show(every=0.0), Context(vitals=SourceVitals(queues={"detect": (3, 8)})))
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert len(lines) == 4
    assert all(line.startswith("caststream: ") for line in lines)
    assert "0:10 of 1:40" in lines[0]
    assert "left" in lines[0]
    assert "1 characters (1 named), detect 3/8" in lines[1]
    assert "1 shots" in lines[2]
    assert lines[3].startswith("caststream: eof: 1:40 of 1:40")


def test_a_terminal_that_is_gone_ends_no_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    gone = os.fdopen(writer, "w")
    monkeypatch.setattr(sys, "stderr", gone)
    play(Show(every=0.0), Context())
    with pytest.raises(BrokenPipeError):  # what was to be told is still in there
        gone.close()


def test_seldom_lines_and_silence(capsys: pytest.CaptureFixture[str]) -> None:
    play(Show(every=1000.0), Context())
    assert len(capsys.readouterr().err.splitlines()) == 1
    play(Show(every=0.0), Context(quiet=True))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("seconds", "text"), [(5, "0:05"), (65.9, "1:05"), (3725, "1:02:05")])
def test_times_as_people_read_them(seconds: float, text: str) -> None:
    assert _clock(seconds) == text
