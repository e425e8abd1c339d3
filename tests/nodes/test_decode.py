"""The source node: what it says of whole, broken and interrupted inputs."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from films import HEIGHT, WIDTH, packet_places, read_number, write_film, write_sound

from caststream.errors import InputError, NoVideoError, UsageError
from caststream.messages import Context, Frame, Gap, StreamEnd, StreamStart
from caststream.nodes.decode import Decode


@pytest.fixture
def node():
    """Opens nodes and closes them after the test."""
    nodes = []

    def opened(uri, **settings):
        nodes.append(Decode(**settings))
        nodes[-1].open(Context(uri=str(uri)))
        return nodes[-1]

    yield opened
    for each in nodes:
        each.close()


def numbers(messages):
    frames = [message for message in messages if isinstance(message, Frame)]
    assert [frame.index for frame in frames] == list(range(len(frames)))
    return [read_number(frame.picture.resized(WIDTH, HEIGHT)) for frame in frames]


def test_a_film_from_start_to_end(tmp_path, node):
    film = write_film(tmp_path / "film.mp4", 48)
    start, *frames, end = node(film).produce()
    assert (start.uri, start.width, start.height) == (str(film), WIDTH, HEIGHT)
    assert (start.fps, start.seconds, len(start.fingerprint)) == (24.0, 2.0, 64)
    assert numbers(frames) == list(range(48))
    assert [frame.time for frame in frames] == pytest.approx([n / 24 for n in range(48)])
    assert end == StreamEnd(48, pytest.approx(2.0), "eof")


def test_the_same_film_gives_the_same_messages(tmp_path, node):
    film = write_film(tmp_path / "film.mp4", 30)
    runs = [list(node(film, threads=threads).produce()) for threads in (1, 2, 2)]
    for messages in itertools.zip_longest(*runs):
        if isinstance(messages[0], Frame):
            assert len({(m.index, m.time) for m in messages}) == 1
            pictures = [m.picture.resized(48, 27) for m in messages]
            assert all((picture == pictures[0]).all() for picture in pictures)
        else:
            assert messages[0] == messages[1] == messages[2]


def test_varying_rates(tmp_path, node):
    times = [0.0, 0.5, 0.54, 3.0, 4.0]
    start, *frames, end = node(write_film(tmp_path / "film.mp4", 5, times=times)).produce()
    assert start.fps is None
    assert [frame.time for frame in frames] == pytest.approx(times)
    assert end == StreamEnd(5, pytest.approx(5.0), "eof")


def test_damage_is_told_in_its_place(tmp_path, node):
    film = write_film(tmp_path / "film.mp4", 24)
    data = bytearray(film.read_bytes())
    for place, size in packet_places(film)[6:12]:
        data[place : place + size] = bytes(size)
    film.write_bytes(data)
    messages = list(node(film).produce())
    assert numbers(messages) == [*range(6), *range(12, 24)]
    gaps = [(i, message) for i, message in enumerate(messages) if isinstance(message, Gap)]
    assert gaps == [(7, Gap("corrupt", pytest.approx(5 / 24), pytest.approx(12 / 24), 6))]


def test_filters_keep_the_source_s_own_pixels(tmp_path, node):
    film = write_film(tmp_path / "film.mp4", 12)
    start, *frames, end = node(film, filter="bwdif,crop=64:48:16:8").produce()
    assert (start.width, start.height) == (WIDTH, HEIGHT)
    assert [frame.index for frame in frames] == list(range(12)) and end.frames == 12
    whole = np.array([[0, 0, 32, 24]], np.float32)
    found = frames[5].picture.boxes_from(whole, 32, 24)
    np.testing.assert_allclose(found, [[16, 8, 80, 56]], atol=0.2)


def test_filters_that_cannot_work_are_told(tmp_path, node):
    with pytest.raises(UsageError, match="'wobble'"):
        node(write_film(tmp_path / "film.mp4", 2), filter="wobble")
    with pytest.raises(UsageError, match="followed only through cropping"):
        list(node(tmp_path / "film.mp4", filter="transpose").produce())


@pytest.mark.parametrize(
    ("name", "value"), [("timeout", 0.0), ("spool_limit", -1), ("threads", -1)]
)
def test_settings_are_checked(name, value):
    with pytest.raises(UsageError, match=name):
        Decode(**{name: value})


def test_bad_input_is_raised(tmp_path, node):
    (tmp_path / "empty").touch()
    (tmp_path / "words").write_text("words\n" * 100)
    for bad in (tmp_path, tmp_path / "none", tmp_path / "empty", tmp_path / "words"):
        with pytest.raises(InputError, match=str(bad)):
            list(node(bad).produce())
    with pytest.raises(NoVideoError, match="only audio"):
        list(node(write_sound(tmp_path / "song.m4a")).produce())


def test_a_film_without_one_good_picture(tmp_path, node):
    film = write_film(tmp_path / "film.mp4", 12)
    data = bytearray(film.read_bytes())
    for place, size in packet_places(film):
        data[place : place + size] = bytes(size)
    film.write_bytes(data)
    with pytest.raises(NoVideoError, match="not one picture"):
        list(node(film).produce())


def test_a_stop_ends_the_stream_after_the_frame_in_hand(tmp_path, node):
    decode = node(write_film(tmp_path / "film.mp4", 100))
    messages = []
    for message in decode.produce():
        messages.append(message)
        if isinstance(message, Frame) and message.index == 9:
            decode.stop()
    assert numbers(messages) == list(range(10))
    assert messages[-1] == StreamEnd(10, pytest.approx(10 / 24), "interrupted")


def test_a_stop_before_the_first_picture(monkeypatch, node):
    ours, theirs = os.pipe()
    monkeypatch.setattr("sys.stdin", os.fdopen(ours, "rb"))
    decode = node("-")
    timer = threading.Timer(0.05, decode.stop)
    timer.start()
    assert list(decode.produce()) == [StreamEnd(0, 0.0, "interrupted")]
    timer.join()
    os.close(theirs)


def test_a_stop_on_a_silent_socket(tmp_path, node):
    film = write_film(tmp_path / "film.ts", 24).read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10.0)
        over = threading.Event()

        def send():
            peer, _ = server.accept()
            with peer:
                peer.sendall(film * 12)
                over.wait(10.0)

        sender = threading.Thread(target=send)
        sender.start()
        decode = node(f"tcp://127.0.0.1:{server.getsockname()[1]}", timeout=2.0)
        messages = []
        for message in decode.produce():
            messages.append(message)
            if len(messages) == 100:
                started = time.monotonic()
                decode.stop()
        # Far below the time-out, which the decoder may still be waiting for.
        assert time.monotonic() - started < 1.0
        over.set()
        sender.join()
    assert isinstance(messages[0], StreamStart)
    assert messages[-1].reason == "interrupted"


def test_a_reader_that_leaves_early_leaves_no_thread(tmp_path):
    before = threading.active_count()
    for _ in range(3):
        decode = Decode()
        decode.open(Context(uri=str(write_film(tmp_path / "film.mp4", 100))))
        next(decode.produce())
        decode.close()
    assert threading.active_count() == before


PROGRAM = """
import signal, sys
from caststream.messages import Context, Frame, StreamEnd
from caststream.nodes.decode import Decode

node = Decode()
signal.signal(signal.SIGINT, lambda *_: node.stop())
node.open(Context(uri="-"))
print("ready", flush=True)
frames = 0
for message in node.produce():
    frames += isinstance(message, Frame)
    if frames == 1 and isinstance(message, Frame):
        print("frame", flush=True)
print(frames, message.frames, message.reason, flush=True)
node.close()
"""


@pytest.mark.parametrize("sent", [False, True], ids=["silent from the start", "silent later"])
def test_an_interrupt_ends_a_blocked_pipe(tmp_path, sent):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False
    )
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    if sent:
        # Enough for FFmpeg to have probed it; the pipe then stays open and silent.
        process.stdin.write(write_film(tmp_path / "film.ts", 240).read_bytes())
        process.stdin.flush()
        assert process.stdout.readline() == b"frame\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0
    frames, counted, reason = process.stdout.read().split()
    assert frames == counted and reason == b"interrupted"
    assert (int(frames) > 0) == sent
    process.stdin.close()
    process.stdout.close()
