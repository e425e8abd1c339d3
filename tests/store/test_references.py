"""Commits of another store, read as if they lay here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_stores import end, fill, mined, shot, start

from caststream.errors import StoreError
from caststream.store import writer as writing
from caststream.store.reader import StoreReader
from caststream.store.schema import Reference, make_uid, read_root
from caststream.store.writer import StoreWriter

SHIFT = {"track": 500, "shot": 7, "frame": 1000, "time": 40.0}


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    fill(tmp_path / "unit", 6)
    return tmp_path / "unit"


def segment_of(unit: Path) -> str:
    (segment,) = read_root(unit).segments
    return str(unit / "segments" / segment.name)


def rows_before(unit: Path, commit: int) -> int:
    with StoreReader(unit) as reader:
        return sum(len(c.rows) for c in list(reader.commits(0))[:commit])


def refer(store: StoreWriter, unit: Path, first: int, last: int, source: int) -> None:
    before = rows_before(unit, first)
    reference = Reference(segment_of(unit), (first, last), before, source, **SHIFT)
    store.refer(reference, rows_before(unit, last) - before)


def build(path: Path, unit: Path) -> None:
    """Another source, commits 1 to 5 of the unit, a commit of this store, and the unit's last."""
    fill(path, 2, uri="before.mp4")
    with StoreWriter.open(path) as store:
        source = store.begin_source(start())
        refer(store, unit, 1, 5, source)
        store.commit(shot(90), [mined(90)], [])
        refer(store, unit, 5, 6, source)
        store.end_source(end(6))


def check(path: Path, unit: Path) -> None:
    with StoreReader(unit) as there, StoreReader(path) as here:
        theirs, ours = list(there.commits(0)), list(here.commits(1))
        assert [c.number for c in here.since(-1)] == sorted({c.number for c in here.since(-1)})
        own = ours.pop(4)
        assert own.shot == shot(90)
        assert len(own.rows.vector) == len(mined(90).tracks.rows)
        assert len(ours) == 5
        for old, new in zip(theirs[1:], ours, strict=True):
            assert new.source == 1
            assert (new.shot.index, new.shot.start_frame) == (
                old.shot.index + 7, old.shot.start_frame + 1000,
            )  # fmt: skip
            assert new.shot.end == pytest.approx(old.shot.end + 40)
            assert new.shot.transition == old.shot.transition
            np.testing.assert_array_equal(new.frames, old.frames + 1000)
            np.testing.assert_allclose(new.times, old.times + 40)
            tracks = make_uid(1, 500) + old.tracks.uid
            np.testing.assert_array_equal(new.tracks.uid, tracks)
            np.testing.assert_array_equal(new.tracks.exemplar, old.tracks.exemplar + 1000)
            assert new.tracks.online == tuple(
                tuple(o + 500 for o in line) for line in old.tracks.online
            )
            np.testing.assert_array_equal(new.rows.frame, old.rows.frame + 1000)
            np.testing.assert_allclose(new.rows.time, old.rows.time + 40)
            np.testing.assert_array_equal(new.rows.box, old.rows.box)
            np.testing.assert_array_equal(new.rows.vector, old.rows.vector)
            np.testing.assert_array_equal(new.rows.features, old.rows.features)
            assert new.rows.crop == old.rows.crop
            if len(old.rows):
                shift = new.rows.number[0] - old.rows.number[0]
                np.testing.assert_array_equal(new.triplets, old.triplets + shift)
            np.testing.assert_array_equal(new.apart, old.apart + make_uid(1, 500))
            for uid, name in zip(old.tracks.uid.tolist(), tracks.tolist(), strict=True):
                moved, kept = here.rows_of(name), there.rows_of(uid)
                np.testing.assert_array_equal(moved.box, kept.box)
                assert moved.crop == kept.crop
                assert (moved.uid == name).all()
        some = here.rows_at(np.array([here.row_count - 1, 0, here.row_count // 2]))
        assert len(some.vector) == 3


def test_commits_of_another_store_are_read_under_our_numbers(tmp_path: Path, unit: Path) -> None:
    build(tmp_path / "all", unit)
    check(tmp_path / "all", unit)


def test_references_are_found_again_while_they_are_in_the_log(
    tmp_path: Path, unit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "all"
    monkeypatch.setattr(StoreWriter, "seal", lambda self: None)
    build(path, unit)
    assert not read_root(path).segments
    check(path, unit)
    monkeypatch.undo()
    StoreWriter.open(path).close()  # recovers, and seals
    assert [s.reference is not None for s in read_root(path).segments] == [False, True, False, True]
    check(path, unit)


def test_a_reader_follows_while_references_come(
    tmp_path: Path, unit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SEAL_COMMITS", 3)
    path = tmp_path / "all"
    with StoreWriter.open(path) as store:
        source = store.begin_source(start())
        reader = StoreReader(path)
        seen: list[int] = []
        for turn in range(5):
            refer(store, unit, turn, turn + 1, source)
            assert reader.refresh()
            seen += [c.number for c in reader.since(seen[-1] if seen else -1)]
        assert len(seen) == 5
        assert reader.row_count == rows_before(unit, 5)
        reader.close()


def test_a_unit_that_is_gone_is_told(tmp_path: Path, unit: Path) -> None:
    build(tmp_path / "all", unit)
    unit.rename(tmp_path / "moved")
    with StoreReader(tmp_path / "all") as reader, pytest.raises(StoreError, match="is gone"):
        reader.tracks()
