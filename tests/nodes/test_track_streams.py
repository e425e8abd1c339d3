"""The `track` node on streams that last, that are empty, and that are anything at all."""

from __future__ import annotations

from collections import Counter

import numpy as np
from embedded import box, embedded, shot_end
from hypothesis import given, settings
from hypothesis import strategies as st

from caststream import messages as m
from caststream.nodes.track import Track

RED, BLUE, GREEN = np.eye(8)[:3]


def opened(memory: float = 4.0, window: float = 120.0) -> Track:
    node = Track(memory=memory, window=window)
    node.open(m.Context())
    return node


def held(node: Track) -> int:
    """How much the node keeps, as a number of things."""
    assert node._tracker is not None
    crops = sum(len(v.crops) for v in node._crops.values())
    rows = sum(len(r) for r in node._waiting)
    kept = len(node._frames) + len(node._route._at) + len(node._taken) + node._tracker.alive
    return rows + crops + kept


def test_one_shot_of_24_hours() -> None:
    # Of every ten minutes 20 seconds are looked at twice a second, the rest every 20 seconds. One
    # stands there all day, another one comes for ten seconds of each ten minutes; false boxes.
    times = [
        600.0 * k + t
        for k in range(144)
        for t in (*np.arange(0, 20, 0.5).tolist(), *range(20, 600, 20))
    ]
    node = opened()
    random = np.random.default_rng(0)
    shown: list[m.Tracked] = []
    found: list[m.Tracks] = []
    most = 0
    for k, time in enumerate(times):
        since = time % 600
        boxes, looks = [box(100)], [RED]
        if 5 <= since < 15:
            boxes, looks = [*boxes, box(400 + 10 * since)], [RED, BLUE]
        if random.random() < 0.02:
            boxes, looks = [*boxes, box(700, 300)], [*looks, GREEN]
        for out in node.process(embedded(k, time, boxes, looks)):
            if isinstance(out, m.Tracked):
                shown.append(out)
            else:
                found.append(out)
        most = max(most, held(node))
    found += [x for x in node.end_shot(shot_end()) if isinstance(x, m.Tracks)]
    assert most < 300  # half an hour of the one who stands there is more
    everything = list(range(len(times)))
    assert [t.embedded.detections.source.frame.index for t in shown] == everything
    # Every picture is told of once, windows follow each other, and nobody is given out twice.
    assert len(found) > 500 and all(x.shot == 0 for x in found)
    assert np.concatenate([x.frames for x in found]).tolist() == everything
    ids = [t.id for x in found for t in x.tracks]
    assert len(set(ids)) == len(ids)
    rows = Counter(
        (frame, left)
        for x in found
        for frame, left in zip(x.rows.frame.tolist(), x.rows.box[:, 0].tolist(), strict=True)
    )
    assert max(rows.values()) == 1
    assert [rows[k, 100] for k in everything] == [1] * len(times)
    # No edge of a window cuts a visit in two.
    assert (
        sum(
            t.boxes == 20 and 5 <= t.start % 600 < t.end % 600 < 15 for x in found for t in x.tracks
        )
        == 144
    )


def test_nobody_for_minutes() -> None:
    node = opened()
    found: list[m.Tracks] = []
    most = 0
    for k in range(2400):
        for out in node.process(embedded(k, 0.25 * k, [], [])):
            if isinstance(out, m.Tracks):
                found.append(out)
        most = max(most, held(node))
    assert most <= 120 * 4 + 2
    (tracked,) = node.process(embedded(2400, 600.0, [box(100)], [RED]))
    assert isinstance(tracked, m.Tracked) and tracked.tracks.tolist() == [0]
    found += list(node.end_shot(shot_end()))
    assert len(found) == 5
    assert np.concatenate([x.frames for x in found]).tolist() == list(range(2401))
    assert [len(x.tracks) for x in found] == [0, 0, 0, 0, 1]


Stream = list[tuple[int, float, np.ndarray, np.ndarray, bool]]


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Frames of a stream: number, time, boxes, looks, and whether a new shot begins with it."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    out: Stream = []
    time, places = 0.0, random.uniform(0, 800, (6, 2))
    for k in range(draw(st.integers(1, 40))):
        time += draw(st.sampled_from([0.08, 0.25, 0.25, 0.25, 0.0, 3.0, 9.0]))
        places += random.normal(0, 15, places.shape)
        there = random.random(6) < 0.7
        low = places[there]
        boxes = np.concatenate((low, low + random.normal((60, 120), 8, low.shape)), axis=1)
        boxes[random.random(len(boxes)) < 0.04] = np.nan
        looks = np.eye(8)[np.flatnonzero(there)] + 0.3 * random.normal(size=(len(boxes), 8))
        looks /= np.linalg.norm(looks, axis=1, keepdims=True)
        cut = k > 0 and draw(st.integers(0, 9)) == 0
        out.append((k, time, boxes.astype(np.float32), looks.astype(np.float32), cut))
    return out


def followed(stream: Stream) -> tuple[list[m.Tracked], list[m.Tracks]]:
    node, shot = opened(memory=1.0, window=4.0), 0
    messages: list[m.Tracked | m.Tracks] = []
    for k, time, boxes, looks, cut in stream:
        if cut:
            messages += node.end_shot(shot_end(shot))
            shot += 1
        messages += node.process(embedded(k, time, boxes, looks, shot))
    messages += node.end_stream(m.StreamEnd(len(stream), 0.0, "eof"))
    return (
        [x for x in messages if isinstance(x, m.Tracked)],
        [x for x in messages if isinstance(x, m.Tracks)],
    )


@settings(deadline=None, max_examples=40)
@given(streams())
def test_promises_on_any_stream(stream: Stream) -> None:
    shown, found = followed(stream)
    shots = np.cumsum([cut for *_, cut in stream])
    assert [len(t.tracks) for t in shown] == [len(boxes) for _, _, boxes, _, _ in stream]
    # Ids are unique, refined and online ones alike; none lives on over a boundary.
    ids = [t.id for x in found for t in x.tracks]
    assert len(set(ids)) == len(ids)
    home: dict[int, int] = {}
    for x in found:
        for t in x.tracks:
            assert home.setdefault(t.id, x.shot) == x.shot
            assert all(home.setdefault(online, x.shot) == x.shot for online in t.online)
        assert (shots[x.rows.frame] == x.shot).all() and (shots[x.frames] == x.shot).all()
    for t, shot in zip(shown, shots.tolist(), strict=True):
        assert all(home.get(k, shot) == shot for k in t.tracks.tolist())
    # Every picture is told of once and in order; a box is in one track at most, and is one that
    # was there; a track has one box of a picture.
    assert np.concatenate([x.frames for x in found]).tolist() == list(range(len(stream)))
    given_out: set[tuple[int, bytes]] = set()
    for x in found:
        assert (np.diff(x.rows.frame) >= 0).all()
        rows = list(zip(x.rows.frame.tolist(), x.rows.track.tolist(), strict=True))
        assert len(set(rows)) == len(rows)
        for frame, place in zip(x.rows.frame.tolist(), x.rows.box, strict=True):
            box = (frame, place.tobytes())
            assert box not in given_out and (stream[frame][2] == place).all(axis=1).any()
            given_out.add(box)
    # And the same comes out again.
    again = followed(stream)
    assert [t.tracks.tolist() for t in again[0]] == [t.tracks.tolist() for t in shown]
    assert [x.tracks for x in again[1]] == [x.tracks for x in found]
    assert all((a.rows.track == b.rows.track).all() for a, b in zip(again[1], found, strict=True))
