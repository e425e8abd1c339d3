"""What is written can be read again."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from films import numbered, read_number

from caststream.errors import OutputError, UsageError
from caststream.media.encoders import find_encoder
from caststream.media.encoding import VideoWriter
from caststream.media.sound import Ear


def numbers(file):
    with av.open(file) as container:
        frames = list(container.decode(video=0))
    return [(f.time, read_number(f.to_ndarray(format="rgb24"))) for f in frames], frames[0]


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts"])
def test_pictures_come_back_at_their_times(tmp_path, name):
    with VideoWriter(tmp_path / name, 128, 96, 25) as writer:
        for number in range(10):
            writer.write(numbered(number, 128, 96))
    found, first = numbers(str(tmp_path / name))
    assert [number for _, number in found] == list(range(10))
    steps = np.diff([time for time, _ in found])
    np.testing.assert_allclose(steps, 0.04, atol=0.0011)
    assert (first.width, first.height) == (128, 96)


def test_times_may_vary(tmp_path):
    times = [0.0, 0.5, 0.54, 2.0]
    with VideoWriter(tmp_path / "film.mp4", 64, 64, 25) as writer:
        for number, time in enumerate(times):
            writer.write(numbered(number, 64, 64), time)
    found, _ = numbers(str(tmp_path / "film.mp4"))
    assert found == [(pytest.approx(time), n) for n, time in enumerate(times)]


def test_colours_survive(tmp_path):
    picture = np.full((64, 64, 3), (200, 60, 30), np.uint8)
    with VideoWriter(tmp_path / "film.mp4", 64, 64, 25) as writer:
        writer.write(picture)
    with av.open(str(tmp_path / "film.mp4")) as container:
        frame = next(container.decode(video=0))
    assert frame.colorspace == 1 and frame.color_range == 1
    assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - picture).max() <= 4


def test_odd_sizes_lose_their_last_line(tmp_path):
    with VideoWriter(tmp_path / "film.mp4", 65, 49, 25) as writer:
        writer.write(numbered(3, 65, 49))
    _, first = numbers(str(tmp_path / "film.mp4"))
    assert (first.width, first.height) == (64, 48)


def test_a_pipe_gets_a_stream_that_can_be_read_from_a_pipe():
    ours, theirs = os.pipe()

    def write():
        with VideoWriter(theirs, 64, 64, 25) as writer:
            for number in range(8):
                writer.write(numbered(number, 64, 64))
        os.close(theirs)

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(ours, "rb") as pipe:
        found, _ = numbers(pipe)
    thread.join()
    assert [number for _, number in found] == list(range(8))


def test_a_target_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(OutputError, match=r"cannot be written to .*No such file"):
        VideoWriter(tmp_path / "none" / "film.mp4", 64, 64, 25)


def test_a_full_disk_is_told():
    with (
        pytest.raises(OutputError, match="No space left"),
        Path("/dev/full").open("wb", 0) as full,
        VideoWriter(full.fileno(), 64, 64, 25) as writer,
    ):
        writer.write(numbered(1, 64, 64))


def test_a_named_pipe_gets_an_mp4_that_needs_no_seeking(tmp_path):
    os.mkfifo(tmp_path / "film.mp4")

    def write():
        with VideoWriter(tmp_path / "film.mp4", 64, 64, 25) as writer:
            for number in range(8):
                writer.write(numbered(number, 64, 64))

    thread = threading.Thread(target=write)
    thread.start()
    (tmp_path / "copy.mp4").write_bytes((tmp_path / "film.mp4").read_bytes())
    thread.join()
    found, _ = numbers(str(tmp_path / "copy.mp4"))
    assert [number for _, number in found] == list(range(8))


def test_an_mp4_can_be_played_after_a_crash(tmp_path):
    """Without its end, as after kill -9: what was written is there but for the last moments."""
    program = (
        "import os, sys; from films import numbered\n"
        "from caststream.media.encoding import VideoWriter\n"
        "writer = VideoWriter(sys.argv[1], 64, 64, 25)\n"
        "for number in range(250): writer.write(numbered(number, 64, 64))\n"
        "os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "film.mp4"
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], env=os.environ | {"PYTHONPATH": paths}
    )
    assert done.returncode == -9
    found, _ = numbers(str(path))
    assert [number for _, number in found] == list(range(len(found)))
    assert len(found) >= 150


def test_encoders_are_told_by_name_and_tried():
    assert find_encoder("mpeg4") == "mpeg4"
    with pytest.raises(UsageError, match="nonsense does not work"):
        find_encoder("nonsense")
    with pytest.raises(UsageError, match="no encoder of pictures"):
        find_encoder("aac")


def test_an_ending_that_is_not_known(tmp_path):
    with pytest.raises(UsageError, match=r"film\.txt.*\.mp4"):
        VideoWriter(tmp_path / "film.txt", 64, 64, 25)


def tone(path, codec, rate=48_000, seconds=1.0):
    """A film of nothing but a tone of 440 Hz."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate, layout="mono")
        size = stream.codec_context.frame_size or 1024
        wave = np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate).astype(np.float32)
        resampler = av.AudioResampler(stream.format, "mono", rate, size)
        for start in range(0, len(wave), 1024):
            frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            for part in resampler.resample(frame):
                out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("codec", "source", "target", "copied"),
    [
        ("aac", "tone.mp4", "film.mp4", True),
        ("aac", "tone.ts", "film.ts", True),
        ("aac", "tone.ts", "film.mp4", False),
        ("aac", "tone.mp4", "film.ts", True),
        ("flac", "tone.mkv", "film.mkv", True),
        ("flac", "tone.mkv", "film.ts", False),
        ("pcm_s16le", "tone.mkv", "film.mp4", False),
    ],
)
def test_sound_is_copied_or_becomes_aac(codec, source, target, copied, tmp_path):
    tone(tmp_path / source, codec)
    ear = Ear()
    with av.open(str(tmp_path / source)) as container:
        ear.turn_to(container.streams.audio[0])
        packets = [p for p in container.demux() if p.size]
    ear.offset = -float(packets[0].pts * packets[0].time_base)
    for packet in packets:
        ear.hear(packet)
    sound = ear.take()  # the container that it came from is closed by now
    assert sound is not None and len(sound.packets) == len(packets)
    with VideoWriter(tmp_path / target, 64, 64, 25, sound=sound.track) as writer:
        for number in range(25):
            writer.write(numbered(number, 64, 64))
        writer.hear(sound)
    with av.open(str(tmp_path / target)) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == (codec if copied else "aac")
        wave = np.concatenate([f.to_ndarray()[0] for f in container.decode(stream)])
    rate = stream.rate
    assert len(wave) / rate == pytest.approx(1.0, abs=0.1)
    middle = wave[rate // 4 : rate * 3 // 4].astype(float)
    heard = np.argmax(np.abs(np.fft.rfft(middle))) * rate / len(middle)
    assert heard == pytest.approx(440, abs=3)
