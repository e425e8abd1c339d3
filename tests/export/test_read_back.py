"""What was written, read back by programs that are not ours."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import av
import numpy as np
import pytest
from stores import TITLES, store

from caststream.export.formats import export
from caststream.export.view import FilmView, StoreView


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store(tmp_path_factory.mktemp("export") / "show.zarr", films=2)


@pytest.fixture(scope="module")
def films(path: Path) -> list[FilmView]:
    return StoreView(path).films


def seen(film: FilmView) -> dict[tuple[int, int], tuple[list[float], str | None]]:
    """(frame, track) -> box, title."""
    return {
        (frame, one.track): (box, one.title)
        for shot in film.shots()
        for one in shot.appearances
        for frame, box in zip(one.frame.tolist(), one.box.tolist(), strict=True)
    }


def test_the_view_tells_all_kinds_of_characters(films: list[FilmView]) -> None:
    titles = {title for _, title in seen(films[0]).values()}
    assert titles == {*TITLES.values(), None}


# --- tables ------------------------------------------------------------------------------------


def test_csv_and_parquet_say_the_same(path: Path, films: list[FilmView], tmp_path: Path) -> None:
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    export(path, "csv", str(tmp_path / "t.csv"))
    export(path, "parquet", str(tmp_path / "t.parquet"))
    told = pq.read_table(tmp_path / "t.parquet")
    read = pc.read_csv(
        tmp_path / "t.csv",
        parse_options=pc.ParseOptions(newlines_in_values=True),
        convert_options=pc.ConvertOptions(
            column_types=told.schema, strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
    assert read.to_pydict() == told.to_pydict()
    wanted = {(f.id, *key): box for f in films for key, (box, _) in seen(f).items()}
    assert len(told) == len(wanted)
    for line in told.to_pylist():
        box = wanted[line["source"], line["frame"], line["track"]]
        got = [line["x"], line["y"], line["x"] + line["width"], line["y"] + line["height"]]
        np.testing.assert_allclose(got, box, atol=0.11)
    assert "花子\nand --> friends" in told["name"].to_pylist()
    assert None in told["character"].to_pylist()
    lines = list(csv.DictReader(io.StringIO((tmp_path / "t.csv").read_text("utf-8"), newline="")))
    assert {line["uri"] for line in lines} == {f.uri for f in films}


# --- data sets ---------------------------------------------------------------------------------


def test_coco(path: Path, films: list[FilmView], tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    export(path, "coco", str(tmp_path / "coco.json"))
    coco = COCO(str(tmp_path / "coco.json"))
    names = {c["id"]: c["name"] for c in coco.loadCats(coco.getCatIds())}
    assert sorted(names.values()) == sorted({*TITLES.values(), "unknown"})
    wanted = {(f.id, *key): value for f in films for key, value in seen(f).items()}
    assert len(coco.getAnnIds()) == len(wanted)
    for one in coco.loadAnns(coco.getAnnIds()):
        image = coco.loadImgs(one["image_id"])[0]
        assert image["file_name"] == f"film {image['video_id']}/{image['frame_id']:06d}.jpg"
        box, title = wanted[image["video_id"], image["frame_id"], one["track_id"]]
        x, y, width, height = one["bbox"]
        np.testing.assert_allclose([x, y, x + width, y + height], box, atol=0.02)
        assert names[one["category_id"]] == (title or "unknown")


def test_mot_is_read_by_the_benchmark_itself(
    path: Path, films: list[FilmView], tmp_path: Path
) -> None:
    trackeval = pytest.importorskip("trackeval", reason="needs caststream[eval]")
    export(path, "mot", str(tmp_path / "mot"))
    told = tmp_path / "trackers" / "ours" / "data"
    told.mkdir(parents=True)
    for film in films:
        shutil.copy(tmp_path / "mot" / film.stem / "gt" / "gt.txt", told / f"{film.stem}.txt")
    data = trackeval.datasets.MotChallenge2DBox(
        {
            "GT_FOLDER": str(tmp_path / "mot"),
            "TRACKERS_FOLDER": str(tmp_path / "trackers"),
            "SEQMAP_FILE": str(tmp_path / "mot" / "seqmaps" / "caststream.txt"),
            "SKIP_SPLIT_FOL": True,
            "PRINT_CONFIG": False,
        }
    )
    film = films[1]
    raw = data.get_raw_seq_data("ours", film.stem)
    clean = data.get_preprocessed_seq_data(raw, "pedestrian")
    assert clean["num_timesteps"] == film.frames
    wanted = seen(film)
    assert clean["num_gt_dets"] == len(wanted)
    assert clean["num_gt_ids"] == len({track for _, track in wanted})
    assert trackeval.metrics.HOTA().eval_sequence(clean)["HOTA"].min() == pytest.approx(1.0)
    with (tmp_path / "mot" / film.stem / "tracks.csv").open(encoding="utf-8", newline="") as lines:
        who = {int(line["track"]): line for line in csv.DictReader(lines)}
    assert {t - 1 for t in who} == {track for _, track in wanted}
    assert who[2]["name"] == "花子\nand --> friends"
    assert who[22]["character"] == ""


def test_cvat(path: Path, films: list[FilmView], tmp_path: Path) -> None:
    """Read as CVAT does: boxes from one keyframe to the next, until one is outside."""
    export(path, "cvat", str(tmp_path / "cvat.xml"), source=films[0].id)
    root = ET.parse(tmp_path / "cvat.xml").getroot()
    labels = {label.findtext("name") for label in root.iterfind("meta/task/labels/label")}
    assert labels == {*TITLES.values(), "unknown"}
    wanted = seen(films[0])
    read = {}
    for track in root.iterfind("track"):
        assert track.get("label") in labels
        boxes = track.findall("box")
        frames = [int(b.get("frame", "")) for b in boxes]
        assert frames == sorted(set(frames))
        last = frames[-1]
        assert boxes[-1].get("outside") == "1" or last < films[0].frames
        for b in boxes:
            if b.get("outside") == "0":
                box = [float(b.get(k, "")) for k in ("xtl", "ytl", "xbr", "ybr")]
                read[int(b.get("frame", "")), tuple(np.round(box, 1))] = track.get("label")
    assert len(read) == len(wanted)
    for (frame, _), (box, title) in wanted.items():
        near = [label for (f, b), label in read.items() if f == frame and np.allclose(b, box, 0, 1)]
        assert (title or "unknown") in near


def test_label_studio(path: Path, films: list[FilmView], tmp_path: Path) -> None:
    export(path, "label-studio", str(tmp_path / "tasks.json"))
    tasks = json.loads((tmp_path / "tasks.json").read_text("utf-8"))
    assert [t["data"]["video"] for t in tasks] == [f.uri for f in films]
    for task, film in zip(tasks, films, strict=True):
        wanted = seen(film)
        count = 0
        for region in task["predictions"][0]["result"]:
            assert (region["type"], region["from_name"]) == ("videorectangle", "box")
            value = region["value"]
            assert value["framesCount"] == film.frames
            frames = [s["frame"] for s in value["sequence"]]
            assert frames == sorted(set(frames))
            assert [s["enabled"] for s in value["sequence"]][-1] is False
            track = int(region["id"].split("-")[1])
            for line in value["sequence"]:
                found = wanted.get((line["frame"] - 1, track))
                if found is None:
                    continue
                count += 1
                box, title = found
                assert value["labels"] == [title or "unknown"]
                assert line["x"] * film.width / 100 == pytest.approx(box[0], abs=0.05)
                assert line["height"] * film.height / 100 == pytest.approx(
                    box[3] - box[1], abs=0.05
                )
        assert count == len(wanted)


def test_folders_of_pictures(path: Path, tmp_path: Path) -> None:
    """Read by torchvision's ImageFolder, with a loader that takes what the made store holds."""
    from torchvision.datasets import ImageFolder

    export(path, "images", str(tmp_path / "images"))
    found = ImageFolder(str(tmp_path / "images"), loader=lambda p: Path(p).read_bytes())
    listed = json.loads((tmp_path / "images" / "characters.json").read_text("utf-8"))
    assert set(found.classes) == set(listed)
    assert {entry["title"] for entry in listed.values()} == set(TITLES.values())
    assert len(found) == sum(entry["pictures"] for entry in listed.values())
    with StoreView(path) as view:
        kept = {
            crop
            for film in view.films
            for shot in film.shots()
            for one in shot.appearances
            for crop in view.crops(range(one.first_row, one.first_row + len(one.frame)))
            if one.title == "c3" and crop
        }
    third = found.class_to_idx["c3"]
    assert {picture for picture, label in found if label == third} == kept


