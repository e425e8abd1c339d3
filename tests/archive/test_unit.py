"""One unit: committed whole, once, or not at all."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest
from films import write_film
from made_archives import SECRET, records_of

from caststream.archive import films as archive_films
from caststream.archive import plan as plans
from caststream.archive.merge import merge
from caststream.archive.plan import Unit, models_of, units_of
from caststream.archive.unit import do_unit, done_units, read_committed
from caststream.errors import InputError, StoreError
from caststream.store import published
from caststream.store.places import Place
from caststream.store.reader import StoreReader

PLAIN = ("detect.rate=1",)


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    """A film in which nobody is."""
    film = write_film(tmp_path / "film.mp4", 24)
    (one,) = units_of(archive_films.measure(str(film), 60.0), models_of(PLAIN), PLAIN)
    return one


def test_a_unit_is_done_once(unit: Unit, tmp_path: Path) -> None:
    archive = Place(tmp_path / "archive")
    archive.put(f"units/{unit.id}/broken/store/zarr.json", b"of an attempt that broke off")
    assert do_unit(unit, archive, "cpu")
    done = read_committed(unit.id, archive)
    assert done_units(archive) == {unit.id}
    assert done.start.uri == unit.uri
    assert done.start.fingerprint == unit.fingerprint
    assert done.end.frames == 24
    names = archive.names()
    assert names[0] == f"commits/{unit.id}.json"
    assert all(name.startswith(done.folder) for name in names[1:])
    with StoreReader(Path(archive.address) / done.folder / "store") as reader:
        (source,) = reader.sources()
        assert source.complete
        assert source.models == done.models
    assert not do_unit(unit, archive, "cpu")
    assert archive.names() == names


def test_of_two_that_do_a_unit_at_once_one_counts(
    unit: Unit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Place(tmp_path / "archive")
    create = Place.create

    def late(place: Place, name: str, data: bytes) -> bool:
        # Another one commits while this one is about to.
        monkeypatch.setattr(Place, "create", create)
        assert do_unit(unit, archive, "cpu")
        return create(place, name, data)

    monkeypatch.setattr(Place, "create", late)
    assert not do_unit(unit, archive, "cpu")
    done = read_committed(unit.id, archive)
    assert done.summary(archive).commit.shape[1] == 4
    assert {n.split("/")[2] for n in archive.names("units")} == {done.folder[-32:]}


def test_a_commit_whose_answer_was_lost_counts(
    unit: Unit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network asks again by itself, and is told that the file is there already."""
    archive = Place(tmp_path / "archive")
    create = Place.create
    monkeypatch.setattr(
        Place,
        "create",
        lambda *of: create(*of) and create(*of),  # the second says False
    )
    assert do_unit(unit, archive, "cpu")
    assert read_committed(unit.id, archive).summary(archive).commit.shape[1] == 4


def test_a_film_that_changed_or_is_gone_is_told(unit: Unit, tmp_path: Path) -> None:
    archive = Place(tmp_path / "archive")
    write_film(Path(unit.uri), 30)
    with pytest.raises(InputError, match="changed since the plan"):
        do_unit(unit, archive, "cpu")
    Path(unit.uri).unlink()
    with pytest.raises(InputError, match="cannot be opened"):
        do_unit(unit, archive, "cpu")
    assert archive.names() == []


def test_a_commit_of_another_format_is_told(unit: Unit, tmp_path: Path) -> None:
    archive = Place(tmp_path / "archive")
    archive.put(f"commits/{unit.id}.json", json.dumps({"format": 99}).encode())
    with pytest.raises(StoreError, match="format 99"):
        read_committed(unit.id, archive)


def test_a_job_that_is_killed_leaves_nothing_that_counts(films: Path, tmp_path: Path) -> None:
    """kill -9 at any moment of ``archive unit``; then it is done, and its labels are the same."""
    words = [sys.executable, "-m", "caststream", "archive"]
    plan, archive = str(tmp_path / "plan.parquet"), Place(tmp_path / "archive")
    subprocess.run([*words, "plan", str(films / "e0.mp4"), "--out", plan], check=True)
    job = [*words, "unit", plan, "0", "--store", archive.address]
    process = subprocess.Popen(job, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not archive.names() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run(job, check=True, stdout=subprocess.DEVNULL)
    (name,) = done_units(archive)
    done = read_committed(name, archive)
    assert {n.split("/")[2] for n in archive.names("units")} == {done.folder[-32:]}
    assert done.summary(archive).track.shape[0] > 0


def test_films_and_archive_in_an_object_store(films: Path, bucket: str, tmp_path: Path) -> None:
    Place(bucket).upload(films, "in")
    words = [sys.executable, "-m", "caststream", "archive"]
    plan = f"{bucket}/plan.parquet"
    store = str(tmp_path / "all.zarr")
    said = ""
    for command in (
        ["plan", f"{bucket}/in/", "--out", plan],
        ["unit", plan, "0", "--store", f"{bucket}/archive"],
        ["unit", plan, "1", "--store", f"{bucket}/archive"],
        ["merge", plan, "--store", f"{bucket}/archive", "--into", store],
    ):
        run = subprocess.run(
            [*words, *command],
            capture_output=True,
            text=True,
            env={**os.environ, "CASTSTREAM_DEBUG": "1"},
        )
        assert run.returncode == 0, run.stderr
        said += run.stdout + run.stderr
    records = records_of(Path(store))
    assert [r["uri"] for r in records if r["type"] == "stream"] == [
        f"{bucket}/in/e0.mp4",
        f"{bucket}/in/e1.mp4",
    ]
    assert any(r["boxes"] for r in records if r["type"] == "frame")
    kept = b"".join(p.read_bytes() for p in Path(store).rglob("*") if p.is_file())
    kept += b"".join(Place(bucket).read(n) for n in Place(bucket).names())
    assert SECRET not in said
    assert SECRET.encode() not in kept


def test_spans_of_a_film_come_together(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With real pictures: every frame is in one shot, and what is seen is labelled once."""
    film = archive_films.measure(str(films / "e0.mp4"), 60.0)
    with av.open(film.uri) as container:
        packets = list(container.demux(video=0))
    cuts = tuple(float(p.pts * p.time_base) for p in packets if p.is_keyframe and p.pts)
    assert cuts
    monkeypatch.setattr(plans, "OVERLAP", 0.5)
    units = units_of(dataclasses.replace(film, cuts=cuts), models_of(()), ())
    archive = Place(tmp_path / "archive")
    for unit in units:
        assert do_unit(unit, archive, "cpu")
    merge(units, archive, tmp_path / "all.zarr")
    with StoreReader(tmp_path / "all.zarr") as reader:
        (source,) = reader.sources()
        assert source.end.frames == 72
        assert source.end.seconds == pytest.approx(6.0)
        shots = reader.shots(0)
        edges = [(shot.start_frame, shot.end_frame) for shot in shots]
        assert [a for a, _ in edges] == [0, *(b for _, b in edges[:-1])]
        assert edges[-1][1] == 72
        frames = [c.frames.tolist() for c in reader.commits(0)]
        for (first, last), own in zip(edges, frames, strict=True):
            assert own == sorted(set(own))
            assert first <= own[0] and own[-1] < last
        tracks = reader.tracks()
        assert sorted(published.current(reader.path).label_uid) == sorted(tracks.uid)
        for uid in tracks.uid.tolist():
            assert len(reader.rows_of(uid).crop) > 0
