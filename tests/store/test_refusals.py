"""What cannot be done is said in one sentence, and costs nothing that was committed."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from contextlib import contextmanager

import pytest
from made_stores import fill, mined, shot, start

from caststream.errors import (
    ModelError,
    OutputError,
    StoreError,
    StoreLockedError,
    StoreVersionError,
)
from caststream.learning.tuner import tune_store
from caststream.store import acts, published
from caststream.store.published import Published
from caststream.store.reader import StoreReader
from caststream.store.writer import StoreWriter


def indices(path) -> list[int]:
    with StoreReader(path) as reader:
        return [c.shot.index for c in reader.since(-1)]


@contextmanager
def file_limit(size: int):
    """No file grows past ``size`` bytes: what a full disk does, without root."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def mount(tmp_path):
    """Mounts a tmpfs with options; gone again afterwards."""
    mounted = []

    def mounts(options: str):
        folder = tmp_path / "mounted"
        folder.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip("there is no mount command here")
        if done.returncode:
            pytest.skip(f"may not mount a small disk here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mounts
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def test_another_process_that_writes_is_named(tmp_path):
    program = (
        "import sys\n"
        "from caststream.store.writer import StoreWriter\n"
        "with StoreWriter.open(sys.argv[1]):\n"
        "    print('open', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "s")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(StoreLockedError, match=rf"by process {other.pid}: wait"):
            StoreWriter.open(tmp_path / "s")
        with StoreReader(tmp_path / "s") as reader:
            assert reader.sources() == []
        other.kill()
        other.wait()
        # The lock died with its owner.
        StoreWriter.open(tmp_path / "s").close()


@pytest.mark.parametrize("dies", [True, False])
def test_a_child_does_not_keep_the_lock(tmp_path, dies):
    """A forked helper that outlives the writer must not hold its store."""
    writer = StoreWriter.open(tmp_path / "s")
    wait, go = os.pipe()
    ready, done = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(go)
        os.write(done, b"x")
        os.read(wait, 1)
        os._exit(0)
    if dies:
        # The kernel closes the dead owner's copy; the child must have closed its own.
        os.read(ready, 1)
        writer._lock.forget()
    else:
        writer.close()
    StoreWriter.open(tmp_path / "s").close()
    os.close(go)
    os.waitpid(child, 0)
    for fd in (wait, ready, done):
        os.close(fd)


@pytest.mark.parametrize("opens", [StoreWriter.open, StoreReader])
def test_a_store_of_another_version(tmp_path, opens):
    path = tmp_path / "s"
    fill(path, 1)
    text = (path / "zarr.json").read_text()
    (path / "zarr.json").write_text(text.replace('"schema":2', '"schema":7'))
    with pytest.raises(StoreVersionError, match=r"has schema 7, this caststream reads 2: open"):
        opens(path)


@pytest.mark.parametrize("opens", [StoreWriter.open, StoreReader])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"zarr_format": 3, "node_type": "group", "attributes": {}}', "of another program"),
    ],
)
def test_a_root_that_is_not_ours(tmp_path, opens, text, says):
    (tmp_path / "zarr.json").write_text(text)
    with pytest.raises(StoreError, match=says):
        opens(tmp_path)
    assert (tmp_path / "zarr.json").read_text() == text


