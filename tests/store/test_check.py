"""What a check finds, and what a repair mends."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from made_stores import fill, mined, shot, start

from caststream.errors import StoreError
from caststream.store import acts, published
from caststream.store.check import check, repair
from caststream.store.journal import Journal
from caststream.store.published import Published
from caststream.store.reader import StoreReader
from caststream.store.references import part_of
from caststream.store.schema import read_root
from caststream.store.writer import StoreWriter


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "s"
    fill(path)
    fill(path, uri="other.mp4")
    published.publish(path, Published(revision=1))
    published.publish(path, Published(revision=2))
    acts.append(path, "name", {"character": 1, "name": "Ann"})
    acts.append(path, "name", {"character": 2, "name": "Bea"})
    Journal(path).note("film.mp4", 1, 2, "done")
    return path


def said(path: Path) -> list[tuple[str, bool]]:
    return [(finding.what, finding.mendable) for finding in check(path)]


def test_a_sound_store_is_sound(store: Path) -> None:
    assert said(store) == []
    with StoreWriter.open(store) as writer:
        writer.begin_source(start("live"))
        writer.commit(shot(0), [mined(0)], [])
        assert said(store) == []


def test_what_a_crash_leaves_is_found_and_mended(store: Path) -> None:
    writer = StoreWriter.open(store)
    writer.begin_source(start("live"))
    writer.commit(shot(0), [mined(0)], [])
    (log,) = (store / "log").glob("*.log")
    whole = log.read_bytes()
    writer._lock.release()
    log.write_bytes(whole + whole[:100])
    (store / "segments" / "000099").mkdir()
    (store / "models" / ".000003.tmp").mkdir()
    with (store / acts.FILE).open("ab") as file:
        file.write(b'{"number": 3, "ti')
    with (store / "journal.ndjson").open("ab") as file:
        file.write(b'{"path": "x')
    (store / "models" / "CURRENT").write_text("77")
    found = said(store)
    assert len(found) == 6 and all(mendable for _, mendable in found), found
    repair(store)
    assert said(store) == []
    assert published.current_number(store) == 2
    assert [act.number for act in acts.read(store)] == [1, 2]
    with StoreReader(store) as reader:
        assert [c.shot.index for c in reader.commits(2)] == [0]


def test_a_file_that_is_gone_is_missed(store: Path) -> None:
    files = [f for f in (store / "segments" / "000001").rglob("c/**/*") if f.is_file()]
    for file in files:
        data = file.read_bytes()
        file.unlink()
        name = file.relative_to(store / "segments" / "000001").parts[0]
        found = said(store)
        assert any(f"a file of {name} is missing" in what for what, _ in found), (name, found)
        file.write_bytes(data)
    assert len(files) > 10 and said(store) == []


def test_a_bad_disk_is_told(store: Path) -> None:
    for file in sorted((store / "segments" / "000001").rglob("c/**/*")):
        if file.is_file():
            data = bytearray(file.read_bytes())
            data[-8:] = bytes(8)  # the end of a shard is its index, which has a checksum
            file.write_bytes(data)
    found = said(store)
    assert len(found) == 1 and not found[0][1]
    assert found[0][0].startswith("segment 000001: its") and "cannot be read" in found[0][0]
    (store / "models" / "000001" / "arrays.safetensors").write_bytes(b"x")
    assert any("model 1 is damaged" in what for what, _ in said(store))


def test_one_bit_is_told_wherever_it_was_changed(store: Path) -> None:
    files = [f for f in sorted((store / "segments").rglob("c/**/*")) if f.is_file()]
    for file in files:
        whole = file.read_bytes()
        for place in (0, len(whole) // 2, len(whole) - 1):
            data = bytearray(whole)
            data[place] ^= 16
            file.write_bytes(data)
            (found,) = said(store)
            array = file.relative_to(store / "segments").parts[1]
            assert f"its {array} cannot be read" in found[0], (file, place)
            with pytest.raises(StoreError, match=f"its {array} cannot be read"):
                for segment in read_root(store).segments:
                    part_of(store, segment).read(array)
        file.write_bytes(whole)
    assert len(files) > 10 and said(store) == []


@pytest.mark.parametrize("commit", [0, 1])
def test_a_log_that_is_damaged_in_its_middle_is_kept(
    store: Path, commit: int, caplog: pytest.LogCaptureFixture
) -> None:
    writer = StoreWriter.open(store)
    writer.begin_source(start("live"))
    (log,) = (store / "log").glob("*.log")
    ends = [log.stat().st_size]
    for number in range(3):
        writer.commit(shot(number), [mined(number)], [])
        ends.append(log.stat().st_size)
    whole = bytearray(log.read_bytes())
    # As kill -9 leaves it.
    copy = store.with_name("killed")
    shutil.copytree(store, copy, ignore=shutil.ignore_patterns("*.sock"))
    writer.close()
    log = copy / "log" / log.name
    place = 20 if commit == 0 else ends[1] + 40
    whole[place] ^= 1
    log.write_bytes(whole)
    (found,) = said(copy)
    assert f"{log.name} is damaged" in found[0] and not found[1]
    repair(copy)
    assert "are lost" in caplog.text
    (aside,) = (copy / "log").glob("*.damaged")
    assert aside.read_bytes() == whole
    assert said(copy) == [(f"{aside.name} holds commits that a bad disk made unreadable", False)]


def test_missing_files_are_told(store: Path) -> None:
    for file in (store / "segments" / "000002" / "tracks").rglob("*"):
        if file.is_file() and file.name != "zarr.json":
            file.unlink()
    assert any("000002" in what for what, _ in said(store))


def test_the_command(store: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "caststream", *words],
            capture_output=True,
            text=True,
            check=False,
        )

    assert "is sound" in run("check", str(store)).stdout
    (store / "segments" / "000099").mkdir()
    told = run("check", str(store))
    assert told.returncode == 5 and "--repair mends it" in told.stdout
    mended = run("check", str(store), "--repair")
    assert mended.returncode == 0 and mended.stdout.startswith("mended: segments/000099")
    joined = run("compact", str(store), "--keep", "30d")
    assert joined.returncode == 0 and "2 segments joined" in joined.stdout
    assert run("check", str(store)).returncode == 0
    assert run("compact", str(store), "--keep", "soon").returncode == 2
