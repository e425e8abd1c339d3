"""What Prometheus and supervisors are told."""

from __future__ import annotations

import re
import urllib.error
import urllib.request

import pytest

from caststream.errors import UsageError
from caststream.metrics import Metrics, render, unready
from caststream.vitals import Vitals

LINE = re.compile(
    r'[a-z_]+(\{[a-z]+="(\\.|[^"\\\n])*"(,[a-z]+="(\\.|[^"\\\n])*")*\})? -?[0-9.e+-]+'
)


@pytest.fixture
def vitals() -> Vitals:
    vitals = Vitals()
    source = vitals.source('udp://a "quoted"\nname\\')
    source.state, source.frames, source.seconds = "running", 7, 1.5
    source.gap("reconnect", 3)
    source.queues["detect"] = (2, 32)
    for seconds in (0.01, 0.2, 0.45, 60.0):
        source.latency.add(seconds)
    vitals.facts["waiting"] = 4
    return vitals


def test_every_line_is_well_formed_and_no_series_occurs_twice(vitals: Vitals) -> None:
    again = vitals.source(vitals.sources[0].uri)  # the same address, added a second time
    again.frames = 1
    lines = render(vitals.snapshot()).splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert all(LINE.fullmatch(line) for line in samples), samples
    names = [line.rpartition(" ")[0] for line in samples]
    assert len(names) == len(set(names))
    kinds = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(kinds) == len(set(kinds))


def test_figures_are_those_of_the_stream(vitals: Vitals) -> None:
    text = render(vitals.snapshot())
    name = r'uri="udp://a \"quoted\"\nname\\"'
    assert f"caststream_frames_total{{{name}}} 7\n" in text
    assert f'caststream_gaps_total{{{name},reason="reconnect"}} 1\n' in text
    assert f'caststream_missing_frames_total{{{name},reason="reconnect"}} 3\n' in text
    assert f'caststream_queue_fill{{{name},node="detect"}} 2\n' in text
    assert 'caststream_files{of="waiting"} 4\n' in text
    buckets = dict(re.findall(r'bucket\{.*?le="([^"]+)"\} (\d+)', text))
    assert (buckets["0.05"], buckets["0.2"], buckets["0.5"]) == ("1", "2", "3")
    assert (buckets["5.0"], buckets["+Inf"]) == ("3", "4")
    assert f"caststream_latency_seconds_count{{{name}}} 4\n" in text


def test_ready_means_that_pictures_come(vitals: Vitals) -> None:
    assert unready(vitals.snapshot()) == ""
    other = vitals.source("rtsp://b")
    assert unready(vitals.snapshot()) == "rtsp://b: opening"
    other.state, other.why = "reconnecting", "did not answer within 10 s."
    assert unready(vitals.snapshot()) == "rtsp://b: did not answer within 10 s."
    other.state = "running"
    assert unready(vitals.snapshot()) == ""
    vitals.finish(other, "its codec is unknown")
    assert unready(vitals.snapshot()) == "rtsp://b: its codec is unknown"
    vitals.tolerant = True  # as where films of an archive are set aside
    assert unready(vitals.snapshot()) == ""


def get(port: int, path: str, host: str | None = None) -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if host is not None:
        request.add_header("Host", host)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_port_answers_this_machine_alone(vitals: Vitals) -> None:
    metrics = Metrics(0, vitals.snapshot)
    try:
        code, text = get(metrics.port, "/metrics")
        assert code == 200 and "caststream_frames_total" in text
        assert get(metrics.port, "/livez") == (200, "ok\n")
        assert get(metrics.port, "/readyz") == (200, "ok\n")
        vitals.sources[0].state = "reconnecting"
        assert get(metrics.port, "/readyz")[0] == 503
        assert get(metrics.port, "/else")[0] == 404
        assert get(metrics.port, "/metrics", "evil.example:80")[0] == 400
        assert get(metrics.port, "/metrics", f"localhost:{metrics.port}")[0] == 200
        with pytest.raises(UsageError, match="cannot be had"):
            Metrics(metrics.port, vitals.snapshot)
    finally:
        metrics.close()
    with pytest.raises(UsageError):
        Metrics(70_000, vitals.snapshot)
