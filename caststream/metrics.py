"""Metrics for Prometheus, and whether the process lives and is ready, on a loopback port.

The text is Prometheus' exposition format 0.0.4 (prometheus.io/docs/instrumenting). Nothing can be
changed through this port, and only names of this machine are answered to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from caststream.errors import UsageError
from caststream.vitals import BUCKETS

Snapshot = dict[str, Any]
_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_READY = ("running", "waiting", "ended")

_PROCESS = (
    ("resident_bytes", "gauge", "Resident memory.", "resident"),
    ("cpu_seconds_total", "counter", "Processor time.", "cpu"),
    ("uptime_seconds", "gauge", "Seconds since the process began.", "uptime"),
    ("threads", "gauge", "Threads.", "threads"),
    ("open_files", "gauge", "Open files.", "files"),
    ("characters", "gauge", "Characters in the dictionary.", "characters"),
    ("named_characters", "gauge", "Characters that a person named.", "named"),
    ("dictionary_revision", "gauge", "Revision of the dictionary.", "revision"),
    ("model", "gauge", "Fine-tuned model in force, 0 as shipped.", "model"),
    ("sources_ended_total", "counter", "Sources that came to their end.", "ended"),
    ("sources_failed_total", "counter", "Sources that failed.", "failed"),
)
_SOURCE = (
    ("frames_total", "counter", "Decoded pictures.", "frames"),
    ("stream_seconds", "gauge", "Presentation time of the newest picture.", "seconds"),
    ("silent_seconds", "gauge", "Seconds since the newest picture came.", "silent"),
    ("analysed_total", "counter", "Labelled pictures.", "analysed"),
    ("boxes_total", "counter", "Labelled boxes.", "boxes"),
    ("shots_total", "counter", "Shots.", "shots"),
    ("tracks_total", "counter", "Tracks.", "tracks"),
    ("commits_total", "counter", "Commits to the store.", "commits"),
)


def render(snapshot: Snapshot) -> str:
    """The statistics as Prometheus reads them."""
    lines: list[str] = []

    def family(name: str, kind: str, text: str, samples: Iterable[tuple[str, Any]]) -> None:
        known = [(labels, value) for labels, value in samples if value is not None]
        if known:
            lines.append(f"# HELP caststream_{name} {text}")
            lines.append(f"# TYPE caststream_{name} {kind}")
            lines.extend(f"caststream_{name}{labels} {value}" for labels, value in known)

    for name, kind, text, key in _PROCESS:
        family(name, kind, text, [("", snapshot[key])])
    facts = [(_labels(of=key), value) for key, value in snapshot["facts"].items()]
    family("files", "gauge", "Files of a watched archive.", facts)
    running = _latest(snapshot["sources"])
    for name, kind, text, key in _SOURCE:
        family(name, kind, text, [(_labels(uri=one["uri"]), one[key]) for one in running])
    family(
        "up", "gauge", "Whether pictures come.",
        [(_labels(uri=one["uri"]), int(one["state"] == "running")) for one in running],
    )  # fmt: skip
    for name, text, key in (
        ("gaps_total", "Gaps by reason.", "gaps"),
        ("missing_frames_total", "Pictures that are known to be missing.", "missing"),
    ):
        samples = [
            (_labels(uri=one["uri"], reason=reason), count)
            for one in running
            for reason, count in one[key].items()
        ]
        family(name, "counter", text, samples)
    family(
        "queue_fill", "gauge", "Messages in the inbox of a node.",
        [
            (_labels(uri=one["uri"], node=node), fill)
            for one in running
            for node, (fill, _) in one["queues"].items()
        ],
    )  # fmt: skip
    lines.extend(_histogram(running))
    return "\n".join(lines) + "\n"


def unready(snapshot: Snapshot) -> str:
    """Why the process is not ready, "" where it is: each source opened, none lost or failed.

    Where films that cannot be read are set aside, they do not count.
    """
    ready = (*_READY, "failed") if snapshot["tolerant"] else _READY
    return "; ".join(
        f"{one['uri']}: {one['why'] or one['state']}"
        for one in _latest(snapshot["sources"])
        if one["state"] not in ready
    )


def _latest(sources: list[Snapshot]) -> list[Snapshot]:
    """The newest run of each source: a series must not occur twice."""
    return list({one["uri"]: one for one in sources}.values())


def _histogram(sources: list[Snapshot]) -> Iterable[str]:
    if sources:
        yield "# HELP caststream_latency_seconds From a picture's arrival to its label."
        yield "# TYPE caststream_latency_seconds histogram"
    for one in sources:
        total = 0
        ends = [*map(str, BUCKETS), "+Inf"]
        for end, count in zip(ends, one["latency"]["counts"], strict=True):
            total += count
            labels = _labels(uri=one["uri"], le=end)
            yield f"caststream_latency_seconds_bucket{labels} {total}"
        labels = _labels(uri=one["uri"])
        yield f"caststream_latency_seconds_sum{labels} {one['latency']['sum']}"
        yield f"caststream_latency_seconds_count{labels} {total}"


def _labels(**labels: str) -> str:
    inside = ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items())
    return f"{{{inside}}}"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class Metrics:
    """Answers ``/metrics``, ``/livez`` and ``/readyz`` on 127.0.0.1 until closed."""

    def __init__(self, port: int, snapshot: Callable[[], Snapshot]) -> None:
        """Begin, on any free port for 0; UsageError where the port is taken."""

        class Handler(_Handler):
            read = staticmethod(snapshot)

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except (OSError, OverflowError) as error:
            raise UsageError(f"--metrics {port}: the port cannot be had ({error})") from None
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    read: Callable[[], Snapshot]
    timeout = 5.0

    def do_GET(self) -> None:
        """Answer one of the three."""
        host = self.headers.get("Host", "")
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        if name not in _HOSTS:
            self._say(400, "this port is for this machine alone\n")
        elif self.path == "/metrics":
            self._say(200, render(self.read()), "text/plain; version=0.0.4; charset=utf-8")
        elif self.path == "/livez":
            self._say(200, "ok\n")
        elif self.path == "/readyz":
            why = unready(self.read())
            self._say(503 if why else 200, f"{why or 'ok'}\n")
        else:
            self._say(404, "there are /metrics, /livez and /readyz\n")

    def _say(self, code: int, text: str, kind: str = "text/plain; charset=utf-8") -> None:
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a line for each scrape helps nobody."""
