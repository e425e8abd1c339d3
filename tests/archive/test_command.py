"""``caststream archive`` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from films import write_film
from made_archives import SECRET, Film

from caststream.archive.plan import read_plan, write_plan
from caststream.cli import main
from caststream.store.places import Place
from caststream.store.reader import StoreReader

SPANS = [(0, 340), (240, 800)]


def test_a_plan_leaves_out_what_it_cannot_read_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    films = tmp_path / "films"
    films.mkdir()
    film = write_film(films / "a.mp4", 24)
    (films / "b.mp4").write_bytes(film.read_bytes())
    (films / "c.mp4").write_text("no film")
    plan = str(tmp_path / "plan.parquet")
    assert main(["archive", "plan", str(films), "--out", plan, "--set", "detect.rate=2"]) == 3
    said = capsys.readouterr()
    assert "b.mp4 is in the plan already" in said.err
    assert "c.mp4 cannot be read" in said.err
    assert said.out.startswith("1 films")
    (unit,) = read_plan(plan)
    assert (unit.uri, unit.settings) == (str(film), ("detect.rate=2",))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["plan", "none.mp4", "--out", "p"], 3, "no such file"),
        (["plan", f"s3://me:{SECRET}@films/x.mp4", "--out", "p"], 2, "credentials"),
        (["plan", ".", "--out", "p", "--set", "detekt.rate=1"], 2, "detect"),
        (["unit", "plan.parquet", "7", "--store", "a"], 2, "no row 7"),
        (["unit", "none.parquet", "0", "--store", "a"], 3, "no such file"),
        (["run", "plan.parquet", "--store", "a", "--cpus", "0"], 2, "--cpus"),
        (["merge", "plan.parquet", "--store", "a", "--into", "plan.parquet"], 5, "is a file"),
        (["merge", "plan.parquet", "--store", "a", "--into", "s3://b/all"], 2, "of this machine"),
    ],
)
def test_what_cannot_be_meant_is_told_in_a_sentence(
    words: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_plan(Film("film", [90]).plan(SPANS), "plan.parquet")
    assert main(["archive", *words]) == code
    err = capsys.readouterr().err
    assert said in err
    assert SECRET not in err
    assert len(err.strip().splitlines()) == 1


def test_merge_tells_what_came_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = Place(tmp_path / "archive")
    films = [Film("one", [90, 300]), Film("two", [300])]
    units = [unit for film in films for unit in film.plan(SPANS)]
    for unit in units[:3]:
        film = films[unit.fingerprint == films[1].fingerprint]
        film.commit(archive, unit, SPANS, tmp_path / "work")
    plan, store = str(tmp_path / "plan.parquet"), tmp_path / "all.zarr"
    write_plan(units, plan)
    words = ["archive", "merge", plan, "--store", archive.address, "--into", str(store)]
    assert main(words) == 0
    said = capsys.readouterr()
    assert said.out.startswith("1 films of 2 units came in, 0 were known, 1 are not whole yet")
    assert said.err.strip().endswith("/films/two.mp4")
    with StoreReader(store) as reader:
        assert [s.start.uri for s in reader.sources()] == ["/films/one.mp4"]
    assert main(["info", str(store)]) == 0
    assert "/films/one.mp4" in capsys.readouterr().out
    assert main(["export", str(store), "--to", "ndjson", "--out", str(tmp_path / "x")]) == 0
    assert (tmp_path / "x").stat().st_size > 0
