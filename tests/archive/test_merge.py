"""One store and one dictionary over units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_archives import CAST, STEP, Film, records_of
from made_stores import FPS

from caststream.archive.merge import merge
from caststream.errors import StoreError
from caststream.learning.edit import Editor
from caststream.learning.finetune import Tuning
from caststream.learning.learner import Learner
from caststream.store import published
from caststream.store.places import Place
from caststream.store.reader import StoreReader

CUTS = [90, 200, 310, 400, 520, 640, 700]
END = 800
SPANS = [(0, 340), (240, 600), (480, END)]


@pytest.fixture
def archive(tmp_path: Path) -> Place:
    return Place(tmp_path / "archive")


def made(tmp_path: Path, archive: Place, film: Film, spans: list[tuple[int, int]]):
    units = film.plan(spans)
    for unit in units:
        film.commit(archive, unit, spans, tmp_path / f"work {film.name}")
    return units


def rows_by_frame(store: Path, source: int) -> dict[tuple[int, int], tuple]:
    """(frame, left side of the box) -> what is known of that box."""
    with StoreReader(store) as reader:
        return {
            (frame, int(box[0])): (round(time, 6), crop, vector.tobytes(), uid & 0xFFFFFFFF)
            for commit in reader.commits(source)
            for frame, time, box, crop, vector, uid in zip(
                commit.rows.frame.tolist(),
                commit.rows.time.tolist(),
                commit.rows.box,
                commit.rows.crop,
                commit.rows.vector,
                commit.rows.uid.tolist(),
                strict=True,
            )
        }


def check_film(store: Path, source: int, film: Film, whole: Path) -> None:
    """The merged film is what one run over all of it would have left."""
    film.unit(whole, 0, END)
    with StoreReader(store) as merged, StoreReader(whole) as reader:
        found, wanted = merged.shots(source), reader.shots(0)
        assert [(s.index, s.start_frame, s.end_frame) for s in found] == [
            (s.index, s.start_frame, s.end_frame) for s in wanted
        ]
        np.testing.assert_allclose([s.end for s in found], [s.end for s in wanted])
        assert [s.transition for s in found] == [s.transition for s in wanted]
        frames = np.concatenate([c.frames for c in merged.commits(source)])
        assert frames.tolist() == list(range(0, END, STEP))
        tracks = merged.tracks(source)
        assert len(tracks) == 2 * len(wanted)
        assert len(np.unique(tracks.uid)) == len(tracks)
        for commit in merged.commits(source):
            assert (commit.tracks.shot == commit.shot.index).all()
            assert set(commit.apart.ravel().tolist()) == set(commit.tracks.uid.tolist())
            anchor, positive, negative = merged.rows_at(commit.triplets[0]).uid.tolist()
            assert anchor == positive != negative
        for i, uid in enumerate(tracks.uid.tolist()):
            mine = merged.rows_of(uid)
            assert (mine.uid == uid).all()
            assert tracks.exemplar[i] in mine.frame
            assert (np.diff(mine.frame) == STEP).all()
        info = next(s for s in merged.sources() if s.id == source)
        assert info.complete
        assert info.end.frames == END
        assert info.end.seconds == pytest.approx(END / FPS)
    one, other = rows_by_frame(store, source), rows_by_frame(whole, 0)
    assert one.keys() == other.keys()
    for key, (time, crop, vector, _) in other.items():
        assert one[key][0] == pytest.approx(time)
        assert one[key][1:3] == (crop, vector)


def check_labels(store: Path, films: list[Film]) -> None:
    """Every track goes by its character, and no two by one."""
    model = published.current(store)
    place = {int(u): int(c) for u, c in zip(model.label_uid, model.label_character, strict=True)}
    said: dict[int, set[int]] = {}
    with StoreReader(store) as reader:
        assert sorted(place) == sorted(reader.tracks().uid.tolist())
        for source, film in enumerate(films):
            for commit in reader.commits(source):
                for uid in commit.tracks.uid.tolist():
                    row = reader.rows_of(uid)
                    who = film.who(int(row.frame[0]))[int(row.box[0, 0] > 200)]
                    said.setdefault(who, set()).add(place[uid])
    assert all(len(ids) == 1 for ids in said.values()), said
    assert len({next(iter(ids)) for ids in said.values()}) == len(said) == CAST


@pytest.mark.parametrize(
    "cuts",
    [
        pytest.param(CUTS, id="boundaries in both overlaps"),
        pytest.param([90, 200, 400, 520, 640, 700], id="a shot over the first join"),
        pytest.param([90, 200, 400, 700], id="shots over both joins"),
        pytest.param([90, 700], id="one shot over three spans"),
        pytest.param([120], id="nearly nothing but one shot"),
    ],
)
def test_spans_come_together_as_one_film(tmp_path: Path, archive: Place, cuts: list[int]) -> None:
    film = Film("film", cuts)
    units = made(tmp_path, archive, film, SPANS)
    done = merge(units, archive, tmp_path / "all.zarr")
    assert (done.films, done.units) == (1, 3)
    assert done.stitched == {7: 0, 6: 1, 4: 2, 2: 1, 1: 1}[len(cuts)]
    check_film(tmp_path / "all.zarr", 0, film, tmp_path / "whole")
    if len(cuts) > 3:
        check_labels(tmp_path / "all.zarr", [film])


def test_names_and_ids_last_when_more_comes_in(tmp_path: Path, archive: Place) -> None:
    store = tmp_path / "all.zarr"
    films = [Film(f"episode {k}", [c + 7 * k for c in CUTS]) for k in range(3)]
    plans = [film.plan(SPANS) for film in films]
    for unit in plans[0]:
        films[0].commit(archive, unit, SPANS, tmp_path / "work")
    films[1].commit(archive, plans[1][0], SPANS, tmp_path / "work")
    every = [unit for plan in plans for unit in plan]
    done = merge(every, archive, store)
    assert (done.films, done.known) == (1, 0)
    assert done.waiting == [plans[1][0].uri, plans[2][0].uri]
    check_labels(store, films[:1])
    before = published.current(store)
    editor = Editor(store)
    editor.name(1, "Bunny")
    for plan, film in zip(plans[1:], films[1:], strict=True):
        for unit in plan[1:] if film is films[1] else plan:
            film.commit(archive, unit, SPANS, tmp_path / "work")
    done = merge(every, archive, store)
    assert (done.films, done.known, done.waiting) == (2, 1, [])
    check_labels(store, films)
    after = published.current(store)
    kept = np.searchsorted(after.label_uid, before.label_uid)
    np.testing.assert_array_equal(after.label_character[kept], before.label_character)
    assert Editor(store).cast.name(1) == "Bunny"
    again = merge(every, archive, store)
    assert (again.films, again.known) == (0, 3)
    assert published.current_number(store) == after.number


def test_the_store_is_exported_like_any_other(tmp_path: Path, archive: Place) -> None:
    film = Film("film", [90, 200, 400, 700])
    merge(made(tmp_path, archive, film, SPANS), archive, tmp_path / "all.zarr")
    records = records_of(tmp_path / "all.zarr")
    frames = [r for r in records if r["type"] == "frame"]
    assert [r["frame"] for r in frames] == list(range(0, END, STEP))
    assert all(len(r["boxes"]) == 2 for r in frames)
    assert all(box["character"] for r in frames for box in r["boxes"])
    assert records[0]["uri"] == "/films/film.mp4"
    assert records[-1]["reason"] == "eof"


def test_a_merge_that_broke_off_is_made_good(
    tmp_path: Path, archive: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = Film("film", CUTS)
    units = made(tmp_path, archive, film, SPANS)
    store = tmp_path / "all.zarr"

    def full(*_: object) -> int:
        raise StoreError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(published, "publish", full)
        with pytest.raises(StoreError):
            merge(units, archive, store)
    assert merge(units, archive, store).films == 1
    merge(units, archive, tmp_path / "straight.zarr")
    clocks = {"started", "elapsed", "store", "source"}
    lines = [
        [{k: v for k, v in record.items() if k not in clocks} for record in records_of(path)]
        for path in (store, tmp_path / "straight.zarr")
    ]
    assert lines[0] == lines[1]


def test_a_span_that_ended_early_leaves_a_hole_and_no_more(tmp_path: Path, archive: Place) -> None:
    film = Film("film", CUTS)
    units = film.plan(SPANS)
    broken = [(0, 150), *SPANS[1:]]
    for unit in units:
        film.commit(archive, unit, broken, tmp_path / "work")
    merge(units, archive, tmp_path / "all.zarr")
    with StoreReader(tmp_path / "all.zarr") as reader:
        frames = np.concatenate([c.frames for c in reader.commits(0)])
    assert frames.tolist() == [*range(0, 150, STEP), *range(240, END, STEP)]


def test_units_join_a_dictionary_whose_head_was_tuned(tmp_path: Path, archive: Place) -> None:
    store = tmp_path / "all.zarr"
    films = [Film(f"episode {k}", CUTS) for k in range(2)]
    first = made(tmp_path, archive, films[0], SPANS)
    merge(first, archive, store)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(256, 256)))[0]
    head = {
        "weight": np.concatenate([turn, turn]).astype(np.float32),
        "bias": np.zeros(256, np.float32),
    }
    learner = Learner(store)
    learner.take_up(Tuning(head, True, "better", 10, 0.1, 0.8, 0.9, 0.5, 0.6))
    learner.regroup()
    learner.close()
    merge([*first, *made(tmp_path, archive, films[1], SPANS)], archive, store)
    check_labels(store, films)
    model = published.current(store)
    np.testing.assert_array_equal(model.head["weight"], head["weight"])
    whose = model.prototype_character
    likeness = model.prototypes @ model.prototypes.T
    assert likeness[whose[:, None] == whose].min() > 0.9


def test_vectors_of_another_embedder_do_not_come_in(tmp_path: Path, archive: Place) -> None:
    store = tmp_path / "all.zarr"
    one, other = Film("one", CUTS), Film("other", CUTS, embedder="another")
    units = made(tmp_path, archive, one, SPANS)
    more = made(tmp_path, archive, other, SPANS)
    assert merge(units, archive, store).films == 1
    with pytest.raises(StoreError, match="another store"):
        merge(more, archive, store)
    check_labels(store, [one])
    with pytest.raises(StoreError, match=r"other\.mp4 was looked at with the embedder another"):
        merge([*units, *more], archive, tmp_path / "new.zarr")
