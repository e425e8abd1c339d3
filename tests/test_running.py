"""Several live sources in one real process: added, taken away, one failing, all looked at."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_cli import draw

from caststream.errors import StoreError
from caststream.graph.spec import load_graph
from caststream.messages import Context
from caststream.nodes import catalogue
from caststream.session import Session
from caststream.store.control import Control, ask
from caststream.store.reader import StoreReader
from tools.sender import Broadcast

PROGRAM = [sys.executable, "-m", "caststream"]


def until(what: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            found = what()
        except (StoreError, OSError):
            found = None
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


@pytest.fixture
def broadcasts(tmp_path: Path):
    film = draw(tmp_path / "film.mp4", frames=200)
    made = [Broadcast(film) for _ in range(3)]
    yield made
    for one in made:
        one.close()


def test_sources_come_and_go_beside_each_other(broadcasts: list[Broadcast], tmp_path: Path) -> None:
    first, second, third = (one.uri for one in broadcasts)
    graph = tmp_path / "two.toml"
    live = Path("graphs/live.toml").read_text()
    graph.write_text(f'{live}\n[sources]\nfirst = "{first}"\nsecond = "{second}"\n')
    store = tmp_path / "s.zarr"
    words = ["--graph", str(graph), "--store", str(store), "--log-json", "--metrics", "0"]
    with subprocess.Popen(
        [*PROGRAM, *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = iter(process.stderr.readline, "")  # type: ignore[union-attr]
        said = [json.loads(line) for line in (next(lines), next(lines))]
        assert said[0]["message"] == f"store {store}"
        port = int(said[1]["message"].rpartition(":")[2].split("/")[0])

        def sources() -> dict[str, Any]:
            return {one["uri"]: one for one in ask(store, {"do": "vitals"})["sources"]}

        def analysed(*uris: str) -> bool:
            return all(sources()[uri]["analysed"] > 2 for uri in uris if uri in sources())

        until(lambda: len(sources()) == 2 and analysed(first, second))
        top = subprocess.run([*PROGRAM, "top", store], capture_output=True, text=True, check=True)
        assert "running" in top.stdout and "detect" in top.stdout

        def told(command: str, uri: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*PROGRAM, command, str(store), uri], capture_output=True, text=True, check=False
            )

        assert told("add", third).returncode == 0
        again = told("add", third)
        assert again.returncode == 5 and "is running already" in again.stderr
        assert told("add", str(tmp_path / "nothing.mp4")).returncode == 0
        until(lambda: sources()[third]["analysed"] > 2)
        failed = until(lambda: sources().get(str(tmp_path / "nothing.mp4"), {}).get("why"))
        assert "No such file" in failed
        # It keeps the process from being ready, until somebody says that it was not meant.
        assert told("remove", str(tmp_path / "nothing.mp4")).stdout.endswith("is forgotten\n")
        assert str(tmp_path / "nothing.mp4") not in sources()
        assert told("remove", "None").returncode == 5
        # A sender that goes away keeps nobody else waiting.
        broadcasts[0].close()
        until(lambda: sources()[first]["state"] == "reconnecting")
        before = sources()[second]["analysed"]
        until(lambda: sources()[second]["analysed"] > before + 2)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            assert f'caststream_up{{uri="{first}"}} 0' in answer.read().decode()
        assert told("remove", second).returncode == 0
        until(lambda: sources()[second]["state"] == "ended")
        assert sources()[third]["state"] == "running"
        process.terminate()
        out, rest = process.communicate(timeout=60)
        assert process.returncode == 130
    said += [json.loads(line) for line in rest.splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in said)
    records = [json.loads(line) for line in out.splitlines()]
    assert all("source" in record for record in records)
    with StoreReader(store) as reader:
        ids = {s.start.uri: s.id for s in reader.sources()}
        assert set(ids) == {first, second, third}
        assert all(s.end is not None for s in reader.sources())
        for uri, number in ids.items():
            mine = [r for r in records if r["source"] == number]
            assert (mine[0]["type"], mine[0]["uri"], mine[-1]["type"]) == ("stream", uri, "end")
            frames = [r["frame"] for r in mine if r["type"] == "frame"]
            assert frames == sorted(frames)
            assert len(reader.shots(number)) == sum(r["type"] == "shot" for r in mine)


def test_a_file_is_the_same_from_all_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(tmp_path / "film.mp4", frames=24)
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path)

    def told(word: str) -> subprocess.CompletedProcess[str]:
        command = [*PROGRAM, word, str(tmp_path), "../film.mp4"]
        return subprocess.run(
            command, cwd=tmp_path / "deep", capture_output=True, text=True, check=False
        )

    graph = load_graph("shots", catalogue(), ["decode.grows=300"])
    with Session(graph, Context(labels=str(tmp_path / "labels.ndjson"), quiet=True)) as session:
        stream = session.begin("film.mp4")
        control = Control(tmp_path, session.answer)
        try:
            again = told("add")
            assert again.returncode == 5 and "is running already" in again.stderr
            assert told("remove").returncode == 0
            assert stream.run.interrupted
        finally:
            control.close()
            session.stop()
        session.finish(stream)


@pytest.mark.parametrize("words", [["-"], ["--graph", "live", "udp://127.0.0.1:9"]])
def test_a_stop_before_the_first_picture_is_no_failure(words: list[str], tmp_path: Path) -> None:
    store = tmp_path / "s.zarr"
    with subprocess.Popen(
        [*PROGRAM, *words, "--store", str(store)], cwd=tmp_path,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        until(lambda: ask(store, {"do": "vitals"})["sources"])
        process.terminate()
        # Standard input stays open until the process has ended.
        assert process.wait(60) == 130
        assert process.stdout is not None and process.stderr is not None
        end = json.loads(process.stdout.read())
        said = process.stderr.read()
    assert (end["type"], end["reason"], end["frames"]) == ("end", "interrupted", 0)
    assert "begin_source" not in said
    with StoreReader(store) as reader:
        assert reader.sources() == []


def test_a_single_failing_source_ends_as_ever(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "nothing.mp4", "--graph", "shots", "--log-json"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "No such file" in json.loads(line)["message"]


def test_nobody_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "top", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 5 and "no stream is running" in done.stderr
