"""Asking a running stream through the socket in its store."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from caststream.errors import StoreError, UsageError
from caststream.store.control import FILE, Control, ask


def answer(question):
    if question.get("do") == "fail":
        raise UsageError("not like that")
    if question.get("do") == "break":
        raise RuntimeError("inside")
    return {"asked": question}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    # Longer than an address of a socket may be.
    path = tmp_path / ("long" * 30)
    path.mkdir()
    return path


@pytest.fixture
def control(store: Path):
    control = Control(store, answer)
    yield control
    control.close()


def test_a_question_gets_its_answer(store, control):
    long = {"do": "x", "text": "ö" * 10_000}
    assert ask(store, long) == {"asked": long}
    assert ask(store, {}) == {"asked": {}}
    odd = {"uri": os.fsdecode(b"g\xe9n\xe9rique.mp4")}
    assert ask(store, odd) == {"asked": odd}
    assert (store / FILE).stat().st_mode & 0o777 == 0o600


def test_a_refusal_is_its_sentence(store, control):
    with pytest.raises(StoreError, match="not like that"):
        ask(store, {"do": "fail"})
    with pytest.raises(StoreError, match="RuntimeError: inside"):
        ask(store, {"do": "break"})
    assert ask(store, {"do": "on"})


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b"{\n", b"\xff\xfe\n", b"x" * 70_000])
def test_nonsense_is_refused_and_does_no_harm(store, control, line):
    with socket.socket(socket.AF_UNIX) as peer:
        descriptor = os.open(store, os.O_RDONLY)
        peer.connect(f"/proc/self/fd/{descriptor}/{FILE}")
        os.close(descriptor)
        peer.sendall(line)
        peer.shutdown(socket.SHUT_WR)
        assert b"one line with a JSON object" in peer.recv(1000)
    assert ask(store, {"do": "on"})


def test_nobody_there(store, tmp_path):
    for place in (store, tmp_path / "nothing"):
        with pytest.raises(StoreError, match="no stream is running"):
            ask(place, {})


def test_a_dead_process_leaves_a_socket_that_is_replaced(store):
    with socket.socket(socket.AF_UNIX) as dead:
        descriptor = os.open(store, os.O_RDONLY)
        dead.bind(f"/proc/self/fd/{descriptor}/{FILE}")
        os.close(descriptor)
    with pytest.raises(StoreError, match="no stream is running"):
        ask(store, {})
    control = Control(store, answer)
    assert ask(store, {"do": "x"})
    control.close()
    control.close()
    assert not (store / FILE).exists()
