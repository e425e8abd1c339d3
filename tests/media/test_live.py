"""Live sources: patience with senders, replays, growth, and how decoding keeps up."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import socket
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import av
import pytest
from films import read_number, write_film
from hypothesis import given
from hypothesis import strategies as st

from caststream.errors import InputError
from caststream.media import live
from caststream.media.decoding import Decoder
from caststream.media.live import Backoff, Lag, Pace
from caststream.media.losses import Break
from caststream.media.pipes import GrowingReader, StopSign
from caststream.media.showing import Shown
from caststream.media.sources import Source
from caststream.messages import Context, Frame, StreamEnd
from caststream.nodes.decode import Decode


@pytest.fixture
def stop():
    sign = StopSign()
    yield sign
    sign.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(live, "FIRST", 0.01)
    monkeypatch.setattr(live, "LONGEST", 0.05)


def numbers(items):
    return [read_number(i.picture.resized(96, 64)) for i in items if isinstance(i, Shown)]


def test_waits_double_up_to_a_limit_and_begin_again():
    waits = []

    class Sign:
        def wait(self, descriptor, seconds):
            waits.append(seconds)

    backoff = Backoff()
    for _ in range(6):
        backoff.pause(Sign())
    backoff.reset()
    backoff.pause(Sign())
    for wait, most in zip(waits, (0.01, 0.02, 0.04, 0.05, 0.05, 0.05, 0.01), strict=True):
        assert most / 2 <= wait <= most


# --- keeping up --------------------------------------------------------------------------------


@given(st.floats(-1e5, 1e5), st.lists(st.floats(0.0, 0.09), min_size=2, max_size=50))
def test_a_punctual_stream_is_never_thinned(offset, jitter):
    lag = Lag()
    for number, late in enumerate(jitter):
        lag.look(number / 25, offset + number / 25 + late, False)
        assert not lag.thin and not lag.blind


def test_a_slow_decoder_leaves_out_more_and_more_and_recovers_at_a_key_picture():
    lag, now, said = Lag(), 0.0, []
    for number in range(300):
        now = number / 25 * 2.0  # half as fast as it ought to be
        lag.look(number / 25, now, number % 25 == 0)
        said.append((lag.thin, lag.blind))
    assert [state for state, _ in itertools.groupby(said)] == [
        (False, False), (True, False), (True, True),
    ]  # fmt: skip
    said.clear()
    for number in range(300, 700):
        now = max(now + 0.001, number / 25)
        lag.look(number / 25, now, number % 25 == 0)
        said.append((lag.thin, lag.blind, number % 25 == 0))
    ended = next(i for i, (_, blind, _) in enumerate(said) if not blind)
    assert said[ended] == (False, False, True)
    assert not any(blind for _, blind, _ in said[ended:])


def test_a_leaping_clock_is_no_delay():
    lag = Lag()
    lag.look(0.0, 100.0, True)
    assert lag.look(5000.0, 100.04, False) == pytest.approx(0.0)
    assert lag.look(5000.04, 500.0, False) == pytest.approx(0.0)  # the sender stood still


def test_a_segment_that_comes_whole_is_in_time_though_it_was_made_before():
    lag = Lag()
    for number in range(10):  # segments of six seconds, each there when it is over
        for picture in range(150):
            seconds, taken = number * 6.0 + picture / 25, number * 6.0 + picture * 0.01
            idle = 4.5 if number and not picture else 0.0
            lag.look(seconds, taken, picture == 0, idle)
            assert not lag.thin and not lag.blind


def test_a_decoder_too_slow_for_a_playlist_still_leaves_pictures_out():
    lag = Lag()
    for number in range(300):
        lag.look(number / 25, number / 25 * 2.0, False, 0.01)
    assert lag.thin and lag.blind


def test_a_segment_is_spread_over_most_of_its_time():
    pace, now, taken = Pace(), 100.0, []
    for number in range(2):
        for picture in range(150):
            idle = 2.0 if number and not picture else 0.0
            now += idle + pace.wait(number * 6.0 + picture / 25, now + idle, idle)
            taken.append(now)
    assert taken[0] == 100.0
    assert taken[149] - taken[0] == pytest.approx(149 / 25 / 1.5)
    assert taken[150] - taken[149] == pytest.approx(2.0)  # it waits for nothing but the sender


@given(st.lists(st.tuples(st.floats(-1e5, 1e5), st.floats(0.0, 5.0)), max_size=30))
def test_a_clock_that_leaps_is_never_waited_for(steps):
    pace, now = Pace(), 0.0
    for seconds, spent in steps:
        now += spent
        wait = pace.wait(seconds, now, 0.0)
        assert 0.0 <= wait < 10.0
        now += wait


# --- files that grow ---------------------------------------------------------------------------


def test_a_growing_file_is_read_to_its_last_end(tmp_path, stop):
    film = write_film(tmp_path / "whole.ts", 96).read_bytes()
    path = tmp_path / "film.ts"
    path.write_bytes(film[: len(film) // 3])
    seen = threading.Event()

    def write():
        with path.open("ab") as file:
            for part in (film[len(film) // 3 : len(film) // 2], film[len(film) // 2 :]):
                seen.wait(10)
                file.write(part)
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()
    source = Source(str(path), timeout=1.0, spool_limit=1, stop=stop, grows=1.0)
    items = []
    for item in Decoder(source, stop).run():
        items.append(item)
        seen.set()
    source.close()
    writer.join()
    assert numbers(items) == list(range(96))


def test_a_stop_is_seen_at_the_end_of_a_growing_file(tmp_path, stop):
    path = tmp_path / "f"
    path.write_bytes(b"abc")
    descriptor = os.open(path, os.O_RDONLY)
    reader = GrowingReader(descriptor, stop, 60.0)
    assert reader.peek(2, 0.01) == b"ab"
    assert reader.read(10) == b"abc"
    timer = threading.Timer(0.05, stop.set)
    timer.start()
    began = time.monotonic()
    assert reader.read(10) == b""
    assert time.monotonic() - began < 5.0
    timer.join()
    os.close(descriptor)


# --- senders -----------------------------------------------------------------------------------


class Sender:
    """A TCP server; ``serve`` is called with each peer on a thread."""

    def __init__(self, serve, port=0):
        self.server = socket.create_server(("127.0.0.1", port))
        self.port = self.server.getsockname()[1]
        self.peers = 0
        self.thread = threading.Thread(target=self.accept, args=(serve,))
        self.thread.start()

    def accept(self, serve):
        while True:
            try:
                peer, _ = self.server.accept()
            except OSError:
                return
            self.peers += 1
            with peer, contextlib.suppress(OSError):
                serve(peer)

    def close(self):
        with contextlib.suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.thread.join()


@pytest.fixture
def sender():
    made = []

    def make(serve, port=0):
        made.append(Sender(serve, port))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_an_address_that_is_not_there_yet_is_waited_for(tmp_path, sender):
    film = write_film(tmp_path / "film.ts", 24).read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    context = Context(uri=f"tcp://127.0.0.1:{port}")
    node = Decode(insist=True, timeout=1.0)
    node.open(context)

    def send_later():
        while context.vitals.state != "reconnecting":
            time.sleep(0.01)
        whys.append(context.vitals.why)
        sender(lambda peer: peer.sendall(film), port)

    whys, frames = [], 0
    later = threading.Thread(target=send_later)
    later.start()
    for message in node.produce():
        frames += isinstance(message, Frame)
        if frames == 30:
            node.stop()
    node.close()
    later.join()
    assert "cannot be opened" in whys[0]
    assert isinstance(message, StreamEnd) and message.frames >= 30
    assert context.vitals.gaps == {"reconnect": 1}


def test_without_insisting_it_is_told_at_once():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    node = Decode(timeout=1.0)
    node.open(Context(uri=f"tcp://127.0.0.1:{port}"))
    with pytest.raises(InputError, match="cannot be opened"):
        list(node.produce())
    node.close()


def test_a_server_of_one_byte_now_and_then_counts_as_silent(tmp_path, sender, stop):
    film = write_film(tmp_path / "film.ts", 24).read_bytes()
    turns = itertools.count()
    over = threading.Event()

    def serve(peer):
        peer.sendall(film)
        if next(turns) == 0:
            while not over.wait(0.1):
                peer.sendall(b"G")

    server = sender(serve)
    source = Source(f"tcp://127.0.0.1:{server.port}", timeout=0.5, spool_limit=1, stop=stop)
    items = []
    for item in Decoder(source, stop).run():
        items.append(item)
        if isinstance(item, Break):
            over.set()
        if len(numbers(items[-1:])) and len(items) > 40:
            stop.set()
    source.close()
    over.set()
    assert "reconnect" in [i.reason for i in items if isinstance(i, Break)]
    assert len(numbers(items)) >= 40


@pytest.fixture
def playlist(tmp_path):
    """Four seconds of film as four segments, of which the test publishes some, over HTTP."""
    whole = write_film(tmp_path / "whole.ts", 96, start=100.0, gop=24)
    folder = tmp_path / "hls"
    folder.mkdir()
    with av.open(str(whole)) as film, av.open(
        str(folder / "all.m3u8"), "w", format="hls",
        options={"hls_time": "1", "hls_list_size": "0", "hls_segment_options": "mpegts_copyts=1"},
    ) as out:  # fmt: skip
        stream = out.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    lines = (folder / "all.m3u8").read_text().splitlines()
    segments = [lines[i : i + 2] for i, line in enumerate(lines) if line.startswith("#EXTINF")]
    assert len(segments) == 4

    def publish(first, last):
        head = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1"]
        head.append(f"#EXT-X-MEDIA-SEQUENCE:{first}")
        body = [line for segment in segments[first:last] for line in segment]
        (folder / "live.m3u8").write_text("\n".join(head + body) + "\n")

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield publish, f"http://127.0.0.1:{server.server_port}/live.m3u8"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_playlist_opened_anew_shows_nothing_twice(playlist, stop):
    """What HLS gives again after a break is left out, and the clock goes on as it was sent."""
    publish, uri = playlist
    publish(0, 2)
    source = Source(uri, timeout=1.0, spool_limit=1, stop=stop)
    assert source.live and source.replays
    items = []
    for item in Decoder(source, stop).run():
        items.append(item)
        if len(items) == 40:
            publish(0, 4)  # segments 0 and 1 are in the list again
        if len(numbers([item])) and numbers([item])[0] == 95:
            stop.set()
    source.close()
    assert sorted(set(numbers(items))) == numbers(items)
    times = [i.time for i in items if isinstance(i, Shown)]
    assert times == pytest.approx([n / 24 for n in numbers(items)], abs=0.01)


def test_segments_longer_than_may_be_late_are_shown_all_the_same(playlist, stop, monkeypatch):
    publish, uri = playlist
    # As long as segments of eight seconds with the limits as they are.
    monkeypatch.setattr(live, "_BEHIND", 0.05)
    monkeypatch.setattr(live, "_FAR", 0.6)
    publish(0, 1)
    source = Source(uri, timeout=30.0, spool_limit=1, stop=stop)
    guard = threading.Timer(60.0, stop.set)
    guard.start()
    items = []
    for item in Decoder(source, stop, threads=1).run():
        items.append(item)
        shown = len(numbers(items))
        if shown in (20, 44, 68):
            # The next comes once all that is there was taken, and there was nothing for a while.
            threading.Timer(1.5, publish, (0, shown // 24 + 2)).start()
        if shown and numbers(items)[-1] >= 90:
            stop.set()
    guard.cancel()
    source.close()
    assert [n for n in range(90) if n not in numbers(items)] == []
