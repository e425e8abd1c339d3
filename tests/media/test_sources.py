"""Opening sources, and what is said of those that cannot be opened."""

from __future__ import annotations

import os
import socket
import struct
import threading

import av
import numpy as np
import pytest
from films import numbered, write_film, write_sound

from caststream.errors import InputError, NoVideoError
from caststream.media.pipes import PipeReader, StopSign
from caststream.media.sources import PIXEL_LIMIT, Source


@pytest.fixture
def stop():
    sign = StopSign()
    yield sign
    sign.close()


@pytest.fixture
def opened(stop):
    """Opens sources and closes them after the test."""
    sources = []

    def open_source(uri, **settings):
        settings = {"timeout": 1.0, "spool_limit": 1 << 20} | settings
        sources.append(Source(str(uri), stop=stop, **settings))
        return sources[-1]

    yield open_source
    for source in sources:
        source.close()


@pytest.fixture
def stdin(monkeypatch):
    """Puts bytes or an open file where standard input is."""
    threads, files = [], []

    def write(descriptor, content):
        try:
            with os.fdopen(descriptor, "wb") as pipe:
                pipe.write(content)
        except BrokenPipeError:
            return

    def put(content):
        if isinstance(content, bytes):
            ours, theirs = os.pipe()
            threads.append(threading.Thread(target=write, args=(theirs, content)))
            threads[-1].start()
            content = os.fdopen(ours, "rb")
        monkeypatch.setattr("sys.stdin", content)
        files.append(content)

    yield put
    for file in files:
        file.close()
    for thread in threads:
        thread.join()


