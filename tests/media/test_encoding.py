"""What is written can be read again."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from films import numbered, read_number

from caststream.errors import OutputError
from caststream.media.encoding import VideoWriter


def numbers(file):
    with av.open(file) as container:
        frames = list(container.decode(video=0))
    return [(f.time, read_number(f.to_ndarray(format="rgb24"))) for f in frames], frames[0]


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts"])
def test_pictures_come_back_at_their_times(tmp_path, name):
    with VideoWriter(tmp_path / name, 128, 96, 25) as writer:
        for number in range(10):
            writer.write(numbered(number, 128, 96))
    found, first = numbers(str(tmp_path / name))
    assert [number for _, number in found] == list(range(10))
    steps = np.diff([time for time, _ in found])
    np.testing.assert_allclose(steps, 0.04, atol=0.0011)
    assert (first.width, first.height) == (128, 96)


def test_times_may_vary(tmp_path):
    times = [0.0, 0.5, 0.54, 2.0]
    with VideoWriter(tmp_path / "film.mp4", 64, 64, 25) as writer:
        for number, time in enumerate(times):
            writer.write(numbered(number, 64, 64), time)
    found, _ = numbers(str(tmp_path / "film.mp4"))
    assert found == [(pytest.approx(time), n) for n, time in enumerate(times)]


def test_colours_survive(tmp_path):
    picture = np.full((64, 64, 3), (200, 60, 30), np.uint8)
    with VideoWriter(tmp_path / "film.mp4", 64, 64, 25) as writer:
        writer.write(picture)
    with av.open(str(tmp_path / "film.mp4")) as container:
        frame = next(container.decode(video=0))
    assert frame.colorspace == 1 and frame.color_range == 1
    assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - picture).max() <= 4


def test_odd_sizes_lose_their_last_line(tmp_path):
    with VideoWriter(tmp_path / "film.mp4", 65, 49, 25) as writer:
        writer.write(numbered(3, 65, 49))
    _, first = numbers(str(tmp_path / "film.mp4"))
    assert (first.width, first.height) == (64, 48)


def test_a_pipe_gets_a_stream_that_can_be_read_from_a_pipe():
    ours, theirs = os.pipe()

    def write():
        with os.fdopen(theirs, "wb") as pipe, VideoWriter(pipe, 64, 64, 25) as writer:
            for number in range(8):
                writer.write(numbered(number, 64, 64))

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(ours, "rb") as pipe:
        found, _ = numbers(pipe)
    thread.join()
    assert [number for _, number in found] == list(range(8))


def test_a_target_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(OutputError, match=r"cannot be written to .*No such file"):
        VideoWriter(tmp_path / "none" / "film.mp4", 64, 64, 25)


def test_a_full_disk_is_told():
    with (
        pytest.raises(OutputError, match="No space left"),
        Path("/dev/full").open("wb", 0) as full,
        VideoWriter(full, 64, 64, 25) as writer,
    ):
        writer.write(numbered(1, 64, 64))
