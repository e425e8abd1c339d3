"""kill -9 at any moment: nothing torn, nothing committed lost, nothing twice.

``CASTSTREAM_KILLS`` sets how many a test makes.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made_stores import mined, shot
from test_store import check_commit

from caststream.store import acts, published
from caststream.store.reader import StoreReader
from caststream.store.writer import StoreWriter

KILLS = int(os.environ.get("CASTSTREAM_KILLS", "15"))

# Forks a worker for each line that it is given, so that Python starts once and not every time.
SERVER = """
import os, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import zarr
from made_stores import mined, shot, start
from caststream.store import acts, published, writer
from caststream.store.writer import StoreWriter

def say(*words):
    # One write a line: print makes several where output is not buffered, and a kill tears the line.
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def store(path):
    writer.SEAL_COMMITS = 4
    with StoreWriter.open(path) as store:
        source = store.begin_source(start())
        for index in range(10_000):
            number = store.commit(shot(index), [mined(index, seed=source)], [])
            say(number, source, index)

def publish(path):
    for _ in range(10_000):
        known = published.current_number(path)
        what = np.full(5_000, known + 1)
        payload = published.Published(label_uid=what, meta={"of": known + 1})
        say(published.publish(path, payload))

def act(path):
    for index in range(10_000):
        done = acts.append(path, "name", {"character": index, "name": "x" * (index % 300)})
        say(done.number, index)

for line in sys.stdin:
    work, path = line.split()
    child = os.fork()
    if child == 0:
        say("worker", os.getpid())
        globals()[work](path)
        os._exit(0)
    os.waitpid(child, 0)
    say("dead")
"""


@pytest.fixture
def killed():
    """Runs a piece of work until a random moment; returns what it had said it did."""
    here = str(Path(__file__).parent.parent)
    command = [sys.executable, "-c", SERVER, here]
    moments = random.Random(5)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:

        def kill(work: str, path: Path) -> list[list[int]]:
            server.stdin.write(f"{work} {path}\n")
            server.stdin.flush()
            _, worker = server.stdout.readline().split()
            said: list[str] = []
            for _ in range(moments.randrange(9)):
                said.append(server.stdout.readline())
                assert said[-1] != "dead\n", "the worker failed by itself"
            # Into the middle of something; which thing, the machine's speed decides.
            time.sleep(moments.random() * 0.02)
            os.kill(int(worker), signal.SIGKILL)
            while said[-1:] != ["dead\n"]:
                said.append(server.stdout.readline())
            return [[int(word) for word in line.split()] for line in said[:-1]]

        yield kill
        server.stdin.close()


def test_the_store(tmp_path, killed):
    path = tmp_path / "s"
    StoreWriter.open(path).close()
    said: set[tuple[int, ...]] = set()
    known: set[tuple[int, ...]] = set()
    rows = 0
    for _ in range(KILLS):
        new = {tuple(line) for line in killed("store", path)}
        said |= new
        with StoreReader(path) as reader:
            # Each round works on a source of its own, unless it was killed before it began one.
            begun = [s.id for s in reader.sources() if s.id not in {at for _, at, _ in known}]
            found = [commit for source in begun for commit in reader.commits(source)]
            for commit in found:
                check_commit(commit, commit.source, mined(commit.shot.index, seed=commit.source))
                assert commit.shot == shot(commit.shot.index)
            there = [(c.number, c.source, c.shot.index) for c in found]
            assert [index for _, _, index in there] == list(range(len(there)))
            assert not known & set(there)
            # At most the one commit that was done and not yet said.
            assert new <= set(there) and len(there) <= len(new) + 1
            known |= set(there)
            rows += sum(len(commit.rows) for commit in found)
            assert reader.row_count == rows
    assert len(said) > KILLS
    with StoreReader(path) as reader:
        everything = [c for s in reader.sources(superseded=True) for c in reader.commits(s.id)]
        assert {(c.number, c.source, c.shot.index) for c in everything} == known
        assert len(everything) == len(known)


def test_published_models(tmp_path, killed):
    path = tmp_path / "s"
    StoreWriter.open(path).close()
    told = 0
    for _ in range(KILLS):
        told = max([told, *(number for (number,) in killed("publish", path))])
        held = published.current(path)
        number = held.number if held else 0
        # One may be done and not yet said; and one may have got its number and never been in force.
        assert told <= number <= told + 2
        told = number
        if held:
            assert (held.label_uid == held.meta["of"]).all() and len(held.label_uid) == 5_000


def test_acts(tmp_path, killed):
    path = tmp_path / "s"
    StoreWriter.open(path).close()
    said: list[list[int]] = []
    for _ in range(KILLS):
        said += killed("act", path)
        found = acts.read(path)
        assert [act.number for act in found] == list(range(1, len(found) + 1))
        pairs = {(act.number, act.arguments["character"]) for act in found}
        assert {tuple(line) for line in said} <= pairs
