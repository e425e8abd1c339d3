"""Joining segments and taking old crops out, under readers and writers, and under kill -9."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from made_stores import end, mined, shot, start
from test_store import check_commit

from caststream.errors import OutputError, UsageError
from caststream.store import compact as module
from caststream.store import published, schema
from caststream.store.compact import compact
from caststream.store.published import Published
from caststream.store.reader import StoreReader
from caststream.store.retention import parse_keep
from caststream.store.writer import StoreWriter

KILLS = int(os.environ.get("CASTSTREAM_KILLS", "8"))


def segments(path: Path, count: int = 4, shots: int = 3) -> None:
    """A store with so many segments, a source each."""
    for number in range(count):
        with StoreWriter.open(path) as writer:
            source = writer.begin_source(start(f"{number}.mp4"))
            for index in range(shots):
                writer.commit(shot(index), [mined(index, seed=source)], [])
            writer.end_source(end(shots))


def check_all(reader: StoreReader, shots: int = 3, crops: bool = True) -> None:
    for source in reader.sources():
        found = list(reader.commits(source.id))
        assert [commit.shot for commit in found] == [shot(i) for i in range(shots)]
        for index, commit in enumerate(found):
            if crops:
                check_commit(commit, source.id, mined(index, seed=source.id))


def test_joined_segments_hold_the_same(tmp_path: Path) -> None:
    path = tmp_path / "s"
    segments(path)
    with StoreReader(path) as before, StoreWriter.open(path) as writer:
        rows = before.rows(0, before.row_count)
        done = compact(writer)
        assert (done.joined, done.thinned, done.swept) == (4, 0, 0)
        assert len(writer.reserve()[1]) == 1
        # Who opened the store before reads on, with and without looking for news.
        check_all(before)
        before.refresh()
        check_all(before)
        assert rows.crop == before.rows(0, before.row_count).crop
        assert compact(writer).joined == 0
        assert compact(writer, grace=0).swept == 4
        assert len([f for f in (path / "segments").iterdir() if f.is_dir()]) == 1
        check_all(before)
        writer.begin_source(start("new"))
        writer.commit(shot(0), [mined(0, seed=4)], [])
    with StoreReader(path) as after:
        assert [s.start.uri for s in after.sources()][-1] == "new"
        assert after.refresh() is False
        tracks = after.tracks()
        assert len(np.unique(tracks.uid)) == len(tracks) == 4 * 9 + 3


def test_two_that_compact_at_once_are_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "s"
    segments(path)
    with StoreWriter.open(path) as writer, ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: compact(writer).joined, range(2)))
        assert sorted(done) == [0, 4]
        assert len([f for f in (path / "segments").iterdir() if f.is_dir()]) == 5
    with StoreReader(path) as reader:
        check_all(reader)


def test_a_compaction_that_cannot_be_named_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "s"
    segments(path)
    with StoreWriter.open(path) as writer:
        before = sorted((path / "segments").iterdir())

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(schema, "replace", full)
        with pytest.raises(OutputError, match="no room"):
            compact(writer)
        monkeypatch.undo()
        assert sorted((path / "segments").iterdir()) == before
        assert compact(writer).joined == 4
    with StoreReader(path) as reader:
        check_all(reader)


def test_commits_go_on_between_and_the_log_stays_in_force(tmp_path: Path) -> None:
    path = tmp_path / "s"
    segments(path, 3)
    writer = StoreWriter.open(path)
    source = writer.begin_source(start("log"))
    writer.commit(shot(0), [mined(0, seed=source)], [])
    compact(writer)
    writer.commit(shot(1), [mined(1, seed=source)], [])
    with StoreReader(path) as reader:
        assert [c.shot.index for c in reader.commits(source)] == [0, 1]
    # As if it had been killed: the log is replayed over a root that names its source already.
    writer._log.close()
    writer._lock.release()
    with StoreWriter.open(path) as again:
        assert again._number == 3 * 5 + 3
    with StoreReader(path) as reader:
        assert [c.shot.index for c in reader.commits(source)] == [0, 1]
        assert not reader.sources()[-1].complete


def test_different_vectors_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "s"
    segments(path, 2)
    with StoreWriter.open(path) as writer:
        writer.begin_source(start("wide"))
        writer.commit(shot(0), [mined(0, width=64)], [])
    with StoreWriter.open(path) as writer:
        compact(writer)
        assert [s.rows > 0 for s in writer.reserve()[1]] == [True, True]


def test_old_crops_go_and_every_character_keeps_a_face(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s"
    segments(path, 2)
    monkeypatch.setattr(module, "FACES", 2)
    with StoreReader(path) as reader:
        table = reader.tracks()
        uid = np.sort(table.uid)
        who = np.arange(len(uid)) % 2
        sure = np.ones(len(uid), np.float32)
        published.publish(
            path, Published(label_uid=uid, label_character=who, label_confidence=sure)
        )
        full = reader.rows(0, reader.row_count)
        before, vectors, frames = full.crop, full.vector, full.frame
    with StoreWriter.open(path) as writer:
        assert compact(writer, keep=3600.0).thinned == 0
        later = time.time() + 7200
        monkeypatch.setattr(module.time, "time", lambda: later)
        assert compact(writer, keep=3600.0).thinned == 1
        assert compact(writer, keep=3600.0).thinned == 0
    with StoreReader(path) as reader:
        check_all(reader, crops=False)
        rows = reader.rows(0, reader.row_count)
        kept = [i for i, crop in enumerate(rows.crop) if crop]
        assert all(rows.crop[i] == before[i] for i in kept)
        assert 0 < len(kept) <= 2 * 2 * 2
        np.testing.assert_array_equal(rows.vector, vectors)
        np.testing.assert_array_equal(rows.frame, frames)
        for commit in reader.since(-1):
            assert len(commit.rows.crop) == len(commit.rows)
        of = dict(zip(uid.tolist(), who.tolist(), strict=True))
        assert {of[int(rows.uid[i])] for i in kept} == {0, 1}


@pytest.mark.parametrize(
    ("text", "seconds"), [("30d", 30 * 86400.0), ("12h", 43200.0), ("1.5m", 90.0), ("", None)]
)
def test_lengths_of_time(text: str, seconds: float | None) -> None:
    assert parse_keep(text) == seconds


@pytest.mark.parametrize("text", ["30", "d", "-1d", "0d", "3 years"])
def test_no_lengths_of_time(text: str) -> None:
    with pytest.raises(UsageError, match="no length of time"):
        parse_keep(text)


WORKER = """
import sys
sys.path.insert(0, sys.argv[1])
from made_stores import mined, shot, start, end
from caststream.store import compact, writer
from caststream.store.writer import StoreWriter
writer.SEAL_COMMITS = 3
print("ready", flush=True)
with StoreWriter.open(sys.argv[2]) as store:
    while True:
        source = store.begin_source(start(f"of {store._number}"))
        for index in range(4):
            store.commit(shot(index), [mined(index, seed=source)], [])
        store.end_source(end(4))
        print(source, flush=True)
        compact.compact(store, grace=0)
"""


def test_kill_9_while_compacting(tmp_path: Path) -> None:
    path = tmp_path / "s"
    moments = random.Random(3)
    told: list[int] = []
    for _ in range(KILLS):
        command = [sys.executable, "-c", WORKER, str(Path(__file__).parent.parent), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
            for _ in range(moments.randrange(4)):
                told.append(int(worker.stdout.readline()))
            time.sleep(moments.random() * 0.2)
            worker.kill()
            told += [int(line) for line in worker.stdout.read().split()]
        if not (path / "zarr.json").exists():
            continue
        with StoreReader(path) as reader:
            whole = [s.id for s in reader.sources() if s.complete]
            assert set(told) <= set(whole)
            for source in whole:
                found = list(reader.commits(source))
                assert len(found) == 4
                for index, commit in enumerate(found):
                    check_commit(commit, source, mined(index, seed=source))
            tracks = reader.tracks()
            assert len(np.unique(tracks.uid)) == len(tracks)
