"""Finding films, knowing when they are whole, waking up for new ones."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from caststream.watch.folders import Bell, Complaints, File, Queue, Settling, films, remote


def touch(path: Path, content: bytes = b"x", age: float = 100.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_films_are_found_at_any_depth_and_nothing_else(tmp_path: Path) -> None:
    wanted = [touch(tmp_path / name) for name in ("a.mp4", "b/c.MKV", "b/d/e.ts")]
    for name in ("n.txt", ".hidden.mp4", ".cache/x.mp4", "x.mp4.part", "noending"):
        touch(tmp_path / name)
    touch(tmp_path / "empty.mp4", b"")
    (tmp_path / "dir.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "broken.mp4").symlink_to("nowhere.mp4")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert sorted(file.path for file in films([tmp_path])) == sorted(map(str, wanted))
    assert list(films([tmp_path / "gone"])) == []


def test_what_cannot_be_read_is_told_once_until_it_comes_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    complaints, link = Complaints(), tmp_path / "a.mp4"

    def look() -> int:
        caplog.clear()
        list(films([tmp_path, tmp_path / "away"], complaints))
        complaints.looked()
        return len(caplog.messages)

    link.symlink_to("nowhere")
    assert [look() for _ in range(3)] == [2, 0, 0]
    link.unlink()
    assert look() == 0
    link.symlink_to("nowhere")
    assert [look() for _ in range(2)] == [1, 0]


def test_a_file_that_grows_is_left_alone(tmp_path: Path) -> None:
    settling = Settling(0.2)
    old = File("old", 5, time.time_ns() - 10**9)
    assert settling.settled([old]) == [old]
    until = time.monotonic() + 0.5
    size = 0
    while time.monotonic() < until:
        size += 1
        assert settling.settled([File("new", size, time.time_ns())]) == []
        time.sleep(0.02)
    last = File("new", size, time.time_ns())
    began = time.monotonic()
    while not settling.settled([last]):
        assert time.monotonic() - began < 5.0
        time.sleep(0.02)
    assert time.monotonic() - began > 0.15


def test_an_archive_is_not_walked_after_each_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, looks = [100.0], []
    monkeypatch.setattr("caststream.watch.folders.time.monotonic", lambda: clock[0])

    def look() -> list[File]:
        clock[0] += 3.0
        looks.append(clock[0])
        return [file for file in films([tmp_path]) if file.path not in taken]

    def take() -> str:
        found = queue.take()
        assert found is not None
        taken.add(found.path)
        return Path(found.path).name

    taken: set[str] = set()
    queue = Queue(look)
    for name in ("a.mp4", "b.mp4", "c.mp4", "e.mp4"):
        touch(tmp_path / name)
    assert take() == "a.mp4"
    (tmp_path / "b.mp4").unlink()
    touch(tmp_path / "d.mp4")
    clock[0] += 50.0
    assert take() == "c.mp4"
    assert len(looks) == 1
    clock[0] += 20.0  # it is time again, and there is a film before the next one
    assert take() == "d.mp4"
    assert len(looks) == 2
    assert take() == "e.mp4"
    assert len(looks) == 2
    assert queue.take() is None
    assert len(looks) == 3


def test_a_file_from_the_future_is_waited_for_by_our_own_clock() -> None:
    settling = Settling(0.1)
    file = File("ahead", 5, time.time_ns() + 3600 * 10**9)
    assert settling.settled([file]) == []
    time.sleep(0.15)
    assert settling.settled([file]) == [file]


@pytest.mark.parametrize("told", [True, False], ids=["inotify", "polling"])
def test_the_bell_rings_at_a_change_and_stops_when_asked(tmp_path: Path, told: bool) -> None:
    if told:
        pytest.importorskip("watchfiles")
    bell = Bell([tmp_path], 0.3 if not told else 60.0)
    bell._told = told
    stop = threading.Event()
    timer = threading.Timer(0.3, touch, [tmp_path / "new.mp4"])
    timer.start()
    began = time.monotonic()
    bell.wait(30.0, stop)
    assert time.monotonic() - began < 20.0
    timer.join()
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    bell.wait(30.0, stop)
    assert time.monotonic() - began < 25.0
    timer.join()


def test_a_folder_that_is_away_for_now_is_waited_for(tmp_path: Path) -> None:
    pytest.importorskip("watchfiles")
    bell = Bell([tmp_path / "share"], 0.2)
    assert bell._told
    bell.wait(30.0, threading.Event())
    (tmp_path / "share").mkdir()
    bell.wait(30.0, threading.Event())


def test_local_folders_are_no_shares(tmp_path: Path) -> None:
    assert not remote(tmp_path) and not remote("/")


def test_shares_are_known_whatever_their_folders_are_called(tmp_path: Path) -> None:
    table = tmp_path / "mounts"
    table.write_bytes(
        b"/dev/sda1 / ext4 rw 0 0\nhost:/a /mnt/\xe9t\xe9 nfs4 rw 0 0\n"
        + "//host/b /mnt/Été\\040neuf cifs rw 0 0\n".encode()
    )
    assert remote("/mnt/Été neuf/films", table)
    assert remote(os.fsdecode(b"/mnt/\xe9t\xe9/films"), table)
    assert not remote("/mnt/Été", table)
