"""Files and folders: where an export goes, and what it says when it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from made_stores import end, fill, mined, shot, start
from stores import store

from caststream.errors import OutputError, UsageError
from caststream.export.formats import FORMATS, export
from caststream.export.view import StoreView, file_name
from caststream.messages import Mined, Rows, Shot
from caststream.store import acts
from caststream.store.writer import StoreWriter

FILES = [name for name, form in FORMATS.items() if form.kind != "folder"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_store_without_films_and_a_film_without_shots(form: str, tmp_path: Path) -> None:
    """Nothing to say is said in the form's own way, or in one sentence."""
    bare = tmp_path / "bare"
    with StoreWriter.open(bare):
        pass
    kind = FORMATS[form].kind
    if kind == "film":
        with pytest.raises(UsageError, match="holds no film yet"):
            export(bare, form, str(tmp_path / "none"))
    else:
        export(bare, form, str(tmp_path / "none"))
    with StoreWriter.open(bare) as writer:
        writer.begin_source(start())
        writer.end_source(end(0))
    export(bare, form, str(tmp_path / "film"))
    assert (tmp_path / "film").exists()


@pytest.mark.parametrize("form", FORMATS)
def test_a_film_whose_name_is_no_text(form: str, tmp_path: Path) -> None:
    odd = os.fsdecode(b"g\xe9n\xe9rique.mp4")
    with StoreWriter.open(tmp_path / "s") as writer:
        writer.begin_source(start(odd))
        writer.commit(shot(0), [], [])
        writer.end_source(end(1))
    export(tmp_path / "s", form, str(tmp_path / "out"))
    if form == "ndjson":
        first = (tmp_path / "out").read_text("utf-8").splitlines()[0]
        assert json.loads(first)["uri"] == odd


def test_a_file_a_film(tmp_path: Path) -> None:
    path = store(tmp_path / "s", films=2, shots=2)
    with pytest.raises(UsageError, match=r"2 films.*--source"):
        export(path, "vtt", None)
    export(path, "vtt", str(tmp_path / "out"))
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["film 0.vtt", "film 1.vtt"]
    export(path, "vtt", str(tmp_path / "one.vtt"), source=1)
    assert (tmp_path / "one.vtt").read_text() == (tmp_path / "out" / "film 1.vtt").read_text()
    with pytest.raises(UsageError, match="is a file"):
        export(path, "vtt", str(tmp_path / "one.vtt"))


def test_films_of_like_names_get_a_file_each(tmp_path: Path) -> None:
    uris = ("a/film.mp4", "b/film.mp4", "film-1.mp4", "FILM-0.mp4", "seqmaps.mp4")
    for uri in uris:
        fill(tmp_path / "s", 1, uri=uri)
    export(tmp_path / "s", "cvat", str(tmp_path / "cvat"))
    names = {path.name.casefold() for path in (tmp_path / "cvat").iterdir()}
    assert len(names) == len(uris)
    assert {"film-1.xml", "film-0.xml", "seqmaps.xml"} < names
    export(tmp_path / "s", "mot", str(tmp_path / "mot"))
    assert len(list((tmp_path / "mot").glob("*/gt/gt.txt"))) == len(uris)


def test_what_xml_cannot_write_is_left_out(tmp_path: Path) -> None:
    path = store(tmp_path / "s", shots=2)
    acts.append(path, "name", {"character": 1, "name": "Bun\uffffny\x01"})
    fill(path, 1, uri="bell\a.mp4")
    for form, named in (("cvat", 0), ("chapters", 0), ("fcpxml", 0), ("cvat", 1)):
        out = tmp_path / f"{form}{named}.xml"
        export(path, form, str(out), named)
        text = " ".join(ET.parse(out).getroot().itertext())
        assert ("Bun ny" if named == 0 else "bell .mp4") in text


def test_folders_that_are_not_empty_are_left_alone(tmp_path: Path) -> None:
    path = store(tmp_path / "s", shots=1)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("dear diary")
    with pytest.raises(UsageError, match="not empty"):
        export(path, "images", str(tmp_path / "out"))
    with pytest.raises(UsageError, match="--out FOLDER"):
        export(path, "images", None)


