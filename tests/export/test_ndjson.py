from __future__ import annotations

import io
import json

import numpy as np
import pytest
from made_stores import SHOT_FRAMES, end, fill, mined, shot, start

from caststream.errors import StoreError
from caststream.export import ndjson
from caststream.export.view import StoreView
from caststream.messages import Gap, Mined, Rows, Tracks
from caststream.store import acts, published
from caststream.store.reader import StoreReader
from caststream.store.writer import StoreWriter


def exported(path, source=None):
    out = io.StringIO()
    with StoreView(path, source) as view:
        ndjson.write(view, out)
    text = out.getvalue()
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def of(kind, records):
    return [record for record in records if record["type"] == kind]


def publish(path, label, **changes):
    """Labels every track with ``label(track id)``."""
    with StoreReader(path) as reader:
        uid = reader.tracks().uid
    character = np.array([label(int(u) & 0xFFFFFFFF) for u in uid], np.int64)
    confidence = np.full(len(uid), 0.75, np.float32)
    # In no special order: the export must not rely on one.
    mix = np.random.default_rng(0).permutation(len(uid))
    published.publish(
        path,
        published.Published(
            revision=9,
            label_uid=uid[mix],
            label_character=character[mix],
            label_confidence=confidence,
            characters=tuple({"id": int(c), "aliases": []} for c in np.unique(character)),
        ),
    )


def test_a_source_is_written_as_it_was_seen(tmp_path):
    path = tmp_path / "s"
    fill(path, 5)
    records = exported(path)
    assert records[0]["type"] == "stream" and records[0]["store"] == str(path)
    assert [r["type"] for r in records[-2:]] == ["dictionary", "end"]
    # Every analysed frame in order, then its shot, then the shot's tracks.
    kinds = [r["type"] for r in records]
    expected = ["frame"] * 8 + ["shot"] + ["track"] * 3
    assert kinds[1:13] == expected
    assert kinds[13:26].count("gap") == 1 and records[13 + 2]["type"] == "gap"
    shots = of("shot", records)
    assert [s["shot"] for s in shots] == [0, 1, 2, 3, 4]
    frames = of("frame", records)
    assert [f["frame"] for f in frames] == [
        i * SHOT_FRAMES + k for i in range(4) for k in range(0, SHOT_FRAMES, 6)
    ]
    (last,) = of("end", records)
    assert last["reason"] == "eof" and last["frames"] == 5 * SHOT_FRAMES
    counts = [last[k] for k in ("analysed", "shots", "tracks", "characters")]
    assert counts == [32, 5, 12, 0]


def test_boxes_are_those_of_the_rows(tmp_path):
    path = tmp_path / "s"
    fill(path, 1)
    rows = mined(0).tracks.rows
    seen = {
        (f["frame"], b["track"]): (b["box"], b["score"])
        for f in of("frame", exported(path))
        for b in f["boxes"]
    }
    assert len(seen) == len(rows)
    for i in range(len(rows)):
        box, score = seen[int(rows.frame[i]), int(rows.track[i])]
        x0, y0, x1, y1 = rows.box[i]
        assert box == pytest.approx([x0, y0, x1 - x0, y1 - y0], abs=0.11)
        assert score == pytest.approx(rows.score[i], abs=0.001)


def test_labels_are_final_everywhere(tmp_path):
    path = tmp_path / "s"
    fill(path, 3)
    publish(path, lambda track: track % 10 if track != 12 else -1)
    acts.append(path, "name", {"character": 1, "name": "Böb"})
    acts.append(path, "merge", {"from": 2, "into": 1})
    acts.append(path, "move", {"tracks": [20], "into": 1})
    records = exported(path)
    final = {t["track"]: (t["character"], t["name"], t["confidence"]) for t in of("track", records)}
    bob = ("c1", "Böb", 0.75)
    assert final == {
        0: ("c0", None, 0.75), 1: bob, 2: bob,
        10: ("c0", None, 0.75), 11: bob, 12: (None, None, 0.0),
        20: ("c1", "Böb", 1.0), 21: bob, 22: bob,
    }  # fmt: skip
    for frame in of("frame", records):
        for box in frame["boxes"]:
            assert (box["character"], box["name"], box["confidence"]) == final[box["track"]]
    (dictionary,) = of("dictionary", records)
    assert dictionary["revision"] == 9
    listed = {c["character"]: (c["name"], c["tracks"]) for c in dictionary["characters"]}
    assert listed == {"c0": (None, 2), "c1": ("Böb", 6)}
    with StoreReader(path) as reader:
        table = reader.tracks()
        total = float((table.end - table.start).sum())
        without = table.end[5] - table.start[5]
    assert sum(c["seconds"] for c in dictionary["characters"]) == pytest.approx(
        total - without, abs=0.01
    )
    assert of("end", records)[0]["characters"] == 2


