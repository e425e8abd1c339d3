"""Decoding real files, whole and damaged: which pictures come, at which times, what is told."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
import numpy as np
import pytest
from films import HEIGHT, WIDTH, packet_places, read_number, write_film

from caststream.errors import InputError
from caststream.media import live
from caststream.media.decoding import Decoder
from caststream.media.losses import Break
from caststream.media.pipes import StopSign
from caststream.media.showing import Shown
from caststream.media.sources import Source
from caststream.messages import Context, Frame, Gap
from caststream.nodes.decode import Decode


class Result:
    def __init__(self, decoder, items):
        self.decoder = decoder
        self.items = items
        self.shown = [item for item in items if isinstance(item, Shown)]
        self.breaks = [item for item in items if isinstance(item, Break)]
        self.numbers = [read_number(s.picture.resized(WIDTH, HEIGHT)) for s in self.shown]
        self.times = [s.time for s in self.shown]


def decode(uri, limit=None, timeout=2.0, **settings):
    stop = StopSign()
    source = Source(str(uri), timeout=timeout, spool_limit=1 << 20, stop=stop)
    try:
        decoder = Decoder(source, stop, **settings)
        items = []
        for item in decoder.run():
            items.append(item)
            if limit is not None and len(items) == limit:
                stop.set()
        result = Result(decoder, items)
    finally:
        source.close()
        stop.close()
    assert [s.index for s in result.shown] == list(range(len(result.shown)))
    assert all(a < b for a, b in zip(result.times, result.times[1:], strict=False))
    return result


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts", "film.avi", "film.flv"])
@pytest.mark.parametrize("threads", [1, 3])
def test_all_pictures_come_in_order(tmp_path, name, threads):
    settings = {"codec": "mpeg4", "b_frames": 0} if name.endswith("avi") else {}
    result = decode(write_film(tmp_path / name, 30, **settings), threads=threads)
    assert result.numbers == list(range(30))
    assert result.times == pytest.approx([n / 24 for n in range(30)], abs=0.001)
    assert result.breaks == []
    assert result.decoder.seconds == pytest.approx(30 / 24, abs=0.002)


@pytest.mark.parametrize("start", [0.0, 12.5, 93_600.0])
def test_time_counts_from_the_first_picture(tmp_path, start):
    result = decode(write_film(tmp_path / "film.ts", 12, start=start))
    assert result.times == pytest.approx([n / 24 for n in range(12)], abs=1e-4)
    assert result.breaks == []


@pytest.mark.parametrize("name", ["film.mkv", "film.mp4"])
def test_true_times_of_varying_rates_pass_through(tmp_path, name):
    times = [0.0, 0.5, 0.54, 3.0, 40.0, 40.1]
    result = decode(write_film(tmp_path / name, 6, times=times))
    assert result.times == pytest.approx(times, abs=0.001)
    assert result.breaks == []


def test_a_restarted_clock_goes_on(tmp_path):
    first = write_film(tmp_path / "a.ts", 24, start=95_000.0)
    second = write_film(tmp_path / "b.ts", 24, first=24)
    film = tmp_path / "film.ts"
    film.write_bytes(first.read_bytes() + second.read_bytes() + first.read_bytes())
    result = decode(film)
    assert result.numbers == [*range(48), *range(24)]
    assert result.times == pytest.approx([n / 24 for n in range(72)], abs=1e-3)
    assert [(b.reason, b.frames) for b in result.breaks] == [("discontinuity", 0)] * 2
    assert [b.end for b in result.breaks] == pytest.approx([1.0, 2.0], abs=1e-3)
    assert [result.items.index(b) for b in result.breaks] == [24, 49]


def test_a_broken_packet_is_stepped_over(tmp_path):
    film = write_film(tmp_path / "film.mp4", 24)
    data = bytearray(film.read_bytes())
    place, size = packet_places(film)[8]
    data[place : place + size] = np.random.default_rng(5).bytes(size)
    film.write_bytes(data)
    result = decode(film)
    assert len(result.shown) >= 20
    assert set(result.numbers[:6]) == set(range(6)) and result.numbers[-8:] == [*range(16, 24)]
    assert [b.reason for b in result.breaks] == ["corrupt"]
    assert 0.1 < result.breaks[0].start < result.breaks[0].end < 0.7


def test_lost_pictures_are_counted_where_they_are_missing(tmp_path):
    film = write_film(tmp_path / "film.mp4", 24)
    data = bytearray(film.read_bytes())
    for place, size in packet_places(film)[6:12]:
        data[place : place + size] = bytes(size)
    film.write_bytes(data)
    result = decode(film)
    assert result.numbers == [*range(6), *range(12, 24)]
    (lost,) = result.breaks
    assert (lost.reason, lost.frames) == ("corrupt", 6)
    assert (lost.start, lost.end) == (pytest.approx(5 / 24), pytest.approx(12 / 24))
    assert result.items.index(lost) == 6


def test_damage_in_a_broadcast(tmp_path):
    film = write_film(tmp_path / "film.ts", 48)
    data = bytearray(film.read_bytes())
    middle = len(data) // 188 // 2 * 188
    data[middle : middle + 4 * 188] = np.random.default_rng(7).bytes(4 * 188)
    film.write_bytes(data)
    result = decode(film)
    assert result.numbers[:12] == [*range(12)] and result.numbers[-6:] == [*range(42, 48)]
    assert [b.reason for b in result.breaks] == ["corrupt"]


def test_a_file_that_was_cut_off_ends_normally(tmp_path):
    film = write_film(tmp_path / "film.mp4", 48, movflags="+faststart")
    data = film.read_bytes()
    film.write_bytes(data[: packet_places(film)[30][0] + 5])
    result = decode(film)
    assert 20 <= len(result.shown) <= 31
    assert result.numbers == [*range(len(result.shown))]
    (lost,) = result.breaks
    assert lost.reason == "corrupt" and lost.end == pytest.approx(2.0)
    assert lost.frames == 48 - len(result.shown)


def test_a_new_size_keeps_boxes_in_the_first(tmp_path):
    first = write_film(tmp_path / "a.ts", 24)
    second = write_film(tmp_path / "b.ts", 24, first=24, start=1.1, size=(192, 128))
    film = tmp_path / "film.ts"
    film.write_bytes(first.read_bytes() + second.read_bytes())
    result = decode(film)
    assert result.numbers == list(range(48))
    assert [(b.reason, result.items.index(b)) for b in result.breaks] == [("resized", 24)]
    last = result.shown[-1].picture
    assert (last.width, last.height) == (WIDTH, HEIGHT)
    box = np.array([[24, 16, 72, 48]], np.float32)
    np.testing.assert_allclose(last.boxes_from(box * 2, 192, 128), box)
    crop, large = (result.shown[n].picture.crops(box, 32)[0] for n in (0, 24))
    assert crop.shape == large.shape
    # Blocks 3 and 4 of number 24 are white, all of number 0 are black; both at the same place.
    assert large[16, 16].min() > 200 and crop[16, 16].max() < 60


def test_another_codec_in_mid_stream(tmp_path):
    first = write_film(tmp_path / "a.ts", 24)
    second = write_film(tmp_path / "b.ts", 120, first=24, start=1.1, codec="mpeg2video")
    film = tmp_path / "film.ts"
    film.write_bytes(first.read_bytes() + second.read_bytes())
    result = decode(film)
    assert result.numbers[:20] == [*range(20)]
    assert result.numbers[-90:] == [*range(54, 144)]
    assert [b.reason for b in result.breaks] == ["corrupt"]


@pytest.mark.parametrize("cut", [1, 5])
def test_a_stream_cut_in_its_last_packets_tells_the_hole(tmp_path, cut):
    film = write_film(tmp_path / "film.ts", 60)
    film.write_bytes(film.read_bytes()[: -188 * cut])
    result = decode(film)
    missing = set(range(result.numbers[-1])) - set(result.numbers)
    assert len(missing) == 1
    assert [(b.reason, b.frames) for b in result.breaks] == [("corrupt", 1)]


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("p", [1, -1])
@pytest.mark.parametrize("q", [1, -1])
def test_a_turned_or_mirrored_film_is_seen_upright(tmp_path, across, p, q):
    film = write_film(tmp_path / "plain.mp4", 6)
    turned = tmp_path / "turned.mp4"
    matrix = (0, q, 0, p, 0, 0, 0, 0, 1) if across else (p, 0, 0, 0, q, 0, 0, 0, 1)
    with av.open(str(film)) as source, av.open(str(turned), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.set_display_matrix([v << (30 if i == 8 else 16) for i, v in enumerate(matrix)])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    result = decode(turned)
    picture = result.shown[3].picture
    width, height = (HEIGHT, WIDTH) if across else (WIDTH, HEIGHT)
    assert (result.decoder.width, result.decoder.height) == (width, height)
    assert (picture.width, picture.height) == (width, height)
    seen = picture.resized(width, height)[::q, ::p]
    assert read_number(seen.swapaxes(0, 1) if across else seen) == 3


def test_wide_pixels_do_not_change_coordinates(tmp_path):
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.sample_aspect_ratio = 2
        white = np.zeros((64, 96, 3), np.uint8)
        white[16:48, 40:56] = 255  # 16 x 32 stored, a square as shown
        frame = av.VideoFrame.from_ndarray(white, "rgb24")
        container.mux([*stream.encode(frame), *stream.encode(None)])
    picture = decode(path).shown[0].picture
    assert (picture.width, picture.height) == (96, 64)
    crop = picture.crops(np.array([[40, 16, 56, 48]], np.float32), 44)[0, ..., 1] > 128
    assert crop.any(axis=0).sum() == crop.any(axis=1).sum() == pytest.approx(40, abs=1)


@pytest.mark.parametrize("chain", ["bwdif,crop=64:48:16:8", "bwdif=send_field,crop=64:48:16:8"])
def test_filters_keep_numbers_times_and_boxes(tmp_path, chain):
    result = decode(write_film(tmp_path / "film.mp4", 24), chain=chain)
    assert len(result.shown) == 24
    assert result.times == pytest.approx([n / 24 for n in range(24)])
    picture = result.shown[10].picture
    assert (picture.width, picture.height) == (WIDTH, HEIGHT)
    found = picture.boxes_from(np.array([[0, 0, 64, 48]], np.float32), 64, 48)
    np.testing.assert_allclose(found, [[16, 8, 80, 56]], atol=0.2)
    # Number 10 has blocks 1 and 3 in white, each 12 wide.
    shades = [
        picture.crops(np.array([[12 * bit + 3, 28, 12 * bit + 9, 36]], np.float32), 8)[0, 4, 4, 0]
        for bit in range(2, 6)
    ]
    assert [shade > 128 for shade in shades] == [False, True, False, False]


def test_filters_work_across_a_break(tmp_path):
    first = write_film(tmp_path / "a.ts", 24, start=95_000.0)
    second = write_film(tmp_path / "b.ts", 24, first=24)
    film = tmp_path / "film.ts"
    film.write_bytes(first.read_bytes() + second.read_bytes())
    result = decode(film, chain="bwdif=send_frame")
    assert result.numbers == list(range(48))
    assert [(b.reason, result.items.index(b)) for b in result.breaks] == [("discontinuity", 24)]


@pytest.fixture
def sender():
    """A TCP server that sends one of the given films to each who connects, then hangs up.

    A film with False beside it is followed by silence instead.
    """
    server = socket.create_server(("127.0.0.1", 0))
    films, silent = [], []

    def serve():
        for film, hang_up in films:
            try:
                peer, _ = server.accept()
                peer.sendall(film)
            except OSError:
                continue
            if hang_up:
                peer.close()
            else:
                silent.append(peer)

    thread = threading.Thread(target=serve)

    def start(*contents):
        films.extend(c if isinstance(c, tuple) else (c, True) for c in contents)
        thread.start()
        return f"tcp://127.0.0.1:{server.getsockname()[1]}"

    yield start
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()
    for peer in silent:
        peer.close()


def test_a_lost_live_source_is_connected_again(tmp_path, sender, monkeypatch):
    monkeypatch.setattr(live, "FIRST", 0.01)
    first = write_film(tmp_path / "a.ts", 24, start=500.0).read_bytes()
    second = write_film(tmp_path / "b.ts", 24, first=24).read_bytes()
    result = decode(sender(first, b"", second, first), limit=24 + 1 + 24 + 1 + 24)
    assert result.numbers == [*range(48), *range(24)]
    assert [b.reason for b in result.breaks] == ["reconnect", "reconnect"]
    assert [result.items.index(b) for b in result.breaks] == [24, 49]
    assert result.times[24] > 0.999  # at least a frame later, or the pause on the wall
    assert result.times[47] - result.times[24] == pytest.approx(23 / 24, abs=1e-3)


def test_a_silent_live_source_is_connected_again(tmp_path, sender, monkeypatch):
    monkeypatch.setattr(live, "FIRST", 0.01)
    film = write_film(tmp_path / "a.ts", 48).read_bytes()
    # Nobody ever hangs up. A busy machine may take the sender for silent in mid-film, or before it
    # has begun: then it is only connected once more often.
    node = Decode(timeout=1.0, insist=True)
    node.open(Context(uri=sender(*[(film, False)] * 50)))
    runs, gaps = [[]], []
    for message in node.produce():
        if isinstance(message, Frame):
            runs[-1].append(read_number(message.picture.resized(WIDTH, HEIGHT)))
        elif isinstance(message, Gap):
            gaps.append(message)
            runs.append([])
        if sum(len(run) == 48 for run in runs) == 2:
            break
    node.close()
    # What FFmpeg holds back of a stream that falls silent is shown before the break.
    assert all(run == list(range(len(run))) for run in runs)
    assert gaps and {gap.reason for gap in gaps} == {"reconnect"}
    assert all(gap.end - gap.start > 0.04 for gap in gaps)


class Http(ThreadingHTTPServer):
    """Serves one film, in parts where asked for; the first answer breaks off after ``first``."""

    def __init__(self, film, first=None):
        self.film, self.first, self.asked = film, first, []
        super().__init__(("127.0.0.1", 0), HttpHandler)


class HttpHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        film = self.server.film
        asked = self.headers.get("Range", "bytes=0-")
        start = int(asked.removeprefix("bytes=").split("-")[0])
        self.server.asked.append(start)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{len(film) - 1}/{len(film)}")
        self.send_header("Content-Length", str(len(film) - start))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        first, self.server.first = self.server.first, None
        self.wfile.write(film[start:] if first is None else film[start : start + first])
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.mark.parametrize("broken", [False, True])
def test_a_film_over_http_comes_whole(tmp_path, broken):
    film = write_film(tmp_path / "film.mp4", 240, movflags="+faststart").read_bytes()
    with Http(film, len(film) * 2 // 3 if broken else None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            result = decode(f"http://127.0.0.1:{server.server_port}/film.mp4")
        finally:
            server.shutdown()
            thread.join()
    assert result.numbers == [number % 256 for number in range(240)]
    assert result.breaks == []
    assert (len(server.asked) > 1) == broken


def test_frames_of_a_size_that_the_filter_cannot_take_are_left_out(tmp_path, caplog):
    parts = [
        write_film(tmp_path / "a.ts", 24),
        write_film(tmp_path / "b.ts", 24, first=24, start=1.1, size=(48, 32)),
        write_film(tmp_path / "c.ts", 24, first=48, start=2.2),
    ]
    film = tmp_path / "film.ts"
    film.write_bytes(b"".join(part.read_bytes() for part in parts))
    result = decode(film, chain="crop=64:48:16:8")
    assert len(result.shown) == 48
    assert [b.reason for b in result.breaks] == ["corrupt"]
    assert result.breaks[0].end - result.breaks[0].start == pytest.approx(1.2, abs=0.2)
    assert "cannot take pictures of 48x32" in caplog.text


@pytest.mark.parametrize("name", ["film.mp4", "film.ts", "film.mkv"])
@pytest.mark.parametrize("seed", range(6))
def test_random_damage_never_fails_otherwise_than_told(tmp_path, name, seed):
    film = write_film(tmp_path / name, 48)
    random = np.random.default_rng(seed)
    data = bytearray(film.read_bytes())
    for _ in range(30):
        data[random.integers(len(data))] ^= 1 << random.integers(8)
    if seed % 2:
        data = data[: random.integers(len(data))]
    film.write_bytes(data)
    try:
        result = decode(film)
    except InputError as error:
        assert str(film) in str(error)
    else:
        assert all(s.picture.crops(np.array([[9, 9, 40, 40]], np.float32), 8).any() for s in
                   result.shown)  # fmt: skip