def test_gallery(path: Path, tmp_path: Path) -> None:
    from safetensors import safe_open

    export(path, "gallery", str(tmp_path / "gallery"))
    with safe_open(str(tmp_path / "gallery" / "gallery.safetensors"), "np") as arrays:
        assert set(arrays.keys()) == {"prototypes", "character", "weight"}
        assert arrays.get_tensor("prototypes").shape == (3, 256)
        assert arrays.get_tensor("character").tolist() == [1, 2, 3]
    with safe_open(str(tmp_path / "gallery" / "classifier.safetensors"), "np") as arrays:
        assert list(arrays.keys()) == ["weight"]
    said = json.loads((tmp_path / "gallery" / "characters.json").read_text("utf-8"))
    assert {c["character"]: c["title"] for c in said["characters"]} == {
        f"c{number}": title for number, title in TITLES.items()
    }


# --- for players and cutting rooms -------------------------------------------------------------


def on_screen(film: FilmView, title: str) -> list[tuple[float, float]]:
    return [
        (float(one.time[0]), float(one.time[-1]))
        for shot in film.shots()
        for one in shot.appearances
        if one.title == title
    ]


def test_srt(path: Path, films: list[FilmView], tmp_path: Path) -> None:
    import pysubs2

    export(path, "srt", str(tmp_path / "film.srt"), source=films[0].id)
    read = pysubs2.load(str(tmp_path / "film.srt"))
    assert len(read) > 3
    ends = [line.end for line in read]
    assert all(line.start < line.end for line in read)
    assert all(a <= b.start for a, b in zip(ends, read[1:], strict=False)), "cues overlap"
    shown = [line for line in read if "c3" in line.plaintext]
    for start, end in on_screen(films[0], "c3"):
        middle = 500 * (start + end)
        assert any(line.start - 500 <= middle <= line.end + 500 for line in shown)
    assert 'Bunny, "the" ‹b›(Ω)' in read[0].plaintext
    assert "Nobody" not in (tmp_path / "film.srt").read_text()
    # FFmpeg reads it as well.
    with av.open(str(tmp_path / "film.srt")) as container:
        packets = [p for p in container.demux() if p.size]
    assert len(packets) == len(read)


