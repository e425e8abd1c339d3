"""What is committed is read back, from the log and from segments, while the store grows."""

from __future__ import annotations

import os

import numpy as np
import pytest
from made_stores import check_commit, end, fill, mined, shot, start

from caststream.errors import SourceKnownError, StoreError
from caststream.messages import Gap, Mined
from caststream.store import files
from caststream.store import writer as writing
from caststream.store.reader import StoreReader
from caststream.store.schema import make_uid, make_uids, split_uid, split_uids
from caststream.store.writer import StoreWriter


@pytest.fixture(params=["log", "segments", "both"])
def grown(request, tmp_path):
    """A store of six shots, unsealed, sealed, or half and half, with a reader."""
    path = tmp_path / "s.zarr"
    writer = StoreWriter.open(path)
    writer.begin_source(start())
    what = [mined(i) for i in range(6)]
    for i in range(6):
        writer.commit(shot(i), [what[i]], [Gap("dropped", 1.0, 1.5, 0)] if i == 2 else [])
        if request.param == "both" and i == 3:
            writer.seal()
    if request.param == "segments":
        writer.seal()
    with StoreReader(path) as reader:
        yield reader, what
    writer.close()


def test_all_that_was_committed_is_read_back(grown):
    reader, what = grown
    commits = list(reader.since(-1))
    assert [c.shot for c in commits] == [shot(i) for i in range(6)]
    for commit, one in zip(commits, what, strict=True):
        check_commit(commit, 0, one)
    assert reader.shots(0) == [shot(i) for i in range(6)]
    assert reader.gaps(0) == [Gap("dropped", 1.0, 1.5, 0)]
    assert reader.row_count == sum(len(one.tracks.rows) for one in what)
    assert reader.sources()[0].start == start()


def test_tracks_and_their_rows(grown):
    reader, what = grown
    table = reader.tracks()
    listed = [track for one in what for track in one.tracks.tracks]
    assert [table.at(i) for i in range(len(table))] == listed
    assert (table.source == 0).all()
    rows = reader.rows_of(make_uid(0, 31))
    said = what[3].tracks.rows
    mine = np.flatnonzero(said.track == 31)
    assert (rows.frame == said.frame[mine]).all()
    assert rows.crop == tuple(said.crop[i] for i in mine)
    with pytest.raises(KeyError, match="source 0, track 99"):
        reader.rows_of(make_uid(0, 99))


def test_rows_by_any_numbers(grown):
    reader, _ = grown
    everything = reader.rows(0, reader.row_count)
    numbers = np.random.default_rng(1).integers(0, reader.row_count, 60)
    some = reader.rows_at(numbers)
    assert (some.features == everything.features[numbers]).all()
    assert (some.time == everything.time[numbers]).all()
    assert some.crop == tuple(everything.crop[i] for i in numbers)
    assert len(reader.rows(5, 5).vector) == 0
    assert reader.rows(5, 5).vector.shape == (0, 256)
    with pytest.raises(IndexError):
        reader.rows_at(np.array([reader.row_count]))


def test_triplets_name_rows_of_the_whole_store(grown):
    reader, what = grown
    frames = reader.rows_at(reader.triplets().ravel()).frame.reshape(-1, 3)
    said = np.concatenate([one.tracks.rows.frame[one.triplets] for one in what])
    assert (frames == said).all()
    assert (reader.evidence() == np.concatenate([one.evidence for one in what])).all()
    assert len(reader.apart()) == sum(len(one.apart) for one in what)


def test_a_walk_goes_on_over_a_seal(tmp_path):
    with StoreWriter.open(tmp_path / "s") as writer:
        writer.begin_source(start())
        for i in range(4):
            writer.commit(shot(i), [mined(i)], [])
        with StoreReader(tmp_path / "s") as reader:
            walk = reader.since(-1)
            first = next(walk)
            writer.seal()
            writer.commit(shot(4), [mined(4)], [])
            reader.refresh()
            rest = list(walk)
            assert [c.shot.index for c in (first, *rest)] == [0, 1, 2, 3, 4]
            # What was handed out before is still good: the log that it came from is gone.
            check_commit(first, 0, mined(0))


def test_refresh_tells_whether_there_was_something(tmp_path):
    with StoreWriter.open(tmp_path / "s") as writer, StoreReader(tmp_path / "s") as reader:
        assert not reader.refresh()
        writer.begin_source(start())
        assert reader.refresh() and [s.end for s in reader.sources()] == [None]
        number = writer.commit(shot(0), [mined(0)], [])
        assert reader.refresh() and reader.last_commit == number
        writer.seal()
        assert not reader.refresh()
        assert len(list(reader.since(number - 1))) == 1
        assert not list(reader.since(number))