def test_a_file_is_replaced_only_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store(tmp_path / "s", shots=2)
    out = tmp_path / "labels.csv"
    out.write_text("what was here before")
    monkeypatch.setattr(StoreView, "titles", property(lambda self: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        export(path, "coco", str(out))
    assert out.read_text() == "what was here before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["labels.csv", "s"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("form", FILES)
def test_a_full_disk(form: str, tmp_path: Path) -> None:
    path = store(tmp_path / "s", shots=2)
    with pytest.raises(OutputError, match="/dev/full: No space left"):
        export(path, form, "/dev/full")
    with pytest.raises(OutputError, match="no/such"):
        export(path, form, str(tmp_path / "no/such/file"))


def test_a_named_pipe(tmp_path: Path) -> None:
    path = store(tmp_path / "s", shots=2)
    os.mkfifo(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    export(path, "parquet", str(tmp_path / "pipe"))
    reader.join(30)
    assert got[0][:4] == got[0][-4:] == b"PAR1"


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    path = store(tmp_path / "s", shots=1)
    program = (
        "import sys; sys.modules['pysubs2'] = None\n"
        "from caststream.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "export", str(path), "--to", "srt"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "caststream: this form needs pysubs2: pip install 'caststream[subtitles]'\n"
    )


def test_a_shot_without_anybody_that_broke_off(tmp_path: Path) -> None:
    with StoreWriter.open(tmp_path / "s") as writer:
        writer.begin_source(start())
        writer.commit(shot(0), [mined(0)], [])
        writer.commit(None, [mined(1, tracks=0)], [])
    assert [view.shot.index for view in StoreView(tmp_path / "s").films[0].shots()] == [0, 1]
    export(tmp_path / "s", "ndjson", str(tmp_path / "out.ndjson"))
    said = [json.loads(line) for line in (tmp_path / "out.ndjson").read_text().splitlines()]
    shots = {r["frame"]: r["shot"] for r in said if r["type"] == "frame"}
    assert {shots[frame] for frame in shots if frame >= 48} == {1}


def test_a_shot_that_broke_off(tmp_path: Path) -> None:
    """A run that was killed leaves a window without its shot's end."""
    with StoreWriter.open(tmp_path / "s") as writer:
        writer.begin_source(start())
        writer.commit(shot(0), [mined(0)], [])
        writer.commit(None, [mined(1)], [])
    export(tmp_path / "s", "coco", str(tmp_path / "out.json"))
    said = json.loads((tmp_path / "out.json").read_text())
    assert {a["frame_id"] for a in said["images"]} >= {0, 48, 90}
    for form in ("srt", "otio", "edl", "cvat", "chapters", "label-studio", "ass"):
        export(tmp_path / "s", form, str(tmp_path / form))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Bunny", "Bunny"),
        ("花子 & Co.", "花子 & Co"),
        ("a/b\\c:d\n", "a_b_c_d_"),
        ("..", "_"),
        ("", "_"),
        ("con.txt", "_con.txt"),
        ("x" * 300, "x" * 200),
    ],
)
def test_names_of_files(text: str, name: str) -> None:
    assert file_name(text) == name


def test_rates_that_vary(tmp_path: Path) -> None:
    """Times stay right where nobody can say what a frame is."""
    import dataclasses

    import opentimelineio as otio
    from made_stores import mined

    with StoreWriter.open(tmp_path / "s") as writer:
        writer.begin_source(dataclasses.replace(start(), fps=None))
        first = mined(0)
        rows = dataclasses.replace(first.tracks.rows, time=first.tracks.rows.time * 1.5)
        tracks = dataclasses.replace(first.tracks, rows=rows, times=first.tracks.times * 1.5)
        assert isinstance(rows, Rows)
        writer.commit(
            Shot(0, 0, 48, 0.0, 3.0, "start", 1.0),
            [Mined(tracks, first.triplets, first.apart, first.evidence)],
            [],
        )
        writer.end_source(dataclasses.replace(end(1), seconds=3.0))
    for form in ("otio", "fcpxml", "edl"):
        out = tmp_path / f"film.{form.replace('fcpxml', 'xml')}"
        export(tmp_path / "s", form, str(out))
        made = otio.adapters.read_from_file(str(out))
        made = made if isinstance(made, otio.schema.Timeline) else made[0]
        assert made.duration().to_seconds() == pytest.approx(3.0, abs=0.1)