def test_ass(path: Path, films: list[FilmView], tmp_path: Path) -> None:
    import pysubs2

    export(path, "ass", str(tmp_path / "film.ass"), source=films[0].id)
    read = pysubs2.load(str(tmp_path / "film.ass"))
    assert (read.info["PlayResX"], read.info["PlayResY"]) == ("640", "360")
    assert set(read.styles) == {"c1", "c2", "c3"}
    assert {line.plaintext for line in read if line.style == "c1"} == {'Bunny, "the" <b>(Ω)'}
    assert {line.name for line in read if line.style == "c1"} == {'Bunny; "the" <b>{Ω}'}
    for line in read:
        found = re.match(r"\{\\(?:pos|move)\(([-\d.,]+)\)\}", line.text)
        assert found, line.text
        places = np.array(found[1].split(","), float).reshape(-1, 2)
        assert (places >= [0, 15]).all() and (places <= [640, 360]).all(), "out of sight"


def test_webvtt(path: Path, films: list[FilmView], tmp_path: Path) -> None:
    import pysubs2

    export(path, "vtt", str(tmp_path / "film.vtt"), source=films[0].id)
    read = pysubs2.load(str(tmp_path / "film.vtt"), keep_html_tags=True)
    said = [json.loads(line.text) for line in read]
    names = {c["name"] for cue in said for c in cue["characters"]}
    assert names == set(TITLES.values())
    assert [cue["shot"] for cue in said] == sorted(cue["shot"] for cue in said)


@pytest.mark.parametrize("form", ["otio", "fcpxml", "edl"])
def test_timelines(form: str, path: Path, films: list[FilmView], tmp_path: Path) -> None:
    import opentimelineio as otio

    out = tmp_path / {"otio": "f.otio", "fcpxml": "f.xml", "edl": "f.edl"}[form]
    export(path, form, str(out), source=films[0].id)
    read = otio.adapters.read_from_file(str(out))
    made = read if isinstance(read, otio.schema.Timeline) else read[0]
    clips = list(made.find_clips())
    shots = list(films[0].shots())
    assert len(clips) == len(shots)
    for clip, view in zip(clips, shots, strict=True):
        span = clip.trimmed_range()
        assert span.start_time.to_seconds() == pytest.approx(view.shot.start, abs=0.03)
        assert span.duration.to_seconds() == pytest.approx(
            view.shot.end - view.shot.start, abs=0.05
        )
        wanted = {one.title for one in view.appearances if one.title}
        names = {marker.name for marker in clip.markers}
        assert names == ({title.upper() for title in wanted} if form == "edl" else wanted)


@pytest.mark.skipif(shutil.which("mkvmerge") is None, reason="needs Debian's mkvtoolnix")
def test_chapters(path: Path, films: list[FilmView], tmp_path: Path) -> None:
    """mkvmerge puts them into a film, and FFmpeg finds them there."""
    from films import write_film

    export(path, "chapters", str(tmp_path / "chapters.xml"), source=films[0].id)
    film = write_film(tmp_path / "film.mp4", 300)
    done = subprocess.run(
        ["mkvmerge", "-q", "-o", "out.mkv", "--chapters", "chapters.xml", str(film)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    with av.open(str(tmp_path / "out.mkv")) as container:
        chapters = container.chapters()
    shots = list(films[0].shots())
    assert len(chapters) == len(shots)
    for chapter, view in zip(chapters, shots, strict=True):
        base = float(chapter["time_base"])
        assert chapter["start"] * base == pytest.approx(view.shot.start, abs=0.002)
        assert chapter["metadata"]["title"].startswith(f"{view.shot.index + 1}.")
    assert TITLES[2] in chapters[0]["metadata"]["title"]
