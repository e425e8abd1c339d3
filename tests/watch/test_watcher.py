"""A watched archive: each content once, bad files set aside, nothing lost or doubled by a kill."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from films import write_sound
from test_cli import draw

from caststream.errors import StoreError
from caststream.store.control import ask
from caststream.store.journal import Journal
from caststream.store.reader import StoreReader

PROGRAM = [sys.executable, "-m", "caststream", "watch"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("drawn")
    return {
        "short": draw(folder / "short.mp4"),
        "other": draw(folder / "other.mp4", frames=60),
        "long": draw(folder / "long.mp4", frames=1500),
    }


def put(film: Path, place: Path, age: float) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(film, place)
    os.utime(place, (time.time() - age, time.time() - age))
    return place


def watch(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *map(str, words), "--store", "s.zarr", "--once"],
        cwd=cwd, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def held(store: Path) -> list[tuple[str, int, bool]]:
    with StoreReader(store) as reader:
        return [
            (Path(s.start.uri).name, len(reader.shots(s.id)), s.complete) for s in reader.sources()
        ]


def test_each_content_once_and_the_oldest_first(drawn: dict[str, Path], tmp_path: Path) -> None:
    put(drawn["short"], tmp_path / "in" / "b.mp4", 100)
    put(drawn["other"], tmp_path / "in" / "deep" / "a.mp4", 300)
    put(drawn["short"], tmp_path / "in" / "copy of b.mp4", 50)
    (tmp_path / "in" / "words.mp4").write_text("no film\n" * 99)
    write_sound(tmp_path / "in" / "song.mp4")
    for bad in ("words.mp4", "song.mp4"):
        os.utime(tmp_path / "in" / bad, (0, 0))
    done = watch("in", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    store = tmp_path / "s.zarr"
    assert held(store) == [("a.mp4", 2, True), ("b.mp4", 2, True)]
    journal = Journal(store)
    assert {Path(e.path).name: e.why for e in journal.of("known")} == {"copy of b.mp4": "source 1"}
    reasons = {Path(e.path).name: e.why for e in journal.of("bad")}
    assert "is no film" in reasons["words.mp4"] and "only audio" in reasons["song.mp4"]
    assert "words.mp4 was set aside" in done.stderr

    # Nothing to do the second time; --retry takes what was set aside, and has mended it.
    again = watch("in", cwd=tmp_path)
    assert (again.returncode, held(store)) == (0, [("a.mp4", 2, True), ("b.mp4", 2, True)])
    assert "set aside" not in again.stderr
    retried = watch("in", "--retry", cwd=tmp_path)
    assert retried.stderr.count("was set aside") == 2


def test_a_kill_in_mid_film_loses_and_doubles_nothing(
    drawn: dict[str, Path], tmp_path: Path
) -> None:
    put(drawn["other"], tmp_path / "in" / "a.mp4", 300)
    put(drawn["long"], tmp_path / "in" / "b.mp4", 200)
    store = tmp_path / "s.zarr"
    command = [*PROGRAM, "in", "--store", "s.zarr", "--set", "detect.rate=20"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while True:  # into the second film, before its end
            assert process.poll() is None and time.monotonic() < deadline
            try:
                running = [s for s in ask(store, {"do": "vitals"})["sources"]
                           if s["uri"].endswith("b.mp4")]  # fmt: skip
            except StoreError:
                running = []
            if running and 100 < running[0]["frames"] < 1400:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert [(n, c) for n, _, c in held(store)] == [("a.mp4", True), ("b.mp4", False)]
    done = watch("in", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert held(store) == [("a.mp4", 2, True), ("b.mp4", 2, True)]
    with StoreReader(store) as reader:
        assert len(reader.sources(superseded=True)) == 3
        tracks = reader.tracks()
        assert len(set(tracks.uid.tolist())) == len(tracks)


def test_what_kills_the_process_is_set_aside_in_the_end(
    drawn: dict[str, Path], tmp_path: Path
) -> None:
    film = put(drawn["short"], tmp_path / "in" / "a.mp4", 300)
    watch(tmp_path / "in", cwd=tmp_path)
    stat = film.stat()
    Journal(tmp_path / "s.zarr").note(str(film), stat.st_size, stat.st_mtime_ns, "begun", tries=3)
    other = put(drawn["other"], tmp_path / "in" / "b.mp4", 300)
    stat = other.stat()
    Journal(tmp_path / "s.zarr").note(str(other), stat.st_size, stat.st_mtime_ns, "begun", tries=3)
    done = watch(tmp_path / "in", cwd=tmp_path)
    assert done.returncode == 0
    # The first had been labelled to its end all the same, the second never was.
    journal = Journal(tmp_path / "s.zarr")
    assert [e.path for e in journal.of("known")] == [str(film)]
    assert [(e.path, e.why) for e in journal.of("bad")] == [
        (str(other), "the process died over it 3 times")
    ]
    assert len(held(tmp_path / "s.zarr")) == 1


def test_a_film_that_was_interrupted_is_not_to_blame(
    drawn: dict[str, Path], tmp_path: Path
) -> None:
    """One is taken away from the stream; in the next the whole process is asked to end."""
    films = [put(drawn["long"], tmp_path / "in" / name, 300) for name in ("a.mp4", "b.mp4")]
    store = tmp_path / "s.zarr"
    command = [*PROGRAM, str(tmp_path / "in"), "--store", str(store), "--set", "detect.rate=20"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 240
        for film in map(str, films):
            running: list[str] = []
            while film not in running:
                assert process.poll() is None and time.monotonic() < deadline
                try:
                    sources = ask(store, {"do": "vitals"})["sources"]
                    running = [s["uri"] for s in sources if s["frames"] and s["state"] == "running"]
                except StoreError:
                    time.sleep(0.02)
            if film.endswith("a.mp4"):
                ask(store, {"do": "remove", "uri": film})
            else:
                process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 130
    journal = Journal(store)
    assert [(e.path, e.why) for e in journal.of("bad")] == [
        (str(films[0]), "it was taken away while it was labelled")
    ]
    assert [(e.path, e.tries) for e in journal.of("begun")] == [(str(films[1]), 0)]


def test_no_folder(tmp_path: Path) -> None:
    done = watch("nothing", cwd=tmp_path)
    assert done.returncode == 2 and "nothing is not a folder" in done.stderr
    assert not (tmp_path / "s.zarr").exists()
