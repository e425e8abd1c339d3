from __future__ import annotations

import pytest
from made_stores import end, mined, shot, start

from caststream.errors import SourceKnownError, StoreLockedError, UsageError
from caststream.messages import Context, Gap, Saved, ShotEnd
from caststream.nodes.save import Save
from caststream.store.reader import StoreReader


@pytest.fixture
def path(tmp_path):
    return tmp_path / "s.zarr"


@pytest.fixture
def save(path):
    node = Save()
    node.open(Context(store=str(path), graph="live", models={"embedder": "ab12"}))
    yield node
    node.close()


def commits(path):
    with StoreReader(path) as reader:
        return list(reader.since(-1))


def test_one_commit_a_shot(save, path):
    assert list(save.mark(start())) == []
    for index in range(3):
        if index != 1:
            assert list(save.process(mined(index))) == []
        (saved,) = save.end_shot(ShotEnd(shot(index)))
        found = commits(path)
        assert saved == Saved(0, found[-1].number, shot(index), 0 if index == 1 else 3)
        assert [c.shot.index for c in found] == list(range(index + 1))
    assert list(save.end_stream(end(3))) == []
    with StoreReader(path) as reader:
        (source,) = reader.sources()
        assert source.end == end(3) and source.elapsed >= 0
        assert (source.graph, source.models) == ("live", {"embedder": "ab12"})
        assert len(reader.tracks()) == 6


def test_gaps_go_with_the_shot_that_they_lie_in(save, path):
    list(save.mark(start()))
    first, second, last = (Gap("dropped", t, t + 0.5, 3) for t in (0.5, 2.5, 5.0))
    list(save.mark(first))
    list(save.end_shot(ShotEnd(shot(0))))
    list(save.mark(second))
    list(save.end_shot(ShotEnd(shot(1))))
    list(save.mark(last))
    list(save.end_stream(end(2)))
    assert [(c.shot, c.gaps) for c in commits(path)] == [
        (shot(0), (first,)),
        (shot(1), (second,)),
        (None, (last,)),
    ]


def test_windows_of_a_long_shot_are_committed_as_they_come(save, path):
    list(save.mark(start()))
    for index in range(3):
        list(save.process(mined(index)))
        assert len(commits(path)) == index
    (saved,) = save.end_shot(ShotEnd(shot(0)))
    assert saved.tracks == 9
    assert [len(c.tracks) for c in commits(path)] == [3, 3, 3]
    assert [c.shot for c in commits(path)] == [None, None, shot(0)]
    (saved,) = save.end_shot(ShotEnd(shot(1)))
    assert saved.tracks == 0


def test_a_known_source_is_refused_unless_again(path):
    for again, expected in ((False, [0]), (True, [1])):
        node = Save()
        node.open(Context(store=str(path), again=again))
        list(node.mark(start()))
        list(node.end_shot(ShotEnd(shot(0))))
        list(node.end_stream(end(1)))
        node.close()
        with StoreReader(path) as reader:
            assert [s.id for s in reader.sources()] == expected
    node = Save()
    node.open(Context(store=str(path)))
    with pytest.raises(SourceKnownError):
        node.mark(start())
    node.close()


def test_what_is_wrong_with_the_store_is_said_on_opening(path, save):
    with pytest.raises(StoreLockedError):
        Save().open(Context(store=str(path)))
    with pytest.raises(UsageError, match="--store"):
        Save().open(Context(store=None))


def test_nothing_is_lost_where_no_end_came(path):
    node = Save()
    node.open(Context(store=str(path)))
    list(node.mark(start()))
    list(node.process(mined(0)))
    list(node.end_shot(ShotEnd(shot(0))))
    node.close()
    node.close()
    with StoreReader(path) as reader:
        assert reader.sources()[0].end is None
        assert len(reader.tracks()) == 3
