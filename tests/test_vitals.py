"""Running statistics: what is counted, and that it stays bounded and plain JSON."""

from __future__ import annotations

import json

import pytest

from caststream.vitals import BUCKETS, Latencies, SourceVitals, Vitals


def test_quantiles_are_those_of_the_recent_ones():
    latency = Latencies()
    assert latency.quantile(0.99) is None
    for _ in range(5000):
        latency.add(9.0)
    for number in range(1000):
        latency.add(number / 1000)
    assert latency.quantile(0.5) == pytest.approx(0.5, abs=0.01)
    assert latency.quantile(0.99) == pytest.approx(0.99, abs=0.01)
    assert sum(latency.counts) == 6000 and latency.counts[-1] == 5000
    assert latency.sum == pytest.approx(45_000 + 499.5)


def test_a_value_at_a_bucket_s_end_belongs_to_it():
    latency = Latencies()
    for end in BUCKETS:
        latency.add(end)
    assert latency.counts == [1] * len(BUCKETS) + [0]


def test_a_snapshot_is_json_and_holds_what_was_counted():
    vitals = Vitals()
    source = vitals.source("udp://there")
    source.gap("dropped", 5)
    source.gap("dropped", 2)
    source.gap("reconnect", 0)
    source.queues["detect"] = (1, 32)
    found = json.loads(json.dumps(vitals.snapshot()))
    (one,) = found["sources"]
    assert one["gaps"] == {"dropped": 2, "reconnect": 1}
    assert one["missing"] == {"dropped": 7, "reconnect": 0}
    assert one["queues"] == {"detect": [1, 32]}
    assert (one["uri"], one["state"], one["source"]) == ("udp://there", "opening", None)
    assert found["resident"] > 1 << 20 and found["threads"] >= 1 and found["files"] >= 3


def test_what_is_over_is_counted_and_forgotten():
    vitals = Vitals()
    running = vitals.source("running")
    for number in range(100):
        vitals.finish(vitals.source(str(number)), "broken" if number % 4 == 0 else "")
    assert (vitals.ended, vitals.failed) == (75, 25)
    assert running in vitals.sources
    assert len(vitals.sources) < 30
    assert vitals.sources[-1].over and not running.over


def test_who_cannot_save_is_waiting_while_pictures_come():
    source = SourceVitals("tcp://here", state="running", why="it is back")
    source.blocked = "no room"
    source.state = "running"  # as for each picture
    assert (source.snapshot()["state"], source.snapshot()["why"]) == ("waiting", "no room")
    source.blocked = ""
    assert (source.snapshot()["state"], source.snapshot()["why"]) == ("running", "it is back")
    source.blocked, source.state = "no room", "ended"
    assert source.snapshot()["state"] == "ended"