def test_a_reader_that_comes_between_the_root_and_the_log_misses_nothing(tmp_path, monkeypatch):
    """A seal that is whole between two of its looks leaves a log that does not follow."""
    with StoreWriter.open(tmp_path / "s") as writer:
        writer.begin_source(start())
        writer.commit(shot(0), [mined(0)], [])
        with StoreReader(tmp_path / "s") as reader:
            writer.commit(shot(1), [mined(1)], [])
            read_logs = reader._read_logs

            def late() -> None:
                monkeypatch.undo()
                writer.seal()
                writer.commit(shot(2), [mined(2)], [])
                read_logs()

            monkeypatch.setattr(reader, "_read_logs", late)
            assert reader.refresh()
            writer.commit(shot(3), [mined(3)], [])
            reader.refresh()
            assert reader.shots(0) == [shot(i) for i in range(4)]


def test_a_seal_that_is_interrupted_when_it_counts_already_loses_nothing(tmp_path, monkeypatch):
    path = tmp_path / "s"
    writer = StoreWriter.open(path)
    writer.begin_source(start())
    writer.commit(shot(0), [mined(0)], [])
    sync_folder = files.sync_folder

    def interrupted(folder) -> None:
        sync_folder(folder)
        if folder == path:
            raise KeyboardInterrupt

    monkeypatch.setattr(files, "sync_folder", interrupted)
    with pytest.raises(KeyboardInterrupt):
        writer.seal()
    monkeypatch.undo()
    writer.commit(shot(1), [mined(1)], [])
    writer._lock.release()
    with StoreWriter.open(path) as again:
        again.begin_source(start("other.mp4"))
        again.commit(shot(2), [mined(2)], [])
    with StoreReader(path) as reader:
        for i, commit in enumerate(reader.since(-1)):
            check_commit(commit, i // 2, mined(i))
        assert i == 2


def test_nothing_is_written_once_it_is_closed(tmp_path):
    """Who compacts on another thread may come late, when another process writes already."""
    writer = StoreWriter.open(tmp_path / "s")
    writer.begin_source(start())
    writer.close()
    with pytest.raises(StoreError, match="not written any more"):
        writer.commit(shot(0), [], [], 0)
    with pytest.raises(StoreError, match="not written any more"):
        writer.change_root(lambda _: None)
    writer.close()
    assert [log.stat().st_size for log in (tmp_path / "s" / "log").iterdir()] == [0]


def test_a_film_whose_name_is_no_text(tmp_path):
    name = os.fsdecode(b"g\xe9n\xe9rique.mp4")
    with StoreWriter.open(tmp_path / "s") as writer:
        writer.begin_source(start(name))
        writer.commit(shot(0), [mined(0)], [])
    with StoreReader(tmp_path / "s") as reader:
        assert [source.start.uri for source in reader.sources()] == [name]


def test_a_reader_notes_that_an_empty_log_was_begun_anew(tmp_path):
    """After a crash in the very first commit the new log goes by the name of the torn one."""
    writer = StoreWriter.open(tmp_path / "s")
    (log,) = (tmp_path / "s" / "log").iterdir()
    log.write_bytes(b"torn")
    with StoreReader(tmp_path / "s") as reader:
        writer._lock.release()
        with StoreWriter.open(tmp_path / "s") as again:
            assert [f.name for f in log.parent.iterdir()] == [log.name]
            again.begin_source(start())
            again.commit(shot(0), [mined(0)], [])
            assert reader.refresh() and len(reader.tracks()) == 3


def test_windows_and_empty_shots(tmp_path):
    """Several messages of one shot, each a commit or all in one; shots without any."""
    with StoreWriter.open(tmp_path / "s") as writer:
        writer.begin_source(start())
        writer.commit(None, [mined(0)], [])
        writer.commit(shot(0), [], [])
        writer.commit(shot(1), [mined(1), mined(2)], [])
    with StoreReader(tmp_path / "s") as reader:
        first, second, third = reader.since(-1)
        assert first.shot is None and len(first.tracks) == 3
        assert second.shot == shot(0) and len(second.tracks) == len(second.rows) == 0
        uids = [make_uid(0, t) for t in (10, 11, 12, 20, 21, 22)]
        assert third.tracks.uid.tolist() == uids
        for one, uid in ((mined(1), 11), (mined(2), 22)):
            said = one.tracks.rows
            assert (reader.rows_of(uid).box == said.box[said.track == uid]).all()


def test_features_of_another_width_go_into_another_segment(tmp_path):
    with StoreWriter.open(tmp_path / "s") as writer:
        writer.begin_source(start())
        writer.commit(shot(0), [mined(0, width=8)], [])
        writer.commit(shot(1), [], [])
        writer.commit(shot(2), [mined(2, width=5, model=7)], [])
    with StoreReader(tmp_path / "s") as reader:
        assert [c.rows.features.shape[1] for c in reader.since(-1) if len(c.rows)] == [8, 5]
        assert len(list((tmp_path / "s" / "segments").glob("0*"))) == 2


def test_rows_of_an_unlisted_track_are_refused_and_leave_nothing(tmp_path):
    what = mined(0)
    unlisted = type(what.tracks)(0, 0, what.tracks.rows, ())
    bad = Mined(unlisted, what.triplets, what.apart, what.evidence)
    with StoreWriter.open(tmp_path / "s") as writer:
        writer.begin_source(start())
        with pytest.raises(ValueError, match="rows of tracks"):
            writer.commit(shot(0), [bad], [])
        with pytest.raises(ValueError, match="evidence"):
            writer.commit(shot(0), [Mined(what.tracks, what.triplets, what.apart)], [])
        writer.commit(shot(0), [what], [])
    with StoreReader(tmp_path / "s") as reader:
        assert len(list(reader.since(-1))) == 1


def test_the_log_is_sealed_when_it_is_long(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "SEAL_BYTES", 60_000)
    with StoreWriter.open(tmp_path / "s") as writer:
        writer.begin_source(start())
        for i in range(12):
            writer.commit(shot(i), [mined(i)], [])
            (log,) = (tmp_path / "s" / "log").iterdir()
            assert log.stat().st_size < 60_000 + 40_000
        assert len(list((tmp_path / "s" / "segments").glob("0*"))) >= 3
    with StoreReader(tmp_path / "s") as reader:
        for i, commit in enumerate(reader.since(-1)):
            check_commit(commit, 0, mined(i))


def test_a_source_that_is_held_is_refused_unless_again(tmp_path):
    path = tmp_path / "s"
    fill(path, 3)
    with StoreWriter.open(path) as writer:
        with pytest.raises(SourceKnownError, match=r"film\.mp4 \(source 0.*--again"):
            writer.begin_source(start())
        assert writer.begin_source(start(), again=True) == 1
        writer.commit(shot(0), [mined(0, seed=1)], [])
        with StoreReader(path) as reader:
            assert [s.id for s in reader.sources()] == [1]
            assert reader.superseded() == {0}
            assert reader.sources(superseded=True)[0].superseded_by == 1
            assert set(reader.tracks().source) == {1}
            assert {c.source for c in reader.since(-1)} == {1}
            # The triplets of what is left still name the right rows.
            rows = reader.rows_at(reader.triplets().ravel())
            assert set(rows.uid >> 32) == {1}
            assert len(reader.shots(0)) == 3 and len(reader.tracks(0)) == 9


@pytest.mark.parametrize("reason", ["interrupted", None])
def test_a_source_that_was_not_finished_is_labelled_anew(tmp_path, reason):
    with StoreWriter.open(tmp_path / "s") as writer:
        writer.begin_source(start())
        writer.commit(shot(0), [mined(0)], [])
        if reason:
            writer.end_source(end(1, reason))
    with StoreWriter.open(tmp_path / "s") as writer:
        assert writer.begin_source(start()) == 1
        assert writer.begin_source(start("other.mp4")) == 2
    with StoreReader(tmp_path / "s") as reader:
        assert reader.superseded() == {0}


def test_of_two_with_one_content_the_second_is_refused_while_the_first_runs(tmp_path):
    with StoreWriter.open(tmp_path / "s") as writer:
        first = writer.begin_source(start("a.mp4", fingerprint="same"))
        for again in (False, True):
            with pytest.raises(SourceKnownError, match=r"same content as a\.mp4"):
                writer.begin_source(start("b.mp4", fingerprint="same"), again)
        writer.leave_source(first)  # it failed
        assert writer.begin_source(start("b.mp4", fingerprint="same")) == first + 1


def test_a_live_address_is_never_refused_and_supersedes_nothing(tmp_path):
    live = start("rtsp://camera/1", live=True)
    with StoreWriter.open(tmp_path / "s") as writer:
        for expected in (0, 1):
            assert writer.begin_source(live) == expected
            writer.end_source(end(0))
    with StoreReader(tmp_path / "s") as reader:
        assert [s.id for s in reader.sources()] == [0, 1]


def test_uids():
    assert split_uid(make_uid(7, 2**32 - 1)) == (7, 2**32 - 1)
    sources, tracks = split_uids(make_uids(3, [0, 5]))
    assert sources.tolist() == [3, 3] and tracks.tolist() == [0, 5]


def test_a_segment_is_plain_zarr(tmp_path):
    """Anyone can read it with zarr alone, each array one shard."""
    import zarr

    fill(tmp_path / "s")
    group = zarr.open_group(tmp_path / "s" / "segments" / "000001", mode="r")
    columns = group.attrs["columns"]["tracks"]
    assert group["tracks"][:, columns.index("uid")].tolist()[:2] == [0, 1]
    assert group["features"].dtype == np.float16 and group["boxes"].dtype == np.float32
    for name in group.attrs["arrays"]:
        files = [f for f in (tmp_path / "s/segments/000001" / name / "c").rglob("*") if f.is_file()]
        assert len(files) == 1
