"""The program from outside: real processes, exit codes, one sentence each, no traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

PROGRAM = [sys.executable, "-m", "caststream"]


def run(
    *words: str | Path, cwd: Path, stdin: Any = subprocess.DEVNULL, **more: Any
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *map(str, words)],
        cwd=cwd,
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **more,
    )


def draw(path: Path, frames: int = 40, size: tuple[int, int] = (128, 72)) -> Path:
    """Two shots: a red ball on green, then a blue one on yellow."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=20)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        ys, xs = np.mgrid[: size[1], : size[0]]
        for i in range(frames):
            second = i >= frames // 2
            picture = np.empty((size[1], size[0], 3), np.uint8)
            picture[:] = (230, 220, 40) if second else (20, 130, 60)
            ball = (xs - 30 - i) ** 2 + (ys - 36) ** 2 < 300
            picture[ball] = (20, 20, 200) if second else (220, 30, 30)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("film") / "film.mp4")


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def complaint(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one sentence that a failed run says."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    lines = [x for x in done.stderr.splitlines() if not x.startswith("caststream: store ")]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("caststream: ")
    return lines[0]


# --- the whole stream --------------------------------------------------------------------------


def test_a_film_becomes_labels_and_a_store_and_is_refused_the_second_time(
    film: Path, tmp_path: Path
) -> None:
    done = run(film, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = records(done.stdout)
    assert said[0]["type"] == "stream"
    assert said[0]["schema"] == "caststream/1"
    assert said[0]["store"] == "caststream.zarr"
    assert said[-1]["type"] == "end"
    assert said[-1]["reason"] == "eof"
    assert said[-1]["frames"] == 40
    assert [r["start_frame"] for r in said if r["type"] == "shot"] == [0, 20]
    frames = [r["frame"] for r in said if r["type"] == "frame"]
    assert frames == sorted(frames)
    assert {0, 20} <= set(frames)

    again = run(film, cwd=tmp_path)
    assert "--again" in complaint(again, 5)
    assert again.stdout == ""
    before = tmp_path / "before.ndjson"
    before.write_text("labels of before\n")
    assert "--again" in complaint(run(film, "--labels", before, cwd=tmp_path), 5)
    assert before.read_text() == "labels of before\n"

    (tmp_path / "labels.ndjson").write_text("labels of before\n" * 1000)
    anew = run(film, "--again", "--labels", "labels.ndjson", "--quiet", cwd=tmp_path)
    assert (anew.returncode, anew.stdout, anew.stderr) == (0, "", "")

    def settled(stream: list[dict[str, Any]]) -> list[dict[str, Any]]:
        clocks = ("started", "elapsed", "source")
        return [{k: v for k, v in r.items() if k not in clocks} for r in stream]

    labels = (tmp_path / "labels.ndjson").read_text()
    kinds = ("frame", "shot", "end")
    assert settled([r for r in records(labels) if r["type"] in kinds]) == settled(
        [r for r in said if r["type"] in kinds]
    )

    told = run("info", "caststream.zarr", cwd=tmp_path)
    assert told.returncode == 0
    assert "film.mp4" in told.stdout
    exported = run("export", "caststream.zarr", "--to", "ndjson", cwd=tmp_path)
    assert exported.returncode == 0
    assert {r["type"] for r in records(exported.stdout)} >= {"stream", "shot", "end"}


def test_two_runs_say_the_same(film: Path, tmp_path: Path) -> None:
    def once(name: str) -> list[dict[str, Any]]:
        done = run(film, "--store", name, "--quiet", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return [
            {k: v for k, v in r.items() if k not in ("started", "elapsed", "store")}
            for r in records(done.stdout)
        ]

    assert once("one.zarr") == once("other.zarr")


def test_standard_input_as_a_file_and_as_a_pipe(film: Path, tmp_path: Path) -> None:
    with film.open("rb") as file:
        direct = run("--graph", "shots", "--quiet", cwd=tmp_path, stdin=file)
    with subprocess.Popen(["cat", film], stdout=subprocess.PIPE) as cat:
        piped = run("--graph", "shots", "--quiet", cwd=tmp_path, stdin=cat.stdout)
    for done in (direct, piped):
        assert done.returncode == 0, done.stderr
        assert records(done.stdout)[-1]["frames"] == 40
    assert not (tmp_path / "caststream.zarr").exists()


# --- ways to end -------------------------------------------------------------------------------


def test_ctrl_c_ends_the_stream_normally(film: Path, tmp_path: Path) -> None:
    """A pipe that stays open: only the signal can end it."""
    fragmented = tmp_path / "film.ts"
    with av.open(str(film)) as source, av.open(str(fragmented), "w", format="mpegts") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    with subprocess.Popen(
        [*PROGRAM, "--graph", "shots", "--quiet"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(fragmented.read_bytes() * 3)
        process.stdin.flush()
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read().decode()
        assert process.wait(60) == 130
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    assert json.loads(first)["type"] == "stream"
    end = records(rest)[-1]
    assert (end["type"], end["reason"]) == ("end", "interrupted")


def test_a_reader_that_goes_away_ends_the_stream_cleanly(film: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [*PROGRAM, film, "--graph", "shots"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        # A stream this short may have been written whole before the reader left.
        assert process.wait(60) in (0, 141)
    assert "Traceback" not in said
    assert "Broken pipe" not in said


# --- bad input ---------------------------------------------------------------------------------


def test_an_empty_standard_input(tmp_path: Path) -> None:
    assert "empty" in complaint(run("--graph", "shots", cwd=tmp_path), 3)


def test_text_instead_of_a_film(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_text("once upon a time\n" * 100)
    assert "film.mp4" in complaint(run("film.mp4", "--graph", "shots", cwd=tmp_path), 3)


def test_sound_without_pictures(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "song.mp4"), "w") as out:
        stream = out.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(
            np.zeros((1, 44100), np.float32), format="fltp", layout="mono"
        )
        sound.sample_rate = 44100
        for packet in [*stream.encode(sound), *stream.encode()]:
            out.mux(packet)
    assert "video" in complaint(run("song.mp4", "--graph", "shots", cwd=tmp_path), 4)


def test_what_is_not_there_or_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert "missing.mp4" in complaint(run("missing.mp4", cwd=tmp_path), 3)
    assert "folder" in complaint(run("folder", cwd=tmp_path), 3)
    assert not (tmp_path / "caststream.zarr").exists()


def test_standard_output_by_its_sign_and_closed(film: Path, tmp_path: Path) -> None:
    done = run(film, "--graph", "shots", "--labels", "-", cwd=tmp_path)
    assert records(done.stdout)[-1]["reason"] == "eof"
    assert list(tmp_path.iterdir()) == []
    closed = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *PROGRAM, str(film), "--graph", "shots"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
        check=False,
    )
    assert "standard output is closed" in complaint(closed, 6)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are text")
def test_without_standard_error(film: Path, tmp_path: Path) -> None:
    """Files of ours must not get its number: what libraries complain of would go into them."""
    words = ["sh", "-c", 'exec "$@" 2>&-', "sh", *PROGRAM, str(film), "--graph", "shots"]
    done = subprocess.run(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()][-1] == "end"


def test_a_name_that_is_no_text(film: Path, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(bytes(tmp_path) + b"/\xff\n\xfe.mp4"))
    odd.write_bytes(film.read_bytes())
    done = run(odd, "--graph", "shots", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert records(done.stdout)[0]["uri"] == f"{tmp_path}/\ufffd\n\ufffd.mp4"


def test_a_truncated_film_is_labelled_as_far_as_it_goes(film: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.mkv"
    draw(whole, frames=120)
    data = whole.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * 2 // 3])
    done = run("cut.mkv", "--graph", "shots", "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    end = records(done.stdout)[-1]
    assert end["type"] == "end"
    assert 30 < end["frames"] < 120


def test_words_that_cannot_be_meant(film: Path, tmp_path: Path) -> None:
    assert "rate" in complaint(run(film, "--set", "detect.rat=4", cwd=tmp_path), 2)
    assert "archive" in complaint(run(film, "--graph", "archiv", cwd=tmp_path), 2)
    assert "--device" in complaint(run(film, "--device", "abacus", cwd=tmp_path), 2)
    assert 'did you mean "export"?' in complaint(
        run("exprt", "s.zarr", "--to", "x", cwd=tmp_path), 2
    )
    assert not (tmp_path / "caststream.zarr").exists()


# --- bad stores and outputs --------------------------------------------------------------------


def test_a_store_of_another_kind_or_version(film: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a store")
    assert "notes.txt" in complaint(run(film, "--store", "notes.txt", cwd=tmp_path), 5)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_text("")
    assert "photos" in complaint(run(film, "--store", "photos", cwd=tmp_path), 5)
    assert run("info", "nowhere.zarr", cwd=tmp_path).returncode == 5


def test_a_store_in_use(film: Path, tmp_path: Path) -> None:
    from caststream.store.writer import StoreWriter

    with StoreWriter.open(tmp_path / "busy.zarr"):
        said = complaint(run(film, "--store", "busy.zarr", cwd=tmp_path), 5)
    assert str(os.getpid()) in said


def test_labels_that_cannot_be_written(film: Path, tmp_path: Path) -> None:
    said = complaint(
        run(film, "--graph", "shots", "--labels", "no/such/folder.ndjson", cwd=tmp_path), 6
    )
    assert "no/such/folder.ndjson" in said
    whole = film.read_bytes()
    said = complaint(run(film, "--graph", "shots", "--labels", film, cwd=tmp_path), 2)
    assert "film itself" in said
    for words in (("--graph", "shots", "--labels", film), ("--video", film)):
        with film.open("rb") as stdin:
            assert "film itself" in complaint(run(*words, cwd=tmp_path, stdin=stdin), 2)
    assert film.read_bytes() == whole


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_the_labels(film: Path, tmp_path: Path) -> None:
    done = run(film, "--graph", "shots", "--labels", "/dev/full", cwd=tmp_path)
    assert "No space left" in complaint(done, 6)


# --- small commands ----------------------------------------------------------------------------


def test_help_and_version_answer_without_heavy_imports(tmp_path: Path) -> None:
    script = (
        "import sys; from caststream.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numba', 'sklearn', 'kornia', 'numpy', 'av', 'zarr', 'openvino'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert "exit codes" in done.stdout
    assert run("--version", cwd=tmp_path).stdout.startswith("caststream ")


def test_graphs_and_nodes_are_told(tmp_path: Path) -> None:
    tree = run("graph", "archive", "--set", "detect.rate=2", cwd=tmp_path)
    assert tree.returncode == 0
    assert "rate = 2.0" in tree.stdout
    nodes = run("nodes", cwd=tmp_path)
    assert nodes.returncode == 0
    assert "detect:" in nodes.stdout


def test_tuning_takes_a_step_at_least(tmp_path: Path) -> None:
    done = run("tune", "s.zarr", "--steps", "-3", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "caststream: --steps has to be 1 at least, not -3\n"
