from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from made_stores import fill, mined, shot, start

from caststream.errors import StoreError
from caststream.export.info import render, store_info
from caststream.store import acts, published
from caststream.store.reader import StoreReader
from caststream.store.writer import StoreWriter


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "s"
    fill(path, 6)
    fill(path, 2, again=True)
    with StoreWriter.open(path) as writer:
        writer.begin_source(start("cut short.mkv"))
        writer.commit(shot(0), [mined(0, seed=2)], [])
    return path


def test_a_store_in_numbers(path):
    with StoreReader(path) as reader:
        uid = reader.tracks().uid
        seconds = float((reader.tracks().end - reader.tracks().start)[uid & 15 == 0].sum())
    labels = np.where(uid & 15 == 0, 4, -1)
    published.publish(
        path,
        published.Published(
            label_uid=uid, label_character=labels, label_confidence=np.ones(len(uid), "f4")
        ),
    )
    acts.append(path, "name", {"character": 4, "name": "Zoë"})
    info = store_info(path)
    states = [(s.source.id, s.state, s.shots, s.tracks) for s in info.sources]
    assert states == [
        (0, "superseded by source 1", 6, 15),
        (1, "complete", 2, 6),
        (2, "incomplete", 1, 3),
    ]
    assert [s.seconds for s in info.sources] == [12.0, 4.0, 2.0]
    assert info.tracks == 9 and info.rows == sum(s.rows for s in info.sources[1:])
    (zoe,) = info.characters
    assert (zoe.id, zoe.name, zoe.tracks) == (4, "Zoë", 2)
    assert zoe.seconds == pytest.approx(seconds)
    assert (info.unlabelled, info.model, info.models) == (7, 1, (1,))
    files = [f for f in path.rglob("*") if f.is_file()]
    assert info.files == len(files) and info.bytes == sum(f.stat().st_size for f in files)


def test_the_same_for_people(path):
    text = render(store_info(path))
    assert "model 0 (as shipped)" in text
    for words in ("superseded by source 1", "complete", "incomplete", "cut short.mkv", "0:00:12"):
        assert words in text
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_an_empty_store_and_none(tmp_path):
    StoreWriter.open(tmp_path / "s").close()
    info = store_info(tmp_path / "s")
    assert (info.sources, info.tracks, info.characters) == ((), 0, ())
    assert "0 characters" in render(info)
    with pytest.raises(StoreError, match="does not exist"):
        store_info(tmp_path / "none")


def test_names_that_the_terminal_does_not_know(tmp_path):
    fill(tmp_path / "s", 1, uri="花子\n\x1b[31m.mp4")
    done = subprocess.run(
        [sys.executable, "-m", "caststream", "info", str(tmp_path / "s")],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\u82b1\u5b50  [31m.mp4" in done.stdout
