"""The annotated video: every frame, at its time, with boxes where they belong, and the sound."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from films import numbered, read_number

from caststream.errors import OutputError, UsageError
from caststream.media.colors import character_color
from caststream.media.picture import Picture
from caststream.media.surface import CpuSurface, Scalers
from caststream.messages import (
    Context,
    Detections,
    Embedded,
    Frame,
    Labelled,
    LabelledTracks,
    Passed,
    Rows,
    Shot,
    ShotEnd,
    ShotFrame,
    StreamEnd,
    StreamStart,
    Track,
    Tracked,
    Tracks,
)
from caststream.nodes.video import Video

PROGRAM = [sys.executable, "-m", "caststream"]
SIZE = (192, 128)
FPS = 24
EVERY = 6


def frame(index: int, shot: int) -> ShotFrame:
    flat = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
    picture = av.VideoFrame.from_ndarray(flat, "rgb24").reformat(format="yuv420p")
    small = np.zeros((27, 48, 3), np.uint8)
    return ShotFrame(
        Frame(index, index / FPS, Picture(CpuSurface(picture, Scalers()))), shot, small, False
    )


def labelled(
    source: ShotFrame, box: list[float], who: int | None, sure: float, track: int = 5
) -> Labelled:
    none = np.zeros((1, 1), np.float32)
    found = Detections(source, np.array([box], np.float32), np.ones(1, np.float32))
    embedded = Embedded(found, none, none.astype(np.float16), np.zeros((1, 1, 1, 3), np.uint8), 0)
    tracked = Tracked(embedded, np.array([track]))
    name = None if who is None else "Bunny"
    return Labelled(tracked, (who,), (name,), np.array([sure], np.float32))


def refined(shot: int, first: int, last: int, who: int) -> LabelledTracks:
    none = np.zeros(0, np.int64)
    rows = Rows(none, none.astype(float), *([none] * 2), none, none, none, (), none.astype(bool))  # type: ignore[arg-type]
    track = Track(5, shot, first, last + 1, first / FPS, last / FPS, 3, 1.0, first, (5,))
    tracks = Tracks(shot, 0, rows, (track,))
    return LabelledTracks(tracks, (who,), ("Bunny",), np.array([0.97], np.float32))


def drive(node: Video, target: Path, shots: int = 2, length: int = 24) -> Context:
    """Two shots of a second; a box moves from left to right in each, one character a shot."""
    context = Context(video=str(target))
    node.open(context)
    list(node.mark(StreamStart("film.mp4", *SIZE, FPS, None, "")))
    for shot in range(shots):
        first = shot * length
        for index in range(first, first + length):
            source = frame(index, shot)
            if (index - first) % EVERY:
                list(node.mark(Passed(source)))
                continue
            x = 10.0 + 4 * (index - first)
            known = index - first >= 2 * EVERY
            list(
                node.process(
                    labelled(source, [x, 40, x + 40, 100], shot + 1 if known else None, 0.9)
                )
            )
        list(node.process(refined(shot, first, first + length - EVERY, shot + 1)))
        end = Shot(shot, first, first + length, first / FPS, (first + length) / FPS, "cut", 1.0)
        list(node.end_shot(ShotEnd(end)))
    list(node.end_stream(StreamEnd(shots * length, shots * length / FPS, "eof")))
    node.close()
    return context


def read(path: Path) -> Iterator[tuple[float, np.ndarray]]:
    with av.open(str(path)) as container:
        for found in container.decode(video=0):
            yield float(found.time or 0), found.to_ndarray(format="rgb24")


def drawn(picture: np.ndarray) -> tuple[int, int, int]:
    """First and last column of the box on a gray picture, and whose colour it has; 0 for none."""
    lines = picture[60:95].astype(int)
    off = np.abs(lines - 128).max(axis=2) > 45
    columns = np.flatnonzero(off.mean(axis=0) > 0.5)
    if not len(columns):
        return -1, -1, 0
    color = lines[:, columns].reshape(-1, 3).mean(axis=0)
    near = {who: np.abs(color - character_color(who)).sum() for who in (1, 2)}
    near[0] = np.abs(color - character_color(None)).sum()
    return int(columns[0]), int(columns[-1]), min(near, key=lambda who: near[who])


@pytest.mark.parametrize("delay", [0.0, 0.3, 5.0])
def test_every_frame_is_written_once_in_order_with_boxes_that_move(
    delay: float, tmp_path: Path
) -> None:
    drive(Video(delay=delay, encoder="libx264"), tmp_path / "out.mp4")
    pictures = list(read(tmp_path / "out.mp4"))
    assert len(pictures) == 48
    np.testing.assert_allclose([t for t, _ in pictures], np.arange(48) / FPS, atol=0.002)
    for index, (_, picture) in enumerate(pictures):
        left, right, who = drawn(picture)
        if who != 1 + index // 24:  # not known yet when it had to be written
            assert who == 0 and delay < 0.5 and index % 24 < 2 * EVERY
            continue
        # Straight on between analysed frames; after the last of a shot it stays.
        expected = 10 + 4 * min(index % 24, 18)
        assert left == pytest.approx(expected, abs=2)
        assert right == pytest.approx(expected + 40, abs=3)


def test_nobody_is_drawn_by_whom_one_that_was_beside_it_is_said_to_be_now(tmp_path: Path) -> None:
    node = Video(delay=5.0, encoder="libx264")
    node.open(Context(video=str(tmp_path / "out.mp4")))
    list(node.mark(StreamStart("film.mp4", *SIZE, FPS, None, "")))
    places = ([10.0, 40, 50, 100], [120.0, 40, 160, 100])
    # The left one goes, and what it went by goes to the right one, who was there all the time.
    said = [(1, None), (1, None), (1, None), (None, 1)]
    for index in range(4):
        source = frame(index, 0)
        one, other = (
            labelled(source, place, who, 0.9, track)
            for place, who, track in zip(places, said[index], (5, 6), strict=True)
        )
        if index == 3:
            list(node.process(other))
            continue
        found = one.tracked.embedded
        both = Detections(source, np.array(places, np.float32), np.ones(2, np.float32))
        tracked = Tracked(replace(found, detections=both), np.array([5, 6]))
        names, sure = ("Bunny", None), np.ones(2, np.float32)
        list(node.process(Labelled(tracked, said[index], names, sure)))
    list(node.end_shot(ShotEnd(Shot(0, 0, 4, 0.0, 4 / FPS, "cut", 1.0))))
    list(node.end_stream(StreamEnd(4, 4 / FPS, "eof")))
    node.close()
    for _, picture in read(tmp_path / "out.mp4"):
        left, right = picture[:, : SIZE[0] // 2], picture[:, SIZE[0] // 2 :]
        assert drawn(left)[2] == 0
        assert drawn(right)[2] == 1


def test_pictures_are_not_held_without_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caststream.nodes.video.MOST_HELD", 10 * SIZE[0] * SIZE[1] * 3 // 2)
    node = Video(delay=100.0)
    most = 0
    hold = node._hold

    def watched(source: ShotFrame) -> None:
        nonlocal most
        hold(source)
        most = max(most, len(node._held))

    monkeypatch.setattr(node, "_hold", watched)
    drive(node, tmp_path / "out.mkv", length=60)
    assert most <= 10 + EVERY
    assert len(list(read(tmp_path / "out.mkv"))) == 120


def test_a_film_that_is_not_wanted_is_not_written(tmp_path: Path) -> None:
    node = Video()
    node.open(Context())
    list(node.mark(StreamStart("film.mp4", *SIZE, FPS, None, "")))
    list(node.process(labelled(frame(0, 0), [1, 1, 9, 9], 1, 1.0)))
    list(node.end_stream(StreamEnd(1, 1.0, "eof")))
    node.close()


def test_what_cannot_be_written_is_told_before_anything_is_decoded(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"")
    (tmp_path / "folder.mp4").mkdir()
    for target, error, words in (
        (tmp_path / "out.txt", UsageError, "ending"),
        (tmp_path / "no" / "out.mp4", OutputError, "not there"),
        (tmp_path / "folder.mp4", OutputError, "folder"),
        (film, UsageError, "film itself"),
    ):
        with pytest.raises(error, match=words):
            Video().open(Context(uri=str(film), video=str(target)))
    with pytest.raises(UsageError, match="no font"):
        Video(font="nothing.ttf").open(Context(video=str(tmp_path / "out.mp4")))
    with pytest.raises(UsageError, match="delay"):
        Video(delay=-1)


# --- the program -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of numbered frames in two shots, with a tone."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = (*SIZE, "yuv420p")
        video.codec_context.time_base = Fraction(1, 90_000)
        sound = out.add_stream("aac", rate=48_000, layout="mono")
        for index in range(96):
            picture = numbered(index, *SIZE)
            if index >= 48:
                picture = picture[:, :, ::-1].copy()
            shown = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")
            shown.pts, shown.time_base = index * 3750, Fraction(1, 90_000)
            out.mux(video.encode(shown))
        for start in range(0, 4 * 48_000, 1024):
            wave = np.sin(2 * np.pi * 440 * (start + np.arange(1024)) / 48_000)
            heard = av.AudioFrame.from_ndarray(wave.astype(np.float32)[None], "fltp", "mono")
            heard.sample_rate, heard.pts = 48_000, start
            heard.time_base = Fraction(1, 48_000)
            out.mux(sound.encode(heard))
        out.mux(video.encode(None))
        out.mux(sound.encode(None))
    return path


def run(*words: object, cwd: Path, **more: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*PROGRAM, *map(str, words), "--set", "learn.tune=off"],
        cwd=cwd, capture_output=True, timeout=300, check=False, **more,
    )  # fmt: skip


def test_a_pipe_in_and_a_pipe_out(film: Path, tmp_path: Path) -> None:
    """``caststream < film --video - | player``: all frames, the very sound, labels aside."""
    with film.open("rb") as source:
        done = run("--video", "-", "--labels", "l.ndjson", "--quiet", cwd=tmp_path, stdin=source)
    assert done.returncode == 0, done.stderr
    (tmp_path / "out.ts").write_bytes(done.stdout)
    pictures = list(read(tmp_path / "out.ts"))
    assert [read_number(p) for _, p in pictures] == [read_number(p) for _, p in read(film)] and len(
        pictures
    ) == 96
    with av.open(str(tmp_path / "out.ts")) as ours, av.open(str(film)) as theirs:
        assert ours.format.name == "mpegts"
        header = 7  # MPEG-TS puts one in front of every packet of AAC
        heard = [bytes(p)[header:] for p in ours.demux(audio=0) if p.size]
        sent = [bytes(p) for p in theirs.demux(audio=0) if p.size]
    # Not encoded again; what lies before the first picture is left out.
    assert len(heard) > 180
    assert heard == sent[len(sent) - len(heard) :]
    kinds = [json.loads(line)["type"] for line in (tmp_path / "l.ndjson").read_text().splitlines()]
    assert (kinds[0], kinds[-1]) == ("stream", "end")


def test_sound_and_pictures_stay_together(film: Path, tmp_path: Path) -> None:
    done = run(film, "--video", "out.mp4", "--quiet", cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["type"] == "stream"
    with av.open(str(tmp_path / "out.mp4")) as container:
        first = {
            s.type: min(float(p.pts * p.time_base) for p in container.demux(s) if p.size)
            for s in container.streams
            if not container.seek(0)
        }
    assert first["video"] == pytest.approx(first["audio"], abs=0.05)


def test_a_viewer_that_goes_away(film: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [*PROGRAM, str(film), "--video", "-", "--set", "learn.tune=off"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        process.stdout.read(100)
        process.stdout.close()
        said = process.stderr.read().decode()
        assert process.wait(120) == 141, said
    assert "Traceback" not in said
    assert "the reader of the output went away; what was seen is saved" in said


def test_words_that_cannot_be_meant(film: Path, tmp_path: Path) -> None:
    for words, hint in (
        (["--graph", "shots", "--video", "out.mp4"], "shots"),
        (["--video", "out.avi"], ".mp4"),
        (["--video", "x.mp4", "--labels", "x.mp4"], "same place"),
        ([film, "--video", "x.mp4"], "one source"),
    ):
        done = run(film, *words, cwd=tmp_path, stdin=subprocess.DEVNULL)
        assert done.returncode == 2, done.stderr
        assert hint in done.stderr.decode()
        assert b"Traceback" not in done.stderr
    assert not (tmp_path / "caststream.zarr").exists()


def test_a_terminal_gets_no_film(film: Path, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    try:
        process = subprocess.Popen(
            [*PROGRAM, str(film), "--video", "-"],
            cwd=tmp_path, stdout=theirs, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        _, said = process.communicate(timeout=120)
    finally:
        os.close(ours)
        os.close(theirs)
    assert process.returncode == 2
    assert b"pipe it into a player" in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(film: Path, tmp_path: Path) -> None:
    (tmp_path / "out.ts").symlink_to("/dev/full")
    done = run(film, "--video", "out.ts", "--quiet", cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert done.returncode == 6, done.stderr
    assert b"out.ts: No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


def test_ctrl_c_leaves_a_film(film: Path, tmp_path: Path) -> None:
    """A pipe that stays open: what was sent so far is in the video."""
    data = film.read_bytes()
    with av.open(str(film)) as source, av.open(str(tmp_path / "in.ts"), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    assert data
    with subprocess.Popen(
        [*PROGRAM, "--video", "out.mp4", "--labels", "l.ndjson", "--set", "learn.tune=off"],
        cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stderr is not None
        process.stdin.write((tmp_path / "in.ts").read_bytes())
        process.stdin.flush()
        labels = tmp_path / "l.ndjson"
        for _ in range(600):  # until it is on its way
            if labels.exists() and '"frame"' in labels.read_text():
                break
            if process.poll() is not None:
                break
            signal.sigtimedwait([], 0.2)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read().decode()
        assert process.wait(120) == 130, said
    end = json.loads(labels.read_text().splitlines()[-1])
    assert end["type"] == "end" and end["reason"] == "interrupted" and end["frames"] > 0
    assert [read_number(p) for _, p in read(tmp_path / "out.mp4")] == list(range(end["frames"]))
