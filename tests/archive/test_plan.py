"""Plans: which units there are, and how they are written down."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from films import write_film

from caststream.archive.films import Film, measure
from caststream.archive.plan import (
    LONGEST,
    OVERLAP,
    models_of,
    read_plan,
    units_of,
    write_plan,
)
from caststream.errors import GraphError, InputError

FILM = Film("/films/long.mp4", "f" * 64, 4000.0, (1010.0, 1985.5, 3001.0))


def test_spans_overlap_and_cover_a_film() -> None:
    units = units_of(FILM, "m", ())
    assert [u.span for u in units] == [0, 1, 2, 3]
    assert {u.spans for u in units} == {4}
    assert [u.start for u in units] == [0.0, *FILM.cuts]
    for unit, later in itertools.pairwise(units):
        assert unit.following == later.start
        assert unit.end == later.start + OVERLAP
    assert (units[-1].end, units[-1].following) == (0.0, 0.0)
    (whole,) = units_of(Film("/films/short.mp4", "a" * 64, 700.0, ()), "m", ())
    assert whole.whole


def test_ids_tell_content_span_models_and_settings() -> None:
    base = {u.id for u in units_of(FILM, "m", ())}
    assert base == {
        u.id for u in units_of(Film("/elsewhere.mp4", FILM.fingerprint, 4000.0, FILM.cuts), "m", ())
    }
    others = [
        units_of(Film(FILM.uri, "e" * 64, 4000.0, FILM.cuts), "m", ()),
        units_of(FILM, "other models", ()),
        units_of(FILM, "m", ("detect.rate=6",)),
        units_of(Film(FILM.uri, FILM.fingerprint, 4000.0, (1000.0,)), "m", ()),
    ]
    assert len(base) == 4
    for units in others:
        assert base.isdisjoint(u.id for u in units)


def test_models_are_known_by_weights_and_settings(tmp_path: Path) -> None:
    assert models_of(()) == models_of(())
    assert models_of(("detect.rate=6",)) != models_of(())
    weights = tmp_path / "own.safetensors"
    weights.write_bytes(b"one")
    one = models_of((f"embed.model={weights}",))
    weights.write_bytes(b"two")
    assert models_of((f"embed.model={weights}",)) != one
    with pytest.raises(GraphError, match="detect"):
        models_of(("detekt.rate=6",))


@pytest.mark.parametrize("kind", ["local", "s3"])
def test_a_plan_is_read_as_it_was_written(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = str(tmp_path) if kind == "local" else request.getfixturevalue("bucket")
    units = units_of(FILM, "m", ("detect.rate=6", "track.memory=2"))
    write_plan(units, f"{folder}/plan.parquet")
    assert read_plan(f"{folder}/plan.parquet") == units
    write_plan([], f"{folder}/plan.parquet")
    assert read_plan(f"{folder}/plan.parquet") == []


def test_what_is_no_plan_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no plan")
    with pytest.raises(InputError, match="is no plan"):
        read_plan(str(tmp_path / "x"))
    with pytest.raises(InputError, match="no such file"):
        read_plan(str(tmp_path / "y"))
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"a": [1]}), tmp_path / "z")
    with pytest.raises(InputError, match="is no plan"):
        read_plan(str(tmp_path / "z"))


def test_a_film_of_usual_length_is_one_unit(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", 24)
    assert len(units_of(measure(str(film), LONGEST), "m", ())) == 1
