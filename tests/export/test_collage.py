"""Collages: one a character, with the pictures of its tracks."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from made_stores import end, mined, shot, start
from PIL import Image

from caststream.export.formats import export
from caststream.store import published
from caststream.store.published import Published
from caststream.store.reader import StoreReader
from caststream.store.writer import StoreWriter

COLORS = {0: (220, 30, 30), 1: (30, 200, 30), 2: (40, 40, 220)}


def jpeg(color: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 32), color).save(out, "JPEG", quality=95)
    return out.getvalue()


def test_a_sheet_a_character_with_only_its_own(tmp_path: Path) -> None:
    store = tmp_path / "s.zarr"
    with StoreWriter.open(store) as writer:
        writer.begin_source(start())
        for index in range(3):
            found = mined(index)
            rows = found.tracks.rows
            # Tracks 10 n + 2 keep no picture that can be read.
            crops = tuple(jpeg(COLORS[t % 10]) if t % 10 < 2 else b"torn" for t in rows.track)
            tracks = replace(found.tracks, rows=replace(rows, crop=crops))
            writer.commit(shot(index), [replace(found, tracks=tracks)], [])
        writer.end_source(end(3))
    with StoreReader(store) as reader:
        uid = np.sort(reader.tracks().uid)
    published.publish(
        store,
        Published(label_uid=uid, label_character=(uid & 0xFFFFFFFF) % 10 + 1,
                  label_confidence=np.ones(len(uid), np.float32)),
    )  # fmt: skip
    export(store, "collage", str(tmp_path / "out"))
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["c1.jpg", "c2.jpg"]
    for number, file in enumerate(("c1.jpg", "c2.jpg")):
        sheet = np.asarray(Image.open(tmp_path / "out" / file), np.int64)
        assert sheet.shape == (24 + 128, 3 * 128, 3)
        for k in range(3):
            middle = sheet[24 + 64, 128 * k + 64]
            assert np.abs(middle - COLORS[number]).max() < 12