@pytest.mark.parametrize("opens", [StoreWriter.open, StoreReader])
def test_a_path_that_is_something_else(tmp_path, opens):
    (tmp_path / "file").write_text("notes")
    with pytest.raises(StoreError, match=r"file, not a store|is not a folder"):
        opens(tmp_path / "file")
    with pytest.raises(StoreError, match=r"with other things in it|without a store in it"):
        opens(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_path_without_anything(tmp_path):
    with pytest.raises(StoreError, match=r"nowhere does not exist: give the path"):
        StoreReader(tmp_path / "nowhere")
    with pytest.raises(StoreError, match="does not exist"):
        StoreWriter.open(tmp_path / "nowhere", create=False)
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(StoreError, match="no store at"):
        acts.append(tmp_path / "nowhere", "name", {"character": 1, "name": "A"})


def test_an_empty_folder_and_one_left_by_a_crash_become_stores(tmp_path):
    (tmp_path / "log").mkdir()
    (tmp_path / "LOCK").touch()
    (tmp_path / ".zarr.json.12.tmp").touch()
    with StoreWriter.open(tmp_path) as writer:
        assert writer.begin_source(start()) == 0


def test_a_copy_without_its_empty_folders(tmp_path):
    fill(tmp_path / "s", 2)
    (log,) = (tmp_path / "s" / "log").iterdir()
    log.unlink()
    log.parent.rmdir()
    assert indices(tmp_path / "s") == [0, 1]
    fill(tmp_path / "s", 1, uri="b")
    assert indices(tmp_path / "s") == [0, 1, 0]


def test_a_full_disk(mount):
    path = mount("size=1m") / "s"
    with StoreWriter.open(path) as writer:
        writer.begin_source(start())
        done = []
        with pytest.raises(OutputError, match=r"no room left .* free some and start again"):
            for index in range(1000):
                writer.commit(shot(index), [mined(index)], [])
                done.append(index)
        assert len(done) > 5 and indices(path) == done
        # There is room neither for a segment: everything stays in the log.
        with pytest.raises(OutputError, match="no room left"):
            writer.seal()
        assert indices(path) == done
    with pytest.raises(OutputError, match="no room left"):
        published.publish(path, Published(label_uid=_many()))
    assert published.current(path) is None
    subprocess.run(["mount", "-o", "remount,size=8m", str(path.parent)], check=True)
    with StoreWriter.open(path) as writer:
        writer.begin_source(start("next.mp4"))
        writer.commit(shot(0), [mined(0)], [])
    assert indices(path) == [*done, 0]
    assert published.publish(path, Published(label_uid=_many())) == 1


def _many():
    import numpy as np

    return np.arange(200_000)


def test_a_commit_that_had_no_room_can_be_tried_again(tmp_path):
    path = tmp_path / "s"
    with StoreWriter.open(path) as writer:
        writer.begin_source(start())
        writer.commit(shot(0), [mined(0)], [])
        (log,) = (path / "log").iterdir()
        with file_limit(log.stat().st_size + 500):
            for _ in range(2):
                with pytest.raises(OutputError, match="no room left"):
                    writer.commit(shot(1), [mined(1)], [])
            assert indices(path) == [0]
        writer.commit(shot(1), [mined(1)], [])
        with file_limit(2000):
            with pytest.raises(OutputError, match="no room left"):
                writer.seal()
            assert indices(path) == [0, 1]
        writer.seal()
        writer.commit(shot(2), [mined(2)], [])
    assert indices(path) == [0, 1, 2]


def test_an_act_that_had_no_room_is_not_there(tmp_path):
    fill(tmp_path / "s", 1)
    acts.append(tmp_path / "s", "name", {"character": 1, "name": "Bunny"})
    size = (tmp_path / "s" / acts.FILE).stat().st_size
    with file_limit(size + 20), pytest.raises(OutputError, match="no room left"):
        acts.append(tmp_path / "s", "name", {"character": 2, "name": "Bunny"})
    assert (tmp_path / "s" / acts.FILE).stat().st_size == size
    assert acts.append(tmp_path / "s", "undo", {"act": 1}).number == 2


def test_a_folder_that_may_not_be_written(mount):
    folder = mount("size=2m")
    fill(folder / "s", 2)
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    for path in (folder / "s", folder / "new"):
        with pytest.raises(OutputError, match=r"cannot be written \(Read-only file system\): give"):
            StoreWriter.open(path)
    for refused in (
        lambda: published.publish(folder / "s", Published()),
        lambda: acts.append(folder / "s", "undo", {"act": 1}),
    ):
        with pytest.raises(OutputError, match="cannot be written"):
            refused()
    # It can still be read.
    assert indices(folder / "s") == [0, 1]


def test_a_damaged_commit_ends_the_log(tmp_path, caplog):
    path = tmp_path / "s"
    writer = StoreWriter.open(path)
    writer.begin_source(start())
    for index in range(4):
        writer.commit(shot(index), [mined(index)], [])
    writer._lock.release()
    (log,) = (path / "log").iterdir()
    data = bytearray(log.read_bytes())
    data[-20] ^= 1
    log.write_bytes(data)
    assert indices(path) == [0, 1, 2]
    with caplog.at_level("INFO"), StoreWriter.open(path) as again:
        again.begin_source(start("b"))
        again.commit(shot(9), [], [])
    assert "of a commit that was not finished" in caplog.text
    assert indices(path) == [0, 1, 2, 9]


def test_vectors_of_two_embedders_are_not_mixed(tmp_path):
    path = tmp_path / "s"
    with StoreWriter.open(path) as writer:
        writer.begin_source(start("one.mp4"), models={"embedder": "aaaa", "detector": "d1"})
        writer.commit(shot(0), [mined(0)], [])
        with pytest.raises(StoreError, match="embedder aaaa, and this would add those of bbbb"):
            writer.begin_source(start("two.mp4"), models={"embedder": "bbbb"})
    with StoreWriter.open(path) as writer:
        # The store is as it was, also after it was opened again; other models may change.
        with pytest.raises(StoreError, match="give another --store"):
            writer.begin_source(start("two.mp4"), models={"embedder": "bbbb"})
        writer.begin_source(start("two.mp4"), models={"embedder": "aaaa", "detector": "d2"})
        writer.begin_source(start("three.mp4"))
    assert indices(path) == [0]
    with StoreReader(path) as reader:
        assert len(reader.sources()) == 3


def test_features_of_another_embedder_are_not_tuned(tmp_path):
    with StoreWriter.open(tmp_path / "s") as writer:
        writer.begin_source(start(), models={"embedder": "aaaa"})
        writer.commit(shot(0), [mined(0, width=1160)], [])
    with pytest.raises(ModelError, match="come from the embedder aaaa, not from the shipped one"):
        tune_store(tmp_path / "s", None, 0, 1, "caststream")