def test_ignored_characters_are_nobody(tmp_path):
    path = tmp_path / "s"
    fill(path, 1)
    publish(path, lambda track: track)
    acts.append(path, "ignore", {"character": 1, "ignored": True})
    assert [t["character"] for t in of("track", exported(path))] == ["c0", None, "c2"]
    acts.append(path, "undo", {"act": 1})
    assert [t["character"] for t in of("track", exported(path))] == ["c0", "c1", "c2"]


def test_tracks_that_came_after_the_labels_have_none(tmp_path):
    path = tmp_path / "s"
    fill(path, 1)
    publish(path, lambda track: 0)
    fill(path, 1, uri="next.mp4")
    first, second = exported(path, 0), exported(path, 1)
    assert {t["character"] for t in of("track", first)} == {"c0"}
    assert {t["character"] for t in of("track", second)} == {None}
    assert of("dictionary", second)[0]["characters"] == []


def test_several_sources_one_after_the_other(tmp_path):
    path = tmp_path / "s"
    fill(path, 2)
    fill(path, 1, uri="b.mp4")
    fill(path, 1, again=True)
    records = exported(path)
    assert [(r["source"], r["uri"]) for r in of("stream", records)] == [
        (1, "b.mp4"),
        (2, "film.mp4"),
    ]
    assert exported(path, 1) + exported(path, 2) == records
    # The superseded one only where it is asked for.
    assert len(of("shot", exported(path, 0))) == 2
    with pytest.raises(StoreError, match="has no source 5: it has 0, 1, 2"):
        exported(path, 5)


def test_a_source_that_broke_off_ends_as_interrupted(tmp_path):
    path = tmp_path / "s"
    with StoreWriter.open(path) as writer:
        writer.begin_source(start())
        writer.commit(shot(0), [mined(0)], [])
        writer.commit(shot(1), [mined(1)], [])
    (last,) = of("end", exported(path))
    assert (last["reason"], last["frames"], last["seconds"]) == ("interrupted", 96, 4.0)


def test_a_long_shot_in_windows(tmp_path):
    """Frames come in order, and the tracks of all windows after their shot."""
    path = tmp_path / "s"
    with StoreWriter.open(path) as writer:
        writer.begin_source(start())
        writer.commit(None, [mined(0)], [])
        writer.commit(None, [mined(1)], [])
        writer.commit(shot(0), [mined(2)], [Gap("dropped", 90.0, 91.0, 2)])
        writer.end_source(end(3))
    kinds = [r["type"] for r in exported(path)]
    expected = ["frame"] * 24 + ["gap"] + ["shot"] + ["track"] * 9
    assert kinds[1:-2] == expected


def test_a_window_may_hold_rows_of_frames_that_the_one_before_listed(tmp_path):
    """Tracks that live on over a window's edge are given out with the next one."""
    path = tmp_path / "s"
    whole = mined(0)
    rows, listed = whole.tracks.rows, whole.tracks.tracks
    late = rows.track == 2
    path_of = [np.flatnonzero(~late), np.flatnonzero(late)]
    with StoreWriter.open(path) as writer:
        writer.begin_source(start())
        for at, tracks, frames in zip(path_of, (listed[:2], listed[2:]), (8, 0), strict=True):
            columns = {name: getattr(rows, name)[at] for name in rows.__slots__ if name != "crop"}
            part = Rows(crop=tuple(rows.crop[i] for i in at), **columns)
            seen = whole.tracks.frames[:frames], whole.tracks.times[:frames]
            nothing = np.zeros((0, 3), np.int64), np.zeros((0, 2), np.int64)
            writer.commit(
                shot(0) if frames == 0 else None,
                [Mined(Tracks(0, 0, part, tracks, *seen), *nothing)],
                [],
            )
        writer.end_source(end(1))
    fill(tmp_path / "plain", 1)
    assert exported(path)[1:-1] == exported(tmp_path / "plain")[1:-1]


def test_frames_without_boxes_are_written(tmp_path):
    path = tmp_path / "s"
    with StoreWriter.open(path) as writer:
        writer.begin_source(start())
        writer.commit(shot(0), [mined(0, tracks=0)], [])
    frames = of("frame", exported(path))
    assert len(frames) == 8 and all(f["boxes"] == [] and f["shot"] == 0 for f in frames)


def test_an_empty_store(tmp_path):
    StoreWriter.open(tmp_path / "s").close()
    out = io.StringIO()
    with StoreView(tmp_path / "s") as view:
        ndjson.write(view, out)
    assert out.getvalue() == ""
