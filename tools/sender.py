"""Sends a film over TCP in real time, again and again, as a broadcast would: for tests and benches.

    python -m tools.sender film.mp4 --port 9000 [--loops 0] [--speed 1]

The film is cut into MPEG-TS without coding it anew; each loop's times go on where the last ended.
Whoever connects gets what is sent from then on, from the next key picture.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av


class Broadcast:
    """A film as a live MPEG-TS on a loopback port, until closed.

    ``sent`` is called with (number of the picture since the peer came, monotonic time) as each
    goes out, in the order of decoding.
    """

    def __init__(
        self,
        film: Path,
        port: int = 0,
        *,
        loops: int = 0,
        speed: float = 1.0,
        sent: Callable[[float, float], None] | None = None,
    ) -> None:
        self._film = film
        self._loops = loops
        self._speed = speed
        self._sent = sent
        self._stop = threading.Event()
        self._server = socket.create_server(("127.0.0.1", port))
        self.port = int(self._server.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def uri(self) -> str:
        """Where to connect."""
        return f"tcp://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Hang up."""
        self._stop.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5.0)

    def wait(self) -> None:
        """Wait until all loops are sent."""
        self._thread.join()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            with peer, contextlib.suppress(OSError):
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._send(peer)
                if self._loops:
                    return

    def _send(self, peer: socket.socket) -> None:
        began: float | None = None
        for seconds, due, data in packets(self._film, self._loops):
            now = time.monotonic()
            began = now if began is None else began
            if self._stop.wait(max(0.0, began + due / self._speed - now)):
                return
            peer.sendall(data)
            if self._sent is not None:
                self._sent(seconds, time.monotonic())


def packets(film: Path, loops: int) -> Iterator[tuple[float, float, bytes]]:
    """When each picture is shown and sent, in seconds from the start, and its TS bytes."""
    out = io.BytesIO()
    sink = av.open(out, "w", format="mpegts", options={"mpegts_copyts": "1"})
    stream = None
    shift = Fraction(0)
    loop = 0
    while not loops or loop < loops:
        loop += 1
        with av.open(str(film)) as source:
            video = source.streams.video[0]
            if stream is None:
                stream = sink.add_stream_from_template(video)
            first: Fraction | None = None
            last = Fraction(0)
            for packet in source.demux(video):
                if packet.dts is None or packet.pts is None:
                    continue
                base = Fraction(packet.time_base)
                first = packet.dts * base if first is None else first
                shown = packet.pts * base - first + shift
                decoded = packet.dts * base - first + shift
                last = max(last, decoded + (packet.duration or 0) * base)
                packet.time_base = Fraction(1, 90_000)
                packet.pts = round((shown + 1) * 90_000)
                packet.dts = round((decoded + 1) * 90_000)
                packet.stream = stream
                sink.mux(packet)
                data = out.getvalue()
                out.seek(0)
                out.truncate()
                if data:
                    yield float(shown), float(decoded), data
            shift = last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--loops", type=int, default=0, help="0: for ever")
    parser.add_argument("--speed", type=float, default=1.0)
    args = parser.parse_args()
    sender = Broadcast(args.film, args.port, loops=args.loops, speed=args.speed)
    print(sender.uri, flush=True)
    sender.wait()


if __name__ == "__main__":
    main()