def png(width, height):
    """The start of a PNG that claims a size."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + bytes(4) + bytes(200)


def test_a_path(tmp_path, opened):
    source = opened(write_film(tmp_path / "film.mp4", 24))
    assert (source.fps, source.seconds, source.live, source.streamed) == (24, 1.0, False, False)


def test_a_path_may_look_like_an_option_or_have_colons(tmp_path, opened, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_film(tmp_path / "film.mp4", 4).rename("http:a b.mp4")
    assert opened("http:a b.mp4").stream.width == 96


def test_a_file_address_is_a_path(tmp_path, opened):
    film = write_film(tmp_path / "a film.mp4", 4)
    source = opened(film.as_uri())
    assert not source.remote and source.fingerprint == opened(film).fingerprint


def test_a_device_without_content_is_empty(opened):
    with pytest.raises(InputError, match="/dev/null is empty"):
        opened("/dev/null")


def test_rates_that_vary_are_not_stated(tmp_path, opened):
    times = [0.0, 0.1, 0.35, 0.4, 1.0, 1.3, 1.31, 2.0]
    film = write_film(tmp_path / "film.mp4", len(times), times=times)
    assert opened(film).fps is None


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"", InputError, "is empty"),
        (b"just some words\n" * 200, InputError, "is no film"),
        (bytes(range(256)) * 300, InputError, "is no film"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nhello\n", NoVideoError, "only subtitle"),
        (png(65535, 65535), InputError, "no picture size|is no film"),
        (png(0, 0), InputError, "no picture size|is no film"),
        (b"YUV4MPEG2 W65535 H65535 F25:1\nFRAME\n" + bytes(9000), InputError, "is no film"),
    ],
    ids=["empty", "text", "bytes", "subtitles", "absurd", "zero", "y4m"],
)
@pytest.mark.parametrize("name", ["film.mp4", "film.png", "film.txt"])
def test_what_is_no_film_is_told(tmp_path, opened, content, error, message, name):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error, match=message) as told:
        opened(path)
    assert str(path) in str(told.value) and str(told.value).count("\n") == 0


def test_a_text_file_that_ffmpeg_would_draw_is_refused(tmp_path, opened):
    path = tmp_path / "picture.nfo"
    path.write_bytes(b"\x1b[31mred\x1b[0m\r\n" * 100)
    with pytest.raises(InputError, match="text"):
        opened(path)


def test_a_missing_file(tmp_path, opened):
    with pytest.raises(InputError, match=r"none\.mp4 cannot be opened: No such file"):
        opened(tmp_path / "none.mp4")


def test_a_directory(tmp_path, opened):
    with pytest.raises(InputError, match="is a directory"):
        opened(tmp_path)


def test_a_forbidden_file(tmp_path, opened):
    path = write_film(tmp_path / "film.mp4", 2)
    path.chmod(0)
    if os.geteuid() == 0:
        pytest.skip("the superuser may read every file")
    with pytest.raises(InputError, match="Permission denied"):
        opened(path)


def test_sound_alone(tmp_path, opened):
    with pytest.raises(NoVideoError, match="holds no video, only audio"):
        opened(write_sound(tmp_path / "song.m4a"))


def test_an_index_that_is_cut_off(tmp_path, opened):
    path = write_film(tmp_path / "film.mp4", 24)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"moov") + 60])
    with pytest.raises(InputError, match="damaged or cut off") as raised:
        opened(path)
    assert raised.value.exit_code == 3


def test_a_cover_picture_is_no_film(tmp_path, opened):
    path = tmp_path / "song.mp3"
    picture = av.VideoFrame.from_ndarray(numbered(1, 64, 64), "rgb24")
    with av.open(str(path), "w") as container:
        sound = container.add_stream("mp3", rate=44_100)
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(picture.reformat(format="yuvj420p")))
        container.mux(cover.encode(None))
        for start in range(0, 20 * 1152, 1152):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts = 44_100, start
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    with pytest.raises(NoVideoError, match="holds no video"):
        opened(path)


def test_pictures_beyond_the_limit_are_refused_undecoded(tmp_path, opened):
    path = tmp_path / "huge.y4m"
    header = b"YUV4MPEG2 W16000 H16000 F25:1 Ip A1:1 C420jpeg\nFRAME\n"
    path.write_bytes(header + bytes(1000))
    assert PIXEL_LIMIT < 16_000**2
    with pytest.raises(InputError, match=r"16000x16000 pixels; at most 67,108,864"):
        opened(path)


def test_a_cut_off_index_is_told(tmp_path, opened):
    path = write_film(tmp_path / "film.mp4", 24)
    for lost in (600, 900, 1500):
        (tmp_path / "cut.mp4").write_bytes(path.read_bytes()[:-lost])
        with pytest.raises(InputError, match=r"damaged|cut off|no video"):
            opened(tmp_path / "cut.mp4")


def test_standard_input_as_a_file_has_its_length_and_the_file_s_fingerprint(
    tmp_path, opened, stdin
):
    path = write_film(tmp_path / "film.mp4", 24)
    stdin(path.open("rb"))
    source = opened("-")
    assert source.seconds == 1.0
    assert source.fingerprint == opened(path).fingerprint


@pytest.mark.parametrize("flags", ["+faststart", "+frag_keyframe+empty_moov"])
def test_a_pipe_with_its_index_first_is_read_as_it_comes(tmp_path, opened, stdin, flags):
    stdin(write_film(tmp_path / "film.mp4", 24, movflags=flags).read_bytes())
    source = opened("-")
    assert source.seconds is None
    assert len(list(source.container.decode(source.stream))) == 24


def test_a_pipe_with_its_index_last_is_spooled_and_said_so(tmp_path, opened, stdin, caplog):
    path = write_film(tmp_path / "film.mp4", 24)
    stdin(path.read_bytes())
    source = opened("-")
    assert "index at the end" in caplog.text
    assert len(list(source.container.decode(source.stream))) == 24
    assert source.fingerprint == opened(path).fingerprint


def test_the_spool_has_a_limit(tmp_path, opened, stdin):
    stdin(write_film(tmp_path / "film.mp4", 24).read_bytes())
    with pytest.raises(InputError, match=r"larger than the spool limit .*faststart"):
        opened("-", spool_limit=2000)


def test_an_empty_pipe_and_a_closed_one(opened, stdin, monkeypatch):
    stdin(b"")
    with pytest.raises(InputError, match="Standard input is empty"):
        opened("-")
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InputError, match="Standard input is closed"):
        opened("-")


def test_a_named_pipe(tmp_path, opened):
    film = write_film(tmp_path / "film.ts", 12).read_bytes()
    os.mkfifo(tmp_path / "pipe")
    thread = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(film,))
    thread.start()
    source = opened(tmp_path / "pipe")
    assert len(list(source.container.decode(source.stream))) == 12
    thread.join()


def test_fingerprints_tell_contents_apart(tmp_path, opened, stdin):
    one = write_film(tmp_path / "one.ts", 12)
    two = write_film(tmp_path / "two.ts", 12, first=1)
    copy = tmp_path / "copy.ts"
    copy.write_bytes(one.read_bytes())
    prints = [opened(path).fingerprint for path in (one, two, copy)]
    assert prints[0] == prints[2] != prints[1]
    assert len(prints[0]) == 64
    piped = []
    for path in (one, two, copy):
        stdin(path.read_bytes())
        piped.append(opened("-").fingerprint)
    assert piped[0] == piped[2] != piped[1]


def test_an_address_nobody_answers_at(opened):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    with pytest.raises(InputError, match=f"tcp://127.0.0.1:{port} cannot be opened"):
        opened(f"tcp://127.0.0.1:{port}")


def test_an_address_that_stays_silent(opened):
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(InputError, match=r"did not answer within 0\.3 s"):
            opened(uri, timeout=0.3)


def test_an_address_of_an_unknown_kind(opened):
    with pytest.raises(InputError, match="of a kind that this FFmpeg cannot open"):
        opened("gibberish://127.0.0.1/film")


def test_a_stopped_pipe_reader_gives_no_more(stop):
    ours, theirs = os.pipe()
    reader = PipeReader(ours, stop)
    os.write(theirs, b"abcdef")
    assert reader.peek(3) == b"abc"
    assert reader.peek(100, 0.01) == b"abcdef"
    assert (reader.read(2), reader.read(100)) == (b"ab", b"cdef")
    stop.set()
    os.write(theirs, b"more")
    assert reader.read(100) == b""
    for descriptor in (ours, theirs):
        os.close(descriptor)
